//! What the library itself tells of its exporters.

use runtime_metrics::{Reading, registry};

/// How many collections of this exporter were taken, and how many were not, whatever the reason.
pub fn told(exporter: &str) -> [u64; 2] {
    let snapshot = registry().snapshot();
    ["runtime_metrics_export_sent", "runtime_metrics_export_lost"].map(|name| {
        let series = snapshot.family(name).into_iter().flat_map(|family| &family.series);
        let own = series.filter(|series| series.labels.get("exporter") == Some(exporter));
        own.map(|series| if let Reading::Counter(count) = series.value { count } else { 0 }).sum()
    })
}
