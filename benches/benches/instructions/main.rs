//! How many instructions the paths of this library take, against limits; how to run it is in the package's docs.

mod cases;
mod count;
mod functions;
mod limits;
mod off;
mod profile;
mod scrapes;
mod table;
mod values;

use cases::Case;
use limits::Limits;
use std::process::ExitCode;

const USAGE: &str = "the options are --set, which writes what is measured as the limits; --profile and the key of a case, \
                     which tells where its instructions are; and --quick, which only runs every case once, without \
                     counting";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (mut quick, mut set) = (true, false);
    match &*arguments.iter().map(String::as_str).collect::<Vec<_>>() {
        [count::CASE, key, operations] => return count::child(key, operations),
        ["--profile", key, ..] => return ended(profile(key)),
        options => {
            for option in options {
                match *option {
                    // `cargo bench` says so; without it (`cargo test --benches`) a smoke test is enough.
                    "--bench" => quick = options.contains(&"--quick"),
                    "--quick" => {}
                    "--set" => set = true,
                    other => {
                        eprintln!("`{other}` is not an option; {USAGE}");
                        return ExitCode::from(2);
                    }
                }
            }
        }
    }
    let cases = cases::all();
    ended(if quick { count::smoke(&cases) } else { gate(&cases, set) })
}

fn ended(result: Result<ExitCode, String>) -> ExitCode {
    result.unwrap_or_else(|error| {
        eprintln!("{error}");
        ExitCode::FAILURE
    })
}

/// Tells where the instructions of one case are.
fn profile(key: &str) -> Result<ExitCode, String> {
    let cases = cases::all();
    let case = cases.iter().find(|case| case.key == key);
    let keys = || cases.iter().map(|case| case.key).collect::<Vec<_>>().join(", ");
    let case = case.ok_or_else(|| format!("there is no case `{key}`; there are {}", keys()))?;
    print!("{}", profile::table(case)?);
    Ok(ExitCode::SUCCESS)
}

/// Counts every case and holds it against its limit, or makes the limits anew.
fn gate(cases: &[Case], set: bool) -> Result<ExitCode, String> {
    let counts = count::all(cases)?;
    if set {
        Limits::around(cases, &counts).write(cases)?;
    }
    let limits = Limits::read(cases)?;
    print!("{}", table::render(cases, &counts, &limits)?);
    let (above, below) = (limits.above(&counts), limits.far_below(&counts));
    if !below.is_empty() {
        println!("\nThese limits can be tightened:\n{}\n{}", below.join("\n"), limits::HOW);
    }
    if above.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    Err(format!("these take more instructions than they may:\n{}\n{}", above.join("\n"), limits::HOW))
}
