//! What was delivered of each series, so that the next collection tells the difference.

use crate::label::LabelSet;
use crate::snapshot::{FamilySnapshot, Reading, SeriesSnapshot};
use std::collections::HashMap;

#[derive(Debug, Default)]
pub(super) struct Known {
    series: HashMap<String, HashMap<LabelSet, Delivered>>,
    /// How many collections there were.
    round: u64,
}

#[derive(Debug)]
struct Delivered {
    reading: Reading,
    /// The last collection that had this series.
    seen: u64,
}

impl Known {
    /// A collection begins.
    pub(super) fn begin(&mut self) {
        self.round += 1;
    }

    /// What was delivered of a series that is in this collection.
    pub(super) fn before(&mut self, family: &str, labels: &LabelSet) -> Option<&Reading> {
        let known = self.series.get_mut(family)?.get_mut(labels)?;
        known.seen = self.round;
        Some(&known.reading)
    }

    /// Nothing was delivered of this series.
    pub(super) fn forget(&mut self, family: &str, labels: &LabelSet) {
        if let Some(series) = self.series.get_mut(family) {
            series.remove(labels);
        }
    }

    pub(super) fn deliver(&mut self, family: &str, series: &SeriesSnapshot) {
        let (labels, delivered) = (series.labels.clone(), Delivered::new(series, self.round));
        if let Some(known) = self.series.get_mut(family) {
            known.insert(labels, delivered);
        } else {
            self.series.insert(family.to_owned(), HashMap::from([(labels, delivered)]));
        }
    }

    /// What is not known yet counts as delivered.
    pub(super) fn start_from(&mut self, family: &FamilySnapshot) {
        let known = self.series.entry(family.name.clone()).or_default();
        for series in family.series.iter().filter(|series| has_before(&series.value)) {
            known.entry(series.labels.clone()).or_insert_with(|| Delivered::new(series, self.round));
        }
    }

    /// The collection is over: series that it did not have are gone.
    pub(super) fn forget_gone(&mut self) {
        let round = self.round;
        self.series.retain(|_, series| {
            series.retain(|_, known| known.seen == round);
            !series.is_empty()
        });
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.series.values().map(HashMap::len).sum()
    }
}

impl Delivered {
    fn new(series: &SeriesSnapshot, seen: u64) -> Self {
        Self { reading: series.value.clone(), seen }
    }
}

/// Whether something can be gained since this: not where it is told as it is, or no number.
fn has_before(reading: &Reading) -> bool {
    match reading {
        Reading::Gauge(_) => false,
        Reading::CounterFloat(value) => value.is_finite(),
        _ => true,
    }
}
