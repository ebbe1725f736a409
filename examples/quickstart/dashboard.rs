//! The live table: what the registry holds, for whoever watches the terminal.

use crate::api::ROUTES;
use runtime_metrics::{Reading, Snapshot};
use std::fmt::Write;
use std::time::Duration;

/// A snapshot as a table.
pub fn table(snapshot: &Snapshot, running: Duration) -> String {
    let mut table = String::new();
    _ = writeln!(
        table,
        "\n{:>4} s   memory {:.1} MiB   cpu {:.2} s   workers {}   tasks {}   connections {}   orders {}   events {}",
        running.as_secs(),
        sum(snapshot, "runtime.memory.rss", &[]) / f64::from(1 << 20),
        (sum(snapshot, "process.cpu.user_time", &[]) + sum(snapshot, "process.cpu.system_time", &[])) / 1000.0,
        sum(snapshot, "async.workers.count", &[]),
        sum(snapshot, "async.tasks.active", &[]),
        sum(snapshot, "http.connections.active", &[]) + sum(snapshot, "http.connections.idle", &[]),
        sum(snapshot, "orders_placed_total", &[]),
        sum(snapshot, "event_received_total", &[("event", "order.placed")]),
    );
    let columns = ["ok", "error", "cancelled", "active", "p50 ms", "p99 ms"];
    _ = writeln!(table, "{:<26}{}", "route", columns.map(|column| format!("{column:>10}")).concat());
    for (action, route) in ROUTES {
        _ = write!(table, "{route:<26}");
        for outcome in ["ok", "error", "cancelled"] {
            _ = write!(
                table,
                "{:>10}",
                sum(snapshot, "http_requests_total", &[("action", action), ("outcome", outcome)])
            );
        }
        _ = write!(table, "{:>10}", sum(snapshot, "http_active_requests", &[("action", action)]));
        for share in [0.5, 0.99] {
            let seconds = quantile(snapshot, "http_duration_seconds", action, share);
            _ = write!(table, "{:>10}", seconds.map_or("-".to_owned(), |seconds| format!("{:.2}", seconds * 1000.0)));
        }
        table.push('\n');
    }
    table
}

/// What the series with these labels add up to.
pub fn sum(snapshot: &Snapshot, name: &str, labels: &[(&str, &str)]) -> f64 {
    let series = snapshot.family(name).into_iter().flat_map(|family| &family.series);
    series
        .filter(|series| labels.iter().all(|(label, value)| series.labels.get(label) == Some(value)))
        .map(|series| match &series.value {
            Reading::Counter(count) => *count as f64,
            Reading::CounterFloat(value) | Reading::Gauge(value) => *value,
            Reading::Distribution(distribution) => distribution.sum,
            _ => 0.0,
        })
        .fold(0.0, |sum, value| sum + value)
}

fn quantile(snapshot: &Snapshot, name: &str, action: &str, share: f64) -> Option<f64> {
    let series = snapshot.family(name)?.series.iter().find(|series| series.labels.get("action") == Some(action))?;
    match &series.value {
        Reading::Distribution(distribution) => distribution.quantile(share),
        _ => None,
    }
}
