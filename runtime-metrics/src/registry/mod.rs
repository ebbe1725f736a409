//! The registry: the link-time slice, the families it becomes, and what is registered at run time.

mod configured;
mod declared;
mod definition;
mod exemplars;
mod expiry;
mod family;
mod folded;
mod identity;
mod known;
mod merged;
pub(crate) mod observer;
mod pairs;
mod scan;
mod shelf;
mod site;

pub use declared::{Declaration, Declared, check_kind, check_label, checked};
pub(crate) use definition::{Definition, Shape, place};
pub use definition::{RegisterError, Source};
pub(crate) use expiry::expires;
pub(crate) use family::{Family, Held, Series, SeriesRef, Slots};
pub(crate) use folded::Rest;
pub use identity::Identity;
pub(crate) use known::Known;
pub(crate) use pairs::Pairs;
pub(crate) use scan::Scan;
pub(crate) use shelf::Labels;
pub(crate) use site::increment_rarely;
pub use site::{
    Entry, Site, handle, handle_with, increment, increment_with, observe, observe_with, set, set_with, timer,
    timer_with,
};

use crate::label::{self, LabelSet};
use crate::lock::{Mutex, RwLock};
use crate::metric::{Buckets, Kind};
use crate::names;
use crate::settings;
use crate::shard;
use crate::snapshot::{CatalogEntry, Reading};
use crate::status::report;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Once, OnceLock};

/// The link-time catalogue: every use of a macro in every linked crate.
#[cfg(not(any(target_family = "wasm", miri)))]
#[doc(hidden)]
#[linkme::distributed_slice]
pub static RUNTIME_METRICS_V1: [Entry];

/// There is no link-time catalogue here: sites register themselves at their first record.
#[cfg(any(target_family = "wasm", miri))]
static RUNTIME_METRICS_V1: &[Entry] = &[];

/// How many series there may be. Beyond, new label sets are folded into one series with the label
/// `overflow="true"`: totals stay right and memory stays bounded.
///
/// ```
/// use runtime_metrics::{Limits, registry};
///
/// registry().set_limits(Limits { series_per_metric: 500, ..Limits::default() });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Series of one metric; 2,000 by default.
    pub series_per_metric: usize,
    /// Series of all metrics; 200,000 by default.
    pub series: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { series_per_metric: 2_000, series: 200_000 }
    }
}

/// Everything that is measured in this process; see [`registry`].
#[derive(Debug)]
pub struct Registry {
    families: RwLock<Families>,
    unexported: Mutex<Vec<&'static Family>>,
    /// Bounds and quantiles.
    numbers: Mutex<Vec<&'static [f64]>>,
    next_slot: Mutex<u32>,
    nowhere: [OnceLock<SeriesRef>; Kind::ALL.len()],
    limits: Mutex<Limits>,
    /// How often they were set.
    limits_set: AtomicU32,
    per_metric: AtomicUsize,
    total: AtomicUsize,
    series: AtomicUsize,
    identity: RwLock<Identity>,
    expiry: Mutex<expiry::Expiry>,
}

/// Slots before the buckets that even a measured function has room in, where it leads nowhere.
const ROOM: u32 = 16;

#[derive(Debug, Default)]
struct Families {
    /// Sorted by name.
    all: Vec<&'static Family>,
    /// Other spellings of their names.
    spelled: HashMap<String, &'static Family>,
    /// Every name that an exposition writes -> whose it is.
    samples: HashMap<String, &'static Family>,
}

impl Families {
    fn find(&self, name: &str) -> Option<&'static Family> {
        let known = self.place(name).ok().and_then(|at| self.all.get(at));
        known.or_else(|| self.spelled.get(name)).copied()
    }

    /// Where a name is, or where it would be.
    fn place(&self, name: &str) -> Result<usize, usize> {
        self.all.binary_search_by(|family| (*family.name).cmp(name))
    }
}

/// The registry of this process. The first call reads the link-time catalogue.
///
/// ```
/// runtime_metrics::increment!("registry_example");
/// let snapshot = runtime_metrics::registry().snapshot();
/// assert!(snapshot.family("registry_example").is_some());
/// ```
pub fn registry() -> &'static Registry {
    static REGISTRY: OnceLock<Registry> = OnceLock::new();
    static CATALOGUE: Once = Once::new();
    let registry = REGISTRY.get_or_init(Registry::empty);
    // A site that is touched while the catalogue is being read (by a logger, say) binds itself.
    if !CATALOGUE.is_completed() && !READING.get() {
        CATALOGUE.call_once(|| {
            READING.set(true);
            registry.read_catalogue();
            settings::tell_problems();
            READING.set(false);
        });
    }
    registry
}

/// By kind, name and place, since the linker's order means nothing; declarations come before uses,
/// so that a use that contradicts one is the one to be told.
fn in_order(one: &Entry, other: &Entry) -> Ordering {
    let site = |site: &Site| (site.text.name, !site.text.declares, site.text.help.is_empty(), site.text.source);
    let kind = |entry: &Entry| match entry {
        Entry::Metric(_) => 0,
        Entry::Service(_) => 1,
        Entry::Action(_) => 2,
    };
    match (one, other) {
        (Entry::Metric(one), Entry::Metric(other)) => site(one).cmp(&site(other)),
        (Entry::Service(one), Entry::Service(other)) => one.name().cmp(other.name()),
        (Entry::Action(one), Entry::Action(other)) => one.sort_key().cmp(&other.sort_key()),
        _ => kind(one).cmp(&kind(other)),
    }
}

thread_local! {
    static READING: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

impl Registry {
    fn empty() -> Self {
        let settings = settings::current();
        let limits = settings.settings.limits();
        settings.settings.apply_thresholds();
        Self {
            families: RwLock::default(),
            unexported: Mutex::default(),
            numbers: Mutex::default(),
            next_slot: Mutex::new(shard::FIRST),
            nowhere: [const { OnceLock::new() }; Kind::ALL.len()],
            per_metric: AtomicUsize::new(limits.series_per_metric),
            total: AtomicUsize::new(limits.series),
            limits: Mutex::new(limits),
            limits_set: AtomicU32::new(1),
            series: AtomicUsize::new(0),
            expiry: Mutex::default(),
            identity: RwLock::new(settings.settings.identity()),
        }
    }

    fn read_catalogue(&'static self) {
        let mut entries = RUNTIME_METRICS_V1.to_vec();
        entries.sort_by(in_order);
        for entry in entries {
            match entry {
                Entry::Metric(site) => self.bind(site),
                Entry::Service(service) => {
                    service.bind(self);
                }
                Entry::Action(action) => action.bind_linked(self),
            }
        }
    }

    /// Gives a site its series, or one that leads nowhere if its definition can't be used.
    pub(crate) fn bind(&'static self, site: &'static Site) {
        let definition = site.definition();
        let family = self.family(&definition).and_then(|family| {
            check_keys(family, site)?;
            Ok(family)
        });
        let series = match family {
            // Until its labels are known, a series of the constant labels alone would be a lie.
            Ok(family) if !site.text.keys.is_empty() => family.series_at(Slots::Own(self.nowhere(family.kind).slot())),
            Ok(family) => family.find_or_create(family.set().labels.rule(LabelSet::default(), site.constant())),
            Err(error) => {
                report(site.text.name, error.to_string());
                self.nowhere(site.text.kind)
            }
        };
        site.bind(series);
    }

    /// The family of a definition, new or known; an error where two definitions disagree.
    pub(crate) fn family(&'static self, definition: &Definition) -> Result<&'static Family, RegisterError> {
        let known = self.families.read().find(&definition.name);
        let family = match known {
            Some(family) => family,
            None => self.create_family(definition)?,
        };
        agree(family, definition)?;
        Ok(family)
    }

    fn create_family(&'static self, definition: &Definition) -> Result<&'static Family, RegisterError> {
        names::check(&definition.name).map_err(|error| match definition.source {
            Some(source) => RegisterError::new(format!("{error} (at {source})")),
            None => RegisterError::new(error),
        })?;
        let mut families = self.families.write();
        if let Some(family) = families.find(&definition.name) {
            return Ok(family);
        }
        let family = Family::new(definition, self);
        let samples = family.exposed.samples(family.kind);
        if let Some(other) = samples.iter().find_map(|sample| families.samples.get(sample)).copied() {
            // `timer!("x")` and `Timer::new("x_seconds", …)` are two spellings of one metric.
            if other.exposed.family == family.exposed.family && other.kind == family.kind {
                families.spelled.insert(definition.name.to_string(), other);
                return Ok(other);
            }
            return Err(RegisterError::new(format!(
                "`{}` at {} and `{}` at {} would both be exported as `{}`; rename one of them",
                definition.name,
                place(definition.source),
                other.name,
                place(other.source),
                family.exposed.family,
            )));
        }
        // A family is never unregistered: a program has as many as its text has names.
        let family: &'static Family = Box::leak(Box::new(family));
        families.samples.extend(samples.into_iter().map(|sample| (sample, family)));
        if let Err(at) = families.place(&family.name) {
            families.all.insert(at, family);
        }
        Ok(family)
    }

    /// The series of a definition with these labels.
    pub(crate) fn series(
        &'static self,
        definition: &Definition,
        labels: Vec<label::Label>,
    ) -> Result<SeriesRef, RegisterError> {
        for (name, _) in &labels {
            label::check_name(name).map_err(RegisterError::new)?;
        }
        let family = self.family(definition)?;
        let series = family.find_or_create(family.set().labels.rule(LabelSet::default(), labels));
        if series.is_derived() {
            return Err(RegisterError::new(format!(
                "`{}` with these labels is already measured by an attribute at {}; leave it to the attribute, or use other labels or another name at {}",
                definition.name,
                place(series.family().source),
                place(definition.source),
            )));
        }
        Ok(series)
    }

    /// Slots for one series: the first `head` in one page, `all` of them in a row.
    pub(crate) fn allocate(&self, head: u32, all: u32) -> Option<u32> {
        let mut next = self.next_slot.lock();
        let left = shard::PAGE - *next % shard::PAGE;
        // What fits in a page does not straddle two: one page lookup then serves all of it.
        let whole = if all <= shard::PAGE { all } else { head };
        let start = if whole > left { *next + left } else { *next };
        if start + all > shard::END {
            return None;
        }
        *next = start + all;
        Some(start)
    }

    /// A series for records that belong nowhere: it takes them and is never exported.
    pub(crate) fn nowhere(&'static self, kind: Kind) -> SeriesRef {
        let series = self.nowhere[kind as usize].get_or_init(|| {
            let definition = Definition::new(kind, "nowhere", "");
            let family: &'static Family = Box::leak(Box::new(Family::new(&definition, self)));
            let slots = ROOM + Buckets::Exponential.len();
            // Slots run out only after millions; the first page serves then, which nobody reads.
            let slot = self.allocate(ROOM, slots).unwrap_or(shard::FIRST);
            family.series_at(Slots::Own(slot))
        });
        series.clone()
    }

    /// Bounds or quantiles for as long as the program runs; equal ones are kept once.
    pub(crate) fn intern(&self, numbers: Vec<f64>) -> &'static [f64] {
        let mut all = self.numbers.lock();
        if let Some(known) = all.iter().find(|known| ***known == *numbers) {
            return known;
        }
        let numbers: &'static [f64] = Box::leak(numbers.into_boxed_slice());
        all.push(numbers);
        numbers
    }

    fn count_series(&self) {
        self.series.fetch_add(1, Relaxed);
    }

    /// Who this process is: labels that every exported metric carries.
    ///
    /// ```
    /// use runtime_metrics::{Identity, registry};
    ///
    /// registry().set_identity(Identity::new("checkout", "node-7"));
    /// assert_eq!(registry().identity().service, "checkout");
    /// ```
    pub fn set_identity(&self, identity: Identity) {
        *self.identity.write() = identity;
    }

    /// Sets how long a poll of a measured future may take before it is counted as slow; 100
    /// microseconds by default.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// runtime_metrics::registry().set_slow_poll_threshold(Duration::from_millis(1));
    /// ```
    pub fn set_slow_poll_threshold(&self, threshold: std::time::Duration) {
        crate::measured::set_slow_poll_threshold(threshold);
    }

    /// The identity in use.
    ///
    /// ```
    /// assert!(!runtime_metrics::registry().identity().service.is_empty());
    /// ```
    pub fn identity(&self) -> Identity {
        self.identity.read().clone()
    }

    /// What can be measured: every family, sorted by name, known before the first record.
    ///
    /// ```
    /// if false {
    ///     runtime_metrics::increment!("never_reached");
    /// }
    /// let catalog = runtime_metrics::registry().catalog();
    /// assert!(catalog.iter().any(|entry| entry.name == "never_reached"));
    /// ```
    pub fn catalog(&self) -> Vec<CatalogEntry> {
        let families = self.families.read();
        families
            .all
            .iter()
            .map(|family| {
                let text = family.text.lock();
                CatalogEntry {
                    name: family.name.to_string(),
                    kind: family.kind,
                    help: text.help.to_string(),
                    unit: text.unit.to_string(),
                    series: family.len(),
                    source: family.source,
                }
            })
            .collect()
    }

    /// Every family that is not turned off, sorted by name, into `families`; and one past the last slot that any series has.
    pub(crate) fn list(&self, families: &mut Vec<&'static Family>) -> u32 {
        self.expire();
        families.clear();
        families.extend(self.families.read().all.iter().filter(|family| !family.is_off()));
        *self.next_slot.lock()
    }

    /// Shows the identity in use, without a copy.
    pub(crate) fn with_identity<R>(&self, show: impl FnOnce(&Identity) -> R) -> R {
        show(&self.identity.read())
    }

    /// Reads one series back.
    ///
    /// ```
    /// use runtime_metrics::{increment, registry, Reading};
    ///
    /// increment!("registry_get", labels: {"kind" => "a"});
    /// let reading = registry().get("registry_get", &[("kind", "a")]);
    /// assert_eq!(reading, Some(Reading::Counter(1)));
    /// assert_eq!(registry().get("registry_get", &[]), None);
    /// ```
    pub fn get(&self, name: &str, labels: &[(&str, &str)]) -> Option<Reading> {
        let series = self.find(name, labels)?;
        Some(series.read(&shard::ARENA.view()))
    }

    /// Removes one series from every export and tells whether it did. Recording the same labels
    /// again begins a new one at zero; a handle that is still held records nowhere.
    ///
    /// A series that is part of the program's text stays: one without labels, one whose label
    /// values are all written out in a macro, or one of a measured function.
    ///
    /// ```
    /// use runtime_metrics::{increment, registry, Reading};
    ///
    /// let peer = String::from("p1");
    /// for _ in 0..2 {
    ///     increment!("registry_remove", labels: {"peer" => peer});
    ///     assert_eq!(registry().get("registry_remove", &[("peer", "p1")]), Some(Reading::Counter(1)));
    ///     assert!(registry().remove("registry_remove", &[("peer", "p1")]));
    /// }
    /// assert!(!registry().remove("registry_remove", &[("peer", "p1")]));
    /// ```
    pub fn remove(&self, name: &str, labels: &[(&str, &str)]) -> bool {
        let Some(series) = self.find(name, labels).filter(|series| !series.is_pinned()) else { return false };
        self.take_off(&series)
    }

    /// Removes a series; `false` if it was already. Its slots are not used again: a thread may still be on its way
    /// to them.
    fn take_off(&self, series: &SeriesRef) -> bool {
        let removed = series.family().remove(series);
        if removed {
            self.series.fetch_update(Relaxed, Relaxed, |count| Some(count.saturating_sub(1))).ok();
        }
        removed
    }

    /// A family that is never exported: it only says where something is.
    pub(crate) fn unexported(&'static self, definition: &Definition) -> &'static Family {
        let mut families = self.unexported.lock();
        if let Some(known) = families.iter().find(|family| family.name == definition.name) {
            return known;
        }
        let family = &*Box::leak(Box::new(Family::new(definition, self)));
        families.push(family);
        family
    }

    pub(crate) fn find(&self, name: &str, labels: &[(&str, &str)]) -> Option<SeriesRef> {
        let family = self.families.read().find(name)?;
        let given = || labels.iter().map(|(name, value)| ((*name).to_owned().into(), Arc::from(*value)));
        let set = LabelSet::new(given());
        // A name that is given twice is in no label set.
        if !set.is(labels) || family.is_off() {
            return None;
        }
        // As they are exported, or as they are recorded.
        family.find(&set).or_else(|| family.find(&family.set().labels.rule(LabelSet::default(), given())))
    }
}

/// Whether a site uses only labels that the metric declares, if it declares any.
fn check_keys(family: &Family, site: &Site) -> Result<(), RegisterError> {
    let Some(declared) = family.text.lock().keys else { return Ok(()) };
    let used = site.text.keys.iter().chain(site.text.labels.iter().map(|(name, _)| name));
    let Some(unknown) = used.into_iter().find(|key| !declared.contains(key)) else { return Ok(()) };
    let declared =
        if declared.is_empty() { "no labels".to_owned() } else { format!("the labels {}", declared.join(", ")) };
    Err(RegisterError::new(format!(
        "the label `{unknown}` at {} is not declared: the metric has {declared} at {}; use one of them or declare it there",
        site.text.source,
        place(family.source),
    )))
}

/// Whether a further definition of a family may record into it. What it says besides is added
/// where the family has no word yet, and told where it contradicts.
fn agree(family: &Family, definition: &Definition) -> Result<(), RegisterError> {
    let (here, there) = (place(definition.source), place(family.source));
    if family.kind != definition.kind {
        return Err(RegisterError::new(format!(
            "it is a {} at {here} but a {} at {there}; use {} here or give one of them another name",
            definition.kind,
            family.kind,
            family.kind.recorded_by(),
        )));
    }
    let unit = definition.unit();
    let mut differs = Vec::new();
    {
        let mut text = family.text.lock();
        if !unit.is_empty() && unit != text.unit {
            return Err(RegisterError::new(format!(
                "its unit is {unit} at {here} but {} at {there}; values of two units can't be added up, so state the same unit or give one of them another name",
                if text.unit.is_empty() { "not stated" } else { &text.unit },
            )));
        }
        if text.help.is_empty() {
            text.help.clone_from(&definition.help);
        } else if !definition.help.is_empty() && definition.help != text.help {
            differs.push("description");
        }
        if text.keys.is_none() {
            text.keys = definition.keys;
        }
    }
    if definition.buckets.is_some_and(|buckets| buckets != family.shape.table.buckets())
        && family.set().buckets.is_none()
    {
        differs.push("buckets");
    }
    if definition.quantiles.is_some_and(|quantiles| quantiles != family.quantiles) {
        differs.push("quantiles");
    }
    if definition.window.is_some_and(|window| window != family.window) {
        differs.push("window");
    }
    // Not under the lock: a logger may itself record metrics.
    for what in differs {
        report(
            family.name.as_ref(),
            format!("its {what} at {here} and at {there} differ, and the latter is used; make them the same"),
        );
    }
    Ok(())
}

#[cfg(all(test, loom))]
mod model;
#[cfg(all(test, not(loom)))]
mod tests;
