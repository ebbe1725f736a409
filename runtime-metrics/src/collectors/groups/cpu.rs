//! What the control group's CPU quota cost.

use super::{Found, Group, Version, field, strange, text};
use crate::collectors::kept::Kept;
use crate::lock::Mutex;
use std::path::{Path, PathBuf};
use std::time::Duration;

#[derive(Debug, Default)]
pub(in crate::collectors) struct Cpu {
    pub(super) group: Found,
    /// The levels that have a quota.
    pub(super) quotas: Kept<Vec<PathBuf>>,
    pub(super) told: Mutex<Told>,
}

/// What was told, and what each level with a quota had at that time.
#[derive(Debug, Default)]
pub(super) struct Told {
    total: Throttling,
    seen: Vec<(PathBuf, Throttling)>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(in crate::collectors) struct Throttling {
    pub(in crate::collectors) periods: u64,
    pub(in crate::collectors) throttled: u64,
    pub(in crate::collectors) time: Duration,
}

impl Cpu {
    /// What the quota cost that costs most, of the group's own and of those around it; `None` where there is
    /// no quota.
    pub(in crate::collectors) fn throttling(&self) -> Result<Option<Throttling>, String> {
        let Some(group) = self.group.get("cpu")? else { return Ok(None) };
        // Before they are read: who else collects must not have read them later.
        let mut told = self.told.lock();
        let mut levels = Vec::new();
        for level in self.quotas.get(|| quotas(group)) {
            if let Some(now) = Throttling::of(&level, group.version)? {
                levels.push((level, now));
            }
        }
        Ok(told.add(levels))
    }
}

impl Told {
    /// Adds what the level gained that gained most. It may be another one each time, of which the totals know
    /// nothing: they only grow.
    fn add(&mut self, levels: Vec<(PathBuf, Throttling)>) -> Option<Throttling> {
        let first = self.seen.is_empty();
        let gained = levels.iter().map(|(level, now)| {
            let before = self.seen.iter().find(|(seen, _)| seen == level).map(|(_, before)| *before);
            // A level that has got a quota since tells from now on.
            now.since(before.unwrap_or(if first { Throttling::default() } else { *now }))
        });
        // The nearest of those that gained alike.
        let most = gained.rev().max_by_key(|gained| gained.time)?;
        self.total = self.total.plus(most);
        self.seen = levels;
        Some(self.total)
    }
}

impl Throttling {
    fn of(level: &Path, version: Version) -> Result<Option<Self>, String> {
        let file = level.join("cpu.stat");
        let Some(text) = text(&file)? else { return Ok(None) };
        let time = match version {
            Version::Two => field(&text, "throttled_usec").map(Duration::from_micros),
            Version::One => field(&text, "throttled_time").map(Duration::from_nanos),
        };
        match (field(&text, "nr_periods"), field(&text, "nr_throttled"), time) {
            (Some(periods), Some(throttled), Some(time)) => Ok(Some(Self { periods, throttled, time })),
            _ => Err(strange(&file)),
        }
    }

    fn since(self, before: Self) -> Self {
        Self {
            periods: self.periods.saturating_sub(before.periods),
            throttled: self.throttled.saturating_sub(before.throttled),
            time: self.time.saturating_sub(before.time),
        }
    }

    fn plus(self, more: Self) -> Self {
        Self {
            periods: self.periods + more.periods,
            throttled: self.throttled + more.throttled,
            time: self.time + more.time,
        }
    }
}

/// The levels that have a quota, the nearest first.
fn quotas(group: &Group) -> Vec<PathBuf> {
    let file = if group.version == Version::Two { "cpu.max" } else { "cpu.cfs_quota_us" };
    // What is not a number is `max`, and below zero in version 1.
    let is_quota = |text: &str| text.split_whitespace().next().is_some_and(|quota| quota.parse::<u64>().is_ok());
    let has_quota = |level: &&Path| text(&level.join(file)).ok().flatten().is_some_and(|text| is_quota(&text));
    group.levels().filter(has_quota).map(Path::to_owned).collect()
}
