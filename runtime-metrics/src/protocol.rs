//! The wire types: what leaves for Sentry, and what a collector of one's own returns.

use crate::label::LabelSet;
use crate::snapshot::{Distribution, FamilySnapshot, Reading, SeriesSnapshot, Snapshot, SummarySnapshot};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::SystemTime;

/// The payload of a Sentry `runtime_metrics` envelope item, and of the JSON format.
///
/// Counters are cumulative since the start of the process. A distribution is several metrics of one
/// name, told apart by the tag `stat`: `count`, `sum`, `min`, `max`, `p50`, `p90`, `p95`, `p99`. So
/// is a summary, with its own quantiles (`p99.9` for the share 0.999), which are of its window.
/// Values that are not finite are left out when it is serialised.
///
/// ```
/// let payload = runtime_metrics::RuntimeMetrics::now(Vec::new());
/// assert_eq!(payload.platform, "rust");
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RuntimeMetrics {
    /// When the values were read; on the wire RFC 3339 with milliseconds, in UTC.
    #[cfg_attr(feature = "serde", serde(with = "timestamp"))]
    pub timestamp: SystemTime,
    /// What was measured: `rust`.
    pub platform: String,
    /// The values.
    #[cfg_attr(feature = "serde", serde(serialize_with = "finite_only"))]
    pub metrics: Vec<RuntimeMetric>,
}

/// One value of one metric.
///
/// ```
/// use runtime_metrics::{MetricType, RuntimeMetric};
///
/// let metric = RuntimeMetric::gauge("cache.entries", 42).with_unit("count").with_tag("cache", "users");
/// assert_eq!(metric.metric_type, MetricType::Gauge);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RuntimeMetric {
    /// The name, such as `runtime.memory.rss`.
    pub name: String,
    /// What kind of value it is; on the wire `type`.
    #[cfg_attr(feature = "serde", serde(rename = "type"))]
    pub metric_type: MetricType,
    /// The value.
    pub value: MetricValue,
    /// The unit, such as `bytes`; left out on the wire where there is none.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "is_empty"))]
    pub unit: Option<String>,
    /// What tells this value from others of the same name; left out on the wire where empty.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "BTreeMap::is_empty"))]
    pub tags: BTreeMap<String, String>,
}

/// The kind of a value on the wire.
///
/// ```
/// assert_ne!(runtime_metrics::MetricType::Gauge, runtime_metrics::MetricType::Counter);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum MetricType {
    /// The value at this moment.
    Gauge,
    /// Counted since the process started.
    Counter,
    /// One statistic of a distribution; the tag `stat` says which.
    Distribution,
}

/// A value on the wire.
///
/// ```
/// use runtime_metrics::MetricValue;
///
/// assert_eq!(MetricValue::from(3u64), MetricValue::Int(3));
/// assert_eq!(MetricValue::from(0.5).as_f64(), 0.5);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(untagged))]
pub enum MetricValue {
    /// A whole number.
    Int(i64),
    /// Any other.
    Float(f64),
}

impl MetricValue {
    /// The value as a float; integers above 2^53 are rounded.
    ///
    /// ```
    /// assert_eq!(runtime_metrics::MetricValue::Int(2).as_f64(), 2.0);
    /// ```
    pub fn as_f64(self) -> f64 {
        match self {
            Self::Int(value) => value as f64,
            Self::Float(value) => value,
        }
    }

    /// A float, as a whole number where it is one.
    fn shortest(value: f64) -> Self {
        const EXACT: f64 = (1u64 << 53) as f64;
        if value.fract() == 0.0 && value.abs() <= EXACT { Self::Int(value as i64) } else { Self::Float(value) }
    }
}

macro_rules! int {
    ($($kind:ty),*) => {$(
        impl From<$kind> for MetricValue {
            #[allow(clippy::cast_lossless)]
            fn from(value: $kind) -> Self {
                // What does not fit keeps its size, if not its last digits.
                i64::try_from(value).map_or(Self::Float(value as f64), Self::Int)
            }
        }
    )*};
}
int!(u32, u64, usize, i32, i64);

impl From<f64> for MetricValue {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl RuntimeMetric {
    fn new(name: impl Into<String>, metric_type: MetricType, value: MetricValue) -> Self {
        Self { name: name.into(), metric_type, value, unit: None, tags: BTreeMap::new() }
    }

    /// A gauge without unit and tags.
    ///
    /// ```
    /// let metric = runtime_metrics::RuntimeMetric::gauge("cache.entries", 42);
    /// assert_eq!(metric.value.as_f64(), 42.0);
    /// ```
    pub fn gauge(name: impl Into<String>, value: impl Into<MetricValue>) -> Self {
        Self::new(name, MetricType::Gauge, value.into())
    }

    /// A counter without unit and tags.
    ///
    /// ```
    /// let metric = runtime_metrics::RuntimeMetric::counter("cache.hits", 42u64);
    /// assert_eq!(metric.metric_type, runtime_metrics::MetricType::Counter);
    /// ```
    pub fn counter(name: impl Into<String>, value: impl Into<MetricValue>) -> Self {
        Self::new(name, MetricType::Counter, value.into())
    }

    /// States the unit.
    ///
    /// ```
    /// let metric = runtime_metrics::RuntimeMetric::gauge("cache.size", 42).with_unit("bytes");
    /// assert_eq!(metric.unit.as_deref(), Some("bytes"));
    /// ```
    #[must_use]
    pub fn with_unit(mut self, unit: impl Into<String>) -> Self {
        self.unit = Some(unit.into());
        self
    }

    /// Adds a tag.
    ///
    /// ```
    /// let metric = runtime_metrics::RuntimeMetric::gauge("cache.size", 42).with_tag("cache", "users");
    /// assert_eq!(metric.tags["cache"], "users");
    /// ```
    #[must_use]
    pub fn with_tag(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags.insert(name.into(), value.into());
        self
    }
}

/// The share of the values that each exported quantile stands for.
pub(crate) const QUANTILES: [(&str, f64); 4] = [("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99)];

impl RuntimeMetrics {
    /// A payload of these values, read now.
    ///
    /// ```
    /// use runtime_metrics::{RuntimeMetric, RuntimeMetrics};
    ///
    /// let payload = RuntimeMetrics::now(vec![RuntimeMetric::gauge("cache.entries", 42)]);
    /// assert_eq!(payload.metrics.len(), 1);
    /// ```
    pub fn now(metrics: Vec<RuntimeMetric>) -> Self {
        Self { timestamp: SystemTime::now(), platform: "rust".to_owned(), metrics }
    }
}

impl From<&Snapshot> for RuntimeMetrics {
    /// Everything in the snapshot, each series with the labels of the identity.
    fn from(snapshot: &Snapshot) -> Self {
        Self::only(snapshot, |_, _| true)
    }
}

impl RuntimeMetrics {
    /// The same of those series that are wanted.
    pub(crate) fn only(snapshot: &Snapshot, mut wanted: impl FnMut(&FamilySnapshot, &SeriesSnapshot) -> bool) -> Self {
        let mut metrics = Vec::new();
        for family in &snapshot.families {
            for series in family.series.iter().filter(|series| wanted(family, series)) {
                let template = RuntimeMetric {
                    name: family.name.clone(),
                    metric_type: MetricType::Gauge,
                    value: MetricValue::Int(0),
                    unit: (!family.unit.is_empty()).then(|| family.unit.clone()),
                    tags: tags(&snapshot.identity.complete(&series.labels)),
                };
                push(&mut metrics, template, &series.value);
            }
        }
        Self { timestamp: snapshot.time, ..Self::now(metrics) }
    }
}

fn tags(labels: &LabelSet) -> BTreeMap<String, String> {
    let mut tags = BTreeMap::new();
    // `collect` would sort them first, and they are.
    tags.extend(labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())));
    tags
}

fn push(metrics: &mut Vec<RuntimeMetric>, template: RuntimeMetric, value: &Reading) {
    match value {
        Reading::Counter(count) => {
            metrics.push(RuntimeMetric { metric_type: MetricType::Counter, value: (*count).into(), ..template });
        }
        Reading::CounterFloat(count) => {
            metrics.push(RuntimeMetric { metric_type: MetricType::Counter, value: (*count).into(), ..template });
        }
        Reading::Gauge(value) => metrics.push(RuntimeMetric { value: MetricValue::shortest(*value), ..template }),
        Reading::Distribution(distribution) => push_stats(metrics, &template, distribution_stats(distribution)),
        Reading::Summary(summary) => push_stats(metrics, &template, summary_stats(summary)),
    }
}

/// A statistic: the value of the tag `stat`, and its own.
type Stat = (Cow<'static, str>, MetricValue);

fn push_stats(metrics: &mut Vec<RuntimeMetric>, template: &RuntimeMetric, stats: Vec<Stat>) {
    metrics.extend(stats.into_iter().map(|(stat, value)| {
        RuntimeMetric { metric_type: MetricType::Distribution, value, ..template.clone() }.with_tag("stat", stat)
    }));
}

fn distribution_stats(distribution: &Distribution) -> Vec<Stat> {
    let mut stats = totals(distribution.count, distribution.sum, distribution.min, distribution.max);
    stats.extend(QUANTILES.iter().filter_map(|(stat, q)| Some(((*stat).into(), distribution.quantile(*q)?.into()))));
    stats
}

fn summary_stats(summary: &SummarySnapshot) -> Vec<Stat> {
    let mut stats = totals(summary.count, summary.sum, summary.min, summary.max);
    stats.extend(summary.quantiles.iter().filter_map(|(share, value)| Some((percentile(*share), (*value)?.into()))));
    stats
}

fn totals(count: u64, sum: f64, min: Option<f64>, max: Option<f64>) -> Vec<Stat> {
    let mut stats = vec![("count".into(), count.into()), ("sum".into(), sum.into())];
    stats.extend(min.map(|min| ("min".into(), min.into())));
    stats.extend(max.map(|max| ("max".into(), max.into())));
    stats
}

/// `p99` for 0.99, `p99.9` for 0.999: hundredfold without the float's last digits.
pub(crate) fn percentile(share: f64) -> Cow<'static, str> {
    let text = format!("{:.10}", share * 100.0);
    format!("p{}", text.trim_end_matches('0').trim_end_matches('.')).into()
}

#[cfg(feature = "serde")]
#[allow(clippy::ref_option)] // the signature that serde calls
fn is_empty(unit: &Option<String>) -> bool {
    unit.as_deref().unwrap_or_default().is_empty()
}

#[cfg(feature = "serde")]
fn finite_only<S: serde::Serializer>(metrics: &[RuntimeMetric], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(metrics.iter().filter(|metric| metric.value.as_f64().is_finite()))
}

#[cfg(feature = "serde")]
mod timestamp {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use std::time::SystemTime;

    pub(super) fn serialize<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&humantime::format_rfc3339_millis(*time))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SystemTime, D::Error> {
        let text = String::deserialize(deserializer)?;
        humantime::parse_rfc3339(&text)
            .map_err(|error| D::Error::custom(format_args!("timestamp `{text}` is not RFC 3339 in UTC: {error}")))
    }
}

#[cfg(all(test, feature = "serde"))]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_payload_goes_there_and_back_as_the_same_json() {
        let payload = json!({
            "timestamp": "2026-02-03T04:05:06.007Z",
            "platform": "rust",
            "metrics": [
                {"name": "cache.size", "type": "gauge", "value": 1024, "unit": "bytes"},
                {"name": "cache.hits", "type": "counter", "value": 3, "tags": {"cache": "users"}},
                {"name": "cache.wait", "type": "distribution", "value": 0.25, "tags": {"stat": "p99"}},
            ]
        });
        let parsed: RuntimeMetrics = serde_json::from_value(payload.clone()).unwrap();
        assert_eq!(parsed.metrics[1].metric_type, MetricType::Counter);
        assert_eq!(serde_json::to_value(&parsed).unwrap(), payload);
    }

    #[test]
    fn what_is_not_finite_never_reaches_the_wire() {
        let values = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1.5];
        let payload = RuntimeMetrics::now(values.into_iter().map(|value| RuntimeMetric::gauge("g", value)).collect());
        let wire = serde_json::to_value(&payload).unwrap();
        assert_eq!(wire["metrics"], json!([{"name": "g", "type": "gauge", "value": 1.5}]));
    }

    #[test]
    fn a_quantile_is_called_as_people_call_it() {
        let called = [0.0, 0.05, 0.5, 0.999, 0.07, 0.29, 1.0].map(percentile);
        assert_eq!(called, ["p0", "p5", "p50", "p99.9", "p7", "p29", "p100"]);
    }

    #[test]
    fn a_number_that_no_i64_holds_stays_a_number() {
        assert_eq!(MetricValue::from(u64::MAX), MetricValue::Float(u64::MAX as f64));
    }
}
