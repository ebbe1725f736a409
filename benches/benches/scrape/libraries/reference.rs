//! No library: the finished text, copied.

use super::{Library, family};
use crate::shape::{BOUNDS, LATENCIES, Shape};
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

pub struct Reference {
    shape: Shape,
    counted: AtomicU64,
    observed: AtomicU64,
    /// What it has been made for, and the text.
    made: [u64; 2],
    finished: String,
    copy: String,
}

impl Reference {
    pub fn new(shape: &Shape) -> Self {
        Self {
            shape: Shape { counters: shape.counters },
            counted: AtomicU64::new(0),
            observed: AtomicU64::new(0),
            made: [0; 2],
            finished: String::new(),
            copy: String::new(),
        }
    }

    fn finish(&mut self, counted: u64, observed: u64) {
        let text = &mut self.finished;
        text.clear();
        self.shape.counters(|number, series, count| {
            let (name, route, method) = (family(number), series.route, series.method);
            let _ = writeln!(text, "{name}{{route=\"{route}\",method=\"{method}\"}} {}", count * counted);
        });
        Shape::histograms(|series| {
            let labels = format!("route=\"{}\",method=\"{}\"", series.route, series.method);
            let bounds = BOUNDS.iter().map(f64::to_string).chain(["+Inf".to_owned()]);
            for (count, bound) in (1..).zip(bounds) {
                let _ = writeln!(text, "latency_bucket{{{labels},le=\"{bound}\"}} {}", count * observed);
            }
            let sum = LATENCIES.iter().sum::<f64>() * observed as f64;
            let _ = writeln!(text, "latency_sum{{{labels}}} {sum}");
            let _ = writeln!(text, "latency_count{{{labels}}} {}", LATENCIES.len() as u64 * observed);
        });
    }
}

impl Library for Reference {
    fn count(&self, _: &Shape) {
        self.counted.fetch_add(1, Relaxed);
    }

    fn observe(&self) {
        self.observed.fetch_add(1, Relaxed);
    }

    fn scrape(&mut self, see: &mut dyn FnMut(&[u8])) {
        let [counted, observed] = [*self.counted.get_mut(), *self.observed.get_mut()];
        if self.made != [counted, observed] {
            self.finish(counted, observed);
            self.made = [counted, observed];
        }
        self.copy.clear();
        self.copy.push_str(&self.finished);
        see(self.copy.as_bytes());
    }
}
