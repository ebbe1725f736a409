//! What counts as trouble, and over how long.

use super::history::READINGS;
use crate::config::{ConfigError, check_interval};
use std::time::Duration;

/// What counts as trouble; see [`health`](crate::health()).
///
/// Ratios are from 0 to 1. A finding is critical where it is far beyond its threshold, or where nothing
/// works any more at all.
///
/// ```
/// let settings = runtime_metrics::HealthSettings::default();
/// assert_eq!(settings.memory_limit_ratio, 0.9);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct HealthSettings {
    /// Time between two readings; five seconds by default.
    pub interval: Duration,
    /// How far back a slow growth is looked for; twenty minutes by default. Nothing is said of a metric's growth
    /// before it has been there for a quarter more than that, so that a program may warm up.
    pub window: Duration,
    /// How many readings in a row have to show a trouble that may also pass: three by default.
    pub sustained: usize,
    /// How long a task that is ready may wait for a worker, at the 99th percentile; 10 ms by default, and five
    /// times that where all workers are idle for more than half of the time: then it is the machine that is busy.
    pub schedule_delay: Duration,
    /// The share of time that workers may be busy; 0.8 by default.
    pub busy_ratio: f64,
    /// How long a worker may be at work without a break, be it in one poll or in 61 that are almost as bad;
    /// 250 ms by default.
    pub blocked_worker: Duration,
    /// How long one poll may take; 50 ms by default.
    pub poll_duration: Duration,
    /// The share of polls that may be slow; 0.01 by default.
    pub slow_polls: f64,
    /// How long a blocking task may wait for a thread; 10 ms by default.
    pub blocking_delay: Duration,
    /// The share of the memory limit that may be used; 0.9 by default.
    pub memory_limit_ratio: f64,
    /// The share of the descriptors that may be open; 0.8 by default.
    pub open_fds_ratio: f64,
    /// The share of the CPU quota's periods that may be throttled; 0.01 by default.
    pub throttled: f64,
    /// How many threads may be ready and have no core on average, for each core that the process may use; 1 by
    /// default. A machine that is busy is no trouble of the program's; one that leaves it no time is.
    pub run_delay: f64,
    /// How many callers may wait for a lock on average; 0.2 by default.
    pub lock_waits: f64,
    /// How much something has to grow over the window to be a leak, as a share; 0.2 by default.
    pub growth: f64,
    /// Memory that grows by less than this is no leak; 32 MiB by default.
    pub leaked_bytes: u64,
    /// Tasks or descriptors that grow by less than this are no leak; 100 by default.
    pub leaked_count: u64,
}

impl Default for HealthSettings {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(5),
            window: Duration::from_secs(1_200),
            sustained: 3,
            schedule_delay: Duration::from_millis(10),
            busy_ratio: 0.8,
            blocked_worker: Duration::from_millis(250),
            poll_duration: Duration::from_millis(50),
            slow_polls: 0.01,
            blocking_delay: Duration::from_millis(10),
            memory_limit_ratio: 0.9,
            open_fds_ratio: 0.8,
            throttled: 0.01,
            run_delay: 1.0,
            lock_waits: 0.2,
            growth: 0.2,
            leaked_bytes: 32 << 20,
            leaked_count: 100,
        }
    }
}

impl HealthSettings {
    /// Whether every setting can be used.
    ///
    /// # Errors
    ///
    /// Names the setting, its value and what it can be.
    ///
    /// ```
    /// let settings = runtime_metrics::HealthSettings { busy_ratio: 80.0, ..Default::default() };
    /// assert!(settings.validate().unwrap_err().to_string().contains("from 0 to 1"));
    /// ```
    pub fn validate(&self) -> Result<(), ConfigError> {
        check_interval("interval", self.interval)?;
        check_interval("window", self.window)?;
        if self.window < self.interval * 8 {
            let mend = "a growth is seen in eight readings at least: make it eight intervals or more";
            return Err(ConfigError::new("window", format!("{:?}", self.window), mend));
        }
        if self.window > self.interval * READINGS as u32 {
            let mend = "more than 1,000 readings of each metric are not kept: make it shorter, or the interval longer";
            return Err(ConfigError::new("window", format!("{:?}", self.window), mend));
        }
        if self.interval * u32::try_from(self.sustained).unwrap_or(u32::MAX).saturating_add(1) > self.window {
            let mend = "so many readings don't fit into the window: use fewer, or a longer window";
            return Err(ConfigError::new("sustained", self.sustained.to_string(), mend));
        }
        if self.sustained == 0 {
            return Err(ConfigError::new(
                "sustained",
                "0",
                "one reading at least has to show a trouble; use 1 or more",
            ));
        }
        for (setting, ratio) in [
            ("busy_ratio", self.busy_ratio),
            ("slow_polls", self.slow_polls),
            ("memory_limit_ratio", self.memory_limit_ratio),
            ("open_fds_ratio", self.open_fds_ratio),
            ("throttled", self.throttled),
        ] {
            if !(0.0..=1.0).contains(&ratio) {
                return Err(ConfigError::new(setting, ratio.to_string(), "it is a share: use a number from 0 to 1"));
            }
        }
        for (setting, share) in
            [("run_delay", self.run_delay), ("lock_waits", self.lock_waits), ("growth", self.growth)]
        {
            if !(share >= 0.0 && share.is_finite()) {
                return Err(ConfigError::new(
                    setting,
                    share.to_string(),
                    "use a number that is not negative, such as 0.2",
                ));
            }
        }
        Ok(())
    }
}
