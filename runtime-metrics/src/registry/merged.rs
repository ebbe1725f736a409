//! Series that became one: sites and handles write to slots that can't be changed while the program runs, so where a
//! rule makes their labels equal, what they hold is added up when it is read.

use super::family::{Family, Series, SeriesRef};
use crate::settings::Ruled;
use crate::shard::View;
use crate::snapshot::Reading;

/// What a series is besides its own slots.
pub(super) type Others = Vec<SeriesRef>;

impl Family {
    /// Lets some series be told as one of these labels, with what is counted for these labels from now on.
    pub(super) fn merge(&'static self, labels: &Ruled, members: &[SeriesRef]) {
        let mut all = self.series.write();
        let known = all.get(labels.iter());
        let merged = known.clone().filter(|known| known.is_merged()).or_else(|| {
            if let Some(known) = &known {
                all.remove(known);
                known.set_removed();
            }
            self.put_merged(&mut all, labels)
        });
        drop(all);
        // No slots are left: they are not told at all.
        let Some(merged) = merged else { return };
        for member in known.iter().filter(|known| !known.is_merged()).chain(members) {
            // What somebody may still ask them for is what may be known.
            member.set_text(merged.text());
            self.merged.lock().entry(merged.address()).or_default().push(member.clone());
        }
    }

    /// Whether there are any.
    pub(super) fn has_merged(&self) -> bool {
        !self.merged.lock().is_empty()
    }
}

impl Series {
    /// Where it is, which tells it from all others.
    fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// What it holds, and what those hold that it stands for.
    pub(super) fn read_merged(&self, view: &View<'_>) -> Reading {
        let others = self.family().merged.lock().get(&self.address()).cloned().unwrap_or_default();
        others.iter().fold(self.read_own(view), |sum, other| sum.plus(other.read(view)))
    }
}
