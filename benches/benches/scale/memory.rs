//! What the process takes of the machine's memory, and of its processors' time.

use std::error::Error;
use std::fs;

/// Bytes that are resident now.
///
/// # Errors
///
/// Where there is no `/proc`.
pub fn resident() -> Result<f64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let kibibytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix("kB"));
    Ok(kibibytes.ok_or("no VmRSS")?.trim().parse::<f64>()? * 1024.0)
}

/// Nanoseconds that all threads that live now have run. Those that wait are counted exactly, one that runs up to its last
/// tick.
///
/// # Errors
///
/// Where there is no `/proc`, or no `schedstat` in it.
pub fn running() -> Result<f64, Box<dyn Error>> {
    let mut nanos = 0.0;
    for task in fs::read_dir("/proc/self/task")? {
        let text = fs::read_to_string(task?.path().join("schedstat"))?;
        nanos += text.split(' ').next().ok_or("an empty schedstat")?.parse::<f64>()?;
    }
    Ok(nanos)
}
