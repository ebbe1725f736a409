//! Whatever a label value is and wherever it lies, its record goes to the series of its text.

#![allow(clippy::unwrap_used)] // a test that can't go on has failed

use runtime_metrics::{Counter, LabelText, LabelValue, Limits, Reading, increment, metric, observe, registry};
use std::collections::BTreeMap;
use std::sync::Barrier;
use std::thread;

fn count(name: &str, labels: &[(&str, &str)]) -> u64 {
    match registry().get(name, labels) {
        Some(Reading::Counter(count)) => count,
        _ => 0,
    }
}

fn series(name: &str) -> usize {
    registry().snapshot().family(name).map_or(0, |family| family.series.len())
}

#[test]
fn text_of_any_length_anywhere_in_memory_is_told_apart() {
    registry().set_limits(Limits { series_per_metric: 100_000, series: 1_000_000 });
    let memory: String = (0..2 * 4096).map(|at| char::from(b'a' + (at * 7 % 26) as u8)).collect();
    let handle = Counter::new("labels_anywhere_handle", "Anywhere.").register();
    let mut expected: BTreeMap<&str, u64> = BTreeMap::new();
    // Around the end of a page of memory, wherever that is.
    for start in (0..4096).step_by(5) {
        for len in [0, 1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 24, 40] {
            let text = &memory[start..start + len];
            *expected.entry(text).or_default() += 1;
            increment!("labels_anywhere", labels: {"text" => text});
            increment!("labels_anywhere_pairs", labels: {"text" => text, "same" => text.to_owned()});
            handle.add_with(1, &[("text", &text)]);
        }
    }
    assert_eq!(series("labels_anywhere"), expected.len());
    for (text, times) in expected {
        assert_eq!(count("labels_anywhere", &[("text", text)]), times, "{text:?}");
        assert_eq!(count("labels_anywhere_pairs", &[("text", text), ("same", text)]), times, "{text:?}");
        assert_eq!(count("labels_anywhere_handle", &[("text", text)]), times, "{text:?}");
    }
}

#[derive(Clone, Copy, LabelValue)]
enum Tier {
    Free,
    Paid {
        #[allow(dead_code)]
        since: u16,
    },
    #[label("on trial, for longer than 16 bytes")]
    Trial,
}

#[derive(Clone, Copy, LabelValue)]
enum Zone {
    North,
    South,
}

/// A value with a text of its own.
struct Celsius(i32);

impl LabelValue for Celsius {
    fn label_text(&self) -> LabelText<'_> {
        if self.0 < 0 { LabelText::borrowed("frost") } else { self.0.label_text() }
    }
}

/// One call site for many types: the static in it is the same for all.
fn one_site(value: impl LabelValue) {
    increment!("labels_of_all_types", labels: {"value" => value, "again" => true});
}

#[test]
fn values_of_different_types_share_a_series_where_their_text_is_the_same() {
    let count = |text| count("labels_of_all_types", &[("value", text), ("again", "true")]);
    for _ in 0..3 {
        one_site(5_u8);
        one_site(5_i64);
        one_site("5");
        one_site(String::from("5"));
        one_site('5');
        one_site(5_i128);
        one_site(Celsius(5));
        one_site(u128::MAX);
        one_site(u128::MAX.to_string());
        one_site(i128::MIN);
        one_site(-1_i8);
        one_site(Celsius(-1));
        one_site(Tier::Free);
        one_site(Zone::North);
        one_site(Zone::South);
        one_site("free");
        one_site(false);
        one_site(Tier::Paid { since: 3 });
        one_site(Tier::Trial);
        one_site("on trial, for longer than 16 bytes");
        one_site("on trial, for longer than 16 bites");
    }
    for (text, times) in [
        ("5", 7),
        (&*u128::MAX.to_string(), 2),
        (&*i128::MIN.to_string(), 1),
        ("-1", 1),
        ("frost", 1),
        ("free", 2),
        ("north", 1),
        ("south", 1),
        ("false", 1),
        ("paid", 1),
        ("on trial, for longer than 16 bytes", 2),
        ("on trial, for longer than 16 bites", 1),
    ] {
        assert_eq!(count(text), 3 * times, "{text}");
    }
}

#[metric(type = "counter", name = "labels_removed_type", labels = ["tier", "zone"])]
struct Removed;

#[test]
fn what_was_removed_begins_anew() {
    let handle = Counter::new("labels_removed_handle", "Removed.").register();
    let record = || {
        let (text, long) = ("text", "text of more than 16 bytes");
        increment!("labels_removed", labels: {"text" => text, "long" => long});
        handle.add_with(1, &[("text", &text), ("long", &long)]);
        Removed::with(Tier::Free, Zone::South).increment();
        increment!("labels_removed_enums", labels: {"tier" => Tier::Free, "zone" => Zone::South});
        increment!("labels_removed_numbers", labels: {"number" => 7, "text" => text});
    };
    let texts = [("text", "text"), ("long", "text of more than 16 bytes")];
    let enums = [("tier", "free"), ("zone", "south")];
    let all = [
        ("labels_removed", &texts[..]),
        ("labels_removed_handle", &texts),
        ("labels_removed_type", &enums),
        ("labels_removed_enums", &enums),
        ("labels_removed_numbers", &[("number", "7"), ("text", "text")]),
    ];
    for round in 0..100 {
        for times in 1..4 {
            record();
            for (name, labels) in all {
                assert_eq!(count(name, labels), times, "{name} in round {round}");
            }
        }
        for (name, labels) in all {
            assert!(registry().remove(name, labels), "{name} in round {round}");
            assert_eq!(count(name, labels), 0);
        }
    }
}

#[test]
fn more_label_sets_than_a_site_knows_are_counted_exactly() {
    registry().set_limits(Limits { series_per_metric: 100_000, series: 1_000_000 });
    let handle = Counter::new("labels_many_handle", "Many.").register();
    for round in 0..3 {
        for number in 0..5_000_u32 {
            let text = format!("{}", number * 7919 % 5_000);
            increment!("labels_many", labels: {"number" => number, "text" => &text});
            handle.add_with(number, &[("text", &text)]);
            if round == 0 {
                observe!("labels_many_sizes", value: number, buckets: [10.0], labels: {"text" => &text});
            }
        }
    }
    assert_eq!([series("labels_many"), series("labels_many_sizes")], [5_000; 2]);
    // The handle without labels is one, too.
    assert_eq!(series("labels_many_handle"), 5_001);
    for number in 0..5_000_u32 {
        let (number, text) = (number, (number * 7919 % 5_000).to_string());
        assert_eq!(count("labels_many", &[("number", &number.to_string()), ("text", &text)]), 3);
        assert_eq!(count("labels_many_handle", &[("text", &text)]), u64::from(3 * number));
    }
}

#[test]
fn threads_that_meet_a_label_set_at_the_same_time_make_one_series_of_it() {
    const THREADS: u64 = 8;
    let start = Barrier::new(THREADS as usize);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                start.wait();
                for number in 0..1_000 {
                    let text = format!("a value of more than 16 bytes, {number}");
                    increment!("labels_raced", labels: {"number" => number});
                    increment!("labels_raced_texts", labels: {"text" => &text});
                    increment!("labels_raced_enums", labels: {"zone" => if number % 2 == 0 { Zone::North } else { Zone::South }});
                }
            });
        }
    });
    assert_eq!([series("labels_raced"), series("labels_raced_texts"), series("labels_raced_enums")], [1_000, 1_000, 2]);
    for number in 0..1_000 {
        assert_eq!(count("labels_raced", &[("number", &number.to_string())]), THREADS);
        assert_eq!(
            count("labels_raced_texts", &[("text", &format!("a value of more than 16 bytes, {number}"))]),
            THREADS
        );
    }
    assert_eq!(count("labels_raced_enums", &[("zone", "north")]), THREADS * 500);
}

/// A value that records, into the metric that it is a label of.
struct Recording(Counter);

impl LabelValue for Recording {
    fn label_text(&self) -> LabelText<'_> {
        self.0.add_with(1, &[("value", &"inner")]);
        LabelText::borrowed("outer")
    }
}

#[test]
fn what_a_label_value_does_it_may_record_in_the_same_metric() {
    let counter = Counter::new("labels_recording", "Recording.").register();
    for _ in 0..3 {
        counter.add_with(1, &[("value", &Recording(counter.clone()))]);
    }
    assert_eq!(count("labels_recording", &[("value", "outer")]), 3);
    assert!(count("labels_recording", &[("value", "inner")]) >= 3);
}
