//! A loop on a thread of its own: it ticks, can be told to tick at once, and stops in bounded time.

use super::text_of;
use crate::status::report;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

/// What the loop does.
pub(crate) trait Tick: Send + 'static {
    /// One round. `last` is the one before the thread ends.
    fn tick(&mut self, last: bool);

    /// Whether there is nothing left to do it for; asked between rounds.
    fn is_over(&mut self) -> bool {
        false
    }
}

/// The thread. Dropping it stops it.
#[derive(Debug)]
pub(crate) struct Worker {
    stop: SyncSender<()>,
    stopped: Receiver<()>,
}

/// How often `is_over` is asked.
const WATCH: Duration = Duration::from_millis(100);
/// How long a stop may take before the thread is left to itself.
const PATIENCE: Duration = Duration::from_secs(3);

impl Worker {
    /// Starts the loop; the first round comes after one interval.
    pub(crate) fn spawn(name: &str, interval: Duration, work: impl Tick) -> std::io::Result<Self> {
        let (stop, stops) = sync_channel(1);
        let (over, stopped) = sync_channel(1);
        std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            run(interval, work, &stops);
            // Nobody listening means that nobody waits.
            let _ = over.try_send(());
        })?;
        Ok(Self { stop, stopped })
    }

    /// Makes a last round and ends the thread; waits for it, but not for ever.
    pub(crate) fn stop(&self) {
        if self.stop.try_send(()).is_ok() {
            let _ = self.stopped.recv_timeout(PATIENCE);
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop();
    }
}

fn run(interval: Duration, mut work: impl Tick, stops: &Receiver<()>) {
    let mut next = Instant::now() + interval;
    loop {
        let wait = next.saturating_duration_since(Instant::now()).min(WATCH);
        let stop = !matches!(stops.recv_timeout(wait), Err(RecvTimeoutError::Timeout));
        if stop || guarded(|| work.is_over()).unwrap_or(false) {
            guarded(|| work.tick(true));
            return;
        }
        if Instant::now() >= next {
            guarded(|| work.tick(false));
            // A round that took longer than the interval delays the next; it does not pile them up.
            next = (next + interval).max(Instant::now());
        }
    }
}

/// The loop goes on whatever a round does.
fn guarded<R>(round: impl FnOnce() -> R) -> Option<R> {
    catch_unwind(AssertUnwindSafe(round))
        .inspect_err(|panic| report("collection", format!("a round panicked: {}; the loop goes on", text_of(&**panic))))
        .ok()
}
