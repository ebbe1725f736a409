//! The table, in Markdown.

use crate::cases::Case;
use crate::count::Counts;
use crate::limits::Limits;
use std::fmt::Write;

/// # Errors
///
/// If a case has no limit.
pub fn render(cases: &[Case], counts: &Counts, limits: &Limits) -> Result<String, String> {
    let mut text = String::from("| case | key | instructions | limit | difference |\n|---|---|--:|--:|--:|\n");
    for case in cases {
        let count = counts[case.key];
        if case.less.is_none() {
            let _ = writeln!(text, "| {} | `{}` | {count:.1} | – | – |", case.what, case.key);
            continue;
        }
        let limit = limits.of(case.key)?;
        let difference = (count / limit - 1.0) * 100.0;
        let _ = writeln!(text, "| {} | `{}` | {count:.1} | {limit:.1} | {difference:+.1} % |", case.what, case.key);
    }
    Ok(text)
}
