//! Metrics that cost what `x += 1` costs, and a service that measures itself.
//!
//! Annotate what you have; nothing has to be declared or passed around:
//!
//! ```
//! use runtime_metrics::{increment, metered, metrics, registry, Reading};
//!
//! #[metrics]
//! struct Checkout;
//!
//! impl Checkout {
//!     #[metered]
//!     fn place_order(&self, items: u64) -> Result<u64, String> {
//!         if items == 0 {
//!             return Err("nothing to order".into());
//!         }
//!         increment!("items_ordered", value: items);
//!         Ok(items)
//!     }
//! }
//!
//! let checkout = Checkout;
//! checkout.place_order(3).unwrap();
//! checkout.place_order(0).unwrap_err();
//!
//! assert_eq!(registry().get("items_ordered", &[]), Some(Reading::Counter(3)));
//! let failed = [("service", "Checkout"), ("action", "place_order"), ("outcome", "error")];
//! assert_eq!(registry().get("action_requests_total", &failed), Some(Reading::Counter(1)));
//! assert_eq!(registry().get("service_requests_total", &[("service", "Checkout")]), Some(Reading::Counter(2)));
//! ```
//!
//! # Where to look
//!
//! * Record: [`increment!`], [`set!`], [`observe!`], [`timer!`], [`add_label!`]; the attributes
//!   [`metered`], [`metrics`] and [`metric`]; or handles: [`Counter`], [`Gauge`], [`Histogram`],
//!   [`Timer`], `Summary` (feature `summary`), `Set` (feature `set`), and the [`Rate`] of a counter.
//! * Read: [`registry`], [`Snapshot`], [`status`].
//! * Export: `MetricsExporter` serves OpenMetrics, Prometheus text and protobuf, and JSON (feature `http`), and pushes
//!   OTLP, StatsD and remote write; `RuntimeMetricsIntegration` (feature `sentry`); `MetricsService` and
//!   [`Registry::encode`] for a server of your own.
//! * Where metrics can go, how, and what was verified with which receiver: `exporting` (feature `full`).
//! * Sentry, with summaries on spans and metrics on events: `shipping_to_sentry` (feature `sentry`).
//! * The process's own health: [`collectors`], and [`health()`] in words; its heap, with any allocator:
//!   [`CountingAllocator`]; of Tokio runtimes `collectors::tokio` (feature `tokio-runtime`), of other executors
//!   `executor` (feature `executor`).
//! * Ready-made for a peer-to-peer node: `p2p` (feature `p2p`).
//! * How it is built: [`architecture`].
//!
//! # What it costs
//!
//! An increment is a load, an add and a store into a slot of the current thread, from any number
//! of threads. The tables are in the documentation of the `benches` package.
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `http-types` | yes | responses of axum, hyper, tower and others tell their outcome: 5xx is an error |
//! | `actix-web` | no | the same for actix-web, and connections of its servers |
//! | `axum`, `hyper` | no | connections of servers on axum or plain hyper, active and idle: [`collectors::web`] |
//! | `tower` | no | requests that wait behind a limit of tower's |
//! | `accept-queue` | no | connections that the kernel holds for a server (Linux); the servers' features include it |
//! | `bb8`, `deadpool` | no | pools of database connections: [`collectors::db`] |
//! | `r2d2` | no | the same of r2d2 and Diesel; it may need Rust 1.95 (`scheduled-thread-pool` 0.2.7 does not), and is not in `full` |
//! | `sqlx` | no | the same of SQLx; needs Rust 1.94, and is not in `full` |
//! | `memory` | yes | memory of the process: resident, of the heap, its limit, page faults |
//! | `process` | yes | CPU time and what withholds it, threads, panics, file descriptors, disk, uptime |
//! | `system` | no | CPU, memory, network, disks and load of the machine |
//! | `jemalloc` | no | what jemalloc tells of the heap, for a program that uses it (not with MSVC) |
//! | `mimalloc` | no | what mimalloc tells of the heap, for a program that uses it |
//! | `config` | no | [`Settings`] from the environment and from a TOML file |
//! | `serde` | yes | the wire types as JSON |
//! | `log` | yes | what [`status`] tells is also logged, once, as a warning of `runtime_metrics` |
//! | `executor` | no | `executor::Monitor`: tasks, polls and delays of any executor, as smol |
//! | `async-std` | no | the same for async-std by name; the crate itself is no dependency |
//! | `tokio-runtime` | no | tasks, queues, workers and delays of Tokio runtimes, and `#[runtime_metrics::main]` |
//! | `http` | no | `MetricsExporter` answers scrapes over HTTP, with a token if you like |
//! | `protobuf` | no | Prometheus protobuf, with native histograms |
//! | `otlp` | no | `MetricsExporter` pushes OTLP over HTTP |
//! | `otlp-grpc` | no | the same over gRPC |
//! | `statsd` | no | `MetricsExporter` pushes StatsD and DogStatsD over UDP |
//! | `remote-write` | no | `MetricsExporter` pushes Prometheus remote write |
//! | `tls` | no | HTTPS for what is served and for what is pushed |
//! | `sentry` | no | the Sentry integration: metrics, summaries of spans, exemplars, the context of events |
//! | `summary` | no | `Summary`: quantiles over a sliding window |
//! | `set` | no | `Set`: how many different values there were |
//! | `p2p` | no | `p2p`: the metrics of a peer-to-peer node, its networks and its hash table, and of a gateway |
//! | `full` | no | all of the above, but for `r2d2` and `sqlx` |
//! | `mock-clock` | no | `MockClock`: tests say how long things take; for `[dev-dependencies]` |
//!
//! # Limits
//!
//! A crate that a program links only through `Cargo.toml`, without naming it anywhere, is left out
//! by the linker with its metrics; [`link!`] names it. On wasm and under Miri there is no
//! link-time catalogue: metrics appear at their first record. A signal handler must not record
//! into a metric that the code it interrupts records into.

// The macros write `::runtime_metrics::…`, and some are used in here.
extern crate self as runtime_metrics;

#[doc = include_str!("../docs/architecture.md")]
pub mod architecture {}
#[cfg(all(feature = "http", feature = "otlp", feature = "remote-write", feature = "statsd", feature = "tls"))]
#[doc = include_str!("../docs/exporting.md")]
pub mod exporting {}
#[doc = include_str!("../docs/settings.md")]
pub mod configuring {}
#[cfg(feature = "sentry")]
#[doc = include_str!("../docs/sentry.md")]
pub mod shipping_to_sentry {}
mod clock;
pub mod collect;
pub mod collectors;
mod config;
mod counting;
mod digits;
mod escape;
#[cfg(feature = "executor")]
pub mod executor;
mod exemplar;
pub mod export;
mod hash;
mod health;
mod internal;
mod label;
mod lock;
mod measured;
mod metric;
mod names;
#[cfg(feature = "p2p")]
pub mod p2p;
mod protocol;
#[cfg(feature = "executor")]
mod recent;
mod registry;
#[cfg(feature = "sentry")]
mod sentry;
mod settings;
mod shard;
mod snapshot;
mod status;
mod sync;

#[cfg(feature = "mock-clock")]
pub use clock::MockClock;
pub use collect::MetricCollector;
#[cfg(feature = "tokio-runtime")]
pub use collectors::tokio::RuntimeBuilderExt;
pub use config::{ConfigError, RuntimeMetricsConfig, SpanOp};
pub use counting::{CountingAllocator, HeapCounts};
pub use exemplar::Exemplar;
#[cfg(feature = "http")]
pub use export::MetricsService;
#[cfg(feature = "otlp")]
pub use export::OtlpTemporality;
pub use export::{ExportError, ExportFormat, ExportProtocol};
#[cfg(feature = "_export")]
pub use export::{ExportHandle, MetricsExporter};
pub use health::{Evidence, Finding, HealthReport, HealthSettings, Severity, health, set_health};
pub use label::{LabelSet, LabelText, LabelValue};
pub use measured::{EmittedAt, MeasuredOutcome, MeasuredService, Outcome};
#[cfg(feature = "set")]
pub use metric::Set;
#[cfg(feature = "summary")]
pub use metric::Summary;
pub use metric::{
    BucketError, Buckets, Builder, Count, Counter, Gauge, Handle, Histogram, Kind, Rate, RateOf, Timer, TimerGuard,
    Value,
};
pub use protocol::{MetricType, MetricValue, RuntimeMetric, RuntimeMetrics};
pub use registry::{Identity, Limits, RegisterError, Registry, Source, registry};
#[cfg(feature = "tokio-runtime")]
pub use runtime_metrics_macros::main;
pub use runtime_metrics_macros::{LabelValue, add_label, increment, metered, metric, metrics, observe, set, timer};
#[cfg(feature = "sentry")]
pub use sentry::{MetricsTransport, RuntimeMetricsIntegration, SummaryPlacement};
pub use settings::{Applied, LabelRule, MetricSettings, Sampling, Settings, SettingsError, configure, reload};
pub use snapshot::{CatalogEntry, Distribution, FamilySnapshot, Reading, SeriesSnapshot, Snapshot, SummarySnapshot};
pub use status::{Problem, Status, status};

/// Links crates that are used for nothing but their metrics: the linker drops a crate that nobody
/// names, and its part of the catalogue with it.
///
/// ```
/// runtime_metrics::link!(runtime_metrics);
/// ```
#[macro_export]
macro_rules! link {
    ($($krate:ident),+ $(,)?) => {
        $(#[allow(unused_imports)] use ::$krate as _;)+
    };
}

/// Puts a site into the link-time catalogue; what the macros use.
#[doc(hidden)]
#[macro_export]
macro_rules! __submit {
    ($kind:ident, $site:expr) => {
        #[cfg(not(any(target_family = "wasm", miri)))]
        const _: () = {
            #[$crate::__private::linkme::distributed_slice($crate::__private::RUNTIME_METRICS_V1)]
            #[linkme(crate = $crate::__private::linkme)]
            static ENTRY: $crate::__private::Entry = $crate::__private::Entry::$kind(&$site);
        };
    };
}

/// What the macros expand to; not for use by hand, and free to change.
#[doc(hidden)]
pub mod __private {
    #[cfg(feature = "tokio-runtime")]
    pub use crate::collectors::tokio::run;
    pub use crate::label::{LabelKey, LabelText, LabelValue};
    pub use crate::measured::{
        Action, EmittedAt, Ended, MeasuredService, Metered, Outcome, Probe, Service, ServiceProbe, add_label, begin,
        call, future, hint, judge, probe, returned, sync,
    };
    #[cfg(feature = "set")]
    pub use crate::metric::Set;
    #[cfg(feature = "summary")]
    pub use crate::metric::Summary;
    pub use crate::metric::{Buckets, Counter, Gauge, Histogram, Kind, Timer};
    #[cfg(not(any(target_family = "wasm", miri)))]
    pub use crate::registry::RUNTIME_METRICS_V1;
    pub use crate::registry::{
        Declaration, Declared, Entry, Site, Source, check_kind, check_label, checked, handle, handle_with, increment,
        increment_with, observe, observe_with, set, set_with, timer, timer_with,
    };
    pub use crate::shard::Remembered;
    pub use linkme;
    #[cfg(feature = "tokio-runtime")]
    pub use tokio::runtime::Builder;
}
