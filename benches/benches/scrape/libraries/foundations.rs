//! `foundations-metrics`, a beta; with its shared counters, and with those that are apart for each thread.

use super::{Library, family};
use crate::shape::{BOUNDS, FAMILIES, LATENCIES, Shape};
use foundations_metrics::{
    CollectionOptions, Counter, EncodeMetric, EncodeMetricValue, Family, HistogramBuilder, NamedMetric,
    RegistrationMetadata, ServiceNameFormat, ThreadLocalCounter, TimeHistogram, collect, encode_to_text, register,
};
use serde::Serialize;

pub type Shared = Counter;
pub type Local = ThreadLocalCounter;

#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
struct Labels {
    route: String,
    method: &'static str,
}

pub trait Count: EncodeMetricValue + Default {
    fn add(&self, count: u64);
}

impl Count for Shared {
    fn add(&self, count: u64) {
        self.inc_by(count);
    }
}

impl Count for Local {
    fn add(&self, count: u64) {
        self.inc_by(count);
    }
}

pub struct Foundations<C> {
    requests: [Family<Labels, C>; FAMILIES],
    latency: Family<Labels, TimeHistogram, HistogramBuilder>,
}

impl<C: Count> Foundations<C> {
    pub fn new() -> Self {
        let requests: [Family<Labels, C>; FAMILIES] = Default::default();
        for (number, requests) in requests.iter().enumerate() {
            enter(NamedMetric::new(family(number), "Requests.", requests.clone()));
        }
        let latency = Family::new_with_constructor(HistogramBuilder { buckets: &BOUNDS });
        enter(NamedMetric::new("latency", "Latencies.", latency.clone()));
        Self { requests, latency }
    }
}

fn enter(metric: impl EncodeMetric + 'static) {
    register(Box::new(metric) as Box<dyn EncodeMetric>, RegistrationMetadata::default());
}

impl<C: Count> Library for Foundations<C> {
    fn count(&self, shape: &Shape) {
        shape.counters(|family, series, count| {
            let labels = Labels { route: series.route.to_owned(), method: series.method };
            self.requests[family].get_or_create(&labels).add(count);
        });
    }

    fn observe(&self) {
        Shape::histograms(|series| {
            let labels = Labels { route: series.route.to_owned(), method: series.method };
            let latencies = self.latency.get_or_create(&labels);
            for latency in LATENCIES {
                latencies.observe((latency * 1e9) as u64);
            }
        });
    }

    fn scrape(&mut self, see: &mut dyn FnMut(&[u8])) {
        let options = CollectionOptions {
            include_optional: true,
            service_name: None,
            service_name_format: ServiceNameFormat::MetricPrefix,
        };
        see(encode_to_text(&collect(options)).as_ref());
    }
}
