//! `fastmetrics`.

use super::keep;
use crate::by_hand::timed;
use crate::harness::Case;
use crate::input::{BOUNDS, Method, Status, each_pair, labels, latencies, pair, typed, value};
use crate::read::sum;
use crate::work::Work;
use fastmetrics::derive::LabelSet;
use fastmetrics::error::Result;
use fastmetrics::format::text::{TextProfile, encode};
use fastmetrics::metrics::counter::Counter;
use fastmetrics::metrics::family::Family;
use fastmetrics::metrics::gauge::Gauge;
use fastmetrics::metrics::histogram::Histogram;
use fastmetrics::registry::{Metric, Registry};

#[derive(Clone, PartialEq, Eq, Hash, LabelSet)]
struct Text {
    method: &'static str,
    status: &'static str,
}

#[derive(Clone, PartialEq, Eq, Hash, LabelSet)]
struct Typed {
    method: Method,
    status: Status,
}

/// # Errors
///
/// If a metric is refused.
pub fn cases() -> Result<Vec<Case>> {
    Ok(labelled()?.into_iter().chain(values()?).collect())
}

/// Reads a metric that is registered as `metric`.
fn read(metric: impl Metric, suffix: &'static str) -> Result<impl Fn() -> f64> {
    let mut registry = Registry::default();
    registry.register("metric", "what is read back", metric)?;
    let sample = format!("metric{suffix}");
    Ok(move || {
        let mut text = String::new();
        let encoded = encode(&mut text, &registry, TextProfile::default());
        encoded.map_or(f64::NAN, |()| sum(&text, &sample, ""))
    })
}

fn labelled() -> Result<[Case; 3]> {
    let family = keep(Family::<Text, Counter>::default());
    let bound = Family::<Text, Counter>::default();
    let handles = each_pair(|method, status| bound.with_or_new(&Text { method, status }, Counter::clone));
    let types = keep(Family::<Typed, Counter>::default());
    let by_text = |at| {
        let (method, status) = labels(at);
        family.with_or_new(&Text { method, status }, Counter::inc);
    };
    let by_type = |at| {
        let (method, status) = typed(at);
        types.with_or_new(&Typed { method, status }, Counter::inc);
    };
    Ok([
        Case::new(Work::Labels, "`Family`, `&'static str`", by_text).total(read(family.clone(), "_total")?),
        Case::new(Work::Bound, "`Counter::inc`, held handles", move |at| handles[pair(at)].inc())
            .total(read(bound, "_total")?),
        Case::new(Work::Bound, "`Family`, enums", by_type).total(read(types.clone(), "_total")?),
    ])
}

fn values() -> Result<[Case; 4]> {
    let values = latencies();
    let (counter, gauge) = (keep(<Counter>::default()), keep(Gauge::<f64>::default()));
    let (observed, times) = (keep(Histogram::new(BOUNDS)), keep(Histogram::new(BOUNDS)));
    Ok([
        Case::new(Work::Counter, "`Counter::inc`", |_| counter.inc()).total(read(counter.clone(), "_total")?),
        Case::new(Work::Gauge, "`Gauge<f64>::set`", |at| gauge.set(at as f64)).last(read(gauge.clone(), "")?),
        Case::new(Work::Histogram, "`Histogram::observe`", move |at| observed.observe(value(values, at)))
            .total(read(observed.clone(), "_count")?),
        Case::new(Work::Timer, "`Instant`, `Histogram::observe`", timed(|took| times.observe(took.as_secs_f64())))
            .total(read(times.clone(), "_count")?),
    ])
}
