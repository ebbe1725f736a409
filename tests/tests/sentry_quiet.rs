//! Only what changed is sent, and nothing when nothing did: these tests need the registry to themselves.

#![allow(clippy::unwrap_used)] // a test that can't go on has failed

use runtime_metrics::{RuntimeMetricsConfig, RuntimeMetricsIntegration, increment};
use runtime_metrics_tests::faults::{Faulty, newest};
use sentry::{Client, ClientOptions};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// One test at a time.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn client(server: &Faulty, config: RuntimeMetricsConfig) -> Client {
    let options = ClientOptions::new().dsn(&server.dsn()).add_integration(RuntimeMetricsIntegration::new(config));
    Client::from(sentry::apply_defaults(options))
}

/// Nothing that moves by itself.
fn still() -> RuntimeMetricsConfig {
    RuntimeMetricsConfig {
        collection_interval: Duration::from_millis(30),
        collect_memory: false,
        collect_process: false,
        collect_system: false,
        collect_async_runtime: false,
        ..Default::default()
    }
}

#[test]
fn nothing_is_sent_when_nothing_changed() {
    let _alone = alone();
    let (server, other) = (Faulty::start(), Faulty::start());
    increment!("quiet_moves");
    increment!("quiet_stays");
    let config = RuntimeMetricsConfig { only_changes: true, full_every: 1_000_000, ..still() };
    let quiet = client(&server, config);
    server.wait("everything", |requests| newest(requests, "quiet_moves", &[]) == Some(1));
    assert_eq!(server.counter("quiet_stays", &[]), Some(1));
    // The other sends each time, which alone is no reason to send it on.
    let busy = client(&other, still());
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
    let config = RuntimeMetricsConfig { only_changes: true, full_every: 5, ..still() };
    let client = client(&server, config);
    server.wait("the same again", |requests| {
        let seen = requests.iter().filter(|request| newest(&[(*request).clone()], "quiet_again", &[]) == Some(1));
        seen.count() >= 3
    });
    drop(client);
}
