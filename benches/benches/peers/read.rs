//! Reads what a library says it has recorded.

/// The sum of all samples with this name and (a part of) these labels, in Prometheus text.
pub fn sum(text: &str, name: &str, labels: &str) -> f64 {
    let samples = text.lines().filter_map(|line| {
        let rest = line.strip_prefix(name)?;
        let value = rest.rsplit(' ').next()?;
        (rest.starts_with([' ', '{']) && rest.contains(labels)).then(|| value.parse().unwrap_or(f64::NAN))
    });
    samples.sum()
}

/// What a library says about a measured function.
pub struct Seen {
    pub calls: f64,
    pub durations: f64,
    pub active: f64,
}

impl Seen {
    /// The number of calls, if all of it agrees.
    pub fn agreed(&self) -> f64 {
        let agrees = (self.calls - self.durations).abs() < 0.5 && self.active.abs() < 0.5;
        if agrees { self.calls } else { f64::NAN }
    }
}
