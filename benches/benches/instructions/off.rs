//! Metrics that settings turn off.

use crate::cases::{Case, NUMBERS, Run, TEXTS, number, repeat, texts};
use runtime_metrics::{MetricSettings, Settings, configure, increment, metered, observe};
use std::hint::black_box;

#[metered(name = "off_call")]
#[inline(never)]
fn off_call(at: u64) -> u64 {
    at ^ 1
}

/// The operation, once its metric is turned off.
fn off(operation: impl FnMut(u64) + 'static) -> Box<dyn Run> {
    let mut settings = Settings::default();
    let metric = MetricSettings { enabled: Some(false), ..Default::default() };
    settings.metrics.insert("off_*".to_owned(), metric);
    assert!(configure(settings).is_ok(), "settings can be used");
    repeat(None, operation)
}

pub fn cases() -> [Case; 4] {
    [
        Case::new("off_increment", "turned off: `increment!(\"name\")`", || off(|_| increment!("off_plain"))),
        Case::new("off_texts", "turned off: `increment!`, two labels that are `&str`", || {
            off(|at| {
                let (method, status) = texts(at);
                increment!("off_texts", labels: {"method" => method, "status" => status});
            })
        })
        .less(TEXTS),
        Case::new("off_observe", "turned off: `observe!`", || off(|at| observe!("off_values", value: number(at))))
            .less(NUMBERS),
        Case::new("off_metered", "turned off: `#[metered]`", || off(|at| _ = black_box(off_call(at)))),
    ]
}
