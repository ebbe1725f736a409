//! One `trace_metric` for each value that a series has: names, units and attributes as Sentry
//! wants them.

use super::ledger::{self, What, reason};
use crate::label::LabelSet;
use crate::protocol::{QUANTILES, percentile};
use crate::snapshot::Gain;
use crate::snapshot::{Distribution, Reading};
use crate::status::report;
use sentry_core::ClientOptions;
use sentry_core::protocol::client_report::{Category, LossSource};
use sentry_core::protocol::{LogAttribute, Map, Metric, MetricType, TraceId, Unit};
use std::borrow::Cow;
use std::io;
use std::sync::Arc;
use std::time::SystemTime;

/// Sentry drops a metric that has more bytes than this, counted as it counts them.
const LARGEST: u64 = 2048;

type Attributes = Map<Cow<'static, str>, LogAttribute>;
type Hook = Arc<dyn Fn(Metric) -> Option<Metric> + Send + Sync>;

/// What all metrics of a client have in common.
pub(super) struct Samples {
    /// The protocol asks for one.
    trace_id: TraceId,
    common: Attributes,
    /// The program's own `before_send_metric`.
    hook: Option<Hook>,
}

/// What all metrics of a series have in common.
pub(super) struct About<'a> {
    name: &'a str,
    unit: Option<Unit>,
    attributes: Attributes,
    time: SystemTime,
}

impl Samples {
    pub(super) fn new(options: &ClientOptions) -> Self {
        Self { trace_id: TraceId::default(), common: common(options), hook: options.before_send_metric.clone() }
    }

    pub(super) fn about<'a>(&self, name: &'a str, unit: &str, labels: &LabelSet, time: SystemTime) -> About<'a> {
        let mut attributes = self.common.clone();
        attributes.extend(labels.iter().map(|(name, value)| (Cow::Owned(name.to_owned()), value.into())));
        About { name, unit: named(unit), attributes, time }
    }

    /// The metrics that tell a gain, and how many bytes they have as JSON.
    pub(super) fn of(&self, about: &About<'_>, gain: &Gain, now: &Reading) -> (Vec<Metric>, usize) {
        let (mut metrics, mut bytes) = (Vec::new(), 0);
        let mut add = |suffix: &str, r#type: MetricType, value: f64| {
            if let Some(metric) = self.metric(about, suffix, r#type, value) {
                bytes += size(&metric);
                metrics.push(metric);
            }
        };
        match gain {
            Gain::Counter(gained) => add("", MetricType::Counter, *gained),
            Gain::Gauge(value) => add("", MetricType::Gauge, *value),
            Gain::Distribution(gained) => {
                add_totals(&mut add, gained.count, gained.sum);
                for (stat, value) in spread(gained) {
                    add(&format!(".{stat}"), MetricType::Gauge, value);
                }
            }
            Gain::Summary { count, sum } => {
                add_totals(&mut add, *count, *sum);
                let Reading::Summary(window) = now else { return (metrics, bytes) };
                for (share, value) in &window.quantiles {
                    let Some(value) = value else { continue };
                    add(&format!(".{}", percentile(*share)), MetricType::Gauge, *value);
                }
            }
        }
        (metrics, bytes)
    }

    fn metric(&self, about: &About<'_>, suffix: &str, r#type: MetricType, value: f64) -> Option<Metric> {
        if !value.is_finite() {
            return None;
        }
        let metric = Metric {
            r#type,
            name: format!("{}{suffix}", about.name).into(),
            value,
            timestamp: about.time,
            trace_id: self.trace_id,
            span_id: None,
            unit: about.unit.clone().filter(|_| suffix != ".count"),
            attributes: about.attributes.clone(),
        };
        let metric = match &self.hook {
            Some(hook) => hook(metric)?,
            None => metric,
        };
        let bytes = metric.losses().find(|loss| loss.category == Category::TraceMetricByte);
        if bytes.is_some_and(|bytes| bytes.quantity > LARGEST) {
            ledger::lost(What::TraceMetric, reason::TOO_LARGE, 1);
            let subject = about.name.to_owned();
            report(subject, format!("Sentry drops a trace metric of more than {LARGEST} bytes; shorten its labels"));
            return None;
        }
        Some(metric)
    }
}

fn add_totals(add: &mut impl FnMut(&str, MetricType, f64), count: u64, sum: f64) {
    add(".count", MetricType::Counter, count as f64);
    // A counter can't fall, as the sum of negative values does.
    if sum >= 0.0 {
        add(".sum", MetricType::Counter, sum);
    }
    add(".avg", MetricType::Gauge, sum / count as f64);
}

fn spread(gained: &Distribution) -> impl Iterator<Item = (&'static str, f64)> + '_ {
    let quantiles = QUANTILES.iter().map(|(stat, share)| (*stat, gained.quantile(*share)));
    let stats = quantiles.chain([("min", gained.min), ("max", gained.max)]);
    stats.filter_map(|(stat, value)| Some((stat, value?)))
}

/// The unit as Sentry calls it, which knows the plural and the symbol of each; none where Sentry has
/// none, as for a count of things.
fn named(unit: &str) -> Option<Unit> {
    match Unit::from(unit.to_owned()) {
        Unit::Other(_) => None,
        unit => Some(unit),
    }
}

/// The attributes that the SDK gives to the metrics it makes, and where ours come from.
fn common(options: &ClientOptions) -> Attributes {
    let texts = [
        ("sentry.origin", Some(Cow::Borrowed("auto.rust.runtime_metrics"))),
        ("sentry.environment", options.environment.clone()),
        ("sentry.release", options.release.clone()),
        ("server.address", options.server_name.clone()),
        ("sentry.sdk.name", Some("sentry.rust".into())),
        ("sentry.sdk.version", options.user_agent.split_once('/').map(|(_, version)| version.to_owned().into())),
    ];
    let given = texts.into_iter().filter_map(|(name, text)| Some((name.into(), text?.into_owned().into())));
    given.collect()
}

/// How many bytes it is as JSON, with the comma behind it.
fn size(metric: &Metric) -> usize {
    struct Counted(usize);
    impl io::Write for Counted {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut counted = Counted(1);
    // What can't be written is counted as far as it went; the SDK reports it when it tries.
    let _ = serde_json::to_writer(&mut counted, metric);
    counted.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Histogram;
    use serde_json::{Value, json};
    use std::time::{Duration, UNIX_EPOCH};

    fn labels(value: &str) -> LabelSet {
        LabelSet::new([("service", "shop"), ("route", value)].map(|(name, value)| (name.into(), value.into())))
    }

    fn sampled(options: &ClientOptions, unit: &str, gain: &Gain, route: &str) -> Vec<Value> {
        let samples = Samples::new(options);
        let about = samples.about("requests", unit, &labels(route), UNIX_EPOCH + Duration::from_secs(1_750_000_000));
        let (metrics, bytes) = samples.of(&about, gain, &Reading::Gauge(0.0));
        let values: Vec<Value> = metrics.iter().map(|metric| serde_json::to_value(metric).unwrap()).collect();
        assert_eq!(bytes, values.iter().map(|value| value.to_string().len() + 1).sum::<usize>());
        values
    }

    #[test]
    fn a_metric_is_what_the_protocol_says() {
        let options = ClientOptions::new().release("shop@1.2.3").environment("production").server_name("node-7");
        let metrics = sampled(&options, "seconds", &Gain::Counter(2.5), "/orders");
        let [metric] = &metrics[..] else { panic!("{metrics:?}") };
        assert_eq!(
            (&metric["type"], &metric["name"], &metric["value"]),
            (&json!("counter"), &json!("requests"), &json!(2.5))
        );
        assert_eq!((&metric["unit"], &metric["timestamp"]), (&json!("second"), &json!(1_750_000_000)));
        assert_eq!(metric["trace_id"].as_str().unwrap().len(), 32);
        let text = |text: &str| json!({"value": text, "type": "string"});
        let version = metric["attributes"]["sentry.sdk.version"].clone();
        assert!(version["value"].as_str().unwrap().starts_with("0.49"), "{version}");
        let attributes = json!({
            "route": text("/orders"),
            "service": text("shop"),
            "sentry.origin": text("auto.rust.runtime_metrics"),
            "sentry.environment": text("production"),
            "sentry.release": text("shop@1.2.3"),
            "server.address": text("node-7"),
            "sentry.sdk.name": text("sentry.rust"),
            "sentry.sdk.version": version,
        });
        assert_eq!(metric["attributes"], attributes);
    }

    /// The figures in `docs/sentry.md`.
    #[test]
    fn what_aggregation_saves_is_what_the_docs_say() {
        let options = ClientOptions::new().release("shop@1.2.3").environment("production").server_name("node-7");
        let histogram = Histogram::new("samples_saved", "Values.").register();
        (1..=10_000).for_each(|value| histogram.observe(f64::from(value) * 1e-4));
        let gains = [Gain::Counter(10_000.0), Gain::Gauge(7.0), Gain::Distribution(histogram.distribution())];
        let items: Vec<Value> = gains.iter().flat_map(|gain| sampled(&options, "seconds", gain, "/orders")).collect();
        let bytes: usize = items.iter().map(|item| item.to_string().len() + 1).sum();
        assert_eq!(items.len(), 11);
        assert_eq!((bytes as f64 / items.len() as f64 / 10.0).round(), 60.0, "{bytes}");
    }

    #[test]
    fn units_are_those_of_sentry() {
        let of = |unit| named(unit).map(|unit| serde_json::to_value(unit).unwrap());
        let known = ["seconds", "bytes", "milliseconds", "microseconds", "percent", "ratio"].map(of);
        let singular = ["second", "byte", "millisecond", "microsecond", "percent", "ratio"];
        assert_eq!(known, singular.map(|unit| Some(json!(unit))));
        assert_eq!(["", "1", "count", "requests", "celsius"].map(of), [const { None }; 5]);
    }

    #[test]
    fn a_distribution_is_percentiles_and_totals() {
        let histogram = Histogram::new("samples_histogram", "Values.").register();
        (1..=100).for_each(|value| histogram.observe(value));
        let metrics = sampled(&ClientOptions::new(), "seconds", &Gain::Distribution(histogram.distribution()), "/");
        let of = |name: &str| metrics.iter().find(|metric| metric["name"] == name).unwrap();
        assert_eq!(metrics.len(), 9);
        let count = of("requests.count");
        assert_eq!((&count["type"], &count["value"], count.get("unit")), (&json!("counter"), &json!(100.0), None));
        assert_eq!((&of("requests.sum")["value"], &of("requests.sum")["unit"]), (&json!(5050.0), &json!("second")));
        for (name, value) in [("avg", 50.5), ("min", 1.0), ("max", 100.0), ("p50", 50.0), ("p90", 90.0), ("p99", 99.0)]
        {
            let metric = of(&format!("requests.{name}"));
            assert_eq!(metric["type"], "gauge");
            assert!((metric["value"].as_f64().unwrap() / value - 1.0).abs() < 0.05, "{metric}");
        }
    }

    #[test]
    fn what_sentry_would_drop_is_told_and_what_the_program_wants_out_is_left_out() {
        let options = ClientOptions::new();
        assert_eq!(sampled(&options, "", &Gain::Gauge(1.0), &"x".repeat(3000)), Vec::<Value>::new());
        let told = crate::status().problems.into_iter().find(|problem| problem.subject == "requests").unwrap();
        assert!(told.message.contains("2048 bytes"), "{told}");
        assert_eq!(sampled(&options, "", &Gain::Gauge(f64::NAN), "/"), Vec::<Value>::new());
        let mut options = ClientOptions::new();
        options.before_send_metric = Some(Arc::new(|metric: Metric| (metric.value > 1.0).then_some(metric)));
        assert_eq!(sampled(&options, "", &Gain::Gauge(1.0), "/").len(), 0);
        assert_eq!(sampled(&options, "", &Gain::Gauge(2.0), "/").len(), 1);
    }
}
