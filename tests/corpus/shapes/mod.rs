//! Every shape of function that `#[metered]` must leave as it was, once for all editions.
//!
//! Each edition's crate takes this module in. The functions stand beside the test that calls them
//! and says how often each of their outcomes must have been counted.

// What these lints find is the shapes' own doing: written for their form, not for their use.
#![allow(
    clippy::boxed_local,
    clippy::elidable_lifetime_names,
    clippy::large_types_passed_by_value,
    clippy::manual_assert,
    clippy::manual_async_fn,
    clippy::many_single_char_names,
    clippy::needless_pass_by_value,
    clippy::ptr_arg,
    clippy::trivially_copy_pass_by_ref,
    clippy::unnecessary_wraps,
    clippy::unused_async,
    clippy::unused_self,
    clippy::unused_unit,
    clippy::upper_case_acronyms
)]

mod arguments;
mod asyncs;
mod attributes;
mod blocks;
mod bodies;
mod futures;
mod generics;
mod made;
mod names;
mod returns;
mod traits;

use runtime_metrics::{Reading, registry};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// How often an action that is no service's ended in each way: ok, error, panic, cancelled.
pub(crate) fn counts(action: &str) -> [u64; 4] {
    counts_with(&[("action", action)])
}

/// The same for a method of a service.
pub(crate) fn counts_of(service: &str, action: &str) -> [u64; 4] {
    counts_with(&[("service", service), ("action", action)])
}

fn counts_with(labels: &[(&str, &str)]) -> [u64; 4] {
    assert_eq!(registry().get("action_active_requests", labels), Some(Reading::Gauge(0.0)), "{labels:?}");
    outcomes("action_requests_total", labels)
}

/// How often a metric by outcome counted each.
pub(crate) fn outcomes(name: &str, labels: &[(&str, &str)]) -> [u64; 4] {
    let count = |outcome| {
        let reading = registry().get(name, &[labels, &[("outcome", outcome)]].concat());
        let Some(Reading::Counter(count)) = reading else { panic!("{:?}", (name, labels, reading)) };
        count
    };
    [count("ok"), count("error"), count("panic"), count("cancelled")]
}

/// Every call returned a value.
pub(crate) const fn ok(calls: u64) -> [u64; 4] {
    [calls, 0, 0, 0]
}

/// Runs a future that only ever waits for `turn`.
pub(crate) fn run<F: Future>(future: F) -> F::Output {
    let mut future = Box::pin(future);
    loop {
        if let Poll::Ready(value) = poll(future.as_mut()) {
            return value;
        }
    }
}

/// Polls a future once and drops it.
pub(crate) fn cancel<F: Future>(future: F) {
    assert!(poll(Box::pin(future).as_mut()).is_pending());
}

fn poll<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Is not ready at its first poll.
pub(crate) async fn turn() {
    let mut polled = false;
    std::future::poll_fn(|_| if std::mem::replace(&mut polled, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

/// Lets through what can be sent to another thread.
pub(crate) fn send<T: Send>(value: T) -> T {
    value
}

/// Runs what must panic.
pub(crate) fn catch(body: impl FnOnce()) {
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(body)).is_err());
}

/// An error that says nothing.
#[derive(Debug, PartialEq)]
pub(crate) struct Failed;

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("failed")
    }
}

impl std::error::Error for Failed {}

impl From<std::num::ParseIntError> for Failed {
    fn from(_: std::num::ParseIntError) -> Self {
        Self
    }
}
