//! `prometheus`.

use super::{Library, family};
use crate::shape::{BOUNDS, FAMILIES, LATENCIES, Shape};
use prometheus::{Encoder, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry, Result, TextEncoder};

const LABELS: [&str; 2] = ["route", "method"];

pub struct Prometheus {
    registry: Registry,
    requests: Vec<IntCounterVec>,
    latency: HistogramVec,
    text: Vec<u8>,
}

impl Prometheus {
    pub fn new() -> Result<Self> {
        let registry = Registry::new();
        let mut requests = Vec::new();
        for number in 0..FAMILIES {
            let counters = IntCounterVec::new(Opts::new(family(number), "Requests."), &LABELS)?;
            registry.register(Box::new(counters.clone()))?;
            requests.push(counters);
        }
        let latency = HistogramOpts::new("latency", "Latencies.").buckets(BOUNDS.to_vec());
        let latency = HistogramVec::new(latency, &LABELS)?;
        registry.register(Box::new(latency.clone()))?;
        Ok(Self { registry, requests, latency, text: Vec::new() })
    }
}

impl Library for Prometheus {
    fn count(&self, shape: &Shape) {
        shape.counters(|family, series, count| {
            self.requests[family].with_label_values(&[series.route, series.method]).inc_by(count);
        });
    }

    fn observe(&self) {
        Shape::histograms(|series| {
            let latencies = self.latency.with_label_values(&[series.route, series.method]);
            for latency in LATENCIES {
                latencies.observe(latency);
            }
        });
    }

    fn scrape(&mut self, see: &mut dyn FnMut(&[u8])) {
        self.text.clear();
        if TextEncoder::new().encode(&self.registry.gather(), &mut self.text).is_ok() {
            see(&self.text);
        }
    }
}
