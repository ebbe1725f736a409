//! The summaries that Sentry's own SDK for Python makes of a list of calls are those that we make of it,
//! but for the differences that `.ci/sentry/golden.py` lists.

#![allow(clippy::unwrap_used)] // a test that can't go on has failed

use runtime_metrics::{
    Builder, Counter, Gauge, Handle, Histogram, RuntimeMetricsConfig, RuntimeMetricsIntegration, Set, SpanOp, Timer,
    TimerGuard,
};
use runtime_metrics_tests::{Envelope, Ingest};
use sentry::{Client, ClientOptions, Hub, Transaction, TransactionContext, TransactionOrSpan};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// What is open, outermost first.
#[derive(Default)]
struct Open {
    transaction: Option<Transaction>,
    spans: Vec<Opened>,
}

enum Opened {
    Span(sentry::Span, Option<TransactionOrSpan>),
    Timer(TimerGuard),
}

fn text<'a>(step: &'a Value, key: &str) -> &'a str {
    step[key].as_str().unwrap_or_default()
}

fn current() -> Option<TransactionOrSpan> {
    Hub::new_from_top(Hub::current()).configure_scope(|scope| scope.get_span())
}

fn bind(span: Option<TransactionOrSpan>) {
    sentry::configure_scope(|scope| scope.set_span(span));
}

/// The handle that a step names, with its unit and tags.
fn labelled<M: Handle>(step: &Value, builder: Builder<M>) -> M {
    let tags = step["tags"].as_object().into_iter().flatten();
    let unit = builder.with_unit(text(step, "unit").to_owned());
    tags.fold(unit, |builder, (name, value)| builder.with_label(name.clone(), value.as_str().unwrap().to_owned()))
        .register()
}

fn play(step: &Value, open: &mut Open) {
    let name = || text(step, "name").to_owned();
    let number = || step["value"].as_f64().unwrap();
    match text(step, "do") {
        "start_transaction" => {
            let transaction = sentry::start_transaction(TransactionContext::new(&name(), text(step, "op")));
            bind(Some(transaction.clone().into()));
            open.transaction = Some(transaction);
        }
        "finish_transaction" => {
            bind(None);
            open.transaction.take().unwrap().finish();
        }
        "start_span" => {
            let parent = current().unwrap();
            let span = parent.start_child(text(step, "op"), text(step, "description"));
            let TransactionOrSpan::Span(span) = span.into() else { unreachable!() };
            bind(Some(span.clone().into()));
            open.spans.push(Opened::Span(span, Some(parent)));
        }
        "start_timer" => open.spans.push(Opened::Timer(labelled(step, Timer::new(name(), "")).start())),
        "finish_span" | "finish_timer" => match open.spans.pop().unwrap() {
            Opened::Span(span, parent) => {
                bind(parent);
                span.finish();
            }
            Opened::Timer(timer) => drop(timer.stop()),
        },
        "incr" => labelled(step, Counter::new(name(), "")).add(step["value"].as_u64().unwrap()),
        "gauge" => labelled(step, Gauge::new(name(), "")).set(number()),
        "distribution" => labelled(step, Histogram::new(name(), "")).observe(number()),
        "set" => labelled(step, Set::new(name(), "")).insert(text(step, "value")),
        other => panic!("an unknown step: {other}"),
    }
}

/// An entry's tags in order, and its numbers; a summary as such entries by metric.
type Entries = BTreeMap<String, Vec<(BTreeMap<String, String>, Vec<f64>)>>;

/// A summary without what differs on purpose. `timed` is the metric whose values are a clock's.
fn normal(summary: &Value, timed: &str) -> Entries {
    let mut normal = Entries::new();
    for (key, entries) in summary.as_object().into_iter().flatten() {
        let key = key.strip_suffix("@none").unwrap_or(key);
        let mut list: Vec<_> = entries
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| (tags(&entry["tags"]), numbers(entry, key, timed)))
            .collect();
        list.sort_by(|a, b| a.0.cmp(&b.0));
        normal.insert(key.to_owned(), list);
    }
    normal
}

fn tags(tags: &Value) -> BTreeMap<String, String> {
    let own = tags
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(name, _)| !["release", "environment", "transaction"].contains(&name.as_str()));
    own.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect()
}

fn numbers(entry: &Value, key: &str, timed: &str) -> Vec<f64> {
    let [count, min, max, sum] = ["count", "min", "max", "sum"].map(|name| entry[name].as_f64().unwrap());
    if key.starts_with("s:") || key == timed { vec![count] } else { vec![count, min, max, sum] }
}

fn same(ours: &Entries, theirs: &Entries) -> bool {
    let close = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-12 * a.abs().max(b.abs());
    ours.keys().eq(theirs.keys())
        && ours.iter().all(|(key, entries)| {
            let theirs = &theirs[key];
            entries.len() == theirs.len()
                && entries
                    .iter()
                    .zip(theirs)
                    .all(|(ours, theirs)| ours.0 == theirs.0 && ours.1.iter().zip(&theirs.1).all(close))
        })
}

fn compare(ours: &Value, theirs: &Value, timed: &str, place: &str) {
    let (ours, theirs) = (normal(ours, timed), normal(theirs, timed));
    assert!(same(&ours, &theirs), "{place}\nours:   {ours:#?}\ntheirs: {theirs:#?}");
}

fn compare_transaction(envelope: &Envelope, golden: &Value) {
    let trace = &envelope.item["contexts"]["trace"];
    compare(&trace["data"]["_metrics_summary"], &golden["_metrics_summary"], "", text(golden, "name"));
    let none = Vec::new();
    let spans = envelope.item["spans"].as_array().unwrap_or(&none);
    let theirs = golden["spans"].as_array().unwrap();
    assert_eq!(spans.len(), theirs.len());
    for golden in theirs {
        let described = text(golden, "description");
        let span = spans.iter().find(|span| text(span, "description") == described).unwrap();
        assert_eq!(span["op"], golden["op"], "{described}");
        let tags_of = |span: &Value| span["tags"].as_object().cloned().unwrap_or_else(Map::new);
        assert_eq!(tags_of(span), tags_of(golden), "{described}");
        let parent = spans.iter().find(|other| other["span_id"] == span["parent_span_id"]);
        assert_eq!(parent.map_or(Value::Null, |parent| parent["description"].clone()), golden["parent"], "{described}");
        let timed = format!("d:{described}@second");
        compare(&span["data"]["_metrics_summary"], &golden["_metrics_summary"], &timed, described);
    }
}

#[test]
fn our_summaries_are_those_of_sentrys_own_sdk() {
    let calls: Value = serde_json::from_str(include_str!("../../.ci/sentry/calls.json")).unwrap();
    let golden: Value = serde_json::from_str(include_str!("../../.ci/sentry/golden.json")).unwrap();
    let ingest = Ingest::start();
    let config = RuntimeMetricsConfig {
        collection_interval: Duration::from_hours(1),
        span_op: SpanOp::MetricTiming,
        ..Default::default()
    };
    let options = ClientOptions::new()
        .dsn(&ingest.dsn())
        .traces_sample_rate(1.0)
        .add_integration(RuntimeMetricsIntegration::new(config));
    let client = Client::from(sentry::apply_defaults(options));
    let hub = Arc::new(Hub::new(Some(Arc::new(client)), Arc::default()));
    Hub::run(Arc::clone(&hub), || {
        let mut open = Open::default();
        calls["steps"].as_array().unwrap().iter().for_each(|step| play(step, &mut open));
        assert!(open.spans.is_empty() && open.transaction.is_none());
    });
    let goldens = golden["transactions"].as_array().unwrap();
    assert!(goldens.len() > 1);
    for golden in goldens {
        compare_transaction(&ingest.next_of("transaction"), golden);
    }
    drop(hub);
    // A comparison that finds everything the same would prove nothing.
    let (one, other) = (
        json!({"c:a": [{"min": 1, "max": 1, "count": 1, "sum": 1}]}),
        json!({"c:a": [{"min": 1, "max": 1, "count": 1, "sum": 2}]}),
    );
    assert!(!same(&normal(&one, ""), &normal(&other, "")) && same(&normal(&one, ""), &normal(&one, "")));
}
