//! `prometheus-client`.

use super::{Library, family};
use crate::shape::{BOUNDS, FAMILIES, LATENCIES, Shape};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Labels {
    route: String,
    method: &'static str,
}

pub struct Client {
    registry: Registry,
    requests: [Family<Labels, Counter>; FAMILIES],
    latency: Family<Labels, Histogram>,
    text: String,
}

impl Client {
    pub fn new() -> Self {
        let mut registry = Registry::default();
        let requests: [Family<Labels, Counter>; FAMILIES] = Default::default();
        for (number, requests) in requests.iter().enumerate() {
            registry.register(family(number), "Requests", requests.clone());
        }
        let latency = Family::<Labels, Histogram>::new_with_constructor(|| Histogram::new(BOUNDS));
        registry.register("latency", "Latencies", latency.clone());
        Self { registry, requests, latency, text: String::new() }
    }
}

impl Library for Client {
    fn count(&self, shape: &Shape) {
        shape.counters(|family, series, count| {
            let labels = Labels { route: series.route.to_owned(), method: series.method };
            self.requests[family].get_or_create(&labels).inc_by(count);
        });
    }

    fn observe(&self) {
        Shape::histograms(|series| {
            let latencies =
                self.latency.get_or_create(&Labels { route: series.route.to_owned(), method: series.method });
            for latency in LATENCIES {
                latencies.observe(latency);
            }
        });
    }

    fn scrape(&mut self, see: &mut dyn FnMut(&[u8])) {
        self.text.clear();
        if encode(&mut self.text, &self.registry).is_ok() {
            see(self.text.as_bytes());
        }
    }
}
