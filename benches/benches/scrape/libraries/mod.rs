//! The libraries, each with the same series.

mod fastmetrics;
mod foundations;
mod measured;
mod metered;
mod metrics;
mod metrics_lib;
mod metriken;
mod opentelemetry;
mod ours;
mod prometheus;
mod prometheus_client;
mod reference;
mod vise;

use crate::shape::Shape;
use std::error::Error;

/// What a library has to do.
pub trait Library: Sync {
    /// Adds to every counter of the shape.
    fn count(&self, shape: &Shape);
    /// Observes one value for each bucket of each histogram.
    fn observe(&self);
    /// Writes all of it as text, and shows that to `see`.
    fn scrape(&mut self, see: &mut dyn FnMut(&[u8]));
    /// Whether its histograms can't have the bounds that the others have.
    fn has_own_buckets(&self) -> bool {
        false
    }
}

pub const REFERENCE: &str = "copy of the finished text (the reference)";
pub const OURS: &str = "**runtime-metrics**";
const FOUNDATIONS: &str = "foundations-metrics, `Counter`";
const FOUNDATIONS_LOCAL: &str = "foundations-metrics, `ThreadLocalCounter`";

/// The rows of the tables.
pub const NAMES: &[&str] = &[
    REFERENCE,
    OURS,
    "metrics",
    "prometheus-client",
    "prometheus",
    "metriken (own buckets)",
    "measured",
    FOUNDATIONS,
    FOUNDATIONS_LOCAL,
    "fastmetrics",
    "metered 0.10",
    "metrics-lib",
    "vise",
    "`opentelemetry_sdk`",
];

/// # Errors
///
/// If there is none of this name, or it can't be set up.
pub fn new(name: &str, shape: &Shape) -> Result<Box<dyn Library>, Box<dyn Error>> {
    Ok(match name {
        REFERENCE => Box::new(reference::Reference::new(shape)),
        OURS => Box::new(ours::Ours::new(shape)),
        "metrics" => Box::new(metrics::Facade::new()?),
        "prometheus-client" => Box::new(prometheus_client::Client::new()),
        "prometheus" => Box::new(prometheus::Prometheus::new()?),
        "metriken (own buckets)" => Box::new(metriken::Metriken::new(shape)),
        "measured" => Box::new(measured::Measured::new()),
        FOUNDATIONS => Box::new(foundations::Foundations::<foundations::Shared>::new()),
        FOUNDATIONS_LOCAL => Box::new(foundations::Foundations::<foundations::Local>::new()),
        "fastmetrics" => Box::new(fastmetrics::Fastmetrics::new()?),
        "metered 0.10" => Box::new(metered::Metered::new()),
        "metrics-lib" => Box::new(metrics_lib::MetricsLib::new(shape)?),
        "vise" => Box::new(vise::Vise::new()),
        "`opentelemetry_sdk`" => Box::new(opentelemetry::OpenTelemetry::new(shape)?),
        other => return Err(format!("there is no row `{other}`").into()),
    })
}

/// The name of a family of counters.
fn family(number: usize) -> &'static str {
    const NAMES: [&str; crate::shape::FAMILIES] = [
        "requests_0",
        "requests_1",
        "requests_2",
        "requests_3",
        "requests_4",
        "requests_5",
        "requests_6",
        "requests_7",
        "requests_8",
        "requests_9",
    ];
    NAMES[number]
}
