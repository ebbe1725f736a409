//! Why an exporter could not start.

use crate::config::ConfigError;
use std::fmt;

/// Why an exporter could not start.
///
/// ```
/// use runtime_metrics::{ExportError, MetricsExporter};
/// use std::time::Duration;
///
/// let error = MetricsExporter::new().interval(Duration::ZERO).try_start().unwrap_err();
/// assert!(matches!(error, ExportError::Config(_)));
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ExportError {
    /// A setting can't be used.
    Config(ConfigError),
    /// The address can't be listened on.
    Bind {
        /// The address, as it was given.
        address: String,
        #[doc(hidden)]
        error: Io,
    },
    /// The system refuses what it takes to run: a thread, most likely.
    Start {
        #[doc(hidden)]
        error: Io,
    },
}

/// What the system said.
#[doc(hidden)]
#[derive(Clone, Debug)]
pub struct Io {
    kind: std::io::ErrorKind,
    text: String,
}

impl From<&std::io::Error> for Io {
    fn from(error: &std::io::Error) -> Self {
        Self { kind: error.kind(), text: error.to_string() }
    }
}

impl ExportError {
    /// A setting that can't be used: which, its value, and what to do.
    pub(super) fn setting(setting: &'static str, value: impl Into<String>, mend: &'static str) -> Self {
        Self::Config(ConfigError::new(setting, value, mend))
    }

    #[cfg(feature = "_export")]
    pub(super) fn start(error: &std::io::Error) -> Self {
        Self::Start { error: error.into() }
    }
}

impl fmt::Display for ExportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => error.fmt(f),
            Self::Bind { address, error } => {
                let mend = match error.kind {
                    std::io::ErrorKind::AddrInUse => {
                        "the port is in use by another program; choose another one, or port 0 for a free one"
                    }
                    std::io::ErrorKind::PermissionDenied => {
                        "this program may not use it; ports below 1024 are for root"
                    }
                    std::io::ErrorKind::AddrNotAvailable => "this machine does not have it; use 127.0.0.1 or 0.0.0.0",
                    _ => "use an address and a port, such as 127.0.0.1:9464",
                };
                write!(f, "can't listen on `{address}`: {mend} ({})", error.text)
            }
            Self::Start { error } => write!(f, "the exporter can't be started: {}", error.text),
        }
    }
}

impl std::error::Error for ExportError {}
