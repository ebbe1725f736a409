//! What a program with an allocator that tells of itself finds of its heap.

use runtime_metrics::collectors;

/// The value of a metric of memory, if it is told.
pub fn told(name: &str) -> Option<f64> {
    collectors::ask("memory").iter().find(|metric| metric.name == name).map(|metric| metric.value.as_f64())
}

/// By how much a metric grows in `run`, which returns what is to be kept until then.
///
/// # Panics
///
/// If the metric is not told.
pub fn grown<T>(name: &str, run: impl FnOnce() -> T) -> f64 {
    let value = || told(name).unwrap_or_else(|| panic!("no {name}: {:?}", runtime_metrics::status().problems));
    let before = value();
    let kept = run();
    let grown = value() - before;
    drop(kept);
    grown
}
