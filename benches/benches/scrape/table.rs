//! The tables, in Markdown.

use crate::libraries::{OURS, REFERENCE};
use crate::measure::Measured;
use crate::shape::HISTOGRAMS;
use std::fmt::Write;

type Rows<'a> = [(&'a str, Measured)];

pub fn scrape(counters: usize, rows: &Rows<'_>) -> String {
    let mut text = format!(
        "### Scrape of {counters} labelled counters and {HISTOGRAMS} histograms\n\n\
         | library | ms | to the reference | to ours | bytes written | allocations | bytes allocated | read back |\n\
         |---|--:|--:|--:|--:|--:|--:|---|\n"
    );
    let time = |name| rows.iter().find(|row| row.0 == name).map_or(f64::NAN, |row| row.1.millis);
    for (library, row) in rows {
        let _ = writeln!(
            text,
            "| {library} | {:.2} | {:.1} | {:.2} | {:.0} | {:.0} | {:.0} | yes |",
            row.millis,
            row.millis / time(REFERENCE),
            row.millis / time(OURS),
            row.bytes,
            row.allocations,
            row.allocated,
        );
    }
    text + "\n"
}

pub fn memory(rows: &Rows<'_>) -> String {
    let mut text = String::from(
        "### Live heap of a series, bytes\n\n\
         | library | counter | to ours | histogram | to ours | each further thread: counter, of 2 | of 8 | histogram, of 2 | of 8 |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    let heap = |name| rows.iter().find(|row| row.0 == name).map_or([f64::NAN; 2], |row| row.1.heap);
    let [counter, histogram] = heap(OURS);
    for (library, row) in rows.iter().filter(|row| row.0 != REFERENCE) {
        let [counters, histograms] = row.threads;
        let _ = writeln!(
            text,
            "| {library} | {:.0} | {:.2} | {:.0} | {:.2} | {:.1} | {:.1} | {:.1} | {:.1} |",
            row.heap[0],
            row.heap[0] / counter,
            row.heap[1],
            row.heap[1] / histogram,
            counters[0],
            counters[1],
            histograms[0],
            histograms[1],
        );
    }
    text + "\n"
}
