//! `metriken`: series by index, each with its labels; histograms with buckets of powers of two.

use super::{Library, family};
use crate::shape::{FAMILIES, HISTOGRAMS, LATENCIES, Series, Shape};
use metriken::{CounterGroup, CounterHistogramGroup, DynBoxedMetric, MetricBuilder};
use metriken_exposition::{PrometheusOptions, prometheus_text};
use std::collections::HashMap;

pub struct Metriken {
    requests: [DynBoxedMetric<CounterGroup>; FAMILIES],
    latency: DynBoxedMetric<CounterHistogramGroup>,
}

impl Metriken {
    pub fn new(shape: &Shape) -> Self {
        Self {
            requests: std::array::from_fn(|number| {
                MetricBuilder::new(family(number)).build(CounterGroup::new(shape.per_family()))
            }),
            latency: MetricBuilder::new("latency").build(CounterHistogramGroup::new(
                HISTOGRAMS,
                0,
                LATENCIES.len() as u8,
            )),
        }
    }
}

impl Library for Metriken {
    fn count(&self, shape: &Shape) {
        shape.counters(|family, series, count| {
            let group = &self.requests[family];
            if group.load_metadata(series.number).is_none() {
                group.set_metadata(series.number, labels(series));
            }
            group.add(series.number, count);
        });
    }

    fn observe(&self) {
        Shape::histograms(|series| {
            if self.latency.load_metadata(series.number).is_none() {
                self.latency.set_metadata(series.number, labels(series));
            }
            for bucket in 0..LATENCIES.len() {
                let _ = self.latency.increment(series.number, (1 << bucket) - 1);
            }
        });
    }

    fn scrape(&mut self, see: &mut dyn FnMut(&[u8])) {
        see(prometheus_text(&PrometheusOptions::default()).as_bytes());
    }

    fn has_own_buckets(&self) -> bool {
        true
    }
}

fn labels(series: &Series<'_>) -> HashMap<String, String> {
    let labels = [("route", series.route), ("method", series.method)];
    labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}
