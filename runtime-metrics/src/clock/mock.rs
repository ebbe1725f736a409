//! `MockClock`: the time of one thread, in the hands of a test.

use super::Moment;
use std::cell::Cell;
use std::marker::PhantomData;
use std::time::Duration;

thread_local! {
    /// Nanoseconds, while the thread's clock stands.
    static NOW: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Stops the clock of this thread until it is dropped; time goes on by [`advance`](Self::advance)
/// alone. For tests: everything that is timed on the thread lasts exactly as long as they say.
///
/// Timers, measured calls with their polls, and the windows of summaries go by it. What begins
/// outside of it and ends inside, or the other way round, has no duration worth a look; other
/// threads have the real time. The feature `mock-clock` makes every reading of the clock ask for
/// one, so it belongs to the `[dev-dependencies]`.
///
/// ```
/// use runtime_metrics::{MockClock, Timer};
/// use std::time::Duration;
///
/// let imports = Timer::new("mock_clock_seconds", "Time to import a file.").register();
/// let clock = MockClock::start();
/// let timing = imports.start();
/// clock.advance(Duration::from_millis(250));
/// assert_eq!(timing.stop(), Duration::from_millis(250));
/// assert_eq!(imports.distribution().sum, 0.25);
/// ```
#[derive(Debug)]
#[must_use = "the clock stands until this is dropped, which is at once if it is not kept"]
pub struct MockClock {
    /// The time that this one hides.
    hidden: Option<u64>,
    /// It is the clock of the thread that made it.
    not_send: PhantomData<*const ()>,
}

impl MockClock {
    /// Stops the clock.
    ///
    /// ```
    /// let clock = runtime_metrics::MockClock::start();
    /// assert!(runtime_metrics::timer!("mock_clock_start").stop().is_zero());
    /// # drop(clock);
    /// ```
    pub fn start() -> Self {
        Self { hidden: NOW.replace(Some(0)), not_send: PhantomData }
    }

    /// Lets time go on by this much.
    ///
    /// ```
    /// let clock = runtime_metrics::MockClock::start();
    /// clock.advance(std::time::Duration::from_secs(1));
    /// ```
    #[allow(clippy::unused_self)] // there is one
    pub fn advance(&self, by: Duration) {
        let by = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        NOW.set(NOW.get().map(|now| now.saturating_add(by)));
    }
}

impl Drop for MockClock {
    fn drop(&mut self) {
        NOW.set(self.hidden);
    }
}

/// The time of this thread, if it stands.
pub(super) fn now() -> Option<Moment> {
    NOW.get().map(Moment)
}

/// The nanoseconds between two moments of a clock that stands.
pub(super) fn nanos(earlier: Moment, later: Moment) -> Option<u64> {
    now().map(|_| later.0.saturating_sub(earlier.0))
}
