//! A program at work while its metrics are fetched or sent: what it does is known, and that nothing holds it up.

use crate::eventually;
use runtime_metrics::{increment, metered};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// More than any call of a metric takes on a machine that has other things to do, and less than
/// one takes that waits for a server that hangs.
const UNMOVED: Duration = Duration::from_millis(800);

/// Threads that record all the time: the counter `faults_work` by the label `test`.
#[derive(Debug)]
pub struct Load {
    test: &'static str,
    threads: Vec<JoinHandle<Duration>>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    calls: AtomicU64,
}

#[metered(name = "faults_call")]
fn call() {}

impl Load {
    /// Records until it is told to stop.
    pub fn start(test: &'static str) -> Self {
        let shared = Arc::<Shared>::default();
        let threads = (0..2).map(|_| {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || {
                let mut slowest = Duration::ZERO;
                while !shared.stop.load(Relaxed) {
                    let start = Instant::now();
                    call();
                    increment!("faults_work", labels: {"test" => test});
                    slowest = slowest.max(start.elapsed());
                    shared.calls.fetch_add(1, Relaxed);
                    std::thread::sleep(Duration::from_micros(200));
                }
                slowest
            })
        });
        Self { test, threads: threads.collect(), shared }
    }

    /// The label.
    pub fn test(&self) -> &'static str {
        self.test
    }

    /// How much work is done so far.
    pub fn done(&self) -> u64 {
        self.shared.calls.load(Relaxed)
    }

    /// Waits for more work to be done, which is when the program is not held up.
    pub fn goes_on(&self) {
        let now = self.done();
        eventually("the program going on", || self.done() > now + 100);
    }

    /// Ends it; how much was done.
    ///
    /// # Panics
    ///
    /// If a call took long.
    #[allow(clippy::unwrap_used)]
    pub fn stop(self) -> u64 {
        self.shared.stop.store(true, Relaxed);
        for thread in self.threads {
            let slowest = thread.join().unwrap();
            assert!(slowest < UNMOVED, "{}: a call took {slowest:?}", self.test);
        }
        self.shared.calls.load(Relaxed)
    }
}
