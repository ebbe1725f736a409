//! Prometheus takes what is written to it.

#![allow(clippy::unwrap_used)] // a test that can't go on has failed

use runtime_metrics::{ExportFormat, MetricsExporter};
use runtime_metrics_tests_receivers::{Histograms, Known, Prometheus, free_port, told, until};
use std::time::Duration;

fn write(address: &str, known: &Known) -> MetricsExporter {
    MetricsExporter::new()
        .format(ExportFormat::RemoteWrite)
        .endpoint(address)
        .interval(Duration::from_millis(300))
        .filter(known.filter())
        .name(known.prefix)
}

/// It has everything, then without a series that was removed, and after the stop nothing but the past.
#[track_caller]
fn comes_and_goes(prometheus: &Prometheus, exporter: MetricsExporter, mut known: Known, histograms: Histograms) {
    let exporter = exporter.start();
    prometheus.has(&known, "", histograms);
    known.remove();
    known.count_more();
    prometheus.has(&known, "", histograms);
    exporter.stop();
    let prefix = known.prefix;
    prometheus.forgets(&format!("{{__name__=~\"{prefix}_.*\"}}"));
    let past = prometheus.query(&format!("count_over_time({prefix}_orders_total[1h])")).unwrap();
    assert!(past.len() == 9, "{past:?}");
    assert_eq!(told(prefix)[1], 0, "{:?}", runtime_metrics::status());
    let said = prometheus.said();
    assert!(!said.contains("Out of order") && !said.contains("level=error"), "{said}");
}

#[test]
fn prometheus_takes_remote_write_and_knows_when_series_end() {
    let known = Known::record("classic");
    let prometheus = Prometheus::start("", &[]);
    comes_and_goes(&prometheus, write(prometheus.address(), &known), known, Histograms::Classic);
}

#[test]
fn prometheus_takes_native_histograms_by_remote_write_and_knows_when_they_end() {
    let known = Known::record("native");
    let prometheus = Prometheus::start("", &[]);
    let exporter = write(prometheus.address(), &known).native_histograms(true);
    comes_and_goes(&prometheus, exporter, known, Histograms::Native);
}

#[test]
fn prometheus_that_comes_late_has_all_totals() {
    let mut known = Known::record("late");
    let port = free_port();
    let exporter = write(&format!("http://127.0.0.1:{port}"), &known).start();
    until("a push that is lost", || match told("late") {
        [0, lost] if lost > 0 => Ok(()),
        other => Err(format!("{other:?}")),
    });
    known.count_more();
    let prometheus = Prometheus::start_on(port, "", &[]);
    prometheus.has(&known, "", Histograms::Classic);
    exporter.stop();
}
