//! Metrics of an envelope as people read them: a line each, the statistics of a distribution on one.

use runtime_metrics::{MetricType, MetricValue, RuntimeMetric, RuntimeMetrics};
use std::collections::BTreeMap;
use std::fmt;

/// Prints a payload: tags that all metrics share once, then every metric.
#[derive(Clone, Copy, Debug)]
pub struct Printed<'a>(pub &'a RuntimeMetrics);

impl fmt::Display for Printed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let metrics = &self.0.metrics;
        let shared = shared(metrics);
        let time = humantime::format_rfc3339_millis(self.0.timestamp);
        write!(f, "  {} values of {time}, platform {}", metrics.len(), self.0.platform)?;
        if !shared.is_empty() {
            write!(f, ", all with {}", tags(&shared))?;
        }
        let mut rest = metrics.as_slice();
        while let [first, ..] = rest {
            let own = own(first, &shared);
            let series = rest.iter().take_while(|other| other.name == first.name && self::own(other, &shared) == own);
            // Only the statistics of a distribution are several values of one series.
            let series = if first.metric_type == MetricType::Distribution { series.count() } else { 1 };
            line(f, &rest[..series], &own)?;
            rest = &rest[series..];
        }
        Ok(())
    }
}

fn line(f: &mut fmt::Formatter<'_>, series: &[RuntimeMetric], own: &BTreeMap<&str, &str>) -> fmt::Result {
    let [first, ..] = series else { return Ok(()) };
    let kind = match first.metric_type {
        MetricType::Counter => "counter",
        MetricType::Gauge => "gauge",
        MetricType::Distribution => "distribution",
    };
    let name = if own.is_empty() { first.name.clone() } else { format!("{}{{{}}}", first.name, tags(own)) };
    let unit = first.unit.as_deref().unwrap_or_default();
    if first.metric_type != MetricType::Distribution {
        let value = format!("{} {unit}", number(first.value));
        return write!(f, "\n  {kind:<12} {name:<72} {}", value.trim_end());
    }
    write!(f, "\n  {kind:<12} {} {unit}\n  {:<12}", name, "")?;
    for metric in series {
        write!(f, " {} {}", metric.tags.get("stat").map_or("?", String::as_str), number(metric.value))?;
    }
    Ok(())
}

/// The tags that every metric has with the same value.
fn shared(metrics: &[RuntimeMetric]) -> BTreeMap<&str, &str> {
    let [first, rest @ ..] = metrics else { return BTreeMap::new() };
    let everywhere = |(name, value): &(&String, &String)| rest.iter().all(|other| other.tags.get(*name) == Some(value));
    first.tags.iter().filter(everywhere).map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

/// The tags that tell a series from the others.
fn own<'a>(metric: &'a RuntimeMetric, shared: &BTreeMap<&str, &str>) -> BTreeMap<&'a str, &'a str> {
    let tags = metric.tags.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    tags.filter(|(name, _)| *name != "stat" && !shared.contains_key(name)).collect()
}

fn tags(tags: &BTreeMap<&str, &str>) -> String {
    tags.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(",")
}

/// Four significant digits: enough for people, and short.
fn number(value: MetricValue) -> String {
    match value {
        MetricValue::Int(value) => value.to_string(),
        MetricValue::Float(0.0) => "0".to_owned(),
        MetricValue::Float(value) => {
            let decimals = (3 - value.abs().log10().floor() as i32).clamp(0, 12) as usize;
            format!("{value:.decimals$}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distribution_is_one_entry_with_its_statistics() {
        let stat = |stat: &str, value: f64| RuntimeMetric {
            metric_type: MetricType::Distribution,
            ..RuntimeMetric::gauge("wait_seconds", value).with_tag("stat", stat).with_tag("queue", "mail")
        };
        let metrics = vec![
            stat("count", 2.0),
            stat("p99", 0.012_345),
            RuntimeMetric::counter("mails", 3u64).with_tag("queue", "mail"),
        ];
        let printed = Printed(&RuntimeMetrics::now(metrics)).to_string();
        let lines: Vec<String> =
            printed.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        assert!(lines[0].ends_with("all with queue=mail"), "{printed}");
        assert_eq!(lines[1..], ["distribution wait_seconds", "count 2.000 p99 0.01235", "counter mails 3"]);
    }
}
