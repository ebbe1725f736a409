//! Measured functions of which not each call is timed: calls stay exact, durations unbiased.

#![allow(clippy::unwrap_used)] // a test that can't go on has failed

use runtime_metrics::{Distribution, MockClock, Reading, add_label, metered, metrics, registry};
use std::panic::catch_unwind;
use std::time::Duration;

fn count(name: &str, labels: &[(&str, &str)]) -> u64 {
    match registry().get(name, labels) {
        Some(Reading::Counter(count)) => count,
        other => panic!("{name} {labels:?} is {other:?}"),
    }
}

fn durations(name: &str, labels: &[(&str, &str)]) -> Distribution {
    match registry().get(name, labels) {
        Some(Reading::Distribution(seen)) => seen,
        other => panic!("{name} {labels:?} is {other:?}"),
    }
}

fn is_near(seen: f64, expected: f64) -> bool {
    (seen / expected - 1.0).abs() < 0.02
}

/// As every second call takes longer, a sample of every 16th would see one kind alone.
#[metered(name = "sampled", sample = 16, buckets = [0.0015, 0.1])]
fn sampled(number: u32, clock: &MockClock) -> Result<(), ()> {
    clock.advance(Duration::from_millis(if number.is_multiple_of(2) { 1 } else { 3 }));
    if number.is_multiple_of(10) { Err(()) } else { Ok(()) }
}

#[test]
fn the_durations_of_a_sample_stand_for_all_and_calls_are_exact() {
    let clock = MockClock::start();
    for number in 0..40_000 {
        let _ = sampled(number, &clock);
    }
    let action = ("action", "sampled");
    assert_eq!(count("sampled_requests_total", &[action, ("outcome", "ok")]), 36_000);
    assert_eq!(count("sampled_requests_total", &[action, ("outcome", "error")]), 4_000);
    assert_eq!(registry().get("sampled_active_requests", &[action]), Some(Reading::Gauge(0.0)));
    let seen = durations("sampled_duration_seconds", &[action]);
    assert!(is_near(seen.count as f64, 40_000.0) && seen.count.is_multiple_of(16), "{seen:?}");
    assert!(is_near(seen.sum, 80.0), "{seen:?}");
    let (_, short) = seen.buckets().next().unwrap();
    assert!(is_near(short as f64, 20_000.0), "{seen:?}");
    assert_eq!((seen.min, seen.max), (Some(0.001), Some(0.003)));
}

struct Shop;

#[metrics]
impl Shop {
    #[metered(name = "sampled_method", sample = 4, labels(kind = kind))]
    async fn sell(&self, kind: &str, clock: &MockClock) {
        clock.advance(Duration::from_millis(2));
        tokio::task::yield_now().await;
        clock.advance(Duration::from_millis(2));
        assert!(kind != "broken", "as it is meant to");
    }
}

#[test]
fn labelled_futures_are_sampled_too_and_so_are_their_polls() {
    let clock = MockClock::start();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for number in 0..8_000 {
        runtime.block_on(Shop.sell(if number % 4 == 0 { "book" } else { "a label of more than 16 bytes" }, &clock));
    }
    for _ in 0..10 {
        catch_unwind(|| runtime.block_on(Shop.sell("broken", &MockClock::start()))).unwrap_err();
    }
    let labels = |kind, outcome| [("action", "sell"), ("kind", kind), ("service", "Shop"), ("outcome", outcome)];
    assert_eq!(count("sampled_method_requests_total", &labels("book", "ok")), 2_000);
    assert_eq!(count("sampled_method_requests_total", &labels("a label of more than 16 bytes", "ok")), 6_000);
    assert_eq!(count("sampled_method_requests_total", &labels("broken", "panic")), 10);
    let seen = durations("sampled_method_duration_seconds", &labels("a label of more than 16 bytes", "")[..3]);
    assert!((seen.count as f64 / 6_000.0 - 1.0).abs() < 0.05, "{seen:?}");
    let busy = registry().get(
        "sampled_method_busy_seconds_total",
        &labels("", "")[..1].iter().chain([&("service", "Shop")]).copied().collect::<Vec<_>>(),
    );
    let Some(Reading::CounterFloat(busy)) = busy else { panic!("{busy:?}") };
    assert!(is_near(busy, 8_000.0 * 0.004), "{busy}");
}

#[metered(name = "untimed", duration = false)]
fn untimed(fails: bool) -> Result<(), ()> {
    if fails { Err(()) } else { Ok(()) }
}

#[metered(name = "untimed_future", duration = false, labels = ["tier"])]
async fn untimed_future(tier: &str) {
    add_label!("tier", tier);
    tokio::task::yield_now().await;
}

#[metered(event = "untimed_event", prefix = "untimed_", duration = false, labels(tier = tier))]
fn untimed_event(tier: &str) -> Result<(), ()> {
    if tier == "none" { Err(()) } else { Ok(()) }
}

#[test]
fn what_is_not_timed_is_counted_and_has_no_durations() {
    for number in 0..1_000 {
        let _ = untimed(number % 4 == 0);
    }
    assert_eq!(count("untimed_requests_total", &[("action", "untimed"), ("outcome", "ok")]), 750);
    assert_eq!(count("untimed_requests_total", &[("action", "untimed"), ("outcome", "error")]), 250);

    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for tier in ["free", "paid", "free"] {
        runtime.block_on(untimed_future(tier));
        let _ = untimed_event(tier);
    }
    untimed_event("none").unwrap_err();
    let labels = [("action", "untimed_future"), ("outcome", "ok"), ("tier", "free")];
    assert_eq!(count("untimed_future_requests_total", &labels), 2);
    let event = ("event", "untimed_event");
    assert_eq!(count("untimed_event_failures_total", &[event, ("tier", "none")]), 1);
    assert_eq!(count("untimed_event_failures_total", &[event, ("tier", "free")]), 0);
    assert_eq!(count("untimed_event_received_total", &[event]), 4);

    let snapshot = registry().snapshot();
    let timed = |name: &str| {
        name.starts_with("untimed") && ["seconds", "slow", "time"].iter().any(|word| name[7..].contains(word))
    };
    let names: Vec<&str> = snapshot.families.iter().map(|family| &*family.name).filter(|name| timed(name)).collect();
    assert!(names.is_empty(), "{names:?}");
}

mod timed {
    #[runtime_metrics::metered(name = "shared", labels(kind = kind))]
    pub(super) fn labelled(kind: &str) -> usize {
        kind.len()
    }

    #[runtime_metrics::metered(name = "shared")]
    pub(super) fn one() {}

    #[runtime_metrics::metered(name = "shared", sample = 2)]
    pub(super) fn other() {}
}

mod untimed {
    #[runtime_metrics::metered(name = "shared", labels(kind = kind), duration = false)]
    pub(super) fn labelled(kind: &str) -> usize {
        kind.len()
    }

    #[runtime_metrics::metered(name = "shared", duration = false)]
    pub(super) fn one() {}

    /// The one that is timed has no labels.
    #[runtime_metrics::metered(name = "shared", labels(kind = kind), duration = false)]
    pub(super) fn other(kind: &str) -> usize {
        kind.len()
    }
}

/// Two functions of one name are one action, and neither writes where the other has no room.
#[test]
fn functions_of_one_name_share_an_action_whatever_they_leave_out() {
    for number in 0..1_000 {
        timed::one();
        untimed::one();
        timed::other();
        untimed::other("a");
        if number % 2 == 0 {
            timed::labelled("b")
        } else {
            untimed::labelled("b")
        };
    }
    let requests = |labels: &[(&str, &str)]| count("shared_requests_total", labels);
    assert_eq!(requests(&[("action", "one"), ("outcome", "ok")]), 2_000);
    assert_eq!(requests(&[("action", "other"), ("outcome", "ok")]), 1_000);
    assert_eq!(requests(&[("action", "other"), ("kind", "a"), ("outcome", "ok")]), 1_000);
    assert_eq!(requests(&[("action", "labelled"), ("kind", "b"), ("outcome", "ok")]), 1_000);
    for labels in [&[("action", "one")][..], &[("action", "labelled"), ("kind", "b")], &[("action", "other")]] {
        let seen = durations("shared_duration_seconds", labels).count;
        let expected = if labels.len() == 2 { 500 } else { 1_000 };
        assert!((seen as f64 / f64::from(expected) - 1.0).abs() < 0.02, "{seen} of {labels:?}");
        let action = &labels[..1];
        assert_eq!(registry().get("shared_active_requests", action), Some(Reading::Gauge(0.0)));
    }
}

#[test]
fn the_longest_duration_there_is_is_recorded_and_what_follows_too() {
    let timer = runtime_metrics::Timer::new("longest_seconds", "Longest.").register();
    for duration in [Duration::from_nanos(u64::MAX), Duration::from_nanos(1), Duration::MAX, Duration::from_nanos(2)] {
        timer.record(duration);
    }
    assert_eq!(timer.distribution().count, 4);
}
