//! VictoriaMetrics scrapes what the exporters serve, and takes what is written to it.

#![allow(clippy::unwrap_used)] // a test that can't go on has failed

use runtime_metrics::{ExportFormat, MetricsExporter};
use runtime_metrics_tests_receivers::{Histograms, Known, Victoria};
use std::time::Duration;

#[test]
fn victoria_metrics_scrapes_what_it_asks_for_with_the_token() {
    let mut known = Known::record("scraped");
    let exporter = MetricsExporter::new().address("127.0.0.1:0").token("right").start();
    let address = exporter.address().unwrap();
    let job = |name, token| {
        format!(
            "- job_name: {name}\n  authorization: {{credentials: {token}}}\n  static_configs: [{{targets: ['{address}']}}]\n"
        )
    };
    let victoria = Victoria::start(&(job("right", "right") + &job("wrong", "wrong")));
    victoria.has(&known, "job=\"right\"", Histograms::Classic);
    known.remove();
    known.count_more();
    victoria.has(&known, "job=\"right\"", Histograms::Classic);
    let refused = victoria.query("max_over_time(up{job=\"wrong\"}[5m])").unwrap();
    assert!(matches!(&refused[..], [up] if up.value == 0.0), "{refused:?}");
    assert!(victoria.query("scraped_orders_total{job=\"wrong\"}").unwrap().is_empty());
    exporter.stop();
}

#[test]
fn victoria_metrics_takes_remote_write_and_knows_when_series_end() {
    let mut known = Known::record("written");
    let victoria = Victoria::start("");
    let exporter = MetricsExporter::new()
        .format(ExportFormat::RemoteWrite)
        .endpoint(format!("{}/api/v1/write", victoria.address()))
        .interval(Duration::from_millis(300))
        .filter(known.filter())
        .start();
    victoria.has(&known, "", Histograms::Classic);
    known.remove();
    known.count_more();
    victoria.has(&known, "", Histograms::Classic);
    exporter.stop();
    victoria.forgets("{__name__=~\"written_.*\"}");
    let past = victoria.query("count_over_time(written_orders_total[1h])").unwrap();
    assert!(past.len() == 9, "{past:?}");
}
