//! A function whose calls are counted by outcome, counted while they run, and timed.

use super::{Recorder, keep};
use crate::by_hand::{ByHand, Client, Facade, Measured, Metriken, call};
use crate::harness::{Case, Role, Workload};
use crate::input::{Failed, work};
use crate::read::{self, Seen};
use autometrics::autometrics;
use runtime_metrics::{metered, metrics};
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

#[autometrics(track_concurrency)]
#[inline(never)]
fn sync_autometrics(at: u64) -> Result<u64, Failed> {
    work(at)
}

#[inline(never)]
fn sync_by_hand(peer: &impl ByHand, at: u64) -> Result<u64, Failed> {
    call(peer, || work(at))
}

/// What nobody who tells durations can do without.
#[inline(never)]
fn sync_clock(clock: &quanta::Clock, at: u64) -> Result<u64, Failed> {
    let started = clock.raw();
    let result = work(at);
    black_box(clock.raw() - started);
    result
}

pub fn workload(recorder: &Recorder) -> Workload {
    let clock = quanta::Clock::new();
    let mut cases = vec![
        case("–", "nothing: the plain function", work),
        case("–", "the plain function between two reads of the clock (the reference)", move |at| {
            sync_clock(&clock, at)
        })
        .role(Role::Reference),
    ];
    cases.extend(ours());
    cases.extend([
        by_hand("prometheus-client", keep(Client::new())),
        by_hand("metriken", keep(Metriken::new())),
        by_hand("measured", keep(Measured::new())),
        by_hand("metrics", keep(Facade::new("sync_by_hand", recorder))),
        case("autometrics", "`#[autometrics(track_concurrency)]`", sync_autometrics)
            .total(|| read::autometrics_function("sync_autometrics").agreed()),
    ]);
    Workload { title: "Measured function", cases }
}

fn ours() -> [Case; 3] {
    let seen = |action: &'static str| move || read::ours_function(action).agreed();
    [
        case("**runtime-metrics**", "`#[metered]`", sync_metered).role(Role::Ours).total(seen("sync_metered")),
        case("**runtime-metrics**", "`#[metered(buckets = […])]`, 11 bounds", sync_metered_bounds)
            .total(seen("sync_metered_bounds")),
        case("**runtime-metrics**", "`#[metered]` method of a `#[metrics]` service", move |at| {
            black_box(&Service).sync_metered_method(at)
        })
        .total(seen("sync_metered_method")),
    ]
}

fn case(
    library: &'static str,
    variant: &'static str,
    function: impl Fn(u64) -> Result<u64, Failed> + Sync + 'static,
) -> Case {
    Case::new(library, variant, move |at| black_box(function(at)))
}

fn by_hand(library: &'static str, peer: &'static (impl ByHand + Sync)) -> Case {
    case(library, "by hand: 2 counters, gauge, histogram, `Instant`", move |at| sync_by_hand(peer, at))
        .total(|| Seen::agreed(&peer.seen()))
}
