//! Reads what a library says it has recorded.

use measured::metric::MetricFamilyEncoding;
use measured::metric::name::MetricName;
use measured::text::BufferedTextEncoder;
use metrics_exporter_prometheus::PrometheusHandle;
use prometheus_client::registry::{Metric, Registry};

/// The sum of all samples with this name and (a part of) these labels, in Prometheus text.
fn sum(text: &str, name: &str, labels: &str) -> f64 {
    let samples = text.lines().filter_map(|line| {
        let rest = line.strip_prefix(name)?;
        let value = rest.rsplit(' ').next()?;
        (rest.starts_with([' ', '{']) && rest.contains(labels)).then(|| value.parse().unwrap_or(f64::NAN))
    });
    samples.sum()
}

/// What a library says about a measured function.
pub struct Seen {
    pub calls: f64,
    pub durations: f64,
    pub active: f64,
}

impl Seen {
    /// The number of calls, if all of it agrees.
    pub fn agreed(&self) -> f64 {
        let agrees = (self.calls - self.durations).abs() < 0.5 && self.active.abs() < 0.5;
        if agrees { self.calls } else { f64::NAN }
    }
}

pub fn ours(name: &'static str) -> impl Fn() -> f64 {
    move || sum(&ours_text(), name, "")
}

/// Of a function with `#[metered]`.
pub fn ours_function(action: &str) -> Seen {
    let (text, label) = (ours_text(), format!("action=\"{action}\""));
    Seen {
        calls: sum(&text, "action_requests_total", &label),
        durations: sum(&text, "action_duration_seconds_count", &label),
        active: sum(&text, "action_active_requests", &label),
    }
}

fn ours_text() -> String {
    runtime_metrics::export::openmetrics(&runtime_metrics::registry().snapshot())
}

pub fn metrics(handle: &PrometheusHandle, name: &str) -> impl Fn() -> f64 + use<> {
    let (handle, name) = (handle.clone(), name.to_owned());
    move || sum(&handle.render(), &name, "")
}

/// Of a function with `#[autometrics]`.
pub fn autometrics_function(function: &str) -> Seen {
    let label = format!("function=\"{function}\"");
    let text = prometheus::TextEncoder::new().encode_to_string(&prometheus::gather()).unwrap_or_default();
    Seen {
        calls: sum(&text, "function_calls_total", &label),
        durations: sum(&text, "function_calls_duration_seconds_count", &label),
        active: sum(&text, "function_calls_concurrent", &label),
    }
}

/// Of a metric that is registered as `metric`.
pub fn prometheus_client(metric: impl Metric, suffix: &'static str) -> impl Fn() -> f64 {
    let mut registry = Registry::default();
    registry.register("metric", "what is read back", metric);
    let sample = format!("metric{suffix}");
    move || {
        let mut text = String::new();
        match prometheus_client::encoding::text::encode(&mut text, &registry) {
            Ok(()) => sum(&text, &sample, ""),
            Err(_) => f64::NAN,
        }
    }
}

pub fn measured(metric: &impl MetricFamilyEncoding<BufferedTextEncoder>, suffix: &'static str) -> impl Fn() -> f64 {
    let sample = format!("metric{suffix}");
    move || {
        let mut encoder = BufferedTextEncoder::new();
        let Ok(()) = metric.collect_family_into(MetricName::from_str("metric"), &mut encoder);
        sum(&String::from_utf8_lossy(&encoder.finish()), &sample, "")
    }
}

pub fn metriken(name: &'static str) -> impl Fn() -> f64 {
    use metriken::Value;
    move || {
        let metrics = metriken::metrics();
        let value = metrics.iter().find(|metric| metric.name() == name).and_then(|metric| match metric.value()? {
            Value::Counter(count) => Some(count as f64),
            Value::Gauge(value) => Some(value as f64),
            Value::CounterGroup(group) => group.load_counters().map(|counts| counts.iter().sum::<u64>() as f64),
            Value::Histogram(histogram) => histogram.load().map(|seen| seen.as_slice().iter().sum::<u64>() as f64),
            _ => None,
        });
        value.unwrap_or(f64::NAN)
    }
}
