//! Sentry's spans as what is recorded sees them: the current one, and those made for a measurement.

mod called;
mod timed;

use super::RuntimeMetricsIntegration;
use super::summary::{self, KEY, Named};
use crate::exemplar::Place;
use crate::internal;
use crate::registry::Series;
use crate::registry::observer::{Bind, Observer, OwnSpan, Span};
use crate::status::report;
use called::Called;
use sentry_core::protocol::{SpanStatus, Value as Json};
use sentry_core::{Hub, TransactionOrSpan};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};
use timed::Scoped;

/// Who tells Sentry's spans of what is recorded in them.
pub(super) struct Spans;

impl Observer for Spans {
    fn current(&self, show: &mut dyn FnMut(&dyn Span)) {
        guarded(|| {
            if let Some((_, span)) = current() {
                show(&span);
            }
        });
    }

    fn begin(&self, name: &str, bind: Bind) -> Option<Box<dyn OwnSpan>> {
        guarded(|| {
            let (hub, parent) = current()?;
            let op = hub.with_integration(|ours: &RuntimeMetricsIntegration| Some(ours.config().span_op.as_str()))?;
            let span = TransactionOrSpan::from(parent.start_child(op, name));
            Some(match bind {
                Bind::Now => Box::new(Scoped::begin(&hub, parent, span)) as Box<dyn OwnSpan>,
                Bind::Between => Box::new(Called::new(span)),
            })
        })
        .flatten()
    }
}

thread_local! {
    /// Sentry is not to be asked on this thread now: it is being asked, and may record as well (an
    /// allocator does), or it calls somebody while it holds its locks.
    static ASKING: Cell<bool> = const { Cell::new(false) };
    /// Until when that holds because Sentry has panicked on this thread.
    static QUIET_UNTIL: Cell<Option<Instant>> = const { Cell::new(None) };
    /// Made after this thread's hub, and so gone before it: while this is there, so is the hub.
    static HUB_IS_THERE: HubIsThere = HubIsThere::new();
}

struct HubIsThere(());

impl HubIsThere {
    fn new() -> Self {
        drop(Hub::current());
        Self(())
    }
}

impl Drop for HubIsThere {
    fn drop(&mut self) {}
}

/// How long a thread does not ask after Sentry has panicked: the program's panic hook may do much each time.
const QUIET: Duration = Duration::from_secs(1);

/// Asks Sentry something, unless it is not to be asked.
fn guarded<R>(ask: impl FnOnce() -> R) -> Option<R> {
    let is_quiet = || QUIET_UNTIL.get().is_some_and(|until| Instant::now() < until);
    if ASKING.get() || is_quiet() { None } else { shielded(ask) }
}

/// Asks Sentry something, and lets nothing of what it does out: it panics where the program has
/// panicked under one of its locks.
fn shielded<R>(ask: impl FnOnce() -> R) -> Option<R> {
    let before = ASKING.replace(true);
    let answer = catch_unwind(AssertUnwindSafe(|| HUB_IS_THERE.try_with(|_| ()).ok().map(|()| ask())));
    ASKING.set(before);
    answer.unwrap_or_else(|panic| {
        QUIET_UNTIL.set(Some(Instant::now() + QUIET));
        let told = crate::collect::text_of(&*panic);
        report(
            "sentry",
            format!("a span could not be told of a record: {told}; what is recorded is counted all the same"),
        );
        None
    })
}

/// Runs something that Sentry calls while it holds its locks: what is recorded there is on no span.
pub(super) fn unasked<R>(run: impl FnOnce() -> R) -> R {
    struct Back(bool);
    impl Drop for Back {
        fn drop(&mut self) {
            ASKING.set(self.0);
        }
    }
    let _back = Back(ASKING.replace(true));
    run()
}

/// On this thread, a thread of the library, nothing is recorded in a span, and Sentry is never asked: it
/// may be waiting for the thread.
pub(super) fn never_ask() {
    ASKING.set(true);
}

/// The span that is current on this thread, with its hub, if it will be sent by a client that has
/// this integration.
fn current() -> Option<(Arc<Hub>, TransactionOrSpan)> {
    let hub = Hub::current();
    if !hub.with_integration(|ours: &RuntimeMetricsIntegration| ours.config().span_summaries) {
        return None;
    }
    let bound = bound(&hub)?;
    // True is reliable: it says that the span will be sent.
    #[allow(deprecated)]
    let sampled = bound.is_sampled();
    sampled.then(|| (hub, timed::innermost(bound)))
}

/// Whether nobody but this thread, its future and we have the hub: what is read from its scope may be
/// written back.
fn is_one_tasks(hub: &Arc<Hub>) -> bool {
    Arc::strong_count(hub) <= 3
}

/// The span that is bound to a hub.
fn bound(hub: &Arc<Hub>) -> Option<TransactionOrSpan> {
    // Reading writes back what was read, which would undo what another thread has set since. The
    // thread and we have this hub, or somebody else has it as well, and we look at a copy.
    if Arc::strong_count(hub) == 2 {
        hub.configure_scope(|scope| scope.get_span())
    } else {
        Hub::new_from_top(hub).configure_scope(|scope| scope.get_span())
    }
}

/// Makes a span the current one of a hub; the one that was.
fn replace(hub: &Hub, span: Option<TransactionOrSpan>) -> Option<TransactionOrSpan> {
    hub.configure_scope(|scope| {
        let before = scope.get_span();
        scope.set_span(span);
        before
    })
}

impl Span for TransactionOrSpan {
    fn add(&self, series: &'static Series, value: f64) {
        let Some(named) = Named::of(series).filter(|_| value.is_finite()) else { return };
        let grown = self.with_summary(|all| summary::grow(all, &named, value));
        // A transaction has room for so much, in all its spans: what is new has to fit. Its ids are asked
        // for while nothing of the span is locked.
        let trace = || place(self).map(|(trace, _)| trace);
        let added =
            grown || (summary::fits(trace(), &named) && self.with_summary(|all| summary::add(all, &named, value)));
        if !added {
            internal::span_full();
        }
        series.offer(value, || place(self));
    }
}

/// What a span has in its own data.
trait Summarised {
    /// Changes the summary, if `change` says that it did.
    fn with_summary(&self, change: impl FnOnce(&mut Json) -> bool) -> bool;
}

impl Summarised for TransactionOrSpan {
    fn with_summary(&self, change: impl FnOnce(&mut Json) -> bool) -> bool {
        match self {
            Self::Span(span) => change(span.data().entry(KEY.to_owned()).or_default()),
            Self::Transaction(transaction) => {
                let mut data = transaction.data();
                let mut all = data.iter().find(|(key, _)| *key == KEY).map_or(Json::Null, |(_, all)| all.clone());
                let changed = change(&mut all);
                if changed {
                    data.set_data(KEY.into(), all);
                }
                changed
            }
        }
    }
}

/// The ids of a span and its trace, as its headers have them: a copy of its context would take longer.
fn place(span: &TransactionOrSpan) -> Option<Place> {
    let (_, header) = span.iter_headers().next()?;
    let mut ids = header.split('-');
    let number = |hex: &str| u128::from_str_radix(hex, 16).ok();
    let (trace, span) = (number(ids.next()?)?, number(ids.next()?)?);
    Some((trace.to_be_bytes(), (span as u64).to_be_bytes()))
}

fn label(span: &TransactionOrSpan, series: &'static Series) {
    for (name, value) in Named::of(series).iter().flat_map(|named| &named.tags) {
        if let Some(value) = value.as_str() {
            span.set_tag(name, value);
        }
    }
}

fn finish(span: &TransactionOrSpan, outcome: &str) {
    span.set_status(match outcome {
        "ok" => SpanStatus::Ok,
        "cancelled" => SpanStatus::Cancelled,
        _ => SpanStatus::InternalError,
    });
    span.clone().finish();
}
