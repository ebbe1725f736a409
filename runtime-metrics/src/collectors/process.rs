//! CPU time, threads, descriptors, disk and uptime of the process.

use super::found::Found;
#[cfg(target_os = "linux")]
use super::groups;
use super::kept::Kept;
use super::lately::Lately;
use super::own::Own;
#[cfg(target_os = "linux")]
use super::tasks::Tasks;
use super::told::Usage;
use super::{os, panics};
use crate::collect::MetricCollector;
use crate::protocol::RuntimeMetric;
use std::time::{Duration, Instant};

/// What the process uses, and what keeps it from running; the table in [`collectors`](super) has what, and
/// what it costs.
#[derive(Debug, Default)]
pub(super) struct Process {
    seen: Own<Seen>,
    cores: Kept<Option<u64>>,
    #[cfg(target_os = "linux")]
    group: groups::Cpu,
    #[cfg(target_os = "linux")]
    tasks: Own<Tasks>,
}

#[derive(Debug, Default)]
struct Seen {
    peak_threads: u64,
    cpu: Lately<Duration>,
}

impl MetricCollector for Process {
    fn collect(&self) -> Vec<RuntimeMetric> {
        let mut found = Found::default();
        // Read while nobody else does: what one has read later, another must not have known before.
        self.seen.with(|seen| found.read("process", os::usage(), |found, usage| seen.tell(usage, found)));
        let cores = || std::thread::available_parallelism().ok().map(|cores| cores.get() as u64);
        found.tell_if("process.cpu.count", self.cores.get(cores));
        found.read("process.open_fds", os::descriptors(), |found, open| found.tell("process.open_fds", open));
        found.read("process.open_fds.limit", os::descriptor_limit(), |found, limit| {
            found.tell_if("process.open_fds.limit", limit);
        });
        found.read("process.disk", os::disk(), |found, (read, written)| {
            found.tell("process.disk.read", read);
            found.tell("process.disk.written", written);
        });
        found.tell("runtime.panics", panics::count());
        #[cfg(target_os = "linux")]
        self.tell_hindrance(&mut found);
        found.all()
    }

    fn name(&self) -> &'static str {
        "process"
    }
}

impl Seen {
    fn tell(&mut self, usage: Usage, found: &mut Found) {
        found.read("process.cpu.user_time", usage.modes, |found, (user, system)| {
            found.tell("process.cpu.user_time", user.as_millis() as u64);
            found.tell("process.cpu.system_time", system.as_millis() as u64);
        });
        let before = self.cpu.before(Instant::now(), usage.cpu);
        let share =
            before.map(|(passed, before)| usage.cpu.saturating_sub(before).as_secs_f64() / passed.as_secs_f64());
        found.tell_if("process.cpu.usage", share.map(|share| share * 100.0));
        found.read("process.threads.count", usage.threads, |found, threads| {
            self.peak_threads = self.peak_threads.max(threads);
            found.tell("process.threads.count", threads);
            found.tell("runtime.threads.active", threads);
            found.tell("runtime.threads.peak", self.peak_threads);
        });
        found.tell("process.uptime", usage.uptime.as_secs_f64());
    }
}

#[cfg(target_os = "linux")]
impl Process {
    /// What keeps the process from running: its quota, and those it shares the machine with.
    fn tell_hindrance(&self, found: &mut Found) {
        found.read("process.cpu.throttled_time", self.group.throttling(), |found, throttling| {
            if let Some(throttling) = throttling {
                found.tell("process.cpu.throttled_time", throttling.time.as_secs_f64());
                found.tell("process.cpu.throttled_periods", throttling.throttled);
                found.tell("process.cpu.periods", throttling.periods);
            }
        });
        found.read("process.cpu.run_delay", self.tasks.with(Tasks::visit), |found, total| {
            found.tell("process.cpu.run_delay", total.run_delay.as_secs_f64());
            found.tell("process.context_switches.voluntary", total.voluntary);
            found.tell("process.context_switches.involuntary", total.involuntary);
        });
    }
}
