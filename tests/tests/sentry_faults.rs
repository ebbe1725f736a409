//! What servers that fail do to a program: nothing. It is as quick as before, what was lost is
//! counted, and in the end the server knows every number to the last digit.

#![allow(clippy::unwrap_used)] // a test that can't go on has failed

use runtime_metrics::{
    MetricsTransport, Reading, RuntimeMetricsConfig, RuntimeMetricsIntegration, increment, registry, status,
};
use runtime_metrics_tests::faults::{Faulty, Reply, items, newest};
use runtime_metrics_tests::load::Load;
use runtime_metrics_tests::{PATIENCE, client_with, eventually};
use sentry::{Client, ClientOptions, Hub, TransactionContext};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

const FAST: Duration = Duration::from_millis(20);
/// More than a close may take: it waits two seconds for the server.
const CLOSE: Duration = Duration::from_secs(5);

fn every(collection_interval: Duration) -> RuntimeMetricsConfig {
    RuntimeMetricsConfig { collection_interval, ..Default::default() }
}

fn client(server: &Faulty, trace_metrics: bool) -> Client {
    runtime_metrics_tests::client(&server.dsn(), RuntimeMetricsConfig { trace_metrics, ..every(FAST) })
}

fn lost(what: &str, reason: &str) -> u64 {
    match registry().get("runtime_metrics_sentry_lost", &[("what", what), ("reason", reason)]) {
        Some(Reading::Counter(count)) => count,
        _ => 0,
    }
}

/// Stops the program and waits until the server knows all that it did, both ways.
fn exact_in_the_end(server: &Faulty, load: Load) {
    let test = load.test();
    let done = load.stop();
    server.wait("the exact count", |requests| newest(requests, "faults_work", &[("test", test)]) == Some(done));
    let gained = || server.gained("faults_work", &[("test", test)]);
    eventually("the exact sum", || gained() == done as f64);
}

#[test]
fn a_429_is_obeyed_and_the_values_are_exact_after_it() {
    let server = Faulty::start();
    let load = Load::start("429");
    let client = client(&server, true);
    server.wait_for_requests(2);
    server.replies_once(Reply::Refuse(429, "retry-after: 1\r\n"));
    server.wait("the refusal and what comes after", |requests| {
        requests.iter().position(|request| !request.taken).is_some_and(|refused| requests.len() > refused + 2)
    });
    let requests = server.requests();
    let refused = requests.iter().position(|request| !request.taken).unwrap();
    let pause = requests[refused + 1].at - requests[refused].at;
    assert!(pause >= Duration::from_millis(950), "{pause:?}");
    load.goes_on();
    let done = load.stop();
    drop(client);
    server.wait("the exact count", |requests| newest(requests, "faults_work", &[("test", "429")]) == Some(done));
    // Of the gains in the refused envelope the transport tells nothing; none counts twice.
    assert!(server.gained("faults_work", &[("test", "429")]) <= done as f64);
}

#[test]
fn a_limit_of_one_category_stops_that_one_only() {
    let server = Faulty::start();
    let load = Load::start("category");
    let client = client(&server, true);
    server.wait_for_requests(4);
    let before = lost("trace_metric", "ratelimit_backoff");
    server.replies_once(Reply::TakeWith("x-sentry-rate-limits: 1:trace_metric:organization\r\n"));
    // Else every other request has some.
    server.wait("requests without trace metrics", |requests| {
        requests.windows(3).any(|these| items(these, "trace_metric").is_empty())
    });
    eventually("the loss being counted", || lost("trace_metric", "ratelimit_backoff") > before);
    // When the limit is over, what was held back comes too, and Sentry is told how many items were.
    let report = |reports: &[runtime_metrics_tests::faults::Item]| -> u64 {
        let discarded = reports.iter().flat_map(|item| item.payload["discarded_events"].as_array().unwrap().clone());
        let ours = discarded.filter(|item| item["category"] == "trace_metric" && item["reason"] == "ratelimit_backoff");
        ours.map(|item| item["quantity"].as_u64().unwrap()).sum()
    };
    server.wait("a client report", |requests| report(&items(requests, "client_report")) > 0);
    exact_in_the_end(&server, load);
    drop(client);
}

#[test]
fn a_limit_of_everything_stops_everything_until_it_is_over() {
    let server = Faulty::start();
    let load = Load::start("global");
    let client = client(&server, true);
    server.wait_for_requests(4);
    server.replies_once(Reply::TakeWith("x-sentry-rate-limits: 1::organization\r\n"));
    let longest = |requests: &[runtime_metrics_tests::faults::Request]| {
        requests.windows(2).map(|pair| pair[1].at - pair[0].at).max().unwrap_or_default()
    };
    server.wait("a pause", |requests| longest(requests) >= Duration::from_millis(950));
    exact_in_the_end(&server, load);
    drop(client);
}

#[test]
fn a_server_that_fails_loses_nothing_for_good() {
    let server = Faulty::start();
    let load = Load::start("500");
    let client = client(&server, true);
    server.replies(Reply::Refuse(500, ""));
    let before = lost("trace_metric", "send_error");
    server.wait_for_requests(10);
    load.goes_on();
    eventually("the loss being counted", || lost("trace_metric", "send_error") > before);
    server.replies(Reply::Take);
    exact_in_the_end(&server, load);
    drop(client);
}

#[test]
fn a_slow_server_gets_one_envelope_at_a_time_and_what_it_has_no_time_for_is_counted() {
    let server = Faulty::start();
    server.replies(Reply::TakeAfter(Duration::from_millis(300)));
    let load = Load::start("slow");
    let client = client(&server, false);
    let (before, done) = (lost("collection", "busy"), load.done());
    server.wait_for_requests(4);
    // Calls that waited for the server would be a dozen by now.
    assert!(load.done() > done + 200, "{done} {}", load.done());
    assert!(lost("collection", "busy") >= before + 10, "{before}");
    assert_eq!(server.most_at_a_time(), 1);
    let done = load.stop();
    // The last one has the time that it takes.
    drop(client);
    server.wait("the exact count", |requests| newest(requests, "faults_work", &[("test", "slow")]) == Some(done));
}

#[test]
fn a_server_that_never_answers_holds_up_nobody() {
    let server = Faulty::start();
    server.replies(Reply::Never);
    let load = Load::start("never");
    let (busy, timeout) = (lost("collection", "busy"), lost("collection", "timeout"));
    let client = client(&server, true);
    server.wait_for_requests(1);
    eventually("collections being skipped", || lost("collection", "busy") >= busy + 10);
    load.goes_on();
    let start = Instant::now();
    drop(client);
    let took = start.elapsed();
    assert!(took < CLOSE, "{took:?}");
    // The one in its hands and the last.
    assert!(lost("collection", "timeout") >= timeout + 2);
    assert!(status().problems.iter().any(|problem| problem.message.contains("did not leave within")));
    assert_eq!(server.most_at_a_time(), 1);
    load.goes_on();
    load.stop();
}

#[test]
fn a_program_ends_although_the_server_never_answers() {
    let server = Faulty::start();
    server.replies(Reply::Never);
    let start = Instant::now();
    let programs = ["return", "forget", "exit", "fall off"].map(|ending| {
        std::process::Command::new(env!("CARGO_BIN_EXE_goodbye")).args([&*server.dsn(), ending]).spawn().unwrap()
    });
    for mut program in programs {
        assert!(program.wait().unwrap().success());
    }
    let took = start.elapsed();
    assert!(took < CLOSE, "{took:?}");
}

#[test]
fn a_connection_that_is_reset_is_made_again() {
    let server = Faulty::start();
    let load = Load::start("reset");
    let client = client(&server, true);
    server.replies(Reply::Reset);
    let before = lost("trace_metric", "network_error");
    server.wait_for_requests(10);
    load.goes_on();
    eventually("the loss being counted", || lost("trace_metric", "network_error") > before);
    server.replies(Reply::Take);
    exact_in_the_end(&server, load);
    drop(client);
}

#[test]
fn a_server_that_is_gone_for_a_while_misses_nothing() {
    let server = Faulty::start();
    let load = Load::start("gone");
    let client = client(&server, true);
    server.wait_for_requests(2);
    let before = lost("trace_metric", "network_error");
    server.go_away();
    eventually("some losses being counted", || lost("trace_metric", "network_error") > before + 100);
    load.goes_on();
    server.come_back();
    exact_in_the_end(&server, load);
    drop(client);
}

#[test]
fn a_server_that_hung_and_comes_back_is_told_everything() {
    let server = Faulty::start();
    server.replies(Reply::Never);
    let load = Load::start("hung");
    let client = client(&server, true);
    server.wait_for_requests(1);
    load.goes_on();
    server.replies(Reply::Take);
    server.go_away();
    server.come_back();
    exact_in_the_end(&server, load);
    drop(client);
}

#[test]
fn an_answer_that_is_garbage_is_a_loss_like_any_other() {
    let server = Faulty::start();
    let load = Load::start("garbage");
    let client = client(&server, true);
    server.replies(Reply::Garbage);
    server.wait_for_requests(10);
    load.goes_on();
    server.replies(Reply::Take);
    exact_in_the_end(&server, load);
    drop(client);
}

#[test]
fn a_client_that_takes_the_place_of_another_on_the_hub_ships_on() {
    let (one, two) = (Faulty::start(), Faulty::start());
    let load = Load::start("again");
    let config = || RuntimeMetricsConfig { collection_interval: FAST, ..Default::default() };
    // The one test of this program that binds to the main hub.
    let hub = sentry::Hub::main();
    let bind = |server: &Faulty| {
        let client = Arc::new(runtime_metrics_tests::client(&server.dsn(), config()));
        hub.bind_client(Some(Arc::clone(&client)));
        server.wait_for_requests(3);
        client
    };
    let (first, second) = (bind(&one), bind(&two));
    // What dropping the guard of `sentry::init` does; other threads may still have it on their hubs.
    first.close(None);
    drop(first);
    two.wait_for_requests(3);
    eventually("the last envelope of the first", || {
        let before = one.requests().len();
        two.wait_for_requests(5);
        one.requests().len() == before
    });
    let done = load.stop();
    hub.bind_client(None);
    second.close(None);
    two.wait("the exact count", |requests| newest(requests, "faults_work", &[("test", "again")]) == Some(done));
    let known = |server: &Faulty| server.counter("faults_work", &[("test", "again")]);
    assert!(known(&one).is_some_and(|known| known <= done));
}

#[test]
fn of_two_clients_the_one_with_a_good_server_does_not_know_of_the_other() {
    let (good, bad) = (Faulty::start(), Faulty::start());
    bad.replies(Reply::Never);
    let load = Load::start("two");
    let clients = [client(&bad, true), client(&good, true)];
    bad.wait_for_requests(1);
    good.wait_for_requests(20);
    exact_in_the_end(&good, load);
    drop(clients);
}

#[test]
fn two_clients_of_one_integration_that_hang_take_no_longer_to_drop_than_one() {
    let server = Faulty::start();
    server.replies(Reply::Never);
    let ours = RuntimeMetricsIntegration::new(every(FAST));
    let options = sentry::apply_defaults(ClientOptions::new().dsn(&server.dsn()).add_integration(ours));
    let clients = [Client::from(options.clone()), Client::from(options.clone())];
    server.wait_for_requests(2);
    let start = Instant::now();
    drop((clients, options));
    let took = start.elapsed();
    assert!((Duration::from_millis(1900)..Duration::from_millis(3800)).contains(&took), "{took:?}");
}

#[test]
fn a_close_under_load_sends_what_was_recorded_before_it() {
    let server = Faulty::start();
    let load = Load::start("close");
    let client = runtime_metrics_tests::client(&server.dsn(), every(Duration::from_hours(1)));
    load.goes_on();
    let (least, start) = (load.done(), Instant::now());
    drop(client);
    let (most, took) = (load.stop(), start.elapsed());
    assert!(took < CLOSE, "{took:?}");
    server.wait("the last envelope", |requests| !requests.is_empty());
    let known = server.counter("faults_work", &[("test", "close")]).unwrap();
    assert!((least..=most).contains(&known), "{least} {known} {most}");
}

#[test]
fn a_runtime_whose_workers_are_all_blocked_does_not_silence_what_says_so() {
    let server = Faulty::start();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let (free, blocked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    for _ in 0..2 {
        let (free, blocked) = (Arc::clone(&free), Arc::clone(&blocked));
        runtime.spawn(async move {
            blocked.fetch_add(1, Relaxed);
            while !free.load(Relaxed) {
                std::thread::sleep(Duration::from_millis(1));
            }
        });
    }
    eventually("all workers being blocked", || blocked.load(Relaxed) == 2);
    let _entered = runtime.enter();
    let client = client(&server, false);
    server.wait_for_requests(5);
    assert!(!free.load(Relaxed));
    increment!("faults_blocked");
    server.wait("news", |requests| newest(requests, "faults_blocked", &[]) == Some(1));
    free.store(true, Relaxed);
    drop(client);
}

#[test]
fn a_limit_of_transactions_is_kept_although_their_summaries_are_written_anew() {
    let server = Faulty::start();
    server.replies(Reply::TakeWith("x-sentry-rate-limits: 60:transaction:organization\r\n"));
    let options = ClientOptions::new()
        .traces_sample_rate(1.0)
        .transport(MetricsTransport::over(sentry::transports::DefaultTransportFactory));
    let client = client_with(&server.dsn(), every(Duration::from_hours(1)), options);
    let hub = Arc::new(Hub::new(Some(Arc::new(client)), Arc::default()));
    let transaction = |summarised: bool| {
        Hub::run(Arc::clone(&hub), || {
            let transaction = sentry::start_transaction(TransactionContext::new("limited", "test"));
            sentry::configure_scope(|scope| scope.set_span(Some(transaction.clone().into())));
            if summarised {
                increment!("faults_in_transaction");
            }
            transaction.finish();
            assert!(hub.client().unwrap().flush(Some(PATIENCE)));
        });
    };
    transaction(true);
    assert_eq!(server.items("transaction").len(), 1);
    // One that is as the SDK made it is held back, which the next one knows, and every later one.
    for summarised in [false, true, true, true] {
        transaction(summarised);
    }
    assert_eq!(server.items("transaction").len(), 1);
    Hub::run(Arc::clone(&hub), || sentry::capture_message("an event", sentry::Level::Error));
    server.wait("the report of what was held back", |requests| {
        items(requests, "client_report").iter().any(|report| report.payload.to_string().contains("ratelimit_backoff"))
    });
}
