//! What the primitives cost beside those of other libraries; how to run it is in the package's docs.

mod by_hand;
mod harness;
mod input;
mod libraries;
mod read;
mod references;
mod table;
mod work;

use harness::{Pace, run};
use std::process::ExitCode;

fn main() -> ExitCode {
    let quick = match runtime_metrics_benches::quick() {
        Ok(quick) => quick,
        Err(code) => return code,
    };
    let mut cases = match libraries::all() {
        Ok(cases) => cases,
        Err(error) => {
            eprintln!("a peer could not be set up: {error}");
            return ExitCode::FAILURE;
        }
    };
    run(&mut cases, if quick { Pace::QUICK } else { Pace::FULL });
    print!("{}", table::render(&cases));

    let wrong = table::not_read_back(&cases);
    if wrong.is_empty() {
        return ExitCode::SUCCESS;
    }
    eprintln!("these did not read back what was recorded, so their times mean nothing:\n{}", wrong.join("\n"));
    ExitCode::FAILURE
}
