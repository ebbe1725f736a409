//! Measures one library.

use crate::heap;
use crate::libraries::Library;
use crate::shape::{HISTOGRAMS, Shape};
use std::error::Error;
use std::fmt;
use std::str::FromStr;
use std::sync::{Barrier, RwLock};
use std::thread;
use std::time::Instant;

/// Scrapes before those that count: some libraries sort values into buckets then, and buffers grow.
const WARM_UP: usize = 3;
/// How many further threads there are at the end of each step; with the first they are 2 and 8.
const STEPS: [usize; 2] = [1, 7];

/// What was measured.
#[derive(Default)]
pub struct Measured {
    pub millis: f64,
    pub bytes: f64,
    /// Of each scrape.
    pub allocations: f64,
    pub allocated: f64,
    /// Live bytes of a series: counters, histograms.
    pub heap: [f64; 2],
    /// What each further thread adds to that, for 2 threads and for 8: counters, histograms.
    pub threads: [[f64; 2]; 2],
}

/// # Errors
///
/// If the library can't be set up, or does not tell what was recorded.
pub fn row(
    shape: &Shape,
    rounds: usize,
    new: impl FnOnce() -> Result<Box<dyn Library>, Box<dyn Error>>,
) -> Result<Measured, Box<dyn Error>> {
    let mut library = new()?;
    let mut measured = Measured::default();
    let counts = |library: &dyn Library| library.count(shape);
    let observes = |library: &dyn Library| library.observe();

    let before = heap::live();
    counts(&*library);
    let between = heap::live();
    observes(&*library);
    measured.heap = [(between - before) / shape.counters as f64, (heap::live() - between) / HISTOGRAMS as f64];
    scrapes(&mut *library, rounds, &mut measured);
    check(&mut *library, shape, 1)?;

    let by_counters = with_threads(&*library, counts).map(|bytes| bytes / shape.counters as f64);
    let by_histograms = with_threads(&*library, observes).map(|bytes| bytes / HISTOGRAMS as f64);
    measured.threads = [by_counters, by_histograms];
    check(&mut *library, shape, 1 + STEPS[1])?;
    Ok(measured)
}

fn scrapes(library: &mut dyn Library, rounds: usize, measured: &mut Measured) {
    for _ in 0..WARM_UP {
        library.scrape(&mut |_| ());
    }
    let mut bytes = 0;
    let mut millis = Vec::with_capacity(rounds);
    let before = heap::allocated();
    for _ in 0..rounds {
        let started = Instant::now();
        library.scrape(&mut |text| bytes = text.len());
        millis.push(started.elapsed().as_secs_f64() * 1e3);
    }
    let after = heap::allocated();
    millis.sort_by(f64::total_cmp);
    measured.millis = millis[rounds / 2];
    measured.bytes = bytes as f64;
    measured.allocations = (after.0 - before.0) as f64 / rounds as f64;
    measured.allocated = (after.1 - before.1) as f64 / rounds as f64;
}

fn check(library: &mut dyn Library, shape: &Shape, threads: usize) -> Result<(), String> {
    let own_buckets = library.has_own_buckets();
    let mut checked = Ok(());
    library.scrape(&mut |text| checked = shape.check(&String::from_utf8_lossy(text), threads, own_buckets));
    checked
}

/// How many live bytes each further thread adds that records into every series and stays alive, for each of [`STEPS`].
fn with_threads(library: &dyn Library, record: impl Fn(&dyn Library) + Sync) -> [f64; 2] {
    let (record, end) = (&record, &RwLock::new(()));
    let arrived = [Barrier::new(STEPS[0] + 1), Barrier::new(STEPS[1] - STEPS[0] + 1)];
    let before = heap::live();
    thread::scope(|scope| {
        let not_yet = end.write();
        let mut running = 0;
        let added = arrived.each_ref().map(|arrived| {
            let threads = if running == 0 { STEPS[0] } else { STEPS[1] - STEPS[0] };
            for _ in 0..threads {
                scope.spawn(move || {
                    record(library);
                    arrived.wait();
                    drop(end.read());
                });
            }
            arrived.wait();
            running += threads;
            (heap::live() - before) / running as f64
        });
        drop(not_yet);
        added
    })
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for number in [self.millis, self.bytes, self.allocations, self.allocated] {
            write!(f, "{number} ")?;
        }
        let rest = [self.heap, self.threads[0], self.threads[1]];
        rest.as_flattened().iter().try_for_each(|number| write!(f, "{number} "))
    }
}

impl FromStr for Measured {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let numbers: Result<Vec<f64>, _> = text.split_whitespace().map(str::parse).collect();
        let [millis, bytes, allocations, allocated, counter, histogram, rest @ ..] = &*numbers.map_err(drop)? else {
            return Err(());
        };
        let [two, eight, histogram_two, histogram_eight] = rest else { return Err(()) };
        Ok(Self {
            millis: *millis,
            bytes: *bytes,
            allocations: *allocations,
            allocated: *allocated,
            heap: [*counter, *histogram],
            threads: [[*two, *eight], [*histogram_two, *histogram_eight]],
        })
    }
}
