//! Many threads that live and record at the same time.

use crate::labels::{Form, Labels};
use crate::row::{check, scrape};
use crate::{heap, libraries, memory};
use std::error::Error;
use std::sync::{Barrier, RwLock};
use std::thread;

/// What is measured: nanoseconds of processor time for an increment; live heap and resident bytes that each thread adds
/// with its first increment, and with [`SERIES`] labelled ones; nanoseconds of processor time to find one of these series
/// and to record into it; nanoseconds of a scrape while all live and after they ended; and what the whole process has
/// resident while they live.
pub type Row = [f64; 9];

/// Series that every thread records into.
pub const SERIES: usize = 1_000;
const FORM: Form = Form { width: 2, length: 16 };
const SCRAPES: usize = 11;
/// How often the threads together record into all series.
const PASSES: usize = 2_000;

/// # Errors
///
/// If the library does not tell what was recorded.
pub fn row(library: &str, threads: usize, increments: u64) -> Result<Row, Box<dyn Error>> {
    let labels = Labels::new(FORM, 0..SERIES);
    let mut library = libraries::new(library, FORM, SERIES)?;
    library.count(&labels);
    library.increment(1);

    let each = increments / threads as u64;
    let passes = PASSES.div_ceil(threads);
    let steps = Steps::new(threads);
    // Scrapes need the library alone; the threads are then at a barrier, and hold nothing of it.
    let shared = RwLock::new(&mut library);
    let measured = thread::scope(|scope| -> Result<Row, Box<dyn Error>> {
        for _ in 0..threads {
            scope.spawn(|| {
                steps.take(|| with(&shared, |library| library.increment(1)));
                steps.take(|| with(&shared, |library| library.increment(each)));
                steps.take(|| with(&shared, |library| library.count(&labels)));
                steps.take(|| with(&shared, |library| (0..passes).for_each(|_| library.count(&labels))));
                steps.take(|| ());
            });
        }
        let per_thread = |now: f64, before: f64| (now - before) / threads as f64;
        let memory = || -> Result<[f64; 2], Box<dyn Error>> { Ok([heap::live(), memory::resident()?]) };

        steps.arrive();
        let none = memory();
        steps.let_go();
        let one = memory();
        let before = memory::running();
        steps.let_go();
        let after = memory::running();
        let recorded = memory();
        steps.let_go();
        let many = memory();
        let found = memory::running();
        steps.let_go();
        let found = [found, memory::running()];
        let live = shared.write().map(|mut library| scrape(&mut ***library, SCRAPES));
        steps.end();

        let (none, one, recorded, many) = (none?, one?, recorded?, many?);
        let cost = (after? - before?) / (each * threads as u64) as f64;
        let [before, after] = found;
        let find = (after? - before?) / (passes * threads * SERIES) as f64;
        let [heap_one, resident_one] = [0, 1].map(|at| per_thread(one[at], none[at]));
        let [heap_many, resident_many] = [0, 1].map(|at| per_thread(many[at], recorded[at]));
        let live = live.map_err(|_| "a thread panicked")?;
        Ok([cost, heap_one, resident_one, heap_many, resident_many, find, live, f64::NAN, many[1]])
    });
    let mut measured = measured?;
    measured[7] = scrape(&mut *library, SCRAPES);
    let recorders = (threads + 1) as f64;
    let sum = ((1 + threads + passes * threads) * SERIES) as f64;
    check(&mut *library, [recorders + (each * threads as u64) as f64, SERIES as f64, sum])?;
    Ok(measured)
}

fn with(shared: &RwLock<&mut Box<dyn libraries::Library>>, does: impl FnOnce(&dyn libraries::Library)) {
    if let Ok(library) = shared.read() {
        does(&***library);
    }
}

/// Leads all threads from step to step, with a rest before each in which nothing happens.
struct Steps(Barrier);

impl Steps {
    fn new(threads: usize) -> Self {
        Self(Barrier::new(threads + 1))
    }

    /// For the threads: waits until it is time, and does it.
    fn take(&self, does: impl FnOnce()) {
        self.0.wait();
        self.0.wait();
        does();
    }

    /// For who leads: waits until all are there.
    fn arrive(&self) {
        self.0.wait();
    }

    /// Lets all take a step, and waits until they have.
    fn let_go(&self) {
        self.0.wait();
        self.0.wait();
    }

    /// Lets all take the last step.
    fn end(&self) {
        self.0.wait();
    }
}
