//! The OpenTelemetry protocol: a snapshot as the request that a collector takes.

mod memory;
mod message;
mod points;
#[cfg(test)]
mod tests;
mod unit;

pub(super) use message::{ExportMetricsServiceRequest, ExportMetricsServiceResponse};

use crate::label::LabelSet;
use crate::names;
use crate::registry::Identity;
use crate::snapshot::{FamilySnapshot, Snapshot};
use memory::Memory;
use message::{Metric, Resource, ResourceMetrics, Scope, ScopeMetrics};
use points::{Points, Told, attributes};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// What counters and histograms tell in OpenTelemetry.
///
/// ```
/// use runtime_metrics::export::OtlpTemporality;
///
/// assert_eq!(OtlpTemporality::default(), OtlpTemporality::Cumulative);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Temporality {
    /// All since the program started: what Prometheus wants, and what heals if a request is lost.
    #[default]
    Cumulative,
    /// What was added since the last request that arrived; a series without change is left out. What is
    /// kept for it grows with the number of series.
    Delta,
}

/// Makes requests of snapshots.
#[derive(Debug)]
pub(super) struct Otlp {
    memory: Memory,
}

/// A metric: the families that have its name and unit, each with what leads to that.
struct Group<'a> {
    name: &'a str,
    description: Cow<'a, str>,
    unit: Cow<'a, str>,
    families: Vec<Member<'a>>,
}

#[derive(Clone, Copy)]
struct Member<'a> {
    family: &'a FamilySnapshot,
    factor: f64,
    attributes: &'static [(&'static str, &'static str)],
}

impl Otlp {
    /// Where the snapshots do not tell how long the program has been running, it began now.
    pub(super) fn new(temporality: Temporality) -> Self {
        Self { memory: Memory::new(temporality) }
    }

    /// The request for a snapshot. In deltas it has all that was gained since the last one that was
    /// delivered, so what was not delivered is not lost.
    pub(super) fn request(&mut self, snapshot: &Snapshot) -> ExportMetricsServiceRequest {
        self.memory.read(snapshot);
        let metrics = groups(snapshot).into_iter().flat_map(|group| self.metrics(group, snapshot)).collect();
        let scope = Scope { name: SDK.to_owned(), version: VERSION.to_owned() };
        ExportMetricsServiceRequest {
            resource_metrics: vec![ResourceMetrics {
                resource: Some(resource(&snapshot.identity)),
                scope_metrics: vec![ScopeMetrics { scope: Some(scope), metrics }],
            }],
        }
    }

    /// What the last request had was taken by the receiver: the next delta begins there.
    pub(super) fn delivered(&mut self) {
        self.memory.delivered();
    }

    fn metrics(&self, group: Group<'_>, snapshot: &Snapshot) -> Vec<Metric> {
        let temporality = self.memory.temporality();
        let mut points = Points::default();
        // Two of our metrics may be the same one of OpenTelemetry, which must have no point twice.
        let mut seen = (group.families.len() > 1).then(HashSet::new);
        for Member { family, factor, attributes } in group.families {
            for series in &family.series {
                let labels = with(&series.labels, attributes);
                if seen.as_mut().is_some_and(|seen| !seen.insert(labels.clone().into_owned())) {
                    continue;
                }
                points.add(&Told {
                    labels: &labels,
                    value: &series.value,
                    exemplars: &series.exemplars,
                    factor,
                    interval: self.memory.interval(&family.name, &series.labels),
                    time: snapshot.time,
                    temporality,
                });
            }
        }
        let metric = |data| Metric {
            name: group.name.to_owned(),
            description: group.description.to_string(),
            unit: group.unit.to_string(),
            data: Some(data),
        };
        points.data(temporality).map(metric).collect()
    }
}

const SDK: &str = "runtime-metrics";
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Who was measured. That is told once, and no point has it.
fn resource(identity: &Identity) -> Resource {
    let pairs = [
        ("service.instance.id", &*identity.node),
        ("service.name", &*identity.service),
        ("telemetry.sdk.language", "rust"),
        ("telemetry.sdk.name", SDK),
        ("telemetry.sdk.version", VERSION),
    ];
    Resource { attributes: attributes(pairs.into_iter().filter(|(_, value)| !value.is_empty())) }
}

/// The metrics, in the order of the families.
fn groups(snapshot: &Snapshot) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut places: HashMap<(&str, Cow<'_, str>), usize> = HashMap::new();
    for family in snapshot.families.iter().filter(|family| !family.series.is_empty()) {
        let group = group(family);
        let at = *places.entry((group.name, group.unit.clone())).or_insert(groups.len());
        match groups.get_mut(at) {
            Some(known) => known.families.extend(group.families),
            None => groups.push(group),
        }
    }
    groups
}

/// What OpenTelemetry calls a family. A metric of the program's own that has the name of a built-in
/// one is not that.
fn group(family: &FamilySnapshot) -> Group<'_> {
    let built_in = names::find(&family.name).filter(|known| known.kind == family.kind && known.unit == family.unit);
    if let Some(otel) = built_in.map(|known| known.otel) {
        let families = vec![Member { family, factor: otel.factor, attributes: otel.attributes }];
        return Group { name: otel.name, description: description(otel.name).into(), unit: otel.unit.into(), families };
    }
    let families = vec![Member { family, factor: 1.0, attributes: &[] }];
    Group { name: &family.name, description: (&*family.help).into(), unit: unit::ucum(&family.unit), families }
}

/// What is said of a metric of OpenTelemetry that several of ours may be: the same, whichever are there.
fn description(otel: &str) -> String {
    let mut texts: Vec<&str> = Vec::new();
    for known in names::BUILT_IN.iter().filter(|known| known.otel.name == otel) {
        if !texts.contains(&known.help) {
            texts.push(known.help);
        }
    }
    texts.join(" ")
}

fn with<'a>(labels: &'a LabelSet, more: &[(&'static str, &'static str)]) -> Cow<'a, LabelSet> {
    if more.is_empty() {
        return Cow::Borrowed(labels);
    }
    let more = more.iter().map(|(name, value)| (Cow::Borrowed(*name), Arc::from(*value)));
    Cow::Owned(labels.with(more))
}
