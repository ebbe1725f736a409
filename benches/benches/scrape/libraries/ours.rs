//! This library.

use super::{Library, family};
use crate::shape::{BOUNDS, FAMILIES, LATENCIES, Shape};
use runtime_metrics::export::Encoder;
use runtime_metrics::{Counter, Histogram, Identity, Limits, registry};

pub struct Ours {
    requests: [Counter; FAMILIES],
    latency: Histogram,
    encoder: Encoder,
    text: Vec<u8>,
}

impl Ours {
    pub fn new(shape: &Shape) -> Self {
        // No other library names service and node in each line.
        registry().set_identity(Identity::default());
        registry().set_limits(Limits { series_per_metric: shape.counters, series: 10 * shape.counters });
        Self {
            requests: std::array::from_fn(|number| Counter::new(family(number), "Requests.").register()),
            latency: Histogram::new("latency", "Latencies.").with_buckets(BOUNDS.to_vec()).register(),
            encoder: Encoder::prometheus(),
            text: Vec::new(),
        }
    }
}

impl Library for Ours {
    fn count(&self, shape: &Shape) {
        shape.counters(|family, series, count| {
            self.requests[family].add_with(count, &[("route", &series.route), ("method", &series.method)]);
        });
    }

    fn observe(&self) {
        Shape::histograms(|series| {
            for latency in LATENCIES {
                self.latency.observe_with(latency, &[("route", &series.route), ("method", &series.method)]);
            }
        });
    }

    fn scrape(&mut self, see: &mut dyn FnMut(&[u8])) {
        self.text.clear();
        self.encoder.encode_recorded(&mut self.text);
        see(&self.text);
    }
}
