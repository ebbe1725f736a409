//! How collections are shipped: when, in what portions, and as the items that Sentry shows today.

#![allow(clippy::unwrap_used)] // a test that can't go on has failed

use runtime_metrics::{
    MetricCollector, Reading, RuntimeMetric, RuntimeMetricsConfig, RuntimeMetricsIntegration, increment, observe,
    registry, set, status,
};
use runtime_metrics_tests::faults::{Faulty, Reply, items, newest};
use runtime_metrics_tests::{client, client_with, eventually};
use sentry::{Client, ClientOptions, Envelope, Transport};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

const FAST: Duration = Duration::from_millis(20);

fn fast() -> RuntimeMetricsConfig {
    RuntimeMetricsConfig { collection_interval: FAST, ..Default::default() }
}

/// Counts how often it is asked.
struct Asked(AtomicU64);

impl MetricCollector for Asked {
    fn collect(&self) -> Vec<RuntimeMetric> {
        vec![RuntimeMetric::counter("ship.asked", 1000 + self.0.fetch_add(1, Relaxed))]
    }

    fn name(&self) -> &'static str {
        "asked"
    }
}

#[test]
fn of_a_share_of_none_only_the_last_collection_is_sent() {
    let server = Faulty::start();
    let other = Faulty::start();
    let sampled = client(&server.dsn(), RuntimeMetricsConfig { sample_rate: 0.0, ..fast() });
    let all = client(&other.dsn(), fast());
    other.wait_for_requests(10);
    assert!(server.requests().is_empty());
    increment!("ship_sampled");
    drop(sampled);
    server.wait("the last one", |requests| newest(requests, "ship_sampled", &[]) == Some(1));
    assert_eq!(server.requests().len(), 1);
    drop(all);
}

#[test]
fn a_share_of_a_quarter_is_about_a_quarter() {
    let (server, other) = (Faulty::start(), Faulty::start());
    let clients =
        [client(&server.dsn(), RuntimeMetricsConfig { sample_rate: 0.25, ..fast() }), client(&other.dsn(), fast())];
    server.wait_for_requests(10);
    let (quarter, all) = (server.requests().len(), other.requests().len());
    // The threads take their turns as the machine lets them.
    assert!(all >= 2 * quarter, "{quarter} {all}");
    drop(clients);
}

#[test]
fn a_batch_is_several_items_of_one_envelope() {
    let server = Faulty::start();
    let client = client(&server.dsn(), RuntimeMetricsConfig { batch_size: 3, ..fast() });
    server.wait_for_requests(2);
    drop(client);
    let requests = server.requests();
    for request in &requests[..2] {
        let times = request.items.iter().map(|item| {
            assert_eq!(item.header["type"], "runtime_metrics");
            item.payload["timestamp"].as_str().unwrap()
        });
        let times: Vec<&str> = times.collect();
        assert_eq!(times.len(), 3);
        assert!(times.is_sorted(), "{times:?}");
    }
    // What is left at the close does not wait for the batch to be full.
    server.wait("the last envelope", |requests| requests.len() >= 3);
    assert!((1..=3).contains(&server.requests().last().unwrap().items.len()));
}

#[test]
fn what_does_not_fit_into_an_item_goes_into_the_next() {
    for (bytes, metrics) in [(2048, 10_000), (1 << 20, 5)] {
        let server = Faulty::start();
        let config = RuntimeMetricsConfig { max_item_bytes: bytes, max_item_metrics: metrics, ..fast() };
        let client = client(&server.dsn(), config);
        for series in 0..40 {
            increment!("ship_portions", value: 7, labels: {"series" => series});
        }
        server.wait_for_requests(3);
        drop(client);
        let requests = server.requests();
        let whole = &requests[2];
        assert!(whole.items.len() > 3, "{}", whole.items.len());
        for item in &whole.items {
            assert!(item.header["length"].as_u64().unwrap() <= bytes as u64);
            assert!(item.payload["metrics"].as_array().unwrap().len() <= metrics);
        }
        let all = whole.items.iter().flat_map(|item| item.payload["metrics"].as_array().unwrap());
        let values = all.filter(|metric| metric["name"] == "ship_portions");
        assert!(values.map(|metric| &metric["value"]).filter(|value| **value == 7 || **value == 14).count() == 40);
    }
}

/// The values of a trace metric, in the order in which they came.
fn traced(server: &Faulty, name: &str) -> Vec<Value> {
    let items = server.items("trace_metric");
    let all = items.iter().flat_map(|item| item.payload["items"].as_array().unwrap().clone());
    all.filter(|metric| metric["name"] == name).collect()
}

#[test]
fn what_sentry_shows_today_is_what_was_gained() {
    let server = Faulty::start();
    increment!("ship_before", value: 5, labels: {"shop" => "north"});
    observe!("ship_amount", value: 1000);
    let options = ClientOptions::new().release("ship@1.0.0").environment("tests");
    let config = RuntimeMetricsConfig {
        trace_metrics: true,
        custom_collectors: vec![Arc::new(Asked(AtomicU64::new(0)))],
        ..fast()
    };
    let client = client_with(&server.dsn(), config, options);
    let wait = |name: &str, count| eventually(name, || traced(&server, name).len() >= count);
    // Everything since the program started comes first, and nothing again.
    wait("ship_before", 1);
    server.wait_for_requests(6);
    let metrics = traced(&server, "ship_before");
    assert_eq!(metrics.len(), 1);
    let metric = &metrics[0];
    assert_eq!((&metric["type"], &metric["value"]), (&json!("counter"), &json!(5.0)));
    for (name, value) in [
        ("shop", "north"),
        ("sentry.origin", "auto.rust.runtime_metrics"),
        ("sentry.release", "ship@1.0.0"),
        ("sentry.environment", "tests"),
        ("sentry.sdk.name", "sentry.rust"),
    ] {
        assert_eq!(metric["attributes"][name], json!({"value": value, "type": "string"}), "{name}");
    }
    increment!("ship_before", value: 3, labels: {"shop" => "north"});
    wait("ship_before", 2);
    assert_eq!(traced(&server, "ship_before")[1]["value"], 3.0);

    // A distribution is that of the interval.
    assert_eq!(traced(&server, "ship_amount.max")[0]["value"], 1000.0);
    observe!("ship_amount", value: 10);
    wait("ship_amount.max", 2);
    let stat = |stat: &str| traced(&server, &format!("ship_amount.{stat}"))[1]["value"].as_f64().unwrap();
    assert_eq!((stat("count"), stat("sum"), stat("avg")), (1.0, 10.0, 10.0));
    for name in ["min", "p50", "p90", "p95", "p99", "max"] {
        assert!((9.0..11.0).contains(&stat(name)), "{name} {}", stat(name));
    }

    // A counter of a collector counted before we looked.
    wait("ship.asked", 2);
    assert!(traced(&server, "ship.asked").iter().all(|metric| metric["value"].as_f64() < Some(1000.0)));
    set!("ship_level", value: 2.5);
    eventually("the gauge", || traced(&server, "ship_level").iter().any(|metric| metric["value"] == 2.5));
    assert!(traced(&server, "ship_level").iter().all(|metric| metric["type"] == "gauge"));
    wait("runtime.memory.rss", 1);
    assert_eq!(traced(&server, "runtime.memory.rss")[0]["unit"], "byte");

    let item = &server.items("trace_metric")[0];
    assert_eq!(item.header["content_type"], "application/vnd.sentry.items.trace-metric+json");
    assert_eq!(item.header["item_count"], item.payload["items"].as_array().unwrap().len());
    drop(client);
}

#[test]
fn a_queue_of_one_is_room_enough() {
    let server = Faulty::start();
    server.replies(Reply::TakeAfter(Duration::from_millis(50)));
    let config = RuntimeMetricsConfig { trace_metrics: true, ..fast() };
    let client = client_with(&server.dsn(), config, ClientOptions::new().transport_channel_capacity(1));
    server.wait("items of both kinds", |requests| {
        items(requests, "trace_metric").len() >= 3 && items(requests, "runtime_metrics").len() >= 3
    });
    drop(client);
}

/// A transport that several clients share, as the SDK's own tests have it.
#[derive(Default)]
struct Common {
    envelopes: AtomicU64,
    shutdowns: AtomicU64,
    panics: bool,
}

impl Transport for Common {
    fn send_envelope(&self, _: Envelope) {
        self.envelopes.fetch_add(1, Relaxed);
        assert!(!self.panics, "a transport that panics");
    }

    fn shutdown(&self, _: Duration) -> bool {
        self.shutdowns.fetch_add(1, Relaxed);
        true
    }
}

fn client_of(transport: &Arc<Common>, config: RuntimeMetricsConfig) -> Client {
    let options = ClientOptions::new().dsn("http://public@127.0.0.1:9/1").transport(Arc::clone(transport));
    Client::from(options.add_integration(RuntimeMetricsIntegration::new(config)))
}

#[test]
fn a_transport_that_others_use_too_is_not_shut_down() {
    let transport = Arc::new(Common::default());
    let client = client_of(&transport, fast());
    eventually("an envelope", || transport.envelopes.load(Relaxed) > 0);
    drop(client);
    // Ours is dropped on its own thread.
    eventually("the transport being let go", || Arc::strong_count(&transport) <= 2);
    assert_eq!(transport.shutdowns.load(Relaxed), 0);
}

#[test]
fn a_transport_that_panics_is_told_and_tried_again() {
    let transport = Arc::new(Common { panics: true, ..Default::default() });
    let client = client_of(&transport, fast());
    eventually("some tries", || transport.envelopes.load(Relaxed) >= 3);
    drop(client);
    assert!(status().problems.iter().any(|problem| problem.message.contains("a transport that panics")));
    let lost = registry().get("runtime_metrics_sentry_lost", &[("what", "collection"), ("reason", "unwritable")]);
    assert!(matches!(lost, Some(Reading::Counter(3..))), "{lost:?}");
}
