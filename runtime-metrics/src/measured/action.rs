//! An action: one measured function, and the slots it counts in.

use super::frame::Frame;
use super::pace::{LOOKS, Pace};
use super::service::Totals;
use super::{Outcome, Service};
use crate::label::{LabelSet, LabelText};
use crate::lock::Mutex;
use crate::metric::{self, Buckets, HEADER, Kind};
use crate::registry::{
    Definition, Family, Known, Pairs, RegisterError, Registry, Rest, SeriesRef, Shape, Slots, Source, registry,
};
use crate::settings::{LabelRules, Ruled, Sampled};
use crate::shard::{self, Sink};
use crate::status::report;
use std::borrow::Cow;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicPtr};
use std::sync::{Arc, Once, OnceLock};

/// The static that `#[metered]` leaves in a function.
#[doc(hidden)]
#[derive(Debug)]
pub struct Action {
    /// The first of its counts, if there are any.
    bound: AtomicPtr<Counts>,
    /// All that it records is turned off.
    off: AtomicBool,
    text: Text,
}

/// What the source says.
#[derive(Clone, Copy, Debug)]
struct Text {
    function: &'static str,
    name: &'static str,
    prefix: &'static str,
    event: Option<&'static str>,
    service: Option<&'static str>,
    /// The service is that of `Self`, which only the first call can tell.
    method: bool,
    /// It has a future, whose polls are measured.
    future: bool,
    /// Its calls are spans.
    span: bool,
    buckets: Option<Buckets>,
    /// One in so many calls is timed, if the author says so; 0: none.
    every: Option<u32>,
    labels: &'static [(&'static str, &'static str)],
    keys: &'static [&'static str],
    source: Source,
}

/// Where an action counts: started, finished, and (unless labels decide) its results.
#[derive(Debug)]
pub struct Counts {
    action: &'static Action,
    /// Whose calls these are.
    service: Option<&'static Service>,
    /// Where these calls are counted for the service as well.
    totals: Option<&'static Totals>,
    base: u32,
    /// One in so many calls is timed; 0: none.
    every: u32,
    /// The same as a share of 2^32; of those that may become more, a little less.
    share: u64,
    /// By what the share is chosen anew, if it is.
    pace: Option<&'static Pace>,
    shape: Shape,
    pub(super) families: Option<Families>,
    pub(super) labels: Ruled,
    polls: Once,
    /// The series of durations that calls have given label values for.
    known: Known,
    /// What is beyond the limit.
    rest: OnceLock<Rest>,
    /// The same for another service: a default method of a trait runs for whoever implements it.
    next: AtomicPtr<Self>,
}

/// Who changes which counts an action has.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

const STARTED: u32 = 0;
const FINISHED: u32 = 1;
/// Nanoseconds that a future's polls took, and how many of them were slow.
const BUSY: u32 = 2;
const SLOW: u32 = 3;
/// The results: a count for each outcome, then the histogram of durations.
const RESULTS: u32 = 4;
const TIMES: u32 = Outcome::ALL.len() as u32;

#[derive(Clone, Copy, Debug)]
pub(super) struct Families {
    pub(super) requests: Requests,
    pub(super) times: &'static Family,
    started: &'static Family,
}

/// A function counts its calls by outcome; an event counts its failures.
#[derive(Clone, Copy, Debug)]
pub(super) enum Requests {
    ByOutcome(&'static Family),
    Failures(&'static Family),
}

impl Action {
    pub const fn new(function: &'static str, module: &'static str, file: &'static str, line: u32) -> Self {
        let text = Text {
            function,
            name: "action",
            prefix: "",
            event: None,
            service: None,
            method: false,
            future: false,
            span: false,
            buckets: None,
            every: None,
            labels: &[],
            keys: &[],
            source: Source::new(module, file, line),
        };
        Self { bound: AtomicPtr::new(std::ptr::null_mut()), off: AtomicBool::new(false), text }
    }

    pub const fn name(mut self, name: &'static str) -> Self {
        self.text.name = name;
        self
    }

    pub const fn prefix(mut self, prefix: &'static str) -> Self {
        self.text.prefix = prefix;
        self
    }

    pub const fn event(mut self, event: &'static str) -> Self {
        self.text.event = Some(event);
        self
    }

    pub const fn service(mut self, service: &'static str) -> Self {
        self.text.service = Some(service);
        self
    }

    pub const fn method(mut self) -> Self {
        self.text.method = true;
        self
    }

    pub const fn future(mut self) -> Self {
        self.text.future = true;
        self
    }

    pub const fn span(mut self) -> Self {
        self.text.span = true;
        self
    }

    pub const fn buckets(mut self, bounds: &'static [f64]) -> Self {
        self.text.buckets = Some(Buckets::Explicit(bounds));
        self
    }

    pub const fn sample(mut self, every: u32) -> Self {
        self.text.every = Some(every);
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

    pub(crate) fn sort_key(&self) -> impl Ord + use<> {
        (self.text.function, self.text.source)
    }

    /// Binds what needs no call to be known.
    pub(crate) fn bind_linked(&'static self, registry: &'static Registry) {
        if !self.text.method {
            self.bind(registry, None);
        } else if self.text.service.is_some() {
            // The series are there; whose totals its calls go to, they will tell.
            drop(self.register_or_report(registry, None));
        }
    }

    /// Whether its calls are not to be measured at all.
    #[inline(always)]
    pub(super) fn is_off(&self) -> bool {
        self.off.load(Relaxed)
    }

    #[inline(always)]
    pub(super) fn counts(&'static self, service: Option<&'static Service>) -> &'static Counts {
        match Counts::at(&self.bound) {
            Some(counts) if counts.is_of(service) => counts,
            _ => self.bind(registry(), service),
        }
    }

    #[cold]
    fn bind(&'static self, registry: &'static Registry, service: Option<&'static Service>) -> &'static Counts {
        if let Some(known) = self.all().find(|counts| counts.is_of(service)) {
            return known;
        }
        let made = self.register_or_report(registry, service);
        self.off.store(made.is_off(), Relaxed);
        let one = ONE_AT_A_TIME.lock();
        // As many as a program has measured functions, and default methods of traits have services.
        let counts = self.all().find(|counts| counts.is_of(service)).unwrap_or_else(|| {
            let counts = &*Box::leak(Box::new(made));
            let last = self.all().last().map_or(&self.bound, |last| &last.next);
            last.store(std::ptr::from_ref(counts).cast_mut(), Release);
            counts
        });
        drop(one);
        counts
    }

    /// Its counts for each service that it runs for.
    fn all(&self) -> impl Iterator<Item = &'static Counts> + use<> {
        std::iter::successors(Counts::at(&self.bound), |counts| Counts::at(&counts.next))
    }

    /// Puts other counts into the place of some.
    fn replace(&self, old: &'static Counts, new: impl FnOnce() -> &'static Counts) {
        let one = ONE_AT_A_TIME.lock();
        let places = std::iter::once(&self.bound).chain(self.all().map(|counts| &counts.next));
        let place = places.into_iter().find(|place| std::ptr::eq(place.load(Acquire), old));
        if let Some(place) = place {
            let new = new();
            new.next.store(old.next.load(Acquire), Release);
            place.store(std::ptr::from_ref(new).cast_mut(), Release);
        }
        drop(one);
    }

    /// Sets whether it records, and how often it is timed.
    pub(crate) fn configure(&'static self) {
        for counts in self.all().collect::<Vec<_>>() {
            let Some(families) = counts.families else { continue };
            let (sampled, labels) = (self.sampled(counts.families), self.ruled_labels(families, counts.service));
            if sampled != counts.sampled() || *labels != *counts.labels {
                self.replace(counts, || Box::leak(Box::new(Counts { labels, ..counts.with(sampled) })));
            }
        }
        self.off.store(self.all().next().is_some() && self.all().all(Counts::is_off), Relaxed);
    }

    /// Which calls are timed: as is set for its durations, as its author says, or as is set for all.
    fn sampled(&self, families: Option<Families>) -> Sampled {
        match (families.map(|families| families.times.set()), self.text.every) {
            (_, Some(0)) => Sampled::OneIn(0),
            (Some(set), every) => set.sample.or(every.map(Sampled::OneIn)).unwrap_or(set.default_sample),
            (None, every) => Sampled::OneIn(every.unwrap_or(1)),
        }
    }

    fn register_or_report(&'static self, registry: &'static Registry, service: Option<&'static Service>) -> Counts {
        // Two functions may have the same identity and then share their slots: one at a time.
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let one = ONE_AT_A_TIME.lock();
        let counts = self.register(registry, service);
        drop(one);
        counts.unwrap_or_else(|error| {
            report(self.text.function, error.to_string());
            let nowhere = registry.nowhere(Kind::Histogram);
            self.counting(service, nowhere.slot(), nowhere.family().shape, None, Ruled::own(LabelSet::default()))
        })
    }

    fn counting(
        &'static self,
        service: Option<&'static Service>,
        base: u32,
        shape: Shape,
        families: Option<Families>,
        labels: Ruled,
    ) -> Counts {
        let totals = service.map(Service::totals);
        let counts = Counts {
            action: self,
            service,
            totals,
            base,
            every: 1,
            share: 1 << 32,
            pace: None,
            shape,
            families,
            labels,
            polls: Once::new(),
            known: Known::of_site(),
            rest: OnceLock::new(),
            next: AtomicPtr::default(),
        };
        counts.with(self.sampled(families))
    }

    /// A family of this action.
    fn definition(&self, kind: Kind, name: &str, help: &'static str) -> Definition {
        let text = &self.text;
        let stem = if text.event.is_some() { "event" } else { text.name };
        let mut definition = Definition::new(kind, format!("{}{stem}{name}", text.prefix), help).at(text.source);
        definition.buckets = if kind == Kind::Histogram { text.buckets } else { None };
        definition
    }

    /// The labels of all its series, of which the author's own are under the rules.
    fn ruled_labels(&self, families: Families, of: Option<&'static Service>) -> Ruled {
        let text = &self.text;
        let own = match text.event {
            None => ("action", text.function),
            Some(event) => ("event", event),
        };
        let service = text.service.or(of.map(Service::name)).map(|service| ("service", service));
        let own = Family::labels(service.into_iter().chain([own]));
        let literal = text.labels.iter().filter(|(name, _)| own.get(name).is_none()).copied();
        families.rules().rule((*own).clone(), Family::pairs(literal))
    }

    fn register(
        &'static self,
        registry: &'static Registry,
        of: Option<&'static Service>,
    ) -> Result<Counts, RegisterError> {
        let text = &self.text;
        let family = |kind, name, help| {
            let definition = self.definition(kind, name, help);
            if kind == Kind::Histogram && text.every == Some(0) {
                // By which the results of a label set are found all the same.
                return Ok(registry.unexported(&definition));
            }
            registry.family(&definition)
        };
        let (requests, times, started) = if text.event.is_some() {
            let failures = family(Kind::Counter, "_failures_total", "Events whose handler failed or panicked.")?;
            let times = family(Kind::Histogram, "_processing_time_seconds", "How long events took to be handled.")?;
            let received = family(Kind::Counter, "_received_total", "Events that were received.")?;
            (Requests::Failures(failures), times, received)
        } else {
            let requests = family(Kind::Counter, "_requests_total", "Calls that ended, by outcome.")?;
            let times = family(Kind::Histogram, "_duration_seconds", "How long calls took.")?;
            let active = family(Kind::Gauge, "_active_requests", "Calls that are running.")?;
            (Requests::ByOutcome(requests), times, active)
        };
        let families = Families { requests, times, started };
        let shape = times.shape;
        let labels = self.ruled_labels(families, of);

        // Two functions of one name and service are one action to whoever looks at it, though one may
        // have labels or no durations; so each allocates all that the other may need.
        let known = started.find(&labels).filter(|known| known.is_of_function()).map(|known| known.slot());
        let slots = RESULTS + TIMES + HEADER + shape.table.buckets().len();
        let base = match known {
            Some(base) => base,
            None => registry.allocate(RESULTS + TIMES + HEADER, slots).ok_or_else(out_of_slots)?,
        };
        let slots = match requests {
            Requests::ByOutcome(_) => Slots::Difference { started: base + STARTED, finished: base + FINISHED },
            Requests::Failures(_) => Slots::Own(base + STARTED),
        };
        let mut adopted = started.adopt(labels.clone(), slots);
        if text.keys.is_empty() {
            adopted &= families.adopt(&labels, base + RESULTS, Family::adopt);
        }
        if !adopted && known.is_none() {
            report(
                text.function,
                format!("#[metered] at {} measures what is also measured by hand; remove one of the two", text.source),
            );
        }
        let counts = self.counting(of, base, shape, Some(families), labels);
        if text.future {
            counts.export_polls();
        }
        Ok(counts)
    }
}

fn out_of_slots() -> RegisterError {
    RegisterError::new("there are no slots left; lower the limits or remove labels")
}

type Adopt = fn(&'static Family, Ruled, Slots) -> bool;

impl Families {
    /// What becomes of labels: what it does in every family, since a call has the same ones in all.
    fn rules(self) -> LabelRules {
        let (Requests::ByOutcome(requests) | Requests::Failures(requests)) = self.requests;
        [requests, self.started].iter().fold(self.times.set().labels.clone(), |all, one| all.and(&one.set().labels))
    }

    /// Exports a block of results under these labels.
    fn adopt(self, labels: &Ruled, results: u32, adopt: Adopt) -> bool {
        let counted = match self.requests {
            Requests::Failures(family) => {
                let failed = Slots::Sum(results + Outcome::Error as u32, results + Outcome::Panic as u32);
                adopt(family, labels.clone(), failed)
            }
            Requests::ByOutcome(family) => Outcome::ALL.into_iter().fold(true, |all, outcome| {
                let labels = labels.and_own([("outcome", outcome.as_str())]);
                all & adopt(family, labels, Slots::Own(results + outcome as u32))
            }),
        };
        counted & adopt(self.times, labels.clone(), Slots::Own(results + TIMES))
    }

    /// The durations of these labels, before which the other results are.
    fn known(self, labels: &LabelSet) -> Option<SeriesRef> {
        self.times.find(labels).filter(|known| known.is_of_function())
    }

    /// Where another function of the same name, with or without durations, counts these labels.
    fn counted(self, labels: &LabelSet) -> Option<u32> {
        let (family, labels, first) = match self.requests {
            Requests::Failures(family) => (family, labels.clone(), Outcome::Error),
            Requests::ByOutcome(family) => {
                let outcome = (Cow::Borrowed("outcome"), Arc::from(Outcome::Ok.as_str()));
                (family, labels.with([outcome]), Outcome::Ok)
            }
        };
        let known = family.find(&labels).filter(|known| known.is_of_function())?;
        Some(known.slot() - first as u32)
    }

    fn results(self, labels: &Ruled, rest: &Ruled) -> SeriesRef {
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        if let Some(known) = self.known(labels) {
            return known;
        }
        let one = ONE_AT_A_TIME.lock();
        let room = self.times.has_room();
        let series = self.find_or_adopt(registry(), if room { labels } else { rest });
        drop(one);
        if !room {
            self.times.count_folded();
        }
        series
    }

    fn find_or_adopt(self, registry: &'static Registry, labels: &Ruled) -> SeriesRef {
        if let Some(known) = self.known(labels) {
            return known;
        }
        let slots = TIMES + HEADER + self.times.shape.table.buckets().len();
        if let Some(results) = self.counted(labels).or_else(|| registry.allocate(TIMES + HEADER, slots)) {
            self.adopt(labels, results, Family::adopt_given);
        }
        self.known(labels).unwrap_or_else(|| registry.nowhere(Kind::Histogram))
    }
}

impl Counts {
    /// The counts that are there, if any are.
    #[inline(always)]
    fn at(place: &AtomicPtr<Self>) -> Option<&'static Self> {
        // SAFETY: null, or what `bind` or `replace` has put there, which stays.
        unsafe { place.load(Acquire).as_ref() }
    }

    /// The same counts, with others of their calls timed.
    fn with(&self, sampled: Sampled) -> Self {
        let (every, pace) = match sampled {
            Sampled::OneIn(every) => (every, None),
            Sampled::PerSecond(wanted) => (1, Some(Pace::new(wanted))),
        };
        let known = Self { every, pace: pace.map(|pace| &*Box::leak(Box::new(pace))), ..self.copy() };
        known.with_share()
    }

    /// The same with one in so many calls timed, by the same pace.
    fn at_level(&self, every: u32) -> Self {
        Self { every, ..self.copy() }.with_share()
    }

    fn with_share(mut self) -> Self {
        self.share = match (self.every, self.pace) {
            (0, _) => 0,
            // So that one in some looks at the clock for the pace; it is timed as well.
            (1, Some(_)) => (1 << 32) - (1 << 32) / u64::from(LOOKS),
            (every, _) => (1 << 32) / u64::from(every),
        };
        self
    }

    fn copy(&self) -> Self {
        Self {
            labels: self.labels.clone(),
            polls: Once::new(),
            known: Known::of_site(),
            rest: OnceLock::new(),
            next: AtomicPtr::default(),
            ..*self
        }
    }

    /// Whether all that it records is turned off.
    fn is_off(&self) -> bool {
        let Some(Families { requests, times, started }) = self.families else { return false };
        let (Requests::ByOutcome(requests) | Requests::Failures(requests)) = requests;
        [requests, times, started].iter().all(|family| family.is_off()) && self.service.is_none_or(Service::is_off)
    }

    fn sampled(&self) -> Sampled {
        self.pace.map_or(Sampled::OneIn(self.every), |pace| Sampled::PerSecond(pace.wanted()))
    }

    #[inline(always)]
    fn is_of(&self, service: Option<&'static Service>) -> bool {
        self.service.map(std::ptr::from_ref) == service.map(std::ptr::from_ref)
    }

    /// Exports how the future of the action is polled; a function without one has no such series.
    #[inline]
    pub(super) fn export_polls(&self) {
        if !self.polls.is_completed() {
            self.polls.call_once(|| self.adopt_polls());
        }
    }

    fn adopt_polls(&self) {
        // Two actions that are one have these series already; nowhere needs none, nor who is not timed.
        if self.families.is_none() || self.every == 0 {
            return;
        }
        let family = |name, help| registry().family(&self.action.definition(Kind::Counter, name, help));
        let busy = family(
            "_busy_seconds_total",
            "Time that the futures of calls were polled for; the rest of their duration they waited.",
        );
        let slow = family(
            "_slow_polls_total",
            "Polls that took longer than the slow-poll threshold, during which nothing else ran on the worker.",
        );
        for (family, slots) in [(busy, Slots::Nanos(self.base + BUSY)), (slow, Slots::Own(self.base + SLOW))] {
            match family {
                Ok(family) => drop(family.adopt(self.labels.clone(), slots)),
                Err(error) => report(self.action.text.function, error.to_string()),
            }
        }
    }

    #[inline]
    pub(super) fn keys(&self) -> &'static [&'static str] {
        self.action.text.keys
    }

    /// Whether each call is a span.
    #[inline]
    pub(super) fn is_span(&self) -> bool {
        self.action.text.span
    }

    /// Whether each call has a frame.
    #[inline]
    pub(super) fn is_framed(&self) -> bool {
        !self.keys().is_empty() || self.is_span()
    }

    /// Counts the start of a call, and tells whether it is to be timed.
    #[inline(always)]
    pub(super) fn start(&self) -> bool {
        let started = match shard::cell(self.base + STARTED) {
            Some(cell) => {
                cell.add(1);
                cell.get()
            }
            None => self.start_cold(),
        };
        if let Some(totals) = self.totals {
            totals.start();
        }
        self.is_sampled(started)
    }

    #[cold]
    #[inline(never)]
    fn start_cold(&self) -> u64 {
        metric::add_to_counter(self.base + STARTED, 1);
        1
    }

    /// Whether this thread's call of this number is timed: spread evenly over them, but in no
    /// pattern that calls could have as well.
    #[inline(always)]
    fn is_sampled(&self, started: u64) -> bool {
        const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
        started.wrapping_mul(GOLDEN) >> 32 < self.share || self.every == 1 && self.look()
    }

    /// One in some calls, of all that are timed, tells the pace of them. It is timed as the others are.
    #[cold]
    #[inline(never)]
    fn look(&self) -> bool {
        self.pass(LOOKS);
        true
    }

    /// Tells the pace that so many calls have come by, and does as it says.
    fn pass(&self, calls: u32) {
        let Some(every) = self.pace.and_then(|pace| pace.pass(calls)).filter(|every| *every != self.every) else {
            return;
        };
        if let Some(counts) = self.action.all().find(|counts| counts.is_of(self.service)) {
            let made = || self.pace.map_or(counts, |pace| pace.level(every, || counts.at_level(every)));
            self.action.replace(counts, made);
        }
    }

    /// Counts the end of a call that was timed, as all are.
    #[inline(always)]
    pub(super) fn finish(&self, outcome: Outcome, nanos: u64) {
        match shard::cells(self.base) {
            Some(cells) => {
                cells.at(FINISHED).add(1);
                cells.at(RESULTS + outcome as u32).add(1);
                metric::observe_nanos_in(cells, RESULTS + TIMES, self.base + RESULTS + TIMES, self.shape, nanos, 1);
            }
            None => self.finish_cold(outcome, nanos),
        }
        if let Some(totals) = self.totals {
            totals.finish(outcome, nanos);
        }
    }

    #[cold]
    #[inline(never)]
    fn finish_cold(&self, outcome: Outcome, nanos: u64) {
        metric::add_to_counter(self.base + RESULTS + outcome as u32, 1);
        metric::observe_nanos(self.base + RESULTS + TIMES, self.shape, nanos);
        metric::add_to_counter(self.base + FINISHED, 1);
    }

    /// Counts the end of a call that was not timed.
    #[inline(always)]
    pub(super) fn finish_untimed(&self, outcome: Outcome) {
        match shard::cells(self.base) {
            Some(cells) => {
                cells.at(FINISHED).add(1);
                cells.at(RESULTS + outcome as u32).add(1);
            }
            None => self.finish_untimed_cold(outcome),
        }
        if let Some(totals) = self.totals {
            totals.finish_untimed(outcome);
        }
    }

    #[cold]
    #[inline(never)]
    fn finish_untimed_cold(&self, outcome: Outcome) {
        metric::add_to_counter(self.base + RESULTS + outcome as u32, 1);
        metric::add_to_counter(self.base + FINISHED, 1);
    }

    /// Counts the end of a call whose duration stands for those of others.
    #[inline(never)]
    pub(super) fn finish_sampled(&self, outcome: Outcome, nanos: u64) {
        self.finish_untimed(outcome);
        self.observe_sampled(self.base + RESULTS + TIMES, nanos);
        if self.pace.is_some() {
            self.pass(self.every);
        }
    }

    fn observe_sampled(&self, slot: u32, nanos: u64) {
        metric::observe_sampled(slot, self.shape, nanos, self.every.into());
        if let Some(totals) = self.totals {
            totals.observe_sampled(nanos, self.every.into());
        }
    }

    /// Whether each call is timed.
    #[inline(always)]
    pub(super) fn times_all(&self) -> bool {
        self.every == 1
    }

    /// Counts one poll of a future that is timed.
    #[inline]
    pub(super) fn polled(&self, nanos: u64, slow: bool) {
        metric::add_to_counter(self.base + BUSY, nanos.wrapping_mul(self.every.into()));
        if slow {
            metric::add_to_counter(self.base + SLOW, self.every.into());
        }
    }

    /// Counts the end of a call whose labels are known only now.
    pub(super) fn finish_labelled(&'static self, outcome: Outcome, nanos: Option<u64>, frame: &Frame) {
        let slot = self.known.slot_of(self.keys().len(), |at| frame.value(at), || self.results(frame));
        metric::add_to_counter(slot - TIMES + outcome as u32, 1);
        metric::add_to_counter(self.base + FINISHED, 1);
        match (nanos, self.totals) {
            (None, None) => {}
            (None, Some(totals)) => totals.finish_untimed(outcome),
            (Some(nanos), totals) if self.times_all() => {
                metric::observe_nanos(slot, self.shape, nanos);
                if let Some(totals) = totals {
                    totals.finish(outcome, nanos);
                }
            }
            (Some(nanos), totals) => {
                if let Some(totals) = totals {
                    totals.finish_untimed(outcome);
                }
                self.observe_sampled(slot, nanos);
                if self.pace.is_some() {
                    self.pass(self.every);
                }
            }
        }
    }

    /// The series of durations for these label values; the counts by outcome lie before it.
    #[cold]
    fn results(&self, frame: &Frame) -> SeriesRef {
        let Some(families) = self.families else { return registry().nowhere(Kind::Histogram) };
        let known = if families.rules().keep_all() { self.find_results(families.times, frame) } else { None };
        known.unwrap_or_else(|| families.results(&self.labels_of(frame), self.rest().labels()))
    }

    /// The same, if it is there, as it is for whatever comes beyond the limit. Nothing is allocated.
    fn find_results(&self, times: &Family, frame: &Frame) -> Option<SeriesRef> {
        let mut pairs = Pairs::new();
        for (name, value) in self.labels.iter() {
            pairs.add(name, LabelText::borrowed(value))?;
        }
        for (at, key) in self.keys().iter().enumerate() {
            let value = LabelText::from(frame.value(at));
            if !value.is_empty() {
                pairs.add(key, value)?;
            }
        }
        times.find_or_fold(pairs.iter(), || self.rest(), true).filter(|known| known.is_of_function())
    }

    /// What is beyond the limit.
    pub(super) fn rest(&self) -> &Rest {
        self.rest.get_or_init(|| Rest::of(&self.labels))
    }

    /// The labels of a call that was given these.
    pub(super) fn labels_of(&self, frame: &Frame) -> Ruled {
        let Some(families) = self.families else { return self.labels.clone() };
        let value = |at| LabelText::from(frame.value(at));
        let given = self.keys().iter().enumerate().filter(|(at, _)| !value(*at).is_empty());
        let given = given.map(|(at, key)| (Cow::Borrowed(*key), Arc::from(&*value(at))));
        families.rules().rule((*self.labels).clone(), given)
    }
}
