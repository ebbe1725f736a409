//! The memory of the process: what the system gave it, and how much it may have.

use super::found::Found;
#[cfg(target_os = "linux")]
use super::groups;
use super::heap::Heap;
use super::os;
use crate::collect::MetricCollector;
use crate::protocol::RuntimeMetric;

/// What the system, the control group and the allocator tell of memory; the table in
/// [`collectors`](super) has what, and what it costs.
#[derive(Debug, Default)]
pub(super) struct Memory {
    #[cfg(target_os = "linux")]
    group: groups::Memory,
    heap: Heap,
}

impl MetricCollector for Memory {
    fn collect(&self) -> Vec<RuntimeMetric> {
        let mut found = Found::default();
        found.read("runtime.memory.rss", os::memory(), |found, memory| {
            found.tell("runtime.memory.rss", memory.resident);
            found.read("runtime.memory.rss_peak", memory.peak, |found, peak| {
                found.tell("runtime.memory.rss_peak", peak);
            });
            found.read("process.page_faults", memory.faults, |found, (minor, major)| {
                found.tell("process.page_faults.minor", minor);
                found.tell("process.page_faults.major", major);
            });
        });
        #[cfg(target_os = "linux")]
        self.tell_group(&mut found);
        self.heap.tell(&mut found);
        found.all()
    }

    fn name(&self) -> &'static str {
        "memory"
    }
}

#[cfg(target_os = "linux")]
impl Memory {
    /// What the control group may use, and what happened because it may use no more.
    fn tell_group(&self, found: &mut Found) {
        found.read("process.memory.limit", self.group.limit(), |found, limit| {
            if let Some(limit) = limit {
                found.tell("process.memory.limit", limit.bytes);
                found.tell("process.memory.limit_ratio", limit.ratio);
            }
        });
        found.read("process.memory.oom_kills", self.group.oom_kills(), |found, kills| {
            found.tell_if("process.memory.oom_kills", kills);
        });
        found.read("process.memory.stall_time", self.group.stall(), |found, (stalled, scope)| {
            found.tell_of("process.memory.stall_time", stalled.as_secs_f64(), ("scope", scope));
        });
    }
}
