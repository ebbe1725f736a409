//! The HTTP server: formats by negotiation, bad requests, ports in use, and a starved application.

#![allow(clippy::unwrap_used)] // a test that can't go on has failed

use runtime_metrics::{
    ExportFormat, MetricCollector, MetricsExporter, RuntimeMetric, RuntimeMetrics, collectors, increment, metered,
    observe, status,
};
use runtime_metrics_tests::{eventually, get, http};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

#[test]
fn a_scraper_gets_the_format_it_asks_for() {
    increment!("scrape_orders", value: 3, help: "Orders.");
    observe!("scrape_latency", value: 0.2, unit: "seconds", help: "Latency.");
    let exporter = MetricsExporter::new().address("127.0.0.1:0").try_start().unwrap();
    let address = exporter.address().unwrap();

    let text = get(address, "/metrics", "*/*").unwrap();
    assert_eq!(text.status, 200);
    assert!(text.head.contains("content-type: text/plain; version=0.0.4"));
    assert!(text.body.contains("# TYPE scrape_orders_total counter"));

    let open = get(address, "/metrics", "application/openmetrics-text; version=1.0.0, text/plain;q=0.5").unwrap();
    assert!(open.head.contains("content-type: application/openmetrics-text; version=1.0.0"));
    assert!(open.body.contains("# TYPE scrape_orders counter") && open.body.ends_with("# EOF\n"));
    assert!(open.body.contains("# UNIT scrape_latency_seconds seconds"));
    assert!(open.body.contains("process_resident_memory_bytes"));

    for path in ["/metrics.json", "/metrics"] {
        let json = get(address, path, "application/json").unwrap();
        let payload: RuntimeMetrics = serde_json::from_str(&json.body).unwrap();
        let orders = payload.metrics.iter().find(|metric| metric.name == "scrape_orders").unwrap();
        assert_eq!(orders.value.as_f64(), 3.0);
    }
    exporter.stop();
    assert!(get(address, "/metrics", "").is_err());
}

#[test]
fn every_series_carries_the_identity_and_its_own_label_wins() {
    increment!("scrape_identity");
    increment!("scrape_identity", labels: {"service" => "mine"});
    let exporter = MetricsExporter::new().format(ExportFormat::OpenMetrics).address("127.0.0.1:0").start();
    let body = get(exporter.address().unwrap(), "/metrics", "").unwrap().body;
    let lines: Vec<&str> = body.lines().filter(|line| line.starts_with("scrape_identity_total")).collect();
    let service = runtime_metrics::registry().identity().service;
    assert!(lines.iter().all(|line| line.contains("node=\"")), "{lines:?}");
    assert!(lines.iter().any(|line| line.contains(&format!("service=\"{service}\""))), "{lines:?}");
    assert!(lines.iter().any(|line| line.contains("service=\"mine\"")), "{lines:?}");
    exporter.stop();
}

#[test]
fn what_is_no_scrape_gets_a_clear_answer() {
    let exporter = MetricsExporter::new().address("127.0.0.1:0").start();
    let address = exporter.address().unwrap();
    let not_found = get(address, "/metric", "").unwrap();
    assert!(not_found.status == 404 && not_found.body.contains("/metrics"));
    assert!(get(address, "/", "").unwrap().body.contains("/metrics.json"));
    let posted =
        http(address, "POST /metrics HTTP/1.1\r\nhost: test\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            .unwrap();
    assert!(posted.status == 405 && posted.head.contains("allow: get, head"));
    let head = http(address, "HEAD /metrics HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").unwrap();
    assert!(head.status == 200 && head.body.is_empty());
    let large = format!("GET /metrics HTTP/1.1\r\nhost: test\r\nx: {}\r\n\r\n", "x".repeat(64 * 1024));
    assert!(http(address, &large).is_err_and(|_| true) || http(address, &large).unwrap().status == 431);
    assert_eq!(http(address, "garbage\r\n\r\n").unwrap().status, 400);
    assert_eq!(get(address, "/metrics", "").unwrap().status, 200);
    exporter.stop();
}

#[test]
fn a_port_in_use_is_named_and_the_program_goes_on() {
    let first = MetricsExporter::new().address("127.0.0.1:0").start();
    let address = first.address().unwrap();
    let second = MetricsExporter::new().address(address).start();
    let told = second.error().unwrap().to_string();
    assert!(told.contains(&address.to_string()) && told.contains("choose another one"), "{told}");
    assert!(status().problems.iter().any(|problem| problem.message == told));
    second.stop();
    assert_eq!(get(address, "/metrics", "").unwrap().status, 200);
    first.stop();
    assert!(MetricsExporter::new().interval(Duration::ZERO).try_start().unwrap_err().to_string().contains("interval"));
}

#[test]
fn a_starved_application_still_answers_scrapes() {
    #[metered]
    async fn starving() {}
    let exporter = MetricsExporter::new().address("127.0.0.1:0").start();
    let address = exporter.address().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let over = Arc::new(AtomicBool::new(false));
    let blocked: Vec<_> = (0..2)
        .map(|_| {
            let over = Arc::clone(&over);
            runtime.spawn(async move {
                starving().await;
                while !over.load(Ordering::Acquire) {
                    std::hint::spin_loop();
                }
            })
        })
        .collect();
    // Both workers are blocked now, and more tasks wait behind them than can run.
    eventually("both workers are blocked", || {
        let body = get(address, "/metrics", "").unwrap().body;
        body.lines().any(|line| {
            line.starts_with("action_requests_total")
                && line.contains("starving")
                && line.contains("\"ok\"")
                && line.ends_with(" 2")
        })
    });
    let waiting: Vec<_> = (0..30).map(|_| runtime.spawn(async {})).collect();
    let body = get(address, "/metrics", "").unwrap().body;
    let value = |name: &str| -> f64 {
        let line = body.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("no {name} in {body}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    };
    assert_eq!(value("async_workers{"), 2.0);
    assert!(value("async_tasks_active{") >= 32.0);
    assert!(value("async_tasks_queued{") >= 1.0);
    over.store(true, Ordering::Release);
    runtime.block_on(async {
        for task in blocked.into_iter().chain(waiting) {
            task.await.unwrap();
        }
    });
    exporter.stop();
}

#[test]
fn a_collector_of_ones_own_is_shown_and_one_that_panics_is_named() {
    struct Mine;
    impl MetricCollector for Mine {
        fn collect(&self) -> Vec<RuntimeMetric> {
            vec![
                RuntimeMetric::gauge("scrape.mine", 4).with_tag("part", "a"),
                RuntimeMetric::gauge("scrape.mine", 5).with_tag("part", "b"),
                RuntimeMetric::gauge("bad name", 1),
            ]
        }
        fn name(&self) -> &'static str {
            "mine"
        }
    }
    struct Panics;
    impl MetricCollector for Panics {
        fn collect(&self) -> Vec<RuntimeMetric> {
            panic!("on purpose")
        }
        fn name(&self) -> &'static str {
            "panics"
        }
    }
    collectors::add(Arc::new(Panics));
    collectors::add(Arc::new(Mine));
    let exporter = MetricsExporter::new().address("127.0.0.1:0").start();
    let body = get(exporter.address().unwrap(), "/metrics", "").unwrap().body;
    assert!(body.contains("part=\"a\"") && body.contains("part=\"b\"") && !body.contains("bad name"));
    let problems = status().problems;
    let told = |subject: &str, text: &str| {
        problems.iter().any(|problem| problem.subject == subject && problem.message.contains(text))
    };
    assert!(told("panics", "the collector panicked: on purpose"), "{problems:?}");
    assert!(told("bad name", "such as `bad_name`"), "{problems:?}");
    exporter.stop();
}
