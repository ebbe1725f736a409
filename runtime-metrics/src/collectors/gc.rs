//! Garbage collectors that the program embeds.

use super::found::Found;
use crate::collect::{self, MetricCollector};
use crate::protocol::RuntimeMetric;
use std::sync::Arc;

/// Tells `runtime.gc.collection_count` of a garbage collector that the program embeds, such as that of Lua,
/// V8 or Python, tagged `gc` with its name.
///
/// Rust itself has none: memory is freed where its owner ends, so there is nothing to count and
/// nothing that stops the world. Without a source the metric is absent, not 0. What is nearest to
/// it are `runtime.memory.allocations` and `process.memory.stall_time`.
///
/// `collections` returns how many there were since start. It is called at each collection, from any
/// thread, so it should be no more than the load of an atomic.
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// static CYCLES: AtomicU64 = AtomicU64::new(2); // what the embedded interpreter counts
/// runtime_metrics::collectors::register_gc("lua", || CYCLES.load(Ordering::Relaxed));
/// assert!(runtime_metrics::Snapshot::take().family("runtime.gc.collection_count").is_some());
/// ```
pub fn register_gc(name: impl Into<String>, collections: impl Fn() -> u64 + Send + Sync + 'static) {
    collect::add(Arc::new(Gc { name: name.into(), collections }));
}

struct Gc<F> {
    name: String,
    collections: F,
}

impl<F: Fn() -> u64 + Send + Sync + 'static> MetricCollector for Gc<F> {
    fn collect(&self) -> Vec<RuntimeMetric> {
        let mut found = Found::default();
        found.tell_of("runtime.gc.collection_count", (self.collections)(), ("gc", &self.name));
        found.all()
    }

    fn name(&self) -> &'static str {
        "gc"
    }
}
