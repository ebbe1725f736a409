//! What the library counts about itself.

use crate::metric::Kind;
use crate::registry::{Definition, Family, SeriesRef, Site, Source, registry};
use crate::{metric, status};

static INVALID: Site =
    Site::new(Kind::Counter, "runtime_metrics_invalid_values", Source::new(env!("CARGO_PKG_NAME"), file!(), line!()))
        .help("Values that could not be recorded: not finite, or negative for a counter.");
crate::__submit!(Metric, INVALID);

#[cfg(feature = "sentry")]
static SPAN_FULL: Site =
    Site::new(Kind::Counter, "runtime_metrics_sentry_span_full", Source::new(env!("CARGO_PKG_NAME"), file!(), line!()))
        .help("Values that the summary of a Sentry span had no room for; they are counted everywhere else.");
#[cfg(feature = "sentry")]
crate::__submit!(Metric, SPAN_FULL);

/// Counts a value that a span's summary had no room for.
#[cfg(feature = "sentry")]
#[cold]
pub(crate) fn span_full() {
    crate::registry::increment_rarely(&SPAN_FULL, 1);
}

/// Counts a value that could not be recorded.
#[cold]
#[inline(never)]
pub(crate) fn invalid_value() {
    crate::registry::increment_rarely(&INVALID, 1);
}

/// Counts a record that was folded into the overflow series of a metric, and says where.
pub(crate) fn overflowed(name: &str) -> Option<SeriesRef> {
    const NAME: &str = "runtime_metrics_overflowed";
    if name == NAME {
        return None; // so many metrics overflow that they overflow this one
    }
    count(NAME, "Records that were folded into the overflow series, by metric.", [("metric", name)], 1)
}

/// Counts what is rare enough to be looked up by its labels each time.
pub(crate) fn count<const N: usize>(
    name: &'static str,
    help: &'static str,
    labels: [(&'static str, &str); N],
    n: usize,
) -> Option<SeriesRef> {
    match registry().family(&Definition::new(Kind::Counter, name, help)) {
        Ok(family) => {
            let series = family.find_or_create(Family::labels(labels));
            metric::add_to_counter(series.slot(), n as u64);
            Some(series)
        }
        Err(error) => {
            status::report(name, error.to_string());
            None
        }
    }
}
