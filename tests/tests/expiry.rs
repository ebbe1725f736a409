//! Series whose values stay as they are for long are removed, and their room is others'; what is held or written out
//! stays.

#![allow(clippy::unwrap_used)] // a test that can't go on has failed

use runtime_metrics::{
    Counter, Gauge, MetricSettings, Reading, Settings, Timer, configure, increment, metered, observe, registry, set,
    timer,
};
use runtime_metrics_tests::eventually;
use std::sync::Once;
use std::thread::sleep;
use std::time::Duration;

const IDLE: Duration = Duration::from_millis(300);

fn settled() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let mut settings = Settings::default();
        let metric = MetricSettings { idle_expiry: Some(IDLE), series: Some(10), ..Default::default() };
        settings.metrics.insert("expiring_*".to_owned(), metric);
        let _ = configure(settings).unwrap();
    });
}

/// The label values of the series of a metric, as it is exported; without the one that has none.
fn series(name: &str) -> Vec<String> {
    let snapshot = registry().snapshot();
    let family = snapshot.family(name);
    let all = family.into_iter().flat_map(|family| &family.series);
    let labelled = all.filter(|series| series.labels.iter().len() > 0);
    labelled.map(|series| series.labels.iter().map(|(_, value)| value.to_owned()).collect()).collect()
}

fn get(name: &str, labels: &[(&str, &str)]) -> Option<Reading> {
    registry().get(name, labels)
}

#[test]
fn who_is_idle_goes_and_comes_back_anew() {
    settled();
    let peers = ["busy".to_owned(), "idle".to_owned()];
    for peer in &peers {
        increment!("expiring_packets", value: 5, labels: {"peer" => peer});
        set!("expiring_depth", value: 5, labels: {"peer" => peer});
        observe!("expiring_sizes", value: 5, labels: {"peer" => peer});
        increment!("staying_packets", labels: {"peer" => peer});
    }
    let mut turns = 0;
    eventually("the end of who is idle", || {
        turns += 1;
        let peer = peers[0].clone();
        increment!("expiring_packets", labels: {"peer" => peer});
        // Set to what it is, it is not idle.
        set!("expiring_depth", value: 5, labels: {"peer" => peer});
        Gauge::new("expiring_level", "A gauge.").register().set_with(5, &[("peer", &peer)]);
        assert!(series("expiring_depth").contains(&"busy".to_owned()) && series("expiring_level") == ["busy"]);
        observe!("expiring_sizes", value: 1, labels: {"peer" => peer});
        sleep(IDLE / 30);
        ["expiring_packets", "expiring_depth", "expiring_sizes"].iter().all(|name| series(name) == ["busy"])
    });
    assert_eq!(get("expiring_packets", &[("peer", "busy")]), Some(Reading::Counter(5 + turns)));
    assert_eq!(get("expiring_packets", &[("peer", "idle")]), None);
    assert_eq!(series("staying_packets"), ["busy", "idle"]);
    for peer in peers {
        increment!("expiring_packets", labels: {"peer" => peer});
    }
    assert_eq!(get("expiring_packets", &[("peer", "idle")]), Some(Reading::Counter(1)));
}

#[test]
fn the_room_of_who_went_is_for_others() {
    settled();
    for round in 0..3 {
        for peer in 0..10 {
            increment!("expiring_rounds", labels: {"peer" => format!("{round}.{peer}")});
        }
        // The limit holds while they are there.
        assert_eq!(series("expiring_rounds").iter().filter(|peer| peer.starts_with(&format!("{round}."))).count(), 10);
        eventually("the end of all", || {
            sleep(IDLE / 10);
            series("expiring_rounds").is_empty()
        });
    }
    assert!(runtime_metrics::status().problems.iter().all(|problem| problem.subject != "expiring_rounds"));
}

#[metered(name = "expiring_call", labels = ["peer"])]
fn called() {
    runtime_metrics::add_label!("peer", "a");
}

#[test]
fn what_is_held_or_written_out_stays() {
    settled();
    increment!("expiring_plain");
    increment!("expiring_written", labels: {"peer" => "literal"});
    called();
    let handle = Counter::new("expiring_handle", "Held.").register().with(&[("peer", &"held")]);
    handle.increment();
    let copy = handle.clone();
    drop(handle);
    let peer = String::from("timed");
    let running = timer!("expiring_timed", labels: {"peer" => peer});
    let started = Timer::new("expiring_timer", "Times.").register().with(&[("peer", &"timed")]).start();
    sleep(IDLE);
    for _ in 0..20 {
        assert_eq!(get("expiring_plain", &[]), Some(Reading::Counter(1)));
        assert_eq!(series("expiring_written").len(), 1);
        assert_eq!(series("expiring_handle"), ["held"]);
        assert_eq!(series("expiring_timed"), ["timed"]);
        assert_eq!(series("expiring_timer"), ["timed"]);
        assert_eq!(series("expiring_call_duration_seconds"), ["calleda"]);
        sleep(IDLE / 10);
    }
    copy.increment();
    assert_eq!(get("expiring_handle", &[("peer", "held")]), Some(Reading::Counter(2)));
    running.stop();
    started.stop();
    for name in ["expiring_timed", "expiring_timer"] {
        let Some(Reading::Distribution(seen)) = get(name, &[("peer", "timed")]) else { panic!("{name} is gone") };
        assert_eq!(seen.count, 1);
    }
    drop(copy);
    eventually("the end of what was held", || {
        sleep(IDLE / 10);
        ["expiring_handle", "expiring_timed", "expiring_timer"].iter().all(|name| series(name).is_empty())
    });
}
