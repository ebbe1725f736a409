//! `foundations-metrics`, a beta: counters that are apart for each thread, the others shared.

use super::keep;
use crate::by_hand::timed;
use crate::harness::Case;
use crate::input::{BOUNDS, Method, PAIRS, Status, each_pair, labels, latencies, nanos, pair, typed, value};
use crate::read::sum;
use crate::work::Work;
use foundations_metrics::{
    Counter, EncodeMetric, EncodeMetricValue, Family, Gauge, Histogram, LowCardinalityFamily, LowCardinalityLabel,
    NamedMetric, ThreadLocalCounter, TimeHistogram, encode_to_text,
};
use serde::Serialize;
use std::num::NonZeroUsize;
use std::sync::atomic::AtomicU64;

#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
struct Text {
    method: &'static str,
    status: &'static str,
}

#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
struct Typed {
    method: Method,
    status: Status,
}

impl LowCardinalityLabel for Typed {
    const CARDINALITY: NonZeroUsize = NonZeroUsize::new(PAIRS).unwrap();

    #[inline]
    fn index(&self) -> usize {
        self.method as usize + Method::ALL.len() * self.status as usize
    }
}

pub fn cases() -> Vec<Case> {
    counters().into_iter().chain(labelled()).chain(values()).collect()
}

fn read(metric: impl EncodeMetricValue, suffix: &'static str) -> impl Fn() -> f64 {
    let named = NamedMetric::new("metric", "what is read back", metric);
    let sample = format!("metric{suffix}");
    move || sum(&encode_to_text(&named.encode()), &sample, "")
}

fn counters() -> [Case; 2] {
    let (apart, shared) = (keep(<ThreadLocalCounter>::default()), keep(<Counter>::default()));
    [
        Case::new(Work::Counter, "`ThreadLocalCounter::inc`", |_| apart.inc()).total(read(apart.clone(), "")),
        Case::new(Work::Counter, "`Counter::inc`", |_| shared.inc()).total(read(shared.clone(), "")),
    ]
}

fn labelled() -> [Case; 3] {
    let family = keep(Family::<Text, ThreadLocalCounter>::default());
    let bound = Family::<Text, ThreadLocalCounter>::default();
    let handles = each_pair(|method, status| bound.get_or_create_owned(&Text { method, status }));
    let types = keep(LowCardinalityFamily::<Typed, ThreadLocalCounter>::default());
    let by_text = |at| {
        let (method, status) = labels(at);
        family.get_or_create(&Text { method, status }).inc();
    };
    let by_type = |at| {
        let (method, status) = typed(at);
        types.get_or_create(&Typed { method, status }).inc();
    };
    [
        Case::new(Work::Labels, "`Family`, `ThreadLocalCounter`", by_text).total(read(family.clone(), "")),
        Case::new(Work::Bound, "`ThreadLocalCounter::inc`, held handles", move |at| handles[pair(at)].inc())
            .total(read(bound, "")),
        Case::new(Work::Bound, "`LowCardinalityFamily`, `ThreadLocalCounter`, enums", by_type)
            .total(read(types.clone(), "")),
    ]
}

fn values() -> [Case; 5] {
    let values = latencies();
    let gauge = keep(Gauge::<f64, AtomicU64>::default());
    let (locked, atomic) = (keep(Histogram::new(BOUNDS)), keep(TimeHistogram::new(BOUNDS)));
    let (locked_times, times) = (keep(Histogram::new(BOUNDS)), keep(TimeHistogram::new(BOUNDS)));
    [
        Case::new(Work::Gauge, "`Gauge<f64>::set`", |at| gauge.set(at as f64)).last(read(gauge.clone(), "")),
        Case::new(Work::Histogram, "`Histogram::observe`, a mutex", move |at| locked.observe(value(values, at)))
            .total(read(locked.clone(), "_count")),
        Case::new(Work::Histogram, "`TimeHistogram::observe`", move |at| atomic.observe(nanos(values, at)))
            .total(read(atomic.clone(), "_count")),
        Case::new(Work::Timer, "`TimeHistogram::start_timer`", |_| drop(times.start_timer()))
            .total(read(times.clone(), "_count")),
        Case::new(
            Work::Timer,
            "`Instant`, `Histogram::observe`, a mutex",
            timed(|took| locked_times.observe(took.as_secs_f64())),
        )
        .total(read(locked_times.clone(), "_count")),
    ]
}
