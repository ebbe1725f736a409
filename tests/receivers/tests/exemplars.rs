//! What was recorded in a sampled span leads to its trace, in each receiver that keeps such examples.

#![allow(clippy::unwrap_used)] // a test that can't go on has failed

use runtime_metrics::{ExportFormat, ExportProtocol, MetricsExporter, RuntimeMetricsConfig, RuntimeMetricsIntegration};
use runtime_metrics_tests_receivers::{Collector, Known, Prometheus, Way, until};
use sentry::{ClientOptions, Envelope, Hub, TransactionContext, Transport};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

struct Discard;

impl Transport for Discard {
    fn send_envelope(&self, _: Envelope) {}
}

/// What is recorded in a span, and the trace that it belongs to.
fn traced(prefix: &'static str) -> (Known, String) {
    let ours = RuntimeMetricsIntegration::new(RuntimeMetricsConfig::default());
    let options = ClientOptions::new().dsn("http://key@127.0.0.1:1/1").traces_sample_rate(1.0).add_integration(ours);
    let options = options.transport(|_: &ClientOptions| -> Arc<dyn Transport> { Arc::new(Discard) });
    let client = sentry::Client::from(sentry::apply_defaults(options));
    Hub::run(Arc::new(Hub::new(Some(Arc::new(client)), Arc::default())), || {
        let transaction = sentry::start_transaction(TransactionContext::new("checkout", "test"));
        sentry::configure_scope(|scope| scope.set_span(Some(transaction.clone().into())));
        let known = Known::record(prefix);
        let trace = transaction.get_trace_context().trace_id.to_string();
        transaction.finish();
        (known, trace)
    })
}

/// Waits until some exemplar of a metric leads to the trace.
#[track_caller]
fn keeps(prometheus: &Prometheus, metric: &str, trace: &str, value: impl Fn(f64) -> bool) {
    until(metric, || {
        let asked = [("query", metric), ("start", "0"), ("end", "9999999999")];
        let answer = prometheus.get("/api/v1/query_exemplars", &asked)?;
        let series = answer["data"].as_array().cloned().unwrap_or_default();
        let mut exemplars = series.iter().flat_map(|series| series["exemplars"].as_array().into_iter().flatten());
        let fits = |one: &Value| {
            let found = one["value"].as_str().and_then(|value| value.parse().ok());
            one["labels"]["trace_id"] == trace && found.is_some_and(&value)
        };
        if exemplars.any(fits) { Ok(()) } else { Err(answer.to_string()) }
    });
}

#[track_caller]
fn prometheus_keeps(prefix: &'static str, format: ExportFormat, histogram: &str) {
    let (known, trace) = traced(prefix);
    let exporter = MetricsExporter::new().format(format).filter(known.filter()).address("127.0.0.1:0").start();
    let address = exporter.address().unwrap();
    let prometheus =
        Prometheus::start(&format!("- job_name: a\n  static_configs: [{{targets: ['{address}']}}]\n"), &[]);
    keeps(&prometheus, &format!("{prefix}_orders_total{{kind=\"plain\"}}"), &trace, |value| value == 1.0);
    keeps(&prometheus, &format!("{prefix}_{histogram}"), &trace, |value| value > 0.0);
    exporter.stop();
}

#[test]
fn prometheus_keeps_the_exemplars_of_openmetrics() {
    prometheus_keeps("openmetrics", ExportFormat::OpenMetrics, "size_bytes_bucket{kind=\"all\"}");
}

#[test]
fn prometheus_keeps_the_exemplars_of_protobuf() {
    // Those of a native histogram are the histogram's own.
    prometheus_keeps("protobuf", ExportFormat::Protobuf, "latency_seconds");
}

#[test]
fn otlp_has_exemplars() {
    let (known, trace) = traced("otlp");
    for way in [Way::Grpc, Way::Http] {
        let collector = Collector::start(None, None);
        let exporter = MetricsExporter::new()
            .format(ExportFormat::Otlp)
            .protocol(if way == Way::Grpc { ExportProtocol::Grpc } else { ExportProtocol::Http })
            .endpoint(collector.endpoint(way))
            .interval(Duration::from_millis(200))
            .filter(known.filter())
            .start();
        collector.has(&known);
        for metric in ["otlp.orders", "otlp.busy", "otlp.size", "otlp.latency", "otlp.pause"] {
            let points = collector.ask("/state").points(metric);
            let mut exemplars =
                points.iter().flat_map(|(_, point)| point["exemplars"].as_array().into_iter().flatten());
            assert!(exemplars.any(|exemplar| exemplar["trace"] == *trace), "{metric}: {points:?}");
        }
        exporter.stop();
    }
}
