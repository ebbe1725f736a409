//! The Sentry integration through the real client and its real HTTP transport.

#![allow(clippy::unwrap_used)] // a test that can't go on has failed

use runtime_metrics::{
    MetricCollector, RuntimeMetric, RuntimeMetrics, RuntimeMetricsConfig, RuntimeMetricsIntegration, increment,
    metered, observe, status,
};
use runtime_metrics_tests::{Envelope, Ingest, client};
use sentry::{Client, ClientOptions};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

fn every(interval: Duration) -> RuntimeMetricsConfig {
    RuntimeMetricsConfig { collection_interval: interval, ..Default::default() }
}

const FAST: Duration = Duration::from_millis(50);
const NEVER: Duration = Duration::from_hours(1);

fn number(envelope: &Envelope, name: &str) -> f64 {
    envelope.metrics(name).first().and_then(|metric| metric["value"].as_f64()).unwrap_or_else(|| panic!("no {name}"))
}

#[test]
fn an_envelope_leaves_each_interval_and_is_what_the_protocol_says() {
    #[metered]
    async fn sentry_handled() {}
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(3).build().unwrap();
    runtime.block_on(async { tokio::spawn(sentry_handled()).await.unwrap() });
    increment!("sentry_orders", value: 7, labels: {"shop" => "north"});
    observe!("sentry_amount", value: 2.5);
    observe!("sentry_amount", value: 7.5);

    let ingest = Ingest::start();
    let client = client(&ingest.dsn(), every(FAST));
    let (first, second) = (ingest.next(), ingest.next());
    for envelope in [&first, &second] {
        assert_eq!(envelope.header["dsn"], ingest.dsn());
        assert!(envelope.header["sent_at"].as_str().is_some_and(|time| time.ends_with('Z')));
        assert_eq!(envelope.item_header["type"], "runtime_metrics");
        assert_eq!(envelope.item_header["content_type"], "application/json");
        assert_eq!(envelope.item["platform"], "rust");
        let timestamp = envelope.item["timestamp"].as_str().unwrap();
        assert!(timestamp.len() == "2026-01-21T10:30:00.000Z".len() && timestamp.ends_with('Z'), "{timestamp}");
        // What was sent is what the types read and write.
        let payload: RuntimeMetrics = serde_json::from_value(envelope.item.clone()).unwrap();
        assert_eq!(serde_json::to_value(payload).unwrap(), envelope.item);
    }
    assert!(first.item["timestamp"].as_str() < second.item["timestamp"].as_str());

    assert!(number(&second, "runtime.memory.rss") > 1e6);
    assert_eq!(second.metrics("runtime.memory.rss")[0]["unit"], "bytes");
    assert!(number(&second, "process.threads.count") >= 1.0);
    assert_eq!(second.metrics("process.cpu.user_time")[0]["type"], "counter");
    assert!(number(&second, "process.open_fds") >= 3.0);
    assert!(number(&second, "process.uptime") > 0.0);
    let workers = second.metrics("async.workers.count");
    assert!(workers.iter().any(|metric| metric["value"] == 3 && metric["tags"]["runtime"] == "tokio"), "{workers:?}");
    let orders = second.metrics("sentry_orders")[0];
    assert_eq!(
        (&orders["value"], &orders["type"], &orders["tags"]["shop"]),
        (&7.into(), &"counter".into(), &"north".into())
    );

    let amounts = second.metrics("sentry_amount");
    let stat = |stat: &str| {
        let metric = amounts.iter().find(|metric| metric["tags"]["stat"] == stat).unwrap();
        assert_eq!(metric["type"], "distribution");
        metric["value"].as_f64().unwrap()
    };
    assert_eq!((stat("count"), stat("sum"), stat("min"), stat("max")), (2.0, 10.0, 2.5, 7.5));
    assert!(["p50", "p90", "p95", "p99"].map(stat).windows(2).all(|pair| pair[0] <= pair[1]));
    drop(client);
}

#[test]
fn the_last_envelope_leaves_when_the_client_is_dropped() {
    let ingest = Ingest::start();
    let client = client(&ingest.dsn(), every(NEVER));
    increment!("sentry_last", value: 1);
    drop(client);
    let rest = ingest.rest(Duration::from_millis(500));
    assert_eq!(rest.len(), 1);
    assert_eq!(number(&rest[0], "sentry_last"), 1.0);
}

#[test]
fn the_last_envelope_leaves_when_the_client_is_closed() {
    let ingest = Ingest::start();
    let options = ClientOptions::new().dsn(&ingest.dsn()).add_integration(RuntimeMetricsIntegration::new(every(NEVER)));
    // The one client of this program that is bound to the main hub.
    let hub = sentry::Hub::main();
    let client = Arc::new(Client::from(sentry::apply_defaults(options)));
    hub.bind_client(Some(Arc::clone(&client)));
    increment!("sentry_closed", value: 1);
    client.close(None);
    assert_eq!(number(&ingest.next(), "sentry_closed"), 1.0);
    hub.bind_client(None);
    drop(client);
    assert_eq!(ingest.rest(Duration::from_millis(300)).len(), 0);
}

#[test]
fn a_program_that_ends_sends_what_it_recorded_last() {
    for ending in ["return", "forget", "exit", "fall off"] {
        let ingest = Ingest::start();
        let program = std::process::Command::new(env!("CARGO_BIN_EXE_goodbye")).args([&*ingest.dsn(), ending]).status();
        assert!(program.unwrap().success());
        let envelopes = ingest.rest(Duration::from_millis(200));
        assert_eq!(envelopes.len(), 1, "{ending}");
        assert_eq!(envelopes[0].metrics("goodbye")[0]["tags"]["ending"], ending);
    }
}

#[test]
fn each_client_ships_on_its_own() {
    let (one, two) = (Ingest::start(), Ingest::start());
    let first = client(&one.dsn(), every(FAST));
    let second = client(&two.dsn(), every(FAST));
    one.next();
    two.next();
    drop(first);
    one.rest(Duration::from_millis(300));
    two.next();
    drop(second);
}

#[test]
fn a_client_without_a_dsn_sends_nothing_and_starts_nothing() {
    let options = ClientOptions::new().add_integration(RuntimeMetricsIntegration::default());
    let client = Client::from(options);
    assert!(!client.is_enabled());
}

struct Flaky(AtomicU64);

impl MetricCollector for Flaky {
    fn collect(&self) -> Vec<RuntimeMetric> {
        let round = self.0.fetch_add(1, Ordering::Relaxed);
        assert!(round % 2 == 1, "every other time");
        vec![RuntimeMetric::gauge("sentry.flaky", round)]
    }

    fn name(&self) -> &'static str {
        "flaky"
    }
}

#[test]
fn a_collector_that_panics_is_named_and_the_loop_goes_on() {
    let ingest = Ingest::start();
    let config = RuntimeMetricsConfig { custom_collectors: vec![Arc::new(Flaky(AtomicU64::new(0)))], ..every(FAST) };
    let client = client(&ingest.dsn(), config);
    let mut seen = 0;
    for _ in 0..200 {
        let envelope = ingest.next();
        assert!(number(&envelope, "process.uptime") > 0.0);
        seen += envelope.metrics("sentry.flaky").len();
        if seen >= 2 {
            break;
        }
    }
    assert_eq!(seen, 2);
    let told = status().problems.into_iter().find(|problem| problem.subject == "flaky").unwrap();
    assert!(told.message.contains("every other time"), "{told}");
    drop(client);
}

#[test]
fn what_is_switched_off_is_not_sent() {
    let ingest = Ingest::start();
    let config = RuntimeMetricsConfig {
        collect_memory: false,
        collect_process: false,
        collect_system: false,
        collect_async_runtime: false,
        ..every(FAST)
    };
    let client = client(&ingest.dsn(), config);
    let envelope = ingest.next();
    for name in ["runtime.memory.rss", "process.uptime", "system.load", "async.workers.count"] {
        assert!(envelope.metrics(name).is_empty(), "{name}");
    }
    drop(client);
}

#[test]
fn a_zero_interval_is_told_and_the_default_is_used() {
    let integration = RuntimeMetricsIntegration::new(every(Duration::ZERO));
    assert_eq!(integration.config().collection_interval, Duration::from_secs(10));
    let told = status().problems.into_iter().find(|problem| problem.subject == "RuntimeMetricsConfig").unwrap();
    assert!(
        told.message.contains("collection_interval = 0ns") && told.message.contains("Duration::from_secs(10)"),
        "{told}"
    );
}
