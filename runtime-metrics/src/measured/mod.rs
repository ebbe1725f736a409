//! What `#[metered]` and `#[metrics]` call: a function becomes an action, a type becomes a service.

mod action;
mod call;
mod event;
mod frame;
mod future;
mod outcome;
mod service;

pub use action::Action;
pub use call::{begin, call_once, hint, sync};
pub use event::EmittedAt;
pub use frame::add_label;
pub(crate) use future::set_slow_poll_threshold;
pub use future::{Metered, future};
pub use outcome::{
    AnyOutcome, MeasuredOutcome, Outcome, Probe, ResponseOutcome, ResponseResultOutcome, ResultOutcome, judge,
};
pub use service::{AnyService, KnownService, MeasuredService, Service, ServiceProbe};
