//! Tokio runtimes, as far as stable Tokio tells.
//!
//! A runtime is found by itself once one of its threads records anything, or when an exporter is
//! started inside of it. [`register`] names one that does neither.

use crate::collect::MetricCollector;
use crate::lock::Mutex;
use crate::protocol::RuntimeMetric;
use std::time::Duration;
use tokio::runtime::Handle;

/// The runtimes that are known. A handle keeps a runtime's memory, not its threads, alive.
static RUNTIMES: Mutex<Vec<Handle>> = Mutex::new(Vec::new());

/// Enough for every program that does not start runtimes without end, and a bound for one that does.
const MOST: usize = 64;

/// Adds a runtime whose threads record nothing themselves.
///
/// ```
/// let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// runtime_metrics::collectors::tokio::register(runtime.handle());
/// let snapshot = runtime_metrics::Snapshot::take();
/// assert!(snapshot.family("async.workers.count").is_some());
/// ```
pub fn register(handle: &Handle) {
    let mut runtimes = RUNTIMES.lock();
    if runtimes.len() < MOST && !runtimes.iter().any(|known| known.id() == handle.id()) {
        runtimes.push(handle.clone());
    }
}

/// Adds the runtime that the current thread belongs to, if it does.
pub(super) fn discover() {
    // The collection thread has a runtime too, which is nobody's concern.
    if std::thread::current().name() == Some(crate::export::THREAD) {
        return;
    }
    if let Ok(handle) = Handle::try_current() {
        register(&handle);
    }
}

/// What each known runtime tells. All reads are relaxed loads: a collection costs nanoseconds.
///
/// * `async.workers.count`: how many threads there are to run tasks.
/// * `async.tasks.active`: growing under a steady load means that tasks are spawned and never end.
/// * `async.tasks.queued`: staying above zero means that the workers can't keep up.
/// * `async.workers.busy_time`: its rate, divided by the workers, is the share of time that they
///   run tasks; near 1 the runtime is saturated.
/// * `async.workers.parks`: a falling rate under a steady load means that workers find no rest.
#[derive(Debug)]
pub(super) struct Runtimes;

impl MetricCollector for Runtimes {
    fn collect(&self) -> Vec<RuntimeMetric> {
        let runtimes = RUNTIMES.lock().clone();
        let several = runtimes.len() > 1;
        let mut metrics = Vec::new();
        for handle in runtimes {
            let tell = |metric: RuntimeMetric| {
                let metric = metric.with_tag("runtime", "tokio");
                if several { metric.with_tag("runtime_id", handle.id().to_string()) } else { metric }
            };
            let runtime = handle.metrics();
            let workers = runtime.num_workers();
            metrics.push(tell(RuntimeMetric::gauge("async.workers.count", workers).with_unit("count")));
            metrics
                .push(tell(RuntimeMetric::gauge("async.tasks.active", runtime.num_alive_tasks()).with_unit("count")));
            metrics.push(tell(
                RuntimeMetric::gauge("async.tasks.queued", runtime.global_queue_depth()).with_unit("count"),
            ));
            #[cfg(target_has_atomic = "64")]
            {
                let busy: Duration = (0..workers).map(|worker| runtime.worker_total_busy_duration(worker)).sum();
                let parks: u64 = (0..workers).map(|worker| runtime.worker_park_count(worker)).sum();
                let busy = RuntimeMetric::counter("async.workers.busy_time", busy.as_secs_f64()).with_unit("seconds");
                metrics.push(tell(busy));
                metrics.push(tell(RuntimeMetric::counter("async.workers.parks", parks).with_unit("count")));
            }
        }
        metrics
    }

    fn name(&self) -> &'static str {
        "tokio"
    }
}
