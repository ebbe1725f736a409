//! Settings, their defaults, and what is wrong with a bad one.

use crate::collect::MetricCollector;
use crate::health::HealthSettings;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What is collected, and how often.
///
/// ```
/// use runtime_metrics::RuntimeMetricsConfig;
/// use std::time::Duration;
///
/// let config = RuntimeMetricsConfig { collection_interval: Duration::from_secs(30), ..Default::default() };
/// assert!(config.validate().is_ok());
/// ```
#[derive(Clone)]
#[allow(clippy::struct_excessive_bools)] // switches, of which each is on or off
pub struct RuntimeMetricsConfig {
    /// Time between two envelopes; 10 seconds by default, a millisecond at least, a year at most.
    pub collection_interval: Duration,
    /// Memory of the process and its heap (feature `memory`); on by default.
    pub collect_memory: bool,
    /// CPU, threads, panics, descriptors, disk and uptime of the process (feature `process`); on by default.
    pub collect_process: bool,
    /// CPU, memory, network, disks and load of the machine (feature `system`); on by default.
    pub collect_system: bool,
    /// Async runtimes (feature `tokio-runtime`); on by default.
    pub collect_async_runtime: bool,
    /// A poll that takes longer than this many microseconds is slow; 100 by default.
    pub slow_poll_threshold_us: u64,
    /// Whether Sentry's spans get a summary of what is recorded in them, and `timer!` and
    /// `#[metered(span)]` make spans; on by default, where tracing is on.
    ///
    /// While a client with tracing is there, each record asks Sentry for the current span, 70 to 150 ns;
    /// without one, a record pays for one branch.
    pub span_summaries: bool,
    /// What the spans that `timer!` and `#[metered(span)]` make are for; `metric.timer` by default.
    pub span_op: SpanOp,
    /// Whether events carry the context `runtime_metrics`: what was measured when they happened, at most a
    /// second earlier, up to 100 values; on by default.
    pub event_context: bool,
    /// What counts as trouble in the [health report](crate::health()); `None`, the default, leaves it as it is.
    pub health: Option<HealthSettings>,
    /// Collectors of one's own, which every exporter then shows.
    pub custom_collectors: Vec<Arc<dyn MetricCollector>>,
    /// The share of collections that are made and sent, 0 to 1, evenly spread; 1 by default. The
    /// sample rate of events does not matter to it, and the collection at the close is always sent.
    pub sample_rate: f64,
    /// How many collections go into one envelope, 1 to 100; 1 by default: each leaves at once.
    pub batch_size: usize,
    /// The most bytes of one `runtime_metrics` item; what does not fit goes into a further item. A
    /// mebibyte by default, a kibibyte at least.
    pub max_item_bytes: usize,
    /// The most values in one `runtime_metrics` item; 10,000 by default.
    pub max_item_metrics: usize,
    /// Send only what changed since it was last sent, and nothing when nothing did; off by default.
    pub only_changes: bool,
    /// With `only_changes`, every how many collections all is sent again, so that what was lost on
    /// the way heals; 30 by default.
    pub full_every: u32,
    /// Send each collection also as `trace_metric` items, which Sentry shows today: what counters
    /// and distributions gained since the last one, and gauges as they are; off by default.
    pub trace_metrics: bool,
}

impl Default for RuntimeMetricsConfig {
    fn default() -> Self {
        Self {
            collection_interval: Duration::from_secs(10),
            collect_memory: true,
            collect_process: true,
            collect_system: true,
            collect_async_runtime: true,
            slow_poll_threshold_us: 100,
            span_summaries: true,
            span_op: SpanOp::default(),
            event_context: true,
            health: None,
            custom_collectors: Vec::new(),
            sample_rate: 1.0,
            batch_size: 1,
            max_item_bytes: 1 << 20,
            max_item_metrics: 10_000,
            only_changes: false,
            full_every: 30,
            trace_metrics: false,
        }
    }
}

impl fmt::Debug for RuntimeMetricsConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let collectors: Vec<&str> = self.custom_collectors.iter().map(|collector| collector.name()).collect();
        f.debug_struct("RuntimeMetricsConfig")
            .field("collection_interval", &self.collection_interval)
            .field("collect_memory", &self.collect_memory)
            .field("collect_process", &self.collect_process)
            .field("collect_system", &self.collect_system)
            .field("collect_async_runtime", &self.collect_async_runtime)
            .field("slow_poll_threshold_us", &self.slow_poll_threshold_us)
            .field("span_summaries", &self.span_summaries)
            .field("span_op", &self.span_op)
            .field("event_context", &self.event_context)
            .field("health", &self.health)
            .field("custom_collectors", &collectors)
            .field("sample_rate", &self.sample_rate)
            .field("batch_size", &self.batch_size)
            .field("max_item_bytes", &self.max_item_bytes)
            .field("max_item_metrics", &self.max_item_metrics)
            .field("only_changes", &self.only_changes)
            .field("full_every", &self.full_every)
            .field("trace_metrics", &self.trace_metrics)
            .finish()
    }
}

/// The `op` of the spans that `timer!` and `#[metered(span)]` make.
///
/// ```
/// use runtime_metrics::{RuntimeMetricsConfig, SpanOp};
///
/// let config = RuntimeMetricsConfig { span_op: SpanOp::MetricTiming, ..Default::default() };
/// assert_eq!(config.span_op.as_str(), "metric.timing");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SpanOp {
    /// `metric.timer`, as RFC 0123 first had it.
    #[default]
    MetricTimer,
    /// `metric.timing`, as the RFC has it since March 2024 and Sentry's SDK for Python writes it.
    MetricTiming,
}

impl SpanOp {
    /// As it is on the wire.
    ///
    /// ```
    /// assert_eq!(runtime_metrics::SpanOp::default().as_str(), "metric.timer");
    /// ```
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MetricTimer => "metric.timer",
            Self::MetricTiming => "metric.timing",
        }
    }
}

impl RuntimeMetricsConfig {
    /// Whether every setting can be used.
    ///
    /// # Errors
    ///
    /// Names the setting, its value and what it can be.
    ///
    /// ```
    /// use runtime_metrics::RuntimeMetricsConfig;
    /// use std::time::Duration;
    ///
    /// for interval in [Duration::ZERO, Duration::MAX] {
    ///     let config = RuntimeMetricsConfig { collection_interval: interval, ..Default::default() };
    ///     assert!(config.validate().unwrap_err().to_string().contains("collection_interval"));
    /// }
    /// ```
    pub fn validate(&self) -> Result<(), ConfigError> {
        check_interval("collection_interval", self.collection_interval)?;
        if self.slow_poll_threshold_us == 0 {
            return Err(ConfigError::new(
                "slow_poll_threshold_us",
                "0",
                "every poll takes longer; use 1 or more (100 by default)",
            ));
        }
        self.check_shipping()?;
        self.health.as_ref().map_or(Ok(()), HealthSettings::validate)
    }

    /// What concerns how collections are sent.
    fn check_shipping(&self) -> Result<(), ConfigError> {
        let bad = |setting, value: String, mend| Err(ConfigError::new(setting, value, mend));
        if !(0.0..=1.0).contains(&self.sample_rate) {
            return bad("sample_rate", self.sample_rate.to_string(), "use a share from 0.0 (none) to 1.0 (all)");
        }
        if !(1..=100).contains(&self.batch_size) {
            let mend = "use 1 (each collection leaves at once) to 100 collections";
            return bad("batch_size", self.batch_size.to_string(), mend);
        }
        if !(1 << 10..=100 << 20).contains(&self.max_item_bytes) {
            let mend = "use a kibibyte (1024) to 100 mebibytes; 1 << 20 by default";
            return bad("max_item_bytes", self.max_item_bytes.to_string(), mend);
        }
        if self.max_item_metrics == 0 {
            return bad("max_item_metrics", "0".to_owned(), "use 1 or more; 10000 by default");
        }
        if self.full_every == 0 {
            let mend = "use 1 (all is sent each time) or more; 30 by default";
            return bad("full_every", "0".to_owned(), mend);
        }
        Ok(())
    }

    /// The same with the default in place of each setting that can't be used, and each of those.
    #[cfg(feature = "sentry")]
    pub(crate) fn mended(mut self) -> (Self, Vec<ConfigError>) {
        let defaults = Self::default();
        let mut errors = Vec::new();
        while let Err(error) = self.validate() {
            match error.setting {
                "collection_interval" => self.collection_interval = defaults.collection_interval,
                "sample_rate" => self.sample_rate = defaults.sample_rate,
                "batch_size" => self.batch_size = defaults.batch_size,
                "max_item_bytes" => self.max_item_bytes = defaults.max_item_bytes,
                "max_item_metrics" => self.max_item_metrics = defaults.max_item_metrics,
                "full_every" => self.full_every = defaults.full_every,
                "slow_poll_threshold_us" => self.slow_poll_threshold_us = defaults.slow_poll_threshold_us,
                // Of the settings of the health report none is used where one can't be.
                _ => self.health = None,
            }
            errors.push(error);
        }
        (self, errors)
    }
}

/// An interval that a loop can keep.
pub(crate) fn check_interval(setting: &'static str, interval: Duration) -> Result<(), ConfigError> {
    if interval < Duration::from_millis(1) {
        let mend = "use at least a millisecond, better some seconds: Duration::from_secs(10)";
        return Err(ConfigError::new(setting, format!("{interval:?}"), mend));
    }
    // Far beyond use, and still a point in time that the clock can name.
    if interval > Duration::from_secs(366 * 24 * 3600) {
        let mend = "use at most a year, better some seconds: Duration::from_secs(10)";
        return Err(ConfigError::new(setting, format!("{interval:?}"), mend));
    }
    Ok(())
}

/// A setting that can't be used: which, its value, and what it can be.
///
/// ```
/// use runtime_metrics::RuntimeMetricsConfig;
///
/// let config = RuntimeMetricsConfig { slow_poll_threshold_us: 0, ..Default::default() };
/// let error = config.validate().unwrap_err();
/// assert_eq!(error.setting, "slow_poll_threshold_us");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfigError {
    /// The setting's name.
    pub setting: &'static str,
    /// The value that it was given.
    pub value: String,
    /// What is wrong and what to do.
    pub message: &'static str,
}

impl ConfigError {
    pub(crate) fn new(setting: &'static str, value: impl Into<String>, message: &'static str) -> Self {
        Self { setting, value: value.into(), message }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {} can't be used: {}", self.setting, self.value, self.message)
    }
}

impl std::error::Error for ConfigError {}

#[cfg(all(test, feature = "sentry"))]
mod tests {
    use super::*;

    #[test]
    fn what_can_not_be_used_is_named_and_the_default_takes_its_place() {
        let config = RuntimeMetricsConfig {
            collection_interval: Duration::ZERO,
            slow_poll_threshold_us: 0,
            sample_rate: f64::NAN,
            batch_size: 0,
            max_item_bytes: 1023,
            max_item_metrics: 0,
            full_every: 0,
            health: Some(HealthSettings { sustained: 0, ..Default::default() }),
            ..Default::default()
        };
        let (mended, errors) = config.mended();
        assert!(mended.validate().is_ok());
        let mut named: Vec<&str> = errors.iter().map(|error| error.setting).collect();
        named.sort_unstable();
        let all = [
            "batch_size",
            "collection_interval",
            "full_every",
            "max_item_bytes",
            "max_item_metrics",
            "sample_rate",
            "slow_poll_threshold_us",
            "sustained",
        ];
        assert_eq!(named, all);
        assert_eq!(format!("{mended:?}"), format!("{:?}", RuntimeMetricsConfig::default()));
    }
}
