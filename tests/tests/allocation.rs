//! What has been recorded before is recorded again without an allocation, and a scrape that has been
//! made before allocates nothing either, whatever there is to read. A program of its own, for its
//! allocator counts.

#![allow(clippy::unwrap_used)] // a test that can't go on has failed

use runtime_metrics::export::{self, Encoder};
use runtime_metrics::{
    Counter, Gauge, Histogram, Identity, LabelValue, Limits, MockClock, Rate, RuntimeMetricsConfig, Set, Summary,
    Timer, add_label, increment, metered, metric, metrics, observe, registry, set, timer,
};
use runtime_metrics_tests::{alone, client_with, still};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

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
    let _alone = alone();
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

    for mut encoder in [Encoder::openmetrics(), Encoder::prometheus(), Encoder::protobuf()] {
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
    let (mut encoder, mut messages) = (Encoder::openmetrics(), Encoder::protobuf());
    for round in 0..4 {
        let text = (round * 7919 % 10_007).to_string();
        assert!(registry().remove("allocation_waits_seconds", &[("path", text.as_str())]));
        record(2_000 + round * 50, 2_050 + round * 50);
        let mut text = Vec::new();
        encoder.encode_recorded(&mut text);
        assert_eq!(String::from_utf8(text).unwrap(), export::openmetrics(&registry().snapshot()));
        let mut bytes = Vec::new();
        messages.encode_recorded(&mut bytes);
        assert!(bytes == export::protobuf(&registry().snapshot()));
    }
    let snapshot = registry().snapshot();
    for family in &snapshot.families {
        assert!(family.series.is_sorted_by(|one, other| one.labels < other.labels), "{}", family.name);
    }
    assert_eq!(snapshot.family("allocation_waits_seconds").unwrap().series.len(), 2_200 - 4 + 1);
}

#[test]
fn a_scrape_with_exemplars_allocates_nothing_either() {
    let _alone = alone();
    let orders = Counter::new("allocation_example_orders", "Orders.").register();
    let sizes = Histogram::new("allocation_example_sizes", "Sizes.").register();
    // Its thread must not read or record anything new meanwhile either.
    let config = RuntimeMetricsConfig { event_context: false, ..still(Duration::from_hours(1)) };
    let options = sentry::ClientOptions::new().traces_sample_rate(1.0);
    let client = client_with("http://public@127.0.0.1:9/1", config, options);
    let hub = std::sync::Arc::new(sentry::Hub::new(Some(client.into()), std::sync::Arc::default()));
    let transaction = hub.start_transaction(sentry::TransactionContext::new("examples", "test"));
    hub.configure_scope(|scope| scope.set_span(Some(transaction.into())));
    let record = |size: u32| {
        sentry::Hub::run(std::sync::Arc::clone(&hub), || {
            orders.increment();
            sizes.observe(size);
        });
    };
    record(1);
    let mut encoder = Encoder::openmetrics();
    let mut text = Vec::with_capacity(1 << 20);
    encoder.encode_recorded(&mut text);
    for size in [1_000, 1_000_000] {
        record(size);
        text.clear();
        assert_eq!(allocations(|| encoder.encode_recorded(&mut text)), 0);
    }
    let text = String::from_utf8(text).unwrap();
    let examples = text.lines().filter(|line| line.contains("# {trace_id=")).count();
    assert_eq!(examples, 4, "one of the counter, three of the histogram");
    // Messages are kept for as many as one series ever had.
    let mut encoder = Encoder::protobuf();
    let mut bytes = Vec::with_capacity(1 << 20);
    encoder.encode_recorded(&mut bytes);
    record(1_000);
    bytes.clear();
    assert_eq!(allocations(|| encoder.encode_recorded(&mut bytes)), 0);
    assert_eq!(bytes.windows(8).filter(|window| window == b"trace_id").count(), 4);
}

/// Ways to record that allocated, with how often they did, after they had been gone before.
#[derive(Default)]
struct Told(Vec<(&'static str, usize)>);

impl Told {
    fn check(&mut self, what: &'static str, mut record: impl FnMut()) {
        const TIMES: usize = 10;
        for _ in 0..3 {
            record();
        }
        let allocated = allocations(|| (0..TIMES).for_each(|_| record()));
        if allocated > 0 {
            self.0.push((what, allocated));
        }
    }

    fn none(&self) {
        assert!(self.0.is_empty(), "in 10 records each: {:#?}", self.0);
    }
}

#[derive(Clone, Copy, LabelValue)]
enum Tier {
    Free,
    VeryLongNameOfATierThatFitsOnNoStackBufferOfFortyBytes,
}

#[derive(LabelValue)]
struct Zone(String);

#[test]
fn the_macros_allocate_nothing_for_what_they_have_recorded_before() {
    // A duration like none before it may be the first to touch its page of cells; here all are alike.
    let _clock = MockClock::start();
    let _alone = alone();
    let mut told = Told::default();
    told.check("increment!", || increment!("allocation_plain"));
    told.check("increment! by a value", || increment!("allocation_plain", value: 3u8));
    told.check("increment! with constant labels", || increment!("allocation_constant", labels: {"kind" => "a"}));
    told.check("set!", || set!("allocation_set", value: 1.5));
    told.check("observe!", || observe!("allocation_observe", value: 7, buckets: [1, 10]));
    told.check("observe! into automatic buckets", || observe!("allocation_automatic", value: 7.25));
    told.check("observe! a duration", || observe!("allocation_seconds", value: Duration::from_micros(3)));
    told.check("timer!", || drop(timer!("allocation_timer")));
    told.check("what is no value", || observe!("allocation_observe", value: f64::NAN, buckets: [1, 10]));

    let text = format!("/{}", "path".repeat(40));
    let (borrowed, shared, zone): (&str, Arc<str>, Zone) = (&text, Arc::from("shared"), Zone("north".to_owned()));
    let mut number = 0u64;
    told.check("a borrowed text", || increment!("allocation_kinds", labels: {"label" => borrowed}));
    told.check("a reference to a `String`", || increment!("allocation_kinds", labels: {"label" => &text}));
    told.check("an `Arc<str>`", || increment!("allocation_kinds", labels: {"label" => shared}));
    told.check("an integer", || increment!("allocation_kinds", labels: {"label" => i128::MIN}));
    told.check("integers that take turns", || {
        number += 1;
        increment!("allocation_kinds", labels: {"label" => number % 3});
    });
    told.check("a bool", || increment!("allocation_kinds", labels: {"label" => text.len() > 3}));
    told.check("a char", || increment!("allocation_kinds", labels: {"label" => 'x'}));
    told.check("an enum", || {
        for tier in [Tier::Free, Tier::VeryLongNameOfATierThatFitsOnNoStackBufferOfFortyBytes] {
            increment!("allocation_kinds", labels: {"label" => tier});
        }
    });
    told.check("a newtype", || increment!("allocation_kinds", labels: {"label" => zone}));
    told.check("what is escaped", || {
        let quoted = "a \"b\"\n\\";
        increment!("allocation_kinds", labels: {"label" => quoted});
    });

    let b = borrowed;
    told.check("2 labels", || increment!("allocation_2", labels: {"a" => b, "b" => 2}));
    told.check("3 labels", || increment!("allocation_3", labels: {"a" => b, "b" => 2, "c" => true}));
    told.check("4 labels", || increment!("allocation_4", labels: {"a" => b, "b" => 2, "c" => true, "d" => 'd'}));
    told.check("5 labels", || increment!("allocation_5", labels: {"a" => b, "b" => 2, "c" => b, "d" => 4, "e" => b}));
    told.check("6 labels", || {
        increment!("allocation_6", labels: {"a" => b, "b" => 2, "c" => b, "d" => 4, "e" => b, "f" => 6});
    });
    told.check("7 labels", || {
        increment!("allocation_7", labels: {"a" => b, "b" => 2, "c" => b, "d" => 4, "e" => b, "f" => 6, "g" => b});
    });
    told.check("8 labels", || {
        increment!("allocation_8", labels: {
            "a" => b, "b" => 2, "c" => b, "d" => 4, "e" => b, "f" => 6, "g" => b, "h" => 8
        });
    });
    told.check("set! with labels", || set!("allocation_set", value: 1, labels: {"a" => b, "b" => 1}));
    told.check("observe! with labels", || {
        observe!("allocation_observe", value: 7, buckets: [1, 10], labels: {"a" => b, "b" => 1});
    });
    told.check("timer! with labels", || drop(timer!("allocation_timer", labels: {"a" => b, "b" => 1})));
    told.none();
}

#[metered(labels(user = user))]
fn folded(user: u64) {
    std::hint::black_box(user);
}

#[test]
fn what_is_beyond_the_limit_of_a_metric_allocates_nothing_though_it_is_new() {
    // A duration like none before it may be the first to touch its page of cells; here all are alike.
    let _clock = MockClock::start();
    let _alone = alone();
    registry().set_limits(Limits { series_per_metric: 10, ..Limits::default() });
    let counter = Counter::new("allocation_folded_added", "").register();
    let mut user = 0u64;
    let mut all = || {
        user += 1;
        let name = user;
        increment!("allocation_folded", labels: {"user" => name});
        observe!("allocation_folded_sizes", value: 7, labels: {"user" => name, "tier" => "free"});
        drop(timer!("allocation_folded_times", labels: {"user" => name}));
        counter.add_with(1, &[("user", &name)]);
        folded(name);
    };
    (0..20).for_each(|_| all());
    assert_eq!(allocations(|| (0..1_000).for_each(|_| all())), 0);
    registry().set_limits(Limits::default());
}

#[test]
fn handles_allocate_nothing_for_what_they_have_recorded_before() {
    // A duration like none before it may be the first to touch its page of cells; here all are alike.
    let _clock = MockClock::start();
    let _alone = alone();
    let mut told = Told::default();
    let text = format!("/{}", "path".repeat(40));
    let labels: [(&'static str, &dyn LabelValue); 3] = [("path", &text), ("status", &404u16), ("tier", &Tier::Free)];

    let counter = Counter::new("allocation_counter", "").with_label("zone", "north").register();
    told.check("Counter::increment", || counter.increment());
    told.check("Counter::add", || counter.add(3));
    told.check("Counter::add_with", || counter.add_with(3, &labels));
    let bound = counter.with(&labels);
    told.check("Counter::with, bound", || bound.increment());
    told.check("Counter::clone", || counter.clone().increment());

    let gauge = Gauge::new("allocation_gauge", "").register();
    told.check("Gauge::set", || gauge.set(1));
    told.check("Gauge::increment", || gauge.increment());
    told.check("Gauge::decrement", || gauge.decrement());
    told.check("Gauge::add", || gauge.add(-0.5));
    told.check("Gauge::set_with", || gauge.set_with(3, &labels));
    let bound = gauge.with(&labels);
    told.check("Gauge::with, bound", || bound.set(2));

    let histogram = Histogram::new("allocation_histogram", "").with_buckets([1.0, 10.0]).register();
    told.check("Histogram::observe", || histogram.observe(2.5));
    told.check("Histogram::start_timer", || drop(histogram.start_timer()));
    told.check("Histogram::observe_with", || histogram.observe_with(2.5, &labels));
    let bound = histogram.with(&labels);
    told.check("Histogram::with, bound", || bound.observe(2.5));

    let timer = Timer::new("allocation_handle_timer", "").register();
    told.check("Timer::start", || drop(timer.start()));
    told.check("Timer::record", || timer.record(Duration::from_millis(5)));
    let bound = timer.with(&labels);
    told.check("Timer::with, bound", || drop(bound.start()));

    // A sketch grows for a value beyond what it has seen: it has bins as far as its values lie.
    // Long windows: the first value of a part makes a sketch.
    let summary = Summary::new("allocation_summary", "").with_window(Duration::from_hours(24)).register();
    told.check("Summary::observe", || (1..100).for_each(|value| summary.observe(value)));
    told.check("Summary::observe_with", || summary.observe_with(3, &labels));
    let bound = summary.with(&labels);
    told.check("Summary::with, bound", || bound.observe(3));

    let set = Set::new("allocation_members", "").register();
    let mut member = 0u64;
    told.check("Set::insert", || {
        // Few members are kept one by one, so let there be many first.
        (0..20_000).for_each(|_| {
            member += 1;
            set.insert(member);
        });
    });
    told.check("Set::insert, a text", || set.insert(&*text));
    told.check("Set::insert_with", || set.insert_with(&*text, &labels));
    let bound = set.with(&labels);
    told.check("Set::with, bound", || bound.insert(1));

    let _rate = Rate::new("allocation_rate", "").of(&counter).register();
    told.check("the counter of a Rate", || counter.increment());
    told.none();
}

#[metric(type = "counter", name = "allocation_declared", labels = ["source", "tier"])]
struct Declared;

#[metric(type = "gauge", name = "allocation_declared_level")]
struct Level;

#[metric(type = "timer", name = "allocation_declared_seconds")]
struct Declaration;

#[metered]
async fn awaited() -> Result<(), String> {
    Yields(2).await;
    Ok(())
}

/// Waits for so many polls.
struct Yields(u8);

impl Future for Yields {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> std::task::Poll<()> {
        self.0 = self.0.saturating_sub(1);
        if self.0 == 0 { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    }
}

fn poll_to_the_end(future: impl Future) {
    let mut future = pin!(future);
    while future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {}
}

#[metered(event = "allocation.placed", emitted_at = age)]
fn placed(age: Duration) -> Result<(), String> {
    let _ = age;
    Ok(())
}

#[metered(name = "allocation_labelled", labels(path = path, tier = tier, "type" = "x"))]
fn labelled(path: &str, tier: Tier) {
    let _ = (path, tier);
}

#[metered(name = "allocation_added", labels = ["path", "status"])]
fn added(path: &str) {
    add_label!("path", path);
    add_label!("status", 404);
}

#[metered(name = "allocation_labelled_async", labels(path = path))]
async fn labelled_async(path: &str) {
    let _ = path;
    Yields(2).await;
}

struct Shop {
    open: bool,
}

#[metrics]
impl Shop {
    fn sell(&self) -> Result<(), ()> {
        if self.open { Ok(()) } else { Err(()) }
    }

    async fn restock(&self) {
        Yields(2 + u8::from(self.open)).await;
    }
}

#[test]
fn attributes_allocate_nothing_for_what_they_have_recorded_before() {
    // A duration like none before it may be the first to touch its page of cells; here all are alike.
    let _clock = MockClock::start();
    let _alone = alone();
    let mut told = Told::default();
    let text = format!("/{}", "path".repeat(40));
    told.check("increment! of a declared metric", || {
        increment!(Declared, labels: {"source" => text, "tier" => Tier::Free});
    });
    told.check("with of a declared metric", || Declared::with(&text, Tier::Free).increment());
    told.check("set! of a declared metric", || set!(Level, value: 1));
    told.check("handle of a declared metric", || Level::handle().set(2));
    told.check("timer! of a declared metric", || drop(timer!(Declaration)));

    told.check("a measured function", || measured().unwrap());
    told.check("a measured future", || poll_to_the_end(awaited()));
    told.check("a cancelled future", || {
        let mut future = pin!(awaited());
        assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    });
    told.check("a method of a service", || Shop { open: true }.sell().unwrap());
    told.check("a method of a service that fails", || Shop { open: false }.sell().unwrap_err());
    told.check("an async method of a service", || poll_to_the_end(Shop { open: true }.restock()));
    told.check("an event", || placed(Duration::from_millis(3)).unwrap());
    told.check("labels(…)", || labelled(&text, Tier::Free));
    told.check("labels = […] and add_label!", || added(&text));
    told.check("labels(…) of a future", || poll_to_the_end(labelled_async(&text)));
    told.none();
}
