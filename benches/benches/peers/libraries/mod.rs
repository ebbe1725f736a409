//! The libraries, each with its ways of doing what is measured.

mod autometrics;
mod fastmetrics;
mod foundations;
mod hotpath;
mod measured;
mod metered;
mod metered_09;
mod metrics;
mod metrics_lib;
mod metriken;
mod opentelemetry;
mod ours;
mod prometheus;
mod prometheus_client;
mod vise;

use crate::harness::Case;
use crate::references;
use std::error::Error;

/// All rows of all tables, in their order.
///
/// # Errors
///
/// If a library can't be set up.
pub fn all() -> Result<Vec<Case>, Box<dyn Error>> {
    let libraries = [
        ("–", references::cases()),
        ("**runtime-metrics**", ours::cases()),
        ("metrics", metrics::cases()?),
        ("prometheus-client", prometheus_client::cases()),
        ("prometheus", prometheus::cases()?),
        ("metriken", metriken::cases()),
        ("measured", measured::cases()),
        ("foundations-metrics", foundations::cases()),
        ("fastmetrics", fastmetrics::cases()?),
        ("metered 0.10", metered::cases()),
        ("metered 0.9", metered_09::cases()),
        ("metrics-lib", metrics_lib::cases()?),
        ("vise", vise::cases()),
        ("`opentelemetry_sdk`", opentelemetry::cases()?),
        ("hotpath", hotpath::cases()),
        ("autometrics", autometrics::cases()),
    ];
    let cases = libraries.into_iter().flat_map(|(library, cases)| cases.into_iter().map(|case| case.of(library)));
    Ok(cases.collect())
}

/// For metrics that other libraries would have in a `static`.
pub fn keep<T>(metric: T) -> &'static T {
    Box::leak(Box::new(metric))
}
