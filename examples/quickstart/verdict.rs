//! The proof: what the load generator counted beside what `/metrics` says.

use crate::api::ROUTES;
use crate::load::{Counts, Tally};
use std::collections::BTreeMap;
use std::fmt::Write;

/// The two accounts, side by side.
pub struct Verdict {
    pub table: String,
    pub agrees: bool,
}

/// Compares the load's counts with a scrape in the Prometheus text format: with the handlers
/// (`http_requests_total`), and with the service behind them (`action_requests_total`).
pub fn compare(load: &Tally, scrape: &str) -> Verdict {
    let handlers = counts(scrape, "http_requests_total", |_| true);
    let service =
        counts(scrape, "action_requests_total", |labels| labels.get("service").is_some_and(|is| is == "Orders"));
    let mut table = String::from("\n");
    let mut agrees = true;
    let mut all = [Counts::default(); 3];
    _ = writeln!(
        table,
        "{:<24}{:^22}{:^22}{:^22}",
        "", "load generator", "http_requests_total", "action_requests_total"
    );
    _ = writeln!(table, "{:<24}{}", "", format!("{:>6}{:>6}{:>10}", "ok", "error", "cancelled").repeat(3));
    for (action, route) in ROUTES {
        let row = [load.get(action), handlers.get(action), service.get(action)]
            .map(|counts| counts.copied().unwrap_or_default());
        agrees &= row[0] == row[1] && row[0] == row[2];
        line(&mut table, route, row);
        all.iter_mut().zip(row).for_each(|(all, counts)| *all += counts);
    }
    line(&mut table, "all", all);
    let [load, handlers, service] = all;
    _ = writeln!(table, "load: ok={} error={} cancelled={} lost={}", load.ok, load.error, load.cancelled, load.lost);
    for (name, is) in [("http_requests_total", handlers), ("action_requests_total{service=\"Orders\"}", service)] {
        _ = writeln!(table, "{name}: ok={} error={} cancelled={} panic={}", is.ok, is.error, is.cancelled, is.lost);
    }
    table.push_str(if agrees {
        "What the load generator counted is what was measured, to the unit."
    } else {
        "What the load generator counted is NOT what was measured. Did you send requests yourself? They count too."
    });
    Verdict { table, agrees }
}

fn line(table: &mut String, route: &str, row: [Counts; 3]) {
    _ = write!(table, "{route:<24}");
    for counts in row {
        _ = write!(table, "{:>6}{:>6}{:>10}", counts.ok, counts.error, counts.cancelled);
    }
    _ = writeln!(table, "{}", if row[0] == row[1] && row[0] == row[2] { " agree" } else { " DIFFER" });
}

/// The samples of one counter, added up by action and outcome.
fn counts(scrape: &str, name: &str, wanted: impl Fn(&BTreeMap<&str, String>) -> bool) -> BTreeMap<String, Counts> {
    let mut all: BTreeMap<String, Counts> = BTreeMap::new();
    for (labels, value) in scrape.lines().filter_map(|line| sample(line, name)).filter(|(labels, _)| wanted(labels)) {
        let counts = all.entry(labels.get("action").cloned().unwrap_or_default()).or_default();
        match labels.get("outcome").map(String::as_str) {
            Some("ok") => counts.ok += value,
            Some("error") => counts.error += value,
            Some("cancelled") => counts.cancelled += value,
            // A panic answers nobody: the client's connection breaks.
            _ => counts.lost += value,
        }
    }
    all
}

/// The labels and the value of a line such as `name{label="value"} 3`, if it is of this name.
fn sample<'a>(line: &'a str, name: &str) -> Option<(BTreeMap<&'a str, String>, u64)> {
    let mut rest = line.strip_prefix(name)?.strip_prefix('{')?;
    let mut labels = BTreeMap::new();
    while let Some((label, quoted)) = rest.split_once("=\"") {
        let mut value = String::new();
        let mut characters = quoted.char_indices();
        let end = loop {
            match characters.next()? {
                (end, '"') => break end,
                (_, '\\') => match characters.next()?.1 {
                    'n' => value.push('\n'),
                    escaped => value.push(escaped),
                },
                (_, plain) => value.push(plain),
            }
        };
        labels.insert(label.trim_start_matches(','), value);
        rest = &quoted[end + 1..];
        if rest.starts_with('}') {
            break;
        }
    }
    Some((labels, rest.strip_prefix('}')?.trim().parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_read_with_its_escapes() {
        let (labels, value) = sample(r#"x_total{a="1,\"}=\n",b="\\"} 7"#, "x_total").unwrap();
        assert_eq!((labels["a"].as_str(), labels["b"].as_str(), value), ("1,\"}=\n", "\\", 7));
        assert!(sample(r#"x_total_more{a="1"} 7"#, "x_total").is_none());
    }
}
