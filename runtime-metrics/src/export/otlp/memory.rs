//! What has to be known of earlier requests: since when each series counts, and what of it has been
//! delivered.

use super::Temporality;
use crate::label::LabelSet;
use crate::snapshot::{Reading, Snapshot};
use std::collections::HashMap;
use std::time::{Duration, SystemTime};

/// One entry for each series that has a total, in the last snapshot; what is gone is forgotten.
#[derive(Debug)]
pub(super) struct Memory {
    temporality: Temporality,
    /// When the next delta begins: what was delivered ends there.
    told: SystemTime,
    /// When the last snapshot was taken; before the first, when the program began.
    read: SystemTime,
    /// Of how many snapshots this has been told.
    round: u64,
    families: HashMap<String, HashMap<LabelSet, Known>>,
}

#[derive(Debug)]
struct Known {
    /// When it had nothing yet.
    since: SystemTime,
    /// What it had in the last snapshot.
    total: f64,
    /// In which snapshot it was last.
    round: u64,
    /// For deltas: what has been delivered of it.
    told: Option<Reading>,
    /// For deltas: what will have been, if the last request is.
    read: Option<Reading>,
}

/// The time that a point is of, and what had been told before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Interval<'a> {
    /// Of a delta: where it begins.
    pub(super) from: SystemTime,
    /// When the series had nothing yet.
    pub(super) since: SystemTime,
    pub(super) told: Option<&'a Reading>,
}

impl Memory {
    pub(super) fn new(temporality: Temporality) -> Self {
        let now = SystemTime::now();
        Self { temporality, told: now, read: now, round: 0, families: HashMap::new() }
    }

    pub(super) fn temporality(&self) -> Temporality {
        self.temporality
    }

    /// Reads the totals of a snapshot, and forgets what it does not have.
    pub(super) fn read(&mut self, snapshot: &Snapshot) {
        if self.round == 0 {
            let began = began(snapshot).unwrap_or(self.read).min(snapshot.time);
            (self.told, self.read) = (began, began);
        }
        self.round += 1;
        for family in &snapshot.families {
            for series in &family.series {
                if let Some(total) = total(&series.value) {
                    self.note(&family.name, &series.labels, total, &series.value);
                }
            }
        }
        let Self { round, families, .. } = self;
        families.retain(|_, family| {
            family.retain(|_, known| known.round == *round);
            !family.is_empty()
        });
        self.read = snapshot.time;
    }

    /// Of a series that was not there before, or has less, nothing has been told, and it had nothing
    /// when the last snapshot was taken. That some of it was told before it was removed and made anew
    /// is seen even where no request has been delivered since.
    fn note(&mut self, family: &str, labels: &LabelSet, total: f64, reading: &Reading) {
        let Self { read: before, round, families, .. } = self;
        let fresh = || Known { since: *before, total, round: *round, told: None, read: None };
        if !families.contains_key(family) {
            families.insert(family.to_owned(), HashMap::new());
        }
        let Some(family) = families.get_mut(family) else { return };
        if !family.contains_key(labels) {
            family.insert(labels.clone(), fresh());
        }
        let Some(known) = family.get_mut(labels) else { return };
        if total < known.total {
            *known = fresh();
        }
        (known.total, known.round) = (total, *round);
        // A summary has no deltas.
        if self.temporality == Temporality::Delta && !matches!(reading, Reading::Summary(_)) {
            known.read = Some(reading.clone());
        }
    }

    /// What is known of a series that has a total in the last snapshot.
    pub(super) fn interval(&self, family: &str, labels: &LabelSet) -> Interval<'_> {
        let known = self.families.get(family).and_then(|family| family.get(labels));
        let since = known.map_or(self.told, |known| known.since);
        Interval { from: self.told, since, told: known.and_then(|known| known.told.as_ref()) }
    }

    /// The receiver has taken what the last snapshot became.
    pub(super) fn delivered(&mut self) {
        self.told = self.read;
        for known in self.families.values_mut().flat_map(HashMap::values_mut) {
            if let Some(read) = known.read.take() {
                known.told = Some(read);
            }
        }
    }
}

/// When the program began, as far as the collectors tell.
fn began(snapshot: &Snapshot) -> Option<SystemTime> {
    let uptime = snapshot.family("process.uptime")?.series.first()?;
    let Reading::Gauge(seconds) = uptime.value else { return None };
    snapshot.time.checked_sub(Duration::try_from_secs_f64(seconds).ok()?)
}

/// What only grows while a series is the same; of a gauge there is nothing.
fn total(reading: &Reading) -> Option<f64> {
    match reading {
        Reading::Counter(count) => Some(*count as f64),
        Reading::CounterFloat(count) => Some(*count),
        Reading::Gauge(_) => None,
        Reading::Distribution(seen) => Some(seen.count as f64),
        Reading::Summary(seen) => Some(seen.count as f64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Counter, Gauge, Histogram, registry};

    #[test]
    fn what_is_gone_is_forgotten_and_a_gauge_is_never_kept() {
        Gauge::new("memory_gauge", "Gauge.").register().set(1);
        Counter::new("memory_counter", "Counts.").with_label("a", "b").register().increment();
        Histogram::new("memory_values", "Values.").with_label("a", "b").register().observe(1);
        let snapshot = || {
            let mut snapshot = registry().snapshot();
            snapshot.families.retain(|family| family.name.starts_with("memory_"));
            snapshot
        };
        for temporality in [Temporality::Cumulative, Temporality::Delta] {
            let mut memory = Memory::new(temporality);
            memory.read(&snapshot());
            assert_eq!(memory.families.values().map(HashMap::len).sum::<usize>(), 2);
            let known = memory.families.values().flat_map(HashMap::values);
            assert!(known.into_iter().all(|known| known.read.is_some() == (temporality == Temporality::Delta)));
            memory.read(&Snapshot { families: Vec::new(), ..snapshot() });
            assert!(memory.families.is_empty());
        }
    }
}
