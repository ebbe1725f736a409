//! The series that every library gets, and whether its text tells them.

use std::fmt::Write;

pub const FAMILIES: usize = 10;
pub const HISTOGRAMS: usize = 1_000;
/// Upper bounds of the histograms, in seconds.
pub const BOUNDS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// One for each bucket.
pub const LATENCIES: [f64; 12] = [0.004, 0.009, 0.02, 0.04, 0.09, 0.2, 0.4, 0.9, 2.0, 4.0, 9.0, 20.0];

pub const METHODS: [&str; 8] = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE"];

/// Counters of [`FAMILIES`] families by route and method, and [`HISTOGRAMS`] histograms of one family.
pub struct Shape {
    pub counters: usize,
}

/// One series of a family, by its number.
pub struct Series<'a> {
    pub number: usize,
    pub route: &'a str,
    pub method: &'static str,
}

impl Shape {
    /// Series of one family of counters.
    pub fn per_family(&self) -> usize {
        self.counters / FAMILIES
    }

    /// Visits every counter: its family, its labels, and what is added to it.
    pub fn counters(&self, mut visit: impl FnMut(usize, &Series<'_>, u64)) {
        for family in 0..FAMILIES {
            each(self.per_family(), |series| visit(family, series, 1 + series.number as u64 % 97));
        }
    }

    /// Visits every histogram.
    pub fn histograms(mut visit: impl FnMut(&Series<'_>)) {
        each(HISTOGRAMS, &mut visit);
    }

    /// Whether the text tells all of it, and nothing else under these names, after each series was recorded into
    /// by so many threads.
    ///
    /// # Errors
    ///
    /// What is wrong.
    pub fn check(&self, text: &str, threads: usize, own_buckets: bool) -> Result<(), String> {
        let mut sum = 0;
        self.counters(|_, _, count| sum += count as usize);
        let buckets = tally(text, |name| name == "latency_bucket").0;
        let seen = [
            tally(text, |name| name.starts_with("requests_")),
            (if own_buckets { HISTOGRAMS * LATENCIES.len() } else { buckets }, 0.0),
            tally(text, |name| name == "latency_count"),
        ];
        let right = [
            (self.counters, (sum * threads) as f64),
            (HISTOGRAMS * LATENCIES.len(), 0.0),
            (HISTOGRAMS, (HISTOGRAMS * LATENCIES.len() * threads) as f64),
        ];
        if seen == right {
            return Ok(());
        }
        Err(format!("lines and sums of counters, buckets and counts are {seen:?}, but should be {right:?}"))
    }
}

fn each(count: usize, mut visit: impl FnMut(&Series<'_>)) {
    let mut route = String::new();
    for number in 0..count {
        route.clear();
        let _ = write!(route, "/api/v1/res/{number:06}");
        visit(&Series { number, route: &route, method: METHODS[number % METHODS.len()] });
    }
}

/// The number of samples with such a name, and their sum.
fn tally(text: &str, name: impl Fn(&str) -> bool) -> (usize, f64) {
    let samples = text.lines().filter_map(|line| {
        let (sample, value) = line.rsplit_once(' ')?;
        let ours = !line.starts_with('#') && name(sample.split('{').next()?) && sample.contains("route=");
        ours.then(|| value.parse().unwrap_or(f64::NAN))
    });
    samples.fold((0, 0.0), |(count, sum), value: f64| (count + 1, sum + value))
}
