//! What holds for one metric: what it says of itself, what is said of all that are called like it, and of all.

use super::rules::LabelRules;
use super::{LabelRule, Settings, SettingsError, check_expiry};
use crate::metric::Buckets;
use std::collections::BTreeMap;
use std::time::Duration;

/// Settings of one metric, or of those whose names begin alike; see [`Settings::metrics`]. What is `None` is as
/// for all metrics.
///
/// ```
/// use runtime_metrics::{MetricSettings, Settings};
///
/// let mut settings = Settings::default();
/// let small = MetricSettings { series: Some(50), ..Default::default() };
/// settings.metrics.insert("peers_*".to_owned(), small);
/// assert!(settings.validate().is_ok());
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetricSettings {
    /// Whether it is recorded and exported. A record of a metric that is not costs a branch at most.
    pub enabled: Option<bool>,
    /// Which calls are timed, for the durations of measured functions; more than what the attribute says.
    pub sample: Option<Sampling>,
    /// The bounds of a histogram's buckets, instead of those in the program. They count from the start on.
    pub buckets: Option<Vec<f64>>,
    /// How many series it may have.
    pub series: Option<usize>,
    /// How long a series may have nothing recorded into it before it is removed; [`Duration::MAX`]: never. It comes back with
    /// the next record, as a new one that begins at zero. Series of handles that the program holds stay, and so do
    /// those that are part of its text, and the functions' own.
    pub idle_expiry: Option<Duration>,
    /// The only labels that stay.
    pub keep_labels: Option<Vec<String>>,
    /// What becomes of the values of a label, by its name; more than what holds for all metrics.
    pub labels: BTreeMap<String, LabelRule>,
}

impl MetricSettings {
    pub(super) fn validate(&self, name: &str, error: &mut SettingsError) {
        let place = |key: &str| format!("metrics.{name}.{key}");
        if let Some(sample) = self.sample {
            error.check(&place("sample"), sample.check());
        }
        if let Some(bounds) = &self.buckets {
            error.check(&place("buckets"), Buckets::check(bounds).map_err(|error| error.to_string()));
        }
        if let Some(expiry) = self.idle_expiry {
            error.check(&place("idle_expiry"), check_expiry(expiry));
        }
        for label in self.labels.keys().chain(self.keep_labels.iter().flatten()) {
            error.check(&place("labels"), crate::label::check_name(label));
        }
    }
}

/// Which calls of a measured function are timed. All are counted, whichever are timed.
///
/// ```
/// use runtime_metrics::{Sampling, Settings};
///
/// let settings = Settings { sample: Sampling::Adaptive, samples_per_second: 500, ..Default::default() };
/// assert!(settings.validate().is_ok());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sampling {
    /// Each.
    #[default]
    All,
    /// None.
    Off,
    /// One in so many, spread evenly.
    OneIn(u32),
    /// One in 1, 4, 16, … up to 4,096, so that about [`Settings::samples_per_second`] of each function are timed.
    Adaptive,
}

impl Sampling {
    pub(super) fn check(self) -> Result<(), String> {
        match self {
            Self::OneIn(0) => Err("one in 0 can't be used: use 1 or more, or `Sampling::Off`".to_owned()),
            _ => Ok(()),
        }
    }
}

/// What was decided of which calls are timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sampled {
    /// One in so many; 0: none.
    OneIn(u32),
    /// So that about so many are timed in a second.
    PerSecond(u32),
}

/// What holds for one metric.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct OfMetric {
    pub(crate) enabled: bool,
    /// What is set for this very metric, and what is for all that say nothing themselves.
    pub(crate) sample: Option<Sampled>,
    pub(crate) default_sample: Sampled,
    pub(crate) buckets: Option<Vec<f64>>,
    pub(crate) series: Option<usize>,
    pub(crate) idle_expiry: Option<Duration>,
    pub(crate) labels: LabelRules,
}

impl Settings {
    /// What holds for a metric of these names, of which it may have several.
    pub(super) fn of(&self, names: &[impl AsRef<str>]) -> OfMetric {
        let all = self.fitting(names);
        let first = |of: fn(&MetricSettings) -> Option<bool>| all.iter().find_map(|metric| of(metric));
        OfMetric {
            enabled: self.enabled && first(|metric| metric.enabled).unwrap_or(true),
            sample: all.iter().find_map(|metric| metric.sample).map(|sample| self.sampled(sample)),
            default_sample: self.sampled(self.sample),
            buckets: all.iter().find_map(|metric| metric.buckets.clone()),
            series: all.iter().find_map(|metric| metric.series),
            idle_expiry: all
                .iter()
                .find_map(|metric| metric.idle_expiry)
                .or(self.idle_expiry)
                .filter(|expiry| *expiry != Duration::MAX),
            labels: LabelRules::new(
                all.iter().find_map(|metric| metric.keep_labels.as_ref()).or(self.keep_labels.as_ref()),
                // Of several that name a label the first counts, so it is added last.
                self.labels.iter().chain(all.iter().rev().flat_map(|metric| &metric.labels)),
            ),
        }
    }

    /// What is set for metrics of these names, the most particular first.
    fn fitting(&self, names: &[impl AsRef<str>]) -> Vec<&MetricSettings> {
        let fits = |pattern: &str| match pattern.strip_suffix('*') {
            Some(beginning) => names.iter().any(|name| name.as_ref().starts_with(beginning)),
            None => names.iter().any(|name| name.as_ref() == pattern),
        };
        let mut all: Vec<_> = self.metrics.iter().filter(|(pattern, _)| fits(pattern)).collect();
        all.sort_by_key(|(pattern, _)| (pattern.ends_with('*'), std::cmp::Reverse(pattern.len())));
        all.into_iter().map(|(_, metric)| metric).collect()
    }

    fn sampled(&self, sample: Sampling) -> Sampled {
        match sample {
            Sampling::All => Sampled::OneIn(1),
            Sampling::Off => Sampled::OneIn(0),
            Sampling::OneIn(every) => Sampled::OneIn(every),
            Sampling::Adaptive => Sampled::PerSecond(self.samples_per_second),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metric(series: Option<usize>, enabled: Option<bool>) -> MetricSettings {
        MetricSettings { enabled, series, ..Default::default() }
    }

    #[test]
    fn the_longest_name_that_fits_counts_for_each_setting_it_has() {
        let mut settings = Settings::default();
        let metrics = &mut settings.metrics;
        metrics.insert("*".to_owned(), metric(Some(1), Some(false)));
        metrics.insert("peer_*".to_owned(), metric(Some(2), None));
        metrics.insert("peer_bytes".to_owned(), metric(None, Some(true)));
        let of = |names: &[&str]| (settings.of(names).series, settings.of(names).enabled);
        assert_eq!(of(&["orders"]), (Some(1), false));
        assert_eq!(of(&["peer_count"]), (Some(2), false));
        assert_eq!(of(&["peer.bytes", "peer_bytes"]), (Some(2), true));
    }

    #[test]
    fn a_rule_for_the_metric_wins_over_the_one_for_all() {
        let mut settings = Settings::default();
        settings.labels.insert("user".to_owned(), LabelRule::Drop);
        let rules = BTreeMap::from([("user".to_owned(), LabelRule::Hash)]);
        settings.metrics.insert("logins".to_owned(), MetricSettings { labels: rules, ..Default::default() });
        assert_eq!(settings.of(&["logins"]).labels.of("user"), LabelRule::Hash);
        assert_eq!(settings.of(&["orders"]).labels.of("user"), LabelRule::Drop);
    }

    #[test]
    fn never_is_said_for_one_where_all_others_expire() {
        let mut settings = Settings { idle_expiry: Some(Duration::from_secs(60)), ..Default::default() };
        let never = MetricSettings { idle_expiry: Some(Duration::MAX), ..Default::default() };
        settings.metrics.insert("stays".to_owned(), never);
        assert_eq!(settings.validate(), Ok(()));
        assert_eq!(settings.of(&["stays"]).idle_expiry, None);
        assert_eq!(settings.of(&["goes"]).idle_expiry, Some(Duration::from_secs(60)));
    }
}
