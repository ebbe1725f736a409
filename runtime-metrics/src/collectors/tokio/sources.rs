//! How many sources of events the runtimes wait for, as the kernel tells it.

use crate::collect::MetricCollector;
use crate::lock::Mutex;
use crate::protocol::RuntimeMetric;
use std::collections::HashMap;
use std::fs;
use std::io;
use std::time::Duration;

/// `async.io.pending_ops`, from the kernel's list of what each `epoll` of the process waits for.
///
/// The list is asked of the kernel at most every five seconds, and only of a process with few descriptors: it
/// takes a microsecond for each source, half a millisecond at most.
#[derive(Debug)]
pub(crate) struct Sources;

/// The most descriptors of a process that is asked.
const MOST: u64 = 500;
/// Between two looks.
const INTERVAL: Duration = Duration::from_secs(5);

impl MetricCollector for Sources {
    fn collect(&self) -> Vec<RuntimeMetric> {
        let runtimes = super::RUNTIMES.lock().len();
        if runtimes == 0 || cfg!(all(tokio_unstable, feature = "http")) {
            return Vec::new();
        }
        match count() {
            Ok(sources) => vec![
                RuntimeMetric::gauge("async.io.pending_ops", sources)
                    .with_unit("count")
                    .with_tag("runtime", crate::executor::TOKIO)
                    .with_tag("source", "epoll"),
            ],
            Err(why) => {
                super::super::missing("async.io.pending_ops", why);
                Vec::new()
            }
        }
    }

    fn name(&self) -> &'static str {
        "tokio"
    }

    fn interval(&self) -> Option<Duration> {
        Some(INTERVAL)
    }
}

/// Sources of all `epoll`s, without the one by which each is woken.
fn count() -> Result<usize, String> {
    let directory = "/proc/self/fd";
    let open = fs::metadata(directory).map_err(|error| format!("{directory}: {error}"))?.len();
    // Zero: a kernel before 6.2, which does not tell.
    if !(1..=MOST).contains(&open) {
        return Err(format!("only a process with 1 to {MOST} descriptors is asked, and here are {open}"));
    }
    let mut counts = HashMap::new();
    for descriptor in polls().map_err(|error| format!("{directory}: {error}"))? {
        // It may be closed by now.
        let Ok(list) = fs::read_to_string(format!("/proc/self/fdinfo/{descriptor}")) else { continue };
        let (mut wakers, mut sources): (Vec<&str>, Vec<&str>) =
            list.lines().filter(|line| line.starts_with("tfd:")).partition(|source| wakes(source));
        let count = sources.len();
        // A runtime has two descriptors for the same, between whose lists a source may come or go: it is known
        // by what wakes it, if anything does.
        let known = if wakers.is_empty() { &mut sources } else { &mut wakers };
        known.sort_unstable();
        counts.insert(known.join("\n"), count);
    }
    Ok(counts.values().sum())
}

/// The descriptors that are an `epoll`. Which they are is remembered as long as as many are open.
fn polls() -> io::Result<Vec<String>> {
    static KNOWN: Mutex<(usize, Vec<String>)> = Mutex::new((0, Vec::new()));
    let mut names = Vec::new();
    for entry in fs::read_dir("/proc/self/fd")? {
        names.extend(entry?.file_name().into_string());
    }
    let mut known = KNOWN.lock();
    if known.0 != names.len() || !known.1.iter().all(|name| is(name, "anon_inode:[eventpoll]")) {
        let count = names.len();
        names.retain(|name| is(name, "anon_inode:[eventpoll]"));
        *known = (count, names);
    }
    Ok(known.1.clone())
}

/// Whether it is what wakes the runtime, and no source of the program: `tfd: 7 events: …`.
fn wakes(source: &str) -> bool {
    source.split_whitespace().nth(1).is_some_and(|descriptor| is(descriptor, "anon_inode:[eventfd]"))
}

fn is(descriptor: &str, kind: &str) -> bool {
    fs::read_link(format!("/proc/self/fd/{descriptor}")).is_ok_and(|link| link.as_os_str() == kind)
}
