//! Writes the samples of one request, one after the other.

use super::message::{Histogram, Label, Metadata, Sample, Span, TimeSeries, Type, WriteRequest};
use super::shape::Part;
use crate::export::native::{self, SCHEMA, ZERO_THRESHOLD};
use crate::label::LabelSet;
use crate::metric::Kind;
use crate::snapshot::{Distribution, FamilySnapshot};
use prost::Message;

/// The label that is the name.
const NAME: &str = "__name__";

/// What says that a series has ended: the one NaN that no measurement is.
pub(super) const STALE: f64 = f64::from_bits(0x7ff0_0000_0000_0002);

/// A request under way.
///
/// Messages that follow one another are one message with the fields of all, so each series is
/// written as a request of its own: what is kept is bytes and the labels of a single series.
#[derive(Debug)]
pub(super) struct Writer {
    bytes: Vec<u8>,
    /// With one series, that of the sample that is written; it keeps its room.
    request: WriteRequest,
    /// In milliseconds.
    at: i64,
}

impl Writer {
    pub(super) fn new(at: i64) -> Self {
        let request = WriteRequest { timeseries: vec![TimeSeries::default()], metadata: Vec::new() };
        Self { bytes: Vec::new(), request, at }
    }

    /// All of it, compressed as the protocol asks.
    pub(super) fn compressed(self) -> Vec<u8> {
        // It fails beyond 4 GiB, which nobody would take; an empty body is refused, and that is told.
        snap::raw::Encoder::new().compress_vec(&self.bytes).unwrap_or_default()
    }

    pub(super) fn metadata(&mut self, family: &FamilySnapshot) {
        let total = if family.kind == Kind::Counter { "_total" } else { "" };
        let kind = match family.kind {
            Kind::Counter => Type::Counter,
            Kind::Gauge | Kind::Set | Kind::Rate => Type::Gauge,
            Kind::Histogram => Type::Histogram,
            Kind::Summary => Type::Summary,
        };
        let metadata = Metadata {
            kind: kind.into(),
            family: format!("{}{total}", family.exposed.family),
            help: family.help.clone(),
            unit: family.exposed.unit.to_owned(),
        };
        append(&mut self.bytes, &WriteRequest { timeseries: Vec::new(), metadata: vec![metadata] });
    }

    /// The samples that follow have these labels and the name.
    pub(super) fn series(&mut self, labels: &LabelSet) {
        let Some(series) = self.request.timeseries.first_mut() else { return };
        let label = |name: &str, value: &str| Label { name: name.to_owned(), value: value.to_owned() };
        series.labels.clear();
        series.labels.extend(labels.iter().map(|(name, value)| label(name, value)));
        let at = place(&series.labels, NAME);
        series.labels.insert(at, label(NAME, ""));
    }

    pub(super) fn sample(&mut self, family: &str, part: &Part, value: f64) {
        let sample = Sample { value, timestamp: self.at };
        self.write(family, part, |series| series.samples.push(sample));
    }

    pub(super) fn native(&mut self, family: &str, seen: &Distribution) {
        let mut histogram = Histogram {
            count: Some(seen.count),
            sum: seen.sum,
            schema: SCHEMA,
            zero_threshold: ZERO_THRESHOLD,
            zero_count: Some(seen.counts.first().copied().unwrap_or(0)),
            timestamp: self.at,
            ..Histogram::default()
        };
        let Histogram { positive_spans, positive_deltas, .. } = &mut histogram;
        let span = |offset, length| Span { offset, length };
        native::tell(&seen.counts, positive_spans, positive_deltas, span, |span| &mut span.length);
        self.write(family, &("", None), |series| series.histograms.push(histogram));
    }

    /// The end of a native histogram: its sum says so.
    pub(super) fn native_end(&mut self, family: &str, part: &Part) {
        let histogram = Histogram {
            count: Some(0),
            sum: STALE,
            schema: SCHEMA,
            zero_threshold: ZERO_THRESHOLD,
            zero_count: Some(0),
            timestamp: self.at,
            ..Histogram::default()
        };
        self.write(family, part, |series| series.histograms.push(histogram));
    }

    fn write(&mut self, family: &str, (suffix, extra): &Part, add: impl FnOnce(&mut TimeSeries)) {
        let Some(series) = self.request.timeseries.first_mut() else { return };
        series.samples.clear();
        series.histograms.clear();
        add(series);
        if let Some(name) = series.labels.iter_mut().find(|label| label.name == NAME) {
            name.value.clear();
            name.value.push_str(family);
            name.value.push_str(suffix);
        }
        let extra = extra.as_ref().map(|(name, value)| {
            let at = place(&series.labels, name);
            series.labels.insert(at, Label { name: (*name).to_owned(), value: value.clone() });
            at
        });
        append(&mut self.bytes, &self.request);
        if let (Some(at), Some(series)) = (extra, self.request.timeseries.first_mut()) {
            series.labels.remove(at);
        }
    }
}

/// Where a label of this name belongs.
fn place(labels: &[Label], name: &str) -> usize {
    labels.partition_point(|label| *label.name < *name)
}

fn append(bytes: &mut Vec<u8>, request: &WriteRequest) {
    // It fails where there is no room, and a vector has as much as is needed.
    let _ = request.encode(bytes);
}
