//! What is wrong with the program right now, in words.
//!
//! Rules of thumb are held against the recent history of the built-in metrics. Each that fails is a
//! finding: how bad it is, the numbers, what is likely behind them and what to do.

mod history;
mod report;
mod rules;
mod settings;
mod watch;

pub use report::{Evidence, Finding, HealthReport, Severity};
pub use settings::HealthSettings;
#[cfg(any(feature = "_export", feature = "sentry"))]
pub(crate) use watch::install;

use crate::status::report as tell;

/// What is wrong with the program right now.
///
/// It reads the built-in metrics once more and evaluates them with what was read before; a thread of
/// the library reads them every five seconds once an exporter, the Sentry integration or a first report
/// has asked for it. Costs some 100 µs; of what takes time to be seen (a leak, a saturated runtime) the
/// first reports after the start say nothing.
///
/// ```
/// let report = runtime_metrics::health();
/// for finding in &report.findings {
///     eprintln!("{finding}");
/// }
/// assert!(report.is_healthy(), "{report}");
/// ```
pub fn health() -> HealthReport {
    watch::install();
    watch::report()
}

/// Sets what counts as trouble. What can't be used is told by [`status`](crate::status), and nothing
/// is changed.
///
/// ```
/// use runtime_metrics::{HealthSettings, set_health};
/// use std::time::Duration;
///
/// set_health(HealthSettings { schedule_delay: Duration::from_millis(20), ..Default::default() });
/// # set_health(HealthSettings::default());
/// ```
pub fn set_health(settings: HealthSettings) {
    match settings.validate() {
        Ok(()) => watch::set(settings),
        Err(error) => tell("HealthSettings", format!("{error}; the settings before are kept")),
    }
}
