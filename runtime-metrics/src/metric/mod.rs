//! What a program records into: counters, gauges, histograms, timers.
//!
//! A handle is cheap to clone and holds its slot, so recording through it looks nothing up.

mod bounds;
mod builder;
mod counter;
mod gauge;
mod histogram;
mod timer;

pub(crate) use bounds::is_octave;
pub use bounds::{BucketError, Buckets};
pub use builder::{Builder, Handle};
pub(crate) use counter::add as add_to_counter;
pub use counter::{Count, Counter};
pub(crate) use gauge::set_to as set_gauge;
pub use gauge::{Gauge, Value};
pub use histogram::Histogram;
pub(crate) use histogram::{HEADER, observe, observe_nanos, read as read_histogram};
pub use timer::{Timer, TimerGuard};

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
}

impl Kind {
    /// The macro that records into this kind.
    pub(crate) fn recorded_by(self) -> &'static str {
        match self {
            Self::Counter => "increment!",
            Self::Gauge => "set!",
            Self::Histogram => "observe! or timer!",
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        })
    }
}
