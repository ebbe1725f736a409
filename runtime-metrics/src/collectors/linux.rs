//! What Linux tells of this process.

#[cfg(feature = "memory")]
use super::told::Memory;
#[cfg(feature = "process")]
use super::told::Usage;
use crate::lock::Mutex;
use procfs::process::Process;
use procfs::{FromRead, ProcError, ProcResult};
#[cfg(feature = "process")]
use rustix::process::{Resource, getrlimit};
#[cfg(feature = "process")]
use rustix::time::{ClockId, clock_gettime};
use std::io::Read;
use std::sync::Arc;
#[cfg(feature = "process")]
use std::time::Duration;

/// The directory of this process, which stays open: that halves the cost of a reading.
fn own() -> Result<Arc<Process>, String> {
    static OWN: Mutex<Option<Arc<Process>>> = Mutex::new(None);
    let mut own = OWN.lock();
    match &*own {
        // After a fork it would be that of the parent.
        Some(process) if process.pid() as u32 == std::process::id() => Ok(Arc::clone(process)),
        _ => {
            let process = Arc::new(Process::myself().map_err(|error| error.to_string())?);
            *own = Some(Arc::clone(&process));
            Ok(process)
        }
    }
}

/// Reads something of this process.
pub(super) fn read<T>(read: impl FnOnce(&Process) -> ProcResult<T>) -> Result<T, String> {
    own().and_then(|process| read(&process).map_err(|error| error.to_string()))
}

/// The status of a process or a thread, of which a line or two are wanted: to take all of it apart takes
/// longer than to read it.
pub(super) struct Status(String);

impl FromRead for Status {
    fn from_read<R: Read>(mut file: R) -> ProcResult<Self> {
        let mut text = String::with_capacity(2048);
        file.read_to_string(&mut text)?;
        Ok(Self(text))
    }
}

impl Status {
    /// The number in the line of this name.
    pub(super) fn number(&self, name: &str) -> ProcResult<u64> {
        let value = self.0.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        value
            .and_then(|value| value.split_whitespace().next()?.parse().ok())
            .ok_or_else(|| ProcError::Other(format!("the status has no {name}")))
    }
}

#[cfg(feature = "memory")]
pub(super) fn memory() -> Result<Memory, String> {
    let stat = read(Process::stat)?;
    let resident = stat.rss * procfs::page_size();
    let peak = read(|process| process.read::<_, Status>("status")?.number("VmHWM"));
    // The two are counted apart, and the one that is now may be a little ahead.
    let peak = peak.map(|kib| (kib * 1024).max(resident));
    Ok(Memory { resident, peak, faults: Ok((stat.minflt, stat.majflt)) })
}

#[cfg(feature = "process")]
pub(super) fn usage() -> Result<Usage, String> {
    let stat = read(Process::stat)?;
    let rate = procfs::ticks_per_second() as f64;
    let ticks = |ticks: u64| Duration::from_secs_f64(ticks as f64 / rate);
    let cpu = Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).map_err(|error| error.to_string())?;
    let up = Duration::try_from(clock_gettime(ClockId::Boottime)).map_err(|error| error.to_string())?;
    Ok(Usage {
        cpu,
        modes: Ok((ticks(stat.utime), ticks(stat.stime))),
        threads: Ok(stat.num_threads.unsigned_abs()),
        uptime: up.saturating_sub(ticks(stat.starttime)),
    })
}

/// Descriptors that are open. Since Linux 6.2 the size of the directory is their number; listing
/// them, as before, takes milliseconds when there are thousands.
#[cfg(feature = "process")]
pub(super) fn descriptors() -> Result<u64, String> {
    let directory = "/proc/self/fd";
    let size = std::fs::metadata(directory).map_err(|error| format!("{directory}: {error}"))?.len();
    if size > 0 {
        return Ok(size);
    }
    let listed = std::fs::read_dir(directory).map_err(|error| format!("{directory}: {error}"))?.count() as u64;
    // The listing has the directory itself open.
    Ok(listed.saturating_sub(1))
}

/// The most descriptors there may be; `None` where there is no limit.
#[cfg(feature = "process")]
#[allow(clippy::unnecessary_wraps)] // elsewhere it may fail
pub(super) fn descriptor_limit() -> Result<Option<u64>, String> {
    Ok(getrlimit(Resource::Nofile).current)
}

/// Bytes that were read from disks and written to them.
#[cfg(feature = "process")]
pub(super) fn disk() -> Result<(u64, u64), String> {
    read(Process::io).map(|io| (io.read_bytes, io.write_bytes))
}
