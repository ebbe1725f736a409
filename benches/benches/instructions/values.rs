//! Counters, gauges, histograms and timers.

use crate::cases::{Case, KINDS, METHOD, NUMBERS, STATUS, TEXTS, kind, number, repeat, texts, texts_at_end};
use runtime_metrics::{Counter, increment, observe, set, timer};

pub fn cases() -> Vec<Case> {
    counters().into_iter().chain(labelled()).chain(others()).collect()
}

fn counters() -> [Case; 5] {
    [
        Case::new("increment", "`increment!(\"name\")`", || {
            repeat(Some("plain_macro_total"), |_| increment!("plain_macro"))
        }),
        Case::new("counter_increment", "`Counter::increment`", || {
            let counter = Counter::new("plain_handle", "A handle.").register();
            repeat(Some("plain_handle_total"), move |_| counter.increment())
        }),
        Case::new("increment_literals", "`increment!`, two labels that are literals", || {
            repeat(Some("literals_total"), |_| increment!("literals", labels: {"method" => "GET", "status" => "200"}))
        }),
        Case::new("increment_constants", "`increment!`, two labels that are constants", || {
            repeat(
                Some("constants_total"),
                |_| increment!("constants", labels: {"method" => METHOD, "status" => STATUS}),
            )
        }),
        Case::new("bound_increment", "`Counter::increment`, bound by `with`", || {
            let counter = Counter::new("bound_handle", "A handle.").register();
            let bound = counter.with(&[("method", &"GET"), ("status", &"200")]);
            repeat(Some("bound_handle_total"), move |_| bound.increment())
        }),
    ]
}

fn labelled() -> [Case; 4] {
    [
        Case::new("increment_texts", "`increment!`, two labels that are `&str`", || {
            repeat(Some("texts_total"), |at| {
                let (method, status) = texts(at);
                increment!("texts", labels: {"method" => method, "status" => status});
            })
        })
        .less(TEXTS),
        Case::new(
            "increment_texts_at_end",
            "`increment!`, two labels that are `&str`, where a page of memory ends",
            || {
                repeat(Some("texts_at_end_total"), |at| {
                    let (method, status) = texts_at_end(at);
                    increment!("texts_at_end", labels: {"method" => method, "status" => status});
                })
            },
        )
        .less(TEXTS),
        Case::new("increment_enum", "`increment!`, a label that is an enum", || {
            repeat(Some("kinds_total"), |at| increment!("kinds", labels: {"method" => kind(at)}))
        })
        .less(KINDS),
        Case::new("add_with", "`Counter::add_with`, two labels that are `&str`", || {
            let counter = Counter::new("texts_handle", "A handle.").register();
            repeat(Some("texts_handle_total"), move |at| {
                let (method, status) = texts(at);
                counter.add_with(1, &[("method", &method), ("status", &status)]);
            })
        })
        .less(TEXTS),
    ]
}

fn others() -> [Case; 4] {
    [
        Case::new("set", "`set!(\"name\", value: x)`", || repeat(None, |at| set!("gauge", value: number(at))))
            .less(NUMBERS),
        Case::new("observe_bounds", "`observe!`, 11 bounds", || {
            repeat(Some("bounds_count"), |at| {
                observe!(
                    "bounds",
                    value: number(at),
                    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0]
                );
            })
        })
        .less(NUMBERS),
        Case::new("observe_exponential", "`observe!`, exponential buckets", || {
            repeat(Some("exponential_count"), |at| observe!("exponential", value: number(at)))
        })
        .less(NUMBERS),
        // Under valgrind time passes unevenly, so the buckets are such that every scope ends in the same.
        Case::new("timer", "`timer!` of a scope, 11 bounds", || {
            repeat(Some("scopes_seconds_count"), |_| {
                drop(timer!("scopes", buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0]));
            })
        }),
    ]
}
