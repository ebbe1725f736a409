//! What one sweep of each built-in collector costs: in a program that does nothing, and in one with 10,000
//! descriptors and 200 threads, where memory and process together have a limit.

use runtime_metrics::{Snapshot, collectors};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::fs::File;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

const DESCRIPTORS: usize = 10_000;
const THREADS: usize = 200;
/// What a sweep of such a process may take, in microseconds.
const MOST_MICROS: f64 = 200.0;

/// Sweeps, and which collectors take part.
const SWEEPS: [(&str, &[&str]); 4] = [
    ("memory", &["memory"]),
    ("process", &["process"]),
    ("memory and process", &["memory", "process"]),
    ("system", &["system"]),
];

fn main() -> ExitCode {
    let quick = match runtime_metrics_benches::quick() {
        Ok(quick) => quick,
        Err(code) => return code,
    };
    let rounds = if quick { 100 } else { 2_000 };

    drop(Snapshot::take());
    let small = measure(rounds);
    let Some(files) = open(DESCRIPTORS) else {
        eprintln!("the limit of descriptors is too low to open {DESCRIPTORS}");
        return ExitCode::FAILURE;
    };
    let threads = start(THREADS);
    // The first sweep that sees them visits them all.
    let large = measure(rounds);
    let seen = value("process", "process.open_fds").zip(value("process", "process.threads.count"));
    drop((files, threads));

    println!("| collector | values | µs | {DESCRIPTORS} descriptors, {THREADS} threads: µs | 99 of 100 below |");
    println!("|---|--:|--:|--:|--:|");
    for ((name, collectors), (small, large)) in SWEEPS.iter().zip(small.iter().zip(&large)) {
        let values: usize = collectors.iter().map(|name| collectors::ask(name).len()).sum();
        println!("| {name} | {values} | {:.1} | {:.1} | {:.1} |", at(small, 0.5), at(large, 0.5), at(large, 0.99));
    }
    for problem in runtime_metrics::status().problems {
        eprintln!("{problem}");
    }
    if seen.is_none_or(|(open, threads)| open < DESCRIPTORS as f64 || threads < THREADS as f64) {
        eprintln!("the sweep saw {seen:?}: the times mean nothing");
        return ExitCode::FAILURE;
    }
    if !quick && at(&large[2], 0.5) > MOST_MICROS {
        eprintln!("a sweep takes more than {MOST_MICROS} µs");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Microseconds of each sweep, sorted.
fn measure(rounds: usize) -> [Vec<f64>; SWEEPS.len()] {
    let mut micros = [const { Vec::new() }; SWEEPS.len()];
    for _ in 0..rounds {
        for ((_, collectors), micros) in SWEEPS.iter().zip(&mut micros) {
            let start = Instant::now();
            for name in *collectors {
                drop(std::hint::black_box(collectors::ask(name)));
            }
            micros.push(start.elapsed().as_secs_f64() * 1e6);
        }
    }
    micros.each_mut().iter_mut().for_each(|micros| micros.sort_by(f64::total_cmp));
    micros
}

fn at(sorted: &[f64], share: f64) -> f64 {
    sorted.get(((sorted.len() - 1) as f64 * share) as usize).copied().unwrap_or(f64::NAN)
}

fn value(collector: &str, name: &str) -> Option<f64> {
    collectors::ask(collector).iter().find(|metric| metric.name == name).map(|metric| metric.value.as_f64())
}

fn open(count: usize) -> Option<Vec<File>> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).ok()?;
    (0..count).map(|_| File::open("/dev/null").ok()).collect()
}

/// Threads that wait until they are dropped, and have all begun.
fn start(count: usize) -> Vec<Sender<()>> {
    let (ready, begun) = channel();
    let threads = (0..count).map(|_| {
        let (end, ended): (_, Receiver<()>) = channel();
        let ready = ready.clone();
        thread::spawn(move || {
            // Whoever does not listen any more has ended too.
            let _ = ready.send(());
            let _ = ended.recv_timeout(Duration::from_mins(10));
        });
        end
    });
    let threads = threads.collect();
    begun.iter().take(count).for_each(drop);
    threads
}
