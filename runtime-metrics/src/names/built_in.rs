//! The one table of built-in metrics: what the specification calls them, what OpenMetrics and OpenTelemetry
//! do, what they tell, and what their movement means.
//!
//! The names of OpenTelemetry are those of its semantic conventions 1.42, where they have one that means the
//! same: state is an attribute there, and units are those of UCUM. Of two of ours that are one there, such as
//! threads, one has its name.

use super::exposed;
use crate::metric::Kind;

/// A metric that the library's own collectors know.
///
/// ```
/// let built_in = runtime_metrics::collectors::built_in();
/// let rss = built_in.iter().find(|metric| metric.name == "runtime.memory.rss").unwrap();
/// assert_eq!((rss.unit, rss.openmetrics()), ("bytes", "process_resident_memory_bytes".to_owned()));
/// assert_eq!((rss.otel.name, rss.otel.unit), ("process.memory.usage", "By"));
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct BuiltIn {
    /// What it is called in snapshots, in JSON and at Sentry.
    pub name: &'static str,
    /// Whether it only ever grows.
    pub kind: Kind,
    /// The unit of its values.
    pub unit: &'static str,
    /// What it is in OpenTelemetry.
    pub otel: Otel,
    /// What it tells.
    pub help: &'static str,
    /// What its movement means, where it means anything.
    pub means: &'static str,
    /// The family, its base unit and the factor, where the general rule does not give what Prometheus
    /// users know.
    pub(super) prometheus: Option<(&'static str, &'static str, f64)>,
}

/// A metric in the terms of OpenTelemetry.
///
/// ```
/// let built_in = runtime_metrics::collectors::built_in();
/// let user = built_in.iter().find(|metric| metric.name == "process.cpu.user_time").unwrap().otel;
/// assert_eq!((user.name, user.attributes, user.factor), ("process.cpu.time", &[("cpu.mode", "user")][..], 0.001));
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Otel {
    /// The name; where the conventions have none for the same, our own.
    pub name: &'static str,
    /// The unit, in UCUM.
    pub unit: &'static str,
    /// What a value is multiplied by to be in that unit.
    pub factor: f64,
    /// Attributes that tell this metric from others of the name.
    pub attributes: &'static [(&'static str, &'static str)],
}

impl BuiltIn {
    /// The family's name in OpenMetrics and the Prometheus text format.
    ///
    /// ```
    /// let open = runtime_metrics::collectors::built_in().iter().find(|metric| metric.name == "process.open_fds");
    /// assert_eq!(open.unwrap().openmetrics(), "process_open_fds");
    /// ```
    pub fn openmetrics(&self) -> String {
        exposed(self.name, self.kind, self.unit).family
    }

    const fn new(name: &'static str, kind: Kind, unit: &'static str, help: &'static str) -> Self {
        let (ucum, factor) = ucum(unit);
        let otel = Otel { name, unit: ucum, factor, attributes: &[] };
        Self { name, kind, unit, otel, help, means: "", prometheus: None }
    }

    const fn means(mut self, means: &'static str) -> Self {
        self.means = means;
        self
    }

    const fn prometheus(mut self, family: &'static str, unit: &'static str, factor: f64) -> Self {
        self.prometheus = Some((family, unit, factor));
        self
    }

    const fn otel(mut self, name: &'static str, unit: &'static str, factor: f64) -> Self {
        self.otel = Otel { name, unit, factor, attributes: &[] };
        self
    }

    const fn attributes(mut self, attributes: &'static [(&'static str, &'static str)]) -> Self {
        self.otel.attributes = attributes;
        self
    }
}

/// Where the conventions have no metric, the unit as UCUM has it.
const fn ucum(unit: &str) -> (&'static str, f64) {
    match unit.as_bytes() {
        b"bytes" => ("By", 1.0),
        b"seconds" => ("s", 1.0),
        b"milliseconds" => ("s", 1e-3),
        b"microseconds" => ("s", 1e-6),
        b"percent" => ("1", 0.01),
        _ => ("1", 1.0),
    }
}

const fn gauge(name: &'static str, unit: &'static str, help: &'static str) -> BuiltIn {
    BuiltIn::new(name, Kind::Gauge, unit, help)
}

const fn counter(name: &'static str, unit: &'static str, help: &'static str) -> BuiltIn {
    BuiltIn::new(name, Kind::Counter, unit, help)
}

/// Grouped as the specification groups them.
pub(crate) const BUILT_IN: &[BuiltIn] = &[
    gauge("runtime.memory.rss", "bytes", "Memory of the process that is in RAM.").means("Growing without end under a steady load is a leak, or an allocator that keeps what it freed: `runtime.memory.heap_used` tells which.").prometheus("process_resident_memory_bytes", "bytes", 1.0).otel("process.memory.usage", "By", 1.0),
    gauge("runtime.memory.rss_peak", "bytes", "The most memory of the process that was ever in RAM.").means("How large the process has to be allowed to be."),
    gauge("runtime.memory.heap_used", "bytes", "Bytes that the program has allocated and not freed.").means("Growing without end under a steady load is a leak."),
    gauge("runtime.memory.heap_allocated", "bytes", "Bytes that the allocator holds for what the program uses, with what it rounds up.").means("Far above `runtime.memory.heap_used`: many small or oddly sized allocations."),
    gauge("runtime.memory.heap_sys", "bytes", "Bytes that the allocator has from the system.").means("Staying high after a peak: freed memory that does not go back."),
    gauge("runtime.memory.heap_objects", "count", "Allocations that are not freed.").means("Growing with `runtime.memory.heap_used` flat: ever smaller things pile up."),
    counter("runtime.memory.allocated_bytes", "bytes", "Bytes allocated since start.").means("Its rate is what the allocator is kept busy with."),
    counter("runtime.memory.allocations", "count", "Allocations since start.").means("Divided by requests: what one request allocates."),
    gauge("runtime.memory.fragmentation", "ratio", "Share of the allocator's resident memory that is neither used nor its own bookkeeping.").means("Near 1 with the heap flat: memory is lost to fragments, not to a leak."),
    counter("runtime.gc.collection_count", "count", "Collections of a garbage collector that the program embeds.").means("Rust has none; told by a source that was registered.").prometheus("runtime_gc_collections", "", 1.0),
    gauge("runtime.threads.active", "count", "Threads of the process.").means("Growing: threads are started and not joined.").otel("runtime.threads.active", "{thread}", 1.0),
    gauge("runtime.threads.peak", "count", "The most threads seen since start.").means("How many threads the process has to be allowed to have."),
    counter("runtime.panics", "count", "Panics, whoever caught them.").means("Any: something is broken, even where the caller got an answer."),
    gauge("process.memory.limit", "bytes", "The most memory that the process's control group may use."),
    gauge("process.memory.limit_ratio", "ratio", "Share that is used of the memory limit that is nearest to being reached: the control group's own, or that of a group around it.").means("Above 0.9 the kernel will soon end the process."),
    counter("process.memory.oom_kills", "count", "Processes of the control group that the kernel ended for want of memory.").means("Any: the limit is too low, or something leaks."),
    counter("process.memory.stall_time", "seconds", "Time in which some task of the control group, or of the machine, waited for memory.").means("Rising: memory is so short that work stands still."),
    counter("process.page_faults.minor", "count", "Page faults that needed no disk.").means("Its rate follows fresh memory.").otel("process.paging.faults", "{fault}", 1.0).attributes(&[("system.paging.fault.type", "minor")]),
    counter("process.page_faults.major", "count", "Page faults that waited for the disk.").means("Rising: memory is short, code and data are read again from disk.").otel("process.paging.faults", "{fault}", 1.0).attributes(&[("system.paging.fault.type", "major")]),
    gauge("process.cpu.usage", "percent", "Share of one core that the process used lately; 100 is one full core.").means("Near 100 times `process.cpu.count`, work queues up.").prometheus("process_cpu_usage_ratio", "ratio", 0.01),
    gauge("process.cpu.count", "count", "Cores that the process may use, by affinity and quota.").prometheus("process_cpu_cores", "", 1.0),
    counter("process.cpu.user_time", "milliseconds", "CPU time in user mode.").prometheus("process_cpu_user_seconds", "seconds", 0.001).otel("process.cpu.time", "s", 0.001).attributes(&[("cpu.mode", "user")]),
    counter("process.cpu.system_time", "milliseconds", "CPU time in the kernel.").means("Rising faster than user time: many small system calls.").prometheus("process_cpu_system_seconds", "seconds", 0.001).otel("process.cpu.time", "s", 0.001).attributes(&[("cpu.mode", "system")]),
    counter("process.cpu.throttled_time", "seconds", "Time in which a CPU quota kept the control group from running: its own, or that of a group around it, whichever costs more.").means("Rising: latency that no profile shows. Raise the quota, or use fewer threads."),
    counter("process.cpu.throttled_periods", "count", "Periods in which the control group used up its CPU quota.").means("More than one in a hundred is felt."),
    counter("process.cpu.periods", "count", "Periods of the control group's CPU quota."),
    counter("process.cpu.run_delay", "seconds", "Time in which threads of the process were ready to run and had no core.").means("Rising: the machine has more to do than cores."),
    counter("process.context_switches.voluntary", "count", "How often a thread gave up its core to wait.").otel("process.context_switches", "{context_switch}", 1.0).attributes(&[("process.context_switch.type", "voluntary")]),
    counter("process.context_switches.involuntary", "count", "How often a thread lost its core to another.").means("Rising: more threads want to run than there are cores.").otel("process.context_switches", "{context_switch}", 1.0).attributes(&[("process.context_switch.type", "involuntary")]),
    gauge("process.open_fds", "count", "Open file descriptors.").means("Growing: files or sockets are not closed. At the limit nothing can be opened or accepted any more.").prometheus("process_open_fds", "", 1.0).otel("process.unix.file_descriptor.count", "{file_descriptor}", 1.0),
    gauge("process.open_fds.limit", "count", "The most file descriptors that the process may open.").prometheus("process_max_fds", "", 1.0),
    gauge("process.threads.count", "count", "Threads of the process.").means("As `runtime.threads.active`.").prometheus("process_threads", "", 1.0).otel("process.thread.count", "{thread}", 1.0),
    gauge("process.uptime", "seconds", "Time since the process started.").means("Falling back to zero: a restart.").otel("process.uptime", "s", 1.0),
    counter("process.disk.read", "bytes", "Bytes that the process had read from disks.").otel("process.disk.io", "By", 1.0).attributes(&[("disk.io.direction", "read")]),
    counter("process.disk.written", "bytes", "Bytes that the process had written to disks.").otel("process.disk.io", "By", 1.0).attributes(&[("disk.io.direction", "write")]),
    gauge("async.workers.count", "count", "Worker threads of the async runtime.").prometheus("async_workers", "", 1.0),
    counter("async.workers.busy_time", "seconds", "Time that the workers spent running tasks.").means("Its rate, divided by the workers, is the share of time that they work."),
    gauge("async.workers.busy_ratio", "ratio", "Share of the time since the last collection, of a second at least, that a worker ran tasks; also while it is still in one.").means("Above 0.8 on average: saturated. One at 1 and others at 0: a worker is blocked."),
    counter("async.workers.parks", "count", "How often a worker went to sleep for want of work.").means("A falling rate under a steady load: workers find no rest."),
    gauge("async.workers.stuck", "count", "Whether a worker, by its index, has been at work without a break for 100 ms and still is; 1 if so.").means("Any: a call that blocks, or that computes for long, is on a worker. Move it to `spawn_blocking`."),
    gauge("async.workers.stuck_time", "seconds", "The longest time within the last minute that a worker, by its index, was at work without a break, if that was 100 ms or more.").means("Above 0.25: one poll, or 61 of some milliseconds, kept everybody else waiting; `*_slow_polls_total` of measured functions tells whose."),
    counter("async.tasks.spawned", "count", "Tasks spawned since start."),
    gauge("async.tasks.active", "count", "Tasks that were spawned and have not ended.").means("Growing under a steady load: tasks are spawned and never end."),
    gauge("async.tasks.queued", "count", "Tasks that are ready and wait for a worker.").means("Staying above zero: the workers can't keep up."),
    counter("async.polls.total", "count", "Polls of tasks.").prometheus("async_polls", "", 1.0),
    gauge("async.poll.mean_duration", "microseconds", "How long a poll took on average since the last collection.").means("Above 100: tasks keep a worker for long; others wait."),
    gauge("async.poll.max_duration", "microseconds", "The longest poll of the last minute.").means("Above 10,000: something blocks, or computes for long."),
    counter("async.poll.slow_count", "count", "Polls that took longer than the threshold.").means("Rising: tasks that compute or block between two awaits.").prometheus("async_polls_slow", "", 1.0),
    gauge("async.blocking.active", "count", "Blocking tasks that run.").means("At the limit of the pool: the next one waits."),
    gauge("async.blocking.threads", "count", "Threads of the blocking pool."),
    gauge("async.blocking.queued", "count", "Blocking tasks that wait for a thread.").means("Above zero: the pool is full."),
    gauge("async.blocking.delay", "seconds", "How long the last blocking task of the last ten seconds waited for a thread.").means("Above 0.01: the pool is full, or nearly."),
    gauge("async.io.pending_ops", "count", "Sources of events that the runtime waits for.").means("Growing: connections are not closed."),
    gauge("async.schedule.delay", "seconds", "From being ready to being polled, as a probe found it; `stat` is p50, p99 or max of the last minute.").means("p99 above 0.01: tasks wait for a worker; above 0.1 everything is late."),
    gauge("async.timer.drift", "seconds", "How much later than asked a timer of the runtime came, at most in the last minute; a millisecond is usual.").means("Above 0.01: the runtime does not get to its timers."),
    gauge("http.connections.active", "count", "Connections on which a request is being answered.").otel("http.server.open_connections", "{connection}", 1.0).attributes(&[("http.connection.state", "active")]),
    gauge("http.connections.idle", "count", "Connections that wait for a request.").means("Growing: clients that do not close.").otel("http.server.open_connections", "{connection}", 1.0).attributes(&[("http.connection.state", "idle")]),
    gauge("http.requests.queued", "count", "Requests that wait to be let in.").means("Staying above zero: the limit is reached."),
    gauge("http.accept.queued", "count", "Connections that the kernel has, and the program has not accepted yet.").means("Staying above zero: the runtime does not get to accept."),
    gauge("http.accept.limit", "count", "The most of them there may be."),
    gauge("db.pool.connections.active", "count", "Connections that are in use.").means("At `db.pool.max_size`: the pool is exhausted.").otel("db.client.connection.count", "{connection}", 1.0).attributes(&[("db.client.connection.state", "used")]),
    gauge("db.pool.connections.idle", "count", "Connections that wait to be used.").otel("db.client.connection.count", "{connection}", 1.0).attributes(&[("db.client.connection.state", "idle")]),
    gauge("db.pool.connections.waiting", "count", "Callers that wait for a connection.").means("Staying above zero: the pool is too small, or connections are held for too long.").otel("db.client.connection.pending_requests", "{request}", 1.0),
    gauge("db.pool.size", "count", "Connections of the pool, used and idle."),
    gauge("db.pool.max_size", "count", "The most connections the pool may have.").otel("db.client.connection.max", "{connection}", 1.0),
    BuiltIn::new("db.pool.wait_time", Kind::Histogram, "seconds", "How long callers waited for a connection, also those who gave up.").means("Its high quantiles growing: the pool is too small, or connections are held for too long; `db.pool.connections.waiting` is of one moment and may miss it.").otel("db.client.connection.wait_time", "s", 1.0),
    gauge("sync.lock.waiting", "count", "Callers that wait for a lock.").means("Staying above zero: the lock is held for too long, or never released."),
    counter("sync.lock.waited", "seconds", "Time that callers waited for a lock, also those that still do.").means("Its rate is how many wait on average: above 0.2 the lock holds up its callers."),
    BuiltIn::new("sync.lock.wait_time", Kind::Histogram, "seconds", "How long a caller waited for a lock that was not free.").means("Its high quantiles growing: something slow is done while the lock is held."),
    gauge("system.cpu.usage", "percent", "Share of a core, or of all, that the machine used since the last collection; 100 is all of it.").otel("system.cpu.utilization", "1", 0.01),
    gauge("system.memory.total", "bytes", "Memory of the machine.").otel("system.memory.limit", "By", 1.0),
    gauge("system.memory.available", "bytes", "Memory that programs could still have without swapping.").means("Near zero: the kernel will soon end a process.").otel("system.linux.memory.available", "By", 1.0),
    counter("system.network.received", "bytes", "Bytes that came through an interface of the network namespace.").otel("system.network.io", "By", 1.0).attributes(&[("network.io.direction", "receive")]),
    counter("system.network.sent", "bytes", "Bytes that left through an interface of the network namespace.").otel("system.network.io", "By", 1.0).attributes(&[("network.io.direction", "transmit")]),
    counter("system.disk.read", "bytes", "Bytes read from a disk of the machine.").otel("system.disk.io", "By", 1.0).attributes(&[("disk.io.direction", "read")]),
    counter("system.disk.written", "bytes", "Bytes written to a disk of the machine.").otel("system.disk.io", "By", 1.0).attributes(&[("disk.io.direction", "write")]),
    gauge("health.findings", "count", "What the health report found, by rule: 1 is a warning, 2 is critical.")
        .means("2: something does not work any more, or will not soon."),
    gauge("system.load", "count", "Threads that run or want to, on average over the last minute.").means("Above the number of cores: work waits for a core."),
];

/// The built-in metric of this name.
pub(crate) fn find(name: &str) -> Option<&'static BuiltIn> {
    BUILT_IN.iter().find(|metric| metric.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::check;
    use std::collections::HashSet;

    #[test]
    fn every_name_is_valid_and_none_is_there_twice_in_any_format() {
        let (mut specified, mut exposed, mut otel) = (HashSet::new(), HashSet::new(), HashSet::new());
        for metric in BUILT_IN {
            check(metric.name).unwrap();
            assert!(!metric.help.is_empty() && metric.help.ends_with('.'), "{}", metric.name);
            assert!(metric.means.is_empty() || metric.means.ends_with(['.', '`']), "{}", metric.name);
            assert!(specified.insert(metric.name), "{}", metric.name);
            assert!(exposed.insert(metric.openmetrics()), "{}", metric.openmetrics());
            let told = otel.insert((metric.otel.name, metric.otel.attributes));
            assert!(told, "{}", metric.otel.name);
        }
    }

    #[test]
    fn a_share_of_one_core_is_not_the_share_of_all_that_the_conventions_have() {
        // Theirs is divided by the cores and at most 1.
        assert!(BUILT_IN.iter().all(|metric| metric.otel.name != "process.cpu.utilization"));
        let usage = find("process.cpu.usage").map(|usage| (usage.otel.name, usage.otel.unit, usage.otel.factor));
        assert_eq!(usage, Some(("process.cpu.usage", "1", 0.01)));
    }

    #[test]
    fn names_keep_to_the_rules_of_their_formats() {
        for metric in BUILT_IN {
            let family = metric.openmetrics();
            assert!(family.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'), "{family}");
            assert!(!family.ends_with("_total"), "{family}: the format adds it");
            let units = ["By", "s", "1"];
            let unit = metric.otel.unit;
            assert!(units.contains(&unit) || (unit.starts_with('{') && unit.ends_with('}')), "{}: {unit}", metric.name);
        }
    }

    /// What the specification documents name, in their words.
    #[test]
    fn every_name_of_the_specification_is_there() {
        let specified = "
            runtime.memory.heap_used bytes gauge, runtime.memory.heap_allocated bytes gauge, runtime.memory.rss bytes gauge,
            runtime.gc.collection_count count counter, runtime.threads.active count gauge, runtime.threads.peak count gauge,
            async.tasks.spawned count counter, async.tasks.active count gauge, async.tasks.queued count gauge,
            async.poll.mean_duration microseconds gauge, async.poll.slow_count count counter,
            async.blocking.active count gauge, async.io.pending_ops count gauge, async.workers.count count gauge,
            async.blocking.threads count gauge, async.polls.total count counter, process.cpu.usage percent gauge,
            process.cpu.user_time milliseconds counter, process.cpu.system_time milliseconds counter,
            process.open_fds count gauge, process.uptime seconds gauge, process.threads.count count gauge,
            http.connections.active count gauge, http.connections.idle count gauge, http.requests.queued count gauge,
            db.pool.connections.active count gauge, db.pool.connections.idle count gauge,
            db.pool.connections.waiting count gauge, db.pool.size count gauge";
        for row in specified.split(',') {
            let [name, unit, kind] = *row.split_whitespace().collect::<Vec<_>>() else { panic!("{row}") };
            let metric = find(name).unwrap_or_else(|| panic!("no {name}"));
            assert_eq!((metric.unit, metric.kind.to_string()), (unit, kind.to_owned()), "{name}");
        }
    }
}
