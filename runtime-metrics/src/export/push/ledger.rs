//! What was delivered and what was not, as metrics of the library's own.

use crate::metric::{self, Kind};
use crate::registry::{Definition, Family, registry};
use crate::status::report;

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
        count("runtime_metrics_export_sent", help, &[("exporter", &self.exporter)]);
    }

    /// A collection was not taken, in all or in part.
    pub(super) fn lost(&self, reason: &'static str) {
        let help =
            "Collections that a receiver did not take, by exporter and reason. Totals are in the next that it takes.";
        count("runtime_metrics_export_lost", help, &[("exporter", &self.exporter), ("reason", reason)]);
    }
}

fn count(name: &'static str, help: &'static str, labels: &[(&'static str, &str)]) {
    match registry().family(&Definition::new(Kind::Counter, name, help)) {
        Ok(family) => {
            let series = family.find_or_create(Family::labels(labels.iter().copied()));
            metric::add_to_counter(series.slot(), 1);
        }
        Err(error) => report(name, error.to_string()),
    }
}
