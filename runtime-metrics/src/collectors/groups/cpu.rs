//! What the control group's CPU quota cost.

use super::{Found, Group, Version, field, strange, text};
use crate::collectors::kept::Kept;
use std::path::{Path, PathBuf};
use std::time::Duration;

#[derive(Debug, Default)]
pub(in crate::collectors) struct Cpu {
    pub(super) group: Found,
    /// The level that has the quota.
    pub(super) quota: Kept<Option<PathBuf>>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::collectors) struct Throttling {
    pub(in crate::collectors) periods: u64,
    pub(in crate::collectors) throttled: u64,
    pub(in crate::collectors) time: Duration,
}

impl Cpu {
    /// `None` where there is no quota.
    pub(in crate::collectors) fn throttling(&self) -> Result<Option<Throttling>, String> {
        let Some(group) = self.group.get("cpu")? else { return Ok(None) };
        let Some(level) = self.quota.get(|| quota(group)) else { return Ok(None) };
        let file = level.join("cpu.stat");
        let Some(text) = text(&file)? else { return Ok(None) };
        let time = match group.version {
            Version::Two => field(&text, "throttled_usec").map(Duration::from_micros),
            Version::One => field(&text, "throttled_time").map(Duration::from_nanos),
        };
        match (field(&text, "nr_periods"), field(&text, "nr_throttled"), time) {
            (Some(periods), Some(throttled), Some(time)) => Ok(Some(Throttling { periods, throttled, time })),
            _ => Err(strange(&file)),
        }
    }
}

/// The nearest level that has a quota.
fn quota(group: &Group) -> Option<PathBuf> {
    let file = if group.version == Version::Two { "cpu.max" } else { "cpu.cfs_quota_us" };
    // What is not a number is `max`, and below zero in version 1.
    let is_quota = |text: &str| text.split_whitespace().next().is_some_and(|quota| quota.parse::<u64>().is_ok());
    let has_quota = |level: &&Path| text(&level.join(file)).ok().flatten().is_some_and(|text| is_quota(&text));
    group.levels().find(has_quota).map(Path::to_owned)
}
