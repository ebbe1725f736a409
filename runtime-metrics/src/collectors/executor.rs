//! Executors whose tasks are instrumented.

use crate::collect::MetricCollector;
use crate::protocol::RuntimeMetric;

/// What the monitors of `executor` tell. A collection costs a microsecond for each of them.
#[derive(Debug)]
pub(super) struct Executors;

impl MetricCollector for Executors {
    fn collect(&self) -> Vec<RuntimeMetric> {
        crate::executor::collect()
    }

    fn name(&self) -> &'static str {
        "executor"
    }
}
