//! A counter without labels, incremented by one.

use super::{Recorder, keep};
use crate::harness::{Case, Role, Workload};
use crate::read;
use metriken::{ShardedCounterGroup, metric};
use prometheus_client::metrics::counter::Counter as ClientCounter;
use runtime_metrics::{Counter, increment};
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

#[metric(name = "counter")]
static METRIKEN: metriken::Counter = metriken::Counter::new();
#[metric(name = "counter_sharded")]
static METRIKEN_SHARDED: ShardedCounterGroup = ShardedCounterGroup::new(1);

thread_local! {
    static CELL: Cell<u64> = const { Cell::new(0) };
}
static ATOMIC: AtomicU64 = AtomicU64::new(0);

pub fn workload(recorder: &Recorder) -> Workload {
    let mut cases = references();
    cases.extend(ours());
    cases.extend(peers(recorder));
    Workload { title: "Counter without labels", cases }
}

fn references() -> Vec<Case> {
    vec![
        Case::new("–", "nothing: the loop itself", |_| ()),
        Case::new("–", "thread-local `Cell` add (the reference)", |_| CELL.set(CELL.get() + 1)).role(Role::Reference),
        Case::new("–", "relaxed `fetch_add` on one `AtomicU64`", |_| ATOMIC.fetch_add(1, Ordering::Relaxed))
            .total(|| ATOMIC.load(Ordering::Relaxed) as f64),
    ]
}

fn ours() -> [Case; 2] {
    let handle = Counter::new("counter_handle", "A handle.").register();
    [
        Case::new("**runtime-metrics**", "`increment!(\"name\")`", |_| increment!("counter_macro"))
            .role(Role::Ours)
            .total(read::ours("counter_macro_total")),
        Case::new("**runtime-metrics**", "`Counter::increment`", move |_| handle.increment())
            .total(read::ours("counter_handle_total")),
    ]
}

fn peers(recorder: &Recorder) -> [Case; 6] {
    let handle = metrics::counter!("counter_handle");
    let client = <ClientCounter>::default();
    let read_client = read::prometheus_client(client.clone(), "_total");
    let measured = keep(measured::Counter::new());
    [
        Case::new("metrics", "`Counter::increment`, a held handle", move |_| handle.increment(1))
            .total(read::metrics(recorder, "counter_handle")),
        Case::new("metrics", "`counter!(\"name\").increment(1)`", |_| metrics::counter!("counter_macro").increment(1))
            .total(read::metrics(recorder, "counter_macro")),
        Case::new("prometheus-client", "`Counter::inc`", move |_| client.inc()).total(read_client),
        Case::new("metriken", "`static Counter::increment`", |_| METRIKEN.increment()).total(read::metriken("counter")),
        Case::new("metriken", "`static ShardedCounterGroup::increment`", |_| METRIKEN_SHARDED.increment(0))
            .total(read::metriken("counter_sharded")),
        Case::new("measured", "`Counter::inc`", move |_| measured.inc()).total(read::measured(measured, "")),
    ]
}
