//! `metrics-lib`.

use super::keep;
use crate::harness::Case;
use crate::input::{BOUNDS, each_pair, labels, latencies, pair, value};
use crate::read::sum;
use crate::work::Work;
use metrics_lib::exporters::prometheus::render;
use metrics_lib::{LabelSet, Registry, Result};

/// # Errors
///
/// If a metric is refused.
pub fn cases() -> Result<Vec<Case>> {
    let registry: &'static Registry = keep(Registry::new());
    for histogram in ["observed", "observed_times"] {
        registry.configure_histogram(histogram, BOUNDS)?;
    }
    Ok(counters(registry).into_iter().chain(labelled(registry)).chain(values(registry)).collect())
}

fn read(registry: &'static Registry, sample: &'static str) -> impl Fn() -> f64 {
    move || sum(&render(registry), sample, "")
}

fn counters(registry: &'static Registry) -> [Case; 3] {
    let (counter, sharded) = (registry.counter("counter"), registry.sharded_counter("counter_sharded"));
    [
        Case::new(Work::Counter, "`Counter::inc`, a held handle", move |_| counter.inc())
            .total(read(registry, "counter")),
        Case::new(Work::Counter, "`ShardedCounter::inc`, a held handle", move |_| sharded.inc())
            .total(read(registry, "counter_sharded")),
        Case::new(Work::Counter, "`registry.counter(\"name\").inc()`", |_| registry.counter("counter_by_name").inc())
            .total(read(registry, "counter_by_name")),
    ]
}

fn labelled(registry: &'static Registry) -> [Case; 2] {
    let set = |method, status| LabelSet::from([("method", method), ("status", status)]);
    let handles = each_pair(|method, status| registry.counter_with("bound", &set(method, status)));
    let by_text = move |at| {
        let (method, status) = labels(at);
        registry.counter_with("labels", &set(method, status)).inc();
    };
    [
        Case::new(Work::Labels, "`registry.counter_with(\"name\", …)`, `&'static str`", by_text)
            .total(read(registry, "labels")),
        Case::new(Work::Bound, "`Counter::inc`, held handles", move |at| handles[pair(at)].inc())
            .total(read(registry, "bound")),
    ]
}

fn values(registry: &'static Registry) -> [Case; 4] {
    let values = latencies();
    let (gauge, observed) = (registry.gauge("gauge"), registry.histogram("observed"));
    let (times, observed_times) = (registry.timer("times"), registry.histogram("observed_times"));
    [
        Case::new(Work::Gauge, "`Gauge::set`, a held handle", move |at| gauge.set(at as f64))
            .last(read(registry, "gauge")),
        Case::new(Work::Histogram, "`Histogram::observe`, a held handle", move |at| {
            observed.observe(value(values, at));
        })
        .total(read(registry, "observed_count")),
        Case::new(Work::Timer, "`Timer::start` (no buckets)", move |_| drop(times.start()))
            .total(read(registry, "times_count")),
        Case::new(
            Work::Timer,
            "`Instant`, `Histogram::observe_duration`",
            crate::by_hand::timed(move |took| observed_times.observe_duration(took)),
        )
        .total(read(registry, "observed_times_count")),
    ]
}
