//! What Sentry got of us and what it did not, counted in metrics that every exporter shows.

use crate::internal::count;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// One read of everything.
    Collection,
    /// One value in a `runtime_metrics` item.
    Metric,
    /// One `trace_metric`.
    TraceMetric,
    /// One envelope, whatever is in it.
    Envelope,
}

impl What {
    fn name(self) -> &'static str {
        match self {
            Self::Collection => "collection",
            Self::Metric => "metric",
            Self::TraceMetric => "trace_metric",
            Self::Envelope => "envelope",
        }
    }
}

/// Why something did not arrive. What the transport reports has the names of Sentry's own client
/// reports.
pub(super) mod reason {
    /// The one before it was still on its way.
    pub(in crate::sentry) const BUSY: &str = "busy";
    /// The transport did not get done with it before the time was up.
    pub(in crate::sentry) const TIMEOUT: &str = "timeout";
    /// Larger by itself than an item can be.
    pub(in crate::sentry) const TOO_LARGE: &str = "too_large";
    /// Writing it failed.
    pub(in crate::sentry) const UNWRITABLE: &str = "unwritable";
}

pub(super) const SENT: &str = "runtime_metrics_sentry_sent";
const LOST: &str = "runtime_metrics_sentry_lost";

/// Counts what the transport got done with.
pub(super) fn sent(what: What, n: usize) {
    count(SENT, "What was handed to Sentry's transport and left its queue.", [("what", what.name())], n);
}

/// Counts what was not delivered.
pub(super) fn lost(what: What, reason: &'static str, n: usize) {
    let labels = [("what", what.name()), ("reason", reason)];
    count(LOST, "What did not reach Sentry, as far as it can be known; values are cumulative and heal.", labels, n);
}
