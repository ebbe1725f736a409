//! `fastmetrics`.

use super::{Library, family};
use crate::shape::{BOUNDS, FAMILIES, LATENCIES, Shape};
use fastmetrics::derive::LabelSet;
use fastmetrics::error::Result;
use fastmetrics::format::text::{TextProfile, encode};
use fastmetrics::metrics::counter::Counter;
use fastmetrics::metrics::family::Family;
use fastmetrics::metrics::histogram::Histogram;
use fastmetrics::registry::Registry;

#[derive(Clone, PartialEq, Eq, Hash, LabelSet)]
struct Labels {
    route: String,
    method: &'static str,
}

pub struct Fastmetrics {
    registry: Registry,
    requests: [Family<Labels, Counter>; FAMILIES],
    latency: Family<Labels, Histogram>,
    text: String,
}

impl Fastmetrics {
    pub fn new() -> Result<Self> {
        let mut registry = Registry::default();
        let requests: [Family<Labels, Counter>; FAMILIES] = Default::default();
        for (number, requests) in requests.iter().enumerate() {
            registry.register(family(number), "Requests", requests.clone())?;
        }
        let latency = Family::new(|| Histogram::new(BOUNDS));
        registry.register("latency", "Latencies", latency.clone())?;
        Ok(Self { registry, requests, latency, text: String::new() })
    }
}

impl Library for Fastmetrics {
    fn count(&self, shape: &Shape) {
        shape.counters(|family, series, count| {
            let labels = Labels { route: series.route.to_owned(), method: series.method };
            self.requests[family].with_or_new(&labels, |counter| counter.inc_by(count));
        });
    }

    fn observe(&self) {
        Shape::histograms(|series| {
            let labels = Labels { route: series.route.to_owned(), method: series.method };
            self.latency.with_or_new(&labels, |latencies| {
                for latency in LATENCIES {
                    latencies.observe(latency);
                }
            });
        });
    }

    fn scrape(&mut self, see: &mut dyn FnMut(&[u8])) {
        self.text.clear();
        if encode(&mut self.text, &self.registry, TextProfile::default()).is_ok() {
            see(self.text.as_bytes());
        }
    }
}
