//! Data points: what one series says at one time.

use super::Temporality;
use super::memory::Interval;
use super::message::{
    self, AggregationTemporality, Any, AnyValue, Data, ExponentialDataPoint, ExponentialHistogram, Gauge, Histogram,
    HistogramDataPoint, KeyValue, Number, NumberDataPoint, Sum, Summary, SummaryDataPoint, ValueAtQuantile,
};
use crate::exemplar::Exemplar;
use crate::label::LabelSet;
use crate::metric::Buckets;
use crate::snapshot::{Distribution, Gain, Reading, SummarySnapshot, since};
use std::time::{Duration, SystemTime};

/// Of this scale the buckets are ours: eight for each power of two.
pub(super) const SCALE: i32 = 3;

/// Up to this value, 2^-30, all is zero: the upper bound of our first bucket.
pub(super) const ZERO_THRESHOLD: f64 = 1.0 / (1 << 30) as f64;

/// What the number of one of our buckets and its index in OpenTelemetry are apart: index 0 begins at
/// 1, our second bucket at 2^-30.
const APART: i32 = 30 * 8 + 1;

/// The points of one metric, by what they are.
#[derive(Debug, Default)]
pub(super) struct Points {
    sums: Vec<NumberDataPoint>,
    gauges: Vec<NumberDataPoint>,
    explicit: Vec<HistogramDataPoint>,
    exponential: Vec<ExponentialDataPoint>,
    summaries: Vec<SummaryDataPoint>,
}

/// A series that is to become a point.
#[derive(Clone, Copy)]
pub(super) struct Told<'a> {
    pub(super) labels: &'a LabelSet,
    pub(super) value: &'a Reading,
    pub(super) exemplars: &'a [Exemplar],
    /// What a value is multiplied by to be in the unit of the metric.
    pub(super) factor: f64,
    pub(super) interval: Interval<'a>,
    pub(super) time: SystemTime,
    pub(super) temporality: Temporality,
}

impl Points {
    /// The data of the metrics that these are: one, where all readings of a family are alike.
    pub(super) fn data(self, temporality: Temporality) -> impl Iterator<Item = Data> {
        let Self { sums, gauges, explicit, exponential, summaries } = self;
        let temporality = i32::from(match temporality {
            Temporality::Cumulative => AggregationTemporality::Cumulative,
            Temporality::Delta => AggregationTemporality::Delta,
        });
        let all = [
            (!sums.is_empty()).then_some(Data::Sum(Sum { data_points: sums, temporality, is_monotonic: true })),
            (!gauges.is_empty()).then_some(Data::Gauge(Gauge { data_points: gauges })),
            (!explicit.is_empty()).then_some(Data::Histogram(Histogram { data_points: explicit, temporality })),
            (!exponential.is_empty())
                .then_some(Data::ExponentialHistogram(ExponentialHistogram { data_points: exponential, temporality })),
            (!summaries.is_empty()).then_some(Data::Summary(Summary { data_points: summaries })),
        ];
        all.into_iter().flatten()
    }

    /// Adds a series; in deltas nothing where nothing was added.
    pub(super) fn add(&mut self, told: &Told<'_>) {
        let gain = (told.temporality == Temporality::Delta).then(|| since(told.interval.told, told.value));
        match (told.value, gain) {
            (Reading::Gauge(value), _) => self.gauges.push(told.number(Number::Double(value * told.factor))),
            (Reading::Summary(seen), _) => self.summaries.push(told.summary(seen)),
            (Reading::Counter(count), None) => self.sums.push(told.sum(told.whole(*count))),
            (Reading::CounterFloat(count), None) => self.sums.push(told.sum(Number::Double(count * told.factor))),
            (Reading::Distribution(seen), None) => self.add_distribution(told, seen, seen),
            (Reading::Counter(_), Some(Gain::Counter(gained))) if gained > 0.0 => {
                self.sums.push(told.sum(told.whole(gained as u64)));
            }
            (Reading::CounterFloat(_), Some(Gain::Counter(gained))) if gained != 0.0 => {
                self.sums.push(told.sum(Number::Double(gained * told.factor)));
            }
            (Reading::Distribution(seen), Some(Gain::Distribution(gained))) if gained.count > 0 => {
                self.add_distribution(told, seen, &gained);
            }
            (Reading::Counter(_) | Reading::CounterFloat(_) | Reading::Distribution(_), Some(_)) => {}
        }
    }

    fn add_distribution(&mut self, told: &Told<'_>, all: &Distribution, seen: &Distribution) {
        match seen.buckets {
            Buckets::Explicit(bounds) => self.explicit.push(told.explicit(all, seen, bounds)),
            Buckets::Exponential => self.exponential.push(told.exponential(all, seen)),
        }
    }
}

impl Told<'_> {
    fn number(&self, value: Number) -> NumberDataPoint {
        NumberDataPoint {
            attributes: attributes(self.labels.iter()),
            time_unix_nano: nanos(self.time),
            value: Some(value),
            ..NumberDataPoint::default()
        }
    }

    fn sum(&self, value: Number) -> NumberDataPoint {
        NumberDataPoint { start_time_unix_nano: self.start(), exemplars: self.exemplars(), ..self.number(value) }
    }

    fn whole(&self, count: u64) -> Number {
        match i64::try_from(count) {
            Ok(count) if self.factor == 1.0 => Number::Int(count),
            _ => Number::Double(count as f64 * self.factor),
        }
    }

    fn explicit(&self, all: &Distribution, seen: &Distribution, bounds: &[f64]) -> HistogramDataPoint {
        let (min, max) = self.extremes(all);
        HistogramDataPoint {
            attributes: attributes(self.labels.iter()),
            start_time_unix_nano: self.start(),
            time_unix_nano: nanos(self.time),
            count: seen.count,
            sum: self.sum_of(all, seen),
            bucket_counts: seen.counts.clone(),
            explicit_bounds: bounds.iter().map(|bound| bound * self.factor).collect(),
            exemplars: self.exemplars(),
            min,
            max,
        }
    }

    /// The last bucket, of what is above 2^40, is told as the one that begins there.
    fn exponential(&self, all: &Distribution, seen: &Distribution) -> ExponentialDataPoint {
        let (min, max) = self.extremes(all);
        let used = |count: &u64| *count > 0;
        let (zero_count, above) = seen.counts.split_first().map_or((0, &[][..]), |(zero, above)| (*zero, above));
        let range = above.iter().position(used).zip(above.iter().rposition(used));
        let positive = range.map(|(first, last)| message::Buckets {
            offset: first as i32 + 1 - APART,
            bucket_counts: above.get(first..=last).unwrap_or_default().to_vec(),
        });
        ExponentialDataPoint {
            attributes: attributes(self.labels.iter()),
            start_time_unix_nano: self.start(),
            time_unix_nano: nanos(self.time),
            count: seen.count,
            sum: self.sum_of(all, seen),
            scale: SCALE,
            zero_count,
            positive,
            exemplars: self.exemplars(),
            min,
            max,
            zero_threshold: ZERO_THRESHOLD,
        }
    }

    /// Count and sum are those since the start: there is no other kind. What is negative is left out,
    /// for it must not be there.
    fn summary(&self, seen: &SummarySnapshot) -> SummaryDataPoint {
        let quantiles = seen.quantiles.iter().filter_map(|(share, value)| Some((*share, (*value)?)));
        let quantiles = quantiles.filter(|(_, value)| *value >= 0.0);
        SummaryDataPoint {
            attributes: attributes(self.labels.iter()),
            start_time_unix_nano: nanos(self.interval.since.min(self.time)),
            time_unix_nano: nanos(self.time),
            count: seen.count,
            sum: if seen.min.is_none_or(|min| min >= 0.0) { seen.sum * self.factor } else { 0.0 },
            quantile_values: quantiles
                .map(|(quantile, value)| ValueAtQuantile { quantile, value: value * self.factor })
                .collect(),
        }
    }

    /// There is no sum where it could fall.
    fn sum_of(&self, all: &Distribution, seen: &Distribution) -> Option<f64> {
        let falls = all.buckets.upper(0) < 0.0 || all.min.is_some_and(|min| min < 0.0);
        (!falls).then_some(seen.sum * self.factor)
    }

    /// The extremes of all that was observed; of a delta those that it has brought, for of others only
    /// the bucket is known.
    fn extremes(&self, all: &Distribution) -> (Option<f64>, Option<f64>) {
        let (mut min, mut max) = (all.min, all.max);
        if let (Temporality::Delta, Some(Reading::Distribution(before))) = (self.temporality, self.interval.told) {
            min = min.filter(|min| before.min.is_none_or(|before| *min < before));
            max = max.filter(|max| before.max.is_none_or(|before| *max > before));
        }
        (min.map(|min| min * self.factor), max.map(|max| max * self.factor))
    }

    fn start(&self) -> u64 {
        let start = match self.temporality {
            Temporality::Cumulative => self.interval.since,
            Temporality::Delta => self.interval.from,
        };
        // The clock of the machine may have been put back.
        nanos(start.min(self.time))
    }

    /// Of a delta those that are new; their time is cut to the millisecond.
    fn exemplars(&self) -> Vec<message::Exemplar> {
        let old = |time: SystemTime| {
            self.temporality == Temporality::Delta && time + Duration::from_millis(1) <= self.interval.from
        };
        let new = self.exemplars.iter().filter(|one| !old(one.time));
        new.map(|one| message::Exemplar {
            time_unix_nano: nanos(one.time),
            value: one.value * self.factor,
            span_id: one.span_id.to_vec(),
            trace_id: one.trace_id.to_vec(),
        })
        .collect()
    }
}

pub(super) fn attributes<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<KeyValue> {
    let text = |value: &str| Some(AnyValue { value: Some(Any::Text(value.to_owned())) });
    pairs.map(|(key, value)| KeyValue { key: key.to_owned(), value: text(value) }).collect()
}

pub(super) fn nanos(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
}
