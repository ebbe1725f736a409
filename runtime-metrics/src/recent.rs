//! What was measured lately: values of the last minute, their peak, and what a total gained since it was read.

use crate::lock::Mutex;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// How long a value is told.
const MINUTE: Duration = Duration::from_secs(60);
/// The most values that are kept; of more, the newest.
const KEPT: usize = 1_024;

/// Durations of the last minute, one by one, for quantiles. For what is measured some ten times a second.
#[derive(Debug)]
pub(crate) struct Lately(Mutex<VecDeque<(Instant, u64)>>);

impl Lately {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(VecDeque::new()))
    }

    pub(crate) fn add(&self, nanos: u64) {
        self.add_at(Instant::now(), nanos);
    }

    fn add_at(&self, now: Instant, nanos: u64) {
        let mut values = self.0.lock();
        if values.len() == KEPT {
            values.pop_front();
        }
        values.push_back((now, nanos));
    }

    /// The median, the 99th percentile and the largest, in seconds, with the tag `stat` of each; `waiting`
    /// is one that is not over yet. Nothing if there is no value.
    pub(crate) fn stats(&self, waiting: Option<u64>) -> Option<[(&'static str, f64); 3]> {
        self.stats_at(Instant::now(), waiting)
    }

    fn stats_at(&self, now: Instant, waiting: Option<u64>) -> Option<[(&'static str, f64); 3]> {
        let mut sorted: Vec<u64> = {
            let mut values = self.0.lock();
            while values.front().is_some_and(|(when, _)| now.saturating_duration_since(*when) > MINUTE) {
                values.pop_front();
            }
            values.iter().map(|(_, nanos)| *nanos).chain(waiting).collect()
        };
        sorted.sort_unstable();
        let last = sorted.len().checked_sub(1)?;
        let at = |share: f64| {
            let rank = (share * sorted.len() as f64).ceil() as usize;
            sorted[rank.saturating_sub(1).min(last)] as f64 / 1e9
        };
        Some([("p50", at(0.5)), ("p99", at(0.99)), ("max", at(1.0))])
    }
}

/// The largest of the last minute. To offer a value costs a load and a comparison.
#[derive(Debug)]
pub(crate) struct Peak {
    /// The largest since `past` was last added to.
    now: AtomicU64,
    past: Mutex<VecDeque<(Instant, u64)>>,
}

/// How often what is remembered moves on.
const STEP: Duration = Duration::from_secs(5);

impl Peak {
    pub(crate) const fn new() -> Self {
        Self { now: AtomicU64::new(0), past: Mutex::new(VecDeque::new()) }
    }

    #[inline(always)]
    pub(crate) fn offer(&self, nanos: u64) {
        if nanos > self.now.load(Relaxed) {
            self.raise(nanos);
        }
    }

    #[cold]
    fn raise(&self, nanos: u64) {
        self.now.fetch_max(nanos, Relaxed);
    }

    /// The largest of the last minute, and of the time since the last look if that is longer.
    pub(crate) fn read(&self) -> u64 {
        self.read_at(Instant::now())
    }

    pub(crate) fn read_at(&self, now: Instant) -> u64 {
        let mut past = self.past.lock();
        if past.back().is_none_or(|(when, _)| now.saturating_duration_since(*when) >= STEP) {
            past.push_back((now, self.now.swap(0, Relaxed)));
        }
        while past.len() > 1 && now.saturating_duration_since(past[0].0) > MINUTE {
            past.pop_front();
        }
        past.iter().map(|(_, nanos)| *nanos).fold(self.now.load(Relaxed), u64::max)
    }
}

/// What a total gained since an earlier look that is at least a second old, however often anybody looks.
#[derive(Debug)]
pub(crate) struct Gained<T>(VecDeque<(Instant, T)>);

const SECOND: Duration = Duration::from_secs(1);

impl<T: Clone> Gained<T> {
    pub(crate) fn since(start: Instant, total: T) -> Self {
        Self(VecDeque::from([(start, total)]))
    }

    /// The time since an earlier look, and the total at that time.
    pub(crate) fn look(&mut self, now: Instant, total: T) -> (Duration, T) {
        while self.0.get(1).is_some_and(|(when, _)| now.saturating_duration_since(*when) >= SECOND) {
            self.0.pop_front();
        }
        let earlier = self.0.front().map_or_else(
            || (Duration::ZERO, total.clone()),
            |(when, before)| (now.saturating_duration_since(*when), before.clone()),
        );
        if self.0.back().is_none_or(|(when, _)| now.saturating_duration_since(*when) >= SECOND / 10) {
            self.0.push_back((now, total));
        }
        earlier
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_the_last_minute() {
        let (lately, start) = (Lately::new(), Instant::now());
        assert_eq!(lately.stats_at(start, None), None);
        lately.add_at(start, 9_000_000_000);
        for millis in 1..=100u64 {
            lately.add_at(start + Duration::from_millis(1 + millis), millis * 1_000_000);
        }
        let at = |seconds| lately.stats_at(start + Duration::from_secs(seconds), None).unwrap();
        assert_eq!(at(1), [("p50", 0.051), ("p99", 0.1), ("max", 9.0)]);
        assert_eq!(lately.stats_at(start + Duration::from_millis(60_001), None).unwrap()[2], ("max", 0.1));
        assert_eq!(lately.stats_at(start + Duration::from_secs(200), None), None);
        assert_eq!(lately.stats_at(start, Some(1_000_000_000)).unwrap(), [("p50", 1.0), ("p99", 1.0), ("max", 1.0)]);
    }

    #[test]
    fn a_peak_is_seen_by_every_reader_for_a_minute() {
        let (peak, start) = (Peak::new(), Instant::now());
        let at = |seconds| peak.read_at(start + Duration::from_secs(seconds));
        peak.offer(7);
        assert_eq!([at(0), at(1)], [7, 7]);
        peak.offer(3);
        assert_eq!([at(10), at(20), at(59)], [7, 7, 7]);
        assert_eq!([at(65), at(200)], [3, 0]);
    }

    #[test]
    fn what_was_gained_is_told_over_a_second_or_more() {
        let start = Instant::now();
        let mut gained = Gained::since(start, 0);
        let mut at = |millis, total| gained.look(start + Duration::from_millis(millis), total);
        assert_eq!(at(100, 5), (Duration::from_millis(100), 0));
        assert_eq!(at(900, 9), (Duration::from_millis(900), 0));
        assert_eq!(at(1_900, 20), (Duration::from_secs(1), 9));
        assert_eq!(at(9_900, 30), (Duration::from_secs(8), 20));
    }
}
