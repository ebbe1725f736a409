//! What may not be known leaves the process on no way: not in what is served, not in what is pushed, not in what goes
//! to Sentry. What may be known is told, and totals are right.

#![allow(clippy::unwrap_used)] // a test that can't go on has failed

use runtime_metrics::{
    Counter, ExportFormat, ExportProtocol, Gauge, Histogram, LabelRule, MetricCollector, MetricsExporter, Reading,
    RuntimeMetric, RuntimeMetricsConfig, Set, Settings, Summary, Timer, add_label, collectors, configure, increment,
    metered, metric, observe, registry, set, timer,
};
use runtime_metrics_tests::collector::{Collector, Speaks};
use runtime_metrics_tests::daemon::Daemon;
use runtime_metrics_tests::faults::Faulty;
use runtime_metrics_tests::{client_with, eventually};
use sentry::{ClientOptions, Hub, Scope};
use std::sync::{Arc, Once};
use std::time::Duration;

const MAIL: &str = "ada.lovelace@example.org";
const USER: &str = "user-ada-lovelace";
const TENANT: &str = "tenant-analytical-engine";
const SECRETS: [&str; 3] = [MAIL, USER, TENANT];
/// What may be known, and is in every metric.
const ZONE: &str = "zone-north";

#[metric(type = "counter", name = "private_declared", labels = ["email", "zone"])]
struct PrivateDeclared;

#[metered(name = "private_call", labels = ["email", "user", "tenant", "zone"], span)]
fn called() {
    add_label!("email", MAIL);
    add_label!("user", USER);
    add_label!("tenant", TENANT);
    add_label!("zone", ZONE);
}

#[metered(name = "private_literal", labels("user" = "user-ada-lovelace", "zone" = "zone-north"))]
fn called_with_literals() {}

struct Collected;

impl MetricCollector for Collected {
    fn collect(&self) -> Vec<RuntimeMetric> {
        let of = |mail: &str| {
            let metric = RuntimeMetric::gauge("private.collected", 2);
            metric.with_tag("email", mail).with_tag("user", USER).with_tag("tenant", TENANT).with_tag("zone", ZONE)
        };
        vec![of(MAIL), of("another@example.org")]
    }

    fn name(&self) -> &'static str {
        "private"
    }
}

/// Sets the rules, and records in every way there is.
fn record() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let rules = [("email", LabelRule::Drop), ("user", LabelRule::Mask), ("tenant", LabelRule::Hash)];
        let labels = rules.map(|(name, rule)| (name.to_owned(), rule)).into();
        let _ = configure(Settings { labels, hash_key: Some("key".to_owned()), ..Default::default() }).unwrap();
        collectors::add(Arc::new(Collected));
    });
    let (mail, user, tenant) = (MAIL.to_owned(), USER.to_owned(), TENANT.to_owned());
    increment!("private_written", labels: {
        "email" => "ada.lovelace@example.org", "user" => "user-ada-lovelace", "tenant" => "tenant-analytical-engine",
        "zone" => "zone-north"
    });
    increment!("private_counted", labels: {"email" => mail, "user" => user, "tenant" => tenant, "zone" => ZONE});
    increment!("private_counted", labels: {"email" => "another@example.org".to_owned(), "user" => user, "tenant" => tenant, "zone" => ZONE});
    set!("private_set", value: 3, labels: {"user" => user, "zone" => ZONE});
    observe!("private_observed", value: 3, labels: {"user" => user, "tenant" => tenant, "zone" => ZONE});
    drop(timer!("private_timed", labels: {"user" => user, "zone" => ZONE}));
    increment!(PrivateDeclared, labels: {"email" => mail, "zone" => ZONE});
    called();
    called_with_literals();

    let counter =
        Counter::new("private_handle", "A handle.").with_label("user", USER).with_label("zone", ZONE).register();
    counter.increment();
    counter.with(&[("tenant", &TENANT)]).increment();
    counter.add_with(1, &[("email", &MAIL), ("tenant", &tenant)]);
    Gauge::new("private_gauge", "A gauge.").register().with(&[("user", &user), ("zone", &ZONE)]).set(1);
    let histogram = Histogram::new("private_histogram", "A histogram.").register();
    histogram.observe_with(1, &[("tenant", &tenant), ("zone", &ZONE)]);
    Timer::new("private_timer", "A timer.").register().with(&[("email", &mail), ("zone", &ZONE)]).start().stop();
    Summary::new("private_summary", "A summary.").register().observe_with(1, &[("user", &user), ("zone", &ZONE)]);
    Set::new("private_members", "A set.").register().insert_with(USER, &[("user", &user), ("zone", &ZONE)]);
}

/// What leaves the process has nothing in it that may not be known, and all metrics.
fn assert_private(what: &str, bytes: &[u8]) {
    let has = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    for secret in SECRETS {
        assert!(!has(secret), "{what} tells {secret}");
    }
    for known in ["private", ZONE, "***"] {
        assert!(has(known), "{what} does not tell {known}");
    }
}

#[test]
fn nothing_that_is_served_tells_it() {
    record();
    for format in [ExportFormat::OpenMetrics, ExportFormat::Prometheus, ExportFormat::Protobuf, ExportFormat::Json] {
        assert_private(&format.to_string(), &registry().encode(format).unwrap());
    }
    let text = String::from_utf8(registry().encode(ExportFormat::OpenMetrics).unwrap()).unwrap();
    assert_private("openmetrics", text.as_bytes());
    for name in [
        "private_written_total",
        "private_counted_total",
        "private_set",
        "private_observed_count",
        "private_timed_seconds_count",
        "private_declared_total",
        "private_call_requests_total",
        "private_call_duration_seconds_count",
        "private_literal_requests_total",
        "private_handle_total",
        "private_gauge",
        "private_histogram_count",
        "private_timer_seconds_count",
        "private_summary_count",
        "private_members",
        "private_collected",
    ] {
        assert!(text.lines().any(|line| line.starts_with(&format!("{name}{{"))), "{name} is missing:\n{text}");
    }
    assert_private("a snapshot", format!("{:?}", runtime_metrics::Snapshot::take()).as_bytes());
}

#[test]
fn what_differed_in_a_label_that_is_not_told_is_one_with_its_sum() {
    record();
    let value = |name: &str, labels: &[(&str, &str)]| registry().get(name, labels);
    let counted = value("private_counted", &[("email", "whoever"), ("user", USER), ("tenant", TENANT), ("zone", ZONE)]);
    // Other tests record as well, two at a time.
    let Some(Reading::Counter(count)) = counted else { panic!("{counted:?}") };
    assert!(count >= 2 && count.is_multiple_of(2), "{count}");
    let snapshot = runtime_metrics::Snapshot::take();
    let series = &snapshot.family("private_counted").unwrap().series;
    assert_eq!(series.len(), 1);
    assert_eq!(series[0].labels.get("user"), Some("***"));
    assert_eq!(series[0].labels.get("email"), None);
    let hash = series[0].labels.get("tenant").unwrap();
    assert!(hash.len() == 16 && hash.chars().all(|c| c.is_ascii_hexdigit()), "{hash}");
    // As it is told, it can be asked for as well.
    assert!(value("private_counted", &[("user", "***"), ("tenant", hash), ("zone", ZONE)]).is_some());
    let collected = &snapshot.family("private.collected").unwrap().series;
    assert_eq!(collected.len(), 1);
    assert_eq!(collected[0].value, Reading::Gauge(4.0));
}

#[test]
fn nothing_that_is_pushed_tells_it() {
    record();
    for speaks in [Speaks::OtlpGrpc, Speaks::OtlpHttp, Speaks::RemoteWrite] {
        let collector = Collector::start(speaks);
        let (format, protocol) = match speaks {
            Speaks::OtlpGrpc => (ExportFormat::Otlp, ExportProtocol::Grpc),
            Speaks::OtlpHttp => (ExportFormat::Otlp, ExportProtocol::Http),
            Speaks::RemoteWrite => (ExportFormat::RemoteWrite, ExportProtocol::Http),
        };
        let exporter = MetricsExporter::new().format(format).protocol(protocol);
        let exporter = exporter.endpoint(format!("http://{}", collector.address()));
        exporter.interval(Duration::from_millis(50)).try_start().unwrap().stop();
        let told: Vec<u8> = collector.requests().into_iter().flat_map(|request| request.body).collect();
        assert_private(&format!("{speaks:?}"), &told);
    }
    for format in [ExportFormat::StatsD, ExportFormat::DogStatsD] {
        let mut daemon = Daemon::absent();
        daemon.come();
        let exporter = MetricsExporter::new().format(format).endpoint(daemon.address().to_string());
        exporter.interval(Duration::from_millis(50)).try_start().unwrap().stop();
        eventually("the last line", || daemon.lines().iter().any(|line| line.contains("private_written")));
        let told = daemon.lines().join("\n");
        for secret in SECRETS {
            assert!(!told.contains(secret), "{format} tells {secret}");
        }
        assert!(told.contains("private_counted"));
    }
}

#[test]
fn nothing_that_goes_to_sentry_tells_it() {
    let server = Faulty::start();
    let config = RuntimeMetricsConfig {
        collection_interval: Duration::from_millis(50),
        trace_metrics: true,
        ..Default::default()
    };
    let client = client_with(&server.dsn(), config, ClientOptions::new().traces_sample_rate(1.0));
    let hub = Arc::new(Hub::new(Some(Arc::new(client)), Arc::new(Scope::default())));
    Hub::run(hub, || {
        let transaction = sentry::start_transaction(sentry::TransactionContext::new("work", "test"));
        sentry::configure_scope(|scope| scope.set_span(Some(transaction.clone().into())));
        record();
        sentry::capture_message("an event with its context", sentry::Level::Error);
        transaction.finish();
        Hub::current().client().unwrap().close(Some(Duration::from_secs(10)));
    });
    let told = |kind| -> String { server.items(kind).iter().map(|item| item.payload.to_string()).collect() };
    for kind in ["transaction", "event", "trace_metric", "runtime_metrics"] {
        assert_private(kind, told(kind).as_bytes());
    }
}
