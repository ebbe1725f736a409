//! Definitions that disagree: found at start-up, named with both places and a mend, and the
//! program goes on.

#![allow(clippy::unwrap_used)] // a test that can't go on has failed

use runtime_metrics::{Counter, Gauge, Histogram, Reading, increment, metric, observe, registry, set, status};

/// What `status` says of a metric.
fn told(subject: &str) -> String {
    let problems = status().problems;
    let told: Vec<String> =
        problems.into_iter().filter(|problem| problem.subject == subject).map(|problem| problem.message).collect();
    assert_eq!(told.len(), 1, "{subject}: {told:?}");
    told.join("")
}

/// The line in this file that holds `text` for the first time.
fn line_of(text: &str) -> usize {
    1 + include_str!("conflicts.rs").lines().position(|line| line.contains(text)).unwrap()
}

#[test]
fn two_call_sites_that_disagree_on_the_kind_are_both_named() {
    fn uses() {
        increment!("clash_kind");
        set!("clash_kind", value: 7);
    }
    uses();
    let told = told("clash_kind");
    let counter = format!("conflicts.rs:{}", line_of("increment!(\"clash_kind\")"));
    let gauge = format!("conflicts.rs:{}", line_of("set!(\"clash_kind\""));
    assert!(told.contains(&counter) && told.contains(&gauge), "{told}");
    assert!(told.contains("use increment! here or give one of them another name"), "{told}");
    // The first definition counts on; what the other records goes nowhere.
    assert_eq!(registry().get("clash_kind", &[]), Some(Reading::Counter(1)));
}

#[metric(type = "histogram", name = "clash_declared", description = "Declared.", labels = ["tier"])]
struct Declared;

#[test]
fn a_use_that_contradicts_a_declaration_is_the_one_to_be_told() {
    let zone = "north";
    observe!("clash_declared", value: 1, labels: {"zone" => zone});
    let told = told("clash_declared");
    assert!(told.contains("the label `zone`") && told.contains("has the labels tier"), "{told}");
    let tier = "gold";
    observe!(Declared, value: 1, labels: {"tier" => tier});
    assert!(registry().get("clash_declared", &[("tier", "gold")]).is_some());
}

#[test]
fn two_units_of_one_metric_are_told() {
    observe!("clash_unit", value: 1, unit: "bytes");
    observe!("clash_unit", value: 1, unit: "seconds");
    assert!(told("clash_unit").contains("its unit is seconds at"), "{}", told("clash_unit"));
}

#[test]
fn two_descriptions_and_two_sets_of_buckets_are_told_and_still_recorded() {
    observe!("clash_text", value: 1, help: "One.", buckets: [1, 2]);
    observe!("clash_text", value: 1, help: "One.", buckets: [1, 3]);
    assert!(told("clash_text").contains("its buckets at"), "{}", told("clash_text"));
    let Some(Reading::Distribution(seen)) = registry().get("clash_text", &[]) else { panic!() };
    assert_eq!(seen.count, 2);
}

#[test]
fn two_names_that_are_exported_as_one_are_told() {
    let _dotted = Counter::new("clash.exported", "One.").register();
    let error = Gauge::new("clash_exported", "Other.").try_register().unwrap_err().to_string();
    assert!(error.contains("would both be exported as `clash_exported`") && error.contains("conflicts.rs:"), "{error}");
    let _times = Histogram::new("clash_times", "Times.").register();
    let error = Gauge::new("clash_times_count", "Other.").try_register().unwrap_err().to_string();
    assert!(error.contains("rename one of them"), "{error}");
}

#[test]
fn two_spellings_of_one_name_are_one_metric() {
    let times = runtime_metrics::Timer::new("spelled_duration_seconds", "Times.").register();
    times.start().stop();
    runtime_metrics::timer!("spelled_duration").stop();
    assert_eq!(times.distribution().count, 2);
    let read = |name| registry().get(name, &[]);
    assert_eq!(read("spelled_duration"), read("spelled_duration_seconds"));
    let text = runtime_metrics::export::openmetrics(&registry().snapshot());
    assert_eq!(text.matches("\nspelled_duration_seconds_count").count(), 1, "{text}");
}

#[test]
fn a_name_made_at_run_time_is_checked_as_well() {
    let counter = Counter::new("two words", "Bad.").register();
    counter.increment();
    assert!(told("two words").contains("such as `two_words`"));
    let error = Counter::new("clash_label", "Bad.").with_label("le", "x").try_register().unwrap_err();
    assert!(error.to_string().contains("reserved"), "{error}");
    let error = Histogram::new("clash_bounds", "Bad.").with_buckets(vec![2.0, 1.0]).try_register().unwrap_err();
    assert!(error.to_string().contains("sort the bounds"), "{error}");
}

#[test]
fn a_metric_is_not_measured_by_an_attribute_and_by_hand() {
    #[runtime_metrics::metered]
    fn measured_twice() {}
    measured_twice();
    let error =
        Gauge::new("action_active_requests", "").with_label("action", "measured_twice").try_register().unwrap_err();
    assert!(error.to_string().contains("already measured by an attribute"), "{error}");
    assert_eq!(registry().get("action_active_requests", &[("action", "measured_twice")]), Some(Reading::Gauge(0.0)));
}
