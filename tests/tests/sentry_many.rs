//! A program with many series: all of them arrive, and a server that does not answer costs a bounded
//! memory. Other tests would wait for such envelopes.

#![allow(clippy::unwrap_used)] // a test that can't go on has failed

use runtime_metrics::{Reading, RuntimeMetricsConfig, increment, registry};
use runtime_metrics_tests::faults::{Faulty, Reply};
use runtime_metrics_tests::{alone, client, eventually, still};
use std::time::Duration;

/// Resident memory in bytes.
#[cfg(target_os = "linux")]
fn resident() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

#[cfg(target_os = "linux")]
#[test]
fn a_server_that_does_not_answer_costs_a_bounded_memory() {
    let _alone = alone();
    let server = Faulty::start();
    server.replies(Reply::Never);
    for series in 0..3000 {
        increment!("many_series", labels: {"series" => series, "text" => "some text that takes its room"});
    }
    let lost = || match registry().get("runtime_metrics_sentry_lost", &[("what", "collection"), ("reason", "busy")]) {
        Some(Reading::Counter(count)) => count,
        _ => 0,
    };
    let config = RuntimeMetricsConfig {
        collection_interval: Duration::from_millis(1),
        trace_metrics: true,
        ..still(Duration::from_millis(10))
    };
    let client = client(&server.dsn(), config);
    server.wait_for_requests(1);
    let start = lost();
    eventually("some collections being skipped", || lost() > start + 5);
    let before = resident();
    eventually("many collections being skipped", || lost() > start + 100);
    let after = resident();
    // Each of those collections has half a megabyte as JSON.
    assert!(after < before + (24 << 20), "{before} {after}");
    drop(client);
}

#[test]
fn many_series_are_many_items_that_all_arrive() {
    let _alone = alone();
    let server = Faulty::start();
    for series in 0..2500 {
        increment!("many_many", labels: {"series" => series});
    }
    let config = RuntimeMetricsConfig {
        collection_interval: Duration::from_millis(200),
        trace_metrics: true,
        ..still(Duration::from_millis(10))
    };
    let client = client(&server.dsn(), config);
    eventually("all of them", || server.gained("many_many", &[]) == 2500.0);
    assert!(server.items("trace_metric").len() >= 3);
    for item in server.items("trace_metric") {
        assert!(item.payload["items"].as_array().unwrap().len() <= 1000);
        assert!(item.payload.to_string().len() <= 1 << 20);
    }
    assert_eq!(server.most_at_a_time(), 1);
    drop(client);
}
