//! How cost and memory grow with threads, series and labels; how to run it is in the package's docs.

#[path = "../scrape/heap.rs"]
#[allow(dead_code)] // how often something was allocated is for the other bench
mod heap;
mod labels;
mod libraries;
mod memory;
mod parts;
mod plot;
mod row;
mod series;
mod table;
mod threads;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [row::ROW, what @ ..] = &*arguments.iter().map(String::as_str).collect::<Vec<_>>() {
        return row::child(what);
    }
    let quick = match runtime_metrics_benches::quick() {
        Ok(quick) => quick,
        Err(code) => return code,
    };
    let sizes = if quick { &parts::QUICK } else { &parts::FULL };
    let found = parts::run(sizes);
    print!("{}", table::render(&found));
    if !quick && let Err(error) = plot::all(&found) {
        eprintln!("the plots can't be drawn: {error}");
        return ExitCode::FAILURE;
    }
    if found.wrong.is_empty() {
        return ExitCode::SUCCESS;
    }
    eprintln!("these did not tell what was recorded, so their numbers mean nothing:\n{}", found.wrong.join("\n"));
    ExitCode::FAILURE
}
