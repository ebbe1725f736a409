//! What all that comes along by itself takes of a busy service: the CPU time of the library's own threads,
//! while the service works, is scraped once a second and has its health watched.

use runtime_metrics::collectors::tokio::RuntimeBuilderExt;
use runtime_metrics::{MetricsExporter, health, increment, metered};
use std::collections::BTreeMap;
use std::fs;
use std::hint::black_box;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// What the library's threads are called.
const OURS: [&str; 2] = ["runtime-metrics", "metrics-health"];
/// How many tasks the service has.
const TASKS: usize = 200;

#[metered(name = "bench_request")]
async fn request() {
    // Some 20 µs of work, and then something to wait for.
    for number in 0..60_000_u32 {
        black_box(number.wrapping_mul(2_654_435_761));
    }
    increment!("bench_requests");
    tokio::time::sleep(Duration::from_millis(5)).await;
}

/// Nanoseconds of CPU that each thread has used, by name.
fn used() -> BTreeMap<String, u64> {
    let mut used = BTreeMap::new();
    for task in fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
        let read = |file| fs::read_to_string(task.path().join(file)).ok();
        let name = read("comm").map(|name| name.trim().to_owned()).unwrap_or_default();
        let time = read("schedstat").and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
        *used.entry(name).or_default() += time.unwrap_or(0);
    }
    used
}

fn scrape(address: SocketAddr) -> std::io::Result<usize> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)
}

fn main() -> ExitCode {
    let quick = match runtime_metrics_benches::quick() {
        Ok(quick) => quick,
        Err(code) => return code,
    };
    let exporter = MetricsExporter::new().address("127.0.0.1:0").start();
    let Some(address) = exporter.address() else {
        eprintln!("there is no port to be had on the loopback address");
        return ExitCode::FAILURE;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().with_metrics().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("the runtime can't be started: {error}");
            return ExitCode::FAILURE;
        }
    };
    for _ in 0..TASKS {
        runtime.spawn(async {
            loop {
                request().await;
            }
        });
    }
    drop(health());
    let (before, began) = (used(), Instant::now());
    let time = Duration::from_secs(if quick { 2 } else { 30 });
    while began.elapsed() < time {
        std::thread::sleep(Duration::from_secs(1));
        if let Err(error) = scrape(address) {
            eprintln!("a scrape failed: {error}");
            return ExitCode::FAILURE;
        }
    }
    let (after, wall) = (used(), began.elapsed().as_nanos() as f64);
    let share = |name: &str| {
        let (after, before) = (after.get(name).copied().unwrap_or(0), before.get(name).copied().unwrap_or(0));
        after.saturating_sub(before) as f64 / wall * 100.0
    };
    println!("| thread | % of a core |");
    println!("|---|--:|");
    let mut all = 0.0;
    for name in OURS {
        all += share(name);
        println!("| `{name}` | {:.3} |", share(name));
    }
    println!("| all of them | {all:.3} |");
    println!("| the service itself: two workers | {:.0} |", share("tokio-rt-worker") + share("tokio-runtime-w"));
    runtime.shutdown_background();
    if all == 0.0 {
        eprintln!("no thread of the library was seen: the figures mean nothing");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
