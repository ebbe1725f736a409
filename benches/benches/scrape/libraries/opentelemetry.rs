//! `opentelemetry_sdk` with `opentelemetry-prometheus`.

use super::{Library, family};
use crate::shape::{BOUNDS, FAMILIES, LATENCIES, Series, Shape};
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram, MeterProvider};
use opentelemetry_sdk::metrics::{Instrument, SdkMeterProvider, Stream};
use prometheus::{Encoder, Registry, TextEncoder};
use std::error::Error;

pub struct OpenTelemetry {
    registry: Registry,
    /// What it records goes nowhere without this.
    _provider: SdkMeterProvider,
    requests: [Counter<u64>; FAMILIES],
    latency: Histogram<f64>,
    text: Vec<u8>,
}

impl OpenTelemetry {
    pub fn new(shape: &Shape) -> Result<Self, Box<dyn Error>> {
        let registry = Registry::new();
        let limit = 2 * shape.counters;
        let raised = move |_: &Instrument| Stream::builder().with_cardinality_limit(limit).build().ok();
        let exporter = opentelemetry_prometheus::exporter().with_registry(registry.clone()).build()?;
        let provider = SdkMeterProvider::builder().with_reader(exporter).with_view(raised).build();
        let meter = provider.meter("scrape");
        let requests = std::array::from_fn(|number| meter.u64_counter(family(number)).build());
        let latency = meter.f64_histogram("latency").with_boundaries(BOUNDS.to_vec()).build();
        Ok(Self { registry, _provider: provider, requests, latency, text: Vec::new() })
    }
}

impl Library for OpenTelemetry {
    fn count(&self, shape: &Shape) {
        shape.counters(|family, series, count| self.requests[family].add(count, &labels(series)));
    }

    fn observe(&self) {
        Shape::histograms(|series| {
            let labels = labels(series);
            for latency in LATENCIES {
                self.latency.record(latency, &labels);
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

fn labels(series: &Series<'_>) -> [KeyValue; 2] {
    [KeyValue::new("route", series.route.to_owned()), KeyValue::new("method", series.method)]
}
