//! The machine: its cores, memory, network, disks and load.

#[cfg(not(target_os = "linux"))]
mod elsewhere;
#[cfg(target_os = "linux")]
mod linux;

#[cfg(not(target_os = "linux"))]
use elsewhere as os;
#[cfg(target_os = "linux")]
use linux as os;

use super::found::Found;
use crate::collect::MetricCollector;
use crate::protocol::RuntimeMetric;

/// What all programs of the machine do together; the table in [`collectors`](super) has what, and what it
/// costs.
#[derive(Debug, Default)]
pub(super) struct System(os::Machine);

impl MetricCollector for System {
    fn collect(&self) -> Vec<RuntimeMetric> {
        let mut found = Found::default();
        self.0.tell(&mut found);
        found.all()
    }

    fn name(&self) -> &'static str {
        "system"
    }
}
