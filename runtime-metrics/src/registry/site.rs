//! A site: the static that a macro leaves at a call, in the link-time catalogue.

use super::definition::{Definition, Shape, Source};
use super::expiry::expires;
use super::family::{Family, SeriesRef};
use super::known::Known;
use super::observer::{self, observed};
use super::pairs::Pairs;
use super::registry;
use crate::label::{LabelKey, LabelSet, LabelText};
use crate::measured::{Action, Service};
use crate::metric::{self, Buckets, Count, Kind, TimerGuard, Value};
use crate::shard::{self, Remembered, Sink};
use crate::sync::Ordering::Relaxed;
use std::borrow::Cow;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, OnceLock};
use std::thread::LocalKey;

/// One element of the link-time catalogue. Its layout is what two crates that use this library
/// must agree on: a change to it renames the slice.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub enum Entry {
    Metric(&'static Site),
    Action(&'static Action),
    Service(&'static Service),
}

/// A metric as written in the source: in a macro call, `#[metric]` or `#[metric_field]`.
#[doc(hidden)]
#[derive(Debug)]
pub struct Site {
    /// The first slot of the series with the constant labels, once there is one.
    slot: AtomicU32,
    bound: OnceLock<Bound>,
    /// The series that calls have given label values for.
    known: Known,
    pub(crate) text: SiteText,
}

#[derive(Debug)]
struct Bound {
    series: SeriesRef,
    shape: Shape,
}

/// What the source says.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct SiteText {
    pub(crate) kind: Kind,
    pub(crate) name: &'static str,
    pub(crate) help: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) buckets: Option<Buckets>,
    /// Constant labels.
    pub(crate) labels: &'static [(&'static str, &'static str)],
    /// Names of the labels that each call gives values to, in the order of the values.
    pub(crate) keys: &'static [&'static str],
    /// This is a declaration: `keys` are all the labels there may be.
    pub(crate) declares: bool,
    pub(crate) source: Source,
}

impl Site {
    pub const fn new(kind: Kind, name: &'static str, source: Source) -> Self {
        let text =
            SiteText { kind, name, help: "", unit: "", buckets: None, labels: &[], keys: &[], declares: false, source };
        Self { slot: AtomicU32::new(shard::UNBOUND), bound: OnceLock::new(), known: Known::of_site(), text }
    }

    pub const fn help(mut self, help: &'static str) -> Self {
        self.text.help = help;
        self
    }

    pub const fn unit(mut self, unit: &'static str) -> Self {
        self.text.unit = unit;
        self
    }

    pub const fn buckets(mut self, bounds: &'static [f64]) -> Self {
        self.text.buckets = Some(Buckets::Explicit(bounds));
        self
    }

    pub const fn labels(mut self, labels: &'static [(&'static str, &'static str)]) -> Self {
        self.text.labels = labels;
        self
    }

    pub const fn keys(mut self, keys: &'static [&'static str]) -> Self {
        self.text.keys = keys;
        self
    }

    pub const fn declares(mut self) -> Self {
        self.text.declares = true;
        self
    }

    pub(crate) fn definition(&self) -> Definition {
        let text = &self.text;
        Definition {
            help: text.help.into(),
            unit: text.unit.into(),
            buckets: text.buckets,
            keys: text.declares.then_some(text.keys),
            source: Some(text.source),
            ..Definition::new(text.kind, text.name, "")
        }
    }

    /// Called when the catalogue is read, or at the first record where there is no link-time
    /// catalogue.
    pub(crate) fn bind(&'static self, series: SeriesRef) {
        let shape = series.family().shape;
        series.pin();
        self.bound.get_or_init(|| Bound { series, shape });
        self.configure();
    }

    /// Sets whether it records.
    pub(super) fn configure(&self) {
        if let Some(Bound { series, .. }) = self.bound.get() {
            self.slot.store(if series.family().is_off() { shard::OFF } else { series.slot() }, Relaxed);
        }
    }

    /// Whether its metric is turned off.
    #[inline(always)]
    fn is_off(&self) -> bool {
        self.slot.load(Relaxed) == shard::OFF
    }

    /// The slot of the series with the constant labels, where it is not there to be read; `None` where nothing is to
    /// be recorded.
    #[cold]
    fn slot_cold(&'static self) -> Option<u32> {
        let series = &self.bound().series;
        (!series.family().is_off()).then(|| series.slot())
    }

    #[cold]
    #[inline(never)]
    fn bound_cold(&'static self) -> &'static Bound {
        let registry = registry();
        if let Some(bound) = self.bound.get() {
            return bound;
        }
        registry.bind(self);
        match self.bound.get() {
            Some(bound) => bound,
            None => unreachable!("binding always leaves a series, at worst one that leads nowhere"),
        }
    }

    #[inline]
    fn bound(&'static self) -> &'static Bound {
        match self.bound.get() {
            Some(bound) => bound,
            None => self.bound_cold(),
        }
    }

    /// The slot of the series with these label values.
    #[inline(always)]
    fn slot_of<const N: usize>(&'static self, values: &[LabelKey<'_>; N]) -> u32 {
        if let Some(found) = self.known.find_variants(values) {
            return found.slot();
        }
        // What kind each value has is known where this is inlined, and one call is left of it. The
        // copy is for what takes a reference: without one the values are not in memory.
        match (*values).as_slice() {
            [LabelKey::Text(one)] => self.slot_of_text(one),
            [LabelKey::Text(one), LabelKey::Text(other)] => self.slot_of_texts(one, other),
            _ => self.find_any(&{ *values }).slot(),
        }
    }

    #[inline(never)]
    fn slot_of_text(&'static self, text: &str) -> u32 {
        match self.known.find_short([text]) {
            Some(found) => found.slot(),
            None => self.slot_at_end([text]),
        }
    }

    #[inline(never)]
    fn slot_of_texts(&'static self, one: &str, other: &str) -> u32 {
        match self.known.find_short([one, other]) {
            Some(found) => found.slot(),
            None => self.slot_at_end([one, other]),
        }
    }

    /// Not inlined, nor what it does: where that is not needed, it costs nothing.
    #[inline(never)]
    fn slot_at_end<const N: usize>(&'static self, texts: [&str; N]) -> u32 {
        match self.known.find_short_at_end(texts) {
            Some(found) => found.slot(),
            None => self.find_any(&texts.map(LabelKey::Text)).slot(),
        }
    }

    /// The series with these label values.
    #[inline(always)]
    fn series_of<const N: usize>(&'static self, values: &[LabelKey<'_>; N]) -> SeriesRef {
        match self.known.find_variants(values) {
            Some(found) => SeriesRef(found.series()),
            None => self.find_any(&{ *values }),
        }
    }

    /// Not inlined: a call site pays for the call of this, and not for a copy of it.
    #[inline(never)]
    fn find_any<const N: usize>(&'static self, values: &[LabelKey<'_>; N]) -> SeriesRef {
        match self.known.find(values) {
            Some(found) => SeriesRef(found.series()),
            None => self.look_up(values, true),
        }
    }

    /// Looks a series up, for a record or for what is told of one.
    #[cold]
    #[inline(never)]
    fn look_up(&'static self, values: &[LabelKey<'_>], record: bool) -> SeriesRef {
        let family = self.bound().series.family();
        let series = self.find_in(family, values, record).unwrap_or_else(|| self.create(family, values));
        // What was folded is not remembered: its count stays exact.
        if !series.is_overflow() && !self.known.remember_variants(values, &series) {
            self.known.remember(|| values.to_vec(), &series);
        }
        series
    }

    /// The series with these values or, at the limit, that of the rest, if it is there. Nothing is allocated.
    fn find_in(&self, family: &Family, values: &[LabelKey<'_>], counts: bool) -> Option<SeriesRef> {
        if family.has_rules() {
            return None;
        }
        let mut pairs = Pairs::new();
        for (name, value) in self.text.labels {
            pairs.add(name, LabelText::borrowed(value))?;
        }
        for (name, value) in self.text.keys.iter().zip(values) {
            pairs.add(name, LabelText::from(*value))?;
        }
        family.find_or_fold(pairs.iter(), || family.rest(), counts)
    }

    fn create(&'static self, family: &'static Family, values: &[LabelKey<'_>]) -> SeriesRef {
        let texts = values.iter().map(|value| Arc::from(&*LabelText::from(*value)));
        let given = self.text.keys.iter().map(|key| Cow::Borrowed(*key)).zip(texts);
        family.find_or_create(family.set().labels.rule(LabelSet::default(), self.constant().chain(given)))
    }

    /// Tells of a value that was recorded here.
    #[cold]
    #[inline(never)]
    fn tell(&'static self, value: f64) {
        observer::recorded(self.bound().series.get(), value);
    }

    /// The same of the series with these label values.
    #[cold]
    #[inline(never)]
    fn tell_with<const N: usize>(&'static self, value: f64, values: &[LabelKey<'_>; N]) {
        observer::recorded(self.series_again(values).get(), value);
    }

    /// The series of a record that was made already: if it was folded, it is counted as that.
    #[inline(never)]
    fn series_again<const N: usize>(&'static self, values: &[LabelKey<'_>; N]) -> SeriesRef {
        match self.known.find_variants(values).or_else(|| self.known.find(values)) {
            Some(found) => SeriesRef(found.series()),
            None => self.look_up(values, false),
        }
    }

    pub(crate) fn constant(&self) -> impl Iterator<Item = (Cow<'static, str>, Arc<str>)> {
        self.text.labels.iter().map(|(name, value)| (Cow::Borrowed(*name), Arc::from(*value)))
    }
}

// What the macros call. Each is short, named, and does one thing.

/// `increment!` without labels that differ from call to call.
#[doc(hidden)]
#[inline(always)]
pub fn increment(site: &'static Site, here: &'static LocalKey<Remembered>, n: impl Count) {
    let Some(n) = n.count() else { return };
    if !shard::add_here(here, n) {
        increment_cold(site, here, n);
    }
    if observed() {
        site.tell(n as f64);
    }
}

#[cold]
#[inline(never)]
fn increment_cold(site: &'static Site, here: &'static LocalKey<Remembered>, n: u64) {
    Remembered::touch(here, site.bound().series.slot()).add(n);
}

/// As `increment`, for where it is rare.
pub(crate) fn increment_rarely(site: &'static Site, n: u64) {
    metric::add_to_counter(site.bound().series.slot(), n);
}

/// `increment!` with labels.
#[doc(hidden)]
#[inline]
pub fn increment_with<const N: usize>(site: &'static Site, n: impl Count, values: &[LabelKey<'_>; N]) {
    if let Some(n) = n.count() {
        if site.is_off() {
            return;
        }
        metric::add_to_counter(site.slot_of(values), n);
        if observed() {
            site.tell_with(n as f64, values);
        }
    }
}

/// `set!` without labels that differ from call to call.
#[doc(hidden)]
#[inline]
pub fn set(site: &'static Site, value: impl Value) {
    let mut slot = site.slot.load(Relaxed);
    if slot <= shard::OFF {
        let Some(bound) = site.slot_cold() else { return };
        slot = bound;
    }
    let value = value.value();
    metric::set_gauge(slot, value);
    if observed() {
        site.tell(value);
    }
}

/// `set!` with labels.
#[doc(hidden)]
pub fn set_with<const N: usize>(site: &'static Site, value: impl Value, values: &[LabelKey<'_>; N]) {
    if site.is_off() {
        return;
    }
    let value = value.value();
    metric::set_gauge(site.slot_of(values), value);
    if expires() {
        site.series_again(values).touch();
    }
    if observed() {
        site.tell_with(value, values);
    }
}

/// `observe!` without labels that differ from call to call.
#[doc(hidden)]
#[inline]
pub fn observe(site: &'static Site, value: impl Value) {
    if site.is_off() {
        return;
    }
    let (bound, value) = (site.bound(), value.value());
    metric::observe(bound.series.slot(), bound.shape, value);
    if observed() {
        site.tell(value);
    }
}

/// `observe!` with labels.
#[doc(hidden)]
pub fn observe_with<const N: usize>(site: &'static Site, value: impl Value, values: &[LabelKey<'_>; N]) {
    if site.is_off() {
        return;
    }
    let value = value.value();
    metric::observe(site.slot_of(values), site.bound().shape, value);
    if observed() {
        site.tell_with(value, values);
    }
}

/// `timer!` without labels that differ from call to call.
#[doc(hidden)]
#[inline]
pub fn timer(site: &'static Site) -> TimerGuard {
    if site.is_off() {
        return TimerGuard::off();
    }
    let bound = site.bound();
    TimerGuard::on(bound.series.slot(), bound.shape, || bound.series.get())
}

/// `timer!` with labels.
#[doc(hidden)]
pub fn timer_with<const N: usize>(site: &'static Site, values: &[LabelKey<'_>; N]) -> TimerGuard {
    if site.is_off() {
        return TimerGuard::off();
    }
    TimerGuard::on(site.slot_of(values), site.bound().shape, || site.series_again(values).get())
}

/// The handle of a declared metric.
#[doc(hidden)]
pub fn handle<M: metric::Handle>(site: &'static Site) -> M {
    M::of(site.bound().series.clone())
}

/// The handle of a declared metric's series with these label values, in the declared order.
#[doc(hidden)]
#[inline]
pub fn handle_with<M: metric::Handle, const N: usize>(site: &'static Site, values: &[LabelKey<'_>; N]) -> M {
    M::of(site.series_of(values))
}
