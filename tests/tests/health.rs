//! Each trouble, provoked for real, is named by the report; a program that is well is told so.

#![allow(clippy::unwrap_used)] // a test that can't go on has failed

use deadpool::managed::{self, Metrics, RecycleResult};
use runtime_metrics::collectors::{db, locks, tokio as runtimes};
use runtime_metrics::{Finding, HealthReport, HealthSettings, Severity, health, set_health, status};
use runtime_metrics_tests::eventually;
use std::convert::Infallible;
use std::fs::File;
use std::sync::MutexGuard;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};

/// The report is one for the whole process, and so is the trouble.
fn alone(settings: HealthSettings) -> MutexGuard<'static, ()> {
    let one = runtime_metrics_tests::alone();
    set_health(settings);
    one
}

/// What takes half an hour takes a second here.
fn fast() -> HealthSettings {
    HealthSettings {
        interval: Duration::from_millis(20),
        window: Duration::from_secs(1),
        leaked_bytes: 16 << 20,
        // Other programs may have the cores while tests run.
        run_delay: 1e6,
        ..HealthSettings::default()
    }
}

/// Waits until the report has a finding of this rule, making things worse meanwhile.
fn found(rule: &str, mut worse: impl FnMut()) -> Finding {
    let mut found = None;
    eventually(rule, || {
        worse();
        found = health().finding(rule).cloned();
        found.is_some()
    });
    found.unwrap()
}

#[test]
fn a_program_that_is_well_is_told_so() {
    let _alone = alone(fast());
    for _ in 0..20 {
        let report = health();
        assert!(report.is_healthy(), "{report}");
    }
    assert_eq!(health().to_string(), "healthy: nothing was found\n");
}

#[test]
fn descriptors_that_are_never_closed_are_a_leak() {
    let _alone = alone(fast());
    let mut kept = Vec::new();
    let leak = found("fd_leak", || {
        kept.push(File::open("/dev/null").unwrap());
        std::thread::sleep(Duration::from_millis(5));
    });
    assert_eq!(leak.severity, Severity::Warning);
    assert!(leak.summary.starts_with("file descriptors grow without end: from "), "{leak}");
    assert_eq!(leak.evidence[0].metric, "process.open_fds");
    assert!(leak.evidence[0].value > 100.0);
}

#[test]
fn memory_that_is_never_given_back_is_a_leak() {
    let _alone = alone(fast());
    let mut kept = Vec::new();
    let leak = found("memory_leak", || {
        kept.push(vec![1u8; 512 << 10]);
        std::thread::sleep(Duration::from_millis(5));
    });
    assert!(leak.summary.starts_with("memory grows without end: from "), "{leak}");
    assert!(leak.to_string().contains("what to do: "), "{leak}");
}

#[test]
fn a_report_is_text_json_and_metrics() {
    let _alone = alone(HealthSettings { open_fds_ratio: 0.0, ..fast() });
    let report = health();
    let finding = report.finding("open_fds").unwrap();
    assert!(report.to_string().contains(&finding.summary));
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(
        (&json["findings"][0]["rule"], &json["findings"][0]["severity"]),
        (&"open_fds".into(), &"warning".into())
    );
    assert_eq!(json["findings"][0]["evidence"][0]["metric"], "process.open_fds");
    let findings = runtime_metrics::Snapshot::take();
    let findings = findings.family("health.findings").unwrap();
    let of = |rule: &str| {
        let series = findings.series.iter().find(|series| series.labels.get("rule") == Some(rule));
        series.unwrap().value.clone()
    };
    assert_eq!(
        (of("open_fds"), of("fd_leak")),
        (runtime_metrics::Reading::Gauge(1.0), runtime_metrics::Reading::Gauge(0.0))
    );
}

#[test]
fn settings_that_make_no_sense_are_told_and_not_used() {
    let _alone = alone(fast());
    set_health(HealthSettings { busy_ratio: 80.0, ..fast() });
    set_health(HealthSettings { window: Duration::from_millis(30), ..fast() });
    let told: Vec<String> =
        status().problems.into_iter().filter(|one| one.subject == "HealthSettings").map(|one| one.message).collect();
    assert!(told.iter().any(|message| message.contains("busy_ratio = 80 can't be used")), "{told:?}");
    assert!(told.iter().any(|message| message.contains("eight intervals")), "{told:?}");
    let _: HealthReport = health();
}

/// A runtime that is known, of two workers.
fn runtime() -> Runtime {
    let runtime = Builder::new_multi_thread().worker_threads(2).max_blocking_threads(2).enable_all().build().unwrap();
    runtimes::register(runtime.handle());
    runtime
}

#[test]
fn a_worker_that_is_blocked_is_named_while_it_is() {
    let _alone = alone(fast());
    let runtime = runtime();
    let mut blocked: Option<tokio::task::JoinHandle<()>> = None;
    let finding = found("blocked_worker", || {
        if blocked.as_ref().is_none_or(tokio::task::JoinHandle::is_finished) {
            blocked = Some(runtime.spawn(async { std::thread::sleep(Duration::from_millis(400)) }));
        }
    });
    assert_eq!(finding.severity, Severity::Warning);
    assert!(finding.summary.starts_with("worker ") && finding.summary.contains(" has been at work for "), "{finding}");
    let mut worse = || {
        if blocked.as_ref().is_none_or(tokio::task::JoinHandle::is_finished) {
            blocked = Some(runtime.spawn(async { std::thread::sleep(Duration::from_millis(1_500)) }));
        }
    };
    eventually("a worker blocked for a second", || {
        worse();
        health().finding("blocked_worker").is_some_and(|finding| finding.severity == Severity::Critical)
    });
    runtime.shutdown_background();
    eventually("the worker being free", || health().finding("blocked_worker").is_none());
}

#[test]
fn tasks_that_never_end_are_a_leak() {
    let _alone = alone(fast());
    let runtime = runtime();
    let leak = found("task_leak", || {
        drop(runtime.spawn(std::future::pending::<()>()));
        drop(runtime.spawn(std::future::pending::<()>()));
        std::thread::sleep(Duration::from_millis(5));
    });
    assert!(leak.summary.starts_with("tasks of "), "{leak}");
    runtime.shutdown_background();
}

/// Computes for so long between two awaits, for ever.
async fn computes(each: Duration) {
    loop {
        let until = Instant::now() + each;
        while Instant::now() < until {
            std::hint::spin_loop();
        }
        tokio::task::yield_now().await;
    }
}

#[test]
fn a_runtime_with_more_work_than_workers_is_saturated() {
    let _alone = alone(fast());
    let runtime = runtime();
    for _ in 0..8 {
        runtime.spawn(computes(Duration::from_millis(1)));
    }
    let finding = found("saturated_runtime", || std::thread::sleep(Duration::from_millis(20)));
    assert!(finding.evidence[0].value > 0.8, "{finding}");
    runtime.shutdown_background();
    eventually("the runtime being forgotten", || health().finding("saturated_runtime").is_none());
}

#[test]
fn polls_that_compute_for_long_are_slow() {
    // So that there are polls enough between the readings.
    let _alone = alone(HealthSettings { sustained: 10, ..fast() });
    let runtime = runtime();
    runtime.block_on(async { drop(runtimes::spawn(computes(Duration::from_micros(200)))) });
    found("slow_polls", || std::thread::sleep(Duration::from_millis(20)));
    runtime.shutdown_background();
}

#[test]
fn a_blocking_pool_that_is_full_is_named() {
    let _alone = alone(fast());
    let runtime = runtime();
    runtime.block_on(async {
        for _ in 0..200 {
            drop(runtimes::spawn_blocking(|| std::thread::sleep(Duration::from_millis(100))));
        }
    });
    found("blocking_pool_full", || std::thread::sleep(Duration::from_millis(20)));
    // What waits is dropped once the two that sleep have woken.
    runtime.shutdown_background();
    eventually("the pool being empty", || health().finding("blocking_pool_full").is_none());
}

/// Connections to nowhere, in a real pool.
struct Nowhere;

impl managed::Manager for Nowhere {
    type Type = ();
    type Error = Infallible;

    async fn create(&self) -> Result<(), Infallible> {
        Ok(())
    }

    async fn recycle(&self, (): &mut (), _: &Metrics) -> RecycleResult<Infallible> {
        Ok(())
    }
}

#[test]
fn a_pool_for_which_callers_wait_is_starved() {
    let _alone = alone(fast());
    let runtime = runtime();
    let pool: managed::Pool<Nowhere> = managed::Pool::builder(Nowhere).max_size(1).build().unwrap();
    db::register("main", &pool);
    let held = runtime.block_on(pool.get()).unwrap();
    for _ in 0..3 {
        let pool = pool.clone();
        runtime.spawn(async move { drop(pool.get().await) });
    }
    let starved = found("pool_starved", || std::thread::sleep(Duration::from_millis(20)));
    assert_eq!(
        (starved.severity, &*starved.summary),
        (Severity::Critical, "3 callers wait for a connection of `main`")
    );
    drop(held);
    eventually("the pool being well", || health().finding("pool_starved").is_none());
    db::unregister("main");
    runtime.shutdown_background();
}

#[test]
fn a_lock_that_is_held_for_long_is_named_while_it_is_held() {
    let _alone = alone(fast());
    let stock = locks::Mutex::new("stock", 0);
    let held = stock.lock().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| *stock.lock().unwrap() += 1);
        }
        let waits = found("lock_waits", || std::thread::sleep(Duration::from_millis(20)));
        assert!(waits.summary.ends_with(" callers wait for the lock `stock` on average"), "{waits}");
        assert_eq!((&*waits.evidence[1].metric, waits.evidence[1].value), ("sync.lock.waiting{lock=\"stock\"}", 3.0));
        drop(held);
    });
    assert_eq!(stock.into_inner().unwrap(), 3);
    eventually("the lock being well", || health().finding("lock_waits").is_none());
}
