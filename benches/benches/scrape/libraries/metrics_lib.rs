//! `metrics-lib`.

use super::{Library, family};
use crate::shape::{BOUNDS, LATENCIES, Series, Shape};
use metrics_lib::exporters::prometheus::render_into;
use metrics_lib::{LabelSet, Registry, Result};

pub struct MetricsLib {
    registry: Registry,
    text: String,
}

impl MetricsLib {
    pub fn new(shape: &Shape) -> Result<Self> {
        let registry = Registry::with_cardinality_cap(10 * shape.counters);
        registry.configure_histogram("latency", BOUNDS)?;
        Ok(Self { registry, text: String::new() })
    }
}

impl Library for MetricsLib {
    fn count(&self, shape: &Shape) {
        shape.counters(|number, series, count| {
            self.registry.counter_with(family(number), &labels(series)).add(count);
        });
    }

    fn observe(&self) {
        Shape::histograms(|series| {
            let latencies = self.registry.histogram_with("latency", &labels(series));
            for latency in LATENCIES {
                latencies.observe(latency);
            }
        });
    }

    fn scrape(&mut self, see: &mut dyn FnMut(&[u8])) {
        self.text.clear();
        render_into(&mut self.text, &self.registry);
        see(self.text.as_bytes());
    }
}

fn labels(series: &Series<'_>) -> LabelSet {
    let mut labels = LabelSet::from([("method", series.method)]);
    labels.add("route", series.route.to_owned());
    labels
}
