//! A family: all series of one metric, and the limit on how many there may be.

use super::definition::{Definition, Shape, Source};
use super::{Registry, cache};
use crate::label::{Label, LabelSet, LabelText, LabelValue};
use crate::metric::{self, Kind};
use crate::names::{self, Exposed};
use crate::shard::{self, View};
use crate::snapshot::Reading;
use crate::sync::Ordering::Relaxed;
use parking_lot::{Mutex, RwLock};
use rustc_hash::FxHashMap;
use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// All series of one metric.
#[derive(Debug)]
pub(crate) struct Family {
    pub(crate) name: Cow<'static, str>,
    pub(crate) kind: Kind,
    pub(crate) shape: Shape,
    pub(crate) exposed: Exposed,
    pub(crate) source: Option<Source>,
    /// What later definitions may still fill in.
    pub(crate) text: Mutex<Text>,
    pub(crate) series: RwLock<FxHashMap<LabelSet, SeriesRef>>,
    registry: &'static Registry,
}

/// What is said of a family: the first definition that says it counts.
#[derive(Clone, Debug)]
pub(crate) struct Text {
    pub(crate) help: Cow<'static, str>,
    pub(crate) unit: Cow<'static, str>,
    pub(crate) keys: Option<&'static [&'static str]>,
}

/// A series that is shared by its handles, its family and the threads' caches.
pub(crate) type SeriesRef = Arc<Series>;

/// One series: labels, and the slots that hold its value.
#[derive(Debug)]
pub struct Series {
    slots: Slots,
    labels: LabelSet,
    family: &'static Family,
    /// Part of the program's text: a site writes to it without looking it up.
    pinned: AtomicBool,
    removed: AtomicBool,
}

/// Where the value of a series is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Slots {
    /// The kind's own slots, from this one on.
    Own(u32),
    /// A gauge: what was started less what has finished.
    Difference { started: u32, finished: u32 },
    /// A counter that is the sum of two.
    Sum(u32, u32),
    /// A counter of seconds that is kept in nanoseconds.
    Nanos(u32),
}

impl Series {
    pub(crate) fn slot(&self) -> u32 {
        match self.slots {
            Slots::Own(slot) | Slots::Nanos(slot) | Slots::Difference { started: slot, .. } | Slots::Sum(slot, _) => {
                slot
            }
        }
    }

    pub(crate) fn family(&self) -> &'static Family {
        self.family
    }

    /// Whether the value is computed from slots that are written to in another way.
    pub(crate) fn is_derived(&self) -> bool {
        !matches!(self.slots, Slots::Own(_))
    }

    pub(crate) fn labels(&self) -> &LabelSet {
        &self.labels
    }

    pub(crate) fn pin(&self) {
        self.pinned.store(true, Relaxed);
    }

    pub(crate) fn is_pinned(&self) -> bool {
        self.is_derived() || self.pinned.load(Relaxed)
    }

    pub(crate) fn is_removed(&self) -> bool {
        self.removed.load(Relaxed)
    }

    pub(crate) fn remove(&self) {
        self.removed.store(true, Relaxed);
    }

    /// The series of the same family with `more` labels.
    pub(crate) fn with(&self, more: &[(&'static str, &dyn LabelValue)]) -> SeriesRef {
        let labels = more.iter().map(|(name, value)| (Cow::Borrowed(*name), Arc::from(&*value.label_text())));
        self.family.find_or_create(self.labels.with(labels))
    }

    /// As `with`, through this thread's cache, for one record.
    pub(crate) fn resolve<R>(
        series: &SeriesRef,
        more: &[(&'static str, &dyn LabelValue)],
        record: impl FnOnce(&Series) -> R,
    ) -> R {
        let texts: Vec<LabelText<'_>> = more.iter().map(|(_, value)| value.label_text()).collect();
        // The names belong to the identity here: a handle can be given other names at each call.
        let words: Vec<&str> = more.iter().zip(&texts).flat_map(|((name, _), text)| [*name, &**text]).collect();
        cache::lookup(Arc::as_ptr(series).addr(), &words, record, || series.with(more))
    }

    pub(crate) fn read(&self, view: &View<'_>) -> Reading {
        match (self.slots, self.family.kind) {
            (Slots::Own(slot), Kind::Counter) => Reading::Counter(view.sum(slot)),
            (Slots::Own(slot), Kind::Gauge) => Reading::Gauge(f64::from_bits(shard::gauge(slot).load(Relaxed))),
            (Slots::Own(slot), Kind::Histogram) => {
                Reading::Distribution(metric::read_histogram(view, slot, self.family.shape))
            }
            (Slots::Sum(one, other), _) => Reading::Counter(view.sum(one) + view.sum(other)),
            (Slots::Nanos(slot), _) => Reading::CounterFloat(view.sum(slot) as f64 / 1e9),
            (Slots::Difference { started, finished }, _) => {
                // What has finished is read first: a call that ends in between then counts as
                // active, never as minus one.
                let finished = view.sum(finished);
                Reading::Gauge(view.sum(started).saturating_sub(finished) as f64)
            }
        }
    }
}

/// How many series count against the limit: all but the one for those beyond it.
fn series_in(all: &FxHashMap<LabelSet, SeriesRef>) -> usize {
    all.len() - usize::from(all.contains_key(&overflow_labels()))
}

/// The one series that stands for all that came after the limit.
fn overflow_labels() -> LabelSet {
    LabelSet::new([(Cow::Borrowed("overflow"), Arc::from("true"))])
}

impl Family {
    pub(super) fn new(definition: &Definition, registry: &'static Registry) -> Self {
        Self {
            kind: definition.kind,
            shape: definition.shape(),
            exposed: names::exposed(&definition.name, definition.kind, definition.unit()),
            source: definition.source,
            text: Mutex::new(Text {
                help: definition.help.clone(),
                unit: definition.unit().to_owned().into(),
                keys: definition.keys,
            }),
            series: RwLock::default(),
            name: definition.name.clone(),
            registry,
        }
    }

    /// Slots for one series.
    fn allocate(&self) -> Option<Slots> {
        let slot = match self.kind {
            Kind::Counter | Kind::Gauge => self.registry.allocate(1, 1),
            Kind::Histogram => self.registry.allocate(metric::HEADER, metric::HEADER + self.shape.buckets.len()),
        };
        slot.map(Slots::Own)
    }

    /// The series with these labels; at the limit, the one that stands for the rest.
    pub(crate) fn find_or_create(&'static self, labels: LabelSet) -> SeriesRef {
        if let Some(series) = self.series.read().get(&labels) {
            return series.clone();
        }
        self.create(labels)
    }

    /// Makes a series over slots that a measured function or service has. It is there as long as
    /// the program text is, so the limit does not apply. `false` if another series has the labels.
    pub(crate) fn adopt(&'static self, labels: LabelSet, slots: Slots) -> bool {
        let mut all = self.series.write();
        let fresh = !all.contains_key(&labels);
        if fresh {
            let series = self.series_at(labels.clone(), slots);
            series.pin();
            all.insert(labels, series);
        }
        fresh
    }

    /// The series with exactly these labels.
    pub(crate) fn find(&self, labels: &LabelSet) -> Option<SeriesRef> {
        self.series.read().get(labels).cloned()
    }

    /// Whether one more series may be made.
    pub(crate) fn has_room(&self) -> bool {
        self.registry.has_room(series_in(&self.series.read()))
    }

    fn create(&'static self, labels: LabelSet) -> SeriesRef {
        let mut all = self.series.write();
        if let Some(series) = all.get(&labels) {
            return series.clone();
        }
        let room = self.registry.has_room(series_in(&all));
        let slots = if room { self.allocate() } else { None };
        let Some(slots) = slots else {
            let rest = all.entry(overflow_labels()).or_insert_with(|| {
                // The last slots there are go to those who have none yet; after them, nowhere.
                match self.allocate() {
                    Some(slots) => self.series_at(overflow_labels(), slots),
                    None => self.registry.nowhere(self.kind),
                }
            });
            let rest = rest.clone();
            drop(all);
            self.registry.count_overflow(self);
            return rest;
        };
        let series = self.series_at(labels.clone(), slots);
        all.insert(labels, series.clone());
        self.registry.count_series();
        series
    }

    pub(super) fn series_at(&'static self, labels: LabelSet, slots: Slots) -> SeriesRef {
        let (pinned, removed) = (AtomicBool::new(false), AtomicBool::new(false));
        Arc::new(Series { slots, labels, family: self, pinned, removed })
    }

    /// Labels from names and values that belong together.
    pub(crate) fn labels<'a>(pairs: impl IntoIterator<Item = (&'static str, &'a str)>) -> LabelSet {
        LabelSet::new(pairs.into_iter().map(|(name, value)| -> Label { (Cow::Borrowed(name), Arc::from(value)) }))
    }

    pub(crate) fn is_overflow(labels: &LabelSet) -> bool {
        labels.get("overflow") == Some("true")
    }
}
