//! Scopes and functions that are measured by hand, with libraries that have no such macro or attribute.

use crate::harness::Case;
use crate::input::{Failed, plain, poll, work};
use crate::libraries::keep;
use crate::read::Seen;
use crate::work::Work;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// A scope that does nothing, and the `record` of how long that took.
pub fn timed(record: impl Fn(Duration) + Sync) -> impl Fn(u64) + Sync {
    move |_| {
        let started = Instant::now();
        record(started.elapsed());
    }
}

/// Handles for one function: its calls by outcome, its running calls, its durations.
pub trait ByHand {
    fn start(&self);
    fn finish(&self, failed: bool, took: Duration);
    /// What the library says.
    fn seen(&self) -> Seen;
}

/// What `#[metered]` records. A panic is not told, and a future that is dropped is not either.
pub fn functions<P: ByHand + Sync + 'static>(handles: impl Fn(&'static str) -> P) -> [Case; 2] {
    const VARIANT: &str = "by hand: 2 counters, gauge, histogram, `Instant`";
    let called: &'static P = keep(handles("sync_by_hand"));
    let awaited: &'static P = keep(handles("async_by_hand"));
    [
        Case::new(Work::Function, VARIANT, |at| black_box(call(called, at))).total(|| called.seen().agreed()),
        Case::new(Work::AsyncFunction, VARIANT, |at| black_box(poll(call_async(awaited, at))))
            .total(|| awaited.seen().agreed()),
    ]
}

#[inline(never)]
fn call(handles: &impl ByHand, at: u64) -> Result<u64, Failed> {
    handles.start();
    let started = Instant::now();
    let result = work(at);
    handles.finish(result.is_err(), started.elapsed());
    result
}

async fn call_async(handles: &impl ByHand, at: u64) -> Result<u64, Failed> {
    handles.start();
    let started = Instant::now();
    let result = plain(at).await;
    handles.finish(result.is_err(), started.elapsed());
    result
}
