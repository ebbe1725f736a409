//! One running call of a measured function: what is counted when it starts and when it ends.

use super::action::{Action, Counts};
use super::frame::Frame;
use super::service::Totals;
use super::{Outcome, Service};
use crate::clock::Moment;

/// A call that has started. It is counted as finished exactly once: by `finish`, or when dropped,
/// which then means that it panicked or (a future) was cancelled.
#[doc(hidden)]
#[derive(Debug)]
pub struct Call {
    action: &'static Action,
    counts: &'static Counts,
    service: Option<Totals>,
    started: Moment,
    finished: bool,
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
        Self { action, counts, service, started: Moment::now(), finished: false }
    }

    /// A frame for the labels that this call may be given, if it declares any.
    #[inline]
    pub(super) fn frame(&self) -> Option<Frame> {
        let keys = self.action.declared();
        if keys.is_empty() { None } else { Some(Frame::new(keys)) }
    }

    #[inline]
    pub(super) fn finish(&mut self, outcome: Outcome, frame: Option<&Frame>) {
        if std::mem::replace(&mut self.finished, true) {
            return;
        }
        let nanos = self.started.elapsed_nanos();
        match frame {
            None => self.counts.finish(outcome, nanos),
            Some(frame) => self.action.finish_labelled(self.counts, outcome, nanos, frame),
        }
        if let Some(service) = self.service {
            service.finish(outcome, nanos);
        }
    }
}

/// A frame on the thread's stack for the length of a synchronous call.
struct Pushed(bool);

impl Pushed {
    fn take(&mut self) -> Option<Frame> {
        if std::mem::take(&mut self.0) { Frame::pop() } else { None }
    }
}

/// A synchronous call; dropping it means that the body unwound.
struct SyncCall {
    call: Call,
    frame: Pushed,
}

impl SyncCall {
    #[inline]
    fn finish(&mut self, outcome: Outcome) {
        let frame = self.frame.take();
        self.call.finish(outcome, frame.as_ref());
    }
}

impl Drop for SyncCall {
    #[inline]
    fn drop(&mut self) {
        if !self.call.finished {
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
    let call = Call::start(action, service);
    let frame = call.frame();
    let pushed = Pushed(frame.is_some());
    if let Some(frame) = frame {
        frame.push();
    }
    let mut call = SyncCall { call, frame: pushed };
    let result = body();
    call.finish(outcome(&result));
    result
}

/// Tells the compiler what an async body returns, where `?` and coercions need to know; never
/// returns anything.
#[doc(hidden)]
#[inline(always)]
pub const fn hint<T>() -> Option<T> {
    None
}

/// Calls a body that was moved into a closure. A closure called where it stands would be taken for
/// one that is called many times, and could not lend what it owns.
#[doc(hidden)]
#[inline(always)]
pub fn call_once<R>(body: impl FnOnce() -> R) -> R {
    body()
}
