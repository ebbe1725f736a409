//! `hotpath`: calls and durations, which a thread of its own adds up; no outcomes, no running calls.

use crate::harness::Case;
use crate::input::{Failed, plain, poll, work};
use crate::work::Work;
use hotpath::{Format, HotpathGuard, HotpathGuardBuilder, Section};
use serde_json::Value;
use std::cell::RefCell;
use std::collections::HashMap;
use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process;
use std::rc::Rc;

/// Where it tells what it has seen; of this process only.
fn report() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("hotpath-{}.json", process::id()))
}

#[hotpath::measure]
#[inline(never)]
fn sync_hotpath(at: u64) -> Result<u64, Failed> {
    work(at)
}

#[hotpath::measure]
async fn async_hotpath(at: u64) -> Result<u64, Failed> {
    plain(at).await
}

pub fn cases() -> Vec<Case> {
    const VARIANT: &str = "`#[hotpath::measure]`, without its thread's time";
    let profiler = Rc::new(RefCell::new(Profiler { session: Some(session()), calls: HashMap::new() }));
    let read = |function: &'static str| {
        let profiler = Rc::clone(&profiler);
        move || profiler.borrow_mut().calls(function)
    };
    vec![
        Case::new(Work::Function, VARIANT, |at| black_box(sync_hotpath(at))).total(read("::sync_hotpath")),
        Case::new(Work::AsyncFunction, VARIANT, |at| black_box(poll(async_hotpath(at)))).total(read("::async_hotpath")),
    ]
}

/// It tells what it has seen only at the end of a session; so there is one for each time it is read.
struct Profiler {
    session: Option<HotpathGuard>,
    calls: HashMap<String, f64>,
}

impl Profiler {
    fn calls(&mut self, function: &str) -> f64 {
        drop(self.session.take());
        let report = report();
        let told: Value =
            fs::read(&report).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
        let _ = fs::remove_file(report);
        for seen in told["functions_timing"]["data"].as_array().into_iter().flatten() {
            let name = seen["name"].as_str().unwrap_or_default();
            *self.calls.entry(name.to_owned()).or_default() += seen["calls"].as_f64().unwrap_or(f64::NAN);
        }
        self.session = Some(session());
        self.calls.iter().find(|(name, _)| name.ends_with(function)).map_or(f64::NAN, |(_, calls)| *calls)
    }
}

impl Drop for Profiler {
    fn drop(&mut self) {
        drop(self.session.take());
        let _ = fs::remove_file(report());
    }
}

fn session() -> HotpathGuard {
    HotpathGuardBuilder::new("peers")
        .format(Format::Json)
        .output_path(report())
        .sections(vec![Section::FunctionsTiming])
        .functions_limit(0)
        .build()
}
