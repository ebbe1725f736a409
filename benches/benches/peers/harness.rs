//! Runs every case on one thread and on two, in turns, and keeps the time of each batch.

use crate::work::Work;
use std::arch::asm;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// One way of doing a piece of work.
pub struct Case {
    pub work: Work,
    pub library: &'static str,
    pub variant: &'static str,
    pub role: Role,
    /// Does it so many times.
    run: Box<dyn Fn(u64) + Sync>,
    read: Read,
    recorded: u64,
    pub read_back: Option<bool>,
    pub one: Times,
    pub two: Times,
}

/// What other cases of the same work are compared with.
#[derive(Clone, Copy, PartialEq)]
pub enum Role {
    Reference,
    Ours,
    Other,
}

/// How a case is asked what it has recorded.
enum Read {
    /// It records nothing.
    Nothing,
    /// The number of operations since the start.
    Total(Box<dyn Fn() -> f64>),
    /// The number of the last operation of a batch.
    Last(Box<dyn Fn() -> f64>),
}

/// Batches of one case on a number of threads.
#[derive(Default)]
pub struct Times {
    ops: u64,
    nanos: Vec<f64>,
}

impl Times {
    /// Nanoseconds per operation, the median of the batches.
    pub fn median(&self) -> f64 {
        let mut sorted = self.nanos.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
    }

    /// Nanoseconds per operation of the fastest batch, which nothing has disturbed.
    pub fn best(&self) -> f64 {
        self.nanos.iter().copied().fold(f64::INFINITY, f64::min)
    }
}

impl Case {
    /// `op` is given the number of the operation, from 0 in every batch. What it returns is ignored.
    pub fn new<R>(work: Work, variant: &'static str, op: impl Fn(u64) -> R + Sync + 'static) -> Self {
        Self::flushed(work, variant, op, || ())
    }

    /// The same, where nothing is seen before the thread calls `flush`: once, at the end of a batch.
    pub fn flushed<R>(
        work: Work,
        variant: &'static str,
        op: impl Fn(u64) -> R + Sync + 'static,
        flush: impl Fn() + Sync + 'static,
    ) -> Self {
        let run = move |ops| {
            for at in 0..ops {
                drop(op(at));
                apart();
            }
            flush();
        };
        Self {
            work,
            library: "–",
            variant,
            role: Role::Other,
            run: Box::new(run),
            read: Read::Nothing,
            recorded: 0,
            read_back: None,
            one: Times::default(),
            two: Times::default(),
        }
    }

    /// Whose way it is.
    pub fn of(mut self, library: &'static str) -> Self {
        self.library = library;
        self
    }

    pub fn role(mut self, role: Role) -> Self {
        self.role = role;
        self
    }

    /// `read` asks the library how many operations it has seen.
    pub fn total(mut self, read: impl Fn() -> f64 + 'static) -> Self {
        self.read = Read::Total(Box::new(read));
        self
    }

    /// `read` asks the library for the value that was set last.
    pub fn last(mut self, read: impl Fn() -> f64 + 'static) -> Self {
        self.read = Read::Last(Box::new(read));
        self
    }

    fn batch(&mut self, threads: u64, ops: u64) -> Batch {
        let batch = if threads == 1 { on_one(&self.run, ops) } else { on_two(&self.run, ops) };
        self.recorded += if threads == 1 { ops } else { threads * (WARM_UP + ops) };
        // Outside of the time that counts, and often: some libraries keep every value until they are read.
        let right = match &self.read {
            Read::Nothing => return batch,
            Read::Total(read) => (read() - self.recorded as f64).abs() < 0.5,
            Read::Last(read) => (read() - (ops - 1) as f64).abs() < 0.5,
        };
        self.read_back = Some(right && self.read_back != Some(false));
        batch
    }

    /// Warms the case up, and finds out how many operations last for `batch`.
    fn calibrate(&mut self, threads: u64, batch: Duration) -> u64 {
        let mut ops = 1_000;
        loop {
            // The middle one of three: one alone may have been stopped by other work of the machine.
            let mut times = [(); 3].map(|()| self.batch(threads, ops).took);
            times.sort();
            if times[1] * 8 > batch {
                return (ops as f64 * batch.as_secs_f64() / times[1].as_secs_f64()) as u64 + 1;
            }
            ops *= 4;
        }
    }

    fn round(&mut self) {
        for threads in [1, 2] {
            let ops = if threads == 1 { self.one.ops } else { self.two.ops };
            let batch = self.batch(threads, ops);
            let times = if threads == 1 { &mut self.one } else { &mut self.two };
            if batch.together > TOGETHER {
                times.nanos.push(batch.took.as_secs_f64() * 1e9 / ops as f64);
            }
        }
    }
}

/// How a batch went.
struct Batch {
    /// The time of the slowest thread.
    took: Duration,
    /// For which share of that all threads were at work.
    together: f64,
}

/// A batch whose threads were less together tells nothing about two threads: the machine stopped one for other work.
/// It is not nearer to one because contention alone lets one thread be faster than the other.
const TOGETHER: f64 = 0.6;

/// On this thread.
fn on_one(run: &impl Fn(u64), ops: u64) -> Batch {
    let start = Instant::now();
    run(ops);
    Batch { took: start.elapsed(), together: 1.0 }
}

/// What a new thread does before it is timed: some libraries set things up for each thread.
const WARM_UP: u64 = 256;
/// How many turns a thread waits for the other before it lets others have its processor.
const PATIENCE: u32 = 10_000;

/// On two new threads at once.
fn on_two(run: &(impl Fn(u64) + Sync), ops: u64) -> Batch {
    let absent = AtomicU32::new(2);
    let timed = || {
        run(WARM_UP);
        absent.fetch_sub(1, Ordering::AcqRel);
        for turn in 0u32.. {
            match absent.load(Ordering::Acquire) {
                0 => break,
                _ if turn > PATIENCE => thread::yield_now(),
                _ => std::hint::spin_loop(),
            }
        }
        let start = Instant::now();
        run(ops);
        (start, Instant::now())
    };
    thread::scope(|scope| {
        let threads = [scope.spawn(timed), scope.spawn(timed)];
        let [one, two] = threads.map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        let took = (one.1 - one.0).max(two.1 - two.0);
        let together = one.1.min(two.1).saturating_duration_since(one.0.max(two.0));
        Batch { took, together: together.as_secs_f64() / took.as_secs_f64() }
    })
}

/// How long to measure. Batches are short: then some of them are left alone by the rest of the machine.
#[derive(Clone, Copy)]
pub struct Pace {
    rounds: usize,
    batch: Duration,
}

impl Pace {
    pub const FULL: Self = Self { rounds: 151, batch: Duration::from_micros(1_500) };
    pub const QUICK: Self = Self { rounds: 7, batch: Duration::from_millis(1) };
}

/// Measures all cases. Each round visits every case once, beginning somewhere else each time, so
/// that what the machine does in the meantime hits all alike.
pub fn run(cases: &mut [Case], pace: Pace) {
    for case in &mut *cases {
        case.one.ops = case.calibrate(1, pace.batch);
        case.two.ops = case.calibrate(2, pace.batch);
    }
    for round in 0..pace.rounds {
        let count = cases.len();
        for at in 0..count {
            cases[(at + round * count / pace.rounds) % count].round();
        }
    }
}

/// Keeps two operations from being merged into one, and emits no instruction.
#[inline(always)]
fn apart() {
    // SAFETY: it is empty. That it may touch memory is only what the compiler has to assume.
    unsafe { asm!("", options(nostack, preserves_flags)) }
}
