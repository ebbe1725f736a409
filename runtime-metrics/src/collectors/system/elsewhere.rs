//! What `sysinfo` tells of the machine on macOS and Windows; anywhere else nobody does. The tests run none
//! of it; it was tried on Linux, where `sysinfo` is the same.

use crate::collectors::found::Found;

#[cfg(any(target_os = "macos", target_os = "windows"))]
pub(super) use asked::Machine;

#[cfg(not(any(target_os = "macos", target_os = "windows")))]
#[derive(Debug, Default)]
pub(super) struct Machine;

#[cfg(not(any(target_os = "macos", target_os = "windows")))]
impl Machine {
    #[allow(clippy::unused_self)] // the others keep what they read
    pub(super) fn tell(&self, found: &mut Found) {
        found.read("system", Err::<(), _>("only Linux, macOS and Windows are read"), |_, ()| {});
    }
}

#[cfg(any(target_os = "macos", target_os = "windows"))]
mod asked {
    use super::Found;
    use crate::lock::Mutex;
    use std::time::{Duration, Instant};
    use sysinfo::{Disks, Networks, System};

    #[derive(Debug, Default)]
    pub(in super::super) struct Machine(Mutex<Option<Asked>>);

    #[derive(Debug)]
    struct Asked {
        system: System,
        /// When it last read what the cores do, and whether it had before: what is told is what
        /// happened in between.
        read: Instant,
        again: bool,
    }

    /// Cores are read no more often.
    const WINDOW: Duration = Duration::from_secs(1);

    impl Machine {
        pub(in super::super) fn tell(&self, found: &mut Found) {
            let mut asked = self.0.lock();
            let asked = asked.get_or_insert_with(Asked::begin);
            asked.tell_cores(found);
            asked.system.refresh_memory();
            found.tell("system.memory.total", asked.system.total_memory());
            found.tell("system.memory.available", asked.system.available_memory());
            for (name, traffic) in Networks::new_with_refreshed_list().list() {
                // The loopback's name on macOS and Windows.
                if name != "lo0" && !name.starts_with("Loopback") {
                    found.tell_of("system.network.received", traffic.total_received(), ("interface", name));
                    found.tell_of("system.network.sent", traffic.total_transmitted(), ("interface", name));
                }
            }
            let mut told = Vec::new();
            for disk in Disks::new_with_refreshed_list().list() {
                // A volume of Windows has a label for a name, which may be missing or that of another one.
                let name = if cfg!(windows) { disk.mount_point().as_os_str() } else { disk.name() };
                let name = name.to_string_lossy().into_owned();
                // A disk that is mounted twice is one.
                if !told.contains(&name) {
                    found.tell_of("system.disk.read", disk.usage().total_read_bytes, ("disk", &name));
                    found.tell_of("system.disk.written", disk.usage().total_written_bytes, ("disk", &name));
                    told.push(name);
                }
            }
            if cfg!(target_os = "macos") {
                found.tell("system.load", System::load_average().one);
            }
        }
    }

    impl Asked {
        fn begin() -> Self {
            let mut system = System::new();
            system.refresh_cpu_usage();
            Self { system, read: Instant::now(), again: false }
        }

        fn tell_cores(&mut self, found: &mut Found) {
            if self.read.elapsed() >= WINDOW {
                self.system.refresh_cpu_usage();
                (self.read, self.again) = (Instant::now(), true);
            }
            if self.again {
                found.tell_of("system.cpu.usage", f64::from(self.system.global_cpu_usage()), ("core", "all"));
                for (number, core) in self.system.cpus().iter().enumerate() {
                    found.tell_of("system.cpu.usage", f64::from(core.cpu_usage()), ("core", &number.to_string()));
                }
            }
        }
    }
}
