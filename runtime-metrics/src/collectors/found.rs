//! What one collection has found, in the names and units of the one table.

use crate::metric::Kind;
use crate::names;
use crate::protocol::{MetricValue, RuntimeMetric};

#[derive(Debug, Default)]
pub(super) struct Found(Vec<RuntimeMetric>);

impl Found {
    /// A value of a metric that the table has, with a tag.
    pub(super) fn tell_of(&mut self, name: &'static str, value: impl Into<MetricValue>, tag: (&str, &str)) {
        self.0.push(metric(name, value).with_tag(tag.0, tag.1));
    }

    pub(super) fn all(self) -> Vec<RuntimeMetric> {
        self.0
    }
}

#[cfg(any(feature = "memory", feature = "process", feature = "system"))]
impl Found {
    /// The same without a tag.
    pub(super) fn tell(&mut self, name: &'static str, value: impl Into<MetricValue>) {
        self.0.push(metric(name, value));
    }

    /// A value, if there is one: what has no limit, for one, tells none.
    pub(super) fn tell_if(&mut self, name: &'static str, value: Option<impl Into<MetricValue>>) {
        if let Some(value) = value {
            self.tell(name, value);
        }
    }

    /// What was read; or, once, why it can't be.
    pub(super) fn read<T>(
        &mut self,
        subject: &str,
        read: Result<T, impl std::fmt::Display>,
        tell: impl FnOnce(&mut Self, T),
    ) {
        match read {
            Ok(read) => tell(self, read),
            Err(why) => super::missing(subject, why),
        }
    }
}

/// A value with the kind and the unit that the table has for it.
fn metric(name: &'static str, value: impl Into<MetricValue>) -> RuntimeMetric {
    let known = names::find(name);
    debug_assert!(known.is_some(), "{name} is not in the table");
    let metric = match known {
        Some(known) if known.kind == Kind::Counter => RuntimeMetric::counter(name, value),
        _ => RuntimeMetric::gauge(name, value),
    };
    match known {
        Some(known) => metric.with_unit(known.unit),
        None => metric,
    }
}
