//! Adaptive sampling: about as many calls are timed as are wanted, whatever the pace; calls stay exact, and durations
//! unbiased, though the pace and the durations change together.

#![allow(clippy::unwrap_used)] // a test that can't go on has failed

use runtime_metrics::{Distribution, MockClock, Reading, Sampling, Settings, configure, metered, registry};
use std::sync::Once;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Of a million or so in a second.
const WANTED: u32 = 200_000;

fn settled() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let settings = Settings { sample: Sampling::Adaptive, samples_per_second: WANTED, ..Default::default() };
        let _ = configure(settings).unwrap();
    });
}

fn durations(name: &str, action: &str) -> Distribution {
    match registry().get(name, &[("action", action)]) {
        Some(Reading::Distribution(seen)) => seen,
        other => panic!("{other:?}"),
    }
}

fn calls(name: &str, action: &str) -> u64 {
    match registry().get(name, &[("action", action), ("outcome", "ok")]) {
        Some(Reading::Counter(count)) => count,
        other => panic!("{other:?}"),
    }
}

#[metered(name = "adaptive")]
fn paced(clock: &MockClock, took: Duration) {
    clock.advance(took);
}

/// Half of the time is in short calls that come as fast as can be, and half in long ones that are few. The few have a
/// spread of 0.4 in each of the 25 turns, and of 0.04 in the whole; so 0.2 is never reached by chance, but is by who
/// weighs a call by another pace than its own.
#[test]
fn the_durations_stay_unbiased_while_the_pace_changes_with_them() {
    settled();
    let clock = MockClock::start();
    let (mut truth, mut all) = (Duration::ZERO, 0_u64);
    let mut random = 88_172_645_463_325_252_u64;
    for _ in 0..25 {
        let (turn, mut short) = (Instant::now(), Duration::ZERO);
        while turn.elapsed() < Duration::from_millis(120) {
            for _ in 0..512 {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let took = Duration::from_nanos(500_000 + (random >> 44));
                paced(&clock, took);
                (short, all) = (short + took, all + 1);
            }
        }
        for _ in 0..100 {
            paced(&clock, short / 100);
            sleep(Duration::from_millis(1));
        }
        (truth, all) = (truth + short + short / 100 * 100, all + 100);
    }
    assert_eq!(calls("adaptive_requests_total", "paced"), all);
    let seen = durations("adaptive_duration_seconds", "paced");
    let off = |seen: f64, truth: f64| (seen / truth - 1.0).abs();
    assert!(off(seen.count as f64, all as f64) < 0.03, "{} of {all} calls", seen.count);
    assert!(off(seen.sum, truth.as_secs_f64()) < 0.2, "{} of {truth:?}", seen.sum);
    // Not each was timed.
    assert_ne!(seen.sum, truth.as_secs_f64());
}

#[metered(name = "adaptive_slow")]
fn slow(clock: &MockClock) {
    clock.advance(Duration::from_millis(7));
}

#[test]
fn below_the_pace_that_is_wanted_each_call_is_timed() {
    settled();
    let clock = MockClock::start();
    for _ in 0..300 {
        slow(&clock);
    }
    let seen = durations("adaptive_slow_duration_seconds", "slow");
    assert_eq!((seen.count, seen.sum), (300, 2.1));
}

#[metered(name = "adaptive_long")]
async fn long(clock: &MockClock, gate: &tokio::sync::Notify) {
    gate.notified().await;
    clock.advance(Duration::from_secs(1));
}

/// A call that began while each was timed counts as one, though it ends when one in many is.
#[test]
fn a_call_keeps_the_weight_it_began_with() {
    settled();
    let clock = MockClock::start();
    let (gate, open) = (tokio::sync::Notify::new(), tokio::sync::Notify::new());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut waiting = Box::pin(long(&clock, &gate));
        assert!(
            std::future::poll_fn(|context| std::task::Poll::Ready(waiting.as_mut().poll(context).is_pending())).await
        );
        let busy = Instant::now();
        while busy.elapsed() < Duration::from_millis(500) {
            open.notify_one();
            long(&clock, &open).await;
        }
        gate.notify_one();
        waiting.await;
    });
    let all = calls("adaptive_long_requests_total", "long");
    let seen = durations("adaptive_long_duration_seconds", "long");
    assert!((seen.count as f64 / all as f64 - 1.0).abs() < 0.05, "{} of {all}", seen.count);
}
