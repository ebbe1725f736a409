//! Tokio runtimes: what Tokio tells on stable, what a thread that watches them finds, and what was installed.
//!
//! A runtime is found by itself when one of its threads records something for the first time, or when an exporter is
//! started inside of it. [`register`] names any other, such as one that is entered by a thread that has recorded before. [`main`](macro@crate::main) and [`RuntimeBuilderExt`] install
//! the hooks by which more is known. A runtime that is shut down is forgotten, at the latest a second later.
//!
//! While anybody collects, a thread of this library's own looks at the workers 20 times a second, and 10 times a
//! second gives each runtime a task that notes how late it is run. That takes about a thousandth of a core, and
//! nothing for a poll. Its tasks are left out of the counts of tasks.
//!
//! | metric | stable | `--cfg tokio_unstable` |
//! |---|---|---|
//! | `async.workers.count`, `.busy_time`, `.busy_ratio`, `.parks`, `.stuck`, `.stuck_time` | runtime, corrected for workers that are in a poll now | the same |
//! | `async.tasks.active` | runtime | the same |
//! | `async.tasks.queued` | runtime: the queue that workers share | and their own queues |
//! | `async.tasks.spawned` | `ids`: the numbers that Tokio gives to tasks, of all runtimes together, blocking ones included | runtime |
//! | `async.polls.total`, `async.poll.*` | `instrumented`: tasks of [`spawn`] | `hooks`: all tasks, if they are installed |
//! | `async.blocking.threads` | `hooks` | runtime |
//! | `async.blocking.active`, `.queued` | `instrumented`: functions of [`spawn_blocking`] | runtime |
//! | `async.blocking.delay` | `instrumented`, and `probe` while the pool has two threads or more: once a second while it grows or is late, else every twelve | the same |
//! | `async.io.pending_ops` | `epoll`: of all runtimes together, where the process has few descriptors (Linux) | runtime, with the feature `http` |
//! | `async.schedule.delay`, `async.timer.drift` | `probe`; drift where hooks are installed, which turn the timer on | the same |
//!
//! Where a metric does not come from the runtime itself, the tag `source` says from where, as above. Where
//! there are several runtimes, `runtime_id` tells them apart, and `runtime_name` if they have one.
//!
//! A current-thread runtime runs only while a thread is in its `block_on`. Outside of it, nothing is late and no
//! worker is stuck; that is known for sure where [`main`](macro@crate::main) made the runtime, and only there
//! `async.workers.stuck` is told.

mod hooks;
mod known;
mod probe;
#[cfg(target_os = "linux")]
mod sources;
mod spawn;
mod watch;
mod workers;

pub use hooks::{RuntimeBuilderExt, run};
#[cfg(feature = "http")]
pub(super) use probe::own_task;
#[cfg(target_os = "linux")]
pub(super) use sources::Sources;
pub use spawn::{spawn, spawn_blocking};

use crate::collect::MetricCollector;
use crate::lock::Mutex;
use crate::protocol::RuntimeMetric;
use crate::status::report;
use known::Known;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use tokio::runtime::Handle;

/// The runtimes that are known. A handle keeps a runtime's memory, not its threads, alive.
static RUNTIMES: Mutex<Vec<Arc<Known>>> = Mutex::new(Vec::new());

/// Whether there have ever been several.
static SEVERAL: AtomicBool = AtomicBool::new(false);

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
    known(handle);
}

/// What is known of a runtime, from now on if nothing was; nothing if there are too many.
fn known(handle: &Handle) -> Option<Arc<Known>> {
    let find = |runtimes: &[Arc<Known>]| runtimes.iter().find(|known| known.is(handle)).map(Arc::clone);
    let others = {
        let runtimes = RUNTIMES.lock();
        if let Some(known) = find(&runtimes) {
            return Some(known);
        }
        runtimes.clone()
    };
    // Nobody may be watching: what is over makes room here. Not under the lock, for it wakes runtimes.
    let over: Vec<Arc<Known>> = others.into_iter().filter(|known| known.is_over()).collect();
    forget(&over);
    let mut runtimes = RUNTIMES.lock();
    if let Some(known) = find(&runtimes) {
        return Some(known);
    }
    if runtimes.len() >= MOST {
        report("tokio", format!("there are more than {MOST} runtimes; the later ones are left out"));
        return None;
    }
    let known = Arc::new(Known::new(handle.clone()));
    runtimes.push(Arc::clone(&known));
    Some(known)
}

/// Forgets runtimes that are shut down.
fn forget(over: &[Arc<Known>]) {
    if !over.is_empty() {
        RUNTIMES.lock().retain(|known| !over.iter().any(|gone| Arc::ptr_eq(known, gone)));
    }
}

/// Adds the runtime that the current thread belongs to, if it does.
pub(super) fn discover() {
    // The threads of this library have a runtime too, which is nobody's concern.
    if std::thread::current().name() == Some(crate::export::THREAD) {
        return;
    }
    if let Ok(handle) = Handle::try_current() {
        register(&handle);
    }
}

/// What each known runtime tells. A collection costs a few microseconds, and more with many workers.
#[derive(Debug)]
pub(super) struct Runtimes;

impl MetricCollector for Runtimes {
    fn collect(&self) -> Vec<RuntimeMetric> {
        let runtimes = RUNTIMES.lock().clone();
        if !runtimes.is_empty() {
            watch::wanted();
        }
        // Elsewhere the kernel is asked.
        if !runtimes.is_empty() && !cfg!(any(target_os = "linux", all(tokio_unstable, feature = "http"))) {
            super::missing("async.io.pending_ops", "only Linux is read so far");
        }
        // For good: a series that changes its tags is another one.
        let several = SEVERAL.fetch_or(runtimes.len() > 1, Relaxed) || runtimes.len() > 1;
        let mut metrics: Vec<RuntimeMetric> = runtimes.iter().flat_map(|known| known.collect(several)).collect();
        for metric in spawn::polls() {
            if !metrics.iter().any(|told| told.name == metric.name) {
                metrics.push(metric.with_tag("source", "instrumented"));
            }
        }
        #[cfg(not(tokio_unstable))]
        metrics.extend(probe::spawned());
        metrics.into_iter().map(|metric| metric.with_tag("runtime", crate::executor::TOKIO)).collect()
    }

    fn name(&self) -> &'static str {
        "tokio"
    }
}
