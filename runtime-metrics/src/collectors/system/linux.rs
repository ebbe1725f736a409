//! What Linux tells of the machine.

use crate::collectors::found::Found;
use crate::collectors::lately::Lately;
use crate::lock::Mutex;
use procfs::net::InterfaceDeviceStatus;
use procfs::{CpuTime, Current, CurrentSI, DiskStats, KernelStats, LoadAverage, Meminfo};
use std::path::Path;
use std::time::Instant;

#[derive(Debug, Default)]
pub(super) struct Machine {
    cores: Mutex<Lately<Vec<Core>>>,
}

/// What a core has done since boot, in ticks.
#[derive(Clone, Copy, Debug)]
struct Core {
    busy: u64,
    all: u64,
}

impl Machine {
    pub(super) fn tell(&self, found: &mut Found) {
        found.read("system.cpu", KernelStats::current(), |found, stat| {
            let cores: Vec<Core> = std::iter::once(&stat.total).chain(&stat.cpu_time).map(Core::of).collect();
            self.tell_cores(&cores, found);
        });
        found.read("system.memory", Meminfo::current(), |found, memory| {
            found.tell("system.memory.total", memory.mem_total);
            found.tell_if("system.memory.available", memory.mem_available);
        });
        found.read("system.network", InterfaceDeviceStatus::current(), |found, interfaces| {
            for (name, traffic) in interfaces.0.iter().filter(|(name, _)| *name != "lo") {
                found.tell_of("system.network.received", traffic.recv_bytes, ("interface", name));
                found.tell_of("system.network.sent", traffic.sent_bytes, ("interface", name));
            }
        });
        found.read("system.disk", DiskStats::current(), |found, disks| {
            // The kernel counts in these, whatever the disk has.
            const SECTOR: u64 = 512;
            for disk in disks.0.iter().filter(|disk| is_disk(&disk.name)) {
                found.tell_of("system.disk.read", disk.sectors_read * SECTOR, ("disk", &disk.name));
                found.tell_of("system.disk.written", disk.sectors_written * SECTOR, ("disk", &disk.name));
            }
        });
        found.read("system.load", LoadAverage::current(), |found, load| {
            found.tell("system.load", f64::from(load.one));
        });
    }

    /// The first is all of them together.
    fn tell_cores(&self, cores: &[Core], found: &mut Found) {
        let Some((_, before)) = self.cores.lock().before(Instant::now(), cores.to_vec()) else { return };
        for (number, (core, before)) in cores.iter().zip(&before).enumerate() {
            let name = number.checked_sub(1).map_or("all".to_owned(), |number| number.to_string());
            if let Some(share) = core.share_since(before) {
                found.tell_of("system.cpu.usage", share * 100.0, ("core", &name));
            }
        }
    }
}

impl Core {
    fn of(time: &CpuTime) -> Self {
        let waits = time.idle + time.iowait.unwrap_or(0);
        // Time of guests is in that of their hosts.
        let busy = time.user
            + time.nice
            + time.system
            + time.irq.unwrap_or(0)
            + time.softirq.unwrap_or(0)
            + time.steal.unwrap_or(0);
        Self { busy, all: busy + waits }
    }

    /// `None` for a core that was not there in between.
    fn share_since(&self, before: &Self) -> Option<f64> {
        let all = self.all.checked_sub(before.all).filter(|&all| all > 0)?;
        Some(self.busy.saturating_sub(before.busy) as f64 / all as f64)
    }
}

/// Whether it is a whole disk, for its partitions are part of it, and files and memory that are used as
/// disks are on others.
fn is_disk(name: &str) -> bool {
    let made_of_others = ["loop", "ram", "zram", "dm-", "md"];
    !made_of_others.iter().any(|kind| name.starts_with(kind))
        && Path::new("/sys/block").join(name.replace('/', "!")).exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_core_is_busy_where_it_is_neither_idle_nor_waiting() {
        let before = Core { busy: 100, all: 400 };
        assert_eq!(Core { busy: 175, all: 500 }.share_since(&before), Some(0.75));
        assert_eq!(before.share_since(&before), None);
        assert_eq!(Core { busy: 0, all: 10 }.share_since(&before), None);
    }
}
