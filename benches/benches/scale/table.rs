//! The tables, in Markdown.

use crate::parts::{Everything, Found};
use std::fmt::Write;

pub fn render(found: &Everything) -> String {
    let threads = [
        ("ns for an increment", 1.0),
        ("heap of a thread, one counter", 1.0),
        ("resident", 1.0),
        ("heap of a thread, 1,000 series", 1.0),
        ("resident", 1.0),
        ("ns to find one of them and add", 1.0),
        ("scrape while they live, ms", 1e-6),
        ("after they ended, ms", 1e-6),
        ("process, MB", 1e-6),
    ];
    let series = [
        ("ns to make one", 1.0),
        ("heap of one", 1.0),
        ("resident", 1.0),
        ("ns to find one and add", 1.0),
        ("ns to scrape one", 1.0),
        ("process, MB", 1e-6),
    ];
    [
        table("Threads", "threads", threads, &found.threads),
        table("Series", "series", series, &found.series),
        table("Labels of a series", "labels", series, &found.widths),
        table("Length of label values", "bytes a value", series, &found.lengths),
    ]
    .concat()
}

fn table<const N: usize>(title: &str, size: &str, columns: [(&str, f64); N], rows: &[Found<[f64; N]>]) -> String {
    let names = columns.map(|(name, _)| name).join(" | ");
    let mut text = format!("### {title}\n\n| {size} | library | {names} |\n|--:|---|{}\n", "--:|".repeat(N));
    for Found { library, size, row } in rows {
        let _ = write!(text, "| {size} | {library} |");
        for (number, (_, factor)) in row.iter().zip(columns) {
            let _ = write!(text, " {} |", short(number * factor));
        }
        text.push('\n');
    }
    text + "\n"
}

/// Three digits, or as many as there are before the point.
fn short(number: f64) -> String {
    match number.abs() {
        ..1.0 => format!("{number:.2}"),
        ..100.0 => format!("{number:.1}"),
        _ => format!("{number:.0}"),
    }
}
