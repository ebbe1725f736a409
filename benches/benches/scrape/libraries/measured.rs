//! `measured`.

use super::{Library, family};
use crate::shape::{BOUNDS, FAMILIES, LATENCIES, METHODS, Shape};
use lasso::{Rodeo, RodeoReader, ThreadedRodeo};
use measured::metric::MetricFamilyEncoding;
use measured::metric::histogram::Thresholds;
use measured::metric::name::MetricName;
use measured::text::BufferedTextEncoder;
use measured::{CounterVec, HistogramVec, LabelGroup};

#[derive(LabelGroup)]
#[label(set = LabelSet)]
struct Labels<'a> {
    #[label(dynamic_with = ThreadedRodeo)]
    route: &'a str,
    #[label(fixed_with = RodeoReader)]
    method: &'a str,
}

pub struct Measured {
    requests: [CounterVec<LabelSet>; FAMILIES],
    latency: HistogramVec<LabelSet, { BOUNDS.len() }>,
    encoder: BufferedTextEncoder,
}

impl Measured {
    pub fn new() -> Self {
        let labels =
            || LabelSet { route: ThreadedRodeo::new(), method: METHODS.into_iter().collect::<Rodeo>().into_reader() };
        Self {
            requests: std::array::from_fn(|_| CounterVec::with_label_set(labels())),
            latency: HistogramVec::with_label_set_and_metadata(labels(), Thresholds::with_buckets(BOUNDS)),
            encoder: BufferedTextEncoder::new(),
        }
    }
}

impl Library for Measured {
    fn count(&self, shape: &Shape) {
        shape.counters(|family, series, count| {
            self.requests[family].inc_by(Labels { route: series.route, method: series.method }, count);
        });
    }

    fn observe(&self) {
        Shape::histograms(|series| {
            for latency in LATENCIES {
                self.latency.observe(Labels { route: series.route, method: series.method }, latency);
            }
        });
    }

    fn scrape(&mut self, see: &mut dyn FnMut(&[u8])) {
        for (number, requests) in self.requests.iter().enumerate() {
            let Ok(()) = requests.collect_family_into(MetricName::from_str(family(number)), &mut self.encoder);
        }
        let Ok(()) = self.latency.collect_family_into(MetricName::from_str("latency"), &mut self.encoder);
        see(&self.encoder.finish());
    }
}
