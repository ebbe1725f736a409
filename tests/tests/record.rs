//! `increment!`, `set!`, `observe!`, `timer!` and `add_label!`: what is written is what is counted.

#![allow(clippy::unwrap_used)] // a test that can't go on has failed

use runtime_metrics as metrics;
use runtime_metrics::{Distribution, Kind, Reading, registry};
use std::sync::Arc;
use std::time::Duration;

fn get(name: &str, labels: &[(&str, &str)]) -> Option<Reading> {
    registry().get(name, labels)
}

fn distribution(name: &str, labels: &[(&str, &str)]) -> Distribution {
    match get(name, labels) {
        Some(Reading::Distribution(distribution)) => distribution,
        other => panic!("{name} is {other:?}"),
    }
}

#[test]
fn a_counter_is_there_as_zero_before_it_is_reached() {
    fn never_called() {
        metrics::increment!("record_never_reached");
    }
    let _ = never_called as fn();
    assert_eq!(get("record_never_reached", &[]), Some(Reading::Counter(0)));
}

#[test]
fn the_options_come_in_any_order() {
    let kind = "b";
    metrics::increment!("record_order", value: 2, labels: {"kind" => kind});
    metrics::increment!("record_order", labels: {"kind" => kind}, value: 3);
    metrics::increment!("record_order", labels: {"kind" => kind,}, value: 1, help: "Any order.",);
    assert_eq!(get("record_order", &[("kind", "b")]), Some(Reading::Counter(6)));
}

#[test]
fn every_call_site_of_a_name_counts_into_one_series() {
    fn one() {
        metrics::increment!("record_sites");
    }
    fn two() {
        metrics::increment!("record_sites", value: 10u8);
    }
    one();
    two();
    one();
    assert_eq!(get("record_sites", &[]), Some(Reading::Counter(12)));
}

#[test]
fn labels_take_every_everyday_type_and_leave_it_to_the_caller() {
    let owned = String::from("x");
    let shared: Arc<str> = "y".into();
    metrics::increment!("record_types", labels: {
        "owned" => owned, "shared" => shared, "number" => 404u16, "flag" => true, "formatted" => format!("{}-{}", 1, 2)
    });
    let labels = [("owned", "x"), ("shared", "y"), ("number", "404"), ("flag", "true"), ("formatted", "1-2")];
    assert_eq!(get("record_types", &labels), Some(Reading::Counter(1)));
    assert_eq!((&*owned, &*shared), ("x", "y"));
}

#[test]
fn the_order_of_labels_means_nothing() {
    let (a, b) = ("1", "2");
    metrics::increment!("record_label_order", labels: {"a" => a, "b" => b});
    metrics::increment!("record_label_order", labels: {"b" => b, "a" => a});
    metrics::increment!("record_label_order", labels: {"b" => "2", "a" => "1"});
    assert_eq!(get("record_label_order", &[("a", "1"), ("b", "2")]), Some(Reading::Counter(3)));
}

#[test]
fn a_macro_is_an_expression_in_any_place() {
    let count = |kind: u8| match kind {
        0 => metrics::increment!("record_expression"),
        1 => (),
        _ => metrics::increment!("record_expression", value: 10),
    };
    count(0);
    count(2);
    (0..2).for_each(|_| metrics::increment!("record_expression"));
    assert_eq!(get("record_expression", &[]), Some(Reading::Counter(13)));
}

#[test]
fn a_gauge_takes_any_number_and_a_duration() {
    metrics::set!("record_gauge", value: 3usize);
    assert_eq!(get("record_gauge", &[]), Some(Reading::Gauge(3.0)));
    metrics::set!("record_gauge", value: -1.5f32);
    assert_eq!(get("record_gauge", &[]), Some(Reading::Gauge(-1.5)));
    let network = String::from("n1");
    metrics::set!("record_gauge", labels: {"network" => network}, value: Duration::from_millis(250));
    assert_eq!(get("record_gauge", &[("network", "n1")]), Some(Reading::Gauge(0.25)));
}

#[test]
fn a_histogram_keeps_count_sum_and_extremes() {
    for value in [0.5, 2.0, 8.0] {
        metrics::observe!("record_histogram", value: value, buckets: [1, 2, 4]);
    }
    let seen = distribution("record_histogram", &[]);
    assert_eq!((seen.count, seen.sum, seen.min, seen.max), (3, 10.5, Some(0.5), Some(8.0)));
    let counts: Vec<u64> = seen.buckets().map(|(_, count)| count).collect();
    assert_eq!(counts, [1, 1, 0, 1]);
}

#[test]
fn a_histogram_of_seconds_adds_up_without_rounding() {
    for _ in 0..1_000 {
        metrics::observe!("record_exact_seconds", value: Duration::from_nanos(100_000_001));
    }
    // A float would drift here; nanoseconds do not.
    assert_eq!(distribution("record_exact_seconds", &[]).sum, 100.000_001);
}

#[test]
fn what_is_no_value_is_counted_as_such_and_spoils_nothing() {
    let invalid = || match get("runtime_metrics_invalid_values", &[]) {
        Some(Reading::Counter(count)) => count,
        other => panic!("{other:?}"),
    };
    let before = invalid();
    metrics::observe!("record_nan", value: f64::NAN);
    metrics::observe!("record_nan", value: f64::INFINITY);
    metrics::observe!("record_nan", value: 1.0);
    metrics::increment!("record_negative", value: -1);
    assert_eq!(distribution("record_nan", &[]).sum, 1.0);
    assert_eq!(get("record_negative", &[]), Some(Reading::Counter(0)));
    assert!(invalid() >= before + 3);
}

#[test]
fn a_timer_records_on_every_way_out() {
    fn fails() -> Result<(), std::num::ParseIntError> {
        let _timing = metrics::timer!("record_timer");
        "x".parse::<u32>()?;
        Ok(())
    }
    assert!(fails().is_err());
    let _ = std::panic::catch_unwind(|| {
        let _timing = metrics::timer!("record_timer");
        panic!("on purpose");
    });
    let kind = "a";
    metrics::timer!("record_timer", labels: {"kind" => kind}).stop();
    metrics::timer!("record_timer").discard();
    assert_eq!(distribution("record_timer", &[]).count, 2);
    assert_eq!(distribution("record_timer", &[("kind", "a")]).count, 1);
}

#[test]
fn many_threads_lose_nothing() {
    const THREADS: usize = 64;
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            scope.spawn(move || {
                for round in 0..1_000u32 {
                    metrics::increment!("record_threads");
                    metrics::increment!("record_threads_labelled", labels: {"half" => thread % 2});
                    metrics::observe!("record_threads_values", value: round);
                }
            });
        }
    });
    let total = THREADS as u64 * 1_000;
    assert_eq!(get("record_threads", &[]), Some(Reading::Counter(total)));
    for half in ["0", "1"] {
        assert_eq!(get("record_threads_labelled", &[("half", half)]), Some(Reading::Counter(total / 2)));
    }
    let values = distribution("record_threads_values", &[]);
    assert_eq!((values.count, values.sum), (total, THREADS as f64 * 499_500.0));
}

#[test]
fn the_catalogue_knows_name_kind_text_and_place() {
    metrics::observe!("record_catalogued", value: 1, help: "Shown to people.", unit: "bytes");
    let catalog = registry().catalog();
    let entry = catalog.iter().find(|entry| entry.name == "record_catalogued").unwrap();
    assert_eq!((entry.kind, &*entry.help, &*entry.unit), (Kind::Histogram, "Shown to people.", "bytes"));
    assert!(entry.source.unwrap().file.ends_with("record.rs"));
}

#[test]
fn add_label_outside_of_a_call_is_told() {
    metrics::add_label!("record_nobody", "x");
    let problems = metrics::status().problems;
    let problem = problems.iter().find(|problem| problem.subject == "record_nobody").unwrap();
    assert!(
        problem.message.contains("record.rs:") && problem.message.contains("labels = [\"record_nobody\"]"),
        "{problem}"
    );
}
