//! Series that nothing was recorded into for long: they are removed, and their room is others'.
//!
//! They are looked for where everything is read, at most so often that none stays an eighth longer than it may.
//! A program that nobody reads removes nothing, and the limits keep it small.

use super::Registry;
use super::family::{Family, Series, SeriesRef};
use super::scan::Scan;
use crate::shard::{self, View};
use crate::snapshot::Reading;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hasher};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Whether any metric's series expire; they hardly ever do.
static EXPIRES: AtomicBool = AtomicBool::new(false);

/// Whether a series may be removed while somebody is about to record into it.
#[inline]
pub(crate) fn expires() -> bool {
    EXPIRES.load(Relaxed)
}

/// Says that some do.
pub(super) fn expire_from_now_on() {
    EXPIRES.store(true, Relaxed);
}

/// How many series may be removed in the life of a program: what a removed one leaves behind is some hundred bytes,
/// which nothing else can use. Beyond, series stay and new ones are folded at the limit.
const REMOVED: usize = 1_000_000;

/// What is known of the series that may expire.
#[derive(Debug, Default)]
pub(super) struct Expiry {
    next: Option<Instant>,
    /// By where a series is: what its value was like, and since when.
    seen: HashMap<usize, (u64, Instant)>,
    scan: Scan,
    removed: usize,
}

impl Registry {
    /// Removes the series that have been idle for too long, if it is time to look.
    pub(super) fn expire(&self) {
        if expires() {
            self.expire_at(Instant::now());
        }
    }

    fn expire_at(&self, now: Instant) {
        // Who comes meanwhile need not wait.
        let Some(mut expiry) = self.expiry.try_lock() else { return };
        if expiry.next.is_some_and(|next| now < next) {
            return;
        }
        let families = self.families.read().all.clone();
        let expiring: Vec<(&'static Family, Duration)> =
            families.into_iter().filter_map(|family| Some((family, family.set().idle_expiry?))).collect();
        let Some(shortest) = expiring.iter().map(|(_, after)| *after).min() else { return };
        expiry.next = now.checked_add((shortest / 8).min(Duration::from_secs(10)));
        let view = shard::ARENA.view();
        let mut still = HashMap::with_capacity(expiry.seen.len());
        let mut idle: Vec<&'static Series> = Vec::new();
        let Expiry { seen, scan, .. } = &mut *expiry;
        for (family, after) in expiring {
            family.scan(scan, |found| {
                if found.labels.schema.names().is_empty() {
                    return;
                }
                let Some(series) = found.series().filter(|series| series.may_expire()) else { return };
                let (place, value) = (std::ptr::from_ref(series).addr(), mark(series, &view));
                let as_before = |(before, _): &&(u64, Instant)| *before == value && !series.take_touched();
                let since = seen.get(&place).filter(as_before).map_or(now, |(_, since)| *since);
                if now.saturating_duration_since(since) >= after {
                    idle.push(series);
                } else {
                    still.insert(place, (value, since));
                }
            });
        }
        for series in idle {
            if expiry.removed == REMOVED {
                crate::status::report(
                    "idle_expiry",
                    format!(
                        "{REMOVED} series have been removed, and no more are: take the label away whose values are ever new"
                    ),
                );
                break;
            }
            // A handle may have been made since.
            if series.may_expire() && self.take_off(&SeriesRef(series)) {
                expiry.removed += 1;
            }
        }
        expiry.seen = still;
    }
}

impl Series {
    fn may_expire(&self) -> bool {
        !self.is_pinned() && !self.is_held() && !self.is_overflow()
    }
}

/// Different for different values, as far as a hash can tell.
fn mark(series: &'static Series, view: &View<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    match series.read(view) {
        Reading::Counter(count) => hasher.write_u64(count),
        Reading::CounterFloat(value) | Reading::Gauge(value) => hasher.write_u64(value.to_bits()),
        Reading::Distribution(seen) => {
            hasher.write_u64(seen.count);
            hasher.write_u64(seen.sum.to_bits());
        }
        Reading::Summary(seen) => {
            hasher.write_u64(seen.count);
            hasher.write_u64(seen.sum.to_bits());
        }
    }
    hasher.finish()
}
