//! Receivers that take nothing cost no memory, however long they take nothing: there is no queue. A program of its
//! own, for its allocator counts.

#![allow(clippy::unwrap_used)] // a test that can't go on has failed

use runtime_metrics::{
    ExportFormat, ExportProtocol, Limits, MetricsExporter, OtlpTemporality, Reading, increment, observe, registry,
};
use runtime_metrics_tests::collector::{Collector, Speaks};
use runtime_metrics_tests::daemon::Daemon;
use runtime_metrics_tests::load::Load;
use runtime_metrics_tests::wire::{Fault, Wire};
use runtime_metrics_tests::{alone, eventually};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicIsize, Ordering::Relaxed};
use std::time::Duration;

/// The system's allocator, counting what is in use.
struct Counting;

static IN_USE: AtomicIsize = AtomicIsize::new(0);

// SAFETY: every call goes to the system's allocator as it came; the count is an atomic and allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        IN_USE.fetch_add(layout.size() as isize, Relaxed);
        // SAFETY: the caller keeps the promises of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size() as isize, Relaxed);
        // SAFETY: the caller keeps the promises of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const SERIES: usize = 1_000;

/// How many collections were not taken.
fn lost(exporter: &str) -> u64 {
    let reasons = ["busy", "connect", "timeout"];
    let of = |reason| match registry().get("runtime_metrics_export_lost", &[("exporter", exporter), ("reason", reason)])
    {
        Some(Reading::Counter(count)) => count,
        _ => 0,
    };
    reasons.into_iter().map(of).sum()
}

/// The least that is in use while this many more collections are lost by each: what is under way comes and goes.
fn least_in_use(names: &[String], more: u64) -> isize {
    let goals: Vec<(&String, u64)> = names.iter().map(|name| (name, lost(name) + more)).collect();
    let mut least = isize::MAX;
    eventually("losses", || {
        least = least.min(IN_USE.load(Relaxed));
        goals.iter().all(|(name, goal)| lost(name) >= *goal)
    });
    least
}

#[test]
fn what_is_not_taken_is_not_kept() {
    let _alone = alone();
    registry().set_limits(Limits { series_per_metric: SERIES + 10, ..Limits::default() });
    for at in 0..SERIES {
        increment!("memory_work", labels: {"at" => at.to_string()});
        observe!("memory_time", value: at, labels: {"at" => (at % 100).to_string()});
    }
    let speaks = [Speaks::OtlpGrpc, Speaks::OtlpHttp, Speaks::RemoteWrite];
    let collectors = speaks.map(Collector::start);
    let hangs = collectors.each_ref().map(|one| Wire::to(one.address(), Fault::Hang));
    let gone = collectors.each_ref().map(|one| Wire::to(one.address(), Fault::None));
    gone.iter().for_each(Wire::go_away);
    let mut names = Vec::new();
    let mut exporters = Vec::new();
    let mut start = |exporter: MetricsExporter, name: String| {
        let exporter = exporter.name(&name).filter(|name| name.starts_with("memory_"));
        let fast = exporter.interval(Duration::from_millis(20)).timeout(Duration::from_millis(60));
        exporters.push(fast.try_start().unwrap());
        names.push(name);
    };
    for (at, speaks) in speaks.into_iter().enumerate() {
        let ways = [("hangs", hangs[at].address()), ("gone", gone[at].address())];
        for (what, address) in ways {
            let (format, protocol) = match speaks {
                Speaks::OtlpGrpc => (ExportFormat::Otlp, ExportProtocol::Grpc),
                Speaks::OtlpHttp => (ExportFormat::Otlp, ExportProtocol::Http),
                Speaks::RemoteWrite => (ExportFormat::RemoteWrite, ExportProtocol::Http),
            };
            let exporter = MetricsExporter::new().format(format).protocol(protocol);
            let exporter = exporter.temporality(OtlpTemporality::Delta).endpoint(format!("http://{address}"));
            start(exporter, format!("{speaks:?}-{what}"));
        }
    }
    let endpoint = Daemon::absent().address().to_string();
    start(MetricsExporter::new().format(ExportFormat::DogStatsD).endpoint(endpoint), "dogstatsd".to_owned());
    let load = Load::start("memory");
    // What is made once.
    least_in_use(&names, 5);
    let before = least_in_use(&names, 10);
    let after = least_in_use(&names, 20);
    load.goes_on();
    load.stop();
    // Kept, they would be ten times that; so much may be under way by chance.
    assert!(after - before < 2 << 20, "{before} bytes became {after}");
    exporters.into_iter().for_each(runtime_metrics::ExportHandle::stop);
}
