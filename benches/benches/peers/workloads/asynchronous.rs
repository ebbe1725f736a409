//! The same for an async function that is ready when it is polled first.

use super::{Recorder, keep};
use crate::by_hand::{ByHand, Client, Facade, Measured, Metriken, call_async};
use crate::harness::{Case, Role, Workload};
use crate::input::{Failed, work};
use crate::read::{self, Seen};
use autometrics::autometrics;
use runtime_metrics::metered;
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

async fn plain(at: u64) -> Result<u64, Failed> {
    work(at)
}

#[metered]
async fn async_metered(at: u64) -> Result<u64, Failed> {
    work(at)
}

#[autometrics(track_concurrency)]
async fn async_autometrics(at: u64) -> Result<u64, Failed> {
    work(at)
}

async fn async_clock(clock: &quanta::Clock, at: u64) -> Result<u64, Failed> {
    let started = clock.raw();
    let result = plain(at).await;
    black_box(clock.raw() - started);
    result
}

pub fn workload(recorder: &Recorder) -> Workload {
    let clock = keep(quanta::Clock::new());
    let cases = vec![
        case("–", "nothing: the plain function", plain),
        case("–", "the plain function between two reads of the clock (the reference)", move |at| {
            async_clock(clock, at)
        })
        .role(Role::Reference),
        case("**runtime-metrics**", "`#[metered]`", async_metered)
            .role(Role::Ours)
            .total(|| read::ours_function("async_metered").agreed()),
        by_hand("prometheus-client", keep(Client::new())),
        by_hand("metriken", keep(Metriken::new())),
        by_hand("measured", keep(Measured::new())),
        by_hand("metrics", keep(Facade::new("async_by_hand", recorder))),
        case("autometrics", "`#[autometrics(track_concurrency)]`", async_autometrics)
            .total(|| read::autometrics_function("async_autometrics").agreed()),
    ];
    Workload { title: "Measured async function, ready at once", cases }
}

fn case<F: Future<Output = Result<u64, Failed>>>(
    library: &'static str,
    variant: &'static str,
    function: impl Fn(u64) -> F + Sync + 'static,
) -> Case {
    Case::new(library, variant, move |at| black_box(poll(function(at))))
}

fn by_hand(library: &'static str, peer: &'static (impl ByHand + Sync)) -> Case {
    case(library, "by hand: 2 counters, gauge, histogram, `Instant`", move |at| call_async(peer, plain(at)))
        .total(|| Seen::agreed(&peer.seen()))
}

#[inline(never)]
fn poll<T>(future: impl Future<Output = Result<T, Failed>>) -> Result<T, Failed> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => Err(Failed),
    }
}
