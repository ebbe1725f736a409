//! `metrics` with `metrics-exporter-prometheus`: through the macros, and with held handles.

use crate::by_hand::{ByHand, functions, timed};
use crate::harness::Case;
use crate::input::{BOUNDS, each_pair, labels, latencies, pair, value};
use crate::read::{Seen, sum};
use crate::work::Work;
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};
use std::time::Duration;

/// # Errors
///
/// If the recorder can't be installed.
pub fn cases() -> Result<Vec<Case>, BuildError> {
    let recorder = PrometheusBuilder::new().set_buckets(&BOUNDS)?.install_recorder()?;
    let mut cases = Vec::new();
    cases.extend(counters(&recorder));
    cases.extend(labelled(&recorder));
    cases.extend(values(&recorder));
    cases.extend(functions(|function| Handles::new(function, &recorder)));
    Ok(cases)
}

fn read(recorder: &PrometheusHandle, name: &str) -> impl Fn() -> f64 + use<> {
    let (recorder, name) = (recorder.clone(), name.to_owned());
    move || sum(&recorder.render(), &name, "")
}

fn counters(recorder: &PrometheusHandle) -> [Case; 2] {
    let handle = counter!("counter_handle");
    [
        Case::new(Work::Counter, "`Counter::increment`, a held handle", move |_| handle.increment(1))
            .total(read(recorder, "counter_handle")),
        Case::new(Work::Counter, "`counter!(\"name\").increment(1)`", |_| counter!("counter_macro").increment(1))
            .total(read(recorder, "counter_macro")),
    ]
}

fn labelled(recorder: &PrometheusHandle) -> [Case; 3] {
    let statics = |at| {
        let (method, status) = labels(at);
        counter!("labels_static", "method" => method, "status" => status).increment(1);
    };
    let owned = |at| {
        let (method, status) = labels(at);
        counter!("labels_owned", "method" => method.to_owned(), "status" => status.to_owned()).increment(1);
    };
    let bound = each_pair(|method, status| counter!("bound", "method" => method, "status" => status));
    [
        Case::new(Work::Labels, "`counter!(…)`, `&'static str`", statics).total(read(recorder, "labels_static")),
        Case::new(Work::Labels, "`counter!(…)`, `String`", owned).total(read(recorder, "labels_owned")),
        Case::new(Work::Bound, "`Counter::increment`, held handles", move |at| bound[pair(at)].increment(1))
            .total(read(recorder, "bound")),
    ]
}

fn values(recorder: &PrometheusHandle) -> [Case; 5] {
    let values = latencies();
    let (set, observed, times) = (gauge!("gauge_handle"), histogram!("histogram_handle"), histogram!("timer"));
    [
        Case::new(Work::Gauge, "`Gauge::set`, a held handle", move |at| set.set(at as f64))
            .last(read(recorder, "gauge_handle")),
        Case::new(Work::Gauge, "`gauge!(\"name\").set(x)`", |at| gauge!("gauge_macro").set(at as f64))
            .last(read(recorder, "gauge_macro")),
        Case::new(Work::Histogram, "`Histogram::record`, a held handle", move |at| observed.record(value(values, at)))
            .total(read(recorder, "histogram_handle_count")),
        Case::new(Work::Histogram, "`histogram!(\"name\").record(x)`", move |at| {
            histogram!("histogram_macro").record(value(values, at));
        })
        .total(read(recorder, "histogram_macro_count")),
        Case::new(Work::Timer, "`Instant`, `Histogram::record`, a held handle", timed(move |took| times.record(took)))
            .total(read(recorder, "timer_count")),
    ]
}

struct Handles {
    ok: Counter,
    failed: Counter,
    active: Gauge,
    times: Histogram,
    function: &'static str,
    recorder: PrometheusHandle,
}

impl Handles {
    fn new(function: &'static str, recorder: &PrometheusHandle) -> Self {
        Self {
            function,
            recorder: recorder.clone(),
            ok: counter!(format!("{function}_calls"), "outcome" => "ok"),
            failed: counter!(format!("{function}_calls"), "outcome" => "error"),
            active: gauge!(format!("{function}_active")),
            times: histogram!(format!("{function}_seconds")),
        }
    }
}

impl ByHand for Handles {
    #[inline]
    fn start(&self) {
        self.active.increment(1.0);
    }

    #[inline]
    fn finish(&self, failed: bool, took: Duration) {
        if failed { &self.failed } else { &self.ok }.increment(1);
        self.times.record(took);
        self.active.decrement(1.0);
    }

    fn seen(&self) -> Seen {
        let read = |suffix| read(&self.recorder, &format!("{}_{suffix}", self.function))();
        Seen { calls: read("calls"), durations: read("seconds_count"), active: read("active") }
    }
}
