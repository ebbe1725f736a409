//! What may be set while metrics stay as they are written: which are recorded, how often functions are timed,
//! what becomes of label values.

mod current;
mod error;
mod metric;
#[cfg(feature = "config")]
mod read;
mod rules;

pub use current::{Applied, configure, reload};
pub(crate) use current::{Current, current, tell_problems};
pub use error::SettingsError;
pub use metric::{MetricSettings, Sampling};
pub(crate) use metric::{OfMetric, Sampled};
pub use rules::LabelRule;
pub(crate) use rules::{LabelRules, Ruled};

use crate::config::check_interval;
use crate::registry::Limits;
use std::collections::BTreeMap;
use std::time::Duration;

/// What holds for all metrics, and for some of them: in code with [`configure`], and with the feature `config`
/// also in a TOML file and in the environment, under the same names. What the environment says wins over the file,
/// and the file over the code.
///
/// The file is the one that the variable `RUNTIME_METRICS_CONFIG` names; it is read before the first record. A
/// variable is called as the setting, in capitals behind `RUNTIME_METRICS_`. What can't be used is told by
/// [`status`](crate::status) with its place, and the rest is used.
///
/// ```toml
/// service = "checkout"          # RUNTIME_METRICS_SERVICE=checkout
/// series_per_metric = 500       # RUNTIME_METRICS_SERIES_PER_METRIC=500
/// idle_expiry = "10m"           # RUNTIME_METRICS_IDLE_EXPIRY=10m
/// sample = "adaptive"           # RUNTIME_METRICS_SAMPLE=adaptive
///
/// [labels]                      # RUNTIME_METRICS_LABELS="email=drop; user=hash"
/// email = "drop"
/// user = "hash"
///
/// [metrics.orders]              # RUNTIME_METRICS_METRICS="orders.enabled=false"
/// enabled = false
/// ```
///
/// ```
/// use runtime_metrics::{LabelRule, Settings, configure, increment, registry};
///
/// let mut settings = Settings::default();
/// settings.labels.insert("email".to_owned(), LabelRule::Drop);
/// configure(settings)?;
///
/// let email = "ada@example.org";
/// increment!("logins_by_mail", labels: {"email" => email, "result" => "ok"});
/// assert!(registry().get("logins_by_mail", &[("result", "ok")]).is_some());
/// # Ok::<(), runtime_metrics::SettingsError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Whether anything is recorded and exported at all; true by default.
    pub enabled: bool,
    /// The service that every metric is labelled with; `None` leaves it as [`Identity`](crate::Identity) has it.
    pub service: Option<String>,
    /// The instance of it.
    pub node: Option<String>,
    /// How many series one metric may have, beyond which label sets are folded; 2,000 by default.
    pub series_per_metric: usize,
    /// How many series all metrics may have; 200,000 by default.
    pub series: usize,
    /// How long a series with labels that calls gave may have nothing recorded into it before it is removed; never by
    /// default. See [`MetricSettings::idle_expiry`].
    pub idle_expiry: Option<Duration>,
    /// A poll of a measured future that takes longer is slow; 100 microseconds by default.
    pub slow_poll_threshold: Duration,
    /// Which calls of measured functions are timed that say nothing of it themselves; all by default.
    pub sample: Sampling,
    /// With [`Sampling::Adaptive`], how many calls of each function are timed in a second, about; 1,000 by default.
    pub samples_per_second: u32,
    /// With what label values are hashed: whoever knows it can find out which value a hash stands for. Without one
    /// a new one is made at each start, and hashes of two processes can't be compared.
    pub hash_key: Option<String>,
    /// The only labels that stay; `None`, the default, for all.
    pub keep_labels: Option<Vec<String>>,
    /// What becomes of the values of a label, by its name.
    pub labels: BTreeMap<String, LabelRule>,
    /// What holds for single metrics, by their names as in the program or as exported. A name that ends in `*`
    /// stands for all that begin so; of several that fit, the longest counts.
    pub metrics: BTreeMap<String, MetricSettings>,
}

impl Default for Settings {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            enabled: true,
            service: None,
            node: None,
            series_per_metric: limits.series_per_metric,
            series: limits.series,
            idle_expiry: None,
            slow_poll_threshold: Duration::from_micros(100),
            sample: Sampling::All,
            samples_per_second: 1_000,
            hash_key: None,
            keep_labels: None,
            labels: BTreeMap::new(),
            metrics: BTreeMap::new(),
        }
    }
}

impl Settings {
    /// Whether every setting can be used.
    ///
    /// # Errors
    ///
    /// Names each setting that can't be used, and what it can be.
    ///
    /// ```
    /// use runtime_metrics::{Sampling, Settings};
    ///
    /// let settings = Settings { sample: Sampling::OneIn(0), ..Default::default() };
    /// assert!(settings.validate().unwrap_err().to_string().contains("sample"));
    /// ```
    pub fn validate(&self) -> Result<(), SettingsError> {
        let mut error = SettingsError::default();
        if let Some(expiry) = self.idle_expiry {
            error.check("idle_expiry", check_expiry(expiry));
        }
        error.check("sample", self.sample.check());
        if self.samples_per_second == 0 {
            error.add("samples_per_second", "0 can't be used: use 1 or more; 1000 by default");
        }
        if self.hash_key.as_deref().is_some_and(str::is_empty) {
            error.add("hash_key", "it is empty: use a long secret, or leave it out");
        }
        for name in self.labels.keys().chain(self.keep_labels.iter().flatten()) {
            error.check("labels", crate::label::check_name(name));
        }
        for (name, metric) in &self.metrics {
            metric.validate(name, &mut error);
        }
        error.or(())
    }
}

/// Whether series may expire after so long.
fn check_expiry(expiry: Duration) -> Result<(), String> {
    if expiry == Duration::MAX {
        return Ok(());
    }
    check_interval("idle_expiry", expiry).map_err(|error| format!("{} can't be used: {}", error.value, error.message))
}
