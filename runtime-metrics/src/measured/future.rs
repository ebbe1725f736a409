//! `Metered`: the future of a measured async function.

use super::call::Call;
use super::frame::Frame;
use super::{Action, Outcome, Service};
use pin_project_lite::pin_project;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

pin_project! {
    /// The future of a measured async function. The call starts with its first poll, so a future
    /// that is never polled is no call; dropped before it is ready, it was cancelled.
    #[doc(hidden)]
    #[must_use = "futures do nothing unless polled"]
    pub struct Metered<F, O> {
        #[pin]
        inner: F,
        outcome: O,
        state: State,
    }
}

/// What is known of the call between two polls.
struct State {
    action: &'static Action,
    service: Option<&'static Service>,
    call: Option<Call>,
    frame: Option<Frame>,
}

/// Measures a future. `outcome` tells how a value means that the call ended.
#[doc(hidden)]
#[inline]
pub fn future<T, F: Future<Output = T>, O: FnMut(&T) -> Outcome>(
    action: &'static Action,
    service: Option<&'static Service>,
    inner: F,
    outcome: O,
) -> Metered<F, O> {
    Metered { inner, outcome, state: State { action, service, call: None, frame: None } }
}

impl<F, O> std::fmt::Debug for Metered<F, O> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metered").field("call", &self.state.call).finish_non_exhaustive()
    }
}

impl<T, F: Future<Output = T>, O: FnMut(&T) -> Outcome> Future for Metered<F, O> {
    type Output = T;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let this = self.project();
        let state = this.state;
        if state.call.is_none() {
            let call = Call::start(state.action, state.service);
            state.frame = call.frame();
            state.call = Some(call);
        }
        let polling = Polling::begin(state);
        let poll = this.inner.poll(context);
        let state = polling.end();
        if let Poll::Ready(value) = &poll {
            state.finish((this.outcome)(value));
        }
        poll
    }
}

impl State {
    #[inline]
    fn finish(&mut self, outcome: Outcome) {
        if let Some(call) = &mut self.call {
            call.finish(outcome, self.frame.as_ref());
        }
    }
}

impl Drop for State {
    #[inline]
    fn drop(&mut self) {
        // Does nothing if the call has finished: a panic in a poll has been told already.
        self.finish(Outcome::Cancelled);
    }
}

/// One poll. The labels' frame is on the thread's stack for its length; if the poll unwinds, the
/// call has panicked, and it must be told now: the executor may drop the future much later.
struct Polling<'a> {
    state: Option<&'a mut State>,
    pushed: bool,
}

impl<'a> Polling<'a> {
    #[inline]
    fn begin(state: &'a mut State) -> Self {
        let frame = state.frame.take();
        let pushed = frame.is_some();
        if let Some(frame) = frame {
            frame.push();
        }
        Self { state: Some(state), pushed }
    }

    #[inline]
    fn end(mut self) -> &'a mut State {
        match self.state.take() {
            Some(state) => {
                Self::restore(state, self.pushed);
                state
            }
            None => unreachable!("only `end` and `drop` take it, and `end` consumes the poll"),
        }
    }

    #[inline]
    fn restore(state: &mut State, pushed: bool) {
        if pushed {
            state.frame = Frame::pop();
        }
    }
}

impl Drop for Polling<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Some(state) = self.state.take() {
            Self::restore(state, self.pushed);
            state.finish(Outcome::Panic);
        }
    }
}
