//! What is told of this process where it is not Linux's: on macOS and Windows by `sysinfo`, anywhere else by
//! nobody. The tests run none of it; it was tried on Linux, where `sysinfo` is the same.

#[cfg(feature = "memory")]
use super::told::Memory;
#[cfg(feature = "process")]
use super::told::Usage;
use std::time::Duration;

/// What can be asked for.
struct Told {
    resident: u64,
    cpu: Duration,
    uptime: Duration,
    /// `None` where it does not tell.
    open: Option<u64>,
    open_limit: Option<u64>,
    disk: (u64, u64),
}

#[cfg(any(target_os = "macos", target_os = "windows"))]
fn told() -> Result<Told, String> {
    use crate::lock::Mutex;
    use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System};
    static SYSTEM: Mutex<Option<System>> = Mutex::new(None);

    let own = sysinfo::get_current_pid()?;
    let mut system = SYSTEM.lock();
    let system = system.get_or_insert_with(System::new);
    let wanted = ProcessRefreshKind::nothing().with_memory().with_cpu().with_disk_usage().without_tasks();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[own]), false, wanted);
    let process = system.process(own).ok_or("sysinfo does not find this process")?;
    let disk = process.disk_usage();
    Ok(Told {
        resident: process.memory(),
        cpu: Duration::from_millis(process.accumulated_cpu_time()),
        uptime: Duration::from_secs(process.run_time()),
        open: process.open_files().map(|count| count as u64),
        open_limit: process.open_files_limit().map(|count| count as u64),
        disk: (disk.total_read_bytes, disk.total_written_bytes),
    })
}

#[cfg(not(any(target_os = "macos", target_os = "windows")))]
fn told() -> Result<Told, String> {
    Err("only Linux, macOS and Windows are read".to_owned())
}

fn untold<T>() -> Result<T, String> {
    Err("it is read on Linux only".to_owned())
}

#[cfg(feature = "memory")]
pub(super) fn memory() -> Result<Memory, String> {
    told().map(|told| Memory { resident: told.resident, peak: untold(), faults: untold() })
}

#[cfg(feature = "process")]
pub(super) fn usage() -> Result<Usage, String> {
    told().map(|told| Usage { cpu: told.cpu, modes: untold(), threads: untold(), uptime: told.uptime })
}

/// Descriptors that are open.
#[cfg(feature = "process")]
pub(super) fn descriptors() -> Result<u64, String> {
    told()?.open.map_or_else(untold, Ok)
}

/// The most descriptors there may be; `None` where there is no limit.
#[cfg(feature = "process")]
pub(super) fn descriptor_limit() -> Result<Option<u64>, String> {
    told().map(|told| told.open_limit)
}

/// Bytes that were read from disks and written to them; on Windows from and to anything.
#[cfg(feature = "process")]
pub(super) fn disk() -> Result<(u64, u64), String> {
    told().map(|told| told.disk)
}
