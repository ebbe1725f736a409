//! A service: what the metered methods of one type add up to.

use super::Outcome;
use crate::metric::{self, HEADER, Kind};
use crate::registry::{Definition, Family, RegisterError, Registry, Shape, Slots, Source, registry};
use crate::shard::{self, Sink};
use crate::status::report;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::OnceLock;

/// The static that `#[metrics]` leaves for a type.
#[doc(hidden)]
#[derive(Debug)]
pub struct Service {
    name: &'static str,
    prefix: &'static str,
    events: bool,
    source: Source,
    bound: OnceLock<Totals>,
}

/// Where a service counts: started, finished, errors, and then the histogram.
#[derive(Debug)]
pub(crate) struct Totals {
    base: u32,
    shape: Shape,
    /// None where they lead nowhere.
    families: Option<[&'static Family; 4]>,
}

const STARTED: u32 = 0;
const FINISHED: u32 = 1;
const ERRORS: u32 = 2;
const TIMES: u32 = 3;

/// Makes or finds a family of a kind, a name and a description.
type NewFamily<'a> = dyn Fn(Kind, &str, &'static str) -> Result<&'static Family, RegisterError> + 'a;

impl Service {
    pub const fn new(name: &'static str, source: Source) -> Self {
        Self { name, prefix: "", events: false, source, bound: OnceLock::new() }
    }

    pub const fn prefix(mut self, prefix: &'static str) -> Self {
        self.prefix = prefix;
        self
    }

    pub const fn events(mut self) -> Self {
        self.events = true;
        self
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Whether all that it records is turned off.
    pub(super) fn is_off(&self) -> bool {
        let families = self.bound.get().and_then(|totals| totals.families);
        families.is_some_and(|families| families.iter().all(|family| family.is_off()))
    }

    pub(crate) fn bind(&'static self, registry: &'static Registry) -> &'static Totals {
        if let Some(totals) = self.bound.get() {
            return totals;
        }
        let totals = self.register(registry).unwrap_or_else(|error| {
            report(self.name, error.to_string());
            // Beyond the place of each of our slots, what leads nowhere has room for all of them.
            Totals {
                base: registry.nowhere(Kind::Histogram).slot(),
                shape: registry.nowhere(Kind::Histogram).family().shape,
                families: None,
            }
        });
        self.bound.get_or_init(|| totals)
    }

    fn register(&self, registry: &'static Registry) -> Result<Totals, RegisterError> {
        let family = |kind, name: &str, help| {
            registry.family(&Definition::new(kind, format!("{}{name}", self.prefix), help).at(self.source))
        };
        let requests = family(Kind::Counter, "service_requests_total", "Calls of the service's methods that ended.")?;
        let active =
            family(Kind::Gauge, "service_active_requests", "Calls of the service's methods that are running.")?;
        let errors =
            family(Kind::Counter, "service_errors_total", "Calls of the service's methods that failed or panicked.")?;
        let times =
            family(Kind::Histogram, "service_response_time_seconds", "How long calls of the service's methods took.")?;
        let labels = || Family::labels([("service", self.name)]);
        // Two types of one name are one service to whoever looks at it.
        if let Some(known) = times.find(&labels()) {
            let families = Some([requests, active, errors, times]);
            return Ok(Totals { base: known.slot() - TIMES, shape: times.shape, families });
        }
        let base = registry
            .allocate(TIMES + HEADER, TIMES + HEADER + times.shape.table.buckets().len())
            .ok_or_else(|| RegisterError::new("there are no slots left; lower the limits or remove labels"))?;
        let adopted = requests.adopt(labels(), Slots::Own(base + FINISHED))
            & active.adopt(labels(), Slots::Difference { started: base + STARTED, finished: base + FINISHED })
            & errors.adopt(labels(), Slots::Own(base + ERRORS))
            & times.adopt(labels(), Slots::Own(base + TIMES));
        let adopted = adopted && (!self.events || self.publishes(&family, base)?);
        if !adopted {
            report(
                self.name,
                format!(
                    "#[metrics] at {} measures a service that is also measured by hand; remove one of the two",
                    self.source
                ),
            );
        }
        Ok(Totals { base, shape: times.shape, families: Some([requests, active, errors, times]) })
    }

    /// Calls that are also publications: the same slots, under the names of events.
    fn publishes(&self, family: &NewFamily<'_>, base: u32) -> Result<bool, RegisterError> {
        let published = family(Kind::Counter, "event_published_total", "Events that were published, or failed to be.")?;
        let failures = family(Kind::Counter, "event_publish_failures_total", "Events that failed to be published.")?;
        let times = family(Kind::Histogram, "event_publish_time_seconds", "How long it took to publish events.")?;
        let labels = || Family::labels([("service", self.name)]);
        Ok(published.adopt(labels(), Slots::Own(base + FINISHED))
            & failures.adopt(labels(), Slots::Own(base + ERRORS))
            & times.adopt(labels(), Slots::Own(base + TIMES)))
    }

    #[inline]
    pub(crate) fn totals(&'static self) -> &'static Totals {
        match self.bound.get() {
            Some(totals) => totals,
            None => self.bind(registry()),
        }
    }
}

impl Totals {
    #[inline(always)]
    pub(super) fn start(&self) {
        metric::add_to_counter(self.base + STARTED, 1);
    }

    #[inline(always)]
    pub(super) fn finish(&self, outcome: Outcome, nanos: u64) {
        let Some(cells) = shard::cells(self.base) else { return self.finish_cold(outcome, nanos) };
        if outcome.is_failure() {
            cells.at(ERRORS).add(1);
        }
        cells.at(FINISHED).add(1);
        metric::observe_nanos_in(cells, TIMES, self.base + TIMES, self.shape, nanos, 1);
    }

    /// As `finish`, of a call that was not timed.
    #[inline]
    pub(super) fn finish_untimed(&self, outcome: Outcome) {
        if outcome.is_failure() {
            metric::add_to_counter(self.base + ERRORS, 1);
        }
        metric::add_to_counter(self.base + FINISHED, 1);
    }

    /// A duration that stands for so many.
    pub(super) fn observe_sampled(&self, nanos: u64, alike: u64) {
        metric::observe_sampled(self.base + TIMES, self.shape, nanos, alike);
    }

    #[cold]
    #[inline(never)]
    fn finish_cold(&self, outcome: Outcome, nanos: u64) {
        self.finish_untimed(outcome);
        metric::observe_nanos(self.base + TIMES, self.shape, nanos);
    }
}

/// A type that `#[metrics]` made a service.
///
/// ```
/// use runtime_metrics::{MeasuredService, metrics};
///
/// #[metrics]
/// struct Checkout;
///
/// fn is_service<T: MeasuredService>() {}
/// is_service::<Checkout>();
/// ```
#[diagnostic::on_unimplemented(note = "put `#[metrics]` on the struct to make `{Self}` a measured service")]
pub trait MeasuredService {
    #[doc(hidden)]
    fn service() -> &'static Service;
}

/// The service of a type that is one; derefs to the answer of all others, as with outcomes.
#[doc(hidden)]
pub struct ServiceProbe<T: ?Sized>(NoService, PhantomData<T>);

#[doc(hidden)]
#[derive(Debug)]
pub struct NoService;

impl<T: ?Sized> std::fmt::Debug for ServiceProbe<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ServiceProbe")
    }
}

impl<T: ?Sized> ServiceProbe<T> {
    pub const NEW: Self = Self(NoService, PhantomData);
}

impl<T: ?Sized> Deref for ServiceProbe<T> {
    type Target = NoService;
    #[inline(always)]
    fn deref(&self) -> &NoService {
        &self.0
    }
}

impl<T: MeasuredService + ?Sized> ServiceProbe<T> {
    #[inline]
    pub fn __runtime_metrics_service(&self) -> Option<&'static Service> {
        Some(T::service())
    }
}

impl NoService {
    #[allow(clippy::unused_self)] // its type is the answer
    #[inline]
    pub fn __runtime_metrics_service(&self) -> Option<&'static Service> {
        None
    }
}
