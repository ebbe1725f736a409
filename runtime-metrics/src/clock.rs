//! Time: the processor's invariant counter where it can be trusted, the monotonic clock elsewhere.

#[cfg(any(test, feature = "mock-clock"))]
pub(crate) mod mock;

#[cfg(feature = "mock-clock")]
pub use mock::MockClock;
#[cfg(miri)]
use monotonic::Clock;
#[cfg(not(miri))]
use quanta::Clock;
use std::sync::OnceLock;
use std::time::Instant;

/// A point in time, in ticks of whatever the clock counts. Two of them make a duration of at least
/// zero, and no longer than the process is old, whatever the machine did between.
///
/// Reading the clock costs about 10 ns, and is the floor under everything that is timed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment(u64);

/// The clock, and how old the process is at least.
#[derive(Debug)]
struct Time {
    clock: Clock,
    first: Instant,
}

/// A duration that is worth a second look: had the counter jumped, it would be one of these.
const LONG_NANOS: u64 = 1_000_000_000;

static TIME: OnceLock<Time> = OnceLock::new();

#[inline(always)]
fn time() -> &'static Time {
    match TIME.get() {
        Some(time) => time,
        None => first_time(),
    }
}

#[cold]
#[inline(never)]
fn first_time() -> &'static Time {
    TIME.get_or_init(|| Time { first: Instant::now(), clock: Clock::new() })
}

impl Moment {
    /// For what is not timed.
    pub(crate) const NEVER: Self = Self(u64::MAX);

    #[inline(always)]
    pub(crate) fn is_never(self) -> bool {
        self.0 == Self::NEVER.0
    }

    #[inline(always)]
    pub(crate) fn now() -> Self {
        #[cfg(any(test, feature = "mock-clock"))]
        if let Some(now) = mock::now() {
            return now;
        }
        Self(time().clock.raw())
    }

    /// Nanoseconds since an earlier moment; `u64` holds 584 years of them.
    #[inline(always)]
    pub(crate) fn nanos_since(self, earlier: Self) -> u64 {
        #[cfg(any(test, feature = "mock-clock"))]
        if let Some(nanos) = mock::nanos(earlier, self) {
            return nanos;
        }
        let nanos = time().clock.delta_as_nanos(earlier.0, self.0);
        if nanos < LONG_NANOS { nanos } else { believable(nanos) }
    }

    #[inline]
    pub(crate) fn elapsed_nanos(self) -> u64 {
        Self::now().nanos_since(self)
    }
}

/// A virtual machine that moves to other hardware may find another counter there. No duration is
/// longer than the time since the first.
#[cold]
#[inline(never)]
fn believable(nanos: u64) -> u64 {
    nanos.min(u64::try_from(time().first.elapsed().as_nanos()).unwrap_or(u64::MAX))
}

/// Miri has no processor that could be asked for its counter.
#[cfg(miri)]
mod monotonic {
    use std::time::Instant;

    #[derive(Debug)]
    pub(super) struct Clock(Instant);

    impl Clock {
        pub(super) fn new() -> Self {
            Self(Instant::now())
        }

        pub(super) fn raw(&self) -> u64 {
            self.0.elapsed().as_nanos() as u64
        }

        #[allow(clippy::unused_self)] // as the other one
        pub(super) fn delta_as_nanos(&self, start: u64, end: u64) -> u64 {
            end.saturating_sub(start)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::Timer;
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
    use std::sync::mpsc::sync_channel;
    use std::time::Duration;

    fn age() -> u64 {
        time().first.elapsed().as_nanos() as u64
    }

    #[test]
    fn a_duration_is_what_the_monotonic_clock_says() {
        let (began, at) = (Instant::now(), Moment::now());
        std::thread::sleep(Duration::from_millis(20));
        let (nanos, most) = (at.elapsed_nanos(), began.elapsed().as_nanos() as u64);
        assert!(nanos >= 19_900_000 && nanos <= most + most / 1000, "{nanos} {most}");
    }

    #[test]
    fn a_counter_that_jumps_makes_no_absurd_duration() {
        let now = Moment::now();
        // Back, as after a suspension or on a processor that lags behind.
        for back in [1, 1 << 20, 1 << 40, now.0] {
            assert_eq!(Moment(now.0 - back.min(now.0)).nanos_since(now), 0, "{back}");
        }
        // On, as on other hardware, by as much as there is.
        for on in [1 << 50, 1 << 60, u64::MAX - now.0] {
            let jumped = Moment(now.0 + on).nanos_since(now);
            assert!(jumped >= LONG_NANOS.min(age()) / 2 && jumped <= age(), "{jumped} of {on}");
        }
    }

    /// It jumps while something is timed, and what was recorded is read.
    #[test]
    fn a_counter_that_jumps_leaves_a_believable_sum() {
        let timer = Timer::new("clock_jumps_seconds", "Jumps.").register();
        let jumped = Moment(Moment::now().0 + (1 << 60)).nanos_since(Moment::now());
        timer.record(Duration::from_nanos(jumped));
        timer.record(Duration::from_nanos(Moment(0).nanos_since(Moment::now())));
        let seen = timer.distribution();
        assert!(seen.count == 2 && seen.min == Some(0.0) && seen.sum <= age() as f64 / 1e9, "{seen:?}");
    }

    /// Futures wander: what begins on one thread ends on another, on whichever processor.
    #[test]
    fn a_moment_of_another_thread_makes_no_absurd_duration_either() {
        let (there, sent) = sync_channel::<(Instant, Moment)>(0);
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            // So that processors are fought for.
            scope.spawn(|| {
                while !over.load(Relaxed) {
                    std::thread::yield_now();
                }
            });
            scope.spawn(|| {
                for (began, at) in sent {
                    let nanos = at.elapsed_nanos();
                    let most = began.elapsed().as_nanos() as u64;
                    assert!(nanos <= most + most / 1000 + 1000, "{nanos} of {most}");
                }
                over.store(true, Relaxed);
            });
            for _ in 0..if cfg!(miri) { 20 } else { 2_000 } {
                there.send((Instant::now(), Moment::now())).unwrap();
            }
            drop(there);
        });
    }

    #[test]
    fn a_clock_that_stands_goes_by_what_it_is_told_and_for_its_thread_alone() {
        let timer = Timer::new("clock_stands_seconds", "Stands.").register();
        let clock = mock::MockClock::start();
        let timing = timer.start();
        clock.advance(Duration::from_millis(250));
        {
            let inner = mock::MockClock::start();
            inner.advance(Duration::from_secs(7));
        }
        assert_eq!(timing.stop(), Duration::from_millis(250));
        // What lasts as long as never was is not cut to the age of the process.
        let at = Moment::now();
        clock.advance(Duration::from_hours(1000));
        assert_eq!(at.elapsed_nanos(), 3_600_000_000_000_000);
        std::thread::spawn(|| assert!(mock::now().is_none())).join().unwrap();
        drop(clock);
        assert!(mock::now().is_none());
        assert_eq!((timer.distribution().count, timer.distribution().sum), (1, 0.25));
    }
}
