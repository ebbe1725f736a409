//! Formats, and the server that offers them. Everything here sees nothing but snapshots.

mod encoder;
mod exemplar;
#[cfg(feature = "http")]
mod exporter;
#[cfg(feature = "http")]
mod http;
#[cfg(feature = "serde")]
mod json;
#[cfg(feature = "http")]
mod lent;
mod number;
mod page;
mod text;

pub use encoder::Encoder;
#[cfg(feature = "http")]
pub use exporter::{ExportError, ExportFormat, ExportHandle, ExportProtocol, MetricsExporter};
#[cfg(feature = "serde")]
pub use json::json;
pub use text::{openmetrics, prometheus};

/// The name of the library's own threads.
#[cfg_attr(not(any(feature = "http", feature = "sentry", feature = "tokio-runtime")), allow(dead_code))]
pub(crate) const THREAD: &str = "runtime-metrics";
