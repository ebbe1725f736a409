//! The built-in sources, one file each. They are there by themselves: no call is needed.
//!
//! | feature | metrics | source |
//! |---|---|---|
//! | `memory` | `runtime.memory.rss` | `/proc/self/statm` (Linux) |
//! | `process` | `process.cpu.usage`, `.user_time`, `.system_time`, `process.threads.count`, `runtime.threads.active`, `.peak`, `process.open_fds` and its limit, `process.uptime` | `/proc/self` (Linux) |
//! | `tokio-runtime` | `async.workers.count`, `async.tasks.active`, `async.tasks.queued`, `async.workers.busy_time`, `async.workers.parks` | what Tokio tells without `tokio_unstable` |
//!
//! A source that this platform does not have omits its metrics and says so in
//! [`status`](crate::status).

#[cfg(feature = "memory")]
mod memory;
#[cfg(feature = "process")]
mod process;
#[cfg(feature = "tokio-runtime")]
pub mod tokio;

use crate::collect::{self, MetricCollector};
use std::sync::{Arc, Once};

pub use crate::names::{BuiltIn, Otel};

/// Every metric that the built-in collectors know, with its names and what its movement means: the one
/// table, whether or not its source is there.
///
/// ```
/// for metric in runtime_metrics::collectors::built_in() {
///     println!("{} = {}: {} {}", metric.name, metric.openmetrics(), metric.help, metric.means);
/// }
/// ```
pub fn built_in() -> &'static [BuiltIn] {
    crate::names::BUILT_IN
}

/// Adds a collector of one's own, for every exporter.
///
/// ```
/// use runtime_metrics::{MetricCollector, RuntimeMetric, collectors};
///
/// struct Depth;
/// impl MetricCollector for Depth {
///     fn collect(&self) -> Vec<RuntimeMetric> {
///         vec![RuntimeMetric::gauge("queue.depth", 3)]
///     }
///     fn name(&self) -> &'static str {
///         "depth"
///     }
/// }
/// collectors::add(std::sync::Arc::new(Depth));
/// ```
pub fn add(collector: Arc<dyn MetricCollector>) {
    collect::add(collector);
}

/// Adds the built-in collectors, once.
pub(crate) fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        #[cfg(feature = "memory")]
        collect::add(Arc::new(memory::Memory));
        #[cfg(feature = "process")]
        collect::add(Arc::new(process::Process::default()));
        #[cfg(feature = "tokio-runtime")]
        collect::add(Arc::new(tokio::Runtimes));
    });
    thread_seen();
}

/// Called once on each thread that records: a thread that belongs to a runtime shows the way to it.
pub(crate) fn thread_seen() {
    #[cfg(feature = "tokio-runtime")]
    tokio::discover();
}

/// Says once that a source is not there.
#[cfg(any(feature = "memory", feature = "process"))]
fn missing(metric: &str, why: impl std::fmt::Display) {
    crate::status::report(metric, format!("can't be read here and is left out: {why}"));
}
