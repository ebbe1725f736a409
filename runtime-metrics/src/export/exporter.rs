//! `MetricsExporter`: what to export, how, and where.

use super::error::ExportError;
use super::filter::Filter;
use super::handle::{ExportHandle, Running};
use super::kinds::{ExportFormat, ExportProtocol};
use super::secret::Secret;
use crate::config::check_interval;
use crate::status::report;
use std::time::Duration;

/// Exports metrics until the program ends or the handle is told to stop: serves them to who fetches them, or
/// pushes them. There may be several at once, each with its own format, interval and filter.
///
/// Each runs on a thread of its own, not on the application's runtime: it works while that is blocked.
///
/// ```
/// use runtime_metrics::{ExportFormat, ExportProtocol, MetricsExporter};
/// use std::time::Duration;
///
/// # #[cfg(feature = "http")] {
/// let exporter = MetricsExporter::new()
///     .format(ExportFormat::OpenMetrics)
///     .protocol(ExportProtocol::Http)
///     .interval(Duration::from_secs(15))
///     .address("127.0.0.1:0")
///     .start();
/// println!("metrics are at {}", exporter.url().unwrap());
/// exporter.stop();
/// # }
/// ```
///
/// # What is pushed
///
/// A collection is pushed at each interval, and a last one at the stop. A receiver that is absent, slow or broken
/// costs the program nothing but this thread's time: nothing is queued, since each collection has all totals, and
/// what deltas were not taken are part of the next. So once the receiver is back, its totals are right. Until then it
/// is tried again after 1, 2, 4, … seconds, at the interval at most, or when it says. What could not be delivered is
/// counted in `runtime_metrics_export_lost_total`, and told once by [`status`](crate::status).
#[derive(Clone, Debug)]
#[must_use = "nothing is exported until `start` is called"]
pub struct MetricsExporter {
    pub(super) format: ExportFormat,
    protocol: Option<ExportProtocol>,
    pub(super) interval: Duration,
    pub(super) timeout: Duration,
    pub(super) address: String,
    pub(super) endpoint: Option<String>,
    pub(super) name: Option<String>,
    pub(super) token: Option<Secret>,
    pub(super) headers: Vec<(String, Secret)>,
    pub(super) filter: Filter,
    #[cfg(feature = "otlp")]
    pub(super) temporality: super::OtlpTemporality,
    #[cfg(feature = "remote-write")]
    pub(super) native_histograms: bool,
    #[cfg(feature = "statsd")]
    pub(super) datagram: usize,
    #[cfg(feature = "tls")]
    pub(super) tls: super::tls::Tls,
}

impl Default for MetricsExporter {
    fn default() -> Self {
        Self::new()
    }
}

impl MetricsExporter {
    /// An exporter that serves on `127.0.0.1:9464`, in the format that the scraper asks for.
    ///
    /// ```
    /// let exporter = runtime_metrics::MetricsExporter::new().address("127.0.0.1:0").start();
    /// exporter.stop();
    /// ```
    pub fn new() -> Self {
        Self {
            format: ExportFormat::default(),
            protocol: None,
            interval: Duration::from_secs(10),
            timeout: Duration::from_secs(5),
            address: "127.0.0.1:9464".to_owned(),
            endpoint: None,
            name: None,
            token: None,
            headers: Vec::new(),
            filter: Filter::default(),
            #[cfg(feature = "otlp")]
            temporality: super::OtlpTemporality::default(),
            #[cfg(feature = "remote-write")]
            native_histograms: false,
            #[cfg(feature = "statsd")]
            datagram: 1_432,
            #[cfg(feature = "tls")]
            tls: super::tls::Tls::default(),
        }
    }

    /// Sets the format; with it comes the protocol that is usual for it.
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
        self.protocol = Some(protocol);
        self
    }

    /// Sets how often metrics are pushed; 10 seconds by default. Where they are served, how often the collectors are
    /// asked even when nobody scrapes, so that peaks and rates are not those of the scraper's own rhythm.
    ///
    /// ```
    /// # use runtime_metrics::MetricsExporter;
    /// let _exporter = MetricsExporter::new().interval(std::time::Duration::from_secs(15));
    /// ```
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Sets how long a push may take, and the flush at the stop; 5 seconds by default.
    ///
    /// ```
    /// # use runtime_metrics::MetricsExporter;
    /// let _exporter = MetricsExporter::new().timeout(std::time::Duration::from_secs(2));
    /// ```
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the address to listen on, where metrics are served; port 0 takes a free one.
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

    /// Sets where metrics are pushed to: a URL, or `host:port` for datagrams. Without a path, a URL is completed by
    /// the protocol's own. The usual port of the protocol on the loopback address by default.
    ///
    /// ```
    /// # use runtime_metrics::{ExportFormat, MetricsExporter};
    /// let _exporter = MetricsExporter::new().format(ExportFormat::Otlp).endpoint("http://collector:4317");
    /// ```
    pub fn endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.endpoint = Some(endpoint.into());
        self
    }

    /// Sets what it is called in `status()` and in the label `exporter` of the library's own metrics; the format and
    /// the protocol by default.
    ///
    /// ```
    /// # use runtime_metrics::{ExportFormat, MetricsExporter};
    /// let _exporter = MetricsExporter::new().format(ExportFormat::Otlp).name("central");
    /// ```
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets the bearer token: that a scraper has to show, in `Authorization` or as `x-api-key`, or that a push shows.
    /// Who shows none or another gets a 401.
    ///
    /// ```
    /// # use runtime_metrics::MetricsExporter;
    /// let _exporter = MetricsExporter::new().token("a long secret");
    /// ```
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(Secret::new(token.into()));
        self
    }

    /// Adds a header to each push, such as an API key.
    ///
    /// ```
    /// # use runtime_metrics::{ExportFormat, MetricsExporter};
    /// let _exporter = MetricsExporter::new().format(ExportFormat::Otlp).header("x-api-key", "a long secret");
    /// ```
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), Secret::new(value.into())));
        self
    }

    /// Exports only the metrics for whose names this returns true.
    ///
    /// ```
    /// # use runtime_metrics::MetricsExporter;
    /// let _exporter = MetricsExporter::new().filter(|name| !name.starts_with("debug_"));
    /// ```
    pub fn filter(mut self, wanted: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        self.filter = Filter::of(wanted);
        self
    }

    /// Sets whether OTLP tells totals or what was gained since the last push; totals by default.
    ///
    /// ```
    /// # use runtime_metrics::{ExportFormat, MetricsExporter, OtlpTemporality};
    /// let _exporter = MetricsExporter::new().format(ExportFormat::Otlp).temporality(OtlpTemporality::Delta);
    /// ```
    #[cfg(feature = "otlp")]
    pub fn temporality(mut self, temporality: super::OtlpTemporality) -> Self {
        self.temporality = temporality;
        self
    }

    /// Sets whether remote write sends histograms without declared buckets as native ones, which the receiver has to
    /// know; off by default.
    ///
    /// ```
    /// # use runtime_metrics::{ExportFormat, MetricsExporter};
    /// let _exporter = MetricsExporter::new().format(ExportFormat::RemoteWrite).native_histograms(true);
    /// ```
    #[cfg(feature = "remote-write")]
    pub fn native_histograms(mut self, native: bool) -> Self {
        self.native_histograms = native;
        self
    }

    /// Sets how large a datagram of `StatsD` may be, 64 to 65,507 bytes; 1,432 by default, which fits into a frame of
    /// Ethernet.
    ///
    /// ```
    /// # use runtime_metrics::{ExportFormat, MetricsExporter};
    /// let _exporter = MetricsExporter::new().format(ExportFormat::StatsD).datagram_size(8_192);
    /// ```
    #[cfg(feature = "statsd")]
    pub fn datagram_size(mut self, bytes: usize) -> Self {
        self.datagram = bytes;
        self
    }

    /// Sets the certificates and the key by which [`ExportProtocol::Https`] serves, as PEM.
    ///
    /// ```
    /// # use runtime_metrics::{ExportProtocol, MetricsExporter};
    /// let exporter = MetricsExporter::new().protocol(ExportProtocol::Https).certificate("no", "PEM").try_start();
    /// assert!(exporter.unwrap_err().to_string().contains("-----BEGIN CERTIFICATE-----"));
    /// ```
    #[cfg(feature = "tls")]
    pub fn certificate(mut self, certificates: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        self.tls.own = Some((certificates.into(), Secret::new(key.into())));
        self
    }

    /// Trusts these certificates, as PEM, and no others, when pushing to an `https:` endpoint. By default those are
    /// trusted that Mozilla does.
    ///
    /// ```
    /// # use runtime_metrics::{ExportFormat, MetricsExporter};
    /// # let pem = "";
    /// let _exporter = MetricsExporter::new().format(ExportFormat::Otlp).endpoint("https://collector:4317").trust(pem);
    /// ```
    #[cfg(feature = "tls")]
    pub fn trust(mut self, roots: impl Into<Vec<u8>>) -> Self {
        self.tls.roots = Some(roots.into());
        self
    }

    /// Starts exporting. What is wrong is told by [`status`](crate::status) and by the handle's
    /// [`error`](ExportHandle::error); the program goes on. To handle it, use
    /// [`try_start`](Self::try_start).
    ///
    /// ```
    /// # #[cfg(feature = "http")] {
    /// use runtime_metrics::MetricsExporter;
    ///
    /// let first = MetricsExporter::new().address("127.0.0.1:0").start();
    /// let second = MetricsExporter::new().address(first.address().unwrap()).start();
    /// assert!(second.error().unwrap().to_string().contains("in use"));
    /// first.stop();
    /// # }
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
    /// A setting can't be used, or the address is not one, is in use or may not be used; the error says which and
    /// what to do. That a receiver is not there is no error: it may be, later.
    ///
    /// ```
    /// # #[cfg(feature = "http")] {
    /// use runtime_metrics::MetricsExporter;
    ///
    /// let error = MetricsExporter::new().address("nonsense").try_start().unwrap_err();
    /// assert!(error.to_string().contains("127.0.0.1:9464"));
    /// # }
    /// ```
    pub fn try_start(self) -> Result<ExportHandle, ExportError> {
        check_interval("interval", self.interval).map_err(ExportError::Config)?;
        check_interval("timeout", self.timeout).map_err(ExportError::Config)?;
        self.check_token()?;
        let protocol = self.travels_by()?;
        crate::collectors::install();
        crate::health::install();
        let running = if self.format.is_pushed() { self.push(protocol) } else { self.serve(protocol) };
        running.map(|running| ExportHandle(Ok(running)))
    }

    /// A token that nobody could show, or that shows nothing, is a mistake.
    pub(super) fn check_token(&self) -> Result<(), ExportError> {
        let Some(token) = self.token.as_ref().map(Secret::tell) else { return Ok(()) };
        if token.is_empty() {
            return Err(ExportError::setting("token", "", "an empty token protects nothing; set one, or none at all"));
        }
        if token.trim() != token || !token.chars().all(|one| matches!(one, ' '..='~')) {
            let mend = "it has characters that a header can't have; is there a line break or a space at its end?";
            return Err(ExportError::setting("token", "(not shown)", mend));
        }
        Ok(())
    }

    /// The protocol, if the format goes with it.
    fn travels_by(&self) -> Result<ExportProtocol, ExportError> {
        let Self { format, protocol, .. } = *self;
        if let Some(feature) = format.needs() {
            let mend = "this format is behind a feature of runtime-metrics that is off; see the table at ExportFormat";
            return Err(ExportError::setting("format", format!("{format} (feature {feature})"), mend));
        }
        let protocols = format.protocols();
        let protocol = protocol.or(protocols.first().copied()).unwrap_or_default();
        if protocols.contains(&protocol) {
            return Ok(protocol);
        }
        let mend =
            "the format does not travel by it, or a feature is off (otlp-grpc, tls); see the table at ExportFormat";
        Err(ExportError::setting("protocol", format!("{protocol} with {format}"), mend))
    }

    #[cfg(feature = "http")]
    fn serve(self, protocol: ExportProtocol) -> Result<Running, ExportError> {
        super::serve::start(self, protocol)
    }

    #[cfg(not(feature = "http"))]
    fn serve(self, _: ExportProtocol) -> Result<Running, ExportError> {
        Err(ExportError::setting("format", self.format.to_string(), "turn on the feature `http` of runtime-metrics"))
    }

    #[cfg(any(feature = "otlp", feature = "remote-write", feature = "statsd"))]
    fn push(self, protocol: ExportProtocol) -> Result<Running, ExportError> {
        super::push::start(self, protocol)
    }

    #[cfg(not(any(feature = "otlp", feature = "remote-write", feature = "statsd")))]
    fn push(self, _: ExportProtocol) -> Result<Running, ExportError> {
        Err(ExportError::setting("format", self.format.to_string(), "turn on its feature of runtime-metrics"))
    }
}
