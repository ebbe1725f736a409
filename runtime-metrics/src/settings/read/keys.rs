//! Every key there is, and what it sets.

use super::value::{Value, nearest};
use crate::settings::{LabelRule, MetricSettings, Sampling, Settings};
use std::time::Duration;

/// A setting as it is written somewhere.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Written {
    pub(super) key: Vec<String>,
    pub(super) value: Value,
    pub(super) place: String,
}

/// What can be set for all, besides the tables `labels` and `metrics`.
pub(super) const GLOBAL: [&str; 11] = [
    "enabled",
    "service",
    "node",
    "series_per_metric",
    "series",
    "idle_expiry",
    "slow_poll_threshold",
    "sample",
    "samples_per_second",
    "hash_key",
    "keep_labels",
];

/// Those that are texts, whatever they look like.
pub(super) const TEXTS: [&str; 3] = ["service", "node", "hash_key"];

/// The tables.
pub(super) const TABLES: [&str; 2] = ["labels", "metrics"];

/// What can be set for a metric, besides the table `labels`.
const OF_METRIC: [&str; 6] = ["enabled", "sample", "buckets", "series", "idle_expiry", "keep_labels"];

/// Sets one of them.
pub(super) fn set(settings: &mut Settings, key: &[String], value: &Value) -> Result<(), String> {
    let path: Vec<&str> = key.iter().map(String::as_str).collect();
    match path.as_slice() {
        [name] => set_global(settings, name, value),
        ["labels", label] => {
            settings.labels.insert((*label).to_owned(), rule(value)?);
            Ok(())
        }
        ["metrics", metric, rest @ ..] if !rest.is_empty() => {
            let metric = settings.metrics.entry((*metric).to_owned()).or_default();
            match rest {
                ["labels", label] => {
                    metric.labels.insert((*label).to_owned(), rule(value)?);
                    Ok(())
                }
                [name] => set_of_metric(metric, name, value),
                _ => Err(unknown(&rest.join("."), OF_METRIC.into_iter().chain(["labels"]))),
            }
        }
        ["metrics", _] => Err("it needs a table, such as { enabled = false }".to_owned()),
        _ => Err(unknown(path[0], GLOBAL.into_iter().chain(TABLES))),
    }
}

fn set_global(settings: &mut Settings, name: &str, value: &Value) -> Result<(), String> {
    match name {
        "enabled" => settings.enabled = value.bool()?,
        "service" => settings.service = Some(value.text()?),
        "node" => settings.node = Some(value.text()?),
        "series_per_metric" => settings.series_per_metric = count(value)?,
        "series" => settings.series = count(value)?,
        "idle_expiry" => settings.idle_expiry = Some(expiry(value)?).filter(|expiry| *expiry != Duration::MAX),
        "slow_poll_threshold" => settings.slow_poll_threshold = value.duration()?,
        "sample" => settings.sample = sample(value)?,
        "samples_per_second" => {
            settings.samples_per_second = u32::try_from(value.whole()?).map_err(|_| "it is too large".to_owned())?;
        }
        "hash_key" => settings.hash_key = Some(value.text()?),
        "keep_labels" => settings.keep_labels = Some(value.texts()?),
        "labels" | "metrics" => return Err("it needs a table".to_owned()),
        _ => return Err(unknown(name, GLOBAL.into_iter().chain(TABLES))),
    }
    Ok(())
}

fn set_of_metric(metric: &mut MetricSettings, name: &str, value: &Value) -> Result<(), String> {
    match name {
        "enabled" => metric.enabled = Some(value.bool()?),
        "sample" => metric.sample = Some(sample(value)?),
        "buckets" => metric.buckets = Some(value.numbers()?),
        "series" => metric.series = Some(count(value)?),
        "idle_expiry" => metric.idle_expiry = Some(expiry(value)?),
        "keep_labels" => metric.keep_labels = Some(value.texts()?),
        "labels" => return Err("it needs a table, such as { user = \"hash\" }".to_owned()),
        _ => return Err(unknown(name, OF_METRIC.into_iter().chain(["labels"]))),
    }
    Ok(())
}

/// What to say of a key that there is not.
pub(super) fn unknown<'a>(name: &str, all: impl Iterator<Item = &'a str> + Clone) -> String {
    match nearest(name, all.clone()) {
        Some(near) => format!("there is no such setting; the nearest is `{near}`"),
        None => format!("there is no such setting; there are {}", all.collect::<Vec<_>>().join(", ")),
    }
}

fn count(value: &Value) -> Result<usize, String> {
    usize::try_from(value.whole()?).map_err(|_| "it is too large".to_owned())
}

fn rule(value: &Value) -> Result<LabelRule, String> {
    value.one_of(&[
        ("keep", LabelRule::Keep),
        ("hash", LabelRule::Hash),
        ("mask", LabelRule::Mask),
        ("drop", LabelRule::Drop),
    ])
}

fn expiry(value: &Value) -> Result<Duration, String> {
    match value {
        Value::Text(text) if text == "never" => Ok(Duration::MAX),
        _ => value.duration().map_err(|error| format!("{error}, or \"never\"")),
    }
}

fn sample(value: &Value) -> Result<Sampling, String> {
    let words = [("all", Sampling::All), ("off", Sampling::Off), ("adaptive", Sampling::Adaptive)];
    match value {
        Value::Number(_) => match u32::try_from(value.whole()?) {
            Ok(0) => Err("0 can't be used: write \"off\", or 1 or more".to_owned()),
            Ok(every) => Ok(Sampling::OneIn(every)),
            Err(_) => Err("it is too large".to_owned()),
        },
        _ => value.one_of(&words).map_err(|error| format!("{error}; or the number of calls of which one is timed")),
    }
}
