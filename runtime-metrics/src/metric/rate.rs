//! `Rate`: how fast a counter grows, told when somebody asks.

use super::{Builder, Counter};
use crate::registry::{Held, SeriesRef};
use crate::shard;
use std::borrow::Cow;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How fast a counter grows, per second, for readers that can't derive it themselves: Sentry,
/// JSON, a live page.
///
/// It is the increase over the last 60 seconds, or over
/// [`with_window`](Builder::with_window), divided by their number; where nobody asked for longer
/// than that, it is over the time since somebody last did. How often it is asked does not change
/// it. A rate that is younger than its window is over its life so far, of at least a second.
///
/// It is exported as a gauge. The counter knows nothing of it and costs what it did; a reading
/// costs what reading the counter does. A rate takes less than 1 KB.
///
/// ```
/// use runtime_metrics::{Counter, Rate};
///
/// let orders = Counter::new("rate_example", "Orders.").with_label("shop", "north").register();
/// let rate = Rate::new("rate_example_per_second", "Orders per second.").of(&orders).register();
/// orders.add(20);
/// assert!(rate.value() > 0.0 && rate.value() <= 20.0);
/// ```
#[derive(Clone, Debug)]
pub struct Rate {
    series: Held,
}

/// A rate that does not have its counter yet: [`RateOf::of`] gives it.
///
/// ```
/// use runtime_metrics::{Counter, Rate};
///
/// let orders = Counter::new("rate_of_example", "Orders.").register();
/// let _rate = Rate::new("rate_of_example_per_second", "Orders per second.").of(&orders).register();
/// ```
#[derive(Debug)]
#[must_use = "a rate needs its counter: `.of(&counter).register()`"]
pub struct RateOf {
    name: Cow<'static, str>,
    help: Cow<'static, str>,
}

impl Rate {
    /// Begins a rate; [`RateOf::of`] says of which counter.
    ///
    /// ```
    /// use runtime_metrics::{Counter, Rate};
    ///
    /// let bytes = Counter::new("rate_new_bytes", "Bytes received.").register();
    /// let rate = Rate::new("rate_new_bytes_per_second", "Bytes received per second.").of(&bytes).register();
    /// assert_eq!(rate.value(), 0.0);
    /// ```
    #[allow(clippy::new_ret_no_self)] // the name that users of every other metrics library expect
    pub fn new(name: impl Into<Cow<'static, str>>, help: impl Into<Cow<'static, str>>) -> RateOf {
        RateOf { name: name.into(), help: help.into() }
    }

    pub(crate) fn of(series: SeriesRef) -> Self {
        Self { series: Held::new(series) }
    }

    /// The rate now, per second.
    ///
    /// ```
    /// use runtime_metrics::{Counter, Rate};
    ///
    /// let orders = Counter::new("rate_value", "Orders.").register();
    /// let rate = Rate::new("rate_value_per_second", "Orders per second.").of(&orders).register();
    /// assert_eq!(rate.value(), 0.0);
    /// ```
    pub fn value(&self) -> f64 {
        self.series.rate(&shard::ARENA.view())
    }
}

impl RateOf {
    /// The counter whose increase it is: this one series of it, whose labels the rate has too.
    ///
    /// ```
    /// use runtime_metrics::{Counter, Rate, Reading, registry};
    ///
    /// let calls = Counter::new("rate_of_calls", "Calls.").register();
    /// let reads = calls.with(&[("type", &"read")]);
    /// let _rate = Rate::new("rate_of_calls_per_second", "Calls per second.").of(&reads).register();
    /// let reading = registry().get("rate_of_calls_per_second", &[("type", "read")]);
    /// assert_eq!(reading, Some(Reading::Gauge(0.0)));
    /// ```
    pub fn of(self, counter: &Counter) -> Builder<Rate> {
        Builder::new(self.name, self.help).derived_from(counter.series())
    }
}

/// A rate shorter than this would be noise.
const SHORTEST: Duration = Duration::from_secs(1);
/// Counts that are kept for one window.
const KEPT: u32 = 10;

/// What a counter counted at some times, oldest first.
#[derive(Debug)]
pub(crate) struct Seen {
    window: Duration,
    counts: VecDeque<(Instant, u64)>,
}

impl Seen {
    pub(crate) fn new(window: Duration, now: Instant, count: u64) -> Self {
        Self { window, counts: VecDeque::from([(now, count)]) }
    }

    /// The increase per second since the newest count that is at least as old as the window.
    pub(crate) fn rate(&mut self, now: Instant, count: u64) -> f64 {
        let age = |when: Instant| now.saturating_duration_since(when);
        while self.counts.get(1).is_some_and(|(when, _)| age(*when) >= self.window) {
            self.counts.pop_front();
        }
        let Some((since, before)) = self.counts.front().copied() else { return 0.0 };
        // Asked again and again within the window, one count per tenth of it is enough.
        if self.counts.back().is_some_and(|(when, _)| age(*when) >= self.window / KEPT) {
            self.counts.push_back((now, count));
        }
        let over = age(since).max(self.window.min(SHORTEST));
        count.saturating_sub(before) as f64 / over.as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(60);

    /// A counter that grows by a number a second, asked at these times in seconds.
    fn asked(at: impl IntoIterator<Item = f64>, count: impl Fn(f64) -> u64) -> Vec<f64> {
        let start = Instant::now();
        let mut seen = Seen::new(WINDOW, start, count(0.0));
        at.into_iter().map(|at| seen.rate(start + Duration::from_secs_f64(at), count(at))).collect()
    }

    #[test]
    fn a_steady_counter_has_its_rate_however_irregularly_it_is_asked() {
        let steady = |at: f64| (at * 100.0).round() as u64;
        let regular = (1..=100).map(|step| f64::from(step) * 15.0);
        let often = (1000..=3000).map(|step| f64::from(step) / 10.0);
        let irregular = [1.0, 1.01, 2.0, 59.0, 61.0, 61.5, 62.0, 200.0, 201.0, 1000.0, 1000.1, 1060.0, 1061.0];
        for rate in asked(regular, steady).into_iter().chain(asked(often, steady)).chain(asked(irregular, steady)) {
            assert!((rate - 100.0).abs() < 0.1, "{rate}");
        }
    }

    #[test]
    fn what_happened_before_the_window_is_forgotten() {
        let burst = |at: f64| if at >= 10.0 { 600 } else { 0 };
        let rates = asked((0..30).map(|step| f64::from(step) * 5.0), burst);
        assert_eq!(rates[1], 0.0);
        assert_eq!(rates[3], 600.0 / 15.0);
        assert_eq!(rates[12], 10.0);
        // The count at second 10 has the burst in it; at 70 it is as old as the window.
        assert_eq!((rates[13], rates[14]), (600.0 / 65.0, 0.0));
    }

    #[test]
    fn two_that_ask_do_not_spoil_each_other() {
        let steady = |at: f64| (at * 7.0).round() as u64;
        // One every 10 seconds and one every 15.
        let mut times: Vec<f64> = (1..200).flat_map(|n| [f64::from(n) * 10.0, f64::from(n) * 15.0]).collect();
        times.sort_by(f64::total_cmp);
        assert!(asked(times, steady).iter().all(|rate| (rate - 7.0).abs() < 0.1));
    }

    #[test]
    fn what_is_asked_often_keeps_few_counts() {
        let start = Instant::now();
        let mut seen = Seen::new(WINDOW, start, 0);
        for step in 0..100_000u32 {
            seen.rate(start + Duration::from_millis(10) * step, u64::from(step));
        }
        assert!(seen.counts.len() <= KEPT as usize + 2, "{}", seen.counts.len());
    }

    #[test]
    fn a_young_rate_is_over_a_second_at_least() {
        assert_eq!(asked([0.001], |at| if at > 0.0 { 10 } else { 0 }), [10.0]);
    }

    #[test]
    fn a_count_that_was_read_a_moment_too_early_is_no_negative_rate() {
        let start = Instant::now();
        let mut seen = Seen::new(WINDOW, start, 100);
        assert_eq!(seen.rate(start, 99), 0.0);
    }
}
