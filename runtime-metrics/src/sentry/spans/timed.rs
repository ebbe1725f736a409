//! A span that is current from its making to its end: what `timer!` makes.
//!
//! Where the hub is its task's alone the span goes into the scope, as programs do it by hand, and so
//! goes wherever the hub does. But `sentry-tracing` makes a hub for each poll, tasks take turns in a
//! worker's own hub, and threads share one: there it is found by its parent and its task.

use super::{finish, guarded, is_one_tasks, label, replace, shielded};
use crate::lock::Mutex;
use crate::registry::Series;
use crate::registry::observer::{OwnSpan, Span};
use sentry_core::{Hub, TransactionOrSpan};
use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Weak};

#[derive(Debug)]
pub(super) struct Scoped(Arc<Timed>);

/// Where such a span is current.
#[derive(Debug)]
struct Timed {
    span: TransactionOrSpan,
    /// The span above it.
    parent: TransactionOrSpan,
    /// That one, if it is one of these: it may end before.
    above: Option<Arc<Self>>,
    task: Task,
    /// The hub whose scope it was put into, and what was there before.
    home: Option<(Weak<Hub>, Option<TransactionOrSpan>)>,
    over: AtomicBool,
}

/// What runs here: one of Tokio's tasks, or whatever else is on this thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Task {
    #[cfg(feature = "tokio-runtime")]
    Tokio(tokio::task::Id),
    Thread(std::thread::ThreadId),
}

impl Task {
    fn current() -> Self {
        #[cfg(feature = "tokio-runtime")]
        if let Some(id) = tokio::task::try_id() {
            return Self::Tokio(id);
        }
        Self::Thread(std::thread::current().id())
    }

    /// Whether others take turns with it on this thread.
    fn takes_turns() -> bool {
        #[cfg(feature = "tokio-runtime")]
        return tokio::runtime::Handle::try_current().is_ok();
        #[cfg(not(feature = "tokio-runtime"))]
        false
    }
}

/// How many of one task's are known: who forgets guards without end has the others found by their hubs.
const OF_A_TASK: usize = 64;
/// How many groups of tasks have a lock of their own.
const GROUPS: usize = 32;

/// Those that run, oldest first.
type Running = HashMap<Task, Vec<Weak<Timed>>>;

static RUNNING: [Mutex<Option<Running>>; GROUPS] = [const { Mutex::new(None) }; GROUPS];
/// How many there are: most of the time none, and nobody looks.
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// The timed spans of a task.
fn of<R>(task: Task, look: impl FnOnce(&mut Running) -> R) -> R {
    let group = BuildHasherDefault::<DefaultHasher>::default().hash_one(task) as usize % GROUPS;
    look(RUNNING[group].lock().get_or_insert_default())
}

/// The innermost of the timed spans below this one that is current where this one is, and that no
/// scope tells of.
pub(super) fn innermost(mut span: TransactionOrSpan) -> TransactionOrSpan {
    if COUNT.load(Relaxed) == 0 {
        return span;
    }
    let task = Task::current();
    let running: Vec<Arc<Timed>> =
        of(task, |running| running.get(&task).into_iter().flatten().filter_map(Weak::upgrade).collect());
    while let Some(timed) = running.iter().rev().find(|timed| *timed.parent() == span && timed.is_homeless()) {
        span = timed.span.clone();
    }
    span
}

impl Timed {
    fn is_homeless(&self) -> bool {
        !self.over.load(Relaxed) && self.home.as_ref().is_none_or(|(hub, _)| hub.strong_count() == 0)
    }

    /// The span above it that has not ended, as far as can be told.
    fn parent(&self) -> &TransactionOrSpan {
        self.above.as_ref().filter(|above| above.over.load(Relaxed)).map_or(&self.parent, |above| above.parent())
    }

    /// What is current once this is over: what was before it, unless that has ended.
    fn before(&self) -> Option<TransactionOrSpan> {
        let before = self.home.as_ref()?.1.as_ref()?;
        Some(if *before == self.parent { self.parent().clone() } else { before.clone() })
    }
}

impl Scoped {
    pub(super) fn begin(hub: &Arc<Hub>, parent: TransactionOrSpan, span: TransactionOrSpan) -> Self {
        let task = Task::current();
        let threads_own = Arc::strong_count(hub) == 2 || Arc::ptr_eq(hub, &Hub::main());
        let has_home = is_one_tasks(hub) && !(threads_own && Task::takes_turns());
        let above = of(task, |running| {
            let mut running = running.get(&task).into_iter().flatten().filter_map(Weak::upgrade);
            running.find(|timed| timed.span == parent)
        });
        let home = has_home.then(|| (Arc::downgrade(hub), replace(hub, Some(span.clone()))));
        let timed = Arc::new(Timed { span, parent, above, task, home, over: AtomicBool::new(false) });
        of(task, |running| {
            let running = running.entry(task).or_default();
            if running.len() >= OF_A_TASK {
                running.remove(0);
            }
            running.push(Arc::downgrade(&timed));
        });
        COUNT.fetch_add(1, Relaxed);
        Self(timed)
    }
}

impl Drop for Scoped {
    fn drop(&mut self) {
        let timed = &self.0;
        timed.over.store(true, Relaxed);
        COUNT.fetch_sub(1, Relaxed);
        of(timed.task, |running| {
            if let Some(of_task) = running.get_mut(&timed.task) {
                of_task.retain(|other| !std::ptr::eq(other.as_ptr(), Arc::as_ptr(timed)));
                if of_task.is_empty() {
                    running.remove(&timed.task);
                }
            }
        });
        let Some(hub) = timed.home.as_ref().and_then(|(hub, _)| hub.upgrade()) else { return };
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
