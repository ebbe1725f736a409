//! `metrics` with `metrics-exporter-prometheus`.

use super::{Library, family};
use crate::shape::{BOUNDS, LATENCIES, Shape};
use metrics::{counter, histogram};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};

pub struct Facade(PrometheusHandle);

impl Facade {
    pub fn new() -> Result<Self, BuildError> {
        PrometheusBuilder::new().set_buckets(&BOUNDS)?.install_recorder().map(Self)
    }
}

impl Library for Facade {
    fn count(&self, shape: &Shape) {
        shape.counters(|number, series, count| {
            counter!(family(number), "route" => series.route.to_owned(), "method" => series.method).increment(count);
        });
    }

    fn observe(&self) {
        Shape::histograms(|series| {
            let latencies = histogram!("latency", "route" => series.route.to_owned(), "method" => series.method);
            for latency in LATENCIES {
                latencies.record(latency);
            }
        });
        // Until it is scraped or told to, it keeps every value.
        self.0.run_upkeep();
    }

    fn scrape(&mut self, see: &mut dyn FnMut(&[u8])) {
        see(self.0.render().as_bytes());
    }
}
