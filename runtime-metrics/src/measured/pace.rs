//! How many calls of a function come by, and so how many of them are to be timed.
//!
//! A call that is timed stands for as many as there were for each timed one when it began: its counts say so, and
//! are not changed while it runs, for others take their place. So every call has its share in the sum, whatever the
//! pace does meanwhile, and the histogram stays unbiased.

use super::action::Counts;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

/// Where all calls are timed, one in so many tells the pace.
pub(super) const LOOKS: u32 = 1_024;

/// How many calls there are for each timed one: 1, 4, 16 and so on.
const LEVELS: [u32; 7] = [1, 4, 16, 64, 256, 1_024, 4_096];

/// The least time over which calls are counted.
const SPAN: u64 = 100_000_000;

/// The pace of a function's calls.
#[derive(Debug)]
pub(super) struct Pace {
    /// How many are to be timed in a second.
    wanted: u32,
    /// Since when calls are counted,
    since: AtomicU64,
    /// and how many have come by.
    calls: AtomicU64,
    /// The counts for each level that there was.
    levels: [OnceLock<&'static Counts>; LEVELS.len()],
}

impl Pace {
    pub(super) fn new(wanted: u32) -> Self {
        Self {
            wanted,
            since: AtomicU64::new(now()),
            calls: AtomicU64::new(0),
            levels: [const { OnceLock::new() }; LEVELS.len()],
        }
    }

    pub(super) fn wanted(&self) -> u32 {
        self.wanted
    }

    /// So many more have come by; from time to time it says for how many calls one is to be timed.
    pub(super) fn pass(&self, calls: u32) -> Option<u32> {
        self.pass_at(now(), calls)
    }

    fn pass_at(&self, now: u64, calls: u32) -> Option<u32> {
        self.calls.fetch_add(calls.into(), Relaxed);
        let since = self.since.load(Relaxed);
        let span = now.saturating_sub(since);
        if span < SPAN || self.since.compare_exchange(since, now, Relaxed, Relaxed).is_err() {
            return None;
        }
        let in_a_second = self.calls.swap(0, Relaxed) as f64 * 1e9 / span as f64;
        let wanted = f64::from(self.wanted());
        let fits = |every: &&u32| in_a_second / f64::from(**every) <= wanted;
        LEVELS.iter().find(fits).or(LEVELS.last()).copied()
    }

    /// The counts for a level, which are made once.
    pub(super) fn level(&self, every: u32, make: impl FnOnce() -> Counts) -> &'static Counts {
        let at = LEVELS.iter().position(|level| *level == every).unwrap_or_default();
        self.levels[at].get_or_init(|| Box::leak(Box::new(make())))
    }
}

/// Nanoseconds since some time ago.
fn now() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_nanos() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said after a second with so many calls.
    fn said(pace: &Pace, at: &mut u64, calls: u32) -> u32 {
        pace.pass_at(*at, calls);
        *at += 1_000_000_000;
        pace.pass_at(*at, 0).unwrap()
    }

    #[test]
    fn as_many_are_timed_as_are_wanted_whatever_the_pace() {
        let (pace, mut at) = (Pace::new(1_000), now());
        for (calls, every) in [(10, 1), (1_000, 1), (1_001, 4), (4_000, 4), (60_000, 64), (400_000_000, 4_096), (5, 1)]
        {
            assert_eq!(said(&pace, &mut at, calls), every, "{calls}");
        }
    }

    #[test]
    fn nothing_is_said_of_a_moment() {
        let pace = Pace::new(1);
        assert_eq!(pace.pass_at(now() + SPAN / 2, 1_000_000), None);
    }
}
