//! The built-in sources, one file each. They are there by themselves: no call is needed, but for servers
//! and pools, which have to be named.
//!
//! Each feature is a collector of that name. What it costs is a sweep of a process with 10,000 descriptors
//! and 200 threads on Linux, measured by the bench `collectors`:
//!
//! | feature | metrics | source on Linux | cost |
//! |---|---|---|--:|
//! | `memory` | `runtime.memory.rss`, `.rss_peak`; `process.page_faults.minor`, `.major` | `/proc/self/stat`, `/proc/self/status` | 45 µs |
//! | | `process.memory.limit`, `.limit_ratio` (where there is a limit), `.oom_kills` | the control group's `memory.max`, `.current`, `.stat`, `.events`; those of version 1 where it is used | |
//! | | `process.memory.stall_time`, tagged `scope`: `group` or `machine` | the control group's `memory.pressure`, else `/proc/pressure/memory` | |
//! | | `runtime.memory.heap_used`, `.heap_allocated`, `.heap_objects`, `.allocated_bytes`, `.allocations` | [`CountingAllocator`](crate::CountingAllocator), if it is the program's | a cache line a thread |
//! | `jemalloc` | `runtime.memory.heap_used`, `.heap_allocated`, `.heap_sys`, `.fragmentation` | `tikv-jemalloc-ctl`, if jemalloc is the program's allocator | 13 µs |
//! | `mimalloc` | `runtime.memory.heap_allocated`, `.heap_sys`, both what it has from the system | its statistics, if mimalloc is the program's allocator | 25 µs |
//! | `process` | `process.cpu.usage`, `.user_time`, `.system_time`; `process.threads.count`, `runtime.threads.active`, `.peak` (the most seen); `process.uptime` | `/proc/self/stat`, the clocks of the process and of the machine | 114 µs |
//! | | `process.cpu.count` | affinity and quota, once a minute | |
//! | | `process.cpu.throttled_time`, `.throttled_periods`, `.periods` (where there is a quota) | the control group's `cpu.stat` | |
//! | | `process.cpu.run_delay`, `process.context_switches.voluntary`, `.involuntary` | `/proc/self/task/*/schedstat` and `status`, four threads at a time: with more, it lags behind | |
//! | | `process.open_fds`, `.limit`; `process.disk.read`, `.written` | size of `/proc/self/fd`, `getrlimit`, `/proc/self/io` | |
//! | | `runtime.panics` | a hook before the one that is there, set when an exporter or the Sentry integration starts, else by the first collection | |
//! | `system` | `system.cpu.usage` by `core` and for `all`; `system.memory.total`, `.available`; `system.network.*` by `interface`; `system.disk.*` by `disk`; `system.load` | `/proc/stat`, `meminfo`, `net/dev`, `diskstats`, `loadavg` | 85 µs |
//! | `executor` | `async.tasks.spawned`, `.active`, `async.polls.total`, `async.poll.*`, `async.schedule.delay` | futures that `executor::Monitor` instruments | |
//! | `tokio-runtime` | all of `async.*` | see `collectors::tokio`: what Tokio tells, a thread that watches, and what was installed | |
//! | `axum`, `hyper`, `actix-web` | `http.connections.active`, `http.connections.idle` | a [`web::Server`] | |
//! | `tower` | `http.requests.queued` | a pair of layers, see [`web::Server`] | |
//! | `accept-queue` | `http.accept.queued`, `http.accept.limit` | `NETLINK_SOCK_DIAG` (Linux), for a [`web::Server`] | |
//! | `sqlx`, `deadpool`, `bb8`, `r2d2` | `db.pool.connections.active`, `.idle`, `.waiting`, `db.pool.size`, `db.pool.max_size`, `db.pool.wait_time` | pools given to [`db::register`] or [`db::watch`] | |
//! | | `sync.lock.waiting`, `.waited`, `.wait_time` | [`locks`] that have a name | |
//! | | `runtime.gc.collection_count` | what [`register_gc`] was told of; Rust has no garbage collector | |
//!
//! On macOS and Windows `sysinfo` tells resident memory, CPU time in total, descriptors, disk and uptime, and the
//! machine's; that code was tried on Linux only. What a metric's movement means is in [`built_in`].
//!
//! A source that this platform does not have omits its metrics and says so in
//! [`status`](crate::status). What has no limit or no quota has no metric of it either. In a fork of the process
//! what was added up or seen before, such as panics and the most threads, begins anew.
//!
//! # The heap
//!
//! `heap_used` is what the program has asked for and not freed: counted, or else jemalloc's `allocated`.
//! `heap_allocated` is what the allocator holds for that, with what it rounds up: jemalloc's `allocated`, mimalloc's
//! `committed`, else the same as `heap_used`. `heap_sys` is what the allocator has from the system.

pub mod db;
#[cfg(not(target_os = "linux"))]
#[cfg(any(feature = "memory", feature = "process"))]
mod elsewhere;
#[cfg(feature = "executor")]
mod executor;
mod found;
mod gc;
#[cfg(target_os = "linux")]
#[cfg(any(feature = "memory", feature = "process"))]
mod groups;
#[cfg(feature = "memory")]
mod heap;
#[cfg(all(feature = "jemalloc", not(target_env = "msvc")))]
mod jemalloc;
#[cfg(any(feature = "memory", feature = "process"))]
mod kept;
#[cfg(any(feature = "process", feature = "system"))]
mod lately;
#[cfg(target_os = "linux")]
#[cfg(any(feature = "memory", feature = "process"))]
mod linux;
pub mod locks;
#[cfg(feature = "memory")]
mod memory;
#[cfg(feature = "mimalloc")]
mod mimalloc;
#[cfg(feature = "process")]
mod own;
#[cfg(feature = "process")]
mod panics;
#[cfg(feature = "process")]
mod process;
#[cfg(feature = "system")]
mod system;
#[cfg(all(target_os = "linux", feature = "process"))]
mod tasks;
#[cfg(feature = "tokio-runtime")]
pub mod tokio;
#[cfg(any(feature = "memory", feature = "process"))]
mod told;
pub mod web;

#[cfg(not(target_os = "linux"))]
#[cfg(any(feature = "memory", feature = "process"))]
use elsewhere as os;
#[cfg(target_os = "linux")]
#[cfg(any(feature = "memory", feature = "process"))]
use linux as os;

use crate::collect::{self, MetricCollector};
use crate::protocol::RuntimeMetric;
use std::sync::{Arc, Once};

pub use crate::names::{BuiltIn, Otel};
pub use gc::register_gc;

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

/// Asks the collectors of this name at once: `memory`, `process`, `system`, `tokio`, `gc`, or what
/// one's own are called. Nothing where none is.
///
/// ```
/// let memory = runtime_metrics::collectors::ask("memory");
/// # #[cfg(all(feature = "memory", target_os = "linux"))]
/// assert_eq!(memory[0].name, "runtime.memory.rss");
/// ```
pub fn ask(name: &str) -> Vec<RuntimeMetric> {
    collect::only(|collector| collector == name)
}

/// Adds the built-in collectors, once.
pub(crate) fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        #[cfg(feature = "memory")]
        collect::add(Arc::new(memory::Memory::default()));
        #[cfg(feature = "process")]
        collect::add(Arc::new(process::Process::default()));
        #[cfg(feature = "system")]
        collect::add(Arc::new(system::System::default()));
        #[cfg(feature = "executor")]
        collect::add(Arc::new(executor::Executors));
        #[cfg(feature = "tokio-runtime")]
        {
            collect::add(Arc::new(tokio::Runtimes));
            #[cfg(target_os = "linux")]
            collect::add(Arc::new(tokio::Sources));
        }
    });
    #[cfg(feature = "process")]
    panics::watch();
    thread_seen();
}

/// Called once on each thread that records: a thread that belongs to a runtime shows the way to it.
pub(crate) fn thread_seen() {
    #[cfg(feature = "tokio-runtime")]
    tokio::discover();
}

/// Called for each task that this library spawns on a Tokio runtime.
#[cfg(feature = "http")]
pub(crate) fn own_task() {
    #[cfg(feature = "tokio-runtime")]
    tokio::own_task();
}

/// Says once that a source is not there.
fn missing(metric: &str, why: impl std::fmt::Display) {
    crate::status::report(metric, format!("can't be read here and is left out: {why}"));
}
