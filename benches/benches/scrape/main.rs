//! What a scrape costs, and the memory of series, beside other libraries; how to run it is in the package's docs.

mod heap;
mod libraries;
mod measure;
mod shape;
mod table;

use measure::Measured;
use shape::Shape;
use std::process::{Command, ExitCode, Stdio};

/// As a process of its own for each row: registries are global, and memory does not come back as it was.
const ROW: &str = "--row";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [ROW, library, counters, rounds] = &*arguments.iter().map(String::as_str).collect::<Vec<_>>() {
        return row(library, counters, rounds);
    }
    let quick = match runtime_metrics_benches::quick() {
        Ok(quick) => quick,
        Err(code) => return code,
    };
    let (sizes, rounds): (&[usize], _) = if quick { (&[10_000], "3") } else { (&[10_000, 100_000], "31") };

    let mut wrong = Vec::new();
    for &counters in sizes {
        let mut rows = Vec::new();
        for library in libraries::NAMES {
            match spawn(library, counters, rounds) {
                Ok(measured) => rows.push((*library, measured)),
                Err(error) => wrong.push(format!("{library}, {counters} counters: {error}")),
            }
        }
        print!("{}", table::scrape(counters, &rows));
        if counters == sizes[0] {
            print!("{}", table::memory(&rows));
        }
    }
    if wrong.is_empty() {
        return ExitCode::SUCCESS;
    }
    eprintln!("these did not tell what was recorded, so their times mean nothing:\n{}", wrong.join("\n"));
    ExitCode::FAILURE
}

fn spawn(library: &str, counters: usize, rounds: &str) -> Result<Measured, String> {
    let mut row = Command::new(std::env::current_exe().map_err(|error| error.to_string())?);
    row.args([ROW, library, &counters.to_string(), rounds]).stderr(Stdio::inherit());
    let output = row.output().map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.parse().map_err(|()| format!("the row's process said `{}`", text.trim()))
}

/// Measures one row and prints it.
fn row(library: &str, counters: &str, rounds: &str) -> ExitCode {
    let measured = counters.parse().ok().zip(rounds.parse().ok()).map(|(counters, rounds)| {
        let shape = Shape { counters };
        measure::row(&shape, rounds, || libraries::new(library, &shape))
    });
    match measured {
        Some(Ok(measured)) => println!("{measured}"),
        Some(Err(error)) => println!("{error}"),
        None => println!("no such row"),
    }
    ExitCode::SUCCESS
}
