//! What the primitives cost beside those of other libraries; how to run it is in the package's docs.

mod by_hand;
mod harness;
mod input;
mod read;
mod table;
mod workloads;

use harness::{Pace, run};
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut quick = true;
    for argument in std::env::args().skip(1) {
        match &*argument {
            // `cargo bench` says so; without it (`cargo test --benches`) a smoke test is enough.
            "--bench" => quick = std::env::args().any(|other| other == "--quick"),
            "--quick" => {}
            other => {
                eprintln!("`{other}` is not an option; there is --quick");
                return ExitCode::from(2);
            }
        }
    }
    let mut workloads = match workloads::all() {
        Ok(workloads) => workloads,
        Err(error) => {
            eprintln!("a peer could not be set up: {error}");
            return ExitCode::FAILURE;
        }
    };
    run(&mut workloads, if quick { Pace::QUICK } else { Pace::FULL });
    print!("{}", table::render(&workloads));

    let wrong = table::not_read_back(&workloads);
    if wrong.is_empty() {
        return ExitCode::SUCCESS;
    }
    eprintln!("these did not read back what was recorded, so their times mean nothing:\n{}", wrong.join("\n"));
    ExitCode::FAILURE
}
