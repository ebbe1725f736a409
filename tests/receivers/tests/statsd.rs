//! The daemon of StatsD takes what the exporters push, and has every count.

#![allow(clippy::unwrap_used)] // a test that can't go on has failed

use runtime_metrics::{ExportFormat, ExportHandle, MetricsExporter};
use runtime_metrics_tests_receivers::{Daemon, Known, free_port, told, until};
use std::collections::BTreeMap;
use std::time::Duration;

fn push(endpoint: String, format: ExportFormat, known: &Known) -> ExportHandle {
    MetricsExporter::new()
        .format(format)
        .endpoint(endpoint)
        .interval(Duration::from_millis(200))
        .filter(known.filter())
        .name(known.prefix)
        .start()
}

/// What the daemon calls a series.
type Key<'a> = dyn Fn(&str, &[(&str, &str)]) -> String + 'a;

/// A part of a path has no dots and nothing that the format keeps.
fn part(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-') { c } else { '_' };
    if text.is_empty() { "_".to_owned() } else { text.chars().map(plain).collect() }
}

/// The path of a series: its labels are parts of the name.
fn path(name: &str, labels: &[(&str, &str)]) -> String {
    let labels = labels.iter().map(|(name, value)| format!(".{name}.{}", part(value)));
    let (name, suffix) = split(name);
    format!("receivers.node__7_.{name}{}{suffix}", labels.collect::<String>())
}

/// The name of a series with tags, as this daemon keeps them.
fn tagged(name: &str, labels: &[(&str, &str)]) -> String {
    let all = labels.iter().copied().chain([("node", "node \"7\""), ("service", "receivers")]);
    let tags = all.map(|(name, value)| {
        let value = value.replace(|c: char| c.is_control() || matches!(c, '|' | ',' | '#'), "_").replace(';', "_");
        if value.is_empty() { format!(";{name}") } else { format!(";{name}={value}") }
    });
    let (name, suffix) = split(name);
    let tags = tags.collect::<String>().replace('/', "-");
    // White space, of which JavaScript has a kind more, becomes one `_`, and what else it does not like goes.
    let mut kept = String::new();
    let mut white = false;
    for c in tags.chars() {
        let is_white = c.is_whitespace() || c == '\u{feff}';
        if is_white && !white {
            kept.push('_');
        }
        white = is_white;
        if c.is_ascii_alphanumeric() || "_-.;=".contains(c) {
            kept.push(c);
        }
    }
    format!("{name}{suffix}{kept}")
}

/// The name of the metric, and what stands for a part of what it tells.
fn split(name: &str) -> (&str, String) {
    let (name, suffix) = name.split_once('/').unwrap_or((name, ""));
    (name, if suffix.is_empty() { String::new() } else { format!(".{suffix}") })
}

fn counters(known: &Known, key: &Key<'_>) -> BTreeMap<String, f64> {
    let name = |name: &str| format!("{}.{name}", known.prefix);
    let mut counters = BTreeMap::new();
    let mut add = |key: String, count: f64| *counters.entry(key).or_default() += count;
    known.orders.iter().for_each(|(kind, count)| add(key(&name("orders"), &[("kind", kind)]), *count as f64));
    add(key(&name("busy"), &[]), known.busy as f64);
    for (kind, values) in &known.sizes {
        add(key(&name("size/count"), &[("kind", kind)]), values.len() as f64);
        add(key(&name("size/sum"), &[("kind", kind)]), values.iter().sum());
    }
    for (metric, values) in [("latency", &known.latencies), ("pause", &known.pauses), ("wait", &known.waits)] {
        add(key(&name(&format!("{metric}/count")), &[]), values.len() as f64);
        add(key(&name(&format!("{metric}/sum")), &[]), values.iter().sum());
    }
    counters
}

fn gauges(known: &Known, key: &Key<'_>) -> BTreeMap<String, (f64, f64)> {
    let name = |name: &str| format!("{}.{name}", known.prefix);
    let mut gauges: BTreeMap<String, (f64, f64)> =
        known.levels.iter().map(|(at, level)| (key(&name("level"), &[("at", at)]), (*level, 0.0))).collect();
    let quantile = |values: &[f64], share: f64| {
        let mut values = values.to_vec();
        values.sort_by(f64::total_cmp);
        values[((share * values.len() as f64).ceil() as usize).min(values.len()) - 1]
    };
    let mut add = |metric: &str, values: &[f64], quantiles: &[(&str, f64)], error| {
        for (part, share) in quantiles {
            let error = if *part == "max" { 0.0 } else { error };
            gauges.insert(key(&name(&format!("{metric}/{part}")), &[]), (quantile(values, *share), error));
        }
    };
    let quantiles = [("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("max", 1.0)];
    add("latency", &known.latencies, &quantiles, 0.045);
    add("pause", &known.pauses, &quantiles, 0.045);
    add("wait", &known.waits, &[("p50", 0.5), ("p95", 0.95), ("p99_9", 0.999)], 0.011);
    gauges
}

/// Waits until the daemon has exactly these counters, and no line that it did not understand.
#[track_caller]
fn has_counters(daemon: &Daemon, wanted: &BTreeMap<String, f64>) {
    until("the counters", || {
        let mut found = daemon.ask("counters")?;
        assert_eq!(found.remove("statsd.bad_lines_seen"), Some(0.0), "a line was bad");
        found.remove("statsd.packets_received");
        found.remove("statsd.metrics_received");
        if !found.keys().eq(wanted.keys()) {
            return Err(format!("{:?}, not {:?}", found.keys(), wanted.keys()));
        }
        let near = |name: &String| (found[name] - wanted[name]).abs() <= 1e-9 * wanted[name];
        let wrong: Vec<_> = wanted.keys().filter(|name| !near(name)).collect();
        let text = || wrong.iter().map(|name| format!("{name} is {}, not {}", found[*name], wanted[*name]));
        if wrong.is_empty() { Ok(()) } else { Err(text().collect::<Vec<_>>().join("; ")) }
    });
}

#[track_caller]
fn has_gauges(daemon: &Daemon, wanted: &BTreeMap<String, (f64, f64)>) {
    until("the gauges", || {
        let found = daemon.ask("gauges")?;
        for (name, (value, error)) in wanted {
            let found = found.get(name).ok_or_else(|| format!("{name} is not among {:?}", found.keys()))?;
            if (found - value).abs() > error * value {
                return Err(format!("{name} is {found}, not {value}"));
            }
        }
        Ok(())
    });
}

#[track_caller]
fn everything_arrives(mut known: Known, format: ExportFormat, key: &Key<'_>) {
    let daemon = Daemon::start();
    let exporter = push(daemon.endpoint(), format, &known);
    has_counters(&daemon, &counters(&known, key));
    has_gauges(&daemon, &gauges(&known, key));
    known.count_more();
    has_counters(&daemon, &counters(&known, key));
    known.count_more();
    exporter.stop();
    has_counters(&daemon, &counters(&known, key));
    assert_eq!(told(known.prefix)[1], 0, "{:?}", runtime_metrics::status());
}

#[test]
fn statsd_has_every_count_and_gauge() {
    everything_arrives(Known::record("plain"), ExportFormat::StatsD, &path);
}

#[test]
fn statsd_has_every_count_and_gauge_by_tags() {
    everything_arrives(Known::record("tags"), ExportFormat::DogStatsD, &tagged);
}

#[test]
fn counts_that_a_daemon_missed_are_told_to_the_next_and_none_twice() {
    let mut known = Known::record("late");
    let port = free_port();
    let exporter = push(format!("127.0.0.1:{port}"), ExportFormat::StatsD, &known);
    let until_lost = || {
        let [_, lost] = told("late");
        until("a push that is lost", || if told("late")[1] > lost { Ok(()) } else { Err("none is".to_owned()) });
    };
    until_lost();
    known.count_more();
    let daemon = Daemon::start_on(port);
    has_counters(&daemon, &counters(&known, &path));
    drop(daemon);
    until_lost();
    let before = counters(&known, &path);
    known.count_more();
    until_lost();
    let daemon = Daemon::start_on(port);
    let mut gained = counters(&known, &path);
    for (name, count) in &mut gained {
        *count -= before[name];
    }
    gained.retain(|_, count| *count != 0.0);
    has_counters(&daemon, &gained);
    exporter.stop();
    has_counters(&daemon, &gained);
}
