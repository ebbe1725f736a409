//! The limits, and their file.

use crate::cases::Case;
use crate::count::Counts;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/instructions/limits.toml");

pub const HOW: &str = "\nLimits are in benches/benches/instructions/limits.toml. Where a change is worth its price, or a \
                       limit can be tightened, write there what is measured, and say why in the commit:\n\
                       cargo bench -p runtime-metrics-benches --bench instructions -- --set";

const HEADER: &str = "\
# How many instructions each path may take. CI fails where one takes more.
#
# `cargo bench -p runtime-metrics-benches --bench instructions -- --set` writes this file: what is measured, and 4 % more,
# for compilers differ a little; 15 % where the system's library or places in memory have a part in it.
";

/// What may come on top of what was measured, for compilers differ a little.
const MARGIN: f64 = 1.04;
/// And of these: what a scrape copies with is the system's library, which does it in another way on each kind of
/// processor; and where a search begins that is about places in memory depends on where those are.
const WIDE_MARGIN: f64 = 1.15;
const WIDE: [&str; 4] = ["scrape_counter", "scrape_histogram", "add_with", "metered_labels"];
/// Where less of its limit is taken than this, the limit can be tightened.
const FAR_BELOW: f64 = 0.85;

/// How many instructions each case may take, by their keys.
pub struct Limits(BTreeMap<String, f64>);

impl Limits {
    /// A little above these.
    pub fn around(cases: &[Case], counts: &Counts) -> Self {
        let limit = |case: &Case| {
            let margin = if WIDE.contains(&case.key) { WIDE_MARGIN } else { MARGIN };
            // In tenths, upwards.
            (case.key.to_owned(), (counts[case.key] * margin * 10.0).ceil() / 10.0)
        };
        Self(cases.iter().filter(|case| case.less.is_some()).map(limit).collect())
    }

    /// # Errors
    ///
    /// If the file can't be read, has a line that is not understood, or a limit of no case.
    pub fn read(cases: &[Case]) -> Result<Self, String> {
        let text = fs::read_to_string(PATH).map_err(|error| format!("{PATH} can't be read: {error}"))?;
        let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
        let limits = lines.filter(|line| !line.is_empty()).map(|line| {
            let (key, limit) = line.split_once('=').ok_or_else(|| format!("{PATH}: `{line}` is not `case = limit`"))?;
            let limit = limit.trim().parse().map_err(|_| format!("{PATH}: `{line}` has no number"))?;
            let key = key.trim();
            if cases.iter().any(|case| case.key == key) {
                Ok((key.to_owned(), limit))
            } else {
                Err(format!("{PATH}: there is no case `{key}`"))
            }
        });
        limits.collect::<Result<_, String>>().map(Self)
    }

    /// # Errors
    ///
    /// If the file can't be written.
    pub fn write(&self, cases: &[Case]) -> Result<(), String> {
        let mut text = HEADER.to_owned();
        for case in cases {
            if let Some(limit) = self.0.get(case.key) {
                let _ = writeln!(text, "\n# {}\n{} = {limit:.1}", case.what, case.key);
            }
        }
        fs::write(PATH, text).map_err(|error| format!("{PATH} can't be written: {error}"))
    }

    /// # Errors
    ///
    /// If it has none.
    pub fn of(&self, key: &str) -> Result<f64, String> {
        self.0.get(key).copied().ok_or_else(|| format!("`{key}` has no limit.{HOW}"))
    }

    /// What takes more than it may.
    pub fn above(&self, counts: &Counts) -> Vec<String> {
        self.those(counts, |count, limit| count > limit)
    }

    /// What takes so much less than it may that a loss would go unseen.
    pub fn far_below(&self, counts: &Counts) -> Vec<String> {
        self.those(counts, |count, limit| count < limit * FAR_BELOW)
    }

    fn those(&self, counts: &Counts, is: impl Fn(f64, f64) -> bool) -> Vec<String> {
        let found = counts.iter().filter_map(|(key, count)| Some((key, *count, *self.0.get(*key)?)));
        let found = found.filter(|(_, count, limit)| is(*count, *limit));
        found
            .map(|(key, count, limit)| {
                let (by, percent) = (count - limit, (count / limit - 1.0) * 100.0);
                format!("* `{key}` takes {count:.1}, its limit is {limit:.1}: {by:+.1}, {percent:+.0} %")
            })
            .collect()
    }
}
