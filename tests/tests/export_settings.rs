//! Settings that can't be used: each is named, with what to do, and none is shown that is secret.

#![allow(clippy::unwrap_used)] // a test that can't go on has failed

use runtime_metrics::{ExportFormat, ExportProtocol, MetricsExporter, OtlpTemporality, status};
use runtime_metrics_tests::collector::Certificate;
use std::time::Duration;

const FETCHED: [ExportFormat; 5] = [
    ExportFormat::Negotiated,
    ExportFormat::OpenMetrics,
    ExportFormat::Prometheus,
    ExportFormat::Protobuf,
    ExportFormat::Json,
];
const PUSHED: [ExportFormat; 4] =
    [ExportFormat::Otlp, ExportFormat::RemoteWrite, ExportFormat::StatsD, ExportFormat::DogStatsD];
const PROTOCOLS: [ExportProtocol; 4] =
    [ExportProtocol::Http, ExportProtocol::Https, ExportProtocol::Grpc, ExportProtocol::Udp];

fn of(format: ExportFormat) -> MetricsExporter {
    MetricsExporter::new().address("127.0.0.1:0").format(format).interval(Duration::from_hours(1))
}

fn otlp_http() -> MetricsExporter {
    of(ExportFormat::Otlp).protocol(ExportProtocol::Http)
}

fn told(exporter: MetricsExporter) -> String {
    let what = format!("{exporter:?}");
    match exporter.try_start() {
        Ok(_) => panic!("it started: {what}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_format_that_does_not_travel_by_a_protocol_is_named_with_it() {
    let goes = |format, protocol| match protocol {
        ExportProtocol::Http => !matches!(format, ExportFormat::StatsD | ExportFormat::DogStatsD),
        ExportProtocol::Https => FETCHED.contains(&format),
        ExportProtocol::Grpc => format == ExportFormat::Otlp,
        _ => matches!(format, ExportFormat::StatsD | ExportFormat::DogStatsD),
    };
    let certificate = Certificate::new();
    for format in FETCHED.into_iter().chain(PUSHED) {
        for protocol in PROTOCOLS {
            let exporter = of(format).protocol(protocol);
            let https = protocol == ExportProtocol::Https;
            let exporter = if https {
                exporter.certificate(certificate.certificate.as_bytes(), certificate.key.as_bytes())
            } else {
                exporter
            };
            if goes(format, protocol) {
                exporter.try_start().unwrap().stop();
                continue;
            }
            let error = told(exporter);
            assert!(error.contains("protocol") && error.contains(&format!("{protocol} with {format}")), "{error}");
            assert!(error.contains("ExportFormat"), "{error}");
        }
    }
    for format in PUSHED {
        let error = of(format).service().unwrap_err().to_string();
        assert!(error.contains("format") && error.contains(&format.to_string()) && error.contains("start"), "{error}");
    }
}

#[test]
#[allow(clippy::too_many_lines)] // a table
fn a_bad_setting_is_named_with_what_to_do() {
    let (own, other) = (Certificate::new(), Certificate::new());
    let pem = |certificate: &str, key: &str| serve_https().certificate(certificate.as_bytes(), key.as_bytes());
    let mut table: Vec<(MetricsExporter, &str, &str)> = vec![
        (of(ExportFormat::Json).address("nonsense"), "nonsense", "127.0.0.1:9464"),
        (of(ExportFormat::Json).address("127.0.0.1"), "`127.0.0.1`", "127.0.0.1:9464"),
        (of(ExportFormat::Json).address("127.0.0.1:99999"), "127.0.0.1:99999", "127.0.0.1:9464"),
        (of(ExportFormat::Json).address("192.0.2.1:0"), "192.0.2.1:0", "0.0.0.0"),
        (of(ExportFormat::Json).address(""), "``", "127.0.0.1:9464"),
        (serve_https(), "certificate", "certificate(..)"),
        (pem("", &own.key), "certificate", "-----BEGIN CERTIFICATE-----"),
        (pem("nonsense", &own.key), "certificate", "-----BEGIN CERTIFICATE-----"),
        (pem(&own.key, &own.certificate), "certificate", "-----BEGIN CERTIFICATE-----"),
        (pem(&own.certificate, "nonsense"), "certificate", "-----BEGIN PRIVATE KEY-----"),
        (pem(&own.certificate, &other.key), "certificate", "be the certificate's"),
        (pem("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", &own.key), "certificate", "-----BEGIN"),
        (of(ExportFormat::Json).certificate(own.certificate.as_bytes(), own.key.as_bytes()), "certificate", "Https"),
    ];
    for format in [ExportFormat::Otlp, ExportFormat::RemoteWrite] {
        let urls =
            ["", "nonsense", "127.0.0.1:4317", "/v1/metrics", "ftp://127.0.0.1", "http://", "http://a b", "http:///x"];
        for url in urls {
            table.push((of(format).endpoint(url), "endpoint", "http://127.0.0.1:4"));
        }
        table.push((
            of(format).endpoint("https://127.0.0.1:1").trust("nonsense"),
            "trust",
            "-----BEGIN CERTIFICATE-----",
        ));
        table.push((of(format).endpoint("https://127.0.0.1:1").trust(""), "trust", "-----BEGIN CERTIFICATE-----"));
        table.push((of(format).header("no name", "sesame"), "header", "no name"));
        table.push((of(format).header("", "sesame"), "header", "name"));
        table.push((of(format).header("x-key", "sesame\nsesame"), "header", "x-key"));
    }
    table.push((otlp_http().endpoint("nonsense"), "endpoint", "http://127.0.0.1:4318"));
    table.push((otlp_http().endpoint("https://127.0.0.1:1").trust("nonsense"), "trust", "-----BEGIN CERTIFICATE-----"));
    for format in [ExportFormat::StatsD, ExportFormat::DogStatsD] {
        for endpoint in ["", "nonsense", "127.0.0.1", ":8125", "127.0.0.1:99999", "udp://127.0.0.1:8125", "http://a:1"]
        {
            table.push((of(format).endpoint(endpoint), "endpoint", "127.0.0.1:8125"));
        }
        for size in [0, 63, 65_508, usize::MAX] {
            table.push((of(format).datagram_size(size), "datagram_size", "65507"));
        }
        table.push((of(format).token("sesame"), "token", "no place"));
        table.push((of(format).header("x-key", "sesame"), "header", "no place"));
    }
    for format in FETCHED.into_iter().chain(PUSHED) {
        for wrong in [Duration::ZERO, Duration::from_nanos(1), Duration::MAX] {
            table.push((of(format).interval(wrong), "interval", "some seconds"));
            table.push((of(format).timeout(wrong), "timeout", "some seconds"));
        }
        for wrong in ["", "sesame\n", " sesame", "ses\r\name", "s\0", "s\u{e9}same"] {
            table.push((of(format).token(wrong), "token", if wrong.is_empty() { "empty" } else { "line break" }));
        }
    }
    for (exporter, setting, mend) in table {
        let what = format!("{exporter:?}");
        assert!(!what.contains("sesame") && !what.contains("PRIVATE"), "{what}");
        let error = told(exporter);
        assert!(error.contains(setting) && error.contains(mend), "{setting}, {mend}: {error}");
        assert!(!error.contains("sesame") && !error.contains("secret"), "{error}");
    }
}

fn serve_https() -> MetricsExporter {
    of(ExportFormat::Negotiated).protocol(ExportProtocol::Https)
}

#[test]
fn a_program_goes_on_without_an_exporter_that_can_not_start_and_is_told() {
    let exporter = of(ExportFormat::Otlp).endpoint("neither here nor there").name("bad-setting").start();
    let error = exporter.error().unwrap().to_string();
    assert!(error.contains("neither here nor there"), "{error}");
    assert!(exporter.url().is_none() && exporter.address().is_none());
    assert!(status().problems.iter().any(|problem| problem.message == error));
    exporter.stop();
}

#[test]
fn what_goes_with_a_format_starts_although_nobody_is_there() {
    let exporters = [
        of(ExportFormat::Otlp).temporality(OtlpTemporality::Delta).token("a long secret").header("x-own", "mine"),
        otlp_http().endpoint("http://no-such-host.invalid:1/own/path?query"),
        of(ExportFormat::RemoteWrite).native_histograms(true).endpoint("https://127.0.0.1:1"),
        of(ExportFormat::StatsD).endpoint("[::1]:1").datagram_size(64),
        of(ExportFormat::DogStatsD).endpoint("no-such-host.invalid:1").datagram_size(65_507),
    ];
    for exporter in exporters {
        exporter.timeout(Duration::from_millis(300)).try_start().unwrap().stop();
    }
}
