//! What a poll costs more when it is watched, by us and by tokio-metrics; how to run it is in the package's docs.

use runtime_metrics::executor::Monitor;
use runtime_metrics::{Reading, RuntimeBuilderExt, Snapshot};
use std::pin::Pin;
use std::process::ExitCode;
use std::task::{Context, Poll};
use std::time::Instant;
use tokio::runtime::{Builder, Runtime};

/// Is ready after so many polls, and wakes itself at each.
struct Polled(u32);

impl Future for Polled {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.0 == 0 {
            return Poll::Ready(());
        }
        self.0 -= 1;
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Tasks that take turns.
const TASKS: u32 = 8;

/// One way of running the tasks.
struct Case {
    name: &'static str,
    runtime: Runtime,
    spawn: fn(Polled) -> tokio::task::JoinHandle<()>,
    nanos: Vec<f64>,
}

impl Case {
    fn new(name: &'static str, hooks: bool, spawn: fn(Polled) -> tokio::task::JoinHandle<()>) -> std::io::Result<Self> {
        let mut builder = Builder::new_current_thread();
        let runtime = if hooks { builder.with_metrics().build() } else { builder.build() }?;
        Ok(Self { name, runtime, spawn, nanos: Vec::new() })
    }

    fn round(&mut self, polls: u32) {
        let each = polls / TASKS;
        let spawn = self.spawn;
        let took = self.runtime.block_on(async move {
            let tasks: Vec<_> = (0..TASKS).map(|_| spawn(Polled(each))).collect();
            let start = Instant::now();
            for task in tasks {
                // None of them panics or is cancelled.
                let _ = task.await;
            }
            start.elapsed()
        });
        self.nanos.push(took.as_secs_f64() * 1e9 / f64::from(each * TASKS));
    }

    fn median(&self) -> f64 {
        let mut sorted = self.nanos.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
    }

    fn best(&self) -> f64 {
        self.nanos.iter().copied().fold(f64::INFINITY, f64::min)
    }
}

static OURS: std::sync::LazyLock<Monitor> = std::sync::LazyLock::new(|| Monitor::new("bench"));
static PEER: std::sync::LazyLock<tokio_metrics::TaskMonitor> =
    std::sync::LazyLock::new(tokio_metrics::TaskMonitor::new);

fn cases() -> std::io::Result<[Case; 5]> {
    Ok([
        Case::new("not watched", false, |task| tokio::spawn(task))?,
        Case::new("not watched, again", false, |task| tokio::spawn(task))?,
        Case::new("`with_metrics()`", true, |task| tokio::spawn(task))?,
        Case::new("`Monitor::instrument`", false, |task| tokio::spawn(OURS.instrument(task)))?,
        Case::new("tokio-metrics `TaskMonitor`", false, |task| tokio::spawn(PEER.instrument(task)))?,
    ])
}

fn main() -> ExitCode {
    let quick = match runtime_metrics_benches::quick() {
        Ok(quick) => quick,
        Err(code) => return code,
    };
    let (rounds, polls) = if quick { (9u32, 160_000) } else { (31, 1_280_000) };
    let mut cases = match cases() {
        Ok(cases) => cases,
        Err(error) => {
            eprintln!("a runtime can't be built: {error}");
            return ExitCode::FAILURE;
        }
    };
    for round in 0..=rounds {
        for case in &mut cases {
            case.round(polls);
            if round == 0 {
                case.nanos.clear(); // to warm up
            }
        }
    }
    println!("| variant | ns per poll, median | fastest | added to the fastest |\n|---|--:|--:|--:|");
    let base = cases[0].best().min(cases[1].best());
    for case in &cases {
        println!("| {} | {:.1} | {:.1} | {:+.1} |", case.name, case.median(), case.best(), case.best() - base);
    }
    let ours = u64::from(rounds + 1) * u64::from(TASKS) * u64::from(polls / TASKS + 1);
    let family = Snapshot::take().family("async.polls.total").map(|family| family.series.clone()).unwrap_or_default();
    let read = family.iter().any(|series| series.value == Reading::Counter(ours));
    println!("\nAll polls are counted: {}.", if read { "yes" } else { "NO" });
    if read { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
