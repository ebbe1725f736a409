//! A counter with two labels, whose series is looked up by the labels' text in every call.

use super::{Recorder, keep};
use crate::harness::{Case, Role, Workload};
use crate::input::{labels, words};
use crate::read;
use lasso::{Rodeo, RodeoReader, ThreadedRodeo};
use measured::{CounterVec, LabelGroup};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter as ClientCounter;
use prometheus_client::metrics::family::Family;
use runtime_metrics::{Counter, increment};
use std::hint::black_box;

/// Labels as `prometheus-client` documents them.
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

pub fn workload(recorder: &Recorder) -> Workload {
    let mut cases = vec![Case::new("–", "nothing: the choice of the labels", move |at| black_box(labels(at)))];
    cases.extend(ours());
    cases.extend(facade(recorder));
    cases.extend(prometheus_client());
    cases.extend(measured());
    Workload { title: "Counter with two `&str` labels, looked up in every call", cases }
}

fn ours() -> [Case; 2] {
    let handle = Counter::new("labels_handle", "A handle.").register();
    let by_macro = move |at| {
        let (method, status) = labels(at);
        increment!("labels_macro", labels: {"method" => method, "status" => status});
    };
    let by_handle = move |at| {
        let (method, status) = labels(at);
        handle.add_with(1, &[("method", &method), ("status", &status)]);
    };
    [
        Case::new("**runtime-metrics**", "`increment!(\"name\", labels: {…})`", by_macro)
            .role(Role::Ours)
            .total(read::ours("labels_macro_total")),
        Case::new("**runtime-metrics**", "`Counter::add_with`", by_handle).total(read::ours("labels_handle_total")),
    ]
}

fn facade(recorder: &Recorder) -> [Case; 2] {
    let statics = move |at| {
        let (method, status) = labels(at);
        metrics::counter!("labels_static", "method" => method, "status" => status).increment(1);
    };
    let owned = move |at| {
        let (method, status) = labels(at);
        metrics::counter!("labels_owned", "method" => method.to_owned(), "status" => status.to_owned()).increment(1);
    };
    [
        Case::new("metrics", "`counter!(…)`, `&'static str`", statics).total(read::metrics(recorder, "labels_static")),
        Case::new("metrics", "`counter!(…)`, `String`", owned).total(read::metrics(recorder, "labels_owned")),
    ]
}

fn prometheus_client() -> [Case; 2] {
    let statics = Family::<Static, ClientCounter>::default();
    let owned = Family::<Owned, ClientCounter>::default();
    let read_statics = read::prometheus_client(statics.clone(), "_total");
    let read_owned = read::prometheus_client(owned.clone(), "_total");
    let by_static = move |at| {
        let (method, status) = labels(at);
        statics.get_or_create(&Static { method, status }).inc();
    };
    let by_owned = move |at| {
        let (method, status) = labels(at);
        owned.get_or_create(&Owned { method: method.to_owned(), status: status.to_owned() }).inc();
    };
    [
        Case::new("prometheus-client", "`Family`, `&'static str`", by_static).total(read_statics),
        Case::new("prometheus-client", "`Family`, `String`", by_owned).total(read_owned),
    ]
}

fn measured() -> [Case; 2] {
    let reader = || words().collect::<Rodeo>().into_reader();
    let known = keep(CounterVec::with_label_set(KnownSet { method: reader(), status: reader() }));
    let any = keep(CounterVec::with_label_set(AnySet { method: ThreadedRodeo::new(), status: ThreadedRodeo::new() }));
    let by_known = move |at| {
        let (method, status) = labels(at);
        known.inc(Known { method, status });
    };
    let by_any = move |at| {
        let (method, status) = labels(at);
        any.inc(Any { method, status });
    };
    [
        Case::new("measured", "`CounterVec`, values known in advance", by_known).total(read::measured(known, "")),
        Case::new("measured", "`CounterVec`, any values", by_any).total(read::measured(any, "")),
    ]
}
