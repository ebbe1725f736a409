//! JSON: the same payload that Sentry gets.

use crate::protocol::RuntimeMetrics;
use crate::snapshot::Snapshot;

/// A snapshot as JSON, in the form of [`RuntimeMetrics`].
///
/// ```
/// let text = runtime_metrics::export::json(&runtime_metrics::Snapshot::take());
/// let payload: runtime_metrics::RuntimeMetrics = serde_json::from_str(&text).unwrap();
/// assert_eq!(payload.platform, "rust");
/// ```
pub fn json(snapshot: &Snapshot) -> String {
    // Maps of strings and finite numbers: there is nothing in it that could not be written.
    serde_json::to_string(&RuntimeMetrics::from(snapshot)).unwrap_or_default()
}
