//! `Summary`, `Set` and `Rate`: what they promise of their values, and what of it is exported.

#![allow(clippy::unwrap_used)] // a test that can't go on has failed

use runtime_metrics::{
    Counter, Gauge, Kind, MetricValue, Rate, Reading, RuntimeMetrics, Set, Summary, SummarySnapshot, export, metric,
    metrics, registry, status,
};
use runtime_metrics_tests::eventually;
use std::time::{Duration, Instant};

const THREADS: u64 = 8;

/// What OpenMetrics says of a sample, by its name and (in part) its labels.
fn exposed(name: &str, label: &str) -> Option<f64> {
    let text = export::openmetrics(&registry().snapshot());
    let of = |line: &&str| line.split([' ', '{']).next() == Some(name) && line.contains(label);
    text.lines().find(of)?.rsplit(' ').next()?.parse().ok()
}

fn summary(name: &str, labels: &[(&str, &str)]) -> SummarySnapshot {
    match registry().get(name, labels) {
        Some(Reading::Summary(summary)) => summary,
        other => panic!("{name} is {other:?}"),
    }
}

/// Numbers that look random and are the same each time.
fn scattered(seed: u64) -> impl Iterator<Item = u64> {
    let mut state = seed;
    std::iter::repeat_with(move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state ^ state >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd) >> 11
    })
}

/// Latencies from 0.1 ms to 20 s, most of them short.
fn latencies(seed: u64) -> impl Iterator<Item = f64> {
    scattered(seed).map(|n| 1e-4 * ((n as f64 / (1u64 << 53) as f64).powi(3) * 12.2).exp())
}

#[test]
fn a_summary_of_many_threads_counts_exactly() {
    let sizes = Summary::new("types_sizes", "Sizes.").register();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let sizes = &sizes;
            scope.spawn(move || (0..10_000).for_each(|value| sizes.observe(value * THREADS + thread)));
        }
    });
    let count = THREADS * 10_000;
    assert_eq!((sizes.count(), sizes.sum()), (count, (count * (count - 1) / 2) as f64));
    let seen = summary("types_sizes", &[]);
    assert_eq!((seen.min, seen.max), (Some(0.0), Some((count - 1) as f64)));
    // The threads' sketches add up to that of all values.
    for (share, value) in seen.quantiles {
        let exact = (share * (count - 1) as f64).floor();
        assert!((value.unwrap() / exact - 1.0).abs() <= 0.01 + 1e-9, "{share}: {value:?} for {exact}");
    }
    assert_eq!(exposed("types_sizes_count", ""), Some(count as f64));
    assert_eq!(exposed("types_sizes_sum", ""), Some((count * (count - 1) / 2) as f64));
}

#[test]
fn every_quantile_is_within_one_per_cent_of_the_sorted_values() {
    let waits = Summary::new("types_waits_seconds", "Waits.").with_quantiles([0.5, 0.9, 0.999]).register();
    let mut sorted: Vec<f64> = latencies(1).take(50_000).collect();
    for wait in &sorted {
        waits.observe(wait);
    }
    sorted.sort_by(f64::total_cmp);
    let exact = |share: f64| sorted[(share * (sorted.len() - 1) as f64) as usize];
    for thousandth in 0..=1000 {
        let share = f64::from(thousandth) / 1000.0;
        let error = waits.quantile(share).unwrap() / exact(share) - 1.0;
        assert!(error.abs() <= 0.01 + 1e-9, "{error} at {share}");
    }
    for share in [0.5, 0.9, 0.999] {
        let told = exposed("types_waits_seconds", &format!("quantile=\"{share}\"")).unwrap();
        assert!((told / exact(share) - 1.0).abs() <= 0.01 + 1e-9, "{told} at {share}");
    }
}

#[test]
fn the_window_forgets_and_the_count_does_not() {
    let waits = Summary::new("types_window", "Waits.").with_window(Duration::from_millis(300)).register();
    waits.observe(1000);
    assert_eq!(waits.quantile(1.0), Some(1000.0));
    let began = Instant::now();
    eventually("the end of the window", || waits.quantile(1.0).is_none());
    assert!(began.elapsed() >= Duration::from_millis(200), "{:?}", began.elapsed());
    assert!(exposed("types_window", "quantile=\"0.5\"").unwrap().is_nan());

    waits.observe(2);
    assert_eq!(summary("types_window", &[]).quantile(0.99), Some(2.0));
    assert_eq!((waits.count(), waits.sum()), (2, 1002.0));
    assert_eq!(exposed("types_window_count", ""), Some(2.0));
}

#[test]
fn readers_and_recorders_do_not_disturb_each_other() {
    let waits = Summary::new("types_disturbed", "Waits.").with_window(Duration::from_millis(2)).register();
    std::thread::scope(|scope| {
        for seed in 0..THREADS {
            let waits = &waits;
            scope.spawn(move || latencies(seed).take(20_000).for_each(|wait| waits.observe(wait)));
        }
        scope.spawn(|| {
            while waits.count() < THREADS * 20_000 {
                let seen = waits.snapshot();
                assert!(
                    seen.quantiles.iter().all(|(_, value)| value.is_none_or(|value| (1e-4..=20.0).contains(&value)))
                );
            }
        });
    });
    assert_eq!(waits.count(), THREADS * 20_000);
}

#[test]
fn labels_tell_summaries_apart() {
    let waits = Summary::new("types_labelled", "Waits.").with_label("zone", "north").register();
    let reads = waits.with(&[("type", &"read")]);
    reads.observe(1);
    waits.observe_with(3, &[("type", &"read")]);
    waits.observe_with(5, &[("type", &"write")]);
    assert_eq!((reads.count(), reads.sum()), (2, 4.0));
    assert_eq!(summary("types_labelled", &[("type", "write"), ("zone", "north")]).quantile(0.5), Some(5.0));
    assert_eq!(exposed("types_labelled_sum", "type=\"read\""), Some(4.0));
}

#[test]
fn what_is_no_value_spoils_no_summary() {
    let waits = Summary::new("types_invalid", "Waits.").register();
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1.0] {
        waits.observe(value);
    }
    assert_eq!((waits.count(), waits.sum(), waits.quantile(1.0)), (1, 1.0, Some(1.0)));
    assert_eq!((waits.quantile(f64::NAN), waits.quantile(2.0)), (None, None));
}

#[test]
fn a_summary_that_can_not_be_is_refused_with_the_mend() {
    let make = || Summary::new("types_refused", "Refused.");
    for wrong in [1.5, -0.1, f64::NAN] {
        let error = make().with_quantiles([0.5, wrong]).try_register().unwrap_err().to_string();
        assert!(error.contains("from 0 to 1") && error.contains("0.99"), "{error}");
    }
    for window in [Duration::ZERO, Duration::MAX] {
        let error = make().with_window(window).try_register().unwrap_err().to_string();
        assert!(error.contains("window"), "{error}");
    }
    make().with_quantiles([0.9, 0.5, 0.9]).register().observe(1);
    let shares: Vec<f64> = summary("types_refused", &[]).quantiles.iter().map(|(share, _)| *share).collect();
    assert_eq!(shares, [0.5, 0.9]);

    // The same name once more, with other quantiles: it records, and is told.
    make().with_quantiles([0.1]).register().observe(1);
    assert_eq!(summary("types_refused", &[]).count, 2);
    let problems = status().problems;
    assert!(problems.iter().any(|problem| problem.subject == "types_refused" && problem.message.contains("quantiles")));
    let error = Gauge::new("types_refused", "Refused.").try_register().unwrap_err().to_string();
    assert!(error.contains("a summary at"), "{error}");
}

#[test]
fn a_summary_goes_to_sentry_as_statistics() {
    let waits = Summary::new("types_wire", "Waits.").with_quantiles([0.5, 0.999]).register();
    let stats = || -> Vec<(String, MetricValue)> {
        let payload = RuntimeMetrics::from(&registry().snapshot());
        let of_summary = payload.metrics.into_iter().filter(|metric| metric.name == "types_wire");
        of_summary.map(|metric| (metric.tags["stat"].clone(), metric.value)).collect()
    };
    assert_eq!(stats(), [("count".into(), MetricValue::Int(0)), ("sum".into(), MetricValue::Float(0.0))]);
    waits.observe(7);
    let seven = MetricValue::Float(7.0);
    let expected = [
        ("count", MetricValue::Int(1)),
        ("sum", seven),
        ("min", seven),
        ("max", seven),
        ("p50", seven),
        ("p99.9", seven),
    ];
    assert_eq!(stats(), expected.map(|(stat, value)| (stat.to_owned(), value)));
}

/// The stated standard error of a set, which nearly no estimate exceeds four times.
const SET_ERROR: f64 = 0.016;

#[test]
fn a_set_tells_how_many_different_values_there_were() {
    let users = Set::new("types_users", "Users.").register();
    for distinct in [10u64, 1_000, 100_000] {
        let set = users.with(&[("distinct", &distinct)]);
        // Every thread inserts every value, and twice.
        std::thread::scope(|scope| {
            for _ in 0..THREADS / 2 {
                scope.spawn(|| (0..distinct).chain(0..distinct).for_each(|user| set.insert(user)));
            }
        });
        let error = set.estimate() as f64 / distinct as f64 - 1.0;
        let bound = if distinct == 10 { 0.11 } else { 4.0 * SET_ERROR };
        assert!(error.abs() < bound, "{error} of {distinct}");
        let told = exposed("types_users", &format!("distinct=\"{distinct}\"")).unwrap();
        assert_eq!(told, set.estimate() as f64);
    }
    assert_eq!(users.estimate(), 0);
}

#[test]
fn equal_values_are_one_member_however_they_are_held() {
    let users = Set::new("types_equal", "Users.").register();
    for _ in 0..1000 {
        users.insert("ann");
        users.insert(String::from("ann"));
        users.insert(Box::<str>::from("ann"));
        users.insert_with("ben", &[("tier", &"paid")]);
    }
    assert_eq!(registry().get("types_equal", &[]), Some(Reading::Gauge(1.0)));
    assert_eq!(registry().get("types_equal", &[("tier", "paid")]), Some(Reading::Gauge(1.0)));
}

#[test]
fn a_set_is_a_set_in_the_catalogue_and_a_gauge_to_readers() {
    let _users = Set::new("types_catalogued_set", "Users.").register();
    let catalog = registry().catalog();
    assert_eq!(catalog.iter().find(|entry| entry.name == "types_catalogued_set").unwrap().kind, Kind::Set);
    assert_eq!(registry().snapshot().family("types_catalogued_set").unwrap().kind, Kind::Gauge);
    let error = Gauge::new("types_catalogued_set", "Users.").try_register().unwrap_err().to_string();
    assert!(error.contains("a set at"), "{error}");
}

#[test]
fn a_rate_is_the_increase_over_the_window() {
    let window = Duration::from_millis(500);
    let orders = Counter::new("types_orders", "Orders.").with_label("shop", "north").register();
    orders.add(1_000_000); // before the rate: no part of it
    let rate = Rate::new("types_orders_per_second", "Orders per second.").of(&orders).with_window(window).register();
    assert_eq!(rate.value(), 0.0);

    // As many a second as possible, asked now and then; how many there are is known exactly.
    let (began, before) = (Instant::now(), orders.value());
    let mut asked = 0u64;
    while began.elapsed() < 3 * window {
        orders.add(10);
        std::thread::yield_now();
        if scattered(began.elapsed().subsec_micros().into()).next().unwrap().is_multiple_of(50) {
            rate.value();
            asked += 1;
        }
    }
    let average = (orders.value() - before) as f64 / began.elapsed().as_secs_f64();
    let told = rate.value();
    // Two tests share a processor at times: the last window may differ from the average of three.
    assert!(asked > 0 && told > average / 5.0 && told < average * 5.0, "{told}, {average} on average");

    eventually("the end of the window", || exposed("types_orders_per_second", "shop=\"north\"") == Some(0.0));
    orders.add(50);
    let reading = registry().get("types_orders_per_second", &[("shop", "north")]);
    assert!(matches!(reading, Some(Reading::Gauge(now)) if now > 0.0 && now <= 100.0), "{reading:?}");
}

#[test]
fn a_rate_has_the_labels_of_its_counter_and_the_unit_per_second() {
    let bytes = Counter::new("types_received_bytes", "Bytes.").register();
    let north = bytes.with(&[("zone", &"north")]);
    let _rate = Rate::new("types_received_bytes_per_second", "Bytes per second.")
        .of(&north)
        .with_label("window", "1m")
        .register();
    let snapshot = registry().snapshot();
    let family = snapshot.family("types_received_bytes_per_second").unwrap();
    assert_eq!((family.kind, &*family.unit), (Kind::Gauge, "bytes_per_second"));
    let labels: Vec<_> = family.series[0].labels.iter().collect();
    assert_eq!(labels, [("window", "1m"), ("zone", "north")]);
    let payload = RuntimeMetrics::from(&snapshot);
    let sent = payload.metrics.iter().find(|metric| metric.name == "types_received_bytes_per_second").unwrap();
    assert_eq!(sent.unit.as_deref(), Some("bytes_per_second"));
}

#[test]
fn a_rate_belongs_to_one_counter() {
    let (one, other) = (Counter::new("types_one", "One.").register(), Counter::new("types_other", "Other.").register());
    let rate = |counter| Rate::new("types_one_per_second", "One per second.").of(counter);
    let (first, again) = (rate(&one).register(), rate(&one).register());
    one.add(10);
    assert!(first.value() > 0.0 && again.value() > 0.0);
    let error = rate(&other).try_register().unwrap_err().to_string();
    assert!(error.contains("`types_one`") && error.contains("`types_other`"), "{error}");

    let gone = other.with(&[("gone", &true)]);
    assert!(registry().remove("types_other", &[("gone", "true")]));
    let error = Rate::new("types_gone_per_second", "Gone.").of(&gone).try_register().unwrap_err().to_string();
    assert!(error.contains("was removed"), "{error}");
}

#[metric(type = "summary", name = "types_declared_seconds", description = "Waits.", labels = ["kind"])]
struct DeclaredWaits;

#[metric(type = "set", name = "types_declared_users", description = "Users.")]
struct DeclaredUsers;

#[metrics(prefix = "types_field_")]
struct Fields {
    #[metric_field(unit = "seconds")]
    waits: Summary,
    #[metric_field(labels = ["tier"])]
    users: Set,
    #[metric_field(labels = ["tier"])]
    orders: Counter,
}

#[test]
fn declared_summaries_and_sets_are_known_before_they_are_used() {
    assert_eq!(registry().get("types_declared_users", &[]), Some(Reading::Gauge(0.0)));
    DeclaredWaits::with("read").observe(Duration::from_millis(20));
    DeclaredUsers::handle().insert("ann");
    assert_eq!(summary("types_declared_seconds", &[("kind", "read")]).quantile(0.5), Some(0.02));
    assert_eq!(registry().get("types_declared_users", &[]), Some(Reading::Gauge(1.0)));
}

#[test]
fn fields_can_be_summaries_and_sets() {
    let fields =
        Fields { waits: Fields::metric_waits(), users: Fields::metric_users(), orders: Fields::metric_orders() };
    fields.waits.observe(0.5);
    fields.users.with(&[("tier", &"paid")]).insert("ann");
    assert_eq!(summary("types_field_waits", &[]).sum, 0.5);
    assert_eq!(registry().get("types_field_users", &[("tier", "paid")]), Some(Reading::Gauge(1.0)));

    // Without its labels a field has no series yet: what it takes goes nowhere, and into no other.
    fields.users.insert("ben");
    fields.orders.add(7);
    assert_eq!(registry().get("types_field_users", &[]), None);
    assert_eq!(registry().get("types_field_orders", &[]), None);
    let error = Rate::new("types_field_rate", "Rate.").of(&fields.orders).try_register().unwrap_err().to_string();
    assert!(error.contains(".with"), "{error}");
}
