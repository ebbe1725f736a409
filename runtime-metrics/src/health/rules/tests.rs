//! Each rule against a history that shows its trouble, and against one that shows none.

use super::*;
use crate::protocol::RuntimeMetric;
use crate::{MetricValue, names};

/// A metric with its tags, and its value at each reading.
type Course<'a> = (&'static str, &'a [(&'a str, &'a str)], fn(f64) -> f64);

/// What the rules find in a history of ten minutes in which each metric goes as its function says.
fn found(metrics: &[Course<'_>]) -> Vec<Finding> {
    // Ten minutes are a window and a quarter.
    let settings = HealthSettings { window: Duration::from_secs(480), ..HealthSettings::default() };
    let mut history = History::default();
    let start = Instant::now();
    let mut at = start;
    for reading in 0..=120u32 {
        at = start + settings.interval * reading;
        let read = metrics.iter().map(|(name, tags, value)| {
            let value = value(f64::from(reading));
            let metric =
                if names::BUILT_IN.iter().any(|known| known.name == *name && known.kind == crate::Kind::Counter) {
                    RuntimeMetric::counter(*name, MetricValue::from(value))
                } else {
                    RuntimeMetric::gauge(*name, MetricValue::from(value))
                };
            tags.iter().fold(metric, |metric, (name, value)| metric.with_tag(*name, *value))
        });
        history.add(at, &read.collect::<Vec<_>>(), METRICS, &settings);
    }
    let now = Now { history: &history, settings: &settings, at };
    RULES.iter().flat_map(|(_, rule)| rule(&now)).collect()
}

fn rules(metrics: &[Course<'_>]) -> Vec<(&'static str, Severity)> {
    found(metrics).iter().map(|finding| (finding.rule, finding.severity)).collect()
}

#[test]
fn every_metric_of_the_rules_is_one_of_ours() {
    for name in METRICS {
        assert!(names::BUILT_IN.iter().any(|known| known.name == *name), "{name}");
    }
    assert!(METRICS.is_sorted());
}

#[test]
fn each_trouble_is_named() {
    use Severity::{Critical, Warning};
    let main: &[(&str, &str)] = &[("pool", "main")];
    let worker: &[(&str, &str)] = &[("runtime", "tokio"), ("worker", "1")];
    let p99: &[(&str, &str)] = &[("stat", "p99")];
    for (metrics, expected) in [
        (
            &[
                ("async.workers.stuck", worker, (|at| if at > 119.0 { 1.0 } else { 0.0 }) as fn(f64) -> f64),
                ("async.workers.stuck_time", worker, |at| if at > 119.0 { 1.2 } else { 0.0 }),
            ][..],
            ("blocked_worker", Critical),
        ),
        (&[("async.workers.stuck_time", worker, |_| 0.3)], ("blocked_worker", Warning)),
        (
            &[("async.schedule.delay", p99, |_| 0.02), ("async.workers.busy_ratio", worker, |_| 0.7)],
            ("schedule_delay", Warning),
        ),
        (&[("async.schedule.delay", p99, |_| 0.06)], ("schedule_delay", Warning)),
        (&[("async.schedule.delay", p99, |_| 0.3)], ("schedule_delay", Critical)),
        (&[("async.workers.busy_ratio", worker, |_| 0.9)], ("saturated_runtime", Warning)),
        (&[("async.poll.max_duration", &[], |_| 250_000.0)], ("long_poll", Warning)),
        (
            &[
                ("async.poll.slow_count", &[("threshold_us", "100")], |at| at * 5.0),
                ("async.polls.total", &[], |at| at * 100.0),
            ],
            ("slow_polls", Warning),
        ),
        (&[("async.tasks.active", &[], |at| 50.0 + at * 4.0)], ("task_leak", Warning)),
        (&[("async.blocking.queued", &[], |_| 7.0)], ("blocking_pool_full", Critical)),
        (&[("async.blocking.delay", &[], |_| 0.05)], ("blocking_pool_full", Warning)),
        (&[("process.memory.limit_ratio", &[], |_| 0.97)], ("memory_limit", Critical)),
        (&[("runtime.memory.heap_used", &[], |at| 1e8 + at * 1e6)], ("memory_leak", Warning)),
        (&[("runtime.memory.rss", &[], |at| 1e8 + at * 1e6)], ("memory_leak", Warning)),
        (&[("runtime.memory.fragmentation", &[], |_| 0.7)], ("fragmentation", Warning)),
        (&[("process.open_fds", &[], |_| 990.0), ("process.open_fds.limit", &[], |_| 1_024.0)], ("open_fds", Critical)),
        (&[("process.open_fds", &[], |at| 100.0 + at * 2.0)], ("fd_leak", Warning)),
        (
            &[("process.cpu.throttled_periods", &[], |at| at * 5.0), ("process.cpu.periods", &[], |at| at * 50.0)],
            ("throttled_cpu", Critical),
        ),
        (
            &[("process.cpu.run_delay", &[], |at| at * 25.0), ("process.cpu.count", &[], |_| 4.0)],
            ("run_delay", Warning),
        ),
        (
            &[("db.pool.connections.waiting", main, |_| 3.0), ("db.pool.max_size", main, |_| 10.0)],
            ("pool_starved", Warning),
        ),
        (
            &[
                ("db.pool.connections.waiting", main, |_| 10.0),
                ("db.pool.connections.active", main, |_| 10.0),
                ("db.pool.max_size", main, |_| 10.0),
            ],
            ("pool_starved", Critical),
        ),
        (&[("sync.lock.waited", &[("lock", "stock")], |at| at * 5.0)], ("lock_waits", Warning)),
        (&[("sync.lock.waited", &[("lock", "stock")], |at| at * 50.0)], ("lock_waits", Critical)),
        (&[("http.accept.queued", &[], |_| 40.0)], ("requests_queued", Warning)),
        (&[("runtime.panics", &[], |at| (at - 118.0).max(0.0))], ("panics", Warning)),
    ] {
        assert_eq!(rules(metrics), [expected]);
    }
    let starved = &found(&[("db.pool.connections.waiting", main, |_| 3.0), ("db.pool.max_size", main, |_| 10.0)])[0];
    assert_eq!(starved.summary, "3 callers wait for a connection of `main`");
    assert_eq!(starved.evidence[1].metric, "db.pool.max_size{pool=\"main\"}");
}

#[test]
fn what_passes_or_is_as_it_should_be_is_no_finding() {
    let worker: &[(&str, &str)] = &[("worker", "1")];
    let other: &[(&str, &str)] = &[("worker", "2")];
    let healthy: &[Course<'_>] = &[
        ("async.workers.stuck", worker, |_| 0.0),
        // Polls of 3 ms, one after the other.
        ("async.workers.stuck_time", worker, |_| 0.18),
        // The machine builds something else, and the workers are idle but for the one below.
        ("async.schedule.delay", &[("stat", "p99")], |_| 0.009),
        ("async.schedule.delay", &[("stat", "max")], |_| 0.05),
        // One worker of two is busy; a pool was empty once.
        ("async.workers.busy_ratio", worker, |_| 0.95),
        ("async.workers.busy_ratio", other, |_| 0.1),
        ("async.poll.max_duration", &[], |_| 900.0),
        ("async.poll.slow_count", &[], |at| at),
        ("async.polls.total", &[], |at| at * 10_000.0),
        ("async.tasks.active", &[], |at| 500.0 + (at % 12.0) * 100.0),
        ("async.blocking.queued", &[], |at| if at > 119.0 { 5.0 } else { 0.0 }),
        ("process.memory.limit_ratio", &[], |_| 0.5),
        // A cache that fills for six minutes, and is full.
        ("runtime.memory.heap_used", &[], |at| 1e8 + at.min(72.0) * 1e7),
        ("process.open_fds", &[], |at| 100.0 + at % 7.0),
        ("process.open_fds.limit", &[], |_| 1_024.0),
        // A program that hardly runs.
        ("process.cpu.throttled_periods", &[], |at| at),
        ("process.cpu.periods", &[], |at| at * 3.0),
        ("runtime.memory.fragmentation", &[], |_| 0.8),
        ("runtime.memory.heap_sys", &[], |_| 3e7),
        // The machine is as busy as it can be.
        ("process.cpu.run_delay", &[], |at| at * 15.0),
        ("process.cpu.count", &[], |_| 4.0),
        ("db.pool.connections.waiting", &[], |at| if at > 118.0 { 2.0 } else { 0.0 }),
        ("sync.lock.waited", &[("lock", "stock")], |at| at * 0.5),
        ("runtime.panics", &[], |_| 4.0),
    ];
    assert_eq!(rules(healthy), []);
}

#[test]
fn a_program_without_a_source_has_no_findings_of_it() {
    assert_eq!(rules(&[]), []);
}
