//! Functions with `#[metered]`.

use super::text;
use crate::harness::{Case, Role};
use crate::input::{Failed, Method, plain, poll, typed, work};
use crate::read::{Seen, sum};
use crate::work::Work;
use runtime_metrics::{add_label, metered, metrics};
use std::hint::black_box;

#[metered]
#[inline(never)]
fn sync_metered(at: u64) -> Result<u64, Failed> {
    work(at)
}

#[metered(buckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0])]
#[inline(never)]
fn sync_metered_bounds(at: u64) -> Result<u64, Failed> {
    work(at)
}

#[metered(labels(method = method))]
#[inline(never)]
fn sync_metered_argument(method: Method, at: u64) -> Result<u64, Failed> {
    work(at)
}

#[metered(labels = ["method"])]
#[inline(never)]
fn sync_metered_added(method: Method, at: u64) -> Result<u64, Failed> {
    add_label!("method", method);
    work(at)
}

#[metered(sample = 16)]
#[inline(never)]
fn sync_metered_sampled(at: u64) -> Result<u64, Failed> {
    work(at)
}

#[metered(duration = false)]
#[inline(never)]
fn sync_metered_untimed(at: u64) -> Result<u64, Failed> {
    work(at)
}

#[metrics]
struct Service;

impl Service {
    #[metered]
    #[inline(never)]
    #[allow(clippy::unused_self)] // a method, as services have
    fn sync_metered_method(&self, at: u64) -> Result<u64, Failed> {
        work(at)
    }
}

#[metered]
async fn async_metered(at: u64) -> Result<u64, Failed> {
    plain(at).await
}

#[metered(labels(method = method))]
async fn async_metered_argument(method: Method, at: u64) -> Result<u64, Failed> {
    plain(at).await
}

pub fn cases() -> [Case; 9] {
    [
        case(Work::Function, "`#[metered]`", "sync_metered", sync_metered).role(Role::Ours),
        case(Work::Function, "`#[metered(buckets = […])]`, 11 bounds", "sync_metered_bounds", sync_metered_bounds),
        case(Work::Function, "`#[metered]` method of a `#[metrics]` service", "sync_metered_method", |at| {
            black_box(&Service).sync_metered_method(at)
        }),
        case(Work::Function, "`#[metered(labels(…))]`, an enum argument", "sync_metered_argument", |at| {
            sync_metered_argument(typed(at).0, at)
        }),
        case(Work::Function, "`#[metered(labels = […])]` and `add_label!`", "sync_metered_added", |at| {
            sync_metered_added(typed(at).0, at)
        }),
        counted("`#[metered(sample = 16)]`, one in 16 calls timed", "sync_metered_sampled", sync_metered_sampled),
        counted("`#[metered(duration = false)]`", "sync_metered_untimed", sync_metered_untimed),
        case(Work::AsyncFunction, "`#[metered]`", "async_metered", |at| poll(async_metered(at))).role(Role::Ours),
        case(Work::AsyncFunction, "`#[metered(labels(…))]`, an enum argument", "async_metered_argument", |at| {
            poll(async_metered_argument(typed(at).0, at))
        }),
    ]
}

fn case(
    work: Work,
    variant: &'static str,
    action: &'static str,
    call: impl Fn(u64) -> Result<u64, Failed> + Sync + 'static,
) -> Case {
    Case::new(work, variant, move |at| black_box(call(at))).total(move || seen(action).agreed())
}

/// Of which not each call is timed: it is the calls that must be exact.
fn counted(
    variant: &'static str,
    action: &'static str,
    call: impl Fn(u64) -> Result<u64, Failed> + Sync + 'static,
) -> Case {
    Case::new(Work::Function, variant, move |at| black_box(call(at))).total(move || seen(action).calls)
}

fn seen(action: &str) -> Seen {
    let (text, label) = (text(), format!("action=\"{action}\""));
    Seen {
        calls: sum(&text, "action_requests_total", &label),
        durations: sum(&text, "action_duration_seconds_count", &label),
        active: sum(&text, "action_active_requests", &label),
    }
}
