//! Tasks that are put into a runtime to see how late it gets to them.

use crate::lock::Mutex;
#[cfg(not(tokio_unstable))]
use crate::protocol::RuntimeMetric;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// How long the timer of a probe is asked to take.
const TIMER: Duration = Duration::from_millis(10);

/// Tasks of this library.
static OURS: AtomicU64 = AtomicU64::new(0);
/// Tasks of the program, as the numbers of tasks tell.
static SPAWNED: AtomicU64 = AtomicU64::new(0);

/// Called for each task that this library spawns, so that it is not counted as the program's.
pub(in crate::collectors) fn own_task() {
    OURS.fetch_add(1, Relaxed);
}

/// `async.tasks.spawned`, where the runtime does not tell. Tokio numbers tasks, of all runtimes and
/// blocking ones as well, in the order in which they are spawned.
#[cfg(not(tokio_unstable))]
pub(super) fn spawned() -> Option<RuntimeMetric> {
    let spawned = SPAWNED.load(Relaxed);
    (spawned > 0)
        .then(|| RuntimeMetric::counter("async.tasks.spawned", spawned).with_unit("count").with_tag("source", "ids"))
}

/// Reads the number of a task of ours. How it looks is no promise of Tokio: what is not a number tells nothing.
fn numbered(id: tokio::task::Id) {
    if let Ok(id) = id.to_string().parse::<u64>() {
        SPAWNED.fetch_max(id.saturating_sub(OURS.load(Relaxed)), Relaxed);
    }
}

/// A task that is under way, or what it found.
#[derive(Debug)]
pub(super) struct Probe {
    pub(super) began: Instant,
    found: Arc<Mutex<Found>>,
    /// The busy time of the workers when it began.
    pub(super) busy: Duration,
    /// Whether it has a timer.
    pub(super) timed: bool,
}

/// What a probe found so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Found {
    /// How long it waited to be run; none as long as it waits.
    pub(super) delay: Option<Duration>,
    /// The worker that ran it.
    pub(super) worker: Option<usize>,
    /// How much later than asked its timer came.
    pub(super) drift: Option<Duration>,
    /// When its timer was set.
    asked: Option<Instant>,
    /// Nothing more will come. Without a delay, the runtime is shut down.
    pub(super) over: bool,
}

/// Held by the task: what drops it, ends it.
struct Witness(Arc<Mutex<Found>>);

impl Drop for Witness {
    fn drop(&mut self) {
        self.0.lock().over = true;
    }
}

impl Probe {
    fn begin(timed: bool, busy: Duration) -> (Self, Witness) {
        own_task();
        let found = Arc::new(Mutex::new(Found::default()));
        (Self { began: Instant::now(), found: Arc::clone(&found), busy, timed }, Witness(found))
    }

    /// Gives a runtime a task; with a timer only if the runtime has one.
    pub(super) fn task(handle: &Handle, timer: bool, busy: Duration) -> Self {
        let (probe, witness) = Self::begin(timer, busy);
        let began = probe.began;
        let task = handle.spawn(async move {
            {
                let mut found = witness.0.lock();
                found.delay = Some(began.elapsed());
                found.worker = tokio::runtime::worker_index();
            }
            if timer {
                let asked = Instant::now();
                witness.0.lock().asked = Some(asked);
                tokio::time::sleep(TIMER).await;
                witness.0.lock().drift = Some(asked.elapsed().saturating_sub(TIMER));
            }
        });
        numbered(task.id());
        probe
    }

    /// Gives the blocking pool of a runtime a function.
    pub(super) fn blocking(handle: &Handle) -> Self {
        let (probe, witness) = Self::begin(false, Duration::ZERO);
        let began = probe.began;
        drop(handle.spawn_blocking(move || witness.0.lock().delay = Some(began.elapsed())));
        probe
    }

    pub(super) fn found(&self) -> Found {
        *self.found.lock()
    }

    /// Whether the runtime dropped it, for it is shut down.
    pub(super) fn is_refused(&self) -> bool {
        let found = self.found();
        found.over && found.delay.is_none()
    }

    /// How late its timer is already, if it has not come.
    pub(super) fn drifts(&self) -> Option<Duration> {
        let found = self.found();
        found.asked.filter(|_| !found.over).map(|asked| asked.elapsed().saturating_sub(TIMER))
    }

    /// For how long it has been waiting to be run, if it still is.
    pub(super) fn waits(&self) -> Option<Duration> {
        let found = self.found();
        (found.delay.is_none() && !found.over).then(|| self.began.elapsed())
    }
}
