//! Counts instructions: the case runs in a process of its own under valgrind, twice, and the second time it does twice
//! as much. The difference is what the operations take; what happens once is in both.

use crate::cases::{self, Case, Run};
use std::collections::BTreeMap;
use std::process::{Command, ExitCode};
use std::sync::Mutex;
use std::thread;

/// As a process of its own for each case: registries are global, and what is remembered would help the next.
pub const CASE: &str = "--case";

/// Operations before those that count: pages are touched and labels found for the first time.
const WARM_UP: u64 = 256;

/// Instructions by the keys of the cases.
pub type Counts = BTreeMap<&'static str, f64>;

/// # Errors
///
/// If there is no valgrind, or a case did not record what it should.
pub fn all(cases: &[Case]) -> Result<Counts, String> {
    let raw = each(cases, |case| {
        let [once, twice] =
            [1, 2].map(|times| instructions(case, times * case.operations, "--callgrind-out-file=/dev/null"));
        Ok(twice?.saturating_sub(once?) as f64 / case.operations as f64)
    })?;
    let less = |case: &Case| case.less.and_then(|key| raw.get(key)).unwrap_or(&0.0);
    Ok(cases.iter().map(|case| (case.key, (raw[case.key] - less(case)) / case.things as f64)).collect())
}

/// Runs every case without counting.
///
/// # Errors
///
/// If one did not record what it should.
pub fn smoke(cases: &[Case]) -> Result<ExitCode, String> {
    let done = each(cases, |case| output(case, case.operations, &mut Command::new(this()?)).map(|_| 0.0))?;
    println!("{} paths record what they should; how many instructions they take was not counted.", done.len());
    Ok(ExitCode::SUCCESS)
}

/// As many cases at a time as there are processors: counts don't depend on how long they take.
fn each(cases: &[Case], does: impl Fn(&Case) -> Result<f64, String> + Sync) -> Result<Counts, String> {
    let (waiting, done) = (Mutex::new(cases.iter()), Mutex::new(Vec::new()));
    let next = || waiting.lock().ok()?.next();
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(case) = next() {
                    let result =
                        does(case).map(|count| (case.key, count)).map_err(|error| format!("{}: {error}", case.key));
                    if let Ok(mut done) = done.lock() {
                        done.push(result);
                    }
                }
            });
        }
    });
    done.into_inner().map_err(|_| "a case panicked".to_owned())?.into_iter().collect()
}

fn this() -> Result<std::path::PathBuf, String> {
    std::env::current_exe().map_err(|error| error.to_string())
}

/// Runs a case under callgrind, which is told where to write, and says how many instructions it took.
///
/// # Errors
///
/// If there is no valgrind, or the case did not record what it should.
pub fn instructions(case: &Case, operations: u64, written: &str) -> Result<u64, String> {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", written, "--toggle-collect=*counted_operations*"]).arg(this()?);
    let said = output(case, operations, &mut valgrind)?;
    // `==123== Collected : 4567`
    let collected = said.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok());
    collected.ok_or_else(|| format!("valgrind did not say what it collected, but `{}`", said.trim()))
}

/// What the case's process says of itself, if it does what it should.
fn output(case: &Case, operations: u64, command: &mut Command) -> Result<String, String> {
    let output = command.args([CASE, case.key, &operations.to_string()]).output().map_err(|error| {
        let program = command.get_program().to_string_lossy();
        format!("`{program}` can't be run ({error}); counting needs valgrind, a package of most distributions")
    })?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(said) } else { Err(format!("its process failed and said `{}`", said.trim())) }
}

/// Does what is asked of a process of a case.
pub fn child(key: &str, operations: &str) -> ExitCode {
    let case = cases::all().into_iter().find(|case| case.key == key);
    let (Some(case), Ok(operations)) = (case, operations.parse()) else {
        eprintln!("there is no such case");
        return ExitCode::FAILURE;
    };
    let mut run = (case.make)();
    run.run(WARM_UP.min(case.operations));
    counted_operations(&mut *run, operations);
    let done = (WARM_UP.min(case.operations) + operations) as f64;
    if let Some(seen) = run.seen().filter(|seen| *seen != done) {
        eprintln!("{done} operations were done, but {seen} can be read back");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// What is counted, by its name: a process begins by taking the measure of its clock, which never takes as long again.
#[inline(never)]
fn counted_operations(run: &mut dyn Run, operations: u64) {
    run.run(operations);
}
