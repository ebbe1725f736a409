//! The proof: what was done, written down where it was done, beside what the registry says.

use runtime_metrics::{Reading, registry};
use std::collections::BTreeMap;
use std::fmt::Write;

type Series = (String, Vec<(String, String)>);

/// What must have been measured, by series.
#[derive(Default)]
pub struct Ledger {
    done: BTreeMap<Series, f64>,
}

impl Ledger {
    /// Something was done so many more times.
    pub fn count(&mut self, name: &str, labels: &[(&str, &str)], times: u32) {
        *self.entry(name, labels) += f64::from(times);
    }

    /// Something is at this value now.
    pub fn is(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        *self.entry(name, labels) = value;
    }

    fn entry(&mut self, name: &str, labels: &[(&str, &str)]) -> &mut f64 {
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.done.entry((name.to_owned(), labels)).or_default()
    }

    pub fn agrees(&self) -> bool {
        self.done.iter().all(|(series, done)| measured(series) == Some(*done))
    }

    /// Both accounts, a series a line.
    pub fn table(&self) -> String {
        let mut table = format!("{:<98}{:>8}{:>10}\n", "series", "done", "measured");
        for (series, done) in &self.done {
            let (name, labels) = series;
            let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let is = measured(series);
            let shown = is.map_or_else(|| "nothing".to_owned(), |is| is.to_string());
            let verdict = if is == Some(*done) { "" } else { "  DIFFERS" };
            // Writing to a string can't fail.
            _ = writeln!(table, "{:<98}{done:>8}{shown:>10}{verdict}", format!("{name} {}", labels.join(" ")));
        }
        table.push_str(if self.agrees() {
            "All that was done was measured, to the unit.\n"
        } else {
            "What was measured is NOT what was done.\n"
        });
        table
    }
}

/// A counter or a gauge is its value, everything else is how often it was recorded into.
fn measured((name, labels): &Series) -> Option<f64> {
    let labels: Vec<(&str, &str)> = labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    match registry().get(name, &labels)? {
        Reading::Counter(count) => Some(count as f64),
        Reading::CounterFloat(value) | Reading::Gauge(value) => Some(value),
        Reading::Distribution(distribution) => Some(distribution.count as f64),
        Reading::Summary(summary) => Some(summary.count as f64),
        _ => None,
    }
}
