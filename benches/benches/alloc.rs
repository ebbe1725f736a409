//! What counting adds to an allocation and its end, beside the other allocators that count, on one thread and on two.
//!
//! All are asked directly, in turns, over the system's allocator; so the difference to the bare one is the counting.

use cap::Cap;
use peak_alloc::PeakAlloc;
use runtime_metrics::{CountingAllocator, HeapCounts};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::process::ExitCode;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

static OURS: CountingAllocator = CountingAllocator::new();
static STATS: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;
static CAP: Cap<System> = Cap::new(System, usize::MAX);
static PEAK: PeakAlloc = PeakAlloc;

/// A name, and how it allocates and frees so many times.
type Case = (&'static str, fn(u64) -> Duration);

const CASES: [Case; 5] = [
    ("bare", |pairs| time(&System, pairs)),
    ("runtime-metrics", |pairs| time(&OURS, pairs)),
    ("`stats_alloc`", |pairs| time(STATS, pairs)),
    ("`cap`", |pairs| time(&CAP, pairs)),
    ("`peak_alloc`", |pairs| time(&PEAK, pairs)),
];

/// What is allocated.
const LAYOUT: Layout = Layout::new::<[u64; 8]>();
/// What counting may add to a pair.
const MOST_NANOS: f64 = 2.0;

fn main() -> ExitCode {
    let quick = match runtime_metrics_benches::quick() {
        Ok(quick) => quick,
        Err(code) => return code,
    };
    let (rounds, pairs) = if quick { (5, 20_000) } else { (201, 100_000) };

    let mut nanos = [const { [Vec::new(), Vec::new()] }; CASES.len()];
    let before = HeapCounts::now().unwrap_or_default();
    for _ in 0..rounds {
        for ((_, run), [one, two]) in CASES.iter().zip(&mut nanos) {
            let per_pair = |took: Duration| took.as_secs_f64() * 1e9 / pairs as f64;
            one.push(per_pair(run(pairs)));
            two.extend(on_two(*run, pairs).map(per_pair));
        }
    }
    let [one, two] = [0, 1].map(|threads| nanos.each_ref().map(|times| median(&times[threads])));
    println!("| an allocation of 64 bytes and its end | 1 thread, ns | added | 2 threads, ns | added |");
    println!("|---|--:|--:|--:|--:|");
    for ((name, _), (one_ns, two_ns)) in CASES.iter().zip(one.iter().zip(&two)) {
        let (one_added, two_added) = (added(*one_ns, one[0]), added(*two_ns, two[0]));
        println!("| {name} | {one_ns:.2} | {one_added} | {two_ns:.2} | {two_added} |");
    }

    let after = HeapCounts::now().unwrap_or_default();
    let expected = rounds * 3 * pairs;
    let counted = [
        ("runtime-metrics", after.allocations - before.allocations),
        ("stats_alloc", STATS.stats().allocations as u64),
        ("cap", CAP.total_allocated() as u64 / LAYOUT.size() as u64),
    ];
    let wrong: Vec<_> = counted.into_iter().filter(|&(_, counted)| counted != expected).collect();
    if !wrong.is_empty() || after.live_objects != before.live_objects || PEAK.current_usage() != 0 {
        eprintln!("not all of {expected} pairs were counted, so the times mean nothing: {wrong:?}");
        return ExitCode::FAILURE;
    }
    if !quick && one[1] - one[0] > MOST_NANOS {
        eprintln!("counting adds more than {MOST_NANOS} ns");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn time(allocator: &impl GlobalAlloc, pairs: u64) -> Duration {
    let start = Instant::now();
    for _ in 0..pairs {
        // SAFETY: the layout has a size; the memory is freed once, by who gave it, with that layout.
        unsafe {
            let pointer = black_box(allocator.alloc(black_box(LAYOUT)));
            allocator.dealloc(pointer, black_box(LAYOUT));
        }
    }
    start.elapsed()
}

/// The time of the slower of two threads; `None` if they were not at work together for most of it, since
/// the machine had other work: that tells nothing about two threads.
fn on_two(run: fn(u64) -> Duration, pairs: u64) -> Option<Duration> {
    let both = Barrier::new(2);
    let timed = || {
        both.wait();
        let start = Instant::now();
        run(pairs);
        (start, Instant::now())
    };
    let [one, two] = thread::scope(|scope| {
        let threads = [scope.spawn(timed), scope.spawn(timed)];
        threads.map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    });
    let took = one.1.max(two.1).duration_since(one.0.min(two.0));
    let together = one.1.min(two.1).saturating_duration_since(one.0.max(two.0));
    (together.as_secs_f64() > 0.6 * took.as_secs_f64()).then_some(took)
}

/// What is more than `bare`; a dash where the machine let no two threads be at work together.
fn added(nanos: f64, bare: f64) -> String {
    let ratio = nanos / bare;
    if ratio.is_nan() { "–".to_owned() } else { format!("{:+.2} (×{ratio:.2})", nanos - bare) }
}

fn median(nanos: &[f64]) -> f64 {
    let mut sorted = nanos.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}
