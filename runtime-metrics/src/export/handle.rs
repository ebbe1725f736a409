//! `ExportHandle`: an exporter that runs, or the reason why it does not.

use super::error::ExportError;
#[cfg(any(feature = "otlp", feature = "remote-write", feature = "statsd"))]
use super::push::Pusher;
#[cfg(feature = "http")]
use super::serve::Server;
use std::net::SocketAddr;

/// A running exporter. Dropping it does not stop it; it is there to be asked, and stopped.
///
/// ```
/// # #[cfg(feature = "http")] {
/// let exporter = runtime_metrics::MetricsExporter::new().address("127.0.0.1:0").start();
/// assert!(exporter.error().is_none());
/// exporter.stop();
/// # }
/// ```
#[derive(Debug)]
pub struct ExportHandle(pub(super) Result<Running, ExportError>);

/// What runs.
#[derive(Debug)]
pub(super) enum Running {
    #[cfg(feature = "http")]
    Server(Server),
    #[cfg(any(feature = "otlp", feature = "remote-write", feature = "statsd"))]
    Pusher(Pusher),
}

impl ExportHandle {
    /// The address that it listens on, where metrics are served.
    ///
    /// ```
    /// # #[cfg(feature = "http")] {
    /// let exporter = runtime_metrics::MetricsExporter::new().address("127.0.0.1:0").start();
    /// assert_ne!(exporter.address().unwrap().port(), 0);
    /// exporter.stop();
    /// # }
    /// ```
    pub fn address(&self) -> Option<SocketAddr> {
        match self.0.as_ref().ok()? {
            #[cfg(feature = "http")]
            Running::Server(server) => Some(server.address()),
            #[cfg(any(feature = "otlp", feature = "remote-write", feature = "statsd"))]
            Running::Pusher(_) => None,
        }
    }

    /// Where the metrics are: what is fetched, or where it is pushed to.
    ///
    /// ```
    /// # #[cfg(feature = "http")] {
    /// let exporter = runtime_metrics::MetricsExporter::new().address("127.0.0.1:0").start();
    /// assert!(exporter.url().unwrap().ends_with("/metrics"));
    /// exporter.stop();
    /// # }
    /// ```
    pub fn url(&self) -> Option<String> {
        match self.0.as_ref().ok()? {
            #[cfg(feature = "http")]
            Running::Server(server) => Some(server.url()),
            #[cfg(any(feature = "otlp", feature = "remote-write", feature = "statsd"))]
            Running::Pusher(pusher) => Some(pusher.url().to_owned()),
        }
    }

    /// Why it did not start.
    ///
    /// ```
    /// let exporter = runtime_metrics::MetricsExporter::new().interval(std::time::Duration::ZERO).start();
    /// assert!(exporter.error().is_some());
    /// ```
    pub fn error(&self) -> Option<&ExportError> {
        self.0.as_ref().err()
    }

    /// Stops it. What is served: answers that are under way are given up to a second. What is pushed: everything is
    /// pushed once more, which takes the exporter's `timeout` at most.
    ///
    /// ```
    /// runtime_metrics::MetricsExporter::new().address("127.0.0.1:0").start().stop();
    /// ```
    pub fn stop(self) {
        match self.0 {
            #[cfg(feature = "http")]
            Ok(Running::Server(server)) => server.stop(),
            #[cfg(any(feature = "otlp", feature = "remote-write", feature = "statsd"))]
            Ok(Running::Pusher(pusher)) => pusher.stop(),
            Err(_) => {}
        }
    }
}
