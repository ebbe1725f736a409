//! The span of a call, current while the call runs on a thread: what `#[metered(span)]` makes.

use super::{finish, guarded, is_one_tasks, label, replace, shielded};
use crate::lock::Mutex;
use crate::registry::Series;
use crate::registry::observer::{OwnSpan, Span};
use sentry_core::{Hub, HubSwitchGuard, TransactionOrSpan};
use std::cell::RefCell;
use std::sync::{Arc, Weak};

thread_local! {
    /// What the calls on this thread have switched, innermost last.
    static SWITCHED: RefCell<Vec<Option<HubSwitchGuard>>> = const { RefCell::new(Vec::new()) };
}

#[derive(Debug)]
pub(super) struct Called {
    span: TransactionOrSpan,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// What is current in the call: its span, or one that the program has bound below it.
    inner: Option<TransactionOrSpan>,
    /// A hub of the call's own, where others have the task's hub as well.
    own: Option<Arc<Hub>>,
    running: Running,
}

/// Where the call runs.
#[derive(Debug)]
enum Running {
    Nowhere,
    /// In this hub, which is the task's alone: what the program does to the scope there stays when the call
    /// is over, as it would without us.
    In(Weak<Hub>, Option<TransactionOrSpan>),
    /// In a hub of its own: other threads that have the same hub must not see its span.
    Switched,
}

impl Called {
    pub(super) fn new(span: TransactionOrSpan) -> Self {
        let state = State { inner: Some(span.clone()), own: None, running: Running::Nowhere };
        Self { span, state: Mutex::new(state) }
    }
}

impl State {
    fn enter(&mut self) -> Option<HubSwitchGuard> {
        let hub = Hub::current();
        if is_one_tasks(&hub) {
            let before = replace(&hub, self.inner.take());
            self.running = Running::In(Arc::downgrade(&hub), before);
            return None;
        }
        let own = self.own.get_or_insert_with(|| Arc::new(Hub::new_from_top(&hub)));
        replace(own, self.inner.take());
        self.running = Running::Switched;
        Some(HubSwitchGuard::new(Arc::clone(own)))
    }

    fn leave(&mut self) {
        match std::mem::replace(&mut self.running, Running::Nowhere) {
            Running::Nowhere => {}
            Running::In(hub, before) => self.inner = hub.upgrade().and_then(|hub| replace(&hub, before)),
            Running::Switched => self.inner = self.own.as_ref().and_then(|own| replace(own, None)),
        }
    }
}

impl Span for Called {
    fn add(&self, series: &'static Series, value: f64) {
        guarded(|| self.span.add(series, value));
    }
}

impl OwnSpan for Called {
    fn label(&self, series: &'static Series) {
        guarded(|| label(&self.span, series));
    }

    fn enter(&self) {
        let switched = shielded(|| self.state.lock().enter()).flatten();
        let _ = SWITCHED.try_with(|all| all.borrow_mut().push(switched));
    }

    fn leave(&self) {
        let _ = SWITCHED.try_with(|all| {
            let switched = all.borrow_mut().pop();
            drop(switched);
        });
        shielded(|| self.state.lock().leave());
    }

    fn end(self: Box<Self>, outcome: &'static str) {
        guarded(|| finish(&self.span, outcome));
    }
}
