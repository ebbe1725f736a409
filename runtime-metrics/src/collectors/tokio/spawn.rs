//! Spawning so that it is counted, where stable Tokio does not tell.

use super::known;
use crate::executor::{Monitor, TOKIO};
use crate::lock::Mutex;
use crate::protocol::RuntimeMetric;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

static TASKS: LazyLock<Monitor> = LazyLock::new(|| Monitor::new(TOKIO));

/// As `tokio::spawn`, and the polls of the task are counted and timed: `async.polls.total`, `async.poll.*`.
///
/// It is for stable Tokio. Under `tokio_unstable` the hooks of [`RuntimeBuilderExt`](super::RuntimeBuilderExt)
/// see all tasks, and these are not told twice.
///
/// # Panics
///
/// Outside of a runtime, as `tokio::spawn`.
///
/// ```
/// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # runtime.block_on(async {
/// let task = runtime_metrics::collectors::tokio::spawn(async { 6 * 7 });
/// assert_eq!(task.await.unwrap(), 42);
/// # });
/// ```
#[track_caller]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    tokio::spawn(TASKS.instrument(future))
}

/// What tasks of [`spawn`] have done; nothing if there were none.
pub(super) fn polls() -> Vec<RuntimeMetric> {
    let polls = TASKS.polls();
    if polls.is_used() { polls.times() } else { Vec::new() }
}

/// What functions of [`spawn_blocking`] do on one runtime.
#[derive(Debug, Default)]
pub(super) struct Blocking {
    pub(super) used: AtomicBool,
    pub(super) queued: AtomicUsize,
    pub(super) active: AtomicUsize,
    /// How long the last one waited, and until when.
    delay: Mutex<Option<(Duration, Instant)>>,
}

/// For how long a wait is told after it is over.
const TOLD: Duration = Duration::from_secs(10);

impl Blocking {
    /// How long the last one waited, in nanoseconds; zero if that is long ago.
    pub(super) fn delay(&self) -> u64 {
        let last = self.delay.lock().filter(|(_, until)| until.elapsed() < TOLD);
        last.map_or(0, |(delay, _)| u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX))
    }
}

/// As `tokio::task::spawn_blocking`, and the function is counted: `async.blocking.active`, `.queued` and `.delay`.
///
/// # Panics
///
/// Outside of a runtime, as `tokio::task::spawn_blocking`.
///
/// ```
/// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # runtime.block_on(async {
/// let read = runtime_metrics::collectors::tokio::spawn_blocking(|| std::fs::read("Cargo.toml"));
/// assert!(read.await.unwrap().is_ok());
/// # });
/// ```
#[track_caller]
pub fn spawn_blocking<F, R>(function: F) -> JoinHandle<R>
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    let handle = Handle::current();
    let Some(known) = known(&handle) else { return handle.spawn_blocking(function) };
    let waiting = Counted::one(known, |known| &known.blocking.queued);
    waiting.known.blocking.used.store(true, Relaxed);
    let began = Instant::now();
    handle.spawn_blocking(move || {
        let running = Counted::one(std::sync::Arc::clone(&waiting.known), |known| &known.blocking.active);
        drop(waiting);
        *running.known.blocking.delay.lock() = Some((began.elapsed(), Instant::now()));
        function()
    })
}

/// One that waits or runs; dropped, it does no longer, whether it has run, panicked or was never begun.
struct Counted {
    known: std::sync::Arc<known::Known>,
    count: fn(&known::Known) -> &AtomicUsize,
}

impl Counted {
    fn one(known: std::sync::Arc<known::Known>, count: fn(&known::Known) -> &AtomicUsize) -> Self {
        count(&known).fetch_add(1, Relaxed);
        Self { known, count }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        (self.count)(&self.known).fetch_sub(1, Relaxed);
    }
}
