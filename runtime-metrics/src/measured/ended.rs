//! What a function returned, where only its type can tell whether it is a future.
//!
//! `type Reply = Pin<Box<dyn Future<…>>>` and tower's `Self::Future` do not say in the text of the
//! function what they are. So the macro asks the value: `call(…).__runtime_metrics_end(outcome)`
//! finds the first of these types that has the method, as [`super::outcome`] explains. A boxed
//! future goes on as a measured one in a box; anything else has ended the call.

use super::call::Running;
use super::future::continued;
use super::{Action, Outcome, Service};
use std::cell::Cell;
use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
type LocalBoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// What may be a boxed future that can be sent to other threads.
#[doc(hidden)]
#[derive(Debug)]
pub struct Ended<R>(EndedLocal<R>);

/// What may be a boxed future that stays on its thread.
#[doc(hidden)]
#[derive(Debug)]
pub struct EndedLocal<R>(EndedPlain<R>);

/// What is no boxed future.
#[doc(hidden)]
pub struct EndedPlain<R>(Cell<Option<(R, Option<Running>)>>);

impl<R> std::fmt::Debug for EndedPlain<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EndedPlain")
    }
}

/// Runs the body of a measured function, and asks what it returned.
#[doc(hidden)]
#[inline]
pub fn call<R>(action: &'static Action, service: Option<&'static Service>, body: impl FnOnce() -> R) -> Ended<R> {
    let running = (!action.is_off()).then(|| Running::begin(action, service));
    let value = body();
    Ended(EndedLocal(EndedPlain(Cell::new(Some((value, running))))))
}

impl<R> Deref for Ended<R> {
    type Target = EndedLocal<R>;
    #[inline(always)]
    fn deref(&self) -> &EndedLocal<R> {
        &self.0
    }
}

impl<R> Deref for EndedLocal<R> {
    type Target = EndedPlain<R>;
    #[inline(always)]
    fn deref(&self) -> &EndedPlain<R> {
        &self.0
    }
}

impl<R> EndedPlain<R> {
    #[inline]
    fn take(&self) -> (R, Option<Running>) {
        match self.0.take() {
            Some(parts) => parts,
            None => unreachable!("the macro asks once"),
        }
    }

    #[inline]
    pub fn __runtime_metrics_end(&self, outcome: impl FnOnce(&R) -> Outcome) -> R {
        let (value, running) = self.take();
        if let Some(running) = running {
            running.finish(outcome(&value));
        }
        value
    }
}

impl<'a, T: 'a> Ended<BoxFuture<'a, T>> {
    pub fn __runtime_metrics_end(&self, outcome: impl FnMut(&T) -> Outcome + Send + 'a) -> BoxFuture<'a, T> {
        let (future, running) = self.take();
        if let Some(running) = &running {
            running.polls();
        }
        Box::pin(continued(future, running, outcome))
    }
}

impl<'a, T: 'a> EndedLocal<LocalBoxFuture<'a, T>> {
    pub fn __runtime_metrics_end(&self, outcome: impl FnMut(&T) -> Outcome + 'a) -> LocalBoxFuture<'a, T> {
        let (future, running) = self.take();
        if let Some(running) = &running {
            running.polls();
        }
        Box::pin(continued(future, running, outcome))
    }
}
