//! What a span is told of a measured call: one look for the span, and then all that the call recorded.

use super::Outcome;
use super::action::{Counts, Requests};
use super::frame::Frame;
use crate::label::LabelSet;
use crate::registry::observer::{self, Bind, OwnSpan, Span};
use crate::registry::{Family, Series};
use std::borrow::Cow;
use std::sync::Arc;

impl Counts {
    /// A span for one call, called as the metric of its duration.
    #[cold]
    pub(super) fn begin_span(&self) -> Option<Box<dyn OwnSpan>> {
        observer::begin(&self.families?.times.name, Bind::Between)
    }

    /// Tells the span of a call that has ended, or the one that is current, and ends the former.
    #[cold]
    #[inline(never)]
    pub(super) fn tell(&self, outcome: Outcome, nanos: Option<u64>, frame: Option<&mut Frame>) {
        let (labels, own) = match frame {
            Some(frame) => (Some(self.labels_of(frame)), frame.take_span()),
            None => (None, None),
        };
        let labels = labels.as_ref().unwrap_or(&self.labels);
        let Some(own) = own else { return observer::current(|span| drop(self.add_to(span, labels, outcome, nanos))) };
        for series in self.add_to(&*own, labels, outcome, nanos) {
            own.label(series);
        }
        own.end(outcome.as_str());
    }

    /// Adds what the call recorded to a span, and says which series that were.
    fn add_to(&self, span: &dyn Span, labels: &LabelSet, outcome: Outcome, nanos: Option<u64>) -> Vec<&'static Series> {
        let Some(families) = self.families else { return Vec::new() };
        let labels = if families.times.find(labels).is_some() { labels } else { self.rest().labels() };
        let mut told = Vec::with_capacity(2);
        let mut add = |family: &'static Family, labels: &LabelSet, value: f64| {
            if let Some(series) = family.find(labels) {
                span.add(series.get(), value);
                told.push(series.get());
            }
        };
        match families.requests {
            Requests::ByOutcome(requests) => {
                let outcome = (Cow::Borrowed("outcome"), Arc::from(outcome.as_str()));
                add(requests, &labels.with([outcome]), 1.0);
            }
            Requests::Failures(failures) if matches!(outcome, Outcome::Error | Outcome::Panic) => {
                add(failures, labels, 1.0);
            }
            Requests::Failures(_) => {}
        }
        if let Some(nanos) = nanos {
            add(families.times, labels, nanos as f64 / 1e9);
        }
        told
    }
}
