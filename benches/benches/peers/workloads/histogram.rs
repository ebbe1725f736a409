//! A histogram with eleven bounds that is given latencies.

use super::{Recorder, keep};
use crate::harness::{Case, Role, Workload};
use crate::input::{BOUNDS, Latencies, latencies};
use crate::read;
use measured::metric::histogram::Thresholds;
use metriken::{AtomicCounterHistogram, ShardedCounterHistogram, metric};
use prometheus_client::metrics::histogram::Histogram as ClientHistogram;
use runtime_metrics::{Histogram, observe};
use std::hint::black_box;

/// Its buckets are its own: a value's 7 highest bits.
#[metric(name = "histogram")]
static METRIKEN: AtomicCounterHistogram = AtomicCounterHistogram::new(7, 64);
#[metric(name = "histogram_sharded")]
static METRIKEN_SHARDED: ShardedCounterHistogram = ShardedCounterHistogram::new(7, 64);

pub fn workload(recorder: &Recorder) -> Workload {
    let values = latencies();
    let choose = move |at| black_box(value(values, at));
    let mut cases = vec![Case::new("–", "nothing: the choice of the value", choose)];
    cases.extend(ours(values));
    cases.extend(peers(recorder, values));
    Workload { title: "Histogram with 11 bounds, observe", cases }
}

#[inline]
fn value(values: Latencies, at: u64) -> f64 {
    values[at as usize % values.len()]
}

#[inline]
fn nanos(values: Latencies, at: u64) -> u64 {
    (value(values, at) * 1e9) as u64
}

fn ours(values: Latencies) -> [Case; 3] {
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
        Case::new("**runtime-metrics**", "`observe!(\"name\", value: x, buckets: […])`", by_macro)
            .role(Role::Ours)
            .total(read::ours("histogram_macro_count")),
        Case::new("**runtime-metrics**", "`Histogram::observe`", move |at| handle.observe(value(values, at)))
            .total(read::ours("histogram_handle_count")),
        Case::new("**runtime-metrics**", "`observe!(\"name\", value: x)`, 562 exponential buckets", exponential)
            .total(read::ours("histogram_exponential_count")),
    ]
}

fn peers(recorder: &Recorder, values: Latencies) -> [Case; 6] {
    let handle = metrics::histogram!("histogram_handle");
    let client = ClientHistogram::new(BOUNDS);
    let read_client = read::prometheus_client(client.clone(), "_count");
    let measured = keep(measured::Histogram::with_metadata(Thresholds::with_buckets(BOUNDS)));
    [
        Case::new("metrics", "`Histogram::record`, a held handle", move |at| handle.record(value(values, at)))
            .total(read::metrics(recorder, "histogram_handle_count")),
        Case::new("metrics", "`histogram!(\"name\").record(x)`", move |at| {
            metrics::histogram!("histogram_macro").record(value(values, at));
        })
        .total(read::metrics(recorder, "histogram_macro_count")),
        Case::new("prometheus-client", "`Histogram::observe`", move |at| client.observe(value(values, at)))
            .total(read_client),
        Case::new("metriken", "`static AtomicCounterHistogram::increment` (no sum)", move |at| {
            METRIKEN.increment(nanos(values, at))
        })
        .total(read::metriken("histogram")),
        Case::new("metriken", "`static ShardedCounterHistogram::increment` (no sum)", move |at| {
            METRIKEN_SHARDED.increment(nanos(values, at))
        })
        .total(read::metriken("histogram_sharded")),
        Case::new("measured", "`Histogram::observe`", move |at| measured.get_metric().observe(value(values, at)))
            .total(read::measured(measured, "_count")),
    ]
}
