//! `opentelemetry_sdk` with `opentelemetry-prometheus`: with attributes in every call, and bound (experimental).

use crate::by_hand::timed;
use crate::harness::Case;
use crate::input::{BOUNDS, each_pair, labels, latencies, pair, value};
use crate::read::sum;
use crate::work::Work;
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Meter, MeterProvider};
use opentelemetry_sdk::metrics::SdkMeterProvider;
use prometheus::{Registry, TextEncoder};
use std::error::Error;
use std::time::Duration;

/// # Errors
///
/// If the exporter can't be set up.
pub fn cases() -> Result<Vec<Case>, Box<dyn Error>> {
    let registry = Registry::new();
    let exporter = opentelemetry_prometheus::exporter().with_registry(registry.clone()).build()?;
    let provider = super::keep(SdkMeterProvider::builder().with_reader(exporter).build());
    let meter = provider.meter("peers");
    Ok(counters(&meter, &registry).into_iter().chain(values(&meter, &registry)).collect())
}

fn read(registry: &Registry, sample: &'static str) -> impl Fn() -> f64 + use<> {
    let registry = registry.clone();
    move || TextEncoder::new().encode_to_string(&registry.gather()).map_or(f64::NAN, |text| sum(&text, sample, ""))
}

fn counters(meter: &Meter, registry: &Registry) -> [Case; 4] {
    let [plain, unbound, labelled, bound] =
        ["counter", "counter_bound", "labels", "bound"].map(|name| meter.u64_counter(name).build());
    let unbound = unbound.bind(&[]);
    let set = |method, status| [KeyValue::new("method", method), KeyValue::new("status", status)];
    let handles = each_pair(|method, status| bound.bind(&set(method, status)));
    let by_text = move |at| {
        let (method, status) = labels(at);
        labelled.add(1, &set(method, status));
    };
    [
        Case::new(Work::Counter, "`Counter::add`", move |_| plain.add(1, &[])).total(read(registry, "counter_total")),
        Case::new(Work::Counter, "`BoundCounter::add`", move |_| unbound.add(1))
            .total(read(registry, "counter_bound_total")),
        Case::new(Work::Labels, "`Counter::add`, `&'static str`", by_text).total(read(registry, "labels_total")),
        Case::new(Work::Bound, "`BoundCounter::add`", move |at| handles[pair(at)].add(1))
            .total(read(registry, "bound_total")),
    ]
}

fn values(meter: &Meter, registry: &Registry) -> [Case; 4] {
    let values = latencies();
    let gauge = meter.f64_gauge("gauge").build();
    let [observed, bound, times] = ["observed", "observed_bound", "times"]
        .map(|name| meter.f64_histogram(name).with_boundaries(BOUNDS.to_vec()).build());
    let (bound, times) = (bound.bind(&[]), times.bind(&[]));
    let time = move |took: Duration| times.record(took.as_secs_f64());
    [
        Case::new(Work::Gauge, "`Gauge::record`", move |at| gauge.record(at as f64, &[])).last(read(registry, "gauge")),
        Case::new(Work::Histogram, "`Histogram::record`", move |at| observed.record(value(values, at), &[]))
            .total(read(registry, "observed_count")),
        Case::new(Work::Histogram, "`BoundHistogram::record`", move |at| bound.record(value(values, at)))
            .total(read(registry, "observed_bound_count")),
        Case::new(Work::Timer, "`Instant`, `BoundHistogram::record`", timed(time)).total(read(registry, "times_count")),
    ]
}
