//! Functions with `#[metered]`. Under valgrind time passes unevenly, so most have buckets such that every call ends in
//! the same; what is counted is then the same each time.

use crate::cases::{Case, KINDS, Method, Run, kind, repeat};
use runtime_metrics::{Reading, metered, registry};
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

struct Failed;

#[metered]
#[inline(never)]
fn plain_call(at: u64) -> Result<u64, Failed> {
    work(at)
}

#[metered(buckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0])]
#[inline(never)]
fn bounds_call(at: u64) -> Result<u64, Failed> {
    work(at)
}

#[metered(duration = false)]
#[inline(never)]
fn untimed_call(at: u64) -> Result<u64, Failed> {
    work(at)
}

#[metered(sample = 16, buckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0])]
#[inline(never)]
fn sampled_call(at: u64) -> Result<u64, Failed> {
    work(at)
}

#[metered(labels(method = method), buckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0])]
#[inline(never)]
fn labels_call(method: Method, at: u64) -> Result<u64, Failed> {
    work(at)
}

#[metered(buckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0])]
async fn async_call(at: u64) -> Result<u64, Failed> {
    work(at)
}

/// What they do: next to nothing, and now and then they fail.
#[inline(always)]
fn work(at: u64) -> Result<u64, Failed> {
    if at % 64 == 63 { Err(Failed) } else { Ok(at ^ 1) }
}

pub fn cases() -> [Case; 6] {
    [
        Case::new("metered", "`#[metered]`", || calls("plain_call", plain_call)),
        Case::new("metered_bounds", "`#[metered(buckets = […])]`, 11 bounds", || calls("bounds_call", bounds_call)),
        Case::new("metered_untimed", "`#[metered(duration = false)]`", || calls("untimed_call", untimed_call)),
        Case::new("metered_sampled", "`#[metered(sample = 16)]`, 11 bounds", || calls("sampled_call", sampled_call)),
        Case::new("metered_async", "`#[metered]` async, polled once, 11 bounds", || {
            calls("async_call", |at| poll(async_call(at)))
        }),
        Case::new("metered_labels", "`#[metered(labels(…))]`, an enum argument, 11 bounds", || {
            calls("labels_call", |at| labels_call(kind(at), at))
        })
        .less(KINDS),
    ]
}

fn calls(action: &'static str, mut call: impl FnMut(u64) -> Result<u64, Failed> + 'static) -> Box<dyn Run> {
    let run = repeat(None, move |at| {
        let _ = black_box(call(at));
    });
    Box::new(Calls { action, run })
}

struct Calls {
    action: &'static str,
    run: Box<dyn Run>,
}

impl Run for Calls {
    fn run(&mut self, operations: u64) {
        self.run.run(operations);
    }

    fn seen(&self) -> Option<f64> {
        let snapshot = registry().snapshot();
        let family = snapshot.family("action_requests_total")?;
        let of_action = family.series.iter().filter(|series| series.labels.get("action") == Some(self.action));
        Some(of_action.map(|series| count(&series.value)).sum())
    }
}

fn count(value: &Reading) -> f64 {
    if let Reading::Counter(count) = value { *count as f64 } else { f64::NAN }
}

#[inline(never)]
fn poll(future: impl Future<Output = Result<u64, Failed>>) -> Result<u64, Failed> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => Err(Failed),
    }
}
