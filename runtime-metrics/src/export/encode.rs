//! A snapshot in any of the formats that are fetched.

use super::error::ExportError;
use super::kinds::ExportFormat;
use super::text;
use crate::registry::Registry;
use crate::snapshot::Snapshot;

impl Registry {
    /// Everything that is measured, in a format that is fetched: for who has a way of their own to pass it on.
    /// `Negotiated` is Prometheus text. Who asks again and again is better off with an
    /// [`Encoder`](super::Encoder).
    ///
    /// # Errors
    ///
    /// The format is one that is pushed, or is behind a feature that is off.
    ///
    /// ```
    /// use runtime_metrics::{ExportFormat, registry};
    ///
    /// let text = registry().encode(ExportFormat::OpenMetrics).unwrap();
    /// assert!(text.ends_with(b"# EOF\n"));
    /// assert!(registry().encode(ExportFormat::StatsD).is_err());
    /// ```
    #[allow(clippy::unused_self)] // there is one registry, and collectors belong to it
    pub fn encode(&self, format: ExportFormat) -> Result<Vec<u8>, ExportError> {
        encode(format, &Snapshot::take())
    }
}

pub(super) fn encode(format: ExportFormat, snapshot: &Snapshot) -> Result<Vec<u8>, ExportError> {
    match format {
        ExportFormat::OpenMetrics => Ok(text::openmetrics(snapshot).into_bytes()),
        ExportFormat::Negotiated | ExportFormat::Prometheus => Ok(text::prometheus(snapshot).into_bytes()),
        #[cfg(feature = "serde")]
        ExportFormat::Json => Ok(super::json(snapshot).into_bytes()),
        #[cfg(feature = "protobuf")]
        ExportFormat::Protobuf => Ok(super::protobuf(snapshot)),
        _ => {
            let mend = "it is pushed by a MetricsExporter, or a feature is off (`serde` for JSON, `protobuf`)";
            Err(ExportError::setting("format", format.to_string(), mend))
        }
    }
}

impl ExportFormat {
    /// What HTTP calls it.
    #[cfg(feature = "http")]
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Json => "application/json",
            Self::Protobuf => {
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
            }
            _ => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}
