//! Rotel, a collector of OpenTelemetry, takes what the exporters push, and what it forwards is still right.

#![allow(clippy::unwrap_used)] // a test that can't go on has failed

use runtime_metrics::{ExportFormat, ExportProtocol, MetricsExporter, OtlpTemporality};
use runtime_metrics_tests_receivers::{Collector, Known, Rotel, Way, told};
use std::time::Duration;

#[track_caller]
fn goes_through(mut known: Known, way: Way, temporality: OtlpTemporality) {
    let collector = Collector::start(Some("right"), None);
    let rotel = Rotel::start(&collector, "right", way);
    let exporter = MetricsExporter::new()
        .format(ExportFormat::Otlp)
        .protocol(if way == Way::Grpc { ExportProtocol::Grpc } else { ExportProtocol::Http })
        .endpoint(rotel.endpoint(way))
        .interval(Duration::from_millis(300))
        .temporality(temporality)
        .filter(known.filter())
        .name(known.prefix)
        .start();
    collector.has(&known);
    known.count_more();
    collector.has(&known);
    known.count_more();
    exporter.stop();
    collector.has(&known);
    assert_eq!(told(known.prefix)[1], 0, "{:?}", runtime_metrics::status());
}

#[test]
fn rotel_takes_totals_over_grpc() {
    goes_through(Known::record("grpc"), Way::Grpc, OtlpTemporality::Cumulative);
}

#[test]
fn rotel_takes_totals_over_http() {
    goes_through(Known::record("http"), Way::Http, OtlpTemporality::Cumulative);
}

#[test]
fn rotel_takes_gains_over_grpc() {
    goes_through(Known::record("delta"), Way::Grpc, OtlpTemporality::Delta);
}
