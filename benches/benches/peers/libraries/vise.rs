//! `vise`.

use crate::harness::Case;
use crate::input::{BOUNDS, Method, Status, each_pair, labels, latencies, pair, typed, value};
use crate::read::sum;
use crate::work::Work;
use std::time::Duration;
use vise::{
    Buckets, Counter, EncodeLabelSet, Family, Format, Gauge, Global, Histogram, LabeledFamily, Metrics, Registry,
};

const BUCKETS: Buckets = Buckets::values(&BOUNDS);

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Typed {
    method: Method,
    status: Status,
}

#[derive(Debug, Metrics)]
struct Peer {
    /// Counts.
    counter: Counter,
    /// Counts by labels.
    #[metrics(labels = ["method", "status"])]
    labels: LabeledFamily<(&'static str, &'static str), Counter, 2>,
    /// Counts by labels that are known before.
    #[metrics(labels = ["method", "status"])]
    bound: LabeledFamily<(&'static str, &'static str), Counter, 2>,
    /// Counts by enums.
    types: Family<Typed, Counter>,
    /// Is set.
    gauge: Gauge<f64>,
    /// Observes.
    #[metrics(buckets = BUCKETS)]
    observed: Histogram<f64>,
    /// Observes times.
    #[metrics(buckets = BUCKETS)]
    times: Histogram<Duration>,
}

static PEER: Global<Peer> = Global::new();

pub fn cases() -> Vec<Case> {
    let values = latencies();
    let handles = each_pair(|method, status| &PEER.bound[&(method, status)]);
    let by_type = |at| {
        let (method, status) = typed(at);
        PEER.types[&Typed { method, status }].inc()
    };
    vec![
        Case::new(Work::Counter, "`Counter::inc` of a `static`", |_| PEER.counter.inc()).total(read("counter_total")),
        Case::new(Work::Labels, "`LabeledFamily`, `&'static str`", |at| PEER.labels[&labels(at)].inc())
            .total(read("labels_total")),
        Case::new(Work::Bound, "`Counter::inc`, held references", move |at| handles[pair(at)].inc())
            .total(read("bound_total")),
        Case::new(Work::Bound, "`Family`, enums", by_type).total(read("types_total")),
        Case::new(Work::Gauge, "`Gauge<f64>::set`", |at| PEER.gauge.set(at as f64)).last(read("gauge")),
        Case::new(Work::Histogram, "`Histogram::observe`", move |at| PEER.observed.observe(value(values, at)))
            .total(read("observed_count")),
        Case::new(Work::Timer, "`Histogram::start`", |_| PEER.times.start().observe()).total(read("times_count")),
    ]
}

fn read(sample: &'static str) -> impl Fn() -> f64 {
    let mut registry = Registry::empty();
    registry.register_metrics::<Peer>(&PEER);
    move || {
        let mut text = String::new();
        registry.encode(&mut text, Format::OpenMetrics).map_or(f64::NAN, |()| sum(&text, sample, ""))
    }
}
