//! `autometrics` on `prometheus`, its fastest backend.

use crate::harness::Case;
use crate::input::{Failed, plain, poll, work};
use crate::read::{Seen, sum};
use crate::work::Work;
use autometrics::autometrics;
use prometheus::TextEncoder;
use std::hint::black_box;

#[autometrics(track_concurrency)]
#[inline(never)]
fn sync_autometrics(at: u64) -> Result<u64, Failed> {
    work(at)
}

#[autometrics(track_concurrency)]
async fn async_autometrics(at: u64) -> Result<u64, Failed> {
    plain(at).await
}

pub fn cases() -> Vec<Case> {
    const VARIANT: &str = "`#[autometrics(track_concurrency)]`";
    vec![
        Case::new(Work::Function, VARIANT, |at| black_box(sync_autometrics(at)))
            .total(|| seen("sync_autometrics").agreed()),
        Case::new(Work::AsyncFunction, VARIANT, |at| black_box(poll(async_autometrics(at))))
            .total(|| seen("async_autometrics").agreed()),
    ]
}

fn seen(function: &str) -> Seen {
    let label = format!("function=\"{function}\"");
    let text = TextEncoder::new().encode_to_string(&prometheus::gather()).unwrap_or_default();
    Seen {
        calls: sum(&text, "function_calls_total", &label),
        durations: sum(&text, "function_calls_duration_seconds_count", &label),
        active: sum(&text, "function_calls_concurrent", &label),
    }
}
