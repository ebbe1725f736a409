//! Collections as `trace_metric` items, the protocol that Sentry shows today: what each series
//! gained since it was last delivered.

use super::envelope::Bounds;
use super::ledger::{self, What};
use super::post::{Fate, Post};
use super::samples::Samples;
use super::ship::Collection;
use crate::label::LabelSet;
use crate::snapshot::Reading;
use crate::snapshot::{Gain, since};
use sentry_core::ClientOptions;
use sentry_core::protocol::Metric;
use std::collections::HashMap;
use std::sync::Arc;

/// The most metrics of one item.
const MOST: usize = 1000;

/// What was delivered of each series, so that the next delivery tells the difference.
pub(super) struct Traced {
    delivered: HashMap<Arc<str>, HashMap<LabelSet, Delivered>>,
    /// How many collections there were.
    round: u64,
    only_changes: bool,
    bounds: Bounds,
    samples: Samples,
}

struct Delivered {
    reading: Reading,
    /// The last collection that had this series.
    seen: u64,
}

/// What one item is made of, and what is delivered with it.
#[derive(Default)]
struct Batch {
    metrics: Vec<Metric>,
    bytes: usize,
    readings: Vec<(Arc<str>, LabelSet, Reading)>,
}

impl Traced {
    pub(super) fn new(options: &ClientOptions, only_changes: bool, bounds: Bounds) -> Self {
        let bounds = Bounds { metrics: bounds.metrics.min(MOST), ..bounds };
        Self { delivered: HashMap::new(), round: 0, only_changes, bounds, samples: Samples::new(options) }
    }

    /// Sends what each series gained; gauges that did not change only if `full` or asked for. What
    /// did not arrive is part of the next delivery.
    pub(super) fn deliver(&mut self, collection: Collection, full: bool, post: &mut Post) {
        self.round += 1;
        let Collection { snapshot, baseline } = collection;
        let mut batch = Batch::default();
        for family in snapshot.families {
            let name: Arc<str> = family.name.into();
            let baseline = baseline.contains(&*name);
            for series in family.series {
                let Some(gain) = self.gain(&name, &series.labels, &series.value, baseline, full) else { continue };
                let labels = snapshot.identity.complete(&series.labels);
                let about = self.samples.about(&name, &family.unit, &labels, snapshot.time);
                let (metrics, bytes) = self.samples.of(&about, &gain, &series.value);
                if self.bounds.are_passed(batch.metrics.len() + metrics.len(), batch.bytes + bytes) {
                    self.send(std::mem::take(&mut batch), post);
                }
                batch.metrics.extend(metrics);
                batch.bytes += bytes;
                batch.readings.push((Arc::clone(&name), series.labels, series.value));
            }
        }
        self.send(batch, post);
        let round = self.round;
        self.delivered.retain(|_, series| {
            series.retain(|_, delivered| delivered.seen == round);
            !series.is_empty()
        });
    }

    /// What a series gained since it was last delivered; none if there is nothing to tell. A
    /// counter of a collector may have counted before the program started: the first reading of
    /// it is where it starts from.
    fn gain(&mut self, name: &Arc<str>, labels: &LabelSet, now: &Reading, baseline: bool, full: bool) -> Option<Gain> {
        let before = self.delivered.get_mut(name).and_then(|series| series.get_mut(labels));
        let Some(before) = before else {
            if baseline {
                self.keep(Arc::clone(name), labels.clone(), now.clone());
                return None;
            }
            return Some(since(None, now)).filter(tells);
        };
        before.seen = self.round;
        if self.only_changes && !full && before.reading == *now {
            return None;
        }
        let gain = Some(since(Some(&before.reading), now)).filter(tells);
        if gain.is_none() {
            // What began anew has nothing to tell yet, and starts from here.
            before.reading = now.clone();
        }
        gain
    }

    fn keep(&mut self, name: Arc<str>, labels: LabelSet, reading: Reading) {
        self.delivered.entry(name).or_default().insert(labels, Delivered { reading, seen: self.round });
    }

    fn send(&mut self, batch: Batch, post: &mut Post) {
        let count = batch.metrics.len();
        if count > 0 {
            if let Fate::Lost(reason) = post.send_metrics(batch.metrics) {
                ledger::lost(What::TraceMetric, reason, count);
                return;
            }
            ledger::sent(What::TraceMetric, count);
        }
        for (name, labels, reading) in batch.readings {
            self.keep(name, labels, reading);
        }
    }
}

/// Whether there is anything to tell. A counter that did not move is left out.
fn tells(gain: &Gain) -> bool {
    match gain {
        Gain::Counter(gained) => *gained != 0.0,
        Gain::Gauge(_) => true,
        Gain::Distribution(gained) => gained.count > 0,
        Gain::Summary { count, .. } => *count > 0,
    }
}
