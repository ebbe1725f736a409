//! When an event was emitted, as `emitted_at` is told.

use std::time::{Duration, Instant, SystemTime};

/// A point in time that an event carries: a `SystemTime`, an `Instant`, or its age as a
/// `Duration`. A time in the future, as from another machine's clock, is an age of zero.
///
/// ```
/// use runtime_metrics::EmittedAt;
/// use std::time::{Duration, SystemTime};
///
/// let a_second_ago = SystemTime::now() - Duration::from_secs(1);
/// assert!(a_second_ago.age() >= Duration::from_secs(1));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not tell when an event was emitted",
    label = "not a `SystemTime`, `Instant` or `Duration`",
    note = "pass the time of emission, or the event's age as a `Duration`"
)]
pub trait EmittedAt {
    /// How long ago that was.
    fn age(&self) -> Duration;
}

impl EmittedAt for SystemTime {
    fn age(&self) -> Duration {
        self.elapsed().unwrap_or_default()
    }
}

impl EmittedAt for Instant {
    fn age(&self) -> Duration {
        self.elapsed()
    }
}

impl EmittedAt for Duration {
    fn age(&self) -> Duration {
        *self
    }
}

impl<T: EmittedAt + ?Sized> EmittedAt for &T {
    fn age(&self) -> Duration {
        (**self).age()
    }
}
