//! Only what changed is sent, and nothing when nothing did: these tests need the registry to themselves.

#![allow(clippy::unwrap_used)] // a test that can't go on has failed

use runtime_metrics::{RuntimeMetricsConfig, increment};
use runtime_metrics_tests::faults::{Faulty, newest};
use runtime_metrics_tests::{alone, client, still};
use std::time::Duration;

#[test]
fn nothing_is_sent_when_nothing_changed() {
    let _alone = alone();
    let (server, other) = (Faulty::start(), Faulty::start());
    increment!("quiet_moves");
    increment!("quiet_stays");
    let config = RuntimeMetricsConfig { only_changes: true, full_every: 1_000_000, ..still(Duration::from_millis(30)) };
    let quiet = client(&server.dsn(), config);
    server.wait("everything", |requests| newest(requests, "quiet_moves", &[]) == Some(1));
    assert_eq!(server.counter("quiet_stays", &[]), Some(1));
    // The other sends each time, which alone is no reason to send it on.
    let busy = client(&other.dsn(), still(Duration::from_millis(30)));
    other.wait_for_requests(20);
    // A machine that has other things to do may have collections skipped, which is a change.
    let rest = server.requests().split_off(1);
    assert!(rest.len() < 10, "{}", rest.len());
    assert_eq!(newest(&rest, "quiet_stays", &[]), None);
    increment!("quiet_moves");
    server.wait("the change", |requests| newest(requests, "quiet_moves", &[]) == Some(2));
    let change = server.requests().pop().unwrap();
    let names = change.items[0].payload["metrics"].as_array().unwrap().iter().map(|metric| &metric["name"]);
    assert_eq!(names.filter(|name| *name == "quiet_stays").count(), 0);
    drop((quiet, busy));
}

#[test]
fn everything_is_sent_again_every_so_many_collections() {
    let _alone = alone();
    let server = Faulty::start();
    increment!("quiet_again");
    let config = RuntimeMetricsConfig { only_changes: true, full_every: 5, ..still(Duration::from_millis(30)) };
    let client = client(&server.dsn(), config);
    server.wait("the same again", |requests| {
        let seen = requests.iter().filter(|request| newest(&[(*request).clone()], "quiet_again", &[]) == Some(1));
        seen.count() >= 3
    });
    drop(client);
}
