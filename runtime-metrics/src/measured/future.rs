//! `Metered`: the future of a measured async function.

use super::call::{Call, Running};
use super::frame::Frame;
use super::{Action, Outcome, Service};
use crate::clock::Moment;
use pin_project_lite::pin_project;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;

/// A poll that takes longer than this is slow.
static SLOW_POLL_NANOS: AtomicU64 = AtomicU64::new(100_000);

/// Sets what a slow poll is, for all measured futures.
pub(crate) fn set_slow_poll_threshold(threshold: Duration) {
    SLOW_POLL_NANOS.store(u64::try_from(threshold.as_nanos()).unwrap_or(u64::MAX), Relaxed);
}

/// Whether a poll that took so long is slow.
#[cfg(feature = "executor")]
#[inline(always)]
pub(crate) fn is_slow(nanos: u64) -> bool {
    nanos > SLOW_POLL_NANOS.load(Relaxed)
}

pin_project! {
    /// The future of a measured function. The call of an async function starts with the first poll,
    /// as its body does, so one that is never polled is no call; dropped before it is ready, it was
    /// cancelled.
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
#[derive(Debug)]
struct State {
    phase: Phase,
    /// The labels, while no poll has them on its thread's stack.
    frame: Option<Box<Frame>>,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    Before { action: &'static Action, service: Option<&'static Service> },
    Running(Call),
    Over,
}

/// Measures a future whose body is the function's. `outcome` tells how a value means that the call
/// ended.
#[doc(hidden)]
#[inline]
pub fn future<T, F: Future<Output = T>, O: FnMut(&T) -> Outcome>(
    action: &'static Action,
    service: Option<&'static Service>,
    inner: F,
    outcome: O,
) -> Metered<F, O> {
    Metered { inner, outcome, state: State { phase: Phase::Before { action, service }, frame: None } }
}

/// Runs the body of a function that returns a future, and measures that: one call, which began with
/// the body. Dropped before its first poll, it was cancelled.
#[doc(hidden)]
#[inline]
pub fn returned<T, B: FnOnce() -> F, F: Future<Output = T>, O: FnMut(&T) -> Outcome>(
    action: &'static Action,
    service: Option<&'static Service>,
    body: B,
    outcome: O,
) -> Metered<F, O> {
    let running = (!action.is_off()).then(|| Running::begin(action, service));
    continued(body(), running, outcome)
}

/// Goes on with a call whose body has returned a future, if it is measured.
#[inline]
pub(super) fn continued<F, O>(inner: F, running: Option<Running>, outcome: O) -> Metered<F, O> {
    let state = match running.map(Running::leave) {
        Some((call, frame)) => State { phase: Phase::Running(call), frame },
        None => State { phase: Phase::Over, frame: None },
    };
    Metered { inner, outcome, state }
}

impl<F, O> std::fmt::Debug for Metered<F, O> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metered").field("state", &self.state).finish_non_exhaustive()
    }
}

impl<T, F: Future<Output = T>, O: FnMut(&T) -> Outcome> Future for Metered<F, O> {
    type Output = T;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let this = self.project();
        let mut polling = match this.state.phase {
            Phase::Before { action, .. } if action.is_off() => {
                this.state.phase = Phase::Over;
                Polling::begin(this.state, None, Moment::NEVER)
            }
            Phase::Before { action, service } => {
                let call = Call::start(action, service);
                this.state.frame = call.frame();
                this.state.phase = Phase::Running(call);
                // The first poll begins when the call does: one reading of the clock is enough.
                Polling::begin(this.state, Some(call), call.started())
            }
            Phase::Running(call) => Polling::begin(this.state, Some(call), call.now()),
            Phase::Over => Polling::begin(this.state, None, Moment::NEVER),
        };
        let poll = this.inner.poll(context);
        match &poll {
            Poll::Ready(value) => polling.end(Some((this.outcome)(value))),
            Poll::Pending => polling.end(None),
        }
        poll
    }
}

#[inline]
fn finish(call: Call, outcome: Outcome, now: Moment, frame: Option<Box<Frame>>) {
    match frame {
        None => call.finish(outcome, now),
        Some(frame) => call.finish_framed(outcome, now, frame),
    }
}

impl Drop for State {
    #[inline]
    fn drop(&mut self) {
        if let Phase::Running(call) = self.phase {
            finish(call, Outcome::Cancelled, call.now(), self.frame.take());
        }
    }
}

/// One poll. The labels' frame is on the thread's stack for its length; if the poll unwinds, the
/// call has panicked, and it must be told now: the executor may drop the future much later.
struct Polling<'a> {
    state: &'a mut State,
    /// The call that is polled; none once this poll has ended.
    call: Option<Call>,
    began: Moment,
    pushed: bool,
}

impl<'a> Polling<'a> {
    #[inline]
    fn begin(state: &'a mut State, call: Option<Call>, began: Moment) -> Self {
        let frame = state.frame.take();
        let pushed = frame.is_some();
        if let Some(frame) = frame {
            frame.push();
        }
        Self { state, call, began, pushed }
    }

    /// Ends the poll, and with an outcome the call.
    #[inline]
    fn end(&mut self, outcome: Option<Outcome>) {
        let pushed = std::mem::take(&mut self.pushed);
        let Some(call) = self.call.take() else { return };
        if pushed {
            self.state.frame = call.take_frame();
        }
        let now = call.now();
        if !now.is_never() {
            let busy = now.nanos_since(self.began);
            call.counts().polled(busy, busy > SLOW_POLL_NANOS.load(Relaxed));
        }
        if let Some(outcome) = outcome {
            self.state.phase = Phase::Over;
            finish(call, outcome, now, self.state.frame.take());
        }
    }
}

impl Drop for Polling<'_> {
    #[inline]
    fn drop(&mut self) {
        // Does nothing if the poll has ended.
        self.end(Some(Outcome::Panic));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measured_future_is_little_larger_than_what_it_measures() {
        fn grown<F>(_: &F) -> usize {
            size_of::<Metered<F, fn(&()) -> Outcome>>() - size_of::<F>()
        }
        let small = async {};
        let large = async {
            let kept = [0u8; 1000];
            std::future::ready(()).await;
            std::hint::black_box(kept);
        };
        // The function that tells the outcome is one word; a closure, as the macros pass, is none.
        assert!(grown(&small) <= 64 + 8 && grown(&large) <= 64 + 8, "{} {}", grown(&small), grown(&large));
    }
}
