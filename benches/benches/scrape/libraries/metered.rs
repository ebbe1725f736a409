//! `metered` 0.10, a release candidate.

use super::{Library, family};
use crate::shape::{BOUNDS, FAMILIES, LATENCIES, Shape};
use metered::entry::metric;
use metered::om::OpenMetricsRegistryExt;
use metered::{BucketHistogram, Buckets, Counter, Family, LabelSet, Registry};
use std::sync::atomic::AtomicU64;

#[derive(Clone, PartialEq, Eq, Hash)]
struct Labels {
    route: String,
    method: &'static str,
}

impl LabelSet for Labels {
    fn for_each_label(&self, f: &mut dyn FnMut(&str, &str)) {
        f("route", &self.route);
        f("method", self.method);
    }

    fn label_names(out: &mut Vec<String>) {
        out.extend(["route", "method"].map(str::to_owned));
    }
}

pub struct Metered {
    registry: Registry<'static>,
    requests: &'static [Family<Labels, AtomicU64>; FAMILIES],
    latency: &'static Family<Labels, BucketHistogram>,
}

impl Metered {
    pub fn new() -> Self {
        let mut registry = Registry::new();
        let requests: &'static [_; FAMILIES] = Box::leak(Box::default());
        for (number, requests) in requests.iter().enumerate() {
            registry.register(metric(family(number)).source(requests).help("Requests"));
        }
        let new = || BucketHistogram::new(Buckets::custom(BOUNDS));
        let latency = Box::leak(Box::new(Family::new_with_constructor_fn(new)));
        registry.register(metric("latency").source(latency).help("Latencies"));
        Self { registry, requests, latency }
    }
}

impl Library for Metered {
    fn count(&self, shape: &Shape) {
        shape.counters(|family, series, count| {
            let labels = Labels { route: series.route.to_owned(), method: series.method };
            self.requests[family].with(&labels, |counter| Counter::incr_by(counter, count));
        });
    }

    fn observe(&self) {
        Shape::histograms(|series| {
            let labels = Labels { route: series.route.to_owned(), method: series.method };
            self.latency.with(&labels, |latencies| {
                for latency in LATENCIES {
                    latencies.observe(latency);
                }
            });
        });
    }

    fn scrape(&mut self, see: &mut dyn FnMut(&[u8])) {
        if let Ok(text) = self.registry.encode_to_string() {
            see(text.as_bytes());
        }
    }
}
