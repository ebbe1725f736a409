//! `Histogram`: values divided into buckets, with their sum and extremes.

use super::{Builder, Timer, TimerGuard, Value};
use crate::label::LabelValue;
use crate::registry::{Series, SeriesRef, Shape};
use crate::shard::{self, Sink, View};
use crate::snapshot::Distribution;
use std::borrow::Cow;

/// Slots before the buckets: the sum, the largest value, and the complement of the smallest.
pub(crate) const HEADER: u32 = 3;

/// How values are distributed: latencies, sizes.
///
/// One slot per bucket and an exact sum; the count is the sum of the buckets, so the two can't
/// disagree. A histogram of seconds keeps its sum in whole nanoseconds.
///
/// ```
/// use runtime_metrics::Histogram;
///
/// let sizes = Histogram::new("request_size_bytes", "Size of requests.")
///     .with_buckets(vec![64.0, 256.0, 1024.0])
///     .register();
/// sizes.observe(100);
/// sizes.observe(2000);
/// let distribution = sizes.distribution();
/// assert_eq!((distribution.count, distribution.sum), (2, 2100.0));
/// ```
#[derive(Clone, Debug)]
pub struct Histogram {
    slot: u32,
    shape: Shape,
    series: SeriesRef,
}

impl Histogram {
    /// Begins a histogram; [`Builder::register`] makes it.
    ///
    /// ```
    /// let histogram = runtime_metrics::Histogram::new("histogram_new", "How one begins.").register();
    /// assert_eq!(histogram.distribution().count, 0);
    /// ```
    #[allow(clippy::new_ret_no_self)] // the name that users of every other metrics library expect
    pub fn new(name: impl Into<Cow<'static, str>>, help: impl Into<Cow<'static, str>>) -> Builder<Self> {
        Builder::new(name.into(), help.into())
    }

    pub(crate) fn of(series: SeriesRef) -> Self {
        Self { slot: series.slot(), shape: series.family().shape, series }
    }

    pub(super) fn slot(&self) -> u32 {
        self.slot
    }

    pub(super) fn shape(&self) -> Shape {
        self.shape
    }

    pub(super) fn series(&self) -> &SeriesRef {
        &self.series
    }

    /// Puts a value into its bucket. What is not finite is left out and counted in
    /// `runtime_metrics_invalid_values_total`, so one NaN can't spoil the sum for ever.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let histogram = runtime_metrics::Histogram::new("histogram_observe_seconds", "Values.").register();
    /// histogram.observe(0.42);
    /// histogram.observe(Duration::from_millis(80));
    /// histogram.observe(f64::NAN);
    /// assert_eq!(histogram.distribution().count, 2);
    /// ```
    #[inline]
    pub fn observe(&self, value: impl Value) {
        observe(self.slot, self.shape, value.value());
    }

    /// Starts a timer that records its seconds here when it is stopped or dropped.
    ///
    /// ```
    /// let histogram = runtime_metrics::Histogram::new("histogram_timer_seconds", "Waits.").register();
    /// histogram.start_timer().stop();
    /// assert_eq!(histogram.distribution().count, 1);
    /// ```
    #[must_use = "the timer records when it is dropped, which is at once if it is not kept"]
    pub fn start_timer(&self) -> TimerGuard {
        Timer::of(self.series.clone()).start()
    }

    /// The series of the same family with these labels besides this one's own.
    ///
    /// ```
    /// let waits = runtime_metrics::Histogram::new("histogram_with", "Waits.").register();
    /// let reads = waits.with(&[("type", &"read")]);
    /// reads.observe(1);
    /// assert_eq!((waits.distribution().count, reads.distribution().count), (0, 1));
    /// ```
    pub fn with(&self, labels: &[(&'static str, &dyn LabelValue)]) -> Self {
        Self::of(Series::with(&self.series, labels))
    }

    /// Observes into the series with these labels besides this one's own, looking it up.
    ///
    /// ```
    /// let waits = runtime_metrics::Histogram::new("histogram_observe_with", "Waits.").register();
    /// waits.observe_with(0.5, &[("type", &"read")]);
    /// assert_eq!(waits.with(&[("type", &"read")]).distribution().count, 1);
    /// ```
    pub fn observe_with(&self, value: impl Value, labels: &[(&'static str, &dyn LabelValue)]) {
        let value = value.value();
        Series::resolve(&self.series, labels, |series| observe(series.slot(), series.family().shape, value));
    }

    /// Everything observed so far, over all threads.
    ///
    /// ```
    /// let histogram = runtime_metrics::Histogram::new("histogram_distribution", "Values.").register();
    /// histogram.observe(3);
    /// assert_eq!(histogram.distribution().max, Some(3.0));
    /// ```
    pub fn distribution(&self) -> Distribution {
        read(&shard::ARENA.view(), self.slot, self.shape)
    }
}

/// Puts `value` into the histogram whose slots start at `slot`.
#[inline]
pub(crate) fn observe(slot: u32, shape: Shape, value: f64) {
    if !value.is_finite() {
        crate::internal::invalid_value();
        return;
    }
    let sum = if shape.nanos { Addend::Nanos((value * 1e9).round() as i64) } else { Addend::Float(value) };
    put(slot, shape, value, sum);
}

/// Puts a duration into a histogram of seconds.
#[inline]
pub(crate) fn observe_nanos(slot: u32, shape: Shape, nanos: u64) {
    let seconds = nanos as f64 / 1e9;
    let sum = if shape.nanos { Addend::Nanos(nanos as i64) } else { Addend::Float(seconds) };
    put(slot, shape, seconds, sum);
}

/// What a value adds to the sum.
#[derive(Clone, Copy)]
enum Addend {
    Nanos(i64),
    Float(f64),
}

#[inline]
fn put(slot: u32, shape: Shape, value: f64, sum: Addend) {
    let bucket = slot + HEADER + shape.buckets.index(value);
    if let (Some(header), Some(bucket)) = (shard::cells(slot), shard::cell(bucket)) {
        write(header, bucket, value, sum);
    } else {
        put_cold(slot, bucket, value, sum);
    }
}

#[cold]
#[inline(never)]
fn put_cold(slot: u32, bucket: u32, value: f64, sum: Addend) {
    let header = std::array::from_fn(|at| shard::touch(slot + at as u32));
    write(header, shard::touch(bucket), value, sum);
}

#[inline(always)]
fn write<S: Sink>([total, max, min]: [S; HEADER as usize], bucket: S, value: f64, sum: Addend) {
    bucket.add(1);
    match sum {
        Addend::Nanos(nanos) => total.add(nanos as u64),
        Addend::Float(x) => total.add_float(x),
    }
    let rank = rank(value);
    max.raise(rank);
    min.raise(!rank);
}

/// Maps floats to integers that order alike, none of them 0 or `u64::MAX`: a slot that was never
/// raised can be told from one that holds the smallest value.
#[inline]
fn rank(value: f64) -> u64 {
    let bits = value.to_bits();
    if value.is_sign_negative() { !bits } else { bits | 1 << 63 }
}

fn unrank(rank: u64) -> f64 {
    f64::from_bits(if rank >> 63 == 0 { !rank } else { rank & !(1 << 63) })
}

/// Reads the histogram whose slots start at `slot`.
pub(crate) fn read(view: &View<'_>, slot: u32, shape: Shape) -> Distribution {
    let buckets: Vec<u64> = (0..shape.buckets.len()).map(|at| view.sum(slot + HEADER + at)).collect();
    let sum = if shape.nanos { view.sum(slot) as i64 as f64 / 1e9 } else { view.sum_float(slot) };
    let extreme = |raised: u64| (raised != 0).then_some(raised);
    let max = extreme(view.max(slot + 1)).map(unrank);
    let min = extreme(view.max(slot + 2)).map(|complement| unrank(!complement));
    Distribution { count: buckets.iter().sum(), sum, min, max, counts: buckets, buckets: shape.buckets }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rank_orders_as_floats_do_and_goes_back() {
        let rising = [f64::MIN, -1.0, -f64::MIN_POSITIVE, 0.0, 1e-9, 1.0, f64::MAX];
        assert!(rising.windows(2).all(|pair| rank(pair[0]) < rank(pair[1])));
        for value in rising {
            assert_eq!(unrank(rank(value)), value);
            assert!(rank(value) != 0 && !rank(value) != 0);
        }
    }
}
