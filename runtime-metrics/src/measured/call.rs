//! One running call of a measured function: what is counted when it starts and when it ends.

use super::action::{Action, Counts};
use super::frame::Frame;
use super::service::Totals;
use super::{Outcome, Service};
use crate::clock::Moment;

/// A call that has started. Whoever holds it counts it as finished exactly once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    counts: &'static Counts,
    service: Option<&'static Totals>,
    started: Moment,
}

impl Call {
    #[inline]
    pub(super) fn start(action: &'static Action, service: Option<&'static Service>) -> Self {
        let counts = action.counts(service);
        counts.start();
        let service = service.map(Service::totals);
        if let Some(service) = service {
            service.start();
        }
        Self { counts, service, started: Moment::now() }
    }

    /// A frame for the labels that this call may be given, if it declares any.
    #[inline]
    pub(super) fn frame(self) -> Option<Box<Frame>> {
        let keys = self.counts.keys();
        if keys.is_empty() { None } else { Some(Box::new(Frame::new(keys))) }
    }

    #[inline]
    pub(super) fn started(self) -> Moment {
        self.started
    }

    #[inline]
    pub(super) fn counts(self) -> &'static Counts {
        self.counts
    }

    /// Counts the end of the call, at this moment.
    #[inline]
    pub(super) fn finish(self, outcome: Outcome, now: Moment, frame: Option<&Frame>) {
        let nanos = now.nanos_since(self.started);
        match frame {
            None => self.counts.finish(outcome, nanos),
            Some(frame) => self.counts.finish_labelled(outcome, nanos, frame),
        }
        if let Some(service) = self.service {
            service.finish(outcome, nanos);
        }
    }
}

/// A call whose body runs on this thread's stack. Dropped before it is over, its body unwound.
#[derive(Debug)]
pub(super) struct Running {
    call: Call,
    /// Its frame is on the thread's stack.
    pushed: bool,
    over: bool,
}

impl Running {
    #[inline]
    pub(super) fn begin(action: &'static Action, service: Option<&'static Service>) -> Self {
        let call = Call::start(action, service);
        let frame = call.frame();
        let pushed = frame.is_some();
        if let Some(frame) = frame {
            frame.push();
        }
        Self { call, pushed, over: false }
    }

    #[inline]
    pub(super) fn finish(&mut self, outcome: Outcome) {
        let (call, frame) = self.leave();
        call.finish(outcome, Moment::now(), frame.as_deref());
    }

    /// Says that a future follows, whose polls are to be exported.
    #[inline]
    pub(super) fn polls(&self) {
        self.call.counts.export_polls();
    }

    /// The body has returned; whoever takes the call goes on with it.
    #[inline]
    pub(super) fn leave(&mut self) -> (Call, Option<Box<Frame>>) {
        self.over = true;
        (self.call, if self.pushed { Frame::pop() } else { None })
    }
}

impl Drop for Running {
    #[inline]
    fn drop(&mut self) {
        if !self.over {
            self.finish(Outcome::Panic);
        }
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
    let mut running = Running::begin(action, service);
    let result = body();
    running.finish(outcome(&result));
    result
}

/// A call whose value can't be looked at; its end is the drop of this.
#[doc(hidden)]
pub struct Begun {
    running: Running,
    /// Whether the thread was unwinding already: the call runs in somebody's destructor.
    unwinding: bool,
}

impl std::fmt::Debug for Begun {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Begun").field("call", &self.running.call).finish_non_exhaustive()
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        let panicked = !self.unwinding && std::thread::panicking();
        self.running.finish(if panicked { Outcome::Panic } else { Outcome::Ok });
    }
}

/// Begins the call of a function that returns a closure, which has to stand where it is made.
#[doc(hidden)]
pub fn begin(action: &'static Action, service: Option<&'static Service>) -> Begun {
    Begun { running: Running::begin(action, service), unwinding: std::thread::panicking() }
}

/// Tells the compiler what an async body returns, where `?` and coercions need to know; never
/// returns anything.
#[doc(hidden)]
#[inline(always)]
pub const fn hint<T>() -> Option<T> {
    None
}
