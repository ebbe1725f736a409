//! `Summary`: quantiles of the last while, with an exact count and sum since the start.

use super::{Builder, Value, histogram};
use crate::label::LabelValue;
use crate::registry::observer::{self, observed};
use crate::registry::{Held, Series, SeriesRef, Shape};
use crate::shard;
use crate::snapshot::SummarySnapshot;
use std::borrow::Cow;

/// Quantiles over a sliding window: the latency that 99 % of the last minute's requests stayed
/// below.
///
/// A quantile is at most 1 % of its value off, however the values are distributed. It is over the
/// values of the last 60 seconds, or of [`with_window`](Builder::with_window), which moves on in
/// sixths: what is older is forgotten, and at least five sixths of it are there. Count, sum and
/// extremes are exact and since the start. Without values in the window there is no quantile
/// (`NaN` in the text formats).
///
/// Quantiles of several processes can't be added up: where that is needed, or where a value costs
/// too much, take a [`Histogram`](crate::Histogram).
///
/// A value costs about 40 ns: a reading of the clock, a logarithm, and a lock that a thread shares
/// with no other on up to eight processors. A series whose values spread over five orders of
/// magnitude takes about 50 KB on two processors and 90 KB on eight or more; however they spread,
/// 1 MB is the most.
///
/// ```
/// use runtime_metrics::Summary;
///
/// let latency = Summary::new("summary_example_seconds", "Latency of requests.").register();
/// (1..=1000).for_each(|millis| latency.observe(std::time::Duration::from_millis(millis)));
/// let p99 = latency.quantile(0.99).unwrap();
/// assert!((p99 / 0.99 - 1.0).abs() < 0.011);
/// assert_eq!((latency.count(), latency.sum()), (1000, 500.5));
/// ```
#[derive(Clone, Debug)]
pub struct Summary {
    slot: u32,
    shape: Shape,
    series: Held,
}

impl Summary {
    /// Begins a summary; [`Builder::register`] makes it.
    ///
    /// ```
    /// let summary = runtime_metrics::Summary::new("summary_new", "How one begins.").register();
    /// assert_eq!(summary.count(), 0);
    /// ```
    #[allow(clippy::new_ret_no_self)] // the name that users of every other metrics library expect
    pub fn new(name: impl Into<Cow<'static, str>>, help: impl Into<Cow<'static, str>>) -> Builder<Self> {
        Builder::new(name.into(), help.into())
    }

    pub(crate) fn of(series: SeriesRef) -> Self {
        Self { slot: series.slot(), shape: series.family().shape, series: Held::new(series) }
    }

    /// Adds a value. What is not finite is left out and counted in
    /// `runtime_metrics_invalid_values_total`.
    ///
    /// ```
    /// let summary = runtime_metrics::Summary::new("summary_observe", "Values.").register();
    /// summary.observe(42);
    /// summary.observe(f64::NAN);
    /// assert_eq!((summary.count(), summary.quantile(0.5)), (1, Some(42.0)));
    /// ```
    #[inline]
    pub fn observe(&self, value: impl Value) {
        if self.series.family().is_off() {
            return;
        }
        observe(self.series.get(), self.slot, self.shape, value.value());
    }

    /// The series of the same family with these labels besides this one's own.
    ///
    /// ```
    /// let waits = runtime_metrics::Summary::new("summary_with", "Waits.").register();
    /// let reads = waits.with(&[("type", &"read")]);
    /// reads.observe(1);
    /// assert_eq!((waits.count(), reads.count()), (0, 1));
    /// ```
    pub fn with(&self, labels: &[(&'static str, &dyn LabelValue)]) -> Self {
        Self::of(Series::with(&self.series, labels))
    }

    /// Observes into the series with these labels besides this one's own, looking it up.
    ///
    /// ```
    /// let waits = runtime_metrics::Summary::new("summary_observe_with", "Waits.").register();
    /// waits.observe_with(0.5, &[("type", &"read")]);
    /// assert_eq!(waits.with(&[("type", &"read")]).sum(), 0.5);
    /// ```
    pub fn observe_with(&self, value: impl Value, labels: &[(&'static str, &dyn LabelValue)]) {
        let value = value.value();
        Series::resolve(&self.series, labels, |series| observe(series, series.slot(), series.family().shape, value));
    }

    /// The value that a share `q` (0 to 1) of the values in the window does not exceed, at most
    /// 1 % off; `None` where the window has no value, or `q` is no share.
    ///
    /// Costs some microseconds.
    ///
    /// ```
    /// let summary = runtime_metrics::Summary::new("summary_quantile", "Values.").register();
    /// assert_eq!(summary.quantile(0.5), None);
    /// (1..=3).for_each(|value| summary.observe(value));
    /// assert!((summary.quantile(0.5).unwrap() / 2.0 - 1.0).abs() < 0.011);
    /// assert_eq!((summary.quantile(0.0), summary.quantile(1.0)), (Some(1.0), Some(3.0)));
    /// ```
    pub fn quantile(&self, q: f64) -> Option<f64> {
        self.series.window().and_then(|window| window.quantiles(&[q]).first()?.1)
    }

    /// How many values there were since the start; exact.
    ///
    /// ```
    /// let summary = runtime_metrics::Summary::new("summary_count", "Values.").register();
    /// summary.observe(1);
    /// assert_eq!(summary.count(), 1);
    /// ```
    pub fn count(&self) -> u64 {
        histogram::read(&shard::ARENA.view(), self.slot, self.shape).count
    }

    /// The sum of all values since the start; of seconds, in whole nanoseconds.
    ///
    /// ```
    /// let summary = runtime_metrics::Summary::new("summary_sum_seconds", "Waits.").register();
    /// (0..10).for_each(|_| summary.observe(0.1));
    /// assert_eq!(summary.sum(), 1.0);
    /// ```
    pub fn sum(&self) -> f64 {
        histogram::read(&shard::ARENA.view(), self.slot, self.shape).sum
    }

    /// Everything at once, with the quantiles that the metric was declared with.
    ///
    /// ```
    /// let summary = runtime_metrics::Summary::new("summary_snapshot", "Values.").register();
    /// summary.observe(3);
    /// let seen = summary.snapshot();
    /// assert_eq!((seen.count, seen.min, seen.max), (1, Some(3.0), Some(3.0)));
    /// assert_eq!(seen.quantiles[0], (0.5, Some(3.0)));
    /// ```
    pub fn snapshot(&self) -> SummarySnapshot {
        self.series.summary(&shard::ARENA.view())
    }
}

#[inline]
fn observe(series: &'static Series, slot: u32, shape: Shape, value: f64) {
    // Counted as invalid, where it is, with what goes into the slots.
    histogram::observe(slot, shape, value);
    if value.is_finite()
        && let Some(window) = series.window_or_new()
    {
        window.add(value);
    }
    if observed() {
        observer::recorded(series, value);
    }
}
