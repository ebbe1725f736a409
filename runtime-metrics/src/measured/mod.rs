//! What `#[metered]` and `#[metrics]` call: a function becomes an action, a type becomes a service.

mod action;
mod call;
mod ended;
mod event;
mod frame;
mod future;
mod outcome;
mod pace;
mod service;
mod told;

pub use action::Action;
pub use call::{begin, hint, sync};
pub use ended::{Ended, call};
pub use event::EmittedAt;
pub use frame::add_label;
#[cfg(feature = "executor")]
pub(crate) use future::is_slow;
pub(crate) use future::set_slow_poll_threshold;
pub use future::{Metered, future, returned};
pub use outcome::{MeasuredOutcome, Outcome, Probe, judge, probe};
pub use service::{MeasuredService, Service, ServiceProbe};
