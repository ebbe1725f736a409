//! The options of `#[metered]` and `#[metrics]`: verdicts, labels, events, busy time.

#![allow(clippy::unwrap_used)] // a test that can't go on has failed

use async_trait::async_trait;
use runtime_metrics::{LabelValue, Reading, metered, metrics, registry};
use std::time::{Duration, SystemTime};

fn counter(name: &str, labels: &[(&str, &str)]) -> u64 {
    match registry().get(name, labels) {
        Some(Reading::Counter(count)) => count,
        other => panic!("{name}{labels:?} is {other:?}"),
    }
}

fn seconds(name: &str, labels: &[(&str, &str)]) -> f64 {
    match registry().get(name, labels) {
        Some(Reading::CounterFloat(seconds)) => seconds,
        Some(Reading::Distribution(times)) => times.sum,
        other => panic!("{name}{labels:?} is {other:?}"),
    }
}

fn ended(action: &str, outcome: &str) -> u64 {
    counter("action_requests_total", &[("action", action), ("outcome", outcome)])
}

struct Answer {
    code: u16,
}

#[metered(error_if = |answer| answer.code >= 400)]
fn closure_decides(code: u16) -> Answer {
    Answer { code }
}

#[metered(ok_if = Option::is_some)]
async fn path_decides(found: bool) -> Option<u8> {
    found.then_some(1)
}

#[metered(error_if = |result: &Result<u16, String>| matches!(result, Err(text) if text != "not found"))]
fn forgiven(code: u16) -> Result<u16, String> {
    match code {
        404 => Err("not found".into()),
        500 => Err("broken".into()),
        code => Ok(code),
    }
}

#[tokio::test]
async fn a_test_on_the_value_decides_the_outcome() {
    assert_eq!(closure_decides(200).code + closure_decides(404).code, 604);
    assert_eq!((ended("closure_decides", "ok"), ended("closure_decides", "error")), (1, 1));
    assert!(path_decides(true).await.is_some() && path_decides(false).await.is_none());
    assert_eq!((ended("path_decides", "ok"), ended("path_decides", "error")), (1, 1));
    assert!(forgiven(200).is_ok() && forgiven(404).is_err() && forgiven(500).is_err());
    assert_eq!((ended("forgiven", "ok"), ended("forgiven", "error")), (2, 1));
}

#[derive(Clone, Copy, LabelValue)]
enum Tier {
    Free,
    #[label("gold")]
    Paying,
}

#[derive(LabelValue)]
struct Zone(String);

struct User {
    tier: Tier,
    zone: Zone,
}

#[metered(name = "labelled", labels(tier = user.tier, zone = &user.zone, kind = "user", "type" = count % 2))]
fn by_argument(user: User, (count, _): (u32, u8)) -> String {
    format!("{}{count}", user.zone.0)
}

#[async_trait]
trait Greeter {
    async fn greet(&self, user: User) -> Result<(), ()>;
}

struct Door {
    number: u8,
}

#[async_trait]
impl Greeter for Door {
    #[metered(name = "greeted", labels(door = self.number, tier = user.tier))]
    async fn greet(&self, user: User) -> Result<(), ()> {
        tokio::task::yield_now().await;
        drop(user);
        Err(())
    }
}

#[tokio::test]
async fn labels_are_taken_from_the_arguments_before_the_body_has_them() {
    let user = |tier| User { tier, zone: Zone("north".to_owned()) };
    assert_eq!(by_argument(user(Tier::Paying), (3, 0)), "north3");
    by_argument(user(Tier::Free), (4, 0));
    let labels = |tier, count| {
        [
            ("action", "by_argument"),
            ("kind", "user"),
            ("outcome", "ok"),
            ("tier", tier),
            ("type", count),
            ("zone", "north"),
        ]
    };
    assert_eq!(counter("labelled_requests_total", &labels("gold", "1")), 1);
    assert_eq!(counter("labelled_requests_total", &labels("free", "0")), 1);

    assert!(Door { number: 3 }.greet(user(Tier::Free)).await.is_err());
    let labels = [("action", "greet"), ("door", "3"), ("outcome", "error"), ("tier", "free")];
    assert_eq!(counter("greeted_requests_total", &labels), 1);
}

struct Placed {
    at: SystemTime,
}

#[metered(event = "order.placed", emitted_at = event.at)]
async fn on_placed(event: Placed) -> Result<SystemTime, ()> {
    tokio::task::yield_now().await;
    Ok(event.at)
}

#[metered(event = "order.sent", prefix = "depot_", emitted_at = age)]
fn on_sent(age: Duration) {}

#[tokio::test]
async fn the_way_of_an_event_to_its_handler_is_measured() {
    on_placed(Placed { at: SystemTime::now() - Duration::from_secs(5) }).await.unwrap();
    on_placed(Placed { at: SystemTime::now() + Duration::from_hours(1) }).await.unwrap();
    let latency = seconds("event_latency_seconds", &[("event", "order.placed")]);
    assert!((5.0..6.0).contains(&latency), "{latency}");
    assert_eq!(counter("event_received_total", &[("event", "order.placed")]), 2);
    on_sent(Duration::from_millis(1500));
    assert_eq!(seconds("depot_event_latency_seconds", &[("event", "order.sent")]), 1.5);
}

#[metrics(events = true)]
struct Publisher;

#[metrics]
impl Publisher {
    async fn publish(&self, fails: bool) -> Result<(), String> {
        if fails { Err("no bus".into()) } else { Ok(()) }
    }
}

#[tokio::test]
async fn a_publisher_counts_what_it_publishes() {
    let service = [("service", "Publisher")];
    assert_eq!(counter("event_published_total", &service), 0);
    Publisher.publish(false).await.unwrap();
    Publisher.publish(true).await.unwrap_err();
    assert_eq!(counter("event_published_total", &service), 2);
    assert_eq!(counter("event_publish_failures_total", &service), 1);
    assert_eq!(counter("service_requests_total", &service), 2);
    let Some(Reading::Distribution(times)) = registry().get("event_publish_time_seconds", &service) else { panic!() };
    assert_eq!(times.count, 2);
}

#[metered]
async fn works_and_waits() {
    std::thread::sleep(Duration::from_millis(20));
    tokio::time::sleep(Duration::from_millis(60)).await;
    std::thread::sleep(Duration::from_millis(20));
}

#[metered]
async fn only_waits() {
    tokio::time::sleep(Duration::from_millis(30)).await;
}

#[tokio::test]
async fn busy_time_and_wall_time_are_told_apart_and_slow_polls_counted() {
    works_and_waits().await;
    only_waits().await;
    let of = |action| [("action", action)];
    let (busy, wall) = (
        seconds("action_busy_seconds_total", &of("works_and_waits")),
        seconds("action_duration_seconds", &of("works_and_waits")),
    );
    assert!(busy >= 0.040 && wall >= busy + 0.055, "busy {busy}, wall {wall}");
    assert_eq!(counter("action_slow_polls_total", &of("works_and_waits")), 2);
    let (busy, wall) = (
        seconds("action_busy_seconds_total", &of("only_waits")),
        seconds("action_duration_seconds", &of("only_waits")),
    );
    assert!(wall >= 0.030 && busy < wall / 2.0, "busy {busy}, wall {wall}");
}

#[test]
fn a_measured_future_grows_by_at_most_64_bytes() {
    async fn plain(input: [u8; 256]) -> Result<u8, ()> {
        tokio::task::yield_now().await;
        Ok(input[0])
    }
    #[metered]
    async fn measured(input: [u8; 256]) -> Result<u8, ()> {
        tokio::task::yield_now().await;
        Ok(input[0])
    }
    #[metered(labels = ["tier"])]
    async fn labelled(input: [u8; 256]) -> Result<u8, ()> {
        tokio::task::yield_now().await;
        Ok(input[0])
    }
    let plain = size_of_val(&plain([0; 256]));
    for measured in [size_of_val(&measured([0; 256])), size_of_val(&labelled([0; 256]))] {
        assert!(measured <= plain + 64, "{measured} beside {plain}");
    }
}
