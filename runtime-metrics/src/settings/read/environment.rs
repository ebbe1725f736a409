//! Settings in the environment: `RUNTIME_METRICS_` and the name of the setting, in capitals.

use super::keys::{GLOBAL, TABLES, TEXTS, Written};
use super::value::{Value, nearest};
use crate::settings::SettingsError;
use std::path::PathBuf;

const PREFIX: &str = "RUNTIME_METRICS_";
const FILE: &str = "CONFIG";

/// What the environment says.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Environment {
    /// The file with more settings.
    pub(super) file: Option<PathBuf>,
    pub(super) settings: Vec<Written>,
}

impl Environment {
    pub(super) fn read(error: &mut SettingsError) -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self::of(std::env::vars_os().filter_map(text), error)
    }

    fn of(variables: impl Iterator<Item = (String, String)>, error: &mut SettingsError) -> Self {
        let mut ours: Vec<(String, String)> =
            variables.filter(|(name, value)| name.starts_with(PREFIX) && !value.is_empty()).collect();
        ours.sort();
        let mut all = Self::default();
        for (variable, value) in ours {
            let key = variable[PREFIX.len()..].to_lowercase();
            if variable[PREFIX.len()..] == *FILE {
                all.file = Some(value.into());
            } else if TABLES.contains(&&*key) {
                all.settings.extend(entries(&variable, &key, &value, error));
            } else if GLOBAL.contains(&&*key) {
                let value = if TEXTS.contains(&&*key) { Value::text_of(&value) } else { Value::of_text(value.trim()) };
                all.settings.push(Written { key: vec![key], value, place: variable });
            } else {
                let known = GLOBAL.into_iter().chain(TABLES).chain(["config"]);
                let near = nearest(&key, known.clone());
                let all = || known.map(name).collect::<Vec<_>>().join(", ");
                error.add(
                    &variable,
                    near.map_or_else(
                        || format!("there is no such variable; there are {}", all()),
                        |near| format!("there is no such variable; the nearest is `{}`", name(near)),
                    ),
                );
            }
        }
        all
    }
}

/// The variable of a setting.
fn name(key: &str) -> String {
    format!("{PREFIX}{}", key.to_uppercase())
}

/// What a table has, written as `key=value; key=value`.
fn entries(variable: &str, table: &str, text: &str, error: &mut SettingsError) -> Vec<Written> {
    let mut all = Vec::new();
    for entry in text.split([';', '\n']).map(str::trim).filter(|entry| !entry.is_empty()) {
        let Some((key, value)) = entry.split_once('=') else {
            error.add(variable, format!("`{entry}` has no `=`: write key=value; key=value"));
            continue;
        };
        let mut path = vec![table.to_owned()];
        path.extend(steps(table, key.trim()));
        let place = format!("{variable}, {}", key.trim());
        all.push(Written { key: path, value: Value::of_text(value.trim()), place });
    }
    all
}

/// The steps to a setting: the name of a metric may have dots itself.
fn steps(table: &str, key: &str) -> Vec<String> {
    if table != "metrics" {
        return vec![key.to_owned()];
    }
    if let Some((metric, label)) = key.rsplit_once(".labels.") {
        return vec![metric.to_owned(), "labels".to_owned(), label.to_owned()];
    }
    key.rsplit_once('.')
        .map_or_else(|| vec![key.to_owned()], |(metric, setting)| vec![metric.to_owned(), setting.to_owned()])
}

#[cfg(test)]
mod tests {
    use super::super::take;
    use super::*;
    use crate::settings::{LabelRule, Sampling, Settings};
    use std::time::Duration;

    fn read(variables: &[(&str, &str)]) -> (Settings, Vec<String>) {
        let mut error = SettingsError::default();
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let environment = Environment::of(variables, &mut error);
        let mut settings = Settings::default();
        take(&mut settings, environment.settings, &mut error);
        (settings, error.problems().collect())
    }

    #[test]
    fn every_setting_can_be_a_variable() {
        let (settings, problems) = read(&[
            ("RUNTIME_METRICS_ENABLED", "true"),
            ("RUNTIME_METRICS_SERVICE", "checkout"),
            ("RUNTIME_METRICS_NODE", "1e3"),
            ("RUNTIME_METRICS_SERIES_PER_METRIC", "10"),
            ("RUNTIME_METRICS_SERIES", "20"),
            ("RUNTIME_METRICS_IDLE_EXPIRY", "10m"),
            ("RUNTIME_METRICS_SLOW_POLL_THRESHOLD", "1ms"),
            ("RUNTIME_METRICS_SAMPLE", "adaptive"),
            ("RUNTIME_METRICS_SAMPLES_PER_SECOND", "50"),
            ("RUNTIME_METRICS_HASH_KEY", "secret"),
            ("RUNTIME_METRICS_KEEP_LABELS", "method, status"),
            ("RUNTIME_METRICS_LABELS", "email=drop; user=hash;"),
            ("RUNTIME_METRICS_METRICS", "process.cpu.enabled=false; sizes.buckets=[1, 2.5]; logins.labels.user=mask"),
            ("RUNTIME_METRIC", "of somebody else"),
        ]);
        assert_eq!(problems, [""; 0]);
        assert_eq!(settings.service.as_deref(), Some("checkout"));
        // What looks like a number is a name all the same.
        assert_eq!(settings.node.as_deref(), Some("1e3"));
        assert_eq!((settings.series_per_metric, settings.series), (10, 20));
        assert_eq!(settings.idle_expiry, Some(Duration::from_secs(600)));
        assert_eq!(settings.slow_poll_threshold, Duration::from_millis(1));
        assert_eq!((settings.sample, settings.samples_per_second), (Sampling::Adaptive, 50));
        assert_eq!(settings.hash_key.as_deref(), Some("secret"));
        assert_eq!(settings.keep_labels.as_deref().unwrap(), ["method", "status"]);
        assert_eq!(settings.labels["email"], LabelRule::Drop);
        assert_eq!(settings.labels["user"], LabelRule::Hash);
        assert_eq!(settings.metrics["process.cpu"].enabled, Some(false));
        assert_eq!(settings.metrics["sizes"].buckets.as_deref(), Some(&[1.0, 2.5][..]));
        assert_eq!(settings.metrics["logins"].labels["user"], LabelRule::Mask);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_variable_and_the_rest_is_used() {
        let (settings, problems) = read(&[
            ("RUNTIME_METRICS_SERIE", "10"),
            ("RUNTIME_METRICS_SAMPLE", "adaptiv"),
            ("RUNTIME_METRICS_SERIES", "many"),
            ("RUNTIME_METRICS_LABELS", "email=drob; user=hash; zone"),
            ("RUNTIME_METRICS_METRICS", "orders.enable=false; sizes.buckets=[2, 1]"),
        ]);
        let expected = [
            "RUNTIME_METRICS_LABELS: `zone` has no `=`: write key=value; key=value",
            "RUNTIME_METRICS_SERIE: there is no such variable; the nearest is `RUNTIME_METRICS_SERIES`",
            "RUNTIME_METRICS_LABELS, email: \"drob\" can't be used: write one of keep, hash, mask, drop; the nearest is \"drop\"",
            "RUNTIME_METRICS_METRICS, orders.enable: there is no such setting; the nearest is `enabled`",
            "RUNTIME_METRICS_METRICS, sizes.buckets: bound 1 is not above the one before it; sort the bounds",
            "RUNTIME_METRICS_SAMPLE: \"adaptiv\" can't be used: write one of all, off, adaptive; the nearest is \"adaptive\"; or the number of calls of which one is timed",
            "RUNTIME_METRICS_SERIES: \"many\" can't be used: write a whole number that is not negative",
        ];
        assert_eq!(problems, expected);
        assert_eq!(settings.labels["user"], LabelRule::Hash);
        assert!(!settings.metrics.contains_key("orders"));
    }
}
