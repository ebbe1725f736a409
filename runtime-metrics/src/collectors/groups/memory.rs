//! How much memory the control group may use, and what happened because it may use no more.

use super::{Found, Group, Version, field, strange, text};
use crate::collectors::kept::Kept;
use std::path::{Path, PathBuf};
use std::time::Duration;

#[derive(Debug, Default)]
pub(in crate::collectors) struct Memory {
    pub(super) group: Found,
    /// The levels that limit it, and their limits.
    pub(super) limited: Kept<Result<Vec<(PathBuf, u64)>, String>>,
}

/// What the limits of the group and of those around it come to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::collectors) struct Limit {
    /// The least of them: more it can't use.
    pub(in crate::collectors) bytes: u64,
    /// Share that is used of the one that is nearest to being reached, which may be another: a group around
    /// it has others in it. Files that the kernel would drop first don't count.
    pub(in crate::collectors) ratio: f64,
}

impl Memory {
    fn group(&self) -> Result<Option<&Group>, String> {
        self.group.get("memory")
    }

    /// What limits this process; `None` where nothing does.
    pub(in crate::collectors) fn limit(&self) -> Result<Option<Limit>, String> {
        let Some(group) = self.group()? else { return Ok(None) };
        let mut nearest: Option<Limit> = None;
        for (level, bytes) in self.limited.get(|| limits(group))? {
            let ratio = used(group, &level)? as f64 / bytes as f64;
            let others = nearest.unwrap_or(Limit { bytes, ratio });
            nearest = Some(Limit { bytes: bytes.min(others.bytes), ratio: ratio.max(others.ratio) });
        }
        Ok(nearest)
    }

    /// How often the kernel ended a process of the group; `None` where there is no group.
    pub(in crate::collectors) fn oom_kills(&self) -> Result<Option<u64>, String> {
        let Some(group) = self.group()? else { return Ok(None) };
        let file = if group.version == Version::Two { "memory.events" } else { "memory.oom_control" };
        Ok(text(&group.own.join(file))?.and_then(|text| field(&text, "oom_kill")))
    }

    /// How long some task waited for memory, and whose tasks: those of the group, or of the machine.
    pub(in crate::collectors) fn stall(&self) -> Result<(Duration, &'static str), String> {
        let own = self.group()?.filter(|group| group.version == Version::Two);
        let own = own.map(|group| (group.own.join("memory.pressure"), "group"));
        for (file, scope) in own.into_iter().chain([("/proc/pressure/memory".into(), "machine")]) {
            if let Some(text) = text(&file)? {
                let some = text.lines().find(|line| line.starts_with("some "));
                let total = some.and_then(|line| line.rsplit_once("total=")?.1.trim().parse().ok());
                return total.map(|total| (Duration::from_micros(total), scope)).ok_or_else(|| strange(&file));
            }
        }
        Err("the kernel has no /proc/pressure/memory".to_owned())
    }
}

/// The levels that have a limit.
fn limits(group: &Group) -> Result<Vec<(PathBuf, u64)>, String> {
    /// Version 1 has no word for no limit, but the largest number of whole pages.
    const NONE: u64 = 1 << 60;
    let file = if group.version == Version::Two { "memory.max" } else { "memory.limit_in_bytes" };
    let mut limits = Vec::new();
    for level in group.levels() {
        // What is not a number is `max`.
        let limit = text(&level.join(file))?.and_then(|text| text.trim().parse::<u64>().ok());
        let limit = limit.filter(|&limit| 0 < limit && limit < NONE);
        limits.extend(limit.map(|limit| (level.to_owned(), limit)));
    }
    Ok(limits)
}

fn used(group: &Group, level: &Path) -> Result<u64, String> {
    let (used, inactive) = match group.version {
        Version::Two => ("memory.current", "inactive_file"),
        Version::One => ("memory.usage_in_bytes", "total_inactive_file"),
    };
    let used = level.join(used);
    let bytes = text(&used)?.and_then(|text| text.trim().parse::<u64>().ok()).ok_or_else(|| strange(&used))?;
    let droppable = text(&level.join("memory.stat"))?.and_then(|text| field(&text, inactive));
    Ok(bytes.saturating_sub(droppable.unwrap_or(0)))
}
