//! Everything at once: what the program records, and what the collectors find.

use crate::label::LabelSet;
use crate::metric::Kind;
use crate::names::{self, Exposed};
use crate::protocol::{MetricType, MetricValue, RuntimeMetric};
use crate::registry::registry;
use crate::settings;
use crate::snapshot::{FamilySnapshot, Reading, SeriesSnapshot, Snapshot};
use crate::status::report;
use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

impl Snapshot {
    /// Everything: what the program records, and what the collectors find.
    ///
    /// ```
    /// let snapshot = runtime_metrics::Snapshot::take();
    /// # #[cfg(all(feature = "process", target_os = "linux"))]
    /// assert!(snapshot.family("process.uptime").is_some());
    /// ```
    pub fn take() -> Self {
        let mut snapshot = registry().snapshot();
        snapshot.add(super::all());
        snapshot
    }

    /// Adds what collectors returned, as families of gauges and counters.
    pub(crate) fn add(&mut self, collected: Vec<RuntimeMetric>) {
        let taken = self.families.iter().flat_map(|family| family.exposed.samples(family.kind)).collect();
        self.families.extend(families(collected, taken));
        self.families.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    }
}

/// What collectors returned, as families of gauges and counters, sorted by name; without those
/// whose samples have names that are taken.
pub(crate) fn families(mut collected: Vec<RuntimeMetric>, mut taken: HashSet<String>) -> Vec<FamilySnapshot> {
    let mut families: Vec<FamilySnapshot> = Vec::new();
    collected.sort_by(|a, b| a.name.cmp(&b.name));
    for metric in collected {
        if let Err(error) = names::check(&metric.name) {
            report(metric.name.clone(), format!("a collector returned it, but {error}"));
            continue;
        }
        let value = match (metric.metric_type, metric.value) {
            (MetricType::Counter, MetricValue::Int(count)) if count >= 0 => Reading::Counter(count as u64),
            (MetricType::Counter, value) => Reading::CounterFloat(value.as_f64()),
            (_, value) => Reading::Gauge(value.as_f64()),
        };
        let labels = metric.tags.into_iter().map(|(name, value)| (Cow::Owned(name), Arc::from(value)));
        let series = SeriesSnapshot { labels: LabelSet::new(labels), value, exemplars: Vec::new() };
        if families.last().is_none_or(|last| last.name != metric.name) {
            let kind = if metric.metric_type == MetricType::Counter { Kind::Counter } else { Kind::Gauge };
            let unit = metric.unit.unwrap_or_default();
            families.push(FamilySnapshot {
                kind,
                help: names::help(&metric.name).to_owned(),
                exposed: names::exposed(&metric.name, kind, &unit),
                name: metric.name,
                unit,
                series: Vec::new(),
            });
        }
        let Some(family) = families.last_mut() else { continue };
        if let Some(other) = family.series.iter_mut().find(|other| other.labels == series.labels) {
            if has_rules(family.kind, &family.name, &family.exposed) {
                // They differed in a label that is not told.
                other.value = other.value.clone().plus(series.value);
                continue;
            }
            report(
                family.name.clone(),
                "collectors returned it twice with the same tags; the first value is used, so add a tag or another name",
            );
        } else {
            family.series.push(series);
        }
    }
    let mut fit = Vec::new();
    for family in families {
        let samples = family.exposed.samples(family.kind);
        if samples.iter().any(|sample| taken.contains(sample)) {
            report(family.name, "a collector returned it, but another metric has that name; rename one of them");
            continue;
        }
        taken.extend(samples);
        fit.push(family);
    }
    fit
}

/// Whether what tells values apart may have been taken away.
fn has_rules(kind: Kind, name: &str, exposed: &Exposed) -> bool {
    !settings::current().of(&names::called(name, exposed, kind)).labels.keep_all()
}
