//! The context `runtime_metrics`: what was measured when an event happened.

use crate::lock::Mutex;
use crate::protocol::{RuntimeMetric, RuntimeMetrics};
use crate::registry::{Identity, registry};
use crate::snapshot::Snapshot;
use sentry_core::protocol::{Context, Event, Map, Value as Json};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// Under which name events have it.
const NAME: &str = "runtime_metrics";
/// How many values an event carries at most, and how many of the collectors'.
const VALUES: usize = 100;
const COLLECTED_VALUES: usize = 60;
/// Metrics with more series than this are left out: which of them mattered, nobody could tell.
const SERIES: usize = 10;
/// How many series are looked at for them.
const ENOUGH: usize = 1_000;
/// How many characters of a tag's value are kept.
const TAG_LEN: usize = 64;
/// How old the values may be: in a storm of errors they are read once a second.
const FRESH: Duration = Duration::from_secs(1);
/// What is told of a distribution.
const STATS: [&str; 3] = ["count", "p99", "max"];

/// What was read, and when.
type Read = (Instant, Arc<Map<String, Json>>);

static LATEST: Mutex<Option<Read>> = Mutex::new(None);
/// What the collectors found last; they are asked on the collection thread only.
static COLLECTED: Mutex<(Option<SystemTime>, Vec<RuntimeMetric>)> = Mutex::new((None, Vec::new()));

/// Keeps what the collectors found for the events to come.
pub(super) fn remember(collected: &[RuntimeMetric]) {
    *COLLECTED.lock() = (Some(SystemTime::now()), collected.to_vec());
}

/// Gives an event the context, unless it has one of that name.
pub(super) fn attach(event: &mut Event<'static>) {
    if !event.contexts.contains_key(NAME) {
        event.contexts.insert(NAME.to_owned(), Context::Other((*latest()).clone()));
    }
}

fn latest() -> Arc<Map<String, Json>> {
    if let Some((read, values)) = &*LATEST.lock()
        && read.elapsed() < FRESH
    {
        return Arc::clone(values);
    }
    // Not under the lock: of two threads that find it old, both read.
    let values = Arc::new(values());
    *LATEST.lock() = Some((Instant::now(), Arc::clone(&values)));
    values
}

fn values() -> Map<String, Json> {
    let recorded = registry().brief(SERIES, ENOUGH);
    let read_at = humantime::format_rfc3339_millis(recorded.time).to_string();
    let mut values = Map::new();
    let (collected_at, collected) = COLLECTED.lock().clone();
    // What never happened says nothing of the event.
    let recorded =
        RuntimeMetrics::from(&own(recorded)).metrics.into_iter().filter(|metric| metric.value.as_f64() != 0.0);
    let found = |metric: &RuntimeMetric| metric.name != "health.findings" || metric.value.as_f64() != 0.0;
    let collected = collected.into_iter().filter(found).take(COLLECTED_VALUES);
    for metric in collected.chain(recorded) {
        if values.len() >= VALUES {
            break;
        }
        if let Some((name, value)) = named(&metric) {
            values.insert(name, value);
        }
    }
    values.insert("read_at".to_owned(), read_at.into());
    if let Some(at) = collected_at {
        values.insert("collected_at".to_owned(), humantime::format_rfc3339_millis(at).to_string().into());
    }
    values
}

/// Without the labels of the identity, which the event tells in its own way.
fn own(mut snapshot: Snapshot) -> Snapshot {
    snapshot.identity = Identity::new("", "");
    snapshot
}

/// `name{tag=value}`, and the value; none of what is not told.
fn named(metric: &RuntimeMetric) -> Option<(String, Json)> {
    let mut name = metric.name.clone();
    if let Some(stat) = metric.tags.get("stat") {
        if !STATS.contains(&&**stat) {
            return None;
        }
        name.push('.');
        name.push_str(stat);
    }
    let tags = metric.tags.iter().filter(|(name, _)| *name != "stat");
    let tags: Vec<String> = tags.map(|(name, value)| format!("{name}={}", cut(value))).collect();
    if !tags.is_empty() {
        name = format!("{name}{{{}}}", tags.join(","));
    }
    let value = serde_json::to_value(metric.value).ok().filter(|value| !value.is_null())?;
    Some((name, value))
}

/// An event is not to grow beyond what Sentry takes because of a label.
fn cut(value: &str) -> &str {
    value.char_indices().nth(TAG_LEN).map_or(value, |(end, _)| &value[..end])
}
