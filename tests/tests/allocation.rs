//! A scrape that has been made before allocates nothing, whatever there is to read. A program of
//! its own: nobody else may allocate meanwhile.

#![allow(clippy::unwrap_used)] // a test that can't go on has failed

use runtime_metrics::export::{self, Encoder};
use runtime_metrics::{Counter, Gauge, Histogram, Identity, Limits, metered, registry};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, counting what the current thread asks of it.
struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system's allocator as it came; the count is a thread-local without
// a destructor and allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        // SAFETY: the caller keeps the promises of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the promises of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        // SAFETY: the caller keeps the promises of `realloc`.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(work: impl FnOnce()) -> usize {
    let before = COUNT.get();
    work();
    COUNT.get() - before
}

#[metered]
fn measured() -> Result<(), String> {
    Ok(())
}

#[test]
fn a_scrape_allocates_nothing_once_it_is_warm_and_tells_what_a_snapshot_tells() {
    registry().set_limits(Limits { series_per_metric: 10_000, ..Limits::default() });
    registry().set_identity(Identity::new("shop", "node-\"7\""));
    let orders = Counter::new("allocation_orders", "Orders.").register();
    let level = Gauge::new("allocation_level", "Level, \"quoted\".").with_unit("milliseconds").register();
    let waits = Histogram::new("allocation_waits_seconds", "Waits.").with_buckets(vec![0.1, 1.0]).register();
    let sizes = Histogram::new("allocation_sizes", "Sizes.").register();
    let record = |from: usize, to: usize| {
        for number in from..to {
            let text = (number * 7919 % 10_007).to_string();
            orders.with(&[("path", &format!("/{text}\n")), ("zone", &"a\"b")]).add(number);
            level.with(&[("a_level", &text)]).set(number as f64 / 8.0);
            waits.with(&[("path", &text)]).observe(0.001 * number as f64);
            sizes.with(&[("path", &text), ("service", &"own")]).observe(number);
        }
        std::thread::scope(|scope| drop(scope.spawn(|| orders.increment())));
        measured().unwrap();
    };
    record(0, 2_000);

    for mut encoder in [Encoder::openmetrics(), Encoder::prometheus()] {
        let mut text = Vec::new();
        encoder.encode_recorded(&mut text);
        let room = text.len() + text.len() / 4;
        text.clear();
        text.reserve(room);
        assert_eq!(allocations(|| encoder.encode_recorded(&mut text)), 0);
        // Other numbers, the same series.
        for _ in 0..3 {
            orders.add(12_345_678u32);
            measured().unwrap();
            text.clear();
            assert_eq!(allocations(|| encoder.encode_recorded(&mut text)), 0);
        }
    }

    // What is new in the meantime finds its place, and what was removed is gone.
    let mut encoder = Encoder::openmetrics();
    for round in 0..4 {
        let text = (round * 7919 % 10_007).to_string();
        assert!(registry().remove("allocation_waits_seconds", &[("path", text.as_str())]));
        record(2_000 + round * 50, 2_050 + round * 50);
        let mut text = Vec::new();
        encoder.encode_recorded(&mut text);
        assert_eq!(String::from_utf8(text).unwrap(), export::openmetrics(&registry().snapshot()));
    }
    let snapshot = registry().snapshot();
    for family in &snapshot.families {
        assert!(family.series.is_sorted_by(|one, other| one.labels < other.labels), "{}", family.name);
    }
    assert_eq!(snapshot.family("allocation_waits_seconds").unwrap().series.len(), 2_200 - 4 + 1);
}
