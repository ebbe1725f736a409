//! `measured`, with two labels that may have any values.

use super::{Library, apart};
use crate::labels::Labels;
use lasso::ThreadedRodeo;
use measured::metric::MetricFamilyEncoding;
use measured::metric::name::MetricName;
use measured::text::BufferedTextEncoder;
use measured::{Counter, CounterVec, LabelGroup};

#[derive(LabelGroup)]
#[label(set = PairSet)]
struct Pair<'a> {
    #[label(dynamic_with = ThreadedRodeo)]
    first: &'a str,
    #[label(dynamic_with = ThreadedRodeo)]
    second: &'a str,
}

pub struct Measured {
    plain: Counter,
    labelled: CounterVec<PairSet>,
    encoder: BufferedTextEncoder,
}

impl Measured {
    pub fn new() -> Self {
        let labels = PairSet { first: ThreadedRodeo::new(), second: ThreadedRodeo::new() };
        Self {
            plain: Counter::new(),
            labelled: CounterVec::with_label_set(labels),
            encoder: BufferedTextEncoder::new(),
        }
    }
}

impl Library for Measured {
    fn increment(&self, times: u64) {
        for _ in 0..times {
            self.plain.inc();
            apart();
        }
    }

    fn count(&self, labels: &Labels) {
        labels.each(|[first, second, ..]| self.labelled.inc(Pair { first, second }));
    }

    fn scrape(&mut self, see: &mut dyn FnMut(&[u8])) {
        let Ok(()) = self.plain.collect_family_into(MetricName::from_str("plain"), &mut self.encoder);
        let Ok(()) = self.labelled.collect_family_into(MetricName::from_str("labelled"), &mut self.encoder);
        see(&self.encoder.finish());
    }
}
