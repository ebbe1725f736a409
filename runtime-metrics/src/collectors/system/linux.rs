//! What Linux tells of the machine.

use crate::collectors::found::Found;
use crate::collectors::lately::Lately;
use crate::lock::Mutex;
use procfs::net::InterfaceDeviceStatus;
use procfs::{Current, DiskStats, LoadAverage, Meminfo};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Instant;

#[derive(Debug, Default)]
pub(super) struct Machine {
    cores: Mutex<Lately<Cores>>,
}

/// What each core has done, by its number, for they come and go; and all of them, under none.
type Cores = BTreeMap<Option<u32>, Core>;

/// What a core has done since boot, in ticks.
#[derive(Clone, Copy, Debug)]
struct Core {
    busy: u64,
    all: u64,
}

impl Machine {
    pub(super) fn tell(&self, found: &mut Found) {
        self.tell_cores(found);
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

    fn tell_cores(&self, found: &mut Found) {
        // Before they are read: who else collects must not have read them later.
        let mut lately = self.cores.lock();
        found.read("system.cpu", cores(), |found, cores| {
            let Some((_, before)) = lately.before(Instant::now(), cores.clone()) else { return };
            for (name, share) in shares(&cores, &before) {
                found.tell_of("system.cpu.usage", share * 100.0, ("core", &name));
            }
        });
    }
}

/// `procfs` does not tell which core a line is of.
fn cores() -> Result<Cores, String> {
    let file = "/proc/stat";
    let text = fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
    let cores = Core::all(&text);
    if cores.is_empty() { Err(format!("{file} has no cores")) } else { Ok(cores) }
}

/// For how much of the time since `before` each core that was there has worked.
fn shares(cores: &Cores, before: &Cores) -> Vec<(String, f64)> {
    let share = |(number, core): (&Option<u32>, &Core)| {
        let name = number.map_or("all".to_owned(), |number| number.to_string());
        Some((name, core.share_since(before.get(number)?)?))
    };
    cores.iter().filter_map(share).collect()
}

impl Core {
    /// The lines of cores, which are the first.
    fn all(text: &str) -> Cores {
        text.lines().map_while(Self::of).collect()
    }

    /// `cpu3 user nice system idle iowait irq softirq steal …`; what comes then is in these, such as the time of
    /// guests in that of their hosts.
    fn of(line: &str) -> Option<(Option<u32>, Self)> {
        let (number, rest) = line.strip_prefix("cpu")?.split_once(' ')?;
        let number = if number.is_empty() { None } else { Some(number.parse().ok()?) };
        let mut times = [0_u64; 8];
        for (time, text) in times.iter_mut().zip(rest.split_ascii_whitespace()) {
            *time = text.parse().ok()?;
        }
        let [user, nice, system, idle, waits, irq, softirq, steal] = times;
        let busy = user + nice + system + irq + softirq + steal;
        Some((number, Self { busy, all: busy + idle + waits }))
    }

    /// `None` for a core that was not there in between. What a core waits for disks may become less, so
    /// it may seem to have worked for longer than there was time.
    fn share_since(&self, before: &Self) -> Option<f64> {
        let all = self.all.checked_sub(before.all).filter(|&all| all > 0)?;
        let share = self.busy.saturating_sub(before.busy) as f64 / all as f64;
        Some(share.min(1.0))
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

    #[test]
    fn a_core_is_known_by_its_number_whichever_others_come_and_go() {
        let before = "cpu  300 0 0 700 0 0 0 0 0 0\ncpu0 100 0 0 300 0 0 0 0 0 0\ncpu2 200 0 0 400\nintr 5 6\n";
        let after = "cpu  450 0 0 850 0 0 0 0 0 0\ncpu0 110 0 0 390 0 0 0 0 0 0\ncpu1 70 0 0 30 0 0 0 0 0 0\ncpu2 260 10 10 410 10 0 0 0 0 0\nintr 7 8\n";
        let shares = shares(&Core::all(after), &Core::all(before));
        let told: Vec<(&str, f64)> = shares.iter().map(|(name, share)| (&**name, *share)).collect();
        assert_eq!(told, [("all", 0.5), ("0", 0.1), ("2", 0.8)]);
        assert_eq!(Core::all("cpu0 1 x\n").len() + Core::all("").len(), 0);
    }

    #[test]
    fn no_core_works_for_more_than_all_of_the_time() {
        let before = Core { busy: 100, all: 400 };
        // It waits for 20 less than it did.
        assert_eq!(Core { busy: 200, all: 480 }.share_since(&before), Some(1.0));
    }
}
