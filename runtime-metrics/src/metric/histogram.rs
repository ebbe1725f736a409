//! `Histogram`: values divided into buckets, with their sum and extremes.

use super::{Builder, Timer, TimerGuard, Value};
use crate::label::LabelValue;
use crate::registry::observer::{self, observed};
use crate::registry::{Held, Series, SeriesRef, Shape};
use crate::shard::{self, Cells, Sink, View};
use crate::snapshot::Distribution;
use std::borrow::Cow;

/// Slots before the buckets: the sum, the largest value, the complement of the smallest, and what a
/// thread remembers of the last duration (see [`observe_nanos`]) and of its extremes.
pub(crate) const HEADER: u32 = 8;
const SUM: u32 = 0;
const MAX: u32 = 1;
const MIN: u32 = 2;
/// The first of the durations that change nothing but the sum and one bucket, how many there are,
/// and that bucket's slot.
const NEAR: u32 = 3;
const NEAR_COUNT: u32 = 4;
const NEAR_SLOT: u32 = 5;
/// The bits of the first of the values between this thread's extremes, which change neither of
/// them, and how many there are. All of these are finite and not negative, and so order as their
/// bits do: one comparison tells that a value is as usual.
const USUAL: u32 = 6;
const USUAL_COUNT: u32 = 7;

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
    series: Held,
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
        Self { slot: series.slot(), shape: series.family().shape, series: Held::new(series) }
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

    /// Whether the metric is turned off.
    #[inline(always)]
    pub(super) fn is_off(&self) -> bool {
        self.series.family().is_off()
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
        if self.is_off() {
            return;
        }
        let value = value.value();
        observe(self.slot, self.shape, value);
        if observed() {
            observer::recorded(self.series.get(), value);
        }
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
        Timer::of((*self.series).clone()).start()
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
        Series::resolve(&self.series, labels, |series| {
            observe(series.slot(), series.family().shape, value);
            if observed() {
                observer::recorded(series, value);
            }
        });
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
    if let Some(header) = shard::cells(slot)
        && value.to_bits().wrapping_sub(header.at(USUAL).get()) < header.at(USUAL_COUNT).get()
        && let Some(bucket) = shape.table.index_usual(value)
        && let Some(bucket) = header.reach(slot, slot + HEADER + bucket)
    {
        bucket.add(1);
        if shape.nanos {
            header.at(SUM).add(usual_nanos(value));
        } else {
            header.at(SUM).add_float(value);
        }
    } else {
        observe_cold(slot, shape, value, 1);
    }
}

#[cold]
#[inline(never)]
fn observe_cold(slot: u32, shape: Shape, value: f64, alike: u64) {
    if !value.is_finite() {
        crate::internal::invalid_value();
        return;
    }
    shard::touch(slot + HEADER + shape.table.index(value)).add(alike);
    let rank = if shape.nanos {
        let nanos = whole_nanos(value);
        shard::touch(slot + SUM).add((nanos as u64).wrapping_mul(alike));
        rank_nanos(nanos)
    } else {
        shard::touch(slot + SUM).add_float(value * alike as f64);
        rank(value)
    };
    shard::touch(slot + MAX).raise(rank);
    shard::touch(slot + MIN).raise(!rank);
    if let Some(header) = shard::cells(slot) {
        let value = |rank| if shape.nanos { unrank_nanos(rank) as f64 / 1e9 } else { unrank(rank) };
        let (smallest, largest) = (value(!header.at(MIN).get()), value(header.at(MAX).get()));
        // Of what `usual_nanos` can round, if it is seconds.
        let largest = if shape.nanos { largest.min(USUAL_NANOS as f64 / 1e9) } else { largest };
        // Not -0.0, which would come after all others.
        let first = if smallest > 0.0 { smallest.to_bits() } else { shape.table.first_usual() };
        let count = if largest < 0.0 { 0 } else { (largest.abs().to_bits() + 1).saturating_sub(first) };
        header.at(USUAL).set(first);
        header.at(USUAL_COUNT).set(count);
    }
}

/// Puts a duration into a histogram of seconds.
///
/// The slot of a bucket that is computed from two readings of the clock would hold up the next
/// reading: on some processors that waits for every store before it whose address is not known yet,
/// for 5 ns. So a thread remembers the bucket of the last duration, and a range of durations that
/// lie in it, and are neither the longest nor the shortest so far. Within that range the slot is
/// known before the clock is read, and there is no bucket to be searched for.
#[inline(always)]
pub(crate) fn observe_nanos(slot: u32, shape: Shape, nanos: u64) {
    observe_sampled(slot, shape, nanos, 1);
}

/// The same of a duration that stands for so many alike.
#[inline(always)]
pub(crate) fn observe_sampled(slot: u32, shape: Shape, nanos: u64, alike: u64) {
    match shard::cells(slot) {
        Some(cells) => observe_nanos_in(cells, 0, slot, shape, nanos, alike),
        None => observe_far(slot, shape, nanos, alike),
    }
}

/// The same where the cells of the header are known already, from the one at `on`.
#[inline(always)]
pub(crate) fn observe_nanos_in(cells: Cells, on: u32, slot: u32, shape: Shape, nanos: u64, alike: u64) {
    let header = |at| cells.at(on + at);
    if nanos.wrapping_sub(header(NEAR).get()) < header(NEAR_COUNT).get()
        && let Some(bucket) = shard::cell(header(NEAR_SLOT).get() as u32)
    {
        bucket.add(alike);
        header(SUM).add(nanos.wrapping_mul(alike));
    } else {
        observe_far(slot, shape, nanos, alike);
    }
}

#[cold]
#[inline(never)]
fn observe_far(slot: u32, shape: Shape, nanos: u64, alike: u64) {
    if !shape.nanos {
        return observe_cold(slot, shape, nanos as f64 / 1e9, alike);
    }
    let (bucket, first, last) = shape.table.index_nanos(nanos);
    let bucket = slot + HEADER + bucket;
    let rank = rank_nanos(nanos as i64);
    let Some((header, cell)) = shard::cells(slot).zip(shard::cell(bucket)) else {
        shard::touch(bucket).add(alike);
        shard::touch(slot + SUM).add(nanos.wrapping_mul(alike));
        shard::touch(slot + MAX).raise(rank);
        shard::touch(slot + MIN).raise(!rank);
        return;
    };
    cell.add(alike);
    header.at(SUM).add(nanos.wrapping_mul(alike));
    header.at(MAX).raise(rank);
    header.at(MIN).raise(!rank);
    let shortest = unrank_nanos(!header.at(MIN).get()).max(0) as u64;
    let longest = unrank_nanos(header.at(MAX).get()).max(0) as u64;
    let (first, last) = (first.max(shortest), last.min(longest));
    header.at(NEAR).set(first);
    // Beyond 292 years none is near.
    header.at(NEAR_COUNT).set(last.checked_sub(first).map_or(0, |more| more.saturating_add(1)));
    header.at(NEAR_SLOT).set(u64::from(bucket));
}

/// Seconds as nanoseconds, rounded; what is beyond 292 years is cut off.
fn whole_nanos(seconds: f64) -> i64 {
    if seconds.abs() * 1e9 < USUAL_NANOS as f64 {
        let nanos = usual_nanos(seconds.abs()) as i64;
        if seconds < 0.0 { -nanos } else { nanos }
    } else {
        ((seconds * 1e9) as i64).max(-i64::MAX)
    }
}

/// Beyond 26 days there is no hurry.
const USUAL_NANOS: u64 = 1 << 51;

/// The same up to `USUAL_NANOS`, and not below zero.
#[inline(always)]
fn usual_nanos(seconds: f64) -> u64 {
    /// To add it puts the nearest integer into the last bits of a float: `round` is a call.
    const ROUND: f64 = (1u64 << 52) as f64 * 1.5;
    (seconds * 1e9 + ROUND).to_bits().wrapping_sub(ROUND.to_bits())
}

/// Maps integers to such as order alike; only the least, which `whole_nanos` never gives, to 0.
#[inline]
fn rank_nanos(nanos: i64) -> u64 {
    nanos as u64 ^ 1 << 63
}

fn unrank_nanos(rank: u64) -> i64 {
    (rank ^ 1 << 63) as i64
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
    let buckets = shape.table.buckets();
    let counts: Vec<u64> = (0..buckets.len()).map(|at| view.sum(slot + HEADER + at)).collect();
    let sum = slot + SUM;
    let sum = if shape.nanos { view.sum(sum) as i64 as f64 / 1e9 } else { view.sum_float(sum) };
    let value = |rank| if shape.nanos { unrank_nanos(rank) as f64 / 1e9 } else { unrank(rank) };
    let raised = |at| Some(view.max(slot + at)).filter(|raised| *raised != 0);
    let (max, min) = (raised(MAX).map(value), raised(MIN).map(|complement| value(!complement)));
    Distribution { count: counts.iter().sum(), sum, min, max, counts, buckets }
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

    #[test]
    fn nanoseconds_are_rounded_ranked_and_cut_off() {
        let rounded = [0.0, 1e-9, 1.5e-9, 2.5e-9, -1.2e-9, 0.1, 1e6, 3e6, 1e300, -1e300].map(whole_nanos);
        let most = i64::MAX;
        assert_eq!(rounded, [0, 1, 2, 2, -1, 100_000_000, 10i64.pow(15), 3 * 10i64.pow(15), most, -most]);
        let rising = [i64::MIN + 1, -5, 0, 1, i64::MAX];
        assert!(rising.windows(2).all(|pair| rank_nanos(pair[0]) < rank_nanos(pair[1])));
        for nanos in rising {
            let rank = rank_nanos(nanos);
            assert!(unrank_nanos(rank) == nanos && rank != 0 && (!rank != 0 || nanos == i64::MAX));
        }
    }

    #[test]
    fn what_is_usual_is_counted_as_the_rest_is() {
        let lists: [&[f64]; 5] =
            [&[0.5, 1.0], &[-1.0, 0.0, 1.0], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], &[1e9], &[0.0]];
        let mut random = 88_172_645_463_325_252_u64;
        let mut next = || {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            random >> 11
        };
        let special = [0.0, -0.0, 1.0, f64::MIN_POSITIVE, 5e-324, f64::MAX, f64::MIN, 1e15, 2.3e6, -2.3e6, 2_251_799.8];
        for (number, bounds) in lists.into_iter().enumerate() {
            for name in ["usual_values", "usual_times_seconds"] {
                let histogram = Histogram::new(format!("case_{}_{name}", ["a", "b", "c", "d", "e"][number]), "Usual.")
                    .with_buckets(bounds.to_vec())
                    .register();
                let seconds = name.ends_with("seconds");
                let mut counts = vec![0; bounds.len() + 1];
                let (mut nanos, mut sum, mut min, mut max) = (0_i64, 0.0, f64::INFINITY, f64::NEG_INFINITY);
                for round in 0..4_000 {
                    let value = match next() % 8 {
                        0 if !seconds && round > 100 => special[next() as usize % 5],
                        1 => -(next() as f64) / 1e15,
                        2 => next() as f64 / 1e9,
                        _ => next() as f64 / 1e15,
                    };
                    histogram.observe(value);
                    counts[bounds.partition_point(|bound| *bound < value)] += 1;
                    let rounded = (value * 1e9).round_ties_even();
                    nanos += rounded as i64;
                    sum += value;
                    let value = if seconds { rounded / 1e9 } else { value };
                    (min, max) = (f64::min(min, value), f64::max(max, value));
                }
                let seen = histogram.distribution();
                assert_eq!(seen.counts, counts, "{bounds:?}");
                assert_eq!((seen.min, seen.max), (Some(min), Some(max)), "{bounds:?}");
                assert_eq!(seen.sum, if seconds { nanos as f64 / 1e9 } else { sum }, "{bounds:?}");
            }
        }
        let extremes = Histogram::new("usual_extremes", "Usual.").with_buckets(vec![1.0]).register();
        for value in special {
            extremes.observe(value);
            extremes.observe(value);
        }
        extremes.observe(f64::NAN);
        extremes.observe(f64::INFINITY);
        let seen = extremes.distribution();
        assert_eq!((seen.count, seen.min, seen.max), (22, Some(f64::MIN), Some(f64::MAX)));
    }

    #[test]
    fn durations_that_are_remembered_are_counted_as_others_are() {
        let bounds = vec![1e-6, 5e-6, 1e-3];
        let timer = Timer::new("remembered_durations_seconds", "Times.").with_buckets(bounds.clone()).register();
        let other = Histogram::new("durations_seconds", "Times.").with_buckets(bounds).register();
        let mut nanos = 17u64;
        let mut total = 0;
        for _ in 0..20_000 {
            // Near each other most of the time, far from time to time.
            nanos = nanos.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let duration = nanos >> if nanos.is_multiple_of(16) { 40 } else { 53 };
            total += duration;
            timer.record(std::time::Duration::from_nanos(duration));
            other.observe(duration as f64 / 1e9);
        }
        let (timer, other) = (timer.distribution(), other.distribution());
        assert_eq!((timer.count, timer.sum), (20_000, total as f64 / 1e9));
        assert_eq!((timer.counts, timer.min, timer.max, timer.sum), (other.counts, other.min, other.max, other.sum));
    }
}
