//! `Known`: what is known of one runtime, and what it tells.

use super::probe::Probe;
use super::spawn::Blocking;
use super::workers::Workers;
use crate::executor::{Polls, delay_metrics};
use crate::lock::Mutex;
use crate::protocol::{MetricValue, RuntimeMetric};
use crate::recent::{Lately, Peak};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::runtime::{Handle, RuntimeFlavor, RuntimeMetrics};

/// One runtime.
#[derive(Debug)]
pub(super) struct Known {
    handle: Handle,
    workers: Mutex<Workers>,
    /// From being ready to being run, as probes found.
    delays: Lately,
    drift: Peak,
    /// How many probes were spawned, which the runtime counts as well.
    #[cfg(tokio_unstable)]
    probes: AtomicU64,
    /// The one that waits to be run, or was run since the last look.
    probe: Mutex<Option<Probe>>,
    /// One that was run, and waits for its timer.
    timer: Mutex<Option<Probe>>,
    pool_probe: Mutex<Option<Probe>>,
    /// How long the last probe of the blocking pool waited, in nanoseconds, plus one.
    pool_delay: AtomicU64,
    /// How many threads the pool had at the last look.
    pool_was: AtomicUsize,
    pub(super) blocking: Blocking,
    hooks: Hooks,
}

/// What the hooks tell, where they are installed.
#[derive(Debug, Default)]
pub(super) struct Hooks {
    pub(super) installed: AtomicBool,
    /// Threads, those of the workers among them.
    pub(super) threads: AtomicUsize,
    /// All polls, under `tokio_unstable`.
    pub(super) polls: OnceLock<Arc<Polls>>,
}

/// A probe in so many looks,
const PROBE: u64 = 2;
/// with a timer,
const TIMED: u64 = 10;
/// and of the blocking pool, while it is late,
const POOL: u64 = 20;
/// and while it is not: a thread of the pool that has nothing to do ends after ten seconds, which a probe begins anew.
const POOL_AT_REST: u64 = 240;
/// What is late.
const LATE: Duration = Duration::from_millis(1);
/// A runtime that may not have run all the time is believed to be so late, and more if it was busy meanwhile.
const BELIEVED: Duration = Duration::from_millis(10);

impl Known {
    pub(super) fn new(handle: Handle) -> Self {
        let always = handle.runtime_flavor() != RuntimeFlavor::CurrentThread;
        Self {
            workers: Mutex::new(Workers::new(&handle.metrics(), always)),
            delays: Lately::new(),
            drift: Peak::new(),
            #[cfg(tokio_unstable)]
            probes: AtomicU64::new(0),
            probe: Mutex::new(None),
            timer: Mutex::new(None),
            pool_probe: Mutex::new(None),
            pool_delay: AtomicU64::new(0),
            pool_was: AtomicUsize::new(0),
            blocking: Blocking::default(),
            hooks: Hooks::default(),
            handle,
        }
    }

    pub(super) fn is(&self, handle: &Handle) -> bool {
        self.handle.id() == handle.id()
    }

    /// Whether it is shut down, as far as a probe can tell at once.
    pub(super) fn is_over(&self) -> bool {
        self.ask(false);
        self.probe.lock().as_ref().is_some_and(Probe::is_refused)
    }

    pub(super) fn hooks(&self) -> &Hooks {
        &self.hooks
    }

    /// A thread of a current-thread runtime's owner goes into `block_on` for good, or comes out again.
    pub(super) fn runs_always(&self, always: bool) {
        if self.handle.runtime_flavor() == RuntimeFlavor::CurrentThread {
            self.workers.lock().runs_always(always);
        }
    }

    /// A look at it, 20 times a second; whether it is shut down.
    pub(super) fn watch(&self, round: u64) -> bool {
        let metrics = self.handle.metrics();
        self.workers.lock().look(&metrics);
        if !round.is_multiple_of(PROBE) {
            return false;
        }
        self.ask(round.is_multiple_of(TIMED) && self.hooks.installed.load(Relaxed));
        if round.is_multiple_of(POOL) {
            self.watch_pool(&metrics, round.is_multiple_of(POOL_AT_REST));
        }
        self.probe.lock().as_ref().is_some_and(Probe::is_refused)
    }

    /// Takes what the last probe found, and sends the next; never more than one waits to be run.
    fn ask(&self, drift_too: bool) {
        let mut probe = self.probe.lock();
        let mut timer = self.timer.lock();
        if let Some(over) = timer.take_if(|timer| timer.found().over) {
            let drift = over.found().drift.filter(|drift| self.believes(&over, *drift));
            self.drift.offer(drift.map_or(0, nanos));
        }
        match probe.take_if(|probe| probe.found().delay.is_some()) {
            Some(run) => {
                self.take(&run);
                // A timer that does not come must not keep the next from being sent.
                if run.timed {
                    *timer = Some(run);
                }
            }
            None if probe.is_some() => return,
            None => {}
        }
        let busy = self.workers.lock().busy();
        #[cfg(tokio_unstable)]
        self.probes.fetch_add(1, Relaxed);
        *probe = Some(Probe::task(&self.handle, drift_too && timer.is_none(), busy));
    }

    /// Takes what a probe found that was run.
    fn take(&self, probe: &Probe) {
        let found = probe.found();
        if let Some(delay) = found.delay.filter(|delay| self.believes(probe, *delay)) {
            self.delays.add(nanos(delay));
        }
        if let (Some(worker), Some(delay)) = (found.worker, found.delay) {
            self.workers.lock().heard_of(worker, probe.began + delay);
        }
    }

    /// Whether the runtime ran while something was so late.
    fn believes(&self, probe: &Probe, late: Duration) -> bool {
        let workers = self.workers.lock();
        workers.always() || late < BELIEVED || workers.busy().saturating_sub(probe.busy) >= late / 2
    }

    /// Asks the blocking pool how late it is, if it has so many threads that it may be full. With one, the
    /// probe itself would keep that one alive.
    fn watch_pool(&self, metrics: &RuntimeMetrics, at_rest: bool) {
        let mut probe = self.pool_probe.lock();
        let mut late = false;
        if let Some(before) = &*probe {
            let found = before.found();
            if !found.over {
                return;
            }
            late = found.delay.is_some_and(|delay| delay >= LATE);
            self.pool_delay.store(found.delay.map_or(0, |delay| nanos(delay) + 1), Relaxed);
            *probe = None;
        }
        let threads = self.pool_threads(metrics).unwrap_or(0);
        // What has become larger may be full soon.
        let grew = threads > self.pool_was.swap(threads, Relaxed);
        if threads <= 1 {
            self.pool_delay.store(0, Relaxed);
        } else if late || grew || at_rest {
            *probe = Some(Probe::blocking(&self.handle));
        }
    }

    #[cfg(not(tokio_unstable))]
    fn pool_threads(&self, metrics: &RuntimeMetrics) -> Option<usize> {
        // Workers run on threads of the pool.
        let workers =
            if self.handle.runtime_flavor() == RuntimeFlavor::CurrentThread { 0 } else { metrics.num_workers() };
        let threads = self.hooks.threads.load(Relaxed).saturating_sub(workers);
        self.hooks.installed.load(Relaxed).then_some(threads)
    }

    #[cfg(tokio_unstable)]
    #[allow(clippy::unused_self, clippy::unnecessary_wraps)] // as the other one
    fn pool_threads(&self, metrics: &RuntimeMetrics) -> Option<usize> {
        Some(metrics.num_blocking_threads())
    }

    /// Everything it tells; with tags that tell it from the others, if there are several.
    pub(super) fn collect(&self, several: bool) -> Vec<RuntimeMetric> {
        let metrics = self.handle.metrics();
        let mut told = self.tell_workers(&metrics);
        told.extend(self.tell_tasks(&metrics));
        told.extend(self.tell_pool(&metrics));
        told.extend(self.tell_delays());
        #[cfg(tokio_unstable)]
        told.extend(self.tell_polls(&metrics));
        #[cfg(all(tokio_unstable, feature = "http", target_has_atomic = "64"))]
        {
            let sources =
                metrics.io_driver_fd_registered_count().saturating_sub(metrics.io_driver_fd_deregistered_count());
            told.push(gauge("async.io.pending_ops", sources));
        }
        if !self.hooks.installed.load(Relaxed) {
            crate::status::report("tokio", NOT_INSTALLED);
        }
        let tagged = |mut metric: RuntimeMetric| {
            if let Some(name) = self.handle.name() {
                metric = metric.with_tag("runtime_name", name);
            }
            if several { metric.with_tag("runtime_id", self.handle.id().to_string()) } else { metric }
        };
        told.into_iter().map(tagged).collect()
    }

    fn tell_workers(&self, metrics: &RuntimeMetrics) -> Vec<RuntimeMetric> {
        let mut told = vec![gauge("async.workers.count", metrics.num_workers())];
        let (workers, always) = {
            let mut workers = self.workers.lock();
            workers.look(metrics);
            (workers.tell(), workers.always())
        };
        if workers.is_empty() {
            super::super::missing("async.workers.busy_time", "Tokio counts it only where there are 64-bit atomics");
            return told;
        }
        for (index, worker) in workers.iter().enumerate() {
            let per_worker = |metric: RuntimeMetric| metric.with_tag("worker", index.to_string());
            let ratio = worker.ratio.map(|ratio| RuntimeMetric::gauge("async.workers.busy_ratio", ratio));
            told.extend(ratio.map(|ratio| per_worker(ratio.with_unit("ratio"))));
            if always {
                told.push(per_worker(gauge("async.workers.stuck", u64::from(worker.stuck))));
                let time = RuntimeMetric::gauge("async.workers.stuck_time", worker.stuck_time.as_secs_f64());
                told.push(per_worker(time.with_unit("seconds")));
            }
        }
        let busy: Duration = workers.iter().map(|worker| worker.busy).sum();
        told.push(RuntimeMetric::counter("async.workers.busy_time", busy.as_secs_f64()).with_unit("seconds"));
        #[cfg(target_has_atomic = "64")]
        {
            let parks: u64 = (0..metrics.num_workers()).map(|worker| metrics.worker_park_count(worker)).sum();
            told.push(RuntimeMetric::counter("async.workers.parks", parks).with_unit("count"));
        }
        told
    }

    fn tell_tasks(&self, metrics: &RuntimeMetrics) -> Vec<RuntimeMetric> {
        let probe = self.probe.lock();
        let (mut alive, mut queued) = (metrics.num_alive_tasks(), metrics.global_queue_depth());
        if let Some(probe) = &*probe {
            alive = alive.saturating_sub(usize::from(!probe.found().over));
            queued = queued.saturating_sub(usize::from(probe.waits().is_some()));
        }
        let timer = usize::from(self.timer.lock().as_ref().is_some_and(|timer| !timer.found().over));
        alive = alive.saturating_sub(timer);
        #[cfg(tokio_unstable)]
        {
            queued += (0..metrics.num_workers()).map(|worker| metrics.worker_local_queue_depth(worker)).sum::<usize>();
        }
        vec![
            gauge("async.tasks.active", alive),
            gauge("async.tasks.queued", queued),
            #[cfg(all(tokio_unstable, target_has_atomic = "64"))]
            RuntimeMetric::counter(
                "async.tasks.spawned",
                metrics.spawned_tasks_count().saturating_sub(self.probes.load(Relaxed)),
            )
            .with_unit("count"),
        ]
    }

    fn tell_pool(&self, metrics: &RuntimeMetrics) -> Vec<RuntimeMetric> {
        let mut told = Vec::new();
        if let Some(threads) = self.pool_threads(metrics) {
            let threads = gauge("async.blocking.threads", threads);
            told.push(if cfg!(tokio_unstable) { threads } else { threads.with_tag("source", "hooks") });
        }
        let used = self.blocking.used.load(Relaxed);
        let instrumented = |metric: RuntimeMetric| metric.with_tag("source", "instrumented");
        #[cfg(tokio_unstable)]
        {
            let ours = usize::from(self.pool_probe.lock().as_ref().is_some_and(|probe| probe.waits().is_some()));
            let active = metrics.num_blocking_threads().saturating_sub(metrics.num_idle_blocking_threads());
            told.push(gauge("async.blocking.active", active));
            told.push(gauge("async.blocking.queued", metrics.blocking_queue_depth().saturating_sub(ours)));
        }
        #[cfg(not(tokio_unstable))]
        if used {
            told.push(instrumented(gauge("async.blocking.active", self.blocking.active.load(Relaxed))));
            told.push(instrumented(gauge("async.blocking.queued", self.blocking.queued.load(Relaxed))));
        }
        let delay = |nanos: u64| RuntimeMetric::gauge("async.blocking.delay", nanos as f64 / 1e9).with_unit("seconds");
        if used {
            told.push(instrumented(delay(self.blocking.delay())));
        }
        let waits = self.pool_probe.lock().as_ref().and_then(Probe::waits).map_or(0, nanos);
        let before = self.pool_delay.load(Relaxed).checked_sub(1);
        if before.is_some() || waits > 0 {
            told.push(delay(before.unwrap_or(0).max(waits)).with_tag("source", "probe"));
        }
        told
    }

    fn tell_delays(&self) -> Vec<RuntimeMetric> {
        let always = self.workers.lock().always();
        let waits = self.probe.lock().as_ref().and_then(Probe::waits).filter(|_| always);
        let mut told = delay_metrics(&self.delays, waits.map(nanos));
        let late = self.timer.lock().as_ref().and_then(Probe::drifts).filter(|_| always).map_or(0, nanos);
        let drift = self.drift.read().max(late);
        if drift > 0 {
            told.push(RuntimeMetric::gauge("async.timer.drift", drift as f64 / 1e9).with_unit("seconds"));
        }
        told.into_iter().map(|metric| metric.with_tag("source", "probe")).collect()
    }

    /// By the hooks; without them, what the workers count themselves.
    #[cfg(tokio_unstable)]
    fn tell_polls(&self, metrics: &RuntimeMetrics) -> Vec<RuntimeMetric> {
        if let Some(polls) = self.hooks.polls.get() {
            return polls.times().into_iter().map(|metric| metric.with_tag("source", "hooks")).collect();
        }
        #[cfg(target_has_atomic = "64")]
        {
            let polls: u64 = (0..metrics.num_workers()).map(|worker| metrics.worker_poll_count(worker)).sum();
            vec![RuntimeMetric::counter("async.polls.total", polls).with_unit("count")]
        }
        #[cfg(not(target_has_atomic = "64"))]
        Vec::new()
    }
}

/// Said once, where a runtime was made without us.
const NOT_INSTALLED: &str = "a runtime has no hooks installed, so async.timer.drift is left out, and on stable Tokio \
     async.blocking.threads and what is known of polls; make it by #[runtime_metrics::main], or call with_metrics() of \
     runtime_metrics::RuntimeBuilderExt on its builder";

fn gauge(name: &'static str, count: impl TryInto<i64>) -> RuntimeMetric {
    let count = MetricValue::Int(count.try_into().unwrap_or(i64::MAX));
    RuntimeMetric::gauge(name, count).with_unit("count")
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX - 1)
}
