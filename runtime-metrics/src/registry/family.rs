//! A family: all series of one metric, and the limit on how many there may be.

use super::Registry;
use super::definition::{Definition, RegisterError, Shape, Source, place};
use super::expiry::expires;
use super::folded::{Folded, OVERFLOW};
use super::known::{Known, Sites};
use super::merged::Others;
use super::pairs::Pairs;
use super::scan::{Found, Order};
use super::shelf::{Labels, Pages, Shelf};
use crate::label::{Label, LabelKey, LabelSet, LabelValue, Word};
use crate::lock::{Mutex, RwLock};
#[cfg(feature = "set")]
use crate::metric::Members;
#[cfg(feature = "summary")]
use crate::metric::Window;
use crate::metric::{self, Kind, Seen};
use crate::names::{self, Exposed};
use crate::settings::{self, OfMetric, Ruled};
use crate::shard::{self, View};
use crate::snapshot::{Reading, SummarySnapshot, Value};
use crate::sync::Ordering::Relaxed;
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicU32};
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
    pub(super) series: RwLock<Shelf>,
    /// For those who read; nobody who records waits for it.
    pub(super) order: Mutex<Order>,
    /// What handles know of it, by how many labels they are told of.
    known: [Known; 5],
    pub(super) folded: Folded,
    /// Who else knows series of it.
    pub(super) sites: Mutex<Sites>,
    /// What is set for it,
    pub(super) set: RwLock<Arc<OfMetric>>,
    /// and whether it is turned off by that.
    pub(super) off: AtomicBool,
    /// What series stand for besides themselves, by where these are.
    pub(super) merged: Mutex<HashMap<usize, Others>>,
    pub(super) registry: &'static Registry,
}

/// What is said of a family: the first definition that says it counts.
#[derive(Clone, Debug)]
pub(crate) struct Text {
    pub(crate) help: Cow<'static, str>,
    pub(crate) unit: Cow<'static, str>,
    pub(crate) keys: Option<&'static [&'static str]>,
}

/// A series, as its handles, its family and the threads' caches have it. It stays when it is
/// removed: somebody may hold it still.
#[derive(Clone, Debug)]
pub struct SeriesRef(pub(super) &'static Series);

impl Deref for SeriesRef {
    type Target = Series;

    #[inline]
    fn deref(&self) -> &Series {
        self.0
    }
}

impl SeriesRef {
    pub(crate) fn of(series: &'static Series) -> Self {
        Self(series)
    }

    /// The series itself, which is never freed.
    #[inline]
    pub(crate) fn get(&self) -> &'static Series {
        self.0
    }

    fn is(&self, other: &Self) -> bool {
        std::ptr::eq(self.0, other.0)
    }
}

/// A series with a handle that records into it, and which it stays for.
#[derive(Debug)]
pub(crate) struct Held(SeriesRef);

impl Held {
    pub(crate) fn new(series: SeriesRef) -> Self {
        // What is part of the program's text stays anyway.
        if !series.is_pinned() {
            series.state.fetch_add(HANDLE, Relaxed);
        }
        Self(series)
    }
}

impl Clone for Held {
    fn clone(&self) -> Self {
        Self::new(self.0.clone())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if !self.0.is_pinned() {
            self.0.state.fetch_sub(HANDLE, Relaxed);
        }
    }
}

impl Deref for Held {
    type Target = SeriesRef;

    #[inline]
    fn deref(&self) -> &SeriesRef {
        &self.0
    }
}

/// One series: where its labels are, and the slots that hold its value.
///
/// There may be a million of them: it is half a cache line. Who gets to see one got it from its
/// shelf, whose lock orders what is written here once.
pub struct Series {
    family: &'static Family,
    rest: Option<Box<Rest>>,
    slot: AtomicU32,
    /// Of a value that is computed from two slots, the other one.
    other: AtomicU32,
    /// Where its labels are on the shelf.
    text: AtomicU32,
    state: AtomicU32,
}

/// The bits of a series' state: how its slots are to be read,
const SLOTS: u32 = 0b11;
/// that it is part of the program's text, where a site writes to it without looking it up,
const PINNED: u32 = 1 << 2;
/// that it was removed,
const REMOVED: u32 = 1 << 3;
/// that it stands for those beyond the limit,
const REST: u32 = 1 << 4;
/// that it is one of a measured function,
const ADOPTED: u32 = 1 << 5;
/// that it is that for labels its calls were given,
const GIVEN: u32 = 1 << 6;
/// and that it stands for others as well.
const MERGED: u32 = 1 << 7;
/// Somebody recorded into it, though its value may be as before.
const TOUCHED: u32 = 1 << 8;
/// The bits from here on count the handles that record into it.
const HANDLE: u32 = 1 << 9;

impl fmt::Debug for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Series")
            .field("family", &self.family.name)
            .field("labels", &self.labels())
            .field("slots", &self.slots())
            .finish_non_exhaustive()
    }
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
    #[cfg(feature = "summary")]
    Window(OnceLock<Box<Window>>),
    #[cfg(feature = "set")]
    Members(OnceLock<Box<Members>>),
    Derived(OnceLock<Box<Derived>>),
}

/// What a rate is of.
#[derive(Debug)]
struct Derived {
    counter: Held,
    seen: Mutex<Seen>,
}

impl Rest {
    fn of(kind: Kind) -> Option<Box<Self>> {
        let rest = match kind {
            #[cfg(feature = "summary")]
            Kind::Summary => Self::Window(OnceLock::new()),
            #[cfg(feature = "set")]
            Kind::Set => Self::Members(OnceLock::new()),
            Kind::Rate => Self::Derived(OnceLock::new()),
            _ => return None,
        };
        Some(Box::new(rest))
    }
}

impl Series {
    /// A place for a series of this family.
    pub(super) fn blank(family: &'static Family) -> Self {
        Self {
            family,
            rest: Rest::of(family.kind),
            slot: AtomicU32::new(shard::UNBOUND),
            other: AtomicU32::new(shard::UNBOUND),
            text: AtomicU32::new(Pages::NOWHERE),
            state: AtomicU32::new(0),
        }
    }

    fn set_slots(&self, slots: Slots) {
        let (kind, slot, other) = match slots {
            Slots::Own(slot) => (0, slot, shard::UNBOUND),
            Slots::Difference { started, finished } => (1, started, finished),
            Slots::Sum(one, other) => (2, one, other),
            Slots::Nanos(slot) => (3, slot, shard::UNBOUND),
        };
        self.slot.store(slot, Relaxed);
        self.other.store(other, Relaxed);
        self.state.fetch_or(kind, Relaxed);
    }

    pub(super) fn slots(&self) -> Slots {
        let (slot, other) = (self.slot(), self.other.load(Relaxed));
        match self.state.load(Relaxed) & SLOTS {
            0 => Slots::Own(slot),
            1 => Slots::Difference { started: slot, finished: other },
            2 => Slots::Sum(slot, other),
            _ => Slots::Nanos(slot),
        }
    }

    #[inline]
    pub(crate) fn slot(&self) -> u32 {
        self.slot.load(Relaxed)
    }

    #[inline]
    pub(crate) fn family(&self) -> &'static Family {
        self.family
    }

    #[inline]
    pub(super) fn text(&self) -> u32 {
        self.text.load(Relaxed)
    }

    pub(super) fn set_text(&self, text: u32) {
        self.text.store(text, Relaxed);
    }

    /// It has no labels any more, for whoever asks.
    pub(super) fn forget_labels(&self) {
        self.set_text(Pages::NOWHERE);
    }

    fn is_in(&self, state: u32) -> bool {
        self.state.load(Relaxed) & state != 0
    }

    /// Whether the value is computed from slots that are written to in another way.
    pub(crate) fn is_derived(&self) -> bool {
        self.is_in(SLOTS)
    }

    /// Its labels, read from the shelf; none if it is on no shelf.
    pub(crate) fn labels(&self) -> LabelSet {
        self.family.series.read().labels(self).map_or_else(LabelSet::default, Labels::to_set)
    }

    pub(crate) fn pin(&self) {
        self.state.fetch_or(PINNED, Relaxed);
    }

    pub(crate) fn is_pinned(&self) -> bool {
        self.is_derived() || self.is_in(PINNED)
    }

    #[inline]
    pub(crate) fn is_removed(&self) -> bool {
        self.is_in(REMOVED)
    }

    /// Whether it belongs to a measured function, or service.
    pub(super) fn is_adopted(&self) -> bool {
        self.is_in(ADOPTED)
    }

    /// Whether it is one of a measured function whose labels its calls were given.
    pub(super) fn is_given(&self) -> bool {
        self.is_in(GIVEN)
    }

    /// Whether it stands for others as well.
    pub(crate) fn is_merged(&self) -> bool {
        self.is_in(MERGED)
    }

    pub(super) fn set_removed(&self) {
        self.state.fetch_or(REMOVED, Relaxed);
    }

    /// Whether its slots are those of a measured function, where that has them.
    pub(crate) fn is_of_function(&self) -> bool {
        self.is_adopted() && !self.is_merged()
    }

    /// Whether there are handles that record into it.
    pub(super) fn is_held(&self) -> bool {
        self.state.load(Relaxed) >= HANDLE
    }

    /// Says that it is recorded into, where that can't be seen by its value: a gauge may be set to what it is.
    #[inline]
    pub(crate) fn touch(&self) {
        if expires() && !self.is_in(TOUCHED) {
            self.state.fetch_or(TOUCHED, Relaxed);
        }
    }

    /// Whether it was touched since this was last asked.
    pub(super) fn take_touched(&self) -> bool {
        self.is_in(TOUCHED) && self.state.fetch_and(!TOUCHED, Relaxed) & TOUCHED != 0
    }

    /// Whether it stands for all that came after the limit.
    pub(crate) fn is_overflow(&self) -> bool {
        self.is_in(REST)
    }

    /// The series of the same family with `more` labels.
    pub(crate) fn with(&self, more: &[(&'static str, &dyn LabelValue)]) -> SeriesRef {
        self.find_with(more).unwrap_or_else(|| {
            let labels = more.iter().map(|(name, value)| (Cow::Borrowed(*name), Arc::from(&*value.label_text())));
            self.family.find_or_create(self.family.set().labels.rule(self.labels(), labels))
        })
    }

    /// As `with`, for one record.
    #[inline]
    pub(crate) fn resolve(
        series: &SeriesRef,
        more: &[(&'static str, &dyn LabelValue)],
        record: impl FnOnce(&'static Series),
    ) {
        let series = series.0;
        if series.family.is_off() {
            return;
        }
        // The names belong to the identity here: a handle can be given other names at each call.
        let key = |at: usize| {
            let Some(at) = at.checked_sub(1) else { return series.place() };
            match more.get(at / 2) {
                Some((name, _)) if at % 2 == 0 => LabelKey::Word(Word::name(name)),
                Some((_, value)) => value.label_key(),
                None => LabelKey::Text(""),
            }
        };
        let known = series.family.known.get(more.len()).and_then(|known| known.find_by(1 + 2 * more.len(), key));
        let found = match known {
            Some(found) => found.series(),
            None => series.resolve_slowly(more).0,
        };
        found.touch();
        record(found);
    }

    #[cold]
    #[inline(never)]
    fn resolve_slowly(&'static self, more: &[(&'static str, &dyn LabelValue)]) -> SeriesRef {
        let found = self.with(more);
        let pairs = more.iter().flat_map(|(name, value)| [LabelKey::Word(Word::name(name)), value.label_key()]);
        let keys = || [self.place()].into_iter().chain(pairs).collect::<Vec<_>>();
        if let Some(known) = self.family.known.get(more.len()).filter(|_| !found.is_overflow()) {
            known.remember(keys, &found);
        }
        found
    }

    /// The series of the same family with `more` labels or, at the limit, that of the rest, if it is there. Nothing is
    /// allocated.
    fn find_with(&self, more: &[(&'static str, &dyn LabelValue)]) -> Option<SeriesRef> {
        if self.family.has_rules() {
            return None;
        }
        let mut pairs = Pairs::new();
        // Before the lock is taken: what a value of another type does, it may record as well.
        for (name, value) in more {
            pairs.add(name, value.label_text())?;
        }
        let all = self.family.series.read();
        for (name, value) in all.labels(self)?.iter() {
            let Cow::Borrowed(value) = value else { return None };
            pairs.add_missing(name, value)?;
        }
        let (found, folded) = self.family.find_or_rest(&all, pairs.iter(), || self.family.rest())?;
        drop(all);
        if folded {
            self.family.count_folded();
        }
        Some(found)
    }

    /// As part of what a series is found by that has its labels and more.
    fn place(&'static self) -> LabelKey<'static> {
        LabelKey::Word(Word::place(self))
    }

    pub(crate) fn read(&self, view: &View<'_>) -> Reading {
        if self.is_merged() { self.read_merged(view) } else { self.read_own(view) }
    }

    pub(super) fn read_own(&self, view: &View<'_>) -> Reading {
        match (self.slots(), self.family.kind) {
            (Slots::Sum(..), _) | (Slots::Own(_), Kind::Counter) => Reading::Counter(self.count(view)),
            // Of a gauge only the shared block knows anything.
            (Slots::Own(slot), Kind::Gauge) => Reading::Gauge(f64::from_bits(view.sum(slot))),
            (Slots::Own(slot), Kind::Histogram) => {
                Reading::Distribution(metric::read_histogram(view, slot, self.family.shape))
            }
            (Slots::Own(_), Kind::Summary) => Reading::Summary(self.summary(view)),
            (Slots::Own(_), Kind::Set) => Reading::Gauge(self.estimate() as f64),
            (Slots::Own(_), Kind::Rate) => Reading::Gauge(self.rate(view)),
            (Slots::Nanos(slot), _) => Reading::CounterFloat(view.sum(slot) as f64 / 1e9),
            (Slots::Difference { started, finished }, _) => {
                // What has finished is read first: a call that ends in between then counts as
                // active, never as minus one.
                let finished = view.sum_now(finished);
                Reading::Gauge(view.sum_now(started).saturating_sub(finished) as f64)
            }
        }
    }
}

/// What the kinds do that need more than slots.
impl Series {
    /// The window of a summary that has seen a value.
    #[cfg(feature = "summary")]
    pub(crate) fn window(&self) -> Option<&Window> {
        if let Some(Rest::Window(window)) = self.rest.as_deref() { window.get().map(|window| &**window) } else { None }
    }

    /// The window of a summary.
    #[cfg(feature = "summary")]
    #[inline]
    pub(crate) fn window_or_new(&self) -> Option<&Window> {
        let Some(Rest::Window(window)) = self.rest.as_deref() else { return None };
        Some(window.get_or_init(|| Box::new(Window::new(self.family.window))))
    }

    /// The members of a set.
    #[cfg(feature = "set")]
    #[inline]
    pub(crate) fn members_or_new(&self) -> Option<&Members> {
        let Some(Rest::Members(members)) = self.rest.as_deref() else { return None };
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
        match self.rest.as_deref() {
            #[cfg(feature = "set")]
            Some(Rest::Members(members)) => members.get().map_or(0, |members| members.estimate()),
            _ => 0,
        }
    }

    /// Makes this rate that of a counter.
    pub(crate) fn derive_from(&self, counter: &SeriesRef) -> Result<(), RegisterError> {
        let Some(Rest::Derived(derived)) = self.rest.as_deref() else { return Ok(()) };
        let name = &self.family.name;
        if self.is_overflow() {
            return Err(RegisterError::new(format!(
                "`{name}` has more label sets than its limit, and a rate can't be folded; raise the limit with registry().set_limits"
            )));
        }
        if !counter.family.find(&counter.labels()).is_some_and(|known| known.is(counter)) {
            return Err(RegisterError::new(format!(
                "the counter that `{name}` at {} is to be derived from has no series: it was removed, could not be registered, or lacks its labels; give them with `.with`",
                place(self.family.source),
            )));
        }
        let known = derived.get_or_init(|| {
            let count = counter.count(&shard::ARENA.view());
            let seen = Mutex::new(Seen::new(self.family.window, Instant::now(), count));
            Box::new(Derived { counter: Held::new(counter.clone()), seen })
        });
        if known.counter.is(counter) {
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
        let Some(Rest::Derived(derived)) = self.rest.as_deref() else { return 0.0 };
        derived.get().map_or(0.0, |derived| {
            let count = derived.counter.count(view);
            derived.seen.lock().rate(Instant::now(), count)
        })
    }

    fn count(&self, view: &View<'_>) -> u64 {
        match self.slots() {
            Slots::Sum(one, other) => view.sum(one) + view.sum(other),
            _ => view.sum(self.slot()),
        }
    }
}

impl Family {
    pub(super) fn new(definition: &Definition, registry: &'static Registry) -> Self {
        let exposed = names::exposed(&definition.name, definition.kind, definition.unit());
        let set = settings::current().of(&names::called(&definition.name, &exposed, definition.kind));
        set.begin();
        Self {
            kind: definition.kind,
            shape: definition.shape(set.buckets.as_ref().map(|bounds| registry.intern(bounds.clone()))),
            quantiles: definition.quantiles(),
            window: definition.window(),
            exposed,
            source: definition.source,
            text: Mutex::new(Text {
                help: definition.help.clone(),
                unit: definition.unit().to_owned().into(),
                keys: definition.keys,
            }),
            series: RwLock::default(),
            order: Mutex::default(),
            known: [const { Known::of_handles() }; 5],
            folded: Folded::with_limit(set.series),
            sites: Mutex::default(),
            off: AtomicBool::new(!set.enabled),
            set: RwLock::new(Arc::new(set)),
            merged: Mutex::default(),
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
    #[allow(clippy::needless_pass_by_value)] // as it comes
    pub(crate) fn find_or_create(&'static self, labels: Ruled) -> SeriesRef {
        let known = self.find_or_fold(labels.iter(), || self.rest(), true);
        known.unwrap_or_else(|| self.create(&labels))
    }

    /// Makes a series over slots that a measured function or service has. It is there as long as
    /// the program text is, so the limit does not apply. `false` if another series has the labels.
    #[allow(clippy::needless_pass_by_value)] // as it comes
    pub(crate) fn adopt(&'static self, labels: Ruled, slots: Slots) -> bool {
        let mut all = self.series.write();
        if all.get(labels.iter()).is_some() {
            return false;
        }
        let series = self.put(&mut all, &labels, slots);
        series.map(|series| series.state.fetch_or(PINNED | ADOPTED, Relaxed)).is_some()
    }

    /// The same for labels that calls were given.
    #[allow(clippy::needless_pass_by_value)] // as `adopt`
    pub(crate) fn adopt_given(&'static self, labels: Ruled, slots: Slots) -> bool {
        let labels = &labels;
        let adopted = self.adopt(labels.clone(), slots);
        if let Some(series) = self.find(labels).filter(|_| adopted) {
            series.state.fetch_or(GIVEN, Relaxed);
        }
        adopted
    }

    /// The series with exactly these labels.
    pub(crate) fn find(&self, labels: &LabelSet) -> Option<SeriesRef> {
        self.series.read().get(labels.iter())
    }

    /// How many series there are.
    pub(crate) fn len(&self) -> usize {
        self.series.read().live()
    }

    fn create(&'static self, labels: &LabelSet) -> SeriesRef {
        let mut all = self.series.write();
        if let Some(series) = all.get(labels.iter()) {
            return series;
        }
        let slots = if self.has_room_in(&all) { self.allocate() } else { None };
        if let Some(series) = slots.and_then(|slots| self.put(&mut all, labels, slots)) {
            // Under the lock, so that nobody takes it off the count before it is on it.
            self.registry.count_series();
            return series;
        }
        let rest = all.get(OVERFLOW.into_iter());
        // The last slots there are go to those who have none yet; after them, nowhere.
        let rest = rest.or_else(|| {
            let slots = self.allocate()?;
            self.put(&mut all, &Self::labels(OVERFLOW), slots)
        });
        drop(all);
        self.count_folded();
        rest.unwrap_or_else(|| self.registry.nowhere(self.kind))
    }

    fn put(&'static self, all: &mut Shelf, labels: &LabelSet, slots: Slots) -> Option<SeriesRef> {
        let simple = matches!(self.kind, Kind::Counter | Kind::Gauge | Kind::Histogram);
        let plain = if let Slots::Own(slot) = slots { slot } else { shard::UNBOUND };
        let series = all.put(self, labels, if simple { plain } else { shard::UNBOUND })?;
        series.set_slots(slots);
        if labels.get("overflow") == Some("true") {
            series.state.fetch_or(REST, Relaxed);
        }
        Some(series)
    }

    /// A series that stands for others, on the shelf in their place.
    pub(super) fn put_merged(&'static self, all: &mut Shelf, labels: &Ruled) -> Option<SeriesRef> {
        let slots = self.allocate()?;
        let series = all.put(self, labels, shard::UNBOUND)?;
        series.set_slots(slots);
        series.state.fetch_or(PINNED | MERGED, Relaxed);
        Some(series)
    }

    /// Takes a series off the shelf; `false` if it is on it no more.
    pub(super) fn remove(&self, series: &SeriesRef) -> bool {
        let mut all = self.series.write();
        let removed = all.remove(series);
        if removed {
            series.set_removed();
        }
        drop(all);
        if removed {
            series.forget_exemplars();
            self.sites.lock().forget(series);
        }
        removed
    }

    /// A series that is on no shelf, and so is never exported.
    pub(super) fn series_at(&'static self, slots: Slots) -> SeriesRef {
        let series = Box::leak(Box::new(Series::blank(self)));
        series.set_slots(slots);
        SeriesRef(series)
    }

    /// What a scan has come by, as `Series::read` has it; but it looks at the text and the view
    /// rather than at the series where that will do, and copies nothing of a histogram.
    #[inline]
    pub(crate) fn value<'v>(&self, found: &Found<'_>, view: &'v View<'_>) -> Option<Value<'v>> {
        let slot = found.labels.slot;
        Some(match self.kind {
            _ if slot == shard::UNBOUND => found.series()?.read(view).into(),
            Kind::Counter => Value::Counter(view.sum(slot)),
            Kind::Gauge => Value::Gauge(f64::from_bits(view.sum(slot))),
            // What is younger than the view has no totals yet.
            _ => match self.distribution(slot, view) {
                Some(value) => value,
                None => found.series()?.read(view).into(),
            },
        })
    }

    fn distribution<'v>(&self, slot: u32, view: &'v View<'_>) -> Option<Value<'v>> {
        let Shape { table, nanos } = self.shape;
        let (buckets, first) = (table.buckets(), slot + metric::HEADER);
        let counts = view.totals(first..first + buckets.len())?.into();
        let sum = if nanos { view.sum(slot) as i64 as f64 / 1e9 } else { view.sum_float(slot) };
        Some(Value::Distribution { buckets, counts, sum })
    }

    /// Labels that the library gives itself.
    pub(crate) fn labels<'a>(pairs: impl IntoIterator<Item = (&'static str, &'a str)>) -> Ruled {
        Ruled::own(LabelSet::new(Self::pairs(pairs)))
    }

    /// Names and values as labels.
    pub(crate) fn pairs<'a>(pairs: impl IntoIterator<Item = (&'static str, &'a str)>) -> impl Iterator<Item = Label> {
        pairs.into_iter().map(|(name, value)| (Cow::Borrowed(name), Arc::from(value)))
    }
}
