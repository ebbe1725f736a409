//! Counters, gauges, histograms and timers.

use super::read;
use crate::harness::{Case, Role};
use crate::input::{BOUNDS, each_pair, labels, latencies, pair, typed, value};
use crate::work::Work;
use runtime_metrics::{Counter, Gauge, Histogram, Timer, increment, metric, observe, set, timer};

#[metric(type = "counter", name = "bound_macro", labels = ["method", "status"])]
struct BoundMacro;

#[metric(type = "counter", name = "bound_type", labels = ["method", "status"])]
struct BoundType;

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    cases.extend(counters());
    cases.extend(labelled());
    cases.extend(bound());
    cases.extend(gauges());
    cases.extend(histograms());
    cases.extend(timers());
    cases
}

fn counters() -> [Case; 2] {
    let handle = Counter::new("counter_handle", "A handle.").register();
    [
        Case::new(Work::Counter, "`increment!(\"name\")`", |_| increment!("counter_macro"))
            .role(Role::Ours)
            .total(read("counter_macro_total")),
        Case::new(Work::Counter, "`Counter::increment`", move |_| handle.increment())
            .total(read("counter_handle_total")),
    ]
}

fn labelled() -> [Case; 2] {
    let handle = Counter::new("labels_handle", "A handle.").register();
    let by_macro = |at| {
        let (method, status) = labels(at);
        increment!("labels_macro", labels: {"method" => method, "status" => status});
    };
    let by_handle = move |at| {
        let (method, status) = labels(at);
        handle.add_with(1, &[("method", &method), ("status", &status)]);
    };
    [
        Case::new(Work::Labels, "`increment!(\"name\", labels: {…})`", by_macro)
            .role(Role::Ours)
            .total(read("labels_macro_total")),
        Case::new(Work::Labels, "`Counter::add_with`", by_handle).total(read("labels_handle_total")),
    ]
}

fn bound() -> [Case; 3] {
    let counter = Counter::new("bound_handle", "A handle.").register();
    let handles = each_pair(|method, status| counter.with(&[("method", &method), ("status", &status)]));
    let by_macro = |at| {
        let (method, status) = typed(at);
        increment!(BoundMacro, labels: {"method" => method, "status" => status});
    };
    let by_type = |at| {
        let (method, status) = typed(at);
        BoundType::with(method, status).increment();
    };
    [
        Case::new(Work::Bound, "`Counter::increment`, handles of `with`", move |at| handles[pair(at)].increment())
            .role(Role::Ours)
            .total(read("bound_handle_total")),
        Case::new(Work::Bound, "`increment!(Type, labels: {…})`, enums", by_macro).total(read("bound_macro_total")),
        Case::new(Work::Bound, "`Type::with(…).increment()` in every call, enums", by_type)
            .total(read("bound_type_total")),
    ]
}

fn gauges() -> [Case; 2] {
    let handle = Gauge::new("gauge_handle", "A handle.").register();
    [
        Case::new(Work::Gauge, "`set!(\"name\", value: x)`", |at| set!("gauge_macro", value: at as f64))
            .role(Role::Ours)
            .last(read("gauge_macro")),
        Case::new(Work::Gauge, "`Gauge::set`", move |at| handle.set(at as f64)).last(read("gauge_handle")),
    ]
}

fn histograms() -> [Case; 3] {
    let values = latencies();
    let handle = Histogram::new("histogram_handle", "A handle.").with_buckets(BOUNDS.to_vec()).register();
    let by_macro = move |at| {
        observe!(
            "histogram_macro",
            value: value(values, at),
            buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0]
        );
    };
    let exponential = move |at| observe!("histogram_exponential", value: value(values, at));
    [
        Case::new(Work::Histogram, "`observe!(\"name\", value: x, buckets: […])`", by_macro)
            .role(Role::Ours)
            .total(read("histogram_macro_count")),
        Case::new(Work::Histogram, "`Histogram::observe`", move |at| handle.observe(value(values, at)))
            .total(read("histogram_handle_count")),
        Case::new(Work::Histogram, "`observe!(\"name\", value: x)`, 562 exponential buckets", exponential)
            .total(read("histogram_exponential_count")),
    ]
}

fn timers() -> [Case; 3] {
    let handle = Timer::new("timer_handle_seconds", "A handle.").register();
    let by_macro = |_| {
        drop(timer!("timer_macro", buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0]));
    };
    [
        Case::new(Work::Timer, "`timer!(\"name\", buckets: […])`, 11 bounds", by_macro)
            .role(Role::Ours)
            .total(read("timer_macro_seconds_count")),
        Case::new(Work::Timer, "`timer!(\"name\")`, 562 exponential buckets", |_| drop(timer!("timer_exponential")))
            .total(read("timer_exponential_seconds_count")),
        Case::new(Work::Timer, "`Timer::start`, 562 exponential buckets", move |_| drop(handle.start()))
            .total(read("timer_handle_seconds_count")),
    ]
}
