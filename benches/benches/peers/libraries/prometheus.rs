//! `prometheus`; also its local copies, which nobody sees before the thread flushes them by hand.

use super::keep;
use crate::harness::Case;
use crate::input::{BOUNDS, each_pair, labels, latencies, pair, value};
use crate::read::sum;
use crate::work::Work;
use prometheus::core::Collector;
use prometheus::local::{LocalHistogram, LocalIntCounter, LocalIntCounterVec};
use prometheus::{Encoder, Gauge, Histogram, HistogramOpts, IntCounter, IntCounterVec, Opts, Result, TextEncoder};
use std::cell::RefCell;
use std::sync::OnceLock;

const MANUAL: &str = "`local`, **flushed by hand**";

/// What the local copies are flushed into.
static TARGET: OnceLock<Metrics> = OnceLock::new();

thread_local! {
    static COUNTER: Option<LocalIntCounter> = TARGET.get().map(|metrics| metrics.counter.local());
    static LABELLED: RefCell<Option<LocalIntCounterVec>> =
        RefCell::new(TARGET.get().map(|metrics| metrics.labelled.local()));
    static OBSERVED: Option<LocalHistogram> = TARGET.get().map(|metrics| metrics.observed.local());
}

struct Metrics {
    counter: IntCounter,
    labelled: IntCounterVec,
    bound: IntCounterVec,
    gauge: Gauge,
    observed: Histogram,
    times: Histogram,
}

impl Metrics {
    fn new() -> Result<Self> {
        let histogram = || Histogram::with_opts(HistogramOpts::new("metric", "help").buckets(BOUNDS.to_vec()));
        let labelled = || IntCounterVec::new(Opts::new("metric", "help"), &["method", "status"]);
        Ok(Self {
            counter: IntCounter::new("metric", "help")?,
            labelled: labelled()?,
            bound: labelled()?,
            gauge: Gauge::new("metric", "help")?,
            observed: histogram()?,
            times: histogram()?,
        })
    }
}

/// # Errors
///
/// If a metric is refused.
pub fn cases() -> Result<Vec<Case>> {
    let (metrics, target) = (keep(Metrics::new()?), Metrics::new()?);
    Ok(shared(metrics).into_iter().chain(local(TARGET.get_or_init(|| target))).collect())
}

fn read(metric: &impl Collector, suffix: &'static str) -> impl Fn() -> f64 {
    let sample = format!("metric{suffix}");
    move || {
        let mut text = Vec::new();
        let encoded = TextEncoder::new().encode(&metric.collect(), &mut text);
        encoded.map_or(f64::NAN, |()| sum(&String::from_utf8_lossy(&text), &sample, ""))
    }
}

fn shared(metrics: &'static Metrics) -> [Case; 6] {
    let values = latencies();
    let handles = each_pair(|method, status| metrics.bound.with_label_values(&[method, status]));
    let labelled = |at| {
        let (method, status) = labels(at);
        metrics.labelled.with_label_values(&[method, status]).inc();
    };
    [
        Case::new(Work::Counter, "`IntCounter::inc`", |_| metrics.counter.inc()).total(read(&metrics.counter, "")),
        Case::new(Work::Labels, "`IntCounterVec::with_label_values`", labelled).total(read(&metrics.labelled, "")),
        Case::new(Work::Bound, "`IntCounter::inc`, held handles", move |at| handles[pair(at)].inc())
            .total(read(&metrics.bound, "")),
        Case::new(Work::Gauge, "`Gauge::set`", |at| metrics.gauge.set(at as f64)).last(read(&metrics.gauge, "")),
        Case::new(Work::Histogram, "`Histogram::observe`", move |at| metrics.observed.observe(value(values, at)))
            .total(read(&metrics.observed, "_count")),
        Case::new(Work::Timer, "`Histogram::start_timer`", |_| metrics.times.start_timer().observe_duration())
            .total(read(&metrics.times, "_count")),
    ]
}

fn local(metrics: &'static Metrics) -> [Case; 3] {
    let values = latencies();
    let count = |_| COUNTER.with(|counter| counter.as_ref().map(LocalIntCounter::inc));
    let count_labelled = |at| {
        let (method, status) = labels(at);
        LABELLED
            .with_borrow_mut(|family| family.as_mut().map(|family| family.with_label_values(&[method, status]).inc()))
    };
    let observe = move |at| OBSERVED.with(|times| times.as_ref().map(|times| times.observe(value(values, at))));
    [
        Case::flushed(Work::Counter, MANUAL, count, || {
            COUNTER.with(|it| it.as_ref().map_or((), LocalIntCounter::flush));
        })
        .total(read(&metrics.counter, "")),
        Case::flushed(Work::Labels, MANUAL, count_labelled, || {
            LABELLED.with_borrow(|it| it.as_ref().map_or((), LocalIntCounterVec::flush));
        })
        .total(read(&metrics.labelled, "")),
        Case::flushed(Work::Histogram, MANUAL, observe, || {
            OBSERVED.with(|it| it.as_ref().map_or((), LocalHistogram::flush));
        })
        .total(read(&metrics.observed, "_count")),
    ]
}
