//! The memory of the process.

use super::missing;
use crate::collect::MetricCollector;
use crate::protocol::RuntimeMetric;

/// `runtime.memory.rss`: the memory that is in RAM now. Growing without end under a steady load
/// means a leak, or an allocator that keeps what it freed. Costs about 4 µs.
#[derive(Debug)]
pub(super) struct Memory;

impl MetricCollector for Memory {
    fn collect(&self) -> Vec<RuntimeMetric> {
        match resident() {
            Ok(bytes) => vec![RuntimeMetric::gauge("runtime.memory.rss", bytes).with_unit("bytes")],
            Err(why) => {
                missing("runtime.memory.rss", why);
                Vec::new()
            }
        }
    }

    fn name(&self) -> &'static str {
        "memory"
    }
}

/// Bytes that are resident.
#[cfg(target_os = "linux")]
fn resident() -> Result<u64, String> {
    let pages = procfs::process::Process::myself().and_then(|process| process.statm());
    pages.map(|statm| statm.resident * procfs::page_size()).map_err(|error| error.to_string())
}

#[cfg(not(target_os = "linux"))]
fn resident() -> Result<u64, String> {
    Err("only Linux is read so far".to_owned())
}
