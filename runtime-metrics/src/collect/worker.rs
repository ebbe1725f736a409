//! A loop on a thread of its own: it ticks, can be told to tick at once, and stops in bounded time.

use super::text_of;
use crate::status::report;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

/// What the loop does.
pub(crate) trait Tick: Send + 'static {
    /// One round, and when the next is to be, if that is not after one interval. `last` is the one before the
    /// thread ends.
    fn tick(&mut self, last: bool) -> Option<Duration>;

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
    thread: ThreadId,
    /// Whether it was told to stop; it is waited for once.
    told: AtomicBool,
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
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            run(interval, work, &stops);
            // Nobody listening means that nobody waits.
            let _ = over.try_send(());
        })?;
        Ok(Self { stop, stopped, thread: thread.thread().id(), told: AtomicBool::new(false) })
    }

    /// Makes a last round and ends the thread; waits for it, but not for ever.
    pub(crate) fn stop(&self) {
        self.stop_within(PATIENCE);
    }

    /// The same; waits for so long at most.
    pub(crate) fn stop_within(&self, patience: Duration) {
        Self::stop_each(std::slice::from_ref(self), patience);
    }

    /// The same for several at once, which takes no longer than one of them.
    #[cfg(feature = "sentry")]
    pub(crate) fn stop_all(workers: &[Self]) {
        Self::stop_each(workers, PATIENCE);
    }

    fn stop_each(workers: &[Self], patience: Duration) {
        let end = Instant::now() + patience;
        let tell = |worker: &&Self| !worker.told.swap(true, Ordering::Relaxed) && worker.stop.try_send(()).is_ok();
        let told: Vec<&Self> = workers.iter().filter(tell).collect();
        // A thread that is the last to hold what it works for drops it, and must not wait for itself.
        let this = std::thread::current().id();
        for worker in told.into_iter().filter(|worker| worker.thread != this) {
            let _ = worker.stopped.recv_timeout(end.saturating_duration_since(Instant::now()));
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
        if guarded(|| work.is_over()).unwrap_or(false) {
            guarded(|| work.tick(true));
            return;
        }
        let wait = next.saturating_duration_since(Instant::now()).min(WATCH);
        let stop = !matches!(stops.recv_timeout(wait), Err(RecvTimeoutError::Timeout));
        if stop {
            guarded(|| work.tick(true));
            return;
        }
        if Instant::now() >= next {
            let wish = guarded(|| work.tick(false)).flatten();
            // A round that took longer than the interval delays the next; it does not pile them up.
            next = wish.map_or((next + interval).max(Instant::now()), |wish| Instant::now() + wish);
        }
    }
}

/// The loop goes on whatever a round does.
fn guarded<R>(round: impl FnOnce() -> R) -> Option<R> {
    catch_unwind(AssertUnwindSafe(round))
        .inspect_err(|panic| report("collection", format!("a round panicked: {}; the loop goes on", text_of(&**panic))))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Hangs(Receiver<()>);

    impl Tick for Hangs {
        fn tick(&mut self, _: bool) -> Option<Duration> {
            let _ = self.0.recv();
            None
        }
    }

    #[test]
    fn rounds_that_hang_are_waited_for_once_and_together() {
        let (holds, hung): (Vec<_>, Vec<_>) = (0..3).map(|_| sync_channel::<()>(0)).unzip();
        let hour = Duration::from_secs(3600);
        let workers = hung.into_iter().map(|hung| Worker::spawn("hangs", hour, Hangs(hung)).unwrap());
        let workers: Vec<Worker> = workers.collect();
        let start = Instant::now();
        Worker::stop_each(&workers, PATIENCE);
        drop(workers);
        let took = start.elapsed();
        assert!((PATIENCE..PATIENCE * 2).contains(&took), "{took:?}");
        drop(holds);
    }
}
