//! The proof: what each node did beside what the registry says, a metric a line and a node a column.

use runtime_metrics::{Reading, registry};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// A metric, its labels other than the node, and the node.
type Series = (String, Vec<(String, String)>, String);

/// What must have been measured.
#[derive(Default)]
pub struct Ledger {
    done: BTreeMap<Series, f64>,
}

impl Ledger {
    /// A node did something so many more times.
    pub fn count(&mut self, node: &str, name: &str, labels: &[(&str, &str)], times: usize) {
        *self.entry(node, name, labels) += times as f64;
    }

    /// Something of a node is at this value now.
    pub fn is(&mut self, node: &str, name: &str, labels: &[(&str, &str)], value: usize) {
        *self.entry(node, name, labels) = value as f64;
    }

    fn entry(&mut self, node: &str, name: &str, labels: &[(&str, &str)]) -> &mut f64 {
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.done.entry((name.to_owned(), labels, node.to_owned())).or_default()
    }

    pub fn agrees(&self) -> bool {
        !self.done.is_empty() && self.done.iter().all(|(series, done)| measured(series) == Some(*done))
    }

    /// Both accounts: one number where they agree, both where they don't.
    pub fn table(&self) -> String {
        let nodes: BTreeSet<&str> = self.done.keys().map(|(_, _, node)| node.as_str()).collect();
        let rows: BTreeSet<_> = self.done.keys().map(|(name, labels, _)| (name, labels)).collect();
        let mut table = format!("{:<62}", "what was done, and was measured");
        for node in &nodes {
            table.push_str(&right(node));
        }
        table.push('\n');
        for (name, labels) in rows {
            let labels_text: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
            // Writing to a string can't fail.
            _ = write!(table, "{:<62}", format!("{name} {}", labels_text.join(" ")));
            for node in &nodes {
                let series = (name.clone(), labels.clone(), (*node).to_owned());
                let cell = self.done.get(&series).map_or_else(String::new, |done| cell(*done, measured(&series)));
                table.push_str(&right(&cell));
            }
            table.truncate(table.trim_end().len());
            table.push('\n');
        }
        table.push_str(if self.agrees() {
            "All that was done was measured, to the unit.\n"
        } else {
            "What was measured is NOT what was done.\n"
        });
        table
    }
}

fn right(text: &str) -> String {
    format!(" {text:>8}")
}

fn cell(done: f64, measured: Option<f64>) -> String {
    match measured {
        Some(measured) if measured == done => done.to_string(),
        Some(measured) => format!("DIFFERS: did {done}, measured {measured}"),
        None => format!("DIFFERS: did {done}, measured nothing"),
    }
}

/// A counter or a gauge is its value, everything else is how often it was recorded into.
fn measured((name, labels, node): &Series) -> Option<f64> {
    let mut labels: Vec<(&str, &str)> = labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    labels.push(("node", node));
    match registry().get(name, &labels)? {
        Reading::Counter(count) => Some(count as f64),
        Reading::CounterFloat(value) | Reading::Gauge(value) => Some(value),
        Reading::Distribution(distribution) => Some(distribution.count as f64),
        Reading::Summary(summary) => Some(summary.count as f64),
        _ => None,
    }
}
