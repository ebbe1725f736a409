//! What comes beyond the limit of a metric: it goes to one series, is counted, and is told once. There may be
//! millions of it, each with labels that nobody has seen, so this takes no allocation and no lock that others wait for.

use super::family::{Family, SeriesRef};
use super::shelf::Shelf;
use super::{Limits, Registry};
use crate::label::LabelSet;
use crate::settings::Ruled;
use crate::status::report;
use crate::{internal, metric};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering::Relaxed};

/// The label of the one series that stands for all that came after the limit.
pub(super) const OVERFLOW: [(&str, &str); 1] = [("overflow", "true")];

/// That series, by its labels: others besides, where a family is shared by several that have their own.
#[derive(Debug)]
pub(crate) struct Rest {
    labels: Ruled,
    /// Once it was found, so that it is looked up no more.
    known: OnceLock<SeriesRef>,
}

impl Rest {
    /// Of what has these labels besides.
    pub(crate) fn of(labels: &Ruled) -> Self {
        Self { labels: labels.and_own(OVERFLOW), known: OnceLock::new() }
    }

    pub(crate) fn labels(&self) -> &Ruled {
        &self.labels
    }

    fn find(&self, all: &Shelf) -> Option<SeriesRef> {
        if let Some(known) = self.known.get().filter(|known| !known.is_removed()) {
            return Some(known.clone());
        }
        let found = all.get(self.labels.iter())?;
        let _ = self.known.set(found.clone());
        Some(found)
    }
}

/// What a family knows of what it has folded.
#[derive(Debug, Default)]
pub(super) struct Folded {
    /// Made with the first, for most families have none.
    rest: OnceLock<Rest>,
    /// Where that is counted.
    count: OnceLock<SeriesRef>,
    /// How often limits had been set when it was told.
    told: AtomicU32,
    /// The limit that it has for itself; beyond all series there can be, where it has none.
    limit: AtomicUsize,
}

impl Folded {
    pub(super) fn with_limit(limit: Option<usize>) -> Self {
        let folded = Self::default();
        folded.set_limit(limit);
        folded
    }

    pub(super) fn set_limit(&self, limit: Option<usize>) {
        self.limit.store(limit.unwrap_or(usize::MAX), Relaxed);
    }

    fn limit(&self) -> Option<usize> {
        Some(self.limit.load(Relaxed)).filter(|limit| *limit != usize::MAX)
    }
}

impl Family {
    /// The series with these labels or, at the limit, that of the rest; `counts` says that this is
    /// for a record, which is then counted as folded. `None` where one has to be made.
    pub(crate) fn find_or_fold<'a, 'b>(
        &self,
        labels: impl Iterator<Item = (&'a str, &'a str)> + Clone,
        rest: impl FnOnce() -> &'b Rest,
        counts: bool,
    ) -> Option<SeriesRef> {
        let (series, folded) = self.find_or_rest(&self.series.read(), labels, rest)?;
        if folded && counts {
            self.count_folded();
        }
        Some(series)
    }

    /// The same, and whether it is that of the rest, which is then yet to be counted: not under the lock, since it
    /// counts in another family.
    pub(super) fn find_or_rest<'a, 'b>(
        &self,
        all: &Shelf,
        labels: impl Iterator<Item = (&'a str, &'a str)> + Clone,
        rest: impl FnOnce() -> &'b Rest,
    ) -> Option<(SeriesRef, bool)> {
        if let Some(known) = all.get(labels) {
            return Some((known, false));
        }
        if self.has_room_in(all) {
            return None;
        }
        Some((rest().find(all)?, true))
    }

    /// What stands for the rest, where it is not shared.
    pub(super) fn rest(&self) -> &Rest {
        self.folded.rest.get_or_init(|| Rest::of(&Ruled::own(LabelSet::default())))
    }

    /// Whether one more series may be made.
    pub(crate) fn has_room(&self) -> bool {
        self.has_room_in(&self.series.read())
    }

    /// All but the series for those beyond the limit count against it.
    pub(super) fn has_room_in(&self, all: &Shelf) -> bool {
        let limit = self.folded.limit();
        let room = |series| self.registry.has_room(series, limit);
        room(all.live()) || room(all.live().saturating_sub(1)) && all.get(OVERFLOW.into_iter()).is_some()
    }

    /// Counts a record that went to the rest, and tells of the first.
    pub(crate) fn count_folded(&self) {
        let Folded { count, told, .. } = &self.folded;
        match count.get() {
            Some(count) if !count.is_removed() => metric::add_to_counter(count.slot(), 1),
            _ => {
                if let Some(counted) = internal::overflowed(&self.name) {
                    let _ = count.set(counted);
                }
            }
        }
        let set = self.registry.limits_set.load(Relaxed);
        if told.load(Relaxed) != set && told.swap(set, Relaxed) != set {
            self.tell_of_limit(*self.registry.limits.lock());
        }
    }

    fn tell_of_limit(&self, Limits { series_per_metric, series }: Limits) {
        let series_per_metric = self.folded.limit().unwrap_or(series_per_metric);
        report(
            self.name.as_ref(),
            format!(
                "has more label sets than the limit of {series_per_metric} (in all: {series}); new ones are folded into the series overflow=\"true\". \
                 Remove the label that has too many values, or raise the limit with registry().set_limits"
            ),
        );
    }
}

impl Registry {
    fn has_room(&self, in_family: usize, limit: Option<usize>) -> bool {
        let limit = limit.unwrap_or_else(|| self.per_metric.load(Relaxed));
        in_family < limit && self.series.load(Relaxed) < self.total.load(Relaxed)
    }

    /// Sets how many series there may be from now on. Series that exist stay.
    ///
    /// ```
    /// runtime_metrics::registry().set_limits(runtime_metrics::Limits::default());
    /// ```
    pub fn set_limits(&self, limits: Limits) {
        *self.limits.lock() = limits;
        self.per_metric.store(limits.series_per_metric, Relaxed);
        self.total.store(limits.series, Relaxed);
        // Whoever is beyond these as well tells so.
        self.limits_set.fetch_add(1, Relaxed);
    }
}
