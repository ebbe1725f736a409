//! The overflow series: totals stay right, memory stays bounded, and the metric is named once.
//! A program of its own, for the limits are those of the whole process.

#![allow(clippy::unwrap_used)] // a test that can't go on has failed

use runtime_metrics::{Counter, Gauge, Limits, Reading, increment, registry, set, status};

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
