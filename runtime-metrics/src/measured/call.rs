//! One running call of a measured function: what is counted when it starts and when it ends.

use super::action::{Action, Counts};
use super::frame::Frame;
use super::{Outcome, Service};
use crate::clock::Moment;
use crate::registry::observer::observed;

/// A call that has started. Whoever holds it counts it as finished exactly once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    counts: &'static Counts,
    started: Moment,
}

impl Call {
    /// Not inlined: a function pays for the call of this, and not for a copy of it.
    #[inline(never)]
    pub(super) fn start(action: &'static Action, service: Option<&'static Service>) -> Self {
        let counts = action.counts(service);
        let timed = counts.start();
        Self { counts, started: if timed { Moment::now() } else { Moment::NEVER } }
    }

    /// A frame for the labels that this call may be given, if it declares any, and for its span.
    #[inline]
    pub(super) fn frame(self) -> Option<Box<Frame>> {
        if !self.counts.is_framed() {
            return None;
        }
        let mut frame = Frame::new(self.counts.keys());
        if self.counts.is_span() && observed() {
            frame.set_span(self.counts.begin_span());
        }
        Some(frame)
    }

    /// Takes the frame back from the thread's stack. A thread that is being torn down has none any
    /// more, and what was on it is lost; but where such a call is counted is told by its frame
    /// alone, so an empty one stands in.
    #[inline]
    pub(super) fn take_frame(self) -> Option<Box<Frame>> {
        if self.counts.is_framed() { Frame::pop().or_else(|| Some(Frame::new(self.counts.keys()))) } else { None }
    }

    #[inline]
    pub(super) fn started(self) -> Moment {
        self.started
    }

    #[inline]
    pub(super) fn counts(self) -> &'static Counts {
        self.counts
    }

    /// The time, if this call is timed.
    #[inline(always)]
    pub(super) fn now(self) -> Moment {
        if self.started.is_never() { Moment::NEVER } else { Moment::now() }
    }

    /// Counts the end of a call that has no frame, now.
    #[inline(never)]
    fn finish_now(self, outcome: Outcome) {
        self.finish(outcome, self.now());
    }

    /// Counts the end of a call that has no frame, at this moment.
    #[inline(always)]
    pub(super) fn finish(self, outcome: Outcome, now: Moment) {
        self.count(outcome, now);
        if observed() {
            self.counts.tell(outcome, self.nanos(now), None);
        }
    }

    #[inline(always)]
    fn count(self, outcome: Outcome, now: Moment) {
        if self.started.is_never() {
            self.counts.finish_untimed(outcome);
        } else if self.counts.times_all() {
            self.counts.finish(outcome, now.nanos_since(self.started));
        } else {
            self.counts.finish_sampled(outcome, now.nanos_since(self.started));
        }
    }

    /// How long the call took, if it is timed.
    fn nanos(self, now: Moment) -> Option<u64> {
        (!self.started.is_never()).then(|| now.nanos_since(self.started))
    }

    /// Counts the end of a call, with the labels that it was given.
    #[inline(never)]
    pub(super) fn finish_framed(self, outcome: Outcome, now: Moment, mut frame: Box<Frame>) {
        if self.counts.keys().is_empty() {
            self.count(outcome, now);
        } else {
            self.counts.finish_labelled(outcome, self.nanos(now), &frame);
        }
        if observed() {
            self.counts.tell(outcome, self.nanos(now), Some(&mut frame));
        }
        frame.keep();
    }
}

/// A call whose body runs on this thread's stack. Dropped before it is over, its body unwound.
#[derive(Debug)]
pub(super) struct Running(Call);

impl Running {
    #[inline]
    pub(super) fn begin(action: &'static Action, service: Option<&'static Service>) -> Self {
        let call = Call::start(action, service);
        if let Some(frame) = call.frame() {
            frame.push();
        }
        Self(call)
    }

    #[inline]
    pub(super) fn finish(self, outcome: Outcome) {
        let call = self.0;
        std::mem::forget(self);
        Self::finish_call(call, outcome);
    }

    #[inline]
    fn finish_call(call: Call, outcome: Outcome) {
        if call.counts.is_framed() {
            Self::finish_framed(call, outcome);
        } else {
            call.finish_now(outcome);
        }
    }

    #[cold]
    fn finish_framed(call: Call, outcome: Outcome) {
        if let Some(frame) = call.take_frame() {
            call.finish_framed(outcome, call.now(), frame);
        }
    }

    /// Says that a future follows, whose polls are to be exported.
    #[inline]
    pub(super) fn polls(&self) {
        self.0.counts.export_polls();
    }

    /// The body has returned; whoever takes the call goes on with it.
    #[inline]
    pub(super) fn leave(self) -> (Call, Option<Box<Frame>>) {
        let call = self.0;
        std::mem::forget(self);
        (call, call.take_frame())
    }
}

impl Drop for Running {
    #[cold]
    fn drop(&mut self) {
        Self::finish_call(self.0, Outcome::Panic);
    }
}

/// Runs the body of a measured function.
#[doc(hidden)]
#[inline]
pub fn sync<R>(
    action: &'static Action,
    service: Option<&'static Service>,
    body: impl FnOnce() -> R,
    outcome: impl FnOnce(&R) -> Outcome,
) -> R {
    if action.is_off() {
        return body();
    }
    let running = Running::begin(action, service);
    let result = body();
    running.finish(outcome(&result));
    result
}

/// A call whose value can't be looked at; its end is the drop of this.
#[doc(hidden)]
#[derive(Debug)]
pub struct Begun {
    running: Option<Running>,
    /// Whether the thread was unwinding already: the call runs in somebody's destructor.
    unwinding: bool,
}

impl Drop for Begun {
    fn drop(&mut self) {
        let panicked = !self.unwinding && std::thread::panicking();
        if let Some(running) = self.running.take() {
            running.finish(if panicked { Outcome::Panic } else { Outcome::Ok });
        }
    }
}

/// Begins the call of a function that returns a closure, which has to stand where it is made.
#[doc(hidden)]
pub fn begin(action: &'static Action, service: Option<&'static Service>) -> Begun {
    let running = (!action.is_off()).then(|| Running::begin(action, service));
    Begun { running, unwinding: std::thread::panicking() }
}

/// Tells the compiler what an async body returns, where `?` and coercions need to know; never
/// returns anything.
#[doc(hidden)]
#[inline(always)]
pub const fn hint<T>() -> Option<T> {
    None
}
