//! Many series: what it costs to make one, to find one and to scrape one, and its memory.

use crate::labels::{Form, Labels};
use crate::row::{check, median, scrape};
use crate::{heap, libraries, memory};
use std::error::Error;
use std::time::Instant;

/// What is measured, for one series each: nanoseconds to make it, live heap and resident bytes, nanoseconds to find and
/// record into one at random, nanoseconds of a scrape; and what the whole process has resident in the end.
pub type Row = [f64; 6];

/// How often all lookups are made; the time is the median.
const PASSES: usize = 5;

/// # Errors
///
/// If the library does not tell what was recorded.
pub fn row(library: &str, series: usize, form: Form, lookups: usize) -> Result<Row, Box<dyn Error>> {
    let all = Labels::new(form, 0..series);
    let some = Labels::random(form, series, lookups);
    let mut library = libraries::new(library, form, series)?;
    // What a first record makes once is not of the series.
    library.increment(1);
    let per_series = series as f64;

    let (heap, resident, started) = (heap::live(), memory::resident()?, Instant::now());
    library.count(&all);
    let made = started.elapsed().as_secs_f64() * 1e9;
    let (heap, resident) = (heap::live() - heap, memory::resident()? - resident);

    library.count(&some);
    let found = median(PASSES, || library.count(&some));
    let rounds = (1_000_000 / series).clamp(5, 101);
    let scraped = scrape(&mut *library, rounds);
    let sum = series + (1 + PASSES) * some.len();
    check(&mut *library, [1.0, per_series, sum as f64])?;
    Ok([
        made / per_series,
        heap / per_series,
        resident / per_series,
        found / some.len() as f64,
        scraped / per_series,
        memory::resident()?,
    ])
}
