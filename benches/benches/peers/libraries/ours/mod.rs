//! This library.

mod functions;
mod values;

use crate::harness::Case;
use crate::read::sum;

pub fn cases() -> Vec<Case> {
    values::cases().into_iter().chain(functions::cases()).collect()
}

/// Reads all series of a metric.
fn read(name: &'static str) -> impl Fn() -> f64 {
    move || sum(&text(), name, "")
}

fn text() -> String {
    runtime_metrics::export::openmetrics(&runtime_metrics::registry().snapshot())
}
