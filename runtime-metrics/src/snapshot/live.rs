//! What is recorded, shown as it is read: for readers that want no copy of it.

use super::{FamilySnapshot, Reading, SeriesSnapshot, SummarySnapshot};
use crate::exemplar::{self, Exemplar};
use crate::metric::{Buckets, Kind};
use crate::names::Exposed;
pub(crate) use crate::registry::Labels;
use crate::registry::{Family, Registry, Scan};
use crate::shard::{self, View};
use std::borrow::Cow;

/// All that is recorded. Kept and refreshed, it allocates nothing.
#[derive(Debug)]
pub(crate) struct Live {
    view: View<'static>,
    scan: Scan,
    families: Vec<&'static Family>,
    exemplars: Vec<Exemplar>,
}

/// A reading, with what is long in it borrowed.
#[derive(Clone, Debug)]
pub(crate) enum Value<'a> {
    Counter(u64),
    CounterFloat(f64),
    Gauge(f64),
    Distribution { buckets: Buckets, counts: Cow<'a, [u64]>, sum: f64 },
    Summary(Cow<'a, SummarySnapshot>),
}

impl From<Reading> for Value<'_> {
    fn from(reading: Reading) -> Self {
        match reading {
            Reading::Counter(count) => Self::Counter(count),
            Reading::CounterFloat(count) => Self::CounterFloat(count),
            Reading::Gauge(value) => Self::Gauge(value),
            Reading::Distribution(seen) => {
                Self::Distribution { buckets: seen.buckets, counts: seen.counts.into(), sum: seen.sum }
            }
            Reading::Summary(seen) => Self::Summary(Cow::Owned(seen)),
        }
    }
}

impl<'a> From<&'a Reading> for Value<'a> {
    fn from(reading: &'a Reading) -> Self {
        match reading {
            Reading::Counter(count) => Self::Counter(*count),
            Reading::CounterFloat(count) => Self::CounterFloat(*count),
            Reading::Gauge(value) => Self::Gauge(*value),
            Reading::Distribution(seen) => {
                Self::Distribution { buckets: seen.buckets, counts: (&*seen.counts).into(), sum: seen.sum }
            }
            Reading::Summary(seen) => Self::Summary(Cow::Borrowed(seen)),
        }
    }
}

/// What is said of a family.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head<'a> {
    pub(crate) name: &'a str,
    /// What its readings are.
    pub(crate) kind: Kind,
    pub(crate) help: &'a str,
    pub(crate) exposed: &'a Exposed,
}

/// What a family consists of: first its head, if it has any series, then those.
#[derive(Debug)]
pub(crate) enum Shown<'a> {
    Family(Head<'a>),
    Series(Labels<'a>, Value<'a>, &'a [Exemplar]),
}

impl FamilySnapshot {
    pub(crate) fn head(&self) -> Head<'_> {
        Head { name: &self.name, kind: self.kind, help: &self.help, exposed: &self.exposed }
    }
}

impl Live {
    pub(crate) fn new() -> Self {
        Self { view: View::of(&shard::ARENA), scan: Scan::default(), families: Vec::new(), exemplars: Vec::new() }
    }

    /// Reads everything anew.
    pub(crate) fn refresh(&mut self, registry: &Registry) {
        let slots = registry.list(&mut self.families);
        self.view.add_up(slots);
    }

    /// Copies of families with at most so many series, until there are enough series.
    #[cfg(feature = "sentry")]
    pub(super) fn copy_small(&mut self, registry: &Registry, at_most: usize, enough: usize) -> Vec<FamilySnapshot> {
        // Slot by slot, since they are few.
        registry.list(&mut self.families);
        self.view = shard::ARENA.view();
        let mut series = 0;
        let mut copies = Vec::new();
        for at in 0..self.families.len() {
            let count = self.families[at].len();
            if series < enough && (1..=at_most).contains(&count) {
                series += count;
                copies.push(self.copy(at));
            }
        }
        copies
    }

    /// How many families there are, sorted by name.
    pub(crate) fn len(&self) -> usize {
        self.families.len()
    }

    pub(crate) fn exposed(&self, family: usize) -> &'static Exposed {
        &self.families[family].exposed
    }

    /// What its readings are.
    pub(crate) fn kind(&self, family: usize) -> Kind {
        self.families[family].kind.read_as()
    }

    pub(crate) fn name(&self, family: usize) -> &'static str {
        &self.families[family].name
    }

    /// Shows a family, with its series in the order of their labels; their exemplars to those who
    /// ask for them.
    pub(crate) fn show(&mut self, at: usize, with_exemplars: bool, mut show: impl FnMut(Shown<'_>)) {
        let Self { view, scan, families, exemplars } = self;
        let family = families[at];
        let with_exemplars = with_exemplars && exemplar::any();
        exemplars.clear();
        if with_exemplars {
            // As many as a series can have: those that are new since the last scrape need no more.
            exemplars.reserve(Buckets::MAX + 1);
        }
        let mut first = true;
        family.scan(scan, |found| {
            if std::mem::take(&mut first) {
                let text = family.text.lock();
                let kind = family.kind.read_as();
                show(Shown::Family(Head { name: &family.name, kind, help: &text.help, exposed: &family.exposed }));
            }
            if let Some(value) = family.value(&found, view) {
                if with_exemplars {
                    exemplars.clear();
                    family.exemplars(&found, &value, exemplars);
                }
                show(Shown::Series(found.labels, value, exemplars));
            }
        });
    }

    /// A family with all its series, as one who wants to keep it needs it.
    pub(super) fn copy(&mut self, at: usize) -> FamilySnapshot {
        let Self { view, scan, families, .. } = self;
        let family = families[at];
        let mut series = Vec::new();
        let with_exemplars = exemplar::any();
        family.scan(scan, |found| {
            let Some(value) = found.series().map(|series| series.read(view)) else { return };
            let mut exemplars = Vec::new();
            if with_exemplars {
                family.exemplars(&found, &Value::from(&value), &mut exemplars);
            }
            series.push(SeriesSnapshot { labels: found.labels.to_set(), value, exemplars });
        });
        let text = family.text.lock();
        FamilySnapshot {
            name: family.name.to_string(),
            kind: family.kind.read_as(),
            help: text.help.to_string(),
            unit: text.unit.to_string(),
            exposed: family.exposed.clone(),
            series,
        }
    }
}
