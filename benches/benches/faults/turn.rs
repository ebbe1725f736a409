//! A turn: every operation for a while, in batches whose times are kept.

use crate::heap;
use runtime_metrics::{Reading, increment, metered, observe, registry};
use rustix::time::{ClockId, clock_gettime};
use std::arch::asm;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// What is done: its name, so many of it, and how many there have been.
type Operation = (&'static str, fn(u32), fn() -> Option<u64>);

pub const OPERATIONS: [Operation; 4] = [
    (
        "`increment!`",
        |ops| {
            for _ in 0..ops {
                increment!("faults_bench_plain");
                apart();
            }
        },
        || counted("faults_bench_plain", &[]),
    ),
    (
        "`increment!`, two labels",
        |ops| {
            for _ in 0..ops {
                increment!("faults_bench_labelled", labels: {"route" => black_box("/orders"), "method" => black_box("GET")});
            }
        },
        || counted("faults_bench_labelled", &[("route", "/orders"), ("method", "GET")]),
    ),
    (
        "`observe!`",
        |ops| {
            for _ in 0..ops {
                observe!("faults_bench_sizes", value: black_box(0.5));
            }
        },
        || counted("faults_bench_sizes", &[]),
    ),
    (
        "`#[metered]`",
        |ops| {
            for _ in 0..ops {
                measured();
            }
        },
        || counted("faults_bench_duration_seconds", &[("action", "measured")]),
    ),
];

#[metered(name = "faults_bench")]
fn measured() {
    black_box(());
}

/// Keeps two operations from being merged into one, and emits no instruction.
#[inline(always)]
fn apart() {
    // SAFETY: it is empty. That it may touch memory is only what the compiler has to assume.
    unsafe { asm!("", options(nostack, preserves_flags)) }
}

fn counted(name: &str, labels: &[(&str, &str)]) -> Option<u64> {
    match registry().get(name, labels)? {
        Reading::Counter(count) => Some(count),
        Reading::Distribution(distribution) => Some(distribution.count),
        _ => None,
    }
}

/// How long a batch takes: long beside the readings of the clocks around it, and so short that of the batches between
/// two pushes those that a push disturbs would be more than one in a thousand.
const BATCH: Duration = Duration::from_micros(20);

/// How many operations make a batch, how long they are done, and how many were.
pub struct Pace {
    stretch: Duration,
    batches: [u32; OPERATIONS.len()],
    done: [u64; OPERATIONS.len()],
    /// Used again, so that nothing is allocated while the heap is looked at.
    wall: Vec<u64>,
    cpu: Vec<u64>,
}

/// What batches took, in nanoseconds per operation; the longest in nanoseconds.
#[derive(Clone, Copy, Default)]
pub struct Times {
    pub median: f64,
    pub high: f64,
    pub longest: f64,
}

/// The times of an operation, by the clock on the wall and by that of the thread.
#[derive(Clone, Copy, Default)]
pub struct Figures {
    pub wall: Times,
    pub cpu: Times,
}

/// What a turn has found.
#[derive(Clone, Default)]
pub struct Turn {
    pub figures: [Figures; OPERATIONS.len()],
    /// The most that the heap had, in bytes.
    pub most: f64,
    /// The least that it had while the first half of the operations was done, and while the second was: what is under
    /// way comes and goes.
    pub least: [f64; 2],
}

impl Pace {
    pub fn measure(stretch: Duration) -> Self {
        let room = (stretch.as_nanos() / BATCH.as_nanos()) as usize * 4;
        let done = [0; OPERATIONS.len()];
        let mut pace =
            Self { stretch, batches: [0; OPERATIONS.len()], done, wall: Vec::with_capacity(room), cpu: Vec::new() };
        pace.cpu.reserve(room);
        for (at, (_, run, _)) in OPERATIONS.iter().enumerate() {
            let mut ops = 64;
            let mut fastest = Duration::ZERO;
            while fastest < BATCH {
                ops *= 2;
                let time = |_| {
                    let start = Instant::now();
                    run(ops);
                    start.elapsed()
                };
                fastest = (0..20).map(time).min().unwrap_or_default();
                pace.done[at] += 20 * u64::from(ops);
            }
            pace.batches[at] = ops;
        }
        pace
    }

    /// Does all of it once.
    pub fn turn(&mut self) -> Turn {
        let mut turn = Turn { least: [f64::INFINITY; 2], ..Turn::default() };
        for (at, (_, run, _)) in OPERATIONS.iter().enumerate() {
            self.wall.clear();
            self.cpu.clear();
            let (ops, start) = (self.batches[at], Instant::now());
            while start.elapsed() < self.stretch {
                let live = heap::live();
                turn.most = turn.most.max(live);
                let least = &mut turn.least[at * 2 / OPERATIONS.len()];
                *least = least.min(live);
                self.batch(*run, ops);
            }
            self.done[at] += u64::from(ops) * self.wall.len() as u64;
            turn.figures[at] = Figures { wall: times(&mut self.wall, ops), cpu: times(&mut self.cpu, ops) };
        }
        turn
    }

    fn batch(&mut self, run: fn(u32), ops: u32) {
        let (cpu, wall) = (thread_time(), Instant::now());
        run(ops);
        let (wall, now) = (wall.elapsed(), thread_time());
        self.wall.push(wall.as_nanos() as u64);
        self.cpu.push(now - cpu);
    }

    /// Whether all of it was counted.
    pub fn wrong(&self) -> impl Iterator<Item = String> {
        let all = OPERATIONS.iter().zip(self.done);
        all.filter_map(|((name, _, counted), done)| {
            let counted = counted();
            (counted != Some(done)).then(|| format!("of {done} {name} {counted:?} were counted"))
        })
    }
}

/// The CPU time of this thread, in nanoseconds.
fn thread_time() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

fn times(batches: &mut [u64], ops: u32) -> Times {
    batches.sort_unstable();
    let at = |share: f64| batches.get((batches.len() as f64 * share) as usize).copied().unwrap_or_default() as f64;
    let longest = batches.last().copied().unwrap_or_default() as f64;
    Times { median: at(0.5) / f64::from(ops), high: at(0.999) / f64::from(ops), longest }
}
