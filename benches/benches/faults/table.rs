//! The tables, as they are in the package's docs.

use crate::row::{Pair, Row, best, median};
use crate::turn::{Figures, OPERATIONS};
use std::fmt::Write;

pub fn render(rows: &[Row]) -> String {
    let mut text = String::new();
    usual(&mut text, rows);
    high(&mut text, rows);
    others(&mut text, rows);
    let rounds = rows.iter().map(|row| row.without().count()).max().unwrap_or_default();
    // The first makes what is made once.
    let last = rounds.saturating_sub(1);
    let [first, last] = [last.min(1), last].map(|round| {
        let turns = rows.iter().filter_map(|row| row.without().nth(round));
        best(turns.map(|turn| turn.least[0].min(turn.least[1])).collect()) / 1024.0
    });
    let _ =
        writeln!(text, "\nThe heap without an exporter: {first:.1} KiB in the second round, {last:.1} in the last.");
    text
}

fn usual(text: &mut String, rows: &[Row]) {
    let _ =
        writeln!(text, "The median batch of the fastest turn, ns per operation (to that without, median of turns):\n");
    head(text, &OPERATIONS.map(|(name, ..)| name));
    line(text, ["none", "–"], |at| number(without(rows, at, |of| of.wall.median, best)));
    for row in rows {
        line(text, [row.state.way.name(), row.state.what], |at| {
            let Pair { fastest, ratio, .. } = row.pair(at, |of| of.wall.median);
            format!("{} (×{ratio:.2})", number(fastest))
        });
    }
}

fn high(text: &mut String, rows: &[Row]) {
    let _ = writeln!(
        text,
        "\n999 of 1,000 batches are below, ns per operation by the thread's own time (to that without; the same by the wall's clock):\n"
    );
    head(text, &OPERATIONS.map(|(name, ..)| name));
    line(text, ["none", "–"], |at| number(without(rows, at, |of| of.cpu.high, median)));
    for row in rows {
        line(text, [row.state.way.name(), row.state.what], |at| {
            let Pair { with, ratio, .. } = row.pair(at, |of| of.cpu.high);
            format!("{} (×{ratio:.2}; ×{:.2})", number(with), row.pair(at, |of| of.wall.high).ratio)
        });
    }
}

fn others(text: &mut String, rows: &[Row]) {
    let _ = writeln!(
        text,
        "\nThe longest batch of all, in µs, with the exporter (and without); its pushes; the heap, in KiB:\n"
    );
    head(text, &["thread's own time", "wall", "taken", "lost", "heap, at most", "it grew by"]);
    for row in rows {
        let ([cpu_without, cpu], [wall_without, wall]) = (row.longest(|of| of.cpu), row.longest(|of| of.wall));
        let cells = [
            format!("{cpu:.0} ({cpu_without:.0})"),
            format!("{wall:.0} ({wall_without:.0})"),
            row.taken.to_string(),
            row.lost.to_string(),
            format!("{:.0}", row.held / 1024.0),
            format!("{:.1}", row.grown() / 1024.0),
        ];
        let _ = writeln!(text, "| {} | {} | {} |", row.state.way.name(), row.state.what, cells.join(" | "));
    }
}

fn head(text: &mut String, cells: &[&str]) {
    let _ = writeln!(text, "| exporter | receiver | {} |", cells.join(" | "));
    let _ = writeln!(text, "|---|---|{}", "--:|".repeat(cells.len()));
}

/// A line with a cell for each operation.
fn line(text: &mut String, names: [&str; 2], cell: impl Fn(usize) -> String) {
    let cells: Vec<String> = (0..OPERATIONS.len()).map(cell).collect();
    let _ = writeln!(text, "| {} | {} |", names.join(" | "), cells.join(" | "));
}

/// A figure of an operation while there is no exporter, of the turns of all rows.
fn without(rows: &[Row], at: usize, figure: impl Fn(&Figures) -> f64, of: fn(Vec<f64>) -> f64) -> f64 {
    of(rows.iter().flat_map(Row::without).map(|turn| figure(&turn.figures[at])).collect())
}

fn number(nanos: f64) -> String {
    if nanos < 10.0 { format!("{nanos:.2}") } else { format!("{nanos:.1}") }
}
