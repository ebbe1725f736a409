//! The end: what is told at the stop, and how long that may take.

use super::{FAST, TIMEOUT, WAYS, count, each_way};
use runtime_metrics::{ExportFormat, MetricsExporter, increment};
use runtime_metrics_tests::collector::{Collector, Reply};
use runtime_metrics_tests::daemon::Daemon;
use runtime_metrics_tests::eventually;
use runtime_metrics_tests::load::Load;
use runtime_metrics_tests::wire::{Fault, Wire};
use std::time::{Duration, Instant};

/// What a busy machine may add.
const SLACK: Duration = Duration::from_millis(700);
const HOUR: Duration = Duration::from_hours(1);

#[test]
fn the_last_values_are_told_at_the_stop() {
    let collectors = WAYS.map(|way| Collector::start(way.speaks));
    let mut daemon = Daemon::absent();
    daemon.come();
    let load = Load::start("flush");
    let mut exporters: Vec<_> = WAYS
        .iter()
        .zip(&collectors)
        .map(|(way, collector)| way.to("flush", collector.address()).interval(HOUR).try_start().unwrap())
        .collect();
    let statsd = MetricsExporter::new().format(ExportFormat::DogStatsD).endpoint(daemon.address().to_string());
    exporters.push(statsd.interval(HOUR).filter(|name| name == "faults_work").try_start().unwrap());
    load.goes_on();
    let done = load.stop();
    for exporter in exporters {
        let start = Instant::now();
        exporter.stop();
        assert!(start.elapsed() < TIMEOUT, "{:?}", start.elapsed());
    }
    for (way, collector) in WAYS.iter().zip(&collectors) {
        assert_eq!(collector.knows("faults_work", "flush"), done as f64, "{way:?}");
    }
    eventually("the daemon knowing it", || daemon.gained("test:flush") == done as f64);
}

#[test]
fn a_stop_waits_for_who_hangs_as_long_as_was_set_and_no_longer() {
    each_way(|way| {
        let collector = Collector::start(way.speaks);
        for (fault, test) in [(Fault::Hang, "stop-hang"), (Fault::Mute, "stop-mute"), (Fault::Slow, "stop-slow")] {
            let wire = Wire::to(collector.address(), fault);
            // One that has not begun, and one that is in the middle of it.
            for interval in [HOUR, Duration::from_millis(1)] {
                let exporter =
                    way.to(test, wire.address()).interval(interval).timeout(TIMEOUT / 2).try_start().unwrap();
                if interval < HOUR {
                    let before = wire.accepted();
                    eventually("a connection", || wire.accepted() > before);
                }
                let start = Instant::now();
                exporter.stop();
                let took = start.elapsed();
                assert!(took < TIMEOUT / 2 + SLACK, "{way:?} {fault:?}: {took:?}");
            }
        }
    });
}

#[test]
fn a_stop_while_the_receiver_wants_to_be_left_alone_tells_the_last_values() {
    each_way(|way| {
        let collector = Collector::start(way.speaks);
        collector.replies_once(Reply::Refuse(503, ("retry-after", "100")));
        let exporter = way.to("stop-busy", collector.address()).try_start().unwrap();
        collector.wait("a refusal", |requests| !requests.is_empty());
        increment!("faults_work", value: 7, labels: {"test" => format!("stop-{}", way.name(""))});
        exporter.stop();
        assert_eq!(collector.knows("faults_work", &format!("stop-{}", way.name(""))), 7.0);
    });
}

#[test]
fn an_exporter_whose_handle_is_dropped_goes_on() {
    each_way(|way| {
        let collector = Collector::start(way.speaks);
        drop(way.to("dropped", collector.address()).try_start().unwrap());
        collector.wait("what comes after", |requests| requests.len() > 2);
        collector.replies(Reply::Refuse(400, ("x-nothing", "")));
    });
}

#[test]
fn several_at_once_each_have_their_own_metrics() {
    let names = ["several_a", "several_b"];
    increment!("several_a", value: 1, labels: {"test" => "several"});
    increment!("several_b", value: 2, labels: {"test" => "several"});
    each_way(|way| {
        for (at, name) in names.into_iter().enumerate() {
            let (collector, bad) = (Collector::start(way.speaks), Collector::start(way.speaks));
            bad.replies(Reply::Refuse(500, ("x-nothing", "")));
            let to = |collector: &Collector| way.to("several", collector.address()).filter(move |one| one == name);
            let exporters = [to(&bad).name("several-bad"), to(&collector)].map(|one| one.try_start().unwrap());
            eventually("a value", || collector.knows(name, "several") == (at + 1) as f64);
            assert_eq!(collector.knows(names[1 - at], "several"), 0.0);
            assert!(exporters.iter().all(|exporter| exporter.address().is_none() && exporter.url().is_some()));
            exporters.into_iter().for_each(runtime_metrics::ExportHandle::stop);
        }
    });
    assert!(count("runtime_metrics_export_lost", &[("exporter", "several-bad"), ("reason", "server")]) > 0);
    assert!(FAST < TIMEOUT);
}
