//! What the tests record: as many values as make it hard to be right by chance, and labels that are hard to write.

use runtime_metrics::{Counter, Gauge, Histogram, Identity, Summary, registry};
use std::collections::BTreeMap;

/// Labels by their names.
pub type Labels = BTreeMap<String, String>;

/// Values of labels that a format may stumble over.
pub const NASTY: [&str; 9] = [
    "plain",
    "",
    "quote\" back\\slash\nnew line\ttab\rreturn",
    "ünïcödé 東京 🚀 e\u{301}",
    "a=b,c={d}|#e:f;g@h/i",
    "\u{1}\u{7f}\u{85}\u{feff}",
    " before and after ",
    "\\n is no new line, \\\" no quote",
    "0123456789012345678901234567890123456789012345678901234567890123456789",
];

/// Help that a format may stumble over.
pub const HELP: &str = "Orders: \"quoted\", back\\slash,\nnew line, 東京.";

/// The service and the node that everything is from.
pub const IDENTITY: [&str; 2] = ["receivers", "node \"7\""];

/// What one test has recorded. The names of its metrics begin with its own word.
#[derive(Debug)]
pub struct Known {
    /// What the names begin with.
    pub prefix: &'static str,
    /// `<prefix>.orders` by its label `kind`.
    pub orders: Vec<(&'static str, u64)>,
    /// `<prefix>.busy`, milliseconds.
    pub busy: u64,
    /// `<prefix>.level` by its label `at`.
    pub levels: Vec<(&'static str, f64)>,
    /// `<prefix>.size`, bytes, with declared buckets, by its label `kind`.
    pub sizes: Vec<(&'static str, Vec<f64>)>,
    /// `<prefix>.latency`, seconds, with exponential buckets.
    pub latencies: Vec<f64>,
    /// `<prefix>.pause`, milliseconds, with exponential buckets.
    pub pauses: Vec<f64>,
    /// `<prefix>.wait`, seconds, a summary.
    pub waits: Vec<f64>,
}

/// The declared buckets.
pub const BOUNDS: [f64; 3] = [10.0, 100.0, 1000.0];

/// The declared quantiles.
pub const SHARES: [f64; 3] = [0.5, 0.95, 0.999];

impl Known {
    /// Records all of it.
    pub fn record(prefix: &'static str) -> Self {
        registry().set_identity(Identity::new(IDENTITY[0], IDENTITY[1]));
        let counts = [1, 2, 3, 500, 70_000, (1 << 53) - 1, 11, 13, 17];
        let orders: Vec<_> = NASTY.into_iter().zip(counts).collect();
        for (kind, count) in &orders {
            self::orders(prefix, kind).add(*count);
        }

        Counter::new(format!("{prefix}.busy"), "Time.").with_unit("milliseconds").register().add(1_234_567);

        let levels = vec![("high", 21.5), ("low", -17.25), ("zero", 0.0), ("vast", 1e300), ("tiny", -1e-9)];
        for (at, value) in &levels {
            Gauge::new(format!("{prefix}.level"), "Level.").with_label("at", *at).register().set(*value);
        }

        let sizes = vec![
            ("all", (1..=2000).map(f64::from).collect::<Vec<_>>()),
            (NASTY[2], vec![10.0, 10.5, 100.0]),
            (NASTY[3], vec![5000.0]),
        ];
        for (kind, values) in &sizes {
            let histogram = Histogram::new(format!("{prefix}.size"), "Sizes.").with_unit("bytes").with_buckets(BOUNDS);
            let histogram = histogram.with_label("kind", *kind).register();
            for value in values {
                histogram.observe(*value);
            }
        }

        // In whole nanoseconds, as seconds are kept.
        let latencies: Vec<f64> = spread(10_000).map(|share| (1e5 * 1e5_f64.powf(share)).round() / 1e9).collect();
        let histogram = Histogram::new(format!("{prefix}.latency"), "Latency.").with_unit("seconds").register();
        for value in &latencies {
            histogram.observe(*value);
        }

        let pauses: Vec<f64> = spread(500).map(|share| 3.0 + 900.0 * share).collect();
        let histogram = Histogram::new(format!("{prefix}.pause"), "Pauses.").with_unit("milliseconds").register();
        for value in &pauses {
            histogram.observe(*value);
        }

        let waits: Vec<f64> = (1..=1000).map(|millis| f64::from(millis) / 1e3).collect();
        let summary = Summary::new(format!("{prefix}.wait"), "Waits.").with_unit("seconds").with_quantiles(SHARES);
        let summary = summary.register();
        for value in &waits {
            summary.observe(*value);
        }

        Self { prefix, orders, busy: 1_234_567, levels, sizes, latencies, pauses, waits }
    }

    /// Counts some more.
    pub fn count_more(&mut self) {
        for (kind, count) in self.orders.iter_mut().filter(|(_, count)| *count < 1 << 50) {
            orders(self.prefix, kind).add(1000);
            *count += 1000;
        }
    }

    /// Removes a series, and says which label it had.
    ///
    /// # Panics
    ///
    /// If it can't be removed.
    pub fn remove(&mut self) -> &'static str {
        let (kind, _) = self.orders.remove(4);
        assert!(registry().remove(&format!("{}.orders", self.prefix), &[("kind", kind)]));
        kind
    }

    /// Whether a metric is of this test.
    pub fn filter(&self) -> impl Fn(&str) -> bool + Send + Sync + 'static {
        let prefix = format!("{}.", self.prefix);
        move |name| name.starts_with(&prefix)
    }
}

fn orders(prefix: &str, kind: &'static str) -> Counter {
    // Not by a counter without labels: an empty label would be the same series to Prometheus.
    Counter::new(format!("{prefix}.orders"), HELP).with_label("kind", kind).register()
}

/// Shares from 0 to 1, every one once, in an order that tells nothing.
fn spread(count: u32) -> impl Iterator<Item = f64> {
    // 7,919 is a prime that divides none of the numbers.
    (0..count).map(move |at| (f64::from(at * 7_919 % count) + 0.5) / f64::from(count))
}

/// Labels of these names and values.
pub fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}
