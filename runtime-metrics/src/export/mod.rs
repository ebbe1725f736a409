//! Formats, the server that offers them, and the loops that push them. Everything here sees nothing but snapshots.

mod encode;
mod encoder;
mod error;
mod exemplar;
#[cfg(feature = "_export")]
mod exporter;
#[cfg(feature = "_export")]
mod filter;
#[cfg(feature = "_export")]
mod handle;
#[cfg(feature = "serde")]
mod json;
mod kinds;
#[cfg(any(feature = "protobuf", feature = "remote-write"))]
mod native;
mod number;
#[cfg(feature = "otlp")]
mod otlp;
mod page;
#[cfg(feature = "protobuf")]
mod protobuf;
#[cfg(any(feature = "otlp", feature = "remote-write", feature = "statsd"))]
mod push;
#[cfg(feature = "remote-write")]
mod remote_write;
#[cfg(feature = "_export")]
mod secret;
#[cfg(feature = "http")]
mod serve;
mod shown;
#[cfg(feature = "statsd")]
mod statsd;
mod text;
#[cfg(all(feature = "_export", feature = "tls"))]
mod tls;

pub use encoder::Encoder;
pub use error::ExportError;
#[cfg(feature = "_export")]
pub use exporter::MetricsExporter;
#[cfg(feature = "_export")]
pub use handle::ExportHandle;
#[cfg(feature = "serde")]
pub use json::json;
pub use kinds::{ExportFormat, ExportProtocol};
#[cfg(feature = "otlp")]
pub use otlp::Temporality as OtlpTemporality;
#[cfg(feature = "protobuf")]
pub use protobuf::protobuf;
#[cfg(feature = "http")]
pub use serve::MetricsService;
pub use text::{openmetrics, prometheus};

/// The name of the library's own threads.
#[cfg_attr(not(any(feature = "_export", feature = "sentry", feature = "tokio-runtime")), allow(dead_code))]
pub(crate) const THREAD: &str = "runtime-metrics";
