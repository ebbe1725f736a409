//! The formats and the protocols, and which go together.

use std::fmt;

/// The form that exported metrics take.
///
/// | format | protocols, the first by default | feature |
/// |---|---|---|
/// | `Negotiated`, `OpenMetrics`, `Prometheus`, `Json` | `Http`, `Https` (with `tls`), served | `http` |
/// | `Protobuf` | the same | `http` and `protobuf` |
/// | `Otlp` | `Grpc` (`otlp-grpc`), `Http`, pushed | `otlp` |
/// | `RemoteWrite` | `Http`, pushed | `remote-write` |
/// | `StatsD`, `DogStatsD` | `Udp`, pushed | `statsd` |
///
/// ```
/// use runtime_metrics::ExportFormat;
///
/// assert_eq!(ExportFormat::default(), ExportFormat::Negotiated);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ExportFormat {
    /// What the scraper asks for in `Accept`; the Prometheus text format where it does not say.
    #[default]
    Negotiated,
    /// OpenMetrics 1.0 text.
    OpenMetrics,
    /// Prometheus text, version 0.0.4.
    Prometheus,
    /// Prometheus protobuf, with native histograms.
    Protobuf,
    /// JSON, in the form of [`RuntimeMetrics`](crate::RuntimeMetrics).
    Json,
    /// `OpenTelemetry`'s protocol, 1.x.
    Otlp,
    /// Prometheus remote write 1.0.
    RemoteWrite,
    /// `StatsD` as its first daemon speaks it: labels are parts of the name.
    StatsD,
    /// `StatsD` with tags.
    DogStatsD,
}

/// How exported metrics travel.
///
/// ```
/// assert_eq!(runtime_metrics::ExportProtocol::default(), runtime_metrics::ExportProtocol::Http);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ExportProtocol {
    /// A scraper fetches them over HTTP; of what is pushed, a POST to an `http:` or `https:` endpoint.
    #[default]
    Http,
    /// A scraper fetches them over HTTP with TLS.
    Https,
    /// They are pushed over gRPC.
    Grpc,
    /// They are pushed as datagrams.
    Udp,
}

#[cfg(feature = "_export")]
impl ExportFormat {
    /// Whether it is pushed, not fetched.
    pub(super) fn is_pushed(self) -> bool {
        matches!(self, Self::Otlp | Self::RemoteWrite | Self::StatsD | Self::DogStatsD)
    }

    /// The protocols that it can travel by, the usual one first.
    pub(super) fn protocols(self) -> &'static [ExportProtocol] {
        match self {
            Self::Otlp if cfg!(feature = "otlp-grpc") => &[ExportProtocol::Grpc, ExportProtocol::Http],
            Self::Otlp | Self::RemoteWrite => &[ExportProtocol::Http],
            Self::StatsD | Self::DogStatsD => &[ExportProtocol::Udp],
            _ => &[ExportProtocol::Http, ExportProtocol::Https],
        }
    }

    /// The feature without which there is none of it, where that is off.
    pub(super) fn needs(self) -> Option<&'static str> {
        let (feature, on) = match self {
            Self::Otlp => ("otlp", cfg!(feature = "otlp")),
            Self::RemoteWrite => ("remote-write", cfg!(feature = "remote-write")),
            Self::StatsD | Self::DogStatsD => ("statsd", cfg!(feature = "statsd")),
            Self::Protobuf if cfg!(feature = "http") => ("protobuf", cfg!(feature = "protobuf")),
            _ => ("http", cfg!(feature = "http")),
        };
        (!on).then_some(feature)
    }
}

impl fmt::Display for ExportFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Negotiated => "negotiated",
            Self::OpenMetrics => "openmetrics",
            Self::Prometheus => "prometheus",
            Self::Protobuf => "protobuf",
            Self::Json => "json",
            Self::Otlp => "otlp",
            Self::RemoteWrite => "remote-write",
            Self::StatsD => "statsd",
            Self::DogStatsD => "dogstatsd",
        })
    }
}

impl fmt::Display for ExportProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Grpc => "grpc",
            Self::Udp => "udp",
        })
    }
}
