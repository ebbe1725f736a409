//! Time: the processor's invariant counter where it can be trusted, the monotonic clock elsewhere.

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
    #[inline(always)]
    pub(crate) fn now() -> Self {
        Self(time().clock.raw())
    }

    /// Nanoseconds since an earlier moment; `u64` holds 584 years of them.
    #[inline(always)]
    pub(crate) fn nanos_since(self, earlier: Self) -> u64 {
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

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
        assert_eq!(now.nanos_since(Moment(now.0.saturating_add(1 << 40))), 0);
        let age = TIME.get().unwrap_or_else(|| first_time()).first.elapsed();
        let jumped = Moment(now.0 + (1 << 60)).nanos_since(now);
        assert!(Duration::from_nanos(jumped) < age + Duration::from_secs(1), "{jumped}");
    }
}
