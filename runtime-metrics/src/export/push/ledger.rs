//! What was delivered and what was not, as metrics of the library's own.

use crate::internal::count;

/// What became of the collections of one exporter.
#[derive(Debug)]
pub(super) struct Ledger {
    exporter: String,
}

impl Ledger {
    pub(super) fn new(exporter: &str) -> Self {
        Self { exporter: exporter.to_owned() }
    }

    /// A collection was taken.
    pub(super) fn sent(&self) {
        let help = "Collections that a receiver took, by exporter.";
        count("runtime_metrics_export_sent", help, [("exporter", &self.exporter)], 1);
    }

    /// A collection was not taken, in all or in part.
    pub(super) fn lost(&self, reason: &'static str) {
        let help =
            "Collections that a receiver did not take, by exporter and reason. Totals are in the next that it takes.";
        count("runtime_metrics_export_lost", help, [("exporter", &self.exporter), ("reason", reason)], 1);
    }
}
