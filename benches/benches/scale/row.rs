//! A row: a process of its own, for registries are global and memory does not come back as it was.

use crate::labels::Form;
use crate::libraries::Library;
use crate::{series, threads};
use std::error::Error;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

pub const ROW: &str = "--row";
const SERIES: &str = "series";
const THREADS: &str = "threads";

/// What a row's process is told to do.
#[derive(Clone, Copy)]
pub enum Task {
    /// So many series, looked up so many times.
    Series { series: usize, form: Form, lookups: usize },
    /// So many threads, which do so many increments together.
    Threads { threads: usize, increments: u64 },
}

/// Runs one and hands back its numbers.
///
/// # Errors
///
/// What the process said in place of numbers.
pub fn spawn<const N: usize>(library: &str, task: Task) -> Result<[f64; N], String> {
    let mut row = Command::new(std::env::current_exe().map_err(|error| error.to_string())?);
    row.args([ROW, library]).stderr(Stdio::inherit());
    match task {
        Task::Series { series, form, lookups } => {
            row.arg(SERIES).args([series, form.width, form.length, lookups].map(|number| number.to_string()))
        }
        Task::Threads { threads, increments } => row.args([THREADS, &threads.to_string(), &increments.to_string()]),
    };
    let output = row.output().map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    let numbers: Result<Vec<f64>, _> = text.split_whitespace().map(str::parse).collect();
    let numbers = numbers.ok().and_then(|numbers| numbers.try_into().ok());
    numbers.ok_or_else(|| format!("the row's process said `{}`", text.trim()))
}

/// Does what such a process has to.
pub fn child(what: &[&str]) -> ExitCode {
    match numbers(what) {
        Ok(numbers) => numbers.iter().for_each(|number| println!("{number}")),
        Err(error) => println!("{error}"),
    }
    ExitCode::SUCCESS
}

fn numbers(what: &[&str]) -> Result<Vec<f64>, Box<dyn Error>> {
    match what {
        [library, SERIES, series, width, length, lookups] => {
            let form = Form { width: width.parse()?, length: length.parse()? };
            Ok(series::row(library, series.parse()?, form, lookups.parse()?)?.to_vec())
        }
        [library, THREADS, threads, increments] => {
            Ok(threads::row(library, threads.parse()?, increments.parse()?)?.to_vec())
        }
        _ => Err("no such row".into()),
    }
}

/// The median of several scrapes, in nanoseconds, after two that make buffers and find an order.
pub fn scrape(library: &mut dyn Library, rounds: usize) -> f64 {
    (0..2).for_each(|_| library.scrape(&mut |_| ()));
    median(rounds, || library.scrape(&mut |_| ()))
}

/// The median of how long it takes, in nanoseconds.
pub fn median(rounds: usize, mut does: impl FnMut()) -> f64 {
    let time = |_| {
        let started = Instant::now();
        does();
        started.elapsed().as_secs_f64() * 1e9
    };
    let mut times: Vec<f64> = (0..rounds).map(time).collect();
    times.sort_by(f64::total_cmp);
    times[rounds / 2]
}

/// Whether the text tells so many increments without labels, so many series, and their sum.
///
/// # Errors
///
/// What is wrong.
pub fn check(library: &mut dyn Library, right: [f64; 3]) -> Result<(), String> {
    let mut seen = [0.0; 3];
    library.scrape(&mut |text| {
        for line in String::from_utf8_lossy(text).lines() {
            let Some((sample, value)) = line.rsplit_once(' ') else { continue };
            let value: f64 = value.parse().unwrap_or(f64::NAN);
            if sample.starts_with("plain") {
                seen[0] += value;
            } else if sample.starts_with("labelled") && sample.contains("first=") {
                seen[1] += 1.0;
                seen[2] += value;
            }
        }
    });
    if seen == right {
        return Ok(());
    }
    Err(format!("increments, series and their sum are {seen:?}, but should be {right:?}"))
}
