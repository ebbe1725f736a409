//! The overflow series: totals stay right, memory stays bounded, and the metric is named once.
//! A program of its own, for the limits are those of the whole process.

#![allow(clippy::unwrap_used)] // a test that can't go on has failed

use runtime_metrics::{Counter, Gauge, Limits, Reading, increment, metered, registry, set, status, timer};
use runtime_metrics_tests::{alone, client_with, still};
use std::time::Duration;

fn total(name: &str) -> u64 {
    let snapshot = registry().snapshot();
    let values = snapshot.family(name).unwrap().series.iter().map(|series| match series.value {
        Reading::Counter(count) => count,
        _ => 0,
    });
    values.sum()
}

#[test]
fn a_label_explosion_is_folded_into_one_series() {
    let _alone = alone();
    registry().set_limits(Limits { series_per_metric: 100, ..Limits::default() });
    std::thread::scope(|scope| {
        for thread in 0..4u32 {
            scope.spawn(move || {
                for user in 0..5_000u32 {
                    increment!("limits_users", labels: {"user" => user * 4 + thread});
                    set!("limits_levels", value: 1, labels: {"user" => user});
                }
            });
        }
    });
    assert_eq!(total("limits_users"), 20_000);
    let snapshot = registry().snapshot();
    assert_eq!(snapshot.family("limits_users").unwrap().series.len(), 101);
    assert_eq!(snapshot.family("limits_levels").unwrap().series.len(), 101);
    let Some(Reading::Counter(folded)) = registry().get("limits_users", &[("overflow", "true")]) else { panic!() };
    let counted = registry().get("runtime_metrics_overflowed", &[("metric", "limits_users")]);
    assert_eq!(counted, Some(Reading::Counter(folded)));
    let told: Vec<_> = status().problems.into_iter().filter(|problem| problem.subject == "limits_users").collect();
    assert_eq!(told.len(), 1);
    assert!(told[0].message.contains("the limit of 100") && told[0].message.contains("set_limits"), "{}", told[0]);

    // A bound handle is folded as well, and a known label set is still found.
    Counter::new("limits_users", "").register().with(&[("user", &"new")]).increment();
    assert_eq!(registry().get("limits_users", &[("overflow", "true")]), Some(Reading::Counter(folded + 1)));

    // Removing a series makes room for another.
    let known =
        snapshot.family("limits_users").unwrap().series.iter().find_map(|series| series.labels.get("user")).unwrap();
    assert!(registry().remove("limits_users", &[("user", known)]));
    let fresh = "fresh";
    increment!("limits_users", labels: {"user" => fresh});
    assert_eq!(registry().get("limits_users", &[("user", "fresh")]), Some(Reading::Counter(1)));

    // So is what is beyond the limit of all.
    registry().set_limits(Limits { series: 1, series_per_metric: 1_000 });
    Gauge::new("limits_all", "").register().set(1);
    assert_eq!(registry().get("limits_all", &[("overflow", "true")]), Some(Reading::Gauge(1.0)));
}

/// How many records of a metric were folded, as the library counts them, and as the series with these labels tells.
fn folded(metric: &str, labels: &[(&str, &str)]) -> (u64, u64) {
    let count = |name: &str, labels: &[(&str, &str)]| match registry().get(name, labels) {
        Some(Reading::Counter(count)) => count,
        Some(Reading::Distribution(distribution)) => distribution.count,
        _ => 0,
    };
    (count("runtime_metrics_overflowed", &[("metric", metric)]), count(metric, labels))
}

const REST: [(&str, &str); 1] = [("overflow", "true")];

#[metered(name = "limits_measured", labels(user = user))]
fn measured(user: u32) {
    std::hint::black_box(user);
}

#[test]
fn what_is_folded_is_counted_once_though_a_span_is_told_of_it() {
    let _alone = alone();
    registry().set_limits(Limits { series_per_metric: 20, ..Limits::default() });
    let options = sentry::ClientOptions::new().traces_sample_rate(1.0);
    let client = client_with("http://public@127.0.0.1:9/1", still(Duration::from_hours(1)), options);
    for user in 0..120_u32 {
        increment!("limits_traced", labels: {"user" => user});
        timer!("limits_traced_times", labels: {"user" => user}).stop();
        measured(user);
    }
    assert_eq!(folded("limits_traced", &REST), (100, 100));
    assert_eq!(folded("limits_traced_times", &REST), (100, 100));
    let labels = [("action", "measured"), ("overflow", "true")];
    assert_eq!(folded("limits_measured_duration_seconds", &labels), (100, 100));
    drop(client);
}

#[test]
fn what_stands_for_the_rest_may_be_removed_and_comes_again() {
    let _alone = alone();
    registry().set_limits(Limits { series_per_metric: 20, ..Limits::default() });
    let mut user = 0_u32;
    let mut more = || {
        for _ in 0..10 {
            user += 1;
            increment!("limits_removed", labels: {"user" => user});
        }
    };
    // What fits, and ten more.
    (0..3).for_each(|_| more());
    assert_eq!(folded("limits_removed", &REST), (10, 10));
    assert!(registry().remove("limits_removed", &REST));
    more();
    assert_eq!(folded("limits_removed", &REST), (20, 10));
    assert!(registry().remove("runtime_metrics_overflowed", &[("metric", "limits_removed")]));
    more();
    assert_eq!(folded("limits_removed", &REST), (10, 20));
}

#[test]
fn who_is_beyond_a_limit_is_told_again_of_another_limit() {
    let _alone = alone();
    let mut user = 0_u32;
    for limit in [20, 20, 40] {
        registry().set_limits(Limits { series_per_metric: limit, ..Limits::default() });
        for _ in 0..50 {
            user += 1;
            increment!("limits_raised", labels: {"user" => user});
        }
    }
    let told = status().problems.into_iter().filter(|problem| problem.subject == "limits_raised");
    let told: Vec<String> = told.map(|problem| problem.message).collect();
    assert!(told.len() == 2 && told[0].contains("limit of 20 ") && told[1].contains("limit of 40 "), "{told:?}");
}
