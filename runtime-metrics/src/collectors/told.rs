//! What is told of this process, whoever tells it: `linux` or `elsewhere`.

#[cfg(feature = "process")]
use std::time::Duration;

#[cfg(feature = "memory")]
pub(super) struct Memory {
    pub(super) resident: u64,
    pub(super) peak: Result<u64, String>,
    /// Minor and major.
    pub(super) faults: Result<(u64, u64), String>,
}

#[cfg(feature = "process")]
pub(super) struct Usage {
    /// All CPU time, to the nanosecond.
    pub(super) cpu: Duration,
    /// In user mode and in the kernel, to the tick of 10 ms.
    pub(super) modes: Result<(Duration, Duration), String>,
    pub(super) threads: Result<u64, String>,
    pub(super) uptime: Duration,
}
