//! What recording costs while receivers fail: the same operations beside exporters that push to receivers in every
//! state, and without an exporter. How to run it is in the package's docs.

#[path = "../scrape/heap.rs"]
#[allow(dead_code)] // how often something was allocated is for another bench
mod heap;
mod receiver;
mod row;
mod states;
mod table;
mod turn;

use receiver::Receivers;
use row::Row;
use runtime_metrics::{increment, observe};
use states::State;
use std::process::ExitCode;
use std::time::Duration;
use turn::Pace;

/// What the program has besides: each push has these to tell.
const COUNTERS: usize = 1_000;
const HISTOGRAMS: usize = 100;

/// How often all rows take their turn. The processor has two speeds, for seconds each: turns are short and many, so
/// that few have one without the exporter and another with it.
const ROUNDS: usize = 15;
/// How long each operation is done in a turn.
const STRETCH: Duration = Duration::from_millis(80);
/// What an exporter may add to the median, whatever becomes of its pushes.
const ALLOWED: f64 = 1.1;

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some(receiver::RECEIVER) {
        return receiver::child();
    }
    let quick = match runtime_metrics_benches::quick() {
        Ok(quick) => quick,
        Err(code) => return code,
    };
    match run(quick) {
        Ok(wrong) if wrong.is_empty() => ExitCode::SUCCESS,
        Ok(wrong) => {
            eprintln!("these are not as they should be:\n{}", wrong.join("\n"));
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(quick: bool) -> Result<Vec<String>, Box<dyn std::error::Error>> {
    let receivers = Receivers::start()?;
    let mut rows: Vec<Row> = State::all(&receivers)?.into_iter().map(Row::new).collect();
    for at in 0..COUNTERS {
        increment!("faults_bench_served", labels: {"route" => at});
    }
    for at in 0..HISTOGRAMS {
        observe!("faults_bench_bytes", value: at, labels: {"route" => at});
    }
    let mut pace = Pace::measure(if quick { STRETCH / 4 } else { STRETCH });
    for round in 0..if quick { 1 } else { ROUNDS } {
        // Each begins somewhere else, so that what the machine does in the meantime hits all alike.
        let count = rows.len();
        for at in 0..count {
            rows[(at + round * count / ROUNDS) % count].turn(&mut pace)?;
        }
    }
    print!("{}", table::render(&rows));
    let mut wrong: Vec<String> = rows.iter().filter_map(Row::wrong).collect();
    wrong.extend(pace.wrong());
    if !quick {
        wrong.extend(rows.iter().filter_map(|row| row.slower_than(ALLOWED)));
    }
    Ok(wrong)
}
