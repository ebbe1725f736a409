//! CPU time, threads, file descriptors and uptime of the process.

use super::missing;
use crate::collect::MetricCollector;
use crate::lock::Mutex;
use crate::protocol::RuntimeMetric;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// What the process uses. One collection costs about 50 µs, whatever the number of descriptors.
///
/// * `process.cpu.usage`, percent of one core (it may exceed 100): near 100 times the number of
///   cores, work queues up. `process.cpu.user_time` and `.system_time` are what it is made of.
/// * `process.threads.count`, also as `runtime.threads.active`, and the most ever seen as
///   `runtime.threads.peak`: growing means that threads are started and not joined.
/// * `process.open_fds` and `.limit`: growing means that files or sockets are not closed; at the
///   limit nothing can be opened or accepted any more.
/// * `process.uptime`: falling back to zero means a restart.
#[derive(Debug, Default)]
pub(super) struct Process {
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    peak_threads: u64,
    /// CPU time at recent collections, oldest first.
    cpu: VecDeque<(Instant, Duration)>,
}

/// CPU usage is told over at least this long, however often anybody asks.
const WINDOW: Duration = Duration::from_secs(1);

impl MetricCollector for Process {
    fn collect(&self) -> Vec<RuntimeMetric> {
        let mut metrics = Vec::with_capacity(9);
        match stat() {
            Ok(stat) => self.push_stat(&stat, &mut metrics),
            Err(why) => missing("process", why),
        }
        match descriptors() {
            Ok(count) => metrics.push(RuntimeMetric::gauge("process.open_fds", count).with_unit("count")),
            Err(why) => missing("process.open_fds", why),
        }
        match descriptor_limit() {
            Ok(limit) => metrics
                .extend(limit.map(|limit| RuntimeMetric::gauge("process.open_fds.limit", limit).with_unit("count"))),
            Err(why) => missing("process.open_fds.limit", why),
        }
        metrics
    }

    fn name(&self) -> &'static str {
        "process"
    }
}

/// What the system says of the process.
struct Stat {
    user: Duration,
    system: Duration,
    threads: u64,
    uptime: Option<Duration>,
}

impl Process {
    fn push_stat(&self, stat: &Stat, metrics: &mut Vec<RuntimeMetric>) {
        let millis = |time: Duration| time.as_millis() as u64;
        metrics.push(RuntimeMetric::counter("process.cpu.user_time", millis(stat.user)).with_unit("milliseconds"));
        metrics.push(RuntimeMetric::counter("process.cpu.system_time", millis(stat.system)).with_unit("milliseconds"));

        let mut seen = self.seen.lock();
        if let Some(percent) = seen.cpu_usage(Instant::now(), stat.user + stat.system) {
            metrics.push(RuntimeMetric::gauge("process.cpu.usage", percent).with_unit("percent"));
        }
        seen.peak_threads = seen.peak_threads.max(stat.threads);
        for (name, count) in [
            ("process.threads.count", stat.threads),
            ("runtime.threads.active", stat.threads),
            ("runtime.threads.peak", seen.peak_threads),
        ] {
            metrics.push(RuntimeMetric::gauge(name, count).with_unit("count"));
        }
        if let Some(uptime) = stat.uptime {
            metrics.push(RuntimeMetric::gauge("process.uptime", uptime.as_secs_f64()).with_unit("seconds"));
        }
    }
}

impl Seen {
    /// Percent of a core since the newest collection that is at least `WINDOW` old; nothing at
    /// the very first.
    fn cpu_usage(&mut self, now: Instant, cpu: Duration) -> Option<f64> {
        while self.cpu.get(1).is_some_and(|(when, _)| now.duration_since(*when) >= WINDOW) {
            self.cpu.pop_front();
        }
        let base = self.cpu.front().copied();
        // Asked again and again within the window, one sample per tenth of it is enough.
        if self.cpu.back().is_none_or(|(when, _)| now.duration_since(*when) >= WINDOW / 10) {
            self.cpu.push_back((now, cpu));
        }
        let (when, before) = base?;
        let wall = now.duration_since(when);
        // The system counts CPU time in steps of 10 ms: over less than this, it is noise.
        (wall >= WINDOW / 10).then(|| cpu.saturating_sub(before).as_secs_f64() / wall.as_secs_f64() * 100.0)
    }
}

#[cfg(target_os = "linux")]
fn stat() -> Result<Stat, String> {
    let stat =
        procfs::process::Process::myself().and_then(|process| process.stat()).map_err(|error| error.to_string())?;
    let ticks = procfs::ticks_per_second() as f64;
    let since_boot = |ticks_passed: u64| Duration::from_secs_f64(ticks_passed as f64 / ticks);
    let up = std::fs::read_to_string("/proc/uptime").ok().and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    Ok(Stat {
        user: since_boot(stat.utime),
        system: since_boot(stat.stime),
        threads: u64::try_from(stat.num_threads).unwrap_or(0),
        uptime: up.map(|up| Duration::from_secs_f64(up.max(0.0)).saturating_sub(since_boot(stat.starttime))),
    })
}

#[cfg(not(target_os = "linux"))]
fn stat() -> Result<Stat, String> {
    Err("only Linux is read so far".to_owned())
}

/// Descriptors that are open. Since Linux 6.2 the size of the directory is their number; listing
/// them, as before, takes milliseconds when there are thousands.
#[cfg(target_os = "linux")]
fn descriptors() -> Result<u64, String> {
    let directory = "/proc/self/fd";
    let size = std::fs::metadata(directory).map_err(|error| format!("{directory}: {error}"))?.len();
    if size > 0 {
        return Ok(size);
    }
    let listed = std::fs::read_dir(directory).map_err(|error| format!("{directory}: {error}"))?.count() as u64;
    // The listing has the directory itself open.
    Ok(listed.saturating_sub(1))
}

#[cfg(not(target_os = "linux"))]
fn descriptors() -> Result<u64, String> {
    Err("only Linux is read so far".to_owned())
}

/// The most descriptors there may be; `None` where there is no limit.
#[cfg(target_os = "linux")]
fn descriptor_limit() -> Result<Option<u64>, String> {
    use procfs::process::{LimitValue, Process};
    let limits = Process::myself().and_then(|process| process.limits()).map_err(|error| error.to_string())?;
    Ok(match limits.max_open_files.soft_limit {
        LimitValue::Value(limit) => Some(limit),
        LimitValue::Unlimited => None,
    })
}

#[cfg(not(target_os = "linux"))]
fn descriptor_limit() -> Result<Option<u64>, String> {
    Err("only Linux is read so far".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_usage_is_told_over_a_window_however_often_it_is_asked() {
        let mut seen = Seen::default();
        let start = Instant::now();
        let at = |millis: u64| start + Duration::from_millis(millis);
        assert_eq!(seen.cpu_usage(at(0), Duration::ZERO), None);
        // Half a core, asked every 200 ms and twice within a millisecond.
        for step in 1..=20 {
            let cpu = Duration::from_millis(step * 100);
            let usage = seen.cpu_usage(at(step * 200), cpu).unwrap();
            assert!((usage - 50.0).abs() < 1e-6, "{usage}");
            let again = seen.cpu_usage(at(step * 200 + 1), cpu).unwrap();
            assert!((again - 50.0).abs() < 1.0, "{again}");
        }
    }
}
