//! Which series changed since they were last sent.

use super::ledger;
use crate::protocol::RuntimeMetrics;
use crate::registry::Identity;
use crate::snapshot::{Distribution, Reading, Snapshot, SummarySnapshot};
use crate::{hash, label::LabelSet};
use std::collections::HashMap;

/// A fingerprint of each series as it was last sent.
#[derive(Debug, Default)]
pub(super) struct Changes {
    sent: HashMap<String, HashMap<LabelSet, u64>>,
    identity: Identity,
}

impl Changes {
    /// What has to be sent of a snapshot: all of it if `full`, else what changed; none if nothing
    /// did.
    pub(super) fn of(&mut self, snapshot: &Snapshot, full: bool) -> Option<RuntimeMetrics> {
        let full = full || self.identity != snapshot.identity;
        if full {
            self.identity = snapshot.identity.clone();
            // Series that are gone are forgotten.
            self.sent.clear();
        }
        let mut any = full;
        let payload = RuntimeMetrics::only(snapshot, |family, series| {
            let now = fingerprint(&series.value);
            if !self.sent.contains_key(&family.name) {
                self.sent.insert(family.name.clone(), HashMap::new());
            }
            let Some(known) = self.sent.get_mut(&family.name) else { return true };
            let changed = known.insert(series.labels.clone(), now) != Some(now);
            // That something was sent is no reason to send something.
            any |= changed && family.name != ledger::SENT;
            changed
        });
        any.then_some(payload)
    }
}

fn fingerprint(value: &Reading) -> u64 {
    match value {
        Reading::Counter(count) => *count,
        Reading::CounterFloat(value) | Reading::Gauge(value) => value.to_bits(),
        Reading::Distribution(Distribution { count, sum, .. }) => of_words(&[*count, sum.to_bits()]),
        Reading::Summary(SummarySnapshot { count, sum, quantiles, .. }) => {
            let quantiles = quantiles.iter().map(|(_, value)| value.map_or(0, f64::to_bits));
            of_words(&[*count, sum.to_bits()].into_iter().chain(quantiles).collect::<Vec<_>>())
        }
    }
}

fn of_words(words: &[u64]) -> u64 {
    hash::bytes(&words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Counter, Histogram, registry};

    #[test]
    fn only_what_changed_is_sent_and_everything_when_all_is_due() {
        let counter = Counter::new("changes_counter", "Counts.").with_label("which", "moving").register();
        Counter::new("changes_counter", "Counts.").with_label("which", "still").register().increment();
        let histogram = Histogram::new("changes_histogram", "Values.").register();
        let mut changes = Changes::default();
        // Other tests record at the same time: only these are looked at.
        let mut sent = |full| {
            let snapshot = registry().snapshot();
            let families = snapshot.families.iter().filter(|family| family.name.starts_with("changes_")).cloned();
            let ours = Snapshot { families: families.collect(), ..snapshot.clone() };
            let payload = changes.of(&ours, full)?;
            Some(payload.metrics.len())
        };
        let all = sent(false).unwrap();
        assert!(all >= 4, "{all}");
        assert_eq!(sent(false), None);
        counter.increment();
        assert_eq!(sent(false), Some(1));
        histogram.observe(2);
        assert_eq!(sent(false), Some(8));
        assert_eq!(sent(false), None);
        assert_eq!(sent(true), Some(all + 6));
    }
}
