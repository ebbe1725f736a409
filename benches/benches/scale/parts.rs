//! What is measured, and for which sizes.

use crate::labels::Form;
use crate::libraries;
use crate::row::{Task, spawn};
use crate::{series, threads};
use std::fmt::Display;

/// The sizes of a run.
pub struct Sizes {
    threads: &'static [usize],
    /// By this library, and by others: so many that they take a while, where one takes a fraction of a nanosecond too.
    increments: [u64; 2],
    series: &'static [usize],
    lookups: usize,
    widths: &'static [usize],
    lengths: &'static [usize],
}

pub const FULL: Sizes = Sizes {
    threads: &[1, 2, 8, 64, 256, 1_000],
    increments: [1 << 30, 1 << 26],
    series: &[1, 10, 100, 1_000, 10_000, 100_000, 1_000_000],
    lookups: 1 << 18,
    widths: &[1, 2, 3, 4, 5],
    lengths: &[4, 16, 50, 100, 200],
};

pub const QUICK: Sizes = Sizes {
    threads: &[1, 8, 64],
    increments: [1 << 20, 1 << 20],
    series: &[1, 100, 10_000],
    lookups: 1 << 12,
    widths: &[1, 5],
    lengths: &[4, 200],
};

/// The form of labels where it is not what changes.
pub const FORM: Form = Form { width: 2, length: 16 };
/// The number of series where it is not what changes.
pub const SERIES: usize = 1_000;

/// What was found for one library at one size.
pub struct Found<R> {
    pub library: &'static str,
    pub size: usize,
    pub row: R,
}

/// Everything that was found.
#[derive(Default)]
pub struct Everything {
    pub threads: Vec<Found<threads::Row>>,
    pub series: Vec<Found<series::Row>>,
    pub widths: Vec<Found<series::Row>>,
    pub lengths: Vec<Found<series::Row>>,
    pub wrong: Vec<String>,
}

pub fn run(sizes: &Sizes) -> Everything {
    let mut found = Everything::default();
    let wrong = &mut found.wrong;
    let increments =
        |library| sizes.increments[usize::from([libraries::MEASURED, libraries::CLIENT].contains(&library))];
    found.threads = each("threads", sizes.threads, wrong, |library, threads| {
        Some(Task::Threads { threads, increments: increments(library) })
    });
    let lookups = sizes.lookups;
    let task = |library, series, form| libraries::can(library, form).then_some(Task::Series { series, form, lookups });
    found.series = each("series", sizes.series, wrong, |library, series| task(library, series, FORM));
    found.widths = each("labels", sizes.widths, wrong, |library, width| task(library, SERIES, Form { width, ..FORM }));
    found.lengths =
        each("bytes a value", sizes.lengths, wrong, |library, length| task(library, SERIES, Form { length, ..FORM }));
    found
}

fn each<const N: usize>(
    what: impl Display,
    sizes: &[usize],
    wrong: &mut Vec<String>,
    task: impl Fn(&'static str, usize) -> Option<Task>,
) -> Vec<Found<[f64; N]>> {
    let mut found = Vec::new();
    for &size in sizes {
        for library in libraries::ALL {
            match task(library, size).map(|task| spawn(library, task)) {
                Some(Ok(row)) => found.push(Found { library, size, row }),
                Some(Err(error)) => wrong.push(format!("{library}, {size} {what}: {error}")),
                None => {}
            }
        }
    }
    found
}
