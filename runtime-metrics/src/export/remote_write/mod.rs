//! Prometheus remote write 1.0: a snapshot as the body of a request, and the ends of series.
//!
//! A series that is no longer there would go on with its last value for five minutes where it is
//! queried. So one that has been delivered and is missing in the next snapshot gets a marker there
//! that says it has ended, and so do all when the program ends.

mod message;
mod shape;
#[cfg(test)]
mod tests;
mod writer;

use crate::label::LabelSet;
use crate::names;
use crate::snapshot::{FamilySnapshot, Reading, Snapshot};
use shape::Shape;
use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::SystemTime;
use writer::{STALE, Writer};

/// Makes requests of snapshots; see the module. What it keeps is the labels of each series.
#[derive(Debug)]
pub(super) struct RemoteWrite {
    native: bool,
    /// What the receiver has.
    told: Told,
    /// What it has if the last request is delivered.
    sent: Option<Told>,
    /// When the last samples were, delivered or not, in milliseconds.
    last: i64,
}

/// The samples of a family, by the labels of its series.
#[derive(Debug, Default)]
struct Samples {
    factor: f64,
    series: HashMap<LabelSet, Shape>,
}

/// By the name that a family has in Prometheus.
type Told = HashMap<String, Samples>;

impl RemoteWrite {
    /// If `native`, a histogram with exponential buckets whose unit is a base unit is told as a
    /// native histogram, and not by classic buckets.
    pub(super) fn new(native: bool) -> Self {
        Self { native, told: Told::new(), sent: None, last: i64::MIN }
    }

    /// The body of a request: a `WriteRequest`, compressed. What the one before had and was not
    /// delivered is not in it.
    pub(super) fn request(&mut self, snapshot: &Snapshot) -> Vec<u8> {
        let at = millis(snapshot.time);
        self.last = self.last.max(at);
        let mut writer = Writer::new(at);
        let mut sent = Told::new();
        for family in snapshot.families.iter().filter(|family| !family.series.is_empty()) {
            writer.metadata(family);
            let mut samples = Samples { factor: family.exposed.factor, series: HashMap::new() };
            for series in &family.series {
                let labels = fitting(snapshot.identity.complete(&series.labels));
                // Of two that Prometheus can't tell apart it would refuse the whole request.
                let Entry::Vacant(vacant) = samples.series.entry(labels) else { continue };
                let shape = Shape::of(family.kind, &series.value, family.exposed.factor, self.native);
                writer.series(vacant.key());
                tell(&mut writer, family, &shape, &series.value);
                vacant.insert(shape);
            }
            sent.insert(family.exposed.family.clone(), samples);
        }
        end(&mut writer, &self.told, &sent);
        self.sent = Some(sent);
        writer.compressed()
    }

    /// What the last request had was taken by the receiver.
    pub(super) fn delivered(&mut self) {
        if let Some(sent) = self.sent.take() {
            self.told = sent;
        }
    }

    /// The body of a last request, which ends every series that was delivered and has not ended;
    /// `None` where there is none. It can be asked for again until it is delivered.
    pub(super) fn farewell(&mut self, at: SystemTime) -> Option<Vec<u8>> {
        if self.told.is_empty() {
            return None;
        }
        // Of one time there can be only one sample.
        let mut writer = Writer::new(millis(at).max(self.last.saturating_add(1)));
        end(&mut writer, &self.told, &Told::new());
        self.sent = Some(Told::new());
        Some(writer.compressed())
    }
}

fn tell(writer: &mut Writer, family: &FamilySnapshot, shape: &Shape, reading: &Reading) {
    let name = &family.exposed.family;
    if let (Shape::Native, Reading::Distribution(seen)) = (shape, reading) {
        writer.native(name, seen);
        return;
    }
    let values = shape.values(reading, &family.exposed);
    for (part, value) in shape.parts(family.exposed.factor).iter().zip(values) {
        // One of many that are not a number means something.
        writer.sample(name, part, if value.is_nan() { f64::NAN } else { value });
    }
}

/// Ends what was told and is not sent any more.
fn end(writer: &mut Writer, told: &Told, sent: &Told) {
    for (family, samples) in told {
        let now = sent.get(family);
        for (labels, shape) in &samples.series {
            let parts = shape.parts_not_in(now.and_then(|now| now.series.get(labels)), samples.factor);
            if !parts.is_empty() {
                writer.series(labels);
            }
            for part in &parts {
                if *shape == Shape::Native {
                    writer.native_end(family, part);
                } else {
                    writer.sample(family, part, STALE);
                }
            }
        }
    }
}

/// The labels as Prometheus can have them: it knows no empty ones, and a collector may have given
/// others than it allows.
fn fitting(labels: LabelSet) -> LabelSet {
    let fits = |(name, value): (&str, &str)| {
        !value.is_empty() && !name.starts_with("__") && matches!(names::label_name(name), Cow::Borrowed(_))
    };
    if labels.iter().all(fits) {
        return labels;
    }
    let kept = labels.iter().filter(|(name, value)| !value.is_empty() && !name.starts_with("__"));
    LabelSet::new(kept.map(|(name, value)| (Cow::Owned(names::label_name(name).into_owned()), Arc::from(value))))
}

fn millis(time: SystemTime) -> i64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}
