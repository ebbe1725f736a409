//! Scrapes, of series that were all recorded into.

use crate::cases::{Case, Run};
use runtime_metrics::export::Encoder;
use runtime_metrics::{Counter, Histogram};

const SERIES: usize = 1_000;
const BOUNDS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// What is there without the series: the metrics of the other cases.
const REST: &str = "scrape_rest";

pub fn cases() -> [Case; 3] {
    let scrape = |key, what, make| Case { operations: 10, ..Case::new(key, what, make) };
    let series = |key, what, make| Case { things: SERIES as u64, less: Some(REST), ..scrape(key, what, make) };
    [
        Case {
            less: None,
            ..scrape(REST, "nothing: a scrape of the other cases' metrics", || Scrape::of("nothing", 0))
        },
        series("scrape_counter", "scrape, for each of 1,000 labelled counters", || {
            let counter = Counter::new("many", "Many.").register();
            each(|route| counter.add_with(route.len() as u64, &[("route", &route), ("method", &"GET")]));
            Scrape::of("many_total{", SERIES)
        }),
        series("scrape_histogram", "scrape, for each of 1,000 labelled histograms of 11 bounds", || {
            let histogram = Histogram::new("wide", "Wide.").with_buckets(BOUNDS.to_vec()).register();
            each(|route| {
                for latency in BOUNDS {
                    histogram.observe_with(latency, &[("route", &route), ("method", &"GET")]);
                }
            });
            Scrape::of("wide_count{", SERIES)
        }),
    ]
}

fn each(mut record: impl FnMut(&str)) {
    (0..SERIES).for_each(|number| record(&format!("/api/v1/res/{number:06}")));
}

struct Scrape {
    encoder: Encoder,
    text: Vec<u8>,
    line: &'static str,
    /// How many lines there must be.
    series: usize,
    scrapes: u64,
}

impl Scrape {
    fn of(line: &'static str, series: usize) -> Box<dyn Run> {
        Box::new(Self { encoder: Encoder::prometheus(), text: Vec::new(), line, series, scrapes: 0 })
    }
}

impl Run for Scrape {
    fn run(&mut self, operations: u64) {
        for _ in 0..operations {
            self.text.clear();
            self.encoder.encode_recorded(&mut self.text);
        }
        self.scrapes += operations;
    }

    fn seen(&self) -> Option<f64> {
        let text = String::from_utf8_lossy(&self.text);
        let lines = text.lines().filter(|line| line.starts_with(self.line) && line.contains("route=")).count();
        Some(if lines == self.series { self.scrapes as f64 } else { f64::NAN })
    }
}
