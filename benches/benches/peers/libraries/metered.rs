//! `metered` 0.10, a release candidate: an `AtomicU64` is a counter or a gauge, and there are no handles.

use super::keep;
use crate::by_hand::timed;
use crate::harness::Case;
use crate::input::{BOUNDS, Method, Status, labels, latencies, typed, value};
use crate::read::sum;
use crate::work::Work;
use metered::entry::{counter, gauge, metric};
use metered::om::OpenMetricsRegistryExt;
use metered::{BucketHistogram, Buckets, Counter, Family, Gauge, LabelSet, Registry};
use std::sync::atomic::AtomicU64;

#[derive(Clone, PartialEq, Eq, Hash)]
struct Text {
    method: &'static str,
    status: &'static str,
}

impl LabelSet for Text {
    fn for_each_label(&self, f: &mut dyn FnMut(&str, &str)) {
        f("method", self.method);
        f("status", self.status);
    }
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Typed {
    method: Method,
    status: Status,
}

impl LabelSet for Typed {
    fn for_each_label(&self, f: &mut dyn FnMut(&str, &str)) {
        f("method", &self.method.to_string());
        f("status", &self.status.to_string());
    }
}

pub fn cases() -> Vec<Case> {
    let values = latencies();
    let (count, level) = (keep(AtomicU64::new(0)), keep(AtomicU64::new(0)));
    let (family, types) = (keep(Family::<Text, AtomicU64>::default()), keep(Family::<Typed, AtomicU64>::default()));
    let histogram = || keep(BucketHistogram::new(Buckets::custom(BOUNDS)));
    let (observed, times) = (histogram(), histogram());
    let by_text = |at| {
        let (method, status) = labels(at);
        family.with(&Text { method, status }, Counter::incr);
    };
    let by_type = |at| {
        let (method, status) = typed(at);
        types.with(&Typed { method, status }, Counter::incr);
    };
    let time = |took| {
        times.observe_duration(took);
    };
    vec![
        Case::new(Work::Counter, "`AtomicU64` as `Counter::incr`", |_| Counter::incr(count))
            .total(read("_total", |registry| registry.register(counter("metric").source(count)))),
        Case::new(Work::Labels, "`Family`, `&'static str`", by_text)
            .total(read("_total", |registry| registry.register(metric("metric").source(family)))),
        Case::new(Work::Bound, "`Family`, enums", by_type)
            .total(read("_total", |registry| registry.register(metric("metric").source(types)))),
        Case::new(Work::Gauge, "`AtomicU64` as `Gauge::set` (integers)", |at| Gauge::set(level, at))
            .last(read("", |registry| registry.register(gauge("metric").source(level)))),
        Case::new(Work::Histogram, "`BucketHistogram::observe`", move |at| observed.observe(value(values, at)))
            .total(read("_count", |registry| registry.register(metric("metric").source(observed)))),
        Case::new(Work::Timer, "`Instant`, `BucketHistogram::observe_duration`", timed(time))
            .total(read("_count", |registry| registry.register(metric("metric").source(times)))),
    ]
}

/// Reads what `register` registers as `metric`.
fn read(
    suffix: &'static str,
    register: impl for<'a> FnOnce(&'a mut Registry<'static>) -> &'a mut Registry<'static>,
) -> impl Fn() -> f64 {
    let mut registry = Registry::new();
    register(&mut registry);
    let sample = format!("metric{suffix}");
    move || registry.encode_to_string().map_or(f64::NAN, |text| sum(&text, &sample, ""))
}
