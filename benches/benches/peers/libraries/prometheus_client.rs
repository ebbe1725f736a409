//! `prometheus-client`.

use super::keep;
use crate::by_hand::{ByHand, functions, timed};
use crate::harness::Case;
use crate::input::{BOUNDS, Method, Status, each_pair, labels, latencies, pair, typed, value};
use crate::read::{Seen, sum};
use crate::work::Work;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry};
use std::sync::atomic::AtomicU64;
use std::time::Duration;

/// Labels as it documents them.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Owned {
    method: String,
    status: String,
}

/// The same with less to do, where all label values are in the program text.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Static {
    method: &'static str,
    status: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Typed {
    method: Method,
    status: Status,
}

pub fn cases() -> Vec<Case> {
    labelled().into_iter().chain(bound()).chain(values()).chain(functions(|_| Handles::new())).collect()
}

/// Reads a metric that is registered as `metric`.
fn read(metric: impl Metric, suffix: &'static str) -> impl Fn() -> f64 {
    let mut registry = Registry::default();
    registry.register("metric", "what is read back", metric);
    let sample = format!("metric{suffix}");
    move || {
        let mut text = String::new();
        encode(&mut text, &registry).map_or(f64::NAN, |()| sum(&text, &sample, ""))
    }
}

fn labelled() -> [Case; 2] {
    let statics = keep(Family::<Static, Counter>::default());
    let owned = keep(Family::<Owned, Counter>::default());
    let by_static = |at| {
        let (method, status) = labels(at);
        statics.get_or_create(&Static { method, status }).inc();
    };
    let by_owned = |at| {
        let (method, status) = labels(at);
        owned.get_or_create(&Owned { method: method.to_owned(), status: status.to_owned() }).inc();
    };
    [
        Case::new(Work::Labels, "`Family`, `&'static str`", by_static).total(read(statics.clone(), "_total")),
        Case::new(Work::Labels, "`Family`, `String`", by_owned).total(read(owned.clone(), "_total")),
    ]
}

fn bound() -> [Case; 2] {
    let family = Family::<Static, Counter>::default();
    let handles = each_pair(|method, status| family.get_or_create_owned(&Static { method, status }));
    let typed_family = keep(Family::<Typed, Counter>::default());
    let by_type = |at| {
        let (method, status) = typed(at);
        typed_family.get_or_create(&Typed { method, status }).inc();
    };
    [
        Case::new(Work::Bound, "`Counter::inc`, held handles", move |at| handles[pair(at)].inc())
            .total(read(family, "_total")),
        Case::new(Work::Bound, "`Family`, enums", by_type).total(read(typed_family.clone(), "_total")),
    ]
}

fn values() -> [Case; 4] {
    let values = latencies();
    let (counter, gauge) = (keep(<Counter>::default()), keep(Gauge::<f64, AtomicU64>::default()));
    let (observed, times) = (keep(Histogram::new(BOUNDS)), keep(Histogram::new(BOUNDS)));
    [
        Case::new(Work::Counter, "`Counter::inc`", |_| counter.inc()).total(read(counter.clone(), "_total")),
        Case::new(Work::Gauge, "`Gauge<f64>::set`", |at| gauge.set(at as f64)).last(read(gauge.clone(), "")),
        Case::new(Work::Histogram, "`Histogram::observe`", move |at| observed.observe(value(values, at)))
            .total(read(observed.clone(), "_count")),
        Case::new(Work::Timer, "`Instant`, `Histogram::observe`", timed(|took| times.observe(took.as_secs_f64())))
            .total(read(times.clone(), "_count")),
    ]
}

struct Handles {
    ok: Counter,
    failed: Counter,
    active: Gauge,
    times: Histogram,
}

impl Handles {
    fn new() -> Self {
        Self {
            ok: Counter::default(),
            failed: Counter::default(),
            active: Gauge::default(),
            times: Histogram::new(BOUNDS),
        }
    }
}

impl ByHand for Handles {
    #[inline]
    fn start(&self) {
        self.active.inc();
    }

    #[inline]
    fn finish(&self, failed: bool, took: Duration) {
        if failed { &self.failed } else { &self.ok }.inc();
        self.times.observe(took.as_secs_f64());
        self.active.dec();
    }

    fn seen(&self) -> Seen {
        let calls = [&self.ok, &self.failed].map(|calls| read(calls.clone(), "_total")());
        Seen {
            calls: calls.iter().sum(),
            durations: read(self.times.clone(), "_count")(),
            active: read(self.active.clone(), "")(),
        }
    }
}
