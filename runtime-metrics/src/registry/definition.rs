//! `Definition`: what a metric is, as its author wrote it; and where two authors disagree.

use crate::metric::{Buckets, Kind, Table};
use std::borrow::Cow;
use std::fmt;
use std::panic::Location;
use std::time::Duration;

/// Where in the source something is defined.
///
/// ```
/// runtime_metrics::increment!("source_example");
/// let catalog = runtime_metrics::registry().catalog();
/// let entry = catalog.iter().find(|entry| entry.name == "source_example").unwrap();
/// assert!(entry.source.unwrap().line > 0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct Source {
    /// The file, as the compiler names it.
    pub file: &'static str,
    /// The line, from 1.
    pub line: u32,
    /// The crate; empty where the metric was registered at run time.
    pub krate: &'static str,
}

impl Source {
    /// For the macros.
    #[doc(hidden)]
    pub const fn new(krate: &'static str, file: &'static str, line: u32) -> Self {
        Self { file, line, krate }
    }
}

impl From<&'static Location<'static>> for Source {
    fn from(location: &'static Location<'static>) -> Self {
        Self { file: location.file(), line: location.line(), krate: "" }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// How a histogram's slots are to be read and written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) table: &'static Table,
    /// The sum and the extremes are in whole nanoseconds; otherwise they are floats.
    pub(crate) nanos: bool,
}

/// What a metric is.
#[derive(Clone, Debug)]
pub(crate) struct Definition {
    pub(crate) kind: Kind,
    pub(crate) name: Cow<'static, str>,
    pub(crate) help: Cow<'static, str>,
    pub(crate) unit: Cow<'static, str>,
    /// `None` where the author did not say.
    pub(crate) buckets: Option<Buckets>,
    /// Of a summary: what is exported; `None` where the author did not say.
    pub(crate) quantiles: Option<&'static [f64]>,
    /// Of a summary or a rate; `None` where the author did not say.
    pub(crate) window: Option<Duration>,
    /// The labels that a call may give, where the author declared them.
    pub(crate) keys: Option<&'static [&'static str]>,
    pub(crate) source: Option<Source>,
}

impl Definition {
    pub(crate) fn new(kind: Kind, name: impl Into<Cow<'static, str>>, help: &'static str) -> Self {
        Self {
            kind,
            name: name.into(),
            help: help.into(),
            unit: "".into(),
            buckets: None,
            quantiles: None,
            window: None,
            keys: None,
            source: None,
        }
    }

    pub(crate) fn at(mut self, source: Source) -> Self {
        self.source = Some(source);
        self
    }

    /// The unit: as stated, or as the name says.
    pub(crate) fn unit(&self) -> &str {
        let by_name = || ["seconds", "bytes"].into_iter().find(|unit| self.stem().ends_with(&format!("_{unit}")));
        if self.unit.is_empty() { by_name().unwrap_or("") } else { &self.unit }
    }

    fn stem(&self) -> &str {
        self.name.strip_suffix("_total").unwrap_or(&self.name)
    }

    /// The shape, with other bounds than its author's if there are any.
    pub(super) fn shape(&self, bounds: Option<&'static [f64]>) -> Shape {
        // A summary is laid out as a histogram of a single bucket, up to infinity: its count.
        let buckets = if self.kind == Kind::Summary {
            Some(Buckets::Explicit(&[]))
        } else {
            bounds.map(Buckets::Explicit).or(self.buckets)
        };
        Shape { table: Table::of(buckets.unwrap_or(Buckets::Exponential)), nanos: self.unit() == "seconds" }
    }

    pub(crate) fn quantiles(&self) -> &'static [f64] {
        self.quantiles.unwrap_or(&[0.5, 0.9, 0.95, 0.99])
    }

    pub(crate) fn window(&self) -> Duration {
        self.window.unwrap_or(Duration::from_secs(60))
    }
}

/// Where, for a message; metrics of the library itself have no source.
pub(crate) fn place(source: Option<Source>) -> String {
    source.map_or_else(|| "inside runtime-metrics".to_owned(), |source| source.to_string())
}

/// Why a metric could not be registered: what is wrong, where, and what to do.
///
/// ```
/// let error = runtime_metrics::Counter::new("two words", "Bad name.").try_register().unwrap_err();
/// assert!(error.to_string().starts_with("`two words` is not a valid metric name"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisterError(String);

impl RegisterError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for RegisterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for RegisterError {}
