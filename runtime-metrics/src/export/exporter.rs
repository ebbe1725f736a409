//! `MetricsExporter`: what to export, how, and where.

use super::http;
use crate::config::{ConfigError, check_interval};
use crate::status::report;
use std::fmt;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

/// The form that exported metrics take.
///
/// ```
/// use runtime_metrics::ExportFormat;
///
/// assert_eq!(ExportFormat::default(), ExportFormat::Negotiated);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExportFormat {
    /// What the scraper asks for in `Accept`; the Prometheus text format where it does not say.
    #[default]
    Negotiated,
    /// OpenMetrics 1.0 text.
    OpenMetrics,
    /// Prometheus text, version 0.0.4.
    Prometheus,
    /// JSON, in the form of [`RuntimeMetrics`](crate::RuntimeMetrics).
    Json,
}

/// How exported metrics travel.
///
/// ```
/// assert_eq!(runtime_metrics::ExportProtocol::default(), runtime_metrics::ExportProtocol::Http);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExportProtocol {
    /// A scraper fetches them over HTTP.
    #[default]
    Http,
}

/// Exports metrics until the program ends or the handle is told to stop.
///
/// The server runs on a thread and a runtime of its own: it answers while the application's
/// runtime is blocked. It listens on the loopback address unless told otherwise.
///
/// ```
/// use runtime_metrics::{ExportFormat, ExportProtocol, MetricsExporter};
/// use std::time::Duration;
///
/// let exporter = MetricsExporter::new()
///     .format(ExportFormat::OpenMetrics)
///     .protocol(ExportProtocol::Http)
///     .interval(Duration::from_secs(15))
///     .address("127.0.0.1:0")
///     .start();
/// println!("metrics are at {}", exporter.url().unwrap());
/// exporter.stop();
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is exported until `start` is called"]
pub struct MetricsExporter {
    format: ExportFormat,
    protocol: ExportProtocol,
    interval: Duration,
    address: String,
}

impl Default for MetricsExporter {
    fn default() -> Self {
        Self::new()
    }
}

impl MetricsExporter {
    /// An exporter on `127.0.0.1:9464`, in the format that the scraper asks for.
    ///
    /// ```
    /// let exporter = runtime_metrics::MetricsExporter::new().address("127.0.0.1:0").start();
    /// exporter.stop();
    /// ```
    pub fn new() -> Self {
        Self {
            format: ExportFormat::default(),
            protocol: ExportProtocol::default(),
            interval: Duration::from_secs(10),
            address: "127.0.0.1:9464".to_owned(),
        }
    }

    /// Sets the format.
    ///
    /// ```
    /// # use runtime_metrics::{ExportFormat, MetricsExporter};
    /// let _exporter = MetricsExporter::new().format(ExportFormat::Json);
    /// ```
    pub fn format(mut self, format: ExportFormat) -> Self {
        self.format = format;
        self
    }

    /// Sets the protocol.
    ///
    /// ```
    /// # use runtime_metrics::{ExportProtocol, MetricsExporter};
    /// let _exporter = MetricsExporter::new().protocol(ExportProtocol::Http);
    /// ```
    pub fn protocol(mut self, protocol: ExportProtocol) -> Self {
        self.protocol = protocol;
        self
    }

    /// Sets how often the collectors are asked even when nobody scrapes, so that peaks and rates
    /// are not those of the scraper's own rhythm; 10 seconds by default.
    ///
    /// ```
    /// # use runtime_metrics::MetricsExporter;
    /// let _exporter = MetricsExporter::new().interval(std::time::Duration::from_secs(15));
    /// ```
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Sets the address to listen on; port 0 takes a free one.
    ///
    /// ```
    /// # use runtime_metrics::MetricsExporter;
    /// let _exporter = MetricsExporter::new().address("127.0.0.1:0");
    /// ```
    #[allow(clippy::needless_pass_by_value)] // a text or a `SocketAddr`, as it comes
    pub fn address(mut self, address: impl ToString) -> Self {
        self.address = address.to_string();
        self
    }

    /// Starts exporting. What is wrong is told by [`status`](crate::status) and by the handle's
    /// [`error`](ExportHandle::error); the program goes on. To handle it, use
    /// [`try_start`](Self::try_start).
    ///
    /// ```
    /// use runtime_metrics::MetricsExporter;
    ///
    /// let first = MetricsExporter::new().address("127.0.0.1:0").start();
    /// let second = MetricsExporter::new().address(first.address().unwrap()).start();
    /// assert!(second.error().unwrap().to_string().contains("in use"));
    /// first.stop();
    /// ```
    #[allow(clippy::must_use_candidate)] // it exports until the program ends, with or without the handle
    pub fn start(self) -> ExportHandle {
        self.try_start().unwrap_or_else(|error| {
            report("exporter", error.to_string());
            ExportHandle(Err(error))
        })
    }

    /// As [`start`](Self::start), with the error as a value.
    ///
    /// # Errors
    ///
    /// The interval is zero, or the address is not one, is in use or may not be used; the error
    /// says which and what to do.
    ///
    /// ```
    /// use runtime_metrics::MetricsExporter;
    ///
    /// let error = MetricsExporter::new().address("nonsense").try_start().unwrap_err();
    /// assert!(error.to_string().contains("127.0.0.1:9464"));
    /// ```
    pub fn try_start(self) -> Result<ExportHandle, ExportError> {
        check_interval("interval", self.interval).map_err(ExportError::Config)?;
        let bind = |error| ExportError::Bind { address: self.address.clone(), error };
        let listener = TcpListener::bind(&self.address).map_err(|error| bind(Bind::of(&error)))?;
        let address = listener.local_addr().map_err(|error| bind(Bind::of(&error)))?;
        let server =
            http::Server::start(listener, self.format, self.interval).map_err(|error| bind(Bind::of(&error)))?;
        match self.protocol {
            ExportProtocol::Http => Ok(ExportHandle(Ok((address, server)))),
        }
    }
}

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
        error: Bind,
    },
}

/// What listening failed of.
#[doc(hidden)]
#[derive(Clone, Debug)]
pub struct Bind {
    kind: std::io::ErrorKind,
    text: String,
}

impl Bind {
    fn of(error: &std::io::Error) -> Self {
        Self { kind: error.kind(), text: error.to_string() }
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
        }
    }
}

impl std::error::Error for ExportError {}

/// A running exporter. Dropping it does not stop it; it is there to be asked, and stopped.
///
/// ```
/// let exporter = runtime_metrics::MetricsExporter::new().address("127.0.0.1:0").start();
/// assert!(exporter.error().is_none());
/// exporter.stop();
/// ```
#[derive(Debug)]
pub struct ExportHandle(Result<(SocketAddr, http::Server), ExportError>);

impl ExportHandle {
    /// The address that it listens on.
    ///
    /// ```
    /// let exporter = runtime_metrics::MetricsExporter::new().address("127.0.0.1:0").start();
    /// assert_ne!(exporter.address().unwrap().port(), 0);
    /// exporter.stop();
    /// ```
    pub fn address(&self) -> Option<SocketAddr> {
        self.0.as_ref().ok().map(|(address, _)| *address)
    }

    /// Where the metrics are.
    ///
    /// ```
    /// let exporter = runtime_metrics::MetricsExporter::new().address("127.0.0.1:0").start();
    /// assert!(exporter.url().unwrap().ends_with("/metrics"));
    /// exporter.stop();
    /// ```
    pub fn url(&self) -> Option<String> {
        Some(format!("http://{}/metrics", self.address()?))
    }

    /// Why it did not start.
    ///
    /// ```
    /// let exporter = runtime_metrics::MetricsExporter::new().address("nonsense").start();
    /// assert!(exporter.error().is_some());
    /// ```
    pub fn error(&self) -> Option<&ExportError> {
        self.0.as_ref().err()
    }

    /// Stops listening and ends the thread; answers that are under way are given up to a second.
    ///
    /// ```
    /// runtime_metrics::MetricsExporter::new().address("127.0.0.1:0").start().stop();
    /// ```
    pub fn stop(self) {
        if let Ok((_, server)) = self.0 {
            server.stop();
        }
    }
}
