//! `measured`.

use super::keep;
use crate::by_hand::{ByHand, functions, timed};
use crate::harness::Case;
use crate::input::{BOUNDS, Method, Status, labels, latencies, typed, value, words};
use crate::read::{Seen, sum};
use crate::work::Work;
use lasso::{Rodeo, RodeoReader, ThreadedRodeo};
use measured::metric::MetricFamilyEncoding;
use measured::metric::histogram::Thresholds;
use measured::metric::name::MetricName;
use measured::text::BufferedTextEncoder;
use measured::{Counter, CounterVec, FloatGauge, Gauge, Histogram, LabelGroup};
use std::time::Duration;

#[derive(LabelGroup)]
#[label(set = KnownSet)]
struct Known<'a> {
    #[label(fixed_with = RodeoReader)]
    method: &'a str,
    #[label(fixed_with = RodeoReader)]
    status: &'a str,
}

#[derive(LabelGroup)]
#[label(set = AnySet)]
struct Any<'a> {
    #[label(dynamic_with = ThreadedRodeo)]
    method: &'a str,
    #[label(dynamic_with = ThreadedRodeo)]
    status: &'a str,
}

#[derive(LabelGroup)]
#[label(set = TypedSet)]
struct Typed {
    method: Method,
    status: Status,
}

pub fn cases() -> Vec<Case> {
    labelled().into_iter().chain(values()).chain(functions(|_| Handles::new())).collect()
}

fn read(metric: &impl MetricFamilyEncoding<BufferedTextEncoder>, suffix: &'static str) -> impl Fn() -> f64 {
    let sample = format!("metric{suffix}");
    move || {
        let mut encoder = BufferedTextEncoder::new();
        let Ok(()) = metric.collect_family_into(MetricName::from_str("metric"), &mut encoder);
        sum(&String::from_utf8_lossy(&encoder.finish()), &sample, "")
    }
}

fn labelled() -> [Case; 3] {
    let reader = || words().collect::<Rodeo>().into_reader();
    let known = keep(CounterVec::with_label_set(KnownSet { method: reader(), status: reader() }));
    let any = keep(CounterVec::with_label_set(AnySet { method: ThreadedRodeo::new(), status: ThreadedRodeo::new() }));
    let types = keep(CounterVec::with_label_set(TypedSet::new()));
    let by_known = |at| {
        let (method, status) = labels(at);
        known.inc(Known { method, status });
    };
    let by_any = |at| {
        let (method, status) = labels(at);
        any.inc(Any { method, status });
    };
    let by_type = |at| {
        let (method, status) = typed(at);
        types.inc(Typed { method, status });
    };
    [
        Case::new(Work::Labels, "`CounterVec`, values known in advance", by_known).total(read(known, "")),
        Case::new(Work::Labels, "`CounterVec`, any values", by_any).total(read(any, "")),
        Case::new(Work::Bound, "`CounterVec`, enums", by_type).total(read(types, "")),
    ]
}

fn values() -> [Case; 4] {
    let values = latencies();
    let (counter, gauge) = (keep(Counter::new()), keep(FloatGauge::new()));
    let histogram = || keep(Histogram::with_metadata(Thresholds::with_buckets(BOUNDS)));
    let (observed, times) = (histogram(), histogram());
    let time = |took: Duration| times.get_metric().observe(took.as_secs_f64());
    [
        Case::new(Work::Counter, "`Counter::inc`", |_| counter.inc()).total(read(counter, "")),
        Case::new(Work::Gauge, "`FloatGauge::set`", |at| gauge.get_metric().set(at as f64)).last(read(gauge, "")),
        Case::new(Work::Histogram, "`Histogram::observe`", move |at| observed.get_metric().observe(value(values, at)))
            .total(read(observed, "_count")),
        Case::new(Work::Timer, "`Instant`, `Histogram::observe`", timed(time)).total(read(times, "_count")),
    ]
}

struct Handles {
    ok: Counter,
    failed: Counter,
    active: Gauge,
    times: Histogram<{ BOUNDS.len() }>,
}

impl Handles {
    fn new() -> Self {
        Self {
            ok: Counter::new(),
            failed: Counter::new(),
            active: Gauge::new(),
            times: Histogram::with_metadata(Thresholds::with_buckets(BOUNDS)),
        }
    }
}

impl ByHand for Handles {
    #[inline]
    fn start(&self) {
        self.active.get_metric().inc();
    }

    #[inline]
    fn finish(&self, failed: bool, took: Duration) {
        if failed { &self.failed } else { &self.ok }.inc();
        self.times.get_metric().observe(took.as_secs_f64());
        self.active.get_metric().dec();
    }

    fn seen(&self) -> Seen {
        Seen {
            calls: read(&self.ok, "")() + read(&self.failed, "")(),
            durations: read(&self.times, "_count")(),
            active: read(&self.active, "")(),
        }
    }
}
