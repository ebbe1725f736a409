//! A gauge that is set: one cell that all threads share, in every library.

use super::{Recorder, keep};
use crate::harness::{Case, Role, Workload};
use crate::read;
use metriken::metric;
use prometheus_client::metrics::gauge::Gauge as ClientGauge;
use runtime_metrics::{Gauge, set};
use std::sync::atomic::{AtomicU64, Ordering};

#[metric(name = "gauge")]
static METRIKEN: metriken::Gauge = metriken::Gauge::new();

static ATOMIC: AtomicU64 = AtomicU64::new(0);

pub fn workload(recorder: &Recorder) -> Workload {
    let mut cases = vec![
        Case::new("–", "relaxed `store` to one `AtomicU64` (the reference)", move |at| {
            ATOMIC.store((at as f64).to_bits(), Ordering::Relaxed);
        })
        .role(Role::Reference)
        .last(|| f64::from_bits(ATOMIC.load(Ordering::Relaxed))),
    ];
    cases.extend(ours());
    cases.extend(peers(recorder));
    Workload { title: "Gauge, set", cases }
}

fn ours() -> [Case; 2] {
    let handle = Gauge::new("gauge_handle", "A handle.").register();
    [
        Case::new("**runtime-metrics**", "`set!(\"name\", value: x)`", move |at| set!("gauge_macro", value: at as f64))
            .role(Role::Ours)
            .last(read::ours("gauge_macro")),
        Case::new("**runtime-metrics**", "`Gauge::set`", move |at| handle.set(at as f64))
            .last(read::ours("gauge_handle")),
    ]
}

fn peers(recorder: &Recorder) -> [Case; 5] {
    let handle = metrics::gauge!("gauge_handle");
    let client = ClientGauge::<f64, AtomicU64>::default();
    let read_client = read::prometheus_client(client.clone(), "");
    let measured = keep(measured::FloatGauge::new());
    [
        Case::new("metrics", "`Gauge::set`, a held handle", move |at| handle.set(at as f64))
            .last(read::metrics(recorder, "gauge_handle")),
        Case::new("metrics", "`gauge!(\"name\").set(x)`", move |at| metrics::gauge!("gauge_macro").set(at as f64))
            .last(read::metrics(recorder, "gauge_macro")),
        Case::new("prometheus-client", "`Gauge<f64>::set`", move |at| client.set(at as f64)).last(read_client),
        Case::new("metriken", "`static Gauge::set` (integers)", move |at| METRIKEN.set(at.cast_signed()))
            .last(read::metriken("gauge")),
        Case::new("measured", "`FloatGauge::set`", move |at| measured.get_metric().set(at as f64))
            .last(read::measured(measured, "")),
    ]
}
