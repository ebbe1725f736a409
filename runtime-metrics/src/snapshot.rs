//! One read of everything: what exporters, Sentry, people and tests see of the registry.

#[cfg(any(feature = "otlp", feature = "sentry", feature = "statsd"))]
mod gain;
mod live;

#[cfg(any(feature = "otlp", feature = "sentry", feature = "statsd"))]
pub(crate) use gain::{Gain, since};
pub(crate) use live::{Head, Labels, Live, Shown, Value};

use crate::exemplar::Exemplar;
use crate::label::LabelSet;
use crate::metric::{Buckets, Kind};
use crate::names::Exposed;
use crate::registry::{Identity, Registry, Source};
use std::time::{Duration, SystemTime};

/// Everything measured up to a point in time.
///
/// Each value is exact and never goes back where it is a counter; the values are read one after
/// the other, so two of them may be microseconds apart.
///
/// ```
/// runtime_metrics::increment!("snapshot_example");
/// let snapshot = runtime_metrics::registry().snapshot();
/// assert!(snapshot.family("snapshot_example").is_some());
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Snapshot {
    /// When it was taken.
    pub time: SystemTime,
    /// Who was measured.
    pub identity: Identity,
    /// Sorted by name.
    pub families: Vec<FamilySnapshot>,
}

impl Snapshot {
    /// The family of this name.
    ///
    /// ```
    /// assert!(runtime_metrics::registry().snapshot().family("no such metric").is_none());
    /// ```
    pub fn family(&self, name: &str) -> Option<&FamilySnapshot> {
        self.families.iter().find(|family| family.name == name)
    }
}

impl Registry {
    /// Everything measured so far. It holds no lock that a recording thread needs, but one of a
    /// summary for about a microsecond.
    ///
    /// ```
    /// let snapshot = runtime_metrics::registry().snapshot();
    /// assert!(snapshot.families.windows(2).all(|pair| pair[0].name < pair[1].name));
    /// ```
    pub fn snapshot(&self) -> Snapshot {
        let mut live = Live::new();
        live.refresh(self);
        let families = (0..live.len()).map(|at| live.copy(at)).collect();
        Snapshot { time: SystemTime::now(), identity: self.identity(), families }
    }

    /// About `enough` series, if there are as many, of metrics that have at most so many: what can be
    /// read in microseconds however much is measured.
    #[cfg(feature = "sentry")]
    pub(crate) fn brief(&self, at_most: usize, enough: usize) -> Snapshot {
        let families = Live::new().copy_small(self, at_most, enough);
        Snapshot { time: SystemTime::now(), identity: self.identity(), families }
    }
}

/// All series of one metric.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FamilySnapshot {
    /// The name, as its author wrote it.
    pub name: String,
    /// What its readings are: of a set and of a rate, a gauge.
    pub kind: Kind,
    /// What it tells; may be empty.
    pub help: String,
    /// The unit of its values; may be empty.
    pub unit: String,
    /// Sorted by labels.
    pub series: Vec<SeriesSnapshot>,
    pub(crate) exposed: Exposed,
}

/// One series and its value.
///
/// ```
/// runtime_metrics::increment!("series_example", labels: {"kind" => "a"});
/// let snapshot = runtime_metrics::registry().snapshot();
/// let series = &snapshot.family("series_example").unwrap().series[0];
/// assert_eq!(series.labels.get("kind"), Some("a"));
/// assert_eq!(series.value, runtime_metrics::Reading::Counter(1));
/// assert!(series.exemplars.is_empty());
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SeriesSnapshot {
    /// The series' own labels, without those of the identity.
    pub labels: LabelSet,
    /// What was recorded.
    pub value: Reading,
    /// Traces in which it was recorded, in the order of their values: one at most of a counter, one
    /// of each bucket that OpenMetrics shows of a histogram.
    pub exemplars: Vec<Exemplar>,
}

/// The value of a series.
///
/// ```
/// use runtime_metrics::{Reading, registry, set};
///
/// set!("reading_example", value: 2.5);
/// assert_eq!(registry().get("reading_example", &[]), Some(Reading::Gauge(2.5)));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Reading {
    /// Counted since the program started.
    Counter(u64),
    /// The same, of what is not counted in whole numbers: seconds that futures were busy, and what
    /// collectors return.
    CounterFloat(f64),
    /// The value now.
    Gauge(f64),
    /// Everything observed since the program started.
    Distribution(Distribution),
    /// Quantiles of what was observed lately, with the count and sum of all.
    Summary(SummarySnapshot),
}

impl Reading {
    /// What two series of one metric come to; of the quantiles those of the one.
    pub(crate) fn plus(self, other: Self) -> Self {
        let extreme = |one: Option<f64>, other, pick: fn(f64, f64) -> f64| match (one, other) {
            (Some(one), Some(other)) => Some(pick(one, other)),
            (one, other) => one.or(other),
        };
        match (self, other) {
            (Self::Counter(one), Self::Counter(other)) => Self::Counter(one.wrapping_add(other)),
            (Self::CounterFloat(one), Self::CounterFloat(other)) => Self::CounterFloat(one + other),
            (Self::Gauge(one), Self::Gauge(other)) => Self::Gauge(one + other),
            (Self::Distribution(mut one), Self::Distribution(other)) => {
                one.counts.iter_mut().zip(&other.counts).for_each(|(one, other)| *one += other);
                one.count += other.count;
                one.sum += other.sum;
                one.min = extreme(one.min, other.min, f64::min);
                one.max = extreme(one.max, other.max, f64::max);
                Self::Distribution(one)
            }
            (Self::Summary(mut one), Self::Summary(other)) => {
                one.count += other.count;
                one.sum += other.sum;
                one.min = extreme(one.min, other.min, f64::min);
                one.max = extreme(one.max, other.max, f64::max);
                Self::Summary(one)
            }
            (one, _) => one,
        }
    }
}

/// What a histogram has seen since the program started.
///
/// ```
/// let histogram = runtime_metrics::Histogram::new("distribution_example", "Values.").register();
/// (1..=100).for_each(|value| histogram.observe(value));
/// let seen = histogram.distribution();
/// assert_eq!((seen.count, seen.sum, seen.min, seen.max), (100, 5050.0, Some(1.0), Some(100.0)));
/// let median = seen.quantile(0.5).unwrap();
/// assert!((median / 50.0 - 1.0).abs() < 0.05);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Distribution {
    /// How many values: the sum of the buckets.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// The smallest, if there is any.
    pub min: Option<f64>,
    /// The largest, if there is any.
    pub max: Option<f64>,
    pub(crate) counts: Vec<u64>,
    pub(crate) buckets: Buckets,
}

impl Distribution {
    /// The buckets: each inclusive upper bound (the last is infinite) and how many values are in
    /// that bucket alone.
    ///
    /// ```
    /// let histogram = runtime_metrics::Histogram::new("distribution_buckets", "Values.")
    ///     .with_buckets(vec![1.0, 10.0])
    ///     .register();
    /// histogram.observe(3);
    /// let buckets: Vec<_> = histogram.distribution().buckets().collect();
    /// assert_eq!(buckets, [(1.0, 0), (10.0, 1), (f64::INFINITY, 0)]);
    /// ```
    pub fn buckets(&self) -> impl Iterator<Item = (f64, u64)> {
        self.counts.iter().enumerate().map(|(index, count)| (self.buckets.upper(index as u32), *count))
    }

    /// The value that a share `q` (0 to 1) of the values does not exceed, estimated within its
    /// bucket and never outside what was seen. `None` where nothing was seen.
    ///
    /// With exponential buckets the estimate is at most 4.5 % off; with declared ones, at most a
    /// bucket's width.
    ///
    /// ```
    /// let histogram = runtime_metrics::Histogram::new("distribution_quantile", "Values.").register();
    /// assert_eq!(histogram.distribution().quantile(0.99), None);
    /// histogram.observe(7);
    /// assert_eq!(histogram.distribution().quantile(0.99), Some(7.0));
    /// ```
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let (min, max) = (self.min?, self.max?);
        let rank = q.clamp(0.0, 1.0) * self.count as f64;
        let mut below = 0.0;
        let mut lower = min;
        for (upper, count) in self.buckets() {
            let count = count as f64;
            if count > 0.0 && below + count >= rank {
                let (low, high) = (lower.max(min), upper.min(max));
                let share = ((rank - below) / count).clamp(0.0, 1.0);
                // The middle of an exponential bucket is the geometric one.
                let inside = match self.buckets {
                    Buckets::Exponential if low > 0.0 => low * (high / low).powf(share),
                    _ => low + (high - low) * share,
                };
                return Some(inside.clamp(min, max));
            }
            below += count;
            lower = upper;
        }
        Some(max)
    }
}

/// What a summary has seen: quantiles of its window, the rest since the program started.
///
/// ```
/// # #[cfg(feature = "summary")] {
/// use runtime_metrics::{Reading, Summary, registry};
///
/// Summary::new("summary_snapshot_example", "Values.").register().observe(2);
/// let Some(Reading::Summary(seen)) = registry().get("summary_snapshot_example", &[]) else { unreachable!() };
/// assert_eq!((seen.count, seen.sum, seen.quantile(0.5)), (1, 2.0, Some(2.0)));
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SummarySnapshot {
    /// How many values there were.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// The smallest, if there is any.
    pub min: Option<f64>,
    /// The largest, if there is any.
    pub max: Option<f64>,
    /// Shares from 0 to 1 in rising order, each with the value that this share of the values in the
    /// window does not exceed; none where the window is empty.
    pub quantiles: Vec<(f64, Option<f64>)>,
    /// How long the window is.
    pub window: Duration,
}

impl SummarySnapshot {
    /// The quantile of this share, if it is one of those that the metric was declared with and the
    /// window has values.
    ///
    /// ```
    /// # #[cfg(feature = "summary")] {
    /// let summary = runtime_metrics::Summary::new("summary_snapshot_quantile", "Values.").register();
    /// summary.observe(2);
    /// let seen = summary.snapshot();
    /// assert_eq!((seen.quantile(0.99), seen.quantile(0.123)), (Some(2.0), None));
    /// # }
    /// ```
    pub fn quantile(&self, share: f64) -> Option<f64> {
        self.quantiles.iter().find(|(known, _)| *known == share)?.1
    }
}

/// One family of the catalogue: what can be measured, whether or not it ever was.
///
/// ```
/// for entry in runtime_metrics::registry().catalog() {
///     println!("{} ({}): {}", entry.name, entry.kind, entry.help);
/// }
/// ```
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct CatalogEntry {
    /// The name, as its author wrote it.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// What it tells; may be empty.
    pub help: String,
    /// The unit of its values; may be empty.
    pub unit: String,
    /// How many series it has now.
    pub series: usize,
    /// Where it is defined first.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub source: Option<Source>,
}
