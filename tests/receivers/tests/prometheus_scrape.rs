//! Prometheus scrapes what the exporters serve, in each of its formats.

#![allow(clippy::unwrap_used)] // a test that can't go on has failed

use runtime_metrics::{ExportFormat, ExportHandle, ExportProtocol, MetricsExporter};
use runtime_metrics_tests_receivers::{Certificate, Histograms, Known, Prometheus, until};
use serde_json::Value;

/// A job with this target and these lines besides.
fn job(name: &str, exporter: &ExportHandle, more: &str) -> String {
    let address = exporter.address().unwrap();
    format!("- job_name: {name}\n  static_configs: [{{targets: ['{address}']}}]\n{more}")
}

fn serve(format: ExportFormat) -> MetricsExporter {
    MetricsExporter::new().format(format).address("127.0.0.1:0")
}

/// What Prometheus knows of a metric besides its values: type and help.
#[track_caller]
fn is_described(prometheus: &Prometheus, metric: &str, kind: &str, help: &str) {
    until(metric, || {
        let answer = prometheus.get("/api/v1/targets/metadata", &[("metric", metric)])?;
        let found = &answer["data"][0];
        if found["type"] == kind && found["help"] == help { Ok(()) } else { Err(answer.to_string()) }
    });
}

/// A series that is removed is gone at the next scrape, and what is counted goes on.
#[track_caller]
fn goes_on(prometheus: &Prometheus, mut known: Known, selector: &str, histograms: Histograms) {
    prometheus.has(&known, selector, histograms);
    known.remove();
    known.count_more();
    prometheus.has(&known, selector, histograms);
    let healthy = prometheus.query(&format!("min_over_time(up{{{selector}}}[5m])")).unwrap();
    assert!(healthy.iter().all(|up| up.value == 1.0), "{healthy:?}: a scrape failed");
}

const HELP: &str = "Orders: \"quoted\", back\\slash,\nnew line, 東京.";

#[test]
fn prometheus_scrapes_openmetrics_over_http() {
    let known = Known::record("openmetrics");
    let exporter = serve(ExportFormat::OpenMetrics).start();
    let prometheus = Prometheus::start(&job("a", &exporter, ""), &[]);
    goes_on(&prometheus, known, "job=\"a\"", Histograms::Classic);
    is_described(&prometheus, "openmetrics_orders", "counter", HELP);
    is_described(&prometheus, "openmetrics_latency_seconds", "histogram", "Latency.");
    exporter.stop();
}

#[test]
fn prometheus_scrapes_its_text_over_http() {
    let known = Known::record("text");
    let exporter = serve(ExportFormat::Prometheus).filter(known.filter()).start();
    let prometheus = Prometheus::start(&job("a", &exporter, ""), &[]);
    goes_on(&prometheus, known, "job=\"a\"", Histograms::Classic);
    is_described(&prometheus, "text_orders_total", "counter", HELP);
    is_described(&prometheus, "text_wait_seconds", "summary", "Waits.");
    exporter.stop();
}

#[test]
fn prometheus_scrapes_protobuf_with_native_histograms_over_http() {
    let known = Known::record("protobuf");
    let exporter = serve(ExportFormat::Protobuf).start();
    let prometheus = Prometheus::start(&job("a", &exporter, ""), &[]);
    goes_on(&prometheus, known, "job=\"a\"", Histograms::Native);
    is_described(&prometheus, "protobuf_orders_total", "counter", HELP);
    is_described(&prometheus, "protobuf_level", "gauge", "Level.");
    exporter.stop();
}

#[test]
fn prometheus_that_knows_native_histograms_is_given_protobuf_over_https_if_it_shows_the_token() {
    let known = Known::record("tls");
    let certificate = Certificate::new();
    let exporter = serve(ExportFormat::Negotiated)
        .protocol(ExportProtocol::Https)
        .certificate(certificate.certificate.clone(), certificate.key.clone())
        .token("right")
        .start();
    let tls = "  scheme: https\n  tls_config: {ca_file: authority.pem}\n";
    let other = "  scheme: https\n  tls_config: {ca_file: other.pem}\n";
    let token = |token| format!("  authorization: {{credentials: {token}}}\n");
    let jobs = [
        job("right", &exporter, &(tls.to_owned() + &token("right"))),
        job("wrong", &exporter, &(tls.to_owned() + &token("wrong"))),
        job("none", &exporter, tls),
        job("stranger", &exporter, &(other.to_owned() + &token("right"))),
        job("plain", &exporter, &token("right")),
    ];
    let files = [("authority.pem", &*certificate.authority), ("other.pem", &*Certificate::new().authority)];
    let prometheus = Prometheus::start(&jobs.concat(), &files);
    goes_on(&prometheus, known, "job=\"right\"", Histograms::Native);
    let refusals = [("wrong", "401"), ("none", "401"), ("stranger", "x509"), ("plain", "")];
    for (job, why) in refusals {
        until(job, || {
            let answer = prometheus.get("/api/v1/targets", &[])?;
            let targets = answer["data"]["activeTargets"].as_array().cloned().unwrap_or_default();
            let target = targets.iter().find(|target| target["labels"]["job"] == job).unwrap_or(&Value::Null);
            let error = target["lastError"].as_str().unwrap_or_default();
            if target["health"] == "down" && error.contains(why) { Ok(()) } else { Err(target.to_string()) }
        });
    }
    exporter.stop();
}
