//! Executors that know nothing of us: smol, its tasks instrumented.

#![allow(clippy::unwrap_used)] // a test that can't go on has failed

use runtime_metrics::executor::Monitor;
use runtime_metrics::{Reading, Snapshot};
use runtime_metrics_tests_runtimes::eventually;
use smol::future::yield_now;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// The value of a metric of an executor; of several `stat`s the largest.
fn of(runtime: &str, metric: &str) -> Option<f64> {
    let family = Snapshot::take().family(metric)?.series.clone();
    let ours = family
        .iter()
        .filter(|series| series.labels.iter().any(|(name, value)| *name == *"runtime" && value == runtime));
    let values = ours.map(|series| match series.value {
        Reading::Counter(count) => count as f64,
        Reading::Gauge(value) | Reading::CounterFloat(value) => value,
        ref other => panic!("{other:?}"),
    });
    values.reduce(f64::max)
}

fn busy(time: Duration) {
    let end = Instant::now() + time;
    while Instant::now() < end {
        std::hint::spin_loop();
    }
}

#[test]
fn tasks_of_smol_are_counted_exactly() {
    let monitor = Monitor::new("smol");
    smol::block_on(async {
        let tasks: Vec<_> = (0..100u32)
            .map(|_| {
                smol::spawn(monitor.instrument(async {
                    for _ in 0..9 {
                        yield_now().await;
                    }
                }))
            })
            .collect();
        for task in tasks {
            task.await;
        }
    });
    assert_eq!(of("smol", "async.tasks.spawned"), Some(100.0));
    eventually("all tasks have ended", || of("smol", "async.tasks.active") == Some(0.0));
    assert_eq!(of("smol", "async.polls.total"), Some(1_000.0));
    assert!(of("smol", "async.poll.mean_duration").unwrap() > 0.0);
    // What only smol itself could tell is left out.
    for unknown in ["async.workers.count", "async.blocking.threads", "async.tasks.queued"] {
        assert_eq!(of("smol", unknown), None, "{unknown}");
    }
}

#[test]
fn tasks_of_smol_that_never_end_are_seen_to_grow_and_cancelled_ones_end() {
    let monitor = Monitor::new("smol leak");
    let mut tasks: Vec<_> = (0..50).map(|_| smol::spawn(monitor.instrument(std::future::pending::<()>()))).collect();
    assert_eq!(of("smol leak", "async.tasks.active"), Some(50.0));
    tasks.truncate(20);
    eventually("cancelled tasks have ended", || of("smol leak", "async.tasks.active") == Some(20.0));
}

#[test]
fn a_slow_poll_makes_others_late_and_both_are_seen() {
    let monitor = Monitor::new("smol late");
    let executor = Rc::new(smol::LocalExecutor::new());
    smol::block_on(executor.run(async {
        // Many of them: not every wake is watched.
        let tasks: Vec<_> = (0..100)
            .map(|_| {
                executor.spawn(monitor.instrument(async {
                    for _ in 0..20 {
                        yield_now().await;
                    }
                }))
            })
            .collect();
        let hog = executor.spawn(monitor.instrument(async {
            for _ in 0..20 {
                busy(Duration::from_millis(5));
                yield_now().await;
            }
        }));
        hog.await;
        for task in tasks {
            task.await;
        }
    }));
    assert!(of("smol late", "async.poll.slow_count").unwrap() >= 20.0);
    assert!(of("smol late", "async.poll.max_duration").unwrap() >= 5_000.0);
    assert!(of("smol late", "async.schedule.delay").unwrap() >= 0.004);
}

#[test]
fn async_std_is_a_tag() {
    smol::block_on(Monitor::async_std().instrument(async {}));
    assert_eq!(of("async-std", "async.tasks.spawned"), Some(1.0));
}
