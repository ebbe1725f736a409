//! A family: all series of one metric, and the limit on how many there may be.

use super::definition::{Definition, RegisterError, Shape, Source, place};
use super::{Registry, cache};
use crate::label::{Label, LabelSet, LabelText, LabelValue};
#[cfg(feature = "set")]
use crate::metric::Members;
#[cfg(feature = "summary")]
use crate::metric::Window;
use crate::metric::{self, Kind, Seen};
use crate::names::{self, Exposed};
use crate::shard::{self, View};
use crate::snapshot::{Reading, SummarySnapshot};
use crate::sync::Ordering::Relaxed;
use parking_lot::{Mutex, RwLock};
use rustc_hash::FxHashMap;
use std::borrow::Cow;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// All series of one metric.
#[derive(Debug)]
pub(crate) struct Family {
    pub(crate) name: Cow<'static, str>,
    pub(crate) kind: Kind,
    pub(crate) shape: Shape,
    pub(crate) quantiles: &'static [f64],
    pub(crate) window: Duration,
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
    rest: Rest,
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

/// What a series keeps that is not in slots, made when it is first needed.
#[derive(Debug)]
enum Rest {
    Nothing,
    #[cfg(feature = "summary")]
    Window(OnceLock<Box<Window>>),
    #[cfg(feature = "set")]
    Members(OnceLock<Box<Members>>),
    Derived(OnceLock<Box<Derived>>),
}

/// What a rate is of.
#[derive(Debug)]
struct Derived {
    counter: SeriesRef,
    seen: Mutex<Seen>,
}

impl Rest {
    fn of(kind: Kind) -> Self {
        match kind {
            #[cfg(feature = "summary")]
            Kind::Summary => Self::Window(OnceLock::new()),
            #[cfg(feature = "set")]
            Kind::Set => Self::Members(OnceLock::new()),
            Kind::Rate => Self::Derived(OnceLock::new()),
            _ => Self::Nothing,
        }
    }
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
            (Slots::Own(_), Kind::Summary) => Reading::Summary(self.summary(view)),
            (Slots::Own(_), Kind::Set) => Reading::Gauge(self.estimate() as f64),
            (Slots::Own(_), Kind::Rate) => Reading::Gauge(self.rate(view)),
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

/// What the kinds do that need more than slots.
impl Series {
    /// The window of a summary that has seen a value.
    #[cfg(feature = "summary")]
    pub(crate) fn window(&self) -> Option<&Window> {
        if let Rest::Window(window) = &self.rest { window.get().map(|window| &**window) } else { None }
    }

    /// The window of a summary.
    #[cfg(feature = "summary")]
    #[inline]
    pub(crate) fn window_or_new(&self) -> Option<&Window> {
        let Rest::Window(window) = &self.rest else { return None };
        Some(window.get_or_init(|| Box::new(Window::new(self.family.window))))
    }

    /// The members of a set.
    #[cfg(feature = "set")]
    #[inline]
    pub(crate) fn members_or_new(&self) -> Option<&Members> {
        let Rest::Members(members) = &self.rest else { return None };
        Some(members.get_or_init(|| Box::new(Members::new())))
    }

    /// Reads a summary.
    pub(crate) fn summary(&self, view: &View<'_>) -> SummarySnapshot {
        let all = metric::read_histogram(view, self.slot(), self.family.shape);
        SummarySnapshot {
            count: all.count,
            sum: all.sum,
            min: all.min,
            max: all.max,
            quantiles: self.quantiles(),
            window: self.family.window,
        }
    }

    fn quantiles(&self) -> Vec<(f64, Option<f64>)> {
        let shares = self.family.quantiles;
        #[cfg(feature = "summary")]
        if let Some(window) = self.window() {
            return window.quantiles(shares);
        }
        shares.iter().map(|share| (*share, None)).collect()
    }

    /// How many members a set has.
    pub(crate) fn estimate(&self) -> u64 {
        match &self.rest {
            #[cfg(feature = "set")]
            Rest::Members(members) => members.get().map_or(0, |members| members.estimate()),
            _ => 0,
        }
    }

    /// Makes this rate that of a counter.
    pub(crate) fn derive_from(&self, counter: &SeriesRef) -> Result<(), RegisterError> {
        let Rest::Derived(derived) = &self.rest else { return Ok(()) };
        let name = &self.family.name;
        if Family::is_overflow(&self.labels) {
            return Err(RegisterError::new(format!(
                "`{name}` has more label sets than its limit, and a rate can't be folded; raise the limit with registry().set_limits"
            )));
        }
        if !counter.family.find(&counter.labels).is_some_and(|known| Arc::ptr_eq(&known, counter)) {
            return Err(RegisterError::new(format!(
                "the counter that `{name}` at {} is to be derived from has no series: it was removed, could not be registered, or lacks its labels; give them with `.with`",
                place(self.family.source),
            )));
        }
        let known = derived.get_or_init(|| {
            let count = counter.count(&shard::ARENA.view());
            let seen = Mutex::new(Seen::new(self.family.window, Instant::now(), count));
            Box::new(Derived { counter: counter.clone(), seen })
        });
        if Arc::ptr_eq(&known.counter, counter) {
            return Ok(());
        }
        Err(RegisterError::new(format!(
            "`{name}` at {} is already the rate of `{}` with these labels, not of `{}`; give one of the two another name or label",
            place(self.family.source),
            known.counter.family.name,
            counter.family.name,
        )))
    }

    /// The rate of the counter that this was derived from.
    pub(crate) fn rate(&self, view: &View<'_>) -> f64 {
        let Rest::Derived(derived) = &self.rest else { return 0.0 };
        derived.get().map_or(0.0, |derived| {
            let count = derived.counter.count(view);
            derived.seen.lock().rate(Instant::now(), count)
        })
    }

    fn count(&self, view: &View<'_>) -> u64 {
        match self.slots {
            Slots::Sum(one, other) => view.sum(one) + view.sum(other),
            _ => view.sum(self.slot()),
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
            quantiles: definition.quantiles(),
            window: definition.window(),
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
            // What a set and a rate know is not in slots, but every series has one.
            Kind::Counter | Kind::Gauge | Kind::Set | Kind::Rate => self.registry.allocate(1, 1),
            Kind::Histogram | Kind::Summary => {
                self.registry.allocate(metric::HEADER, metric::HEADER + self.shape.table.buckets().len())
            }
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
        Arc::new(Series { slots, rest: Rest::of(self.kind), labels, family: self, pinned, removed })
    }

    /// Labels from names and values that belong together.
    pub(crate) fn labels<'a>(pairs: impl IntoIterator<Item = (&'static str, &'a str)>) -> LabelSet {
        LabelSet::new(pairs.into_iter().map(|(name, value)| -> Label { (Cow::Borrowed(name), Arc::from(value)) }))
    }

    pub(crate) fn is_overflow(labels: &LabelSet) -> bool {
        labels.get("overflow") == Some("true")
    }
}
