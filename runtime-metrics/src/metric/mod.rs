//! What a program records into: counters, gauges, histograms, summaries, timers, sets, and rates of counters.
//!
//! A handle is cheap to clone and holds its slot, so recording through it looks nothing up.

mod bounds;
mod builder;
mod counter;
mod gauge;
mod histogram;
#[cfg(feature = "set")]
mod members;
mod rate;
#[cfg(feature = "set")]
mod set;
#[cfg(any(feature = "summary", feature = "set"))]
mod stripes;
#[cfg(feature = "summary")]
mod summary;
mod table;
mod timer;
#[cfg(feature = "summary")]
mod window;

pub use bounds::{BucketError, Buckets};
pub(crate) use bounds::{is_octave, octave};
pub use builder::{Builder, Handle};
pub(crate) use counter::add as add_to_counter;
pub use counter::{Count, Counter};
pub(crate) use gauge::set_to as set_gauge;
pub use gauge::{Gauge, Value};
pub use histogram::Histogram;
pub(crate) use histogram::{HEADER, observe, observe_nanos, observe_nanos_in, observe_sampled, read as read_histogram};
#[cfg(feature = "set")]
pub(crate) use members::Members;
pub(crate) use rate::Seen;
pub use rate::{Rate, RateOf};
#[cfg(feature = "set")]
pub use set::Set;
#[cfg(feature = "summary")]
pub use summary::Summary;
pub(crate) use table::Table;
pub use timer::{Timer, TimerGuard};
#[cfg(feature = "summary")]
pub(crate) use window::Window;

/// What a family counts or measures.
///
/// ```
/// use runtime_metrics::Kind;
///
/// assert_eq!(Kind::Counter.to_string(), "counter");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Kind {
    /// Only ever grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Values divided into buckets, with their sum.
    Histogram,
    /// Quantiles of recent values, with the count and sum of all.
    Summary,
    /// How many different values there were; a gauge to whoever reads it.
    Set,
    /// How fast a counter grows; a gauge to whoever reads it.
    Rate,
}

impl Kind {
    pub(crate) const ALL: [Self; 6] =
        [Self::Counter, Self::Gauge, Self::Histogram, Self::Summary, Self::Set, Self::Rate];

    /// What its readings are.
    pub(crate) fn read_as(self) -> Self {
        match self {
            Self::Set | Self::Rate => Self::Gauge,
            kind => kind,
        }
    }

    /// What records into this kind.
    pub(crate) fn recorded_by(self) -> &'static str {
        match self {
            Self::Counter => "increment!",
            Self::Gauge => "set!",
            Self::Histogram => "observe! or timer!",
            Self::Summary => "a Summary",
            Self::Set => "a Set",
            Self::Rate => "a Rate",
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Summary => "summary",
            Self::Set => "set",
            Self::Rate => "rate",
        })
    }
}
