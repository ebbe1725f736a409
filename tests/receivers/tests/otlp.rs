//! A receiver of OTLP that refuses whatever the protocol forbids takes what the exporters push.

#![allow(clippy::unwrap_used)] // a test that can't go on has failed

use runtime_metrics::{ExportFormat, ExportProtocol, MetricsExporter, OtlpTemporality};
use runtime_metrics_tests_receivers::{Certificate, Collector, Known, Way, free_port, told, until};
use std::time::{Duration, Instant};

fn push(to: &Collector, way: Way, known: &Known) -> MetricsExporter {
    MetricsExporter::new()
        .format(ExportFormat::Otlp)
        .protocol(if way == Way::Grpc { ExportProtocol::Grpc } else { ExportProtocol::Http })
        .endpoint(to.endpoint(way))
        .interval(Duration::from_millis(200))
        .token("right")
        .name(known.prefix)
}

fn collector() -> Collector {
    Collector::start(Some("right"), None)
}

/// Waits until the exporter of these metrics has lost or sent so many collections more.
#[track_caller]
fn until_more(known: &Known, which: usize, count: u64) {
    let wanted = told(known.prefix)[which] + count;
    until("pushes", || match told(known.prefix) {
        now if now[which] >= wanted => Ok(()),
        now => Err(format!("{now:?}")),
    });
}

const LOST: usize = 1;
const SENT: usize = 0;

/// All of it, then more of it and one series less; everything the process has is pushed, not only what is known.
#[track_caller]
fn totals_arrive(collector: &Collector, exporter: MetricsExporter, mut known: Known) {
    let exporter = exporter.start();
    collector.has(&known);
    known.remove();
    known.count_more();
    collector.has(&known);
    exporter.stop();
    collector.has(&known);
    assert_eq!(told(known.prefix)[LOST], 0, "{:?}", runtime_metrics::status());
    let uptime = collector.ask("/state").points("process.uptime");
    assert!(matches!(&uptime[..], [(_, uptime)] if uptime["unit"] == "s"), "{uptime:?}");
}

#[test]
fn totals_arrive_over_grpc() {
    let known = Known::record("grpc");
    let collector = collector();
    totals_arrive(&collector, push(&collector, Way::Grpc, &known), known);
}

#[test]
fn totals_arrive_over_http() {
    let known = Known::record("http");
    let collector = collector();
    totals_arrive(&collector, push(&collector, Way::Http, &known), known);
}

#[test]
fn totals_arrive_over_grpc_with_tls() {
    let known = Known::record("grpc_tls");
    let certificate = Certificate::new();
    let collector = Collector::start(Some("right"), Some(&certificate));
    totals_arrive(&collector, push(&collector, Way::Grpc, &known).trust(certificate.authority), known);
}

#[test]
fn totals_arrive_over_https() {
    let known = Known::record("https");
    let certificate = Certificate::new();
    let collector = Collector::start(Some("right"), Some(&certificate));
    totals_arrive(&collector, push(&collector, Way::Http, &known).trust(certificate.authority), known);
}

#[test]
fn nothing_is_sent_to_whom_nobody_trusts() {
    for (prefix, way) in [("stranger_grpc", Way::Grpc), ("stranger_http", Way::Http)] {
        let known = Known::record(prefix);
        let collector = Collector::start(Some("right"), Some(&Certificate::new()));
        let exporter = push(&collector, way, &known).trust(Certificate::new().authority).start();
        until_more(&known, LOST, 2);
        exporter.stop();
        assert_eq!(collector.ask("/state").count("requests"), 0);
    }
}

#[test]
fn a_wrong_token_is_refused_and_that_is_told() {
    for (prefix, way) in [("wrong_grpc", Way::Grpc), ("wrong_http", Way::Http)] {
        let known = Known::record(prefix);
        let collector = collector();
        let exporter = push(&collector, way, &known).token("wrong").start();
        until_more(&known, LOST, 2);
        exporter.stop();
        let state = collector.ask("/state");
        assert!(state.count("unauthorized") >= 2 && state.count("taken") == 0, "{state:?}");
        let problems = runtime_metrics::status().problems;
        let told = problems.iter().find(|problem| problem.to_string().contains(prefix));
        assert!(told.is_some_and(|problem| problem.to_string().contains("token right")), "{problems:?}");
    }
}

/// Gains add up to the totals, also with a receiver that was away, refused, or took a part.
#[track_caller]
fn gains_add_up(known: &mut Known, way: Way) {
    let collector = collector();
    collector.ask("/refuse?status=503&times=2&after=0");
    let exporter = push(&collector, way, known).filter(known.filter()).temporality(OtlpTemporality::Delta).start();
    until_more(known, LOST, 2);
    known.count_more();
    collector.has(known);
    for _ in 0..3 {
        known.count_more();
        until_more(known, SENT, 1);
    }
    collector.ask("/refuse?status=503&times=3&after=0");
    known.count_more();
    until_more(known, LOST, 3);
    known.count_more();
    collector.has(known);
    // What was taken in part must not be sent again.
    collector.ask("/partial?times=1");
    known.count_more();
    until_more(known, LOST, 1);
    known.count_more();
    exporter.stop();
    collector.has(known);
    let state = collector.ask("/state");
    assert_eq!((state.count("refused"), state.count("partial")), (5, 1));
}

#[test]
fn gains_add_up_over_grpc() {
    gains_add_up(&mut Known::record("delta_grpc"), Way::Grpc);
}

#[test]
fn gains_add_up_over_http() {
    gains_add_up(&mut Known::record("delta_http"), Way::Http);
}

/// A receiver that is not there at first and goes away in between: the next one is told what this one was not.
#[track_caller]
fn is_told_what_others_missed(mut known: Known, way: Way) {
    let ports = [free_port(), free_port()];
    let start = || Collector::start_on(ports, Some("right"), None);
    let endpoint = format!("http://127.0.0.1:{}", ports[usize::from(way == Way::Http)]);
    let exporter = MetricsExporter::new()
        .format(ExportFormat::Otlp)
        .protocol(if way == Way::Grpc { ExportProtocol::Grpc } else { ExportProtocol::Http })
        .endpoint(endpoint)
        .interval(Duration::from_millis(200))
        .token("right")
        .temporality(OtlpTemporality::Delta)
        .filter(known.filter())
        .name(known.prefix)
        .start();
    until_more(&known, LOST, 2);
    known.count_more();
    let first = start();
    first.has(&known);
    // So that the exporter has heard that all was taken.
    until_more(&known, SENT, 1);
    drop(first);
    until_more(&known, LOST, 1);
    known.count_more();
    until_more(&known, LOST, 2);
    let second = start();
    let orders = format!("{}.orders", known.prefix);
    until("what was missed", || match second.ask("/state").points(&orders) {
        points if points.len() < 8 => Err(format!("{points:?}")),
        _ => Ok(()),
    });
    exporter.stop();
    let points = second.ask("/state").points(&orders);
    assert!(points.len() == 8 && points.iter().all(|(_, point)| point["value"] == 1000), "{points:?}");
    assert!(second.ask("/state").points(&format!("{}.latency", known.prefix)).is_empty());
    second.is_content();
}

#[test]
fn the_next_receiver_is_told_what_was_missed_over_grpc() {
    is_told_what_others_missed(Known::record("away_grpc"), Way::Grpc);
}

#[test]
fn the_next_receiver_is_told_what_was_missed_over_http() {
    is_told_what_others_missed(Known::record("away_http"), Way::Http);
}

#[test]
fn a_receiver_that_never_answers_holds_nobody_up() {
    // It listens, and that is all: the kernel takes the connections.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let kinds = [
        ("silent_grpc", ExportFormat::Otlp, ExportProtocol::Grpc),
        ("silent_http", ExportFormat::Otlp, ExportProtocol::Http),
        ("silent_write", ExportFormat::RemoteWrite, ExportProtocol::Http),
    ];
    for (name, format, protocol) in kinds {
        let exporter = MetricsExporter::new()
            .format(format)
            .protocol(protocol)
            .endpoint(endpoint.clone())
            .interval(Duration::from_millis(100))
            .timeout(Duration::from_millis(300))
            .name(name)
            .start();
        let known = Known::record(name);
        until_more(&known, LOST, 2);
        let stops = Instant::now();
        exporter.stop();
        // What is under way and the last push have the time of one each; the rest is for a busy machine.
        assert!(stops.elapsed() < Duration::from_secs(3), "{name}: {:?}", stops.elapsed());
    }
}

#[test]
fn what_the_protocol_does_not_have_would_be_seen() {
    let collector = Collector::start(None, None);
    // A field 15 of the request, and a request without a resource.
    for body in [&[0x7a, 0x00][..], &[]] {
        let url = format!("{}/v1/metrics", collector.endpoint(Way::Http));
        let posted = ureq::post(url).header("content-type", "application/x-protobuf").send(body);
        assert!(matches!(posted, Err(ureq::Error::StatusCode(400))), "{posted:?}");
    }
    let state = collector.ask("/state");
    assert_eq!(state.0["errors"].as_array().map(Vec::len), Some(2), "{state:?}");
}

#[test]
fn a_receiver_is_asked_again_when_it_wants() {
    let known = Known::record("patient");
    let collector = collector();
    collector.ask("/refuse?status=429&times=1&after=2");
    let exporter = push(&collector, Way::Http, &known).start();
    until_more(&known, LOST, 1);
    let refused = Instant::now();
    until_more(&known, SENT, 1);
    assert!(refused.elapsed() > Duration::from_millis(1_500), "{:?}", refused.elapsed());
    collector.has(&known);
    exporter.stop();
}
