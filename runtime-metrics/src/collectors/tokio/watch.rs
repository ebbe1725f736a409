//! The thread that watches runtimes from outside.
//!
//! It is no task: a runtime that is starved must not silence what would say so. It runs while somebody collects
//! and there is a runtime, and keeps neither the program nor a runtime from its end.

use super::known::Known;
use super::{RUNTIMES, forget};
use crate::collect::text_of;
use crate::lock::Mutex;
use crate::status::report;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Between two looks.
const TICK: Duration = Duration::from_millis(50);
/// When nobody has asked for so long, nobody will soon.
const PATIENCE: Duration = Duration::from_secs(300);

/// When somebody last asked, while the thread runs.
static ASKED: Mutex<Option<Instant>> = Mutex::new(None);

/// Somebody collects: the thread is started if it does not run.
pub(super) fn wanted() {
    let mut asked = ASKED.lock();
    if asked.replace(Instant::now()).is_none() {
        let thread = std::thread::Builder::new().name(crate::export::THREAD.to_owned());
        if let Err(error) = thread.spawn(run) {
            *asked = None;
            let why = format!("its thread can't be started, and what it watches is left out: {error}");
            report("tokio", why);
        }
    }
}

fn run() {
    for round in 0u64.. {
        std::thread::sleep(TICK);
        let runtimes = RUNTIMES.lock().clone();
        {
            let mut asked = ASKED.lock();
            if runtimes.is_empty() || asked.is_none_or(|asked| asked.elapsed() > PATIENCE) {
                *asked = None;
                return;
            }
        }
        let watched = |known: &Arc<Known>| catch_unwind(AssertUnwindSafe(|| known.watch(round)));
        let over = runtimes.into_iter().filter(|known| match watched(known) {
            Ok(over) => over,
            Err(panic) => {
                report("tokio", format!("a look at a runtime panicked: {}; it is left alone", text_of(&*panic)));
                true
            }
        });
        forget(&over.collect::<Vec<_>>());
    }
}
