//! The Prometheus protobuf format: messages of `io.prometheus.client`, each after its length.

mod examples;
mod histogram;
mod labels;
mod message;
mod wire;

use crate::exemplar::Exemplar;
use crate::metric::Kind;
use crate::names::{self, Exposed};
use crate::registry::Identity;
use crate::snapshot::{FamilySnapshot, Head, Live, Shown, Snapshot, SummarySnapshot, Value};
use examples::Examples;
use histogram::Seen;
use labels::Pieces;
use message::{Counter, Gauge, Histogram, MetricFamily, MetricType, Quantile, Summary};
use prost::Message;
use prost::encoding::message::encode;
use std::fmt::Write;

/// A snapshot as `MetricFamily` messages, each after its length: what Prometheus calls
/// `application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited`.
///
/// It has what the Prometheus text has, under the same names, and further units, exemplars and native
/// histograms. A Prometheus that takes native histograms asks for this format and takes these; others
/// take the classic buckets, which are there as well.
///
/// Histograms without declared buckets are native, of schema 3: eight buckets per power of two. But
/// values up to 2^-30, negative ones too, are counted as zero, and those above 2^40 all lie in the
/// bucket just above. One whose unit is brought to another (milliseconds to seconds) has
/// classic buckets only, for its bounds are none of the schema's; nor are those of declared buckets.
///
/// ```
/// runtime_metrics::increment!("protobuf_example");
/// let bytes = runtime_metrics::export::protobuf(&runtime_metrics::Snapshot::take());
/// let name = b"protobuf_example_total";
/// assert!(bytes.windows(name.len()).any(|window| window == name));
/// ```
pub fn protobuf(snapshot: &Snapshot) -> Vec<u8> {
    let (mut out, mut writer) = (Vec::new(), Writer::default());
    for family in &snapshot.families {
        writer.family(&mut out, family, &snapshot.identity);
    }
    out
}

/// The field of a family that is a metric, and those of a metric that are its value.
const METRIC: u32 = 4;
const GAUGE: u32 = 2;
const COUNTER: u32 = 3;
const SUMMARY: u32 = 4;
const HISTOGRAM: u32 = 7;

/// What is used again and again while messages are written.
#[derive(Debug, Default)]
pub(super) struct Writer {
    family: MetricFamily,
    labels: Pieces,
    counter: Counter,
    summary: Summary,
    histogram: Histogram,
    examples: Examples,
}

impl Writer {
    /// A family and its series; nothing where it has none.
    pub(super) fn family(&mut self, out: &mut Vec<u8>, family: &FamilySnapshot, identity: &Identity) {
        if family.series.is_empty() {
            return;
        }
        let start = out.len();
        self.head(out, &family.head());
        for series in &family.series {
            wire::open(out, METRIC);
            let start = out.len();
            for (name, value) in identity.complete(&series.labels).iter() {
                labels::pair(out, &names::label_name(name), value);
            }
            self.value(out, family.kind, &family.exposed, &Value::from(&series.value), &series.exemplars);
            wire::close(out, start);
        }
        wire::close(out, start);
    }

    /// A family as it is recorded.
    pub(super) fn recorded(&mut self, out: &mut Vec<u8>, live: &mut Live, at: usize, identity: &Identity) {
        let (kind, exposed) = (live.kind(at), live.exposed(at));
        let start = out.len();
        self.labels.begin();
        live.show(at, true, |shown| match shown {
            Shown::Family(head) => self.head(out, &head),
            Shown::Series(labels, value, exemplars) => {
                wire::open(out, METRIC);
                let start = out.len();
                self.labels.write(out, labels, identity);
                self.value(out, kind, exposed, &value, exemplars);
                wire::close(out, start);
            }
        });
        // Of a family without series nothing is shown.
        if out.len() > start {
            wire::close(out, start);
        }
    }

    fn head(&mut self, out: &mut Vec<u8>, head: &Head<'_>) {
        let MetricFamily { name, help, kind, unit } = &mut self.family;
        for text in [&mut *name, help, unit] {
            text.clear();
        }
        let (of, suffix) = match head.kind {
            Kind::Counter => (MetricType::Counter, "_total"),
            Kind::Gauge | Kind::Set | Kind::Rate => (MetricType::Gauge, ""),
            Kind::Summary => (MetricType::Summary, ""),
            Kind::Histogram => (MetricType::Histogram, ""),
        };
        *kind = of.into();
        name.push_str(&head.exposed.family);
        name.push_str(suffix);
        unit.push_str(head.exposed.unit);
        if head.help.is_empty() {
            let _ = write!(help, "The {} {}.", head.kind, head.name);
        } else {
            help.push_str(head.help);
        }
        self.family.encode_raw(out);
    }

    fn value(&mut self, out: &mut Vec<u8>, kind: Kind, exposed: &Exposed, value: &Value<'_>, exemplars: &[Exemplar]) {
        let factor = exposed.factor;
        let number = match value {
            Value::Counter(count) => *count as f64,
            Value::CounterFloat(number) | Value::Gauge(number) => *number,
            Value::Distribution { buckets, counts, sum } => {
                let seen = Seen { buckets: *buckets, counts, sum: *sum, factor, exemplars };
                self.histogram.tell(&seen, &mut self.examples);
                encode(HISTOGRAM, &self.histogram, out);
                self.histogram.written(&mut self.examples);
                return;
            }
            Value::Summary(seen) => {
                self.summary.tell(seen, factor);
                encode(SUMMARY, &self.summary, out);
                return;
            }
        };
        // A reader looks where the family's kind says, whatever a collector returned.
        if kind == Kind::Counter {
            self.counter.value = number * factor;
            self.counter.exemplar = exemplars.first().map(|one| self.examples.take(one, factor));
            encode(COUNTER, &self.counter, out);
            self.examples.give(self.counter.exemplar.take());
        } else {
            encode(GAUGE, &Gauge { value: number * factor }, out);
        }
    }
}

impl Summary {
    /// Becomes what was seen.
    fn tell(&mut self, seen: &SummarySnapshot, factor: f64) {
        self.sample_count = seen.count;
        self.sample_sum = seen.sum * factor;
        self.quantile.clear();
        let value = |value: Option<f64>| value.map_or(f64::NAN, |value| value * factor);
        let quantiles = seen.quantiles.iter();
        self.quantile.extend(quantiles.map(|(share, of)| Quantile { quantile: *share, value: value(*of) }));
    }
}

#[cfg(test)]
mod tests;
