//! What no library can be faster than.

use crate::harness::{Case, Role};
use crate::input::{Failed, labels, latencies, pair, plain, poll, value, work};
use crate::libraries::keep;
use crate::work::Work;
use quanta::Clock;
use std::cell::Cell;
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};

thread_local! {
    static CELL: Cell<u64> = const { Cell::new(0) };
}

pub fn cases() -> Vec<Case> {
    nothing().into_iter().chain(cells()).chain(clocks()).collect()
}

/// What is done around every operation.
fn nothing() -> [Case; 6] {
    let values = latencies();
    [
        Case::new(Work::Counter, "nothing: the loop itself", |_| ()),
        Case::new(Work::Labels, "nothing: the choice of the labels", |at| black_box(labels(at))),
        Case::new(Work::Bound, "nothing: the choice of the labels", |at| black_box(pair(at))),
        Case::new(Work::Histogram, "nothing: the choice of the value", move |at| black_box(value(values, at))),
        Case::new(Work::Function, "nothing: the plain function", |at| black_box(work(at))),
        Case::new(Work::AsyncFunction, "nothing: the plain function", |at| black_box(poll(plain(at)))),
    ]
}

fn cells() -> [Case; 3] {
    let added = keep(AtomicU64::new(0));
    let stored = keep(AtomicU64::new(0));
    [
        Case::new(Work::Counter, "thread-local `Cell` add (the reference)", |_| CELL.set(CELL.get() + 1))
            .role(Role::Reference),
        Case::new(Work::Counter, "relaxed `fetch_add` on one `AtomicU64`", |_| added.fetch_add(1, Ordering::Relaxed))
            .total(|| added.load(Ordering::Relaxed) as f64),
        Case::new(Work::Gauge, "relaxed `store` to one `AtomicU64` (the reference)", |at| {
            stored.store((at as f64).to_bits(), Ordering::Relaxed);
        })
        .role(Role::Reference)
        .last(|| f64::from_bits(stored.load(Ordering::Relaxed))),
    ]
}

/// What nobody who tells durations can do without.
fn clocks() -> [Case; 3] {
    let clock = keep(Clock::new());
    [
        Case::new(Work::Timer, "two reads of the clock (the reference)", |_| {
            let started = clock.raw();
            black_box(clock.raw() - started)
        })
        .role(Role::Reference),
        Case::new(Work::Function, "the plain function between two reads of the clock (the reference)", |at| {
            black_box(between(clock, at))
        })
        .role(Role::Reference),
        Case::new(Work::AsyncFunction, "the plain function between two reads of the clock (the reference)", |at| {
            black_box(poll(between_async(clock, at)))
        })
        .role(Role::Reference),
    ]
}

#[inline(never)]
fn between(clock: &Clock, at: u64) -> Result<u64, Failed> {
    let started = clock.raw();
    let result = work(at);
    black_box(clock.raw() - started);
    result
}

async fn between_async(clock: &Clock, at: u64) -> Result<u64, Failed> {
    let started = clock.raw();
    let result = plain(at).await;
    black_box(clock.raw() - started);
    result
}
