//! `vise`.

use super::Library;
use crate::shape::{BOUNDS, LATENCIES, Shape};
use vise::{Buckets, Counter, EncodeLabelSet, Family, Format, Global, Histogram, Metrics, Registry};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    route: String,
    method: &'static str,
}

#[derive(Debug, Metrics)]
struct Peer {
    /// Requests.
    requests_0: Family<Labels, Counter>,
    /// Requests.
    requests_1: Family<Labels, Counter>,
    /// Requests.
    requests_2: Family<Labels, Counter>,
    /// Requests.
    requests_3: Family<Labels, Counter>,
    /// Requests.
    requests_4: Family<Labels, Counter>,
    /// Requests.
    requests_5: Family<Labels, Counter>,
    /// Requests.
    requests_6: Family<Labels, Counter>,
    /// Requests.
    requests_7: Family<Labels, Counter>,
    /// Requests.
    requests_8: Family<Labels, Counter>,
    /// Requests.
    requests_9: Family<Labels, Counter>,
    /// Latencies.
    #[metrics(buckets = Buckets::values(&BOUNDS))]
    latency: Family<Labels, Histogram>,
}

static PEER: Global<Peer> = Global::new();

pub struct Vise {
    registry: Registry,
    text: String,
}

impl Vise {
    pub fn new() -> Self {
        let mut registry = Registry::empty();
        registry.register_metrics::<Peer>(&PEER);
        Self { registry, text: String::new() }
    }
}

impl Library for Vise {
    fn count(&self, shape: &Shape) {
        let requests = [
            &PEER.requests_0,
            &PEER.requests_1,
            &PEER.requests_2,
            &PEER.requests_3,
            &PEER.requests_4,
            &PEER.requests_5,
            &PEER.requests_6,
            &PEER.requests_7,
            &PEER.requests_8,
            &PEER.requests_9,
        ];
        shape.counters(|family, series, count| {
            requests[family][&Labels { route: series.route.to_owned(), method: series.method }].inc_by(count);
        });
    }

    fn observe(&self) {
        Shape::histograms(|series| {
            let latencies = &PEER.latency[&Labels { route: series.route.to_owned(), method: series.method }];
            for latency in LATENCIES {
                latencies.observe(latency);
            }
        });
    }

    fn scrape(&mut self, see: &mut dyn FnMut(&[u8])) {
        self.text.clear();
        if self.registry.encode(&mut self.text, Format::OpenMetrics).is_ok() {
            see(self.text.as_bytes());
        }
    }
}
