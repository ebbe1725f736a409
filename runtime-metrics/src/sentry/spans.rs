//! Sentry's spans as what is recorded sees them: the current one, and those made for a measurement.

use super::RuntimeMetricsIntegration;
use super::summary::{self, KEY, Named};
use crate::exemplar::Place;
use crate::internal;
use crate::lock::Mutex;
use crate::registry::Series;
use crate::registry::observer::{Bind, Observer, OwnSpan, Span};
use crate::status::report;
use sentry_core::protocol::{SpanStatus, Value as Json};
use sentry_core::{Hub, HubSwitchGuard, TransactionOrSpan};
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Weak};

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
                Bind::Now => Box::new(Scoped::begin(hub, parent, span)) as Box<dyn OwnSpan>,
                Bind::Between => Box::new(Switched::new(&hub, span)),
            })
        })
        .flatten()
    }
}

thread_local! {
    /// Sentry is being asked, which may record as well: an allocator does. It is not asked again then.
    static ASKING: Cell<bool> = const { Cell::new(false) };
    /// Made after this thread's hub, and so gone before it: while this is there, so is the hub.
    static HUB_IS_THERE: HubIsThere = HubIsThere::new();
    /// What the calls that are spans have switched, innermost last.
    static SWITCHED: RefCell<Vec<Option<HubSwitchGuard>>> = const { RefCell::new(Vec::new()) };
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

/// Asks Sentry something, unless it is being asked.
fn guarded<R>(ask: impl FnOnce() -> R) -> Option<R> {
    if ASKING.get() { None } else { shielded(ask) }
}

/// Asks Sentry something, and lets nothing of what it does out: it panics where the program has
/// panicked under one of its locks.
fn shielded<R>(ask: impl FnOnce() -> R) -> Option<R> {
    let before = ASKING.replace(true);
    let answer = catch_unwind(AssertUnwindSafe(|| HUB_IS_THERE.try_with(|_| ()).ok().map(|()| ask())));
    ASKING.set(before);
    answer.unwrap_or_else(|panic| {
        let told = crate::collect::text_of(&*panic);
        report(
            "sentry",
            format!("a span could not be told of a record: {told}; what is recorded is counted all the same"),
        );
        None
    })
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
    sampled.then(|| (hub, innermost(bound)))
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

impl Span for TransactionOrSpan {
    fn add(&self, series: &'static Series, value: f64) {
        let Some(named) = Named::of(series).filter(|_| value.is_finite()) else { return };
        let added = match self {
            Self::Span(span) => summary::add(span.data().entry(KEY.to_owned()).or_default(), &named, value),
            Self::Transaction(transaction) => {
                let mut data = transaction.data();
                let mut all = data.iter().find(|(key, _)| *key == KEY).map_or(Json::Null, |(_, all)| all.clone());
                let added = summary::add(&mut all, &named, value);
                data.set_data(KEY.into(), all);
                added
            }
        };
        if !added {
            internal::summary_full();
        }
        series.offer(value, || place(self));
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

/// A span that is current from its making to its end: what `timer!` makes.
#[derive(Debug)]
struct Scoped(Arc<Timed>);

/// Where such a span is current.
#[derive(Debug)]
struct Timed {
    span: TransactionOrSpan,
    parent: TransactionOrSpan,
    /// The task that it was made in, if that can be told.
    task: Option<Task>,
    /// The hub whose scope it was put into, and what was there before.
    home: Option<(Arc<Hub>, Before)>,
    over: AtomicBool,
}

/// What was current before.
#[derive(Debug)]
enum Before {
    /// One that may end before the one that came after it.
    Ours(Arc<Timed>),
    Theirs(Option<TransactionOrSpan>),
}

/// Those that run, oldest first.
static TIMED: Mutex<Vec<Weak<Timed>>> = Mutex::new(Vec::new());
/// How many that are: most of the time none, and nobody looks.
static RUNNING: AtomicUsize = AtomicUsize::new(0);

#[cfg(feature = "tokio-runtime")]
type Task = tokio::task::Id;
#[cfg(not(feature = "tokio-runtime"))]
type Task = ();

/// The task that runs on this thread, if it is one of Tokio's.
fn task() -> Option<Task> {
    #[cfg(feature = "tokio-runtime")]
    return tokio::task::try_id();
    #[cfg(not(feature = "tokio-runtime"))]
    None
}

/// The innermost of the timed spans below this one that is current wherever this one is.
///
/// The scope of a hub tells of most of them. But `sentry-tracing` makes a hub for each poll, and a
/// worker's own hub is no place for what belongs to one of its tasks: there they are found by their
/// parent and their task.
fn innermost(mut span: TransactionOrSpan) -> TransactionOrSpan {
    if RUNNING.load(Relaxed) == 0 {
        return span;
    }
    let task = task();
    let all = TIMED.lock();
    let found = |span: &TransactionOrSpan| {
        let mut running = all.iter().rev().filter_map(Weak::upgrade);
        running.find(|timed| timed.parent == *span && timed.task == task && timed.is_homeless())
    };
    while let Some(timed) = found(&span) {
        span = timed.span.clone();
    }
    span
}

impl Timed {
    /// Whether no scope tells of it any more.
    fn is_homeless(&self) -> bool {
        !self.over.load(Relaxed) && self.home.as_ref().is_none_or(|(hub, _)| Arc::strong_count(hub) == 1)
    }

    /// What is current once this is over: whichever before it has not ended yet.
    fn before(&self) -> Option<TransactionOrSpan> {
        match &self.home.as_ref()?.1 {
            Before::Theirs(span) => span.clone(),
            Before::Ours(timed) if timed.over.load(Relaxed) => timed.before(),
            Before::Ours(timed) => Some(timed.span.clone()),
        }
    }
}

impl Scoped {
    fn begin(hub: Arc<Hub>, parent: TransactionOrSpan, span: TransactionOrSpan) -> Self {
        let task = task();
        // A hub that only this thread has: other tasks run in it while this one waits.
        let workers_own = Arc::strong_count(&hub) == 2 || Arc::ptr_eq(&hub, &Hub::main());
        let home = (task.is_none() || !workers_own).then(|| {
            let before = hub.configure_scope(|scope| {
                let before = scope.get_span();
                scope.set_span(Some(span.clone()));
                before
            });
            let all = TIMED.lock();
            let ours = all.iter().filter_map(Weak::upgrade).find(|timed| Some(&timed.span) == before.as_ref());
            (hub, ours.map_or(Before::Theirs(before), Before::Ours))
        });
        let timed = Arc::new(Timed { span, parent, task, home, over: AtomicBool::new(false) });
        TIMED.lock().push(Arc::downgrade(&timed));
        RUNNING.fetch_add(1, Relaxed);
        Self(timed)
    }
}

impl Drop for Scoped {
    fn drop(&mut self) {
        let timed = &self.0;
        timed.over.store(true, Relaxed);
        RUNNING.fetch_sub(1, Relaxed);
        TIMED.lock().retain(|other| !std::ptr::eq(other.as_ptr(), Arc::as_ptr(timed)));
        let Some((hub, _)) = &timed.home else { return };
        shielded(|| {
            hub.configure_scope(|scope| {
                // Another may have been put in its place, which then gives way to what is before this.
                if scope.get_span().as_ref() == Some(&timed.span) {
                    scope.set_span(timed.before());
                }
            });
        });
    }
}

impl Span for Scoped {
    fn add(&self, series: &'static Series, value: f64) {
        guarded(|| self.0.span.add(series, value));
    }
}

impl OwnSpan for Scoped {
    fn label(&self, series: &'static Series) {
        guarded(|| label(&self.0.span, series));
    }

    fn enter(&self) {}

    fn leave(&self) {}

    fn end(self: Box<Self>, outcome: &'static str) {
        guarded(|| finish(&self.0.span, outcome));
    }
}

/// A span with a hub of its own, which is the thread's while the call that it stands for runs on it:
/// what `#[metered(span)]` makes. Other tasks of the thread never see it.
#[derive(Debug)]
struct Switched {
    hub: Arc<Hub>,
    span: TransactionOrSpan,
}

impl Switched {
    fn new(hub: &Arc<Hub>, span: TransactionOrSpan) -> Self {
        let hub = Arc::new(Hub::new_from_top(hub));
        hub.configure_scope(|scope| scope.set_span(Some(span.clone())));
        Self { hub, span }
    }
}

impl Span for Switched {
    fn add(&self, series: &'static Series, value: f64) {
        guarded(|| self.span.add(series, value));
    }
}

impl OwnSpan for Switched {
    fn label(&self, series: &'static Series) {
        guarded(|| label(&self.span, series));
    }

    fn enter(&self) {
        let switched = shielded(|| HubSwitchGuard::new(Arc::clone(&self.hub)));
        let _ = SWITCHED.try_with(|all| all.borrow_mut().push(switched));
    }

    fn leave(&self) {
        let _ = SWITCHED.try_with(|all| {
            let switched = all.borrow_mut().pop();
            drop(switched);
        });
    }

    fn end(self: Box<Self>, outcome: &'static str) {
        guarded(|| finish(&self.span, outcome));
    }
}
