//! What is measured.

mod asynchronous;
mod counter;
mod function;
mod gauge;
mod histogram;
mod labels;

use crate::harness::Workload;
use crate::input::BOUNDS;
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder};

/// `metrics` needs a recorder, and all its metrics are read through it.
pub type Recorder = metrics_exporter_prometheus::PrometheusHandle;

/// # Errors
///
/// If the recorder of `metrics` can't be installed.
pub fn all() -> Result<Vec<Workload>, BuildError> {
    let recorder = PrometheusBuilder::new().set_buckets(&BOUNDS)?.install_recorder()?;
    Ok(vec![
        counter::workload(&recorder),
        labels::workload(&recorder),
        gauge::workload(&recorder),
        histogram::workload(&recorder),
        function::workload(&recorder),
        asynchronous::workload(&recorder),
    ])
}

/// For metrics that other libraries would have in a `static`.
fn keep<T>(metric: T) -> &'static T {
    Box::leak(Box::new(metric))
}
