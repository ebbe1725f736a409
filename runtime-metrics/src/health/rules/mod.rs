//! The rules of thumb: each looks at the history of a few metrics, and says what it means.

use super::history::{History, Series, Tags};
use super::report::{Evidence, Finding, Severity};
use super::settings::HealthSettings;
use std::time::{Duration, Instant};

/// The metrics that the rules look at.
pub(super) const METRICS: &[&str] = &[
    "async.blocking.delay",
    "async.blocking.queued",
    "async.poll.max_duration",
    "async.poll.slow_count",
    "async.polls.total",
    "async.schedule.delay",
    "async.tasks.active",
    "async.tasks.queued",
    "async.workers.busy_ratio",
    "async.workers.stuck",
    "async.workers.stuck_time",
    "db.pool.connections.active",
    "db.pool.connections.waiting",
    "db.pool.max_size",
    "http.accept.queued",
    "http.requests.queued",
    "process.cpu.count",
    "process.cpu.periods",
    "process.cpu.run_delay",
    "process.cpu.throttled_periods",
    "process.memory.limit_ratio",
    "process.memory.oom_kills",
    "process.open_fds",
    "process.open_fds.limit",
    "runtime.memory.fragmentation",
    "runtime.memory.heap_sys",
    "runtime.memory.heap_used",
    "runtime.memory.rss",
    "runtime.panics",
    "sync.lock.waited",
    "sync.lock.waiting",
];

/// What a rule looks at.
pub(super) struct Now<'a> {
    pub(super) history: &'a History,
    pub(super) settings: &'a HealthSettings,
    pub(super) at: Instant,
}

type Rule = fn(&Now<'_>) -> Vec<Finding>;

/// All rules, by the name of what they find.
pub(super) const RULES: &[(&str, Rule)] = &[
    ("blocked_worker", blocked_worker),
    ("schedule_delay", schedule_delay),
    ("saturated_runtime", saturated_runtime),
    ("long_poll", long_poll),
    ("slow_polls", slow_polls),
    ("task_leak", task_leak),
    ("blocking_pool_full", blocking_pool_full),
    ("memory_limit", memory_limit),
    ("memory_leak", memory_leak),
    ("fragmentation", fragmentation),
    ("open_fds", open_fds),
    ("fd_leak", fd_leak),
    ("throttled_cpu", throttled_cpu),
    ("run_delay", run_delay),
    ("pool_starved", pool_starved),
    ("lock_waits", lock_waits),
    ("requests_queued", requests_queued),
    ("panics", panics),
];

impl Now<'_> {
    fn of(&self, name: &str) -> impl Iterator<Item = (&Tags, &Series)> {
        self.history.of(name, self.at)
    }

    fn one(&self, name: &str) -> Option<&Series> {
        self.history.one(name, self.at)
    }

    /// The series of another metric with these tags.
    fn beside(&self, name: &str, tags: &Tags) -> Option<&Series> {
        self.of(name).find(|(other, _)| *other == tags).map(|(_, series)| series)
    }
}

/// A finding, put together.
fn finding(
    severity: Severity,
    rule: &'static str,
    summary: String,
    evidence: Vec<Evidence>,
    [cause, advice]: [&'static str; 2],
) -> Finding {
    Finding { rule, severity, summary, evidence, cause, advice }
}

fn evidence(metric: &str, tags: &Tags, value: f64, threshold: impl Into<Option<f64>>) -> Evidence {
    Evidence { metric: format!("{metric}{}", told(tags)), value, threshold: threshold.into() }
}

/// `{worker="2"}`, or nothing.
fn told(tags: &Tags) -> String {
    let tags: Vec<String> = tags.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
    if tags.is_empty() { String::new() } else { format!("{{{}}}", tags.join(",")) }
}

/// Warning beyond the threshold, critical beyond a number that is far beyond it.
fn how_bad(value: f64, critical: f64) -> Severity {
    if value >= critical { Severity::Critical } else { Severity::Warning }
}

/// Which runtime or pool, for a sentence.
fn whose(tags: &Tags) -> String {
    let name = ["pool", "runtime_name", "runtime_id", "runtime", "server"].iter().find_map(|tag| tags.get(*tag));
    name.map_or_else(String::new, |name| format!(" of `{name}`"))
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

fn millis(seconds: f64) -> String {
    format!("{:.1} ms", seconds * 1e3)
}

fn blocked_worker(now: &Now<'_>) -> Vec<Finding> {
    let most = now.settings.blocked_worker.as_secs_f64();
    let stuck = now.of("async.workers.stuck_time").filter(|(_, series)| series.last() >= most);
    stuck
        .map(|(tags, series)| {
            let which = tags.get("worker").map_or_else(|| "a worker".to_owned(), |worker| format!("worker {worker}"));
            let still = now.beside("async.workers.stuck", tags).is_some_and(|series| series.last() > 0.0);
            let when = if still { "has been" } else { "was, within the last minute," };
            finding(
                // For less, it may also have been 61 polls of some milliseconds.
                how_bad(series.last(), most * 4.0),
                "blocked_worker",
                format!("{which}{} {when} at work for {} without a break", whose(tags), millis(series.last())),
                vec![evidence("async.workers.stuck_time", tags, series.last(), most)],
                [
                    "a call that blocks (a lock, a file, a query, `thread::sleep`) or that computes for long, in an async function",
                    "move it to `spawn_blocking` or a thread; `async.poll.slow_count` and `*_slow_polls_total` tell which function",
                ],
            )
        })
        .collect()
}

fn schedule_delay(now: &Now<'_>) -> Vec<Finding> {
    let most = now.settings.schedule_delay.as_secs_f64();
    let late = now.of("async.schedule.delay").filter(|(tags, _)| tags.get("stat").is_some_and(|stat| stat == "p99"));
    let late = late.filter_map(|(tags, series)| Some((tags, series.held(now.settings.sustained)?)));
    // A machine that is busy with other things takes its cores away for some milliseconds now and then.
    let busy = now.of("async.workers.busy_ratio").any(|(_, series)| series.last() >= now.settings.busy_ratio / 2.0);
    late.filter(|(_, delay)| *delay > if busy { most } else { most * 5.0 })
        .map(|(tags, delay)| {
            finding(
                how_bad(delay, most * 20.0),
                "schedule_delay",
                format!("tasks that are ready wait {} for a worker", millis(delay)),
                vec![evidence("async.schedule.delay", tags, delay, most)],
                [
                    "the workers have more to do than they can, or one poll keeps them for long",
                    "look at `async.workers.busy_ratio` and slow polls; move what computes to `spawn_blocking`, or add workers",
                ],
            )
        })
        .collect()
}

fn saturated_runtime(now: &Now<'_>) -> Vec<Finding> {
    let mut runtimes: Vec<(Tags, f64, usize)> = Vec::new();
    for (tags, series) in now.of("async.workers.busy_ratio") {
        let mut runtime = tags.clone();
        runtime.remove("worker");
        let Some(held) = series.held(now.settings.sustained) else { continue };
        match runtimes.iter_mut().find(|(tags, ..)| *tags == runtime) {
            Some((_, sum, workers)) => (*sum, *workers) = (*sum + held, *workers + 1),
            None => runtimes.push((runtime, held, 1)),
        }
    }
    let busy = runtimes.into_iter().map(|(tags, sum, workers)| (tags, sum / workers as f64, workers));
    busy.filter(|(_, ratio, _)| *ratio > now.settings.busy_ratio)
        .map(|(tags, ratio, workers)| {
            let queued = now.beside("async.tasks.queued", &tags).map(Series::last);
            let queued = queued.map(|queued| evidence("async.tasks.queued", &tags, queued, None));
            finding(
                how_bad(ratio, 0.98),
                "saturated_runtime",
                format!("the {workers} workers{} are busy for {} of the time", whose(&tags), percent(ratio)),
                [evidence("async.workers.busy_ratio", &tags, ratio, now.settings.busy_ratio)]
                    .into_iter()
                    .chain(queued)
                    .collect(),
                [
                    "there is more work than the workers can do",
                    "give it more cores or workers, or move what computes elsewhere; profile what the tasks do",
                ],
            )
        })
        .collect()
}

fn long_poll(now: &Now<'_>) -> Vec<Finding> {
    let most = now.settings.poll_duration.as_secs_f64() * 1e6;
    let long = now.of("async.poll.max_duration").filter(|(_, series)| series.last() > most);
    long.map(|(tags, series)| {
        let longest = series.last();
        finding(
            Severity::Warning,
            "long_poll",
            format!("a task kept its worker{} for {}", whose(tags), millis(longest / 1e6)),
            vec![evidence("async.poll.max_duration", tags, longest, most)],
            [
                "it blocks or computes between two awaits; within `block_in_place` that does no harm",
                "move that to `spawn_blocking`, or let others run with `yield_now`",
            ],
        )
    })
    .collect()
}

fn slow_polls(now: &Now<'_>) -> Vec<Finding> {
    let readings = now.settings.sustained;
    let slow = now.of("async.poll.slow_count").filter_map(|(tags, series)| {
        let (slow, _) = series.gained(readings)?;
        // The threshold is a tag of the one and not of the other.
        let mut all = tags.clone();
        all.remove("threshold_us");
        let (polls, _) = now.beside("async.polls.total", &all)?.gained(readings)?;
        (polls >= 100.0).then(|| (tags, slow / polls, slow))
    });
    slow.filter(|(_, share, _)| *share > now.settings.slow_polls)
        .map(|(tags, share, slow)| {
            finding(
                Severity::Warning,
                "slow_polls",
                format!("{} of the polls{} are slow", percent(share), whose(tags)),
                vec![evidence("async.poll.slow_count", tags, slow, None)],
                [
                    "tasks compute or block between two awaits",
                    "`*_slow_polls_total` of measured functions tells which; move the work to `spawn_blocking`",
                ],
            )
        })
        .collect()
}

fn task_leak(now: &Now<'_>) -> Vec<Finding> {
    let grown = |series: &Series| grown(now, series, now.settings.leaked_count as f64);
    let leaks = now.of("async.tasks.active").filter_map(|(tags, series)| Some((tags, grown(series)?)));
    leaks
        .map(|(tags, (from, to))| {
            finding(
                Severity::Warning,
                "task_leak",
                format!("tasks{} grow without end: from {from} to {to} in {:?}", whose(tags), now.settings.window),
                vec![evidence("async.tasks.active", tags, to, None)],
                [
                    "tasks are spawned and never end: they wait for a message, a lock or a peer that never comes",
                    "give what they wait for a timeout, and keep their handles to abort them",
                ],
            )
        })
        .collect()
}

fn blocking_pool_full(now: &Now<'_>) -> Vec<Finding> {
    let most = now.settings.blocking_delay.as_secs_f64();
    let words = [
        "more blocking calls than the pool has threads: files, DNS, `spawn_blocking`",
        "make them shorter or fewer, limit who may start them, or raise `max_blocking_threads`",
    ];
    let queued =
        now.of("async.blocking.queued").filter_map(|(tags, series)| Some((tags, series.held(now.settings.sustained)?)));
    let queued = queued.filter(|(_, queued)| *queued > 0.0).map(|(tags, queued)| {
        finding(
            Severity::Critical,
            "blocking_pool_full",
            format!("{queued} blocking tasks{} wait for a thread", whose(tags)),
            vec![evidence("async.blocking.queued", tags, queued, 0.0)],
            words,
        )
    });
    let queued: Vec<Finding> = queued.collect();
    if !queued.is_empty() {
        return queued;
    }
    let late =
        now.of("async.blocking.delay").filter_map(|(tags, series)| Some((tags, series.held(now.settings.sustained)?)));
    late.filter(|(_, delay)| *delay > most)
        .map(|(tags, delay)| {
            finding(
                how_bad(delay, most * 10.0),
                "blocking_pool_full",
                format!("a blocking task{} waits {} for a thread", whose(tags), millis(delay)),
                vec![evidence("async.blocking.delay", tags, delay, most)],
                words,
            )
        })
        .collect()
}

fn memory_limit(now: &Now<'_>) -> Vec<Finding> {
    let most = now.settings.memory_limit_ratio;
    let near = now
        .one("process.memory.limit_ratio")
        .and_then(|series| series.held(now.settings.sustained))
        .filter(|ratio| *ratio > most);
    near.map(|ratio| {
        finding(
            how_bad(ratio, f64::midpoint(most, 1.0)),
            "memory_limit",
            format!("{} of the memory limit is used", percent(ratio)),
            vec![evidence("process.memory.limit_ratio", &Tags::new(), ratio, most)],
            [
                "a leak, a cache without a bound, or a limit that is too low",
                "look at `runtime.memory.heap_used`; at the limit the kernel ends the process without a word",
            ],
        )
    })
    .into_iter()
    .collect()
}

/// What grew all the time, by more than is worth a word.
fn grown(now: &Now<'_>, series: &Series, at_least: f64) -> Option<(f64, f64)> {
    let (from, to) = series.growth(now.settings.window)?;
    (to - from >= at_least && to >= from * (1.0 + now.settings.growth)).then_some((from, to))
}

fn memory_leak(now: &Now<'_>) -> Vec<Finding> {
    // What the program holds, if that is known; what the system gave it, otherwise.
    let (name, series) = match now.one("runtime.memory.heap_used") {
        Some(heap) => ("runtime.memory.heap_used", Some(heap)),
        None => ("runtime.memory.rss", now.one("runtime.memory.rss")),
    };
    let leak = series.and_then(|series| grown(now, series, now.settings.leaked_bytes as f64));
    leak.map(|(from, to)| {
        let mebibytes = |bytes: f64| format!("{:.0} MiB", bytes / f64::from(1 << 20));
        finding(
            Severity::Warning,
            "memory_leak",
            format!("memory grows without end: from {} to {} in {:?}", mebibytes(from), mebibytes(to), now.settings.window),
            vec![evidence(name, &Tags::new(), to, None)],
            [
                "something is kept that is never needed again: a map that only grows, a channel nobody reads, tasks that never end",
                "compare with `async.tasks.active` and with the size of caches; a heap profiler tells who allocates",
            ],
        )
    })
    .into_iter()
    .collect()
}

/// What an allocator may keep without a word, in bytes.
const LOST: f64 = 64e6;

fn fragmentation(now: &Now<'_>) -> Vec<Finding> {
    let lost = now.one("runtime.memory.fragmentation").and_then(|series| series.held(now.settings.sustained));
    // Half of little is nothing.
    let large = |share: f64| now.one("runtime.memory.heap_sys").is_none_or(|all| all.last() * share >= LOST);
    let lost = lost.filter(|share| *share > 0.5 && large(*share));
    lost.map(|share| {
        finding(
            Severity::Warning,
            "fragmentation",
            format!("{} of the allocator's memory is neither used nor given back", percent(share)),
            vec![evidence("runtime.memory.fragmentation", &Tags::new(), share, 0.5)],
            [
                "a peak has passed and left small pieces of memory in use all over it",
                "allocate large things once and use them again, or have the allocator give memory back sooner",
            ],
        )
    })
    .into_iter()
    .collect()
}

fn open_fds(now: &Now<'_>) -> Vec<Finding> {
    let (Some(open), Some(limit)) = (now.one("process.open_fds"), now.one("process.open_fds.limit")) else {
        return Vec::new();
    };
    let (open, limit) = (open.last(), limit.last());
    let most = limit * now.settings.open_fds_ratio;
    if limit <= 0.0 || open <= most {
        return Vec::new();
    }
    vec![finding(
        how_bad(open, limit * 0.95),
        "open_fds",
        format!("{open} of {limit} file descriptors are open"),
        vec![evidence("process.open_fds", &Tags::new(), open, most)],
        [
            "files or sockets are not closed, or there are more connections than the limit allows for",
            "at the limit nothing can be opened or accepted any more: close what is idle, or raise the limit",
        ],
    )]
}

fn fd_leak(now: &Now<'_>) -> Vec<Finding> {
    let leak = now.one("process.open_fds").and_then(|series| grown(now, series, now.settings.leaked_count as f64));
    leak.map(|(from, to)| {
        finding(
            Severity::Warning,
            "fd_leak",
            format!("file descriptors grow without end: from {from} to {to} in {:?}", now.settings.window),
            vec![evidence("process.open_fds", &Tags::new(), to, None)],
            [
                "files or sockets are opened and never closed: connections without a timeout, handles that are kept",
                "give connections an idle timeout; `ls -l /proc/PID/fd` tells what they are",
            ],
        )
    })
    .into_iter()
    .collect()
}

fn throttled_cpu(now: &Now<'_>) -> Vec<Finding> {
    let readings = now.settings.sustained;
    let gained = |name| now.one(name)?.gained(readings);
    let (Some((throttled, _)), Some((periods, time))) =
        (gained("process.cpu.throttled_periods"), gained("process.cpu.periods"))
    else {
        return Vec::new();
    };
    // Of an idle program a few periods say nothing; a period is 100 ms as a rule.
    let share = throttled / periods.max(1.0);
    if share <= now.settings.throttled || periods < time.as_secs_f64() * 2.0 {
        return Vec::new();
    }
    vec![finding(
        how_bad(share, 0.1),
        "throttled_cpu",
        format!("the CPU quota stopped the process in {} of its periods", percent(share)),
        vec![evidence("process.cpu.throttled_periods", &Tags::new(), throttled, periods * now.settings.throttled)],
        [
            "the process wants more CPU than its quota, or has more threads than the quota has cores, which use it up at once",
            "raise the quota, or have as many workers as `process.cpu.count` says",
        ],
    )]
}

fn run_delay(now: &Now<'_>) -> Vec<Finding> {
    let Some((delay, time)) = now.one("process.cpu.run_delay").and_then(|series| series.gained(now.settings.sustained))
    else {
        return Vec::new();
    };
    let cores = now.one("process.cpu.count").map_or(1.0, |series| series.last().max(1.0));
    let waiting = delay / time.max(Duration::from_millis(1)).as_secs_f64();
    let most = now.settings.run_delay * cores;
    if waiting <= most {
        return Vec::new();
    }
    vec![finding(
        Severity::Warning,
        "run_delay",
        format!("{waiting:.1} threads on average were ready and had no core"),
        vec![evidence("process.cpu.run_delay", &Tags::new(), waiting, most)],
        [
            "the machine has more to do than cores, this process or its neighbours",
            "look at `system.load`; give it more cores, or let fewer threads compute",
        ],
    )]
}

fn pool_starved(now: &Now<'_>) -> Vec<Finding> {
    let waiting = now.of("db.pool.connections.waiting");
    let waiting = waiting.filter_map(|(tags, series)| Some((tags, series.held(now.settings.sustained)?)));
    waiting
        .filter(|(_, waiting)| *waiting > 0.0)
        .map(|(tags, waiting)| {
            let beside = |name| now.beside(name, tags).map(|series| evidence(name, tags, series.last(), None));
            let numbers = [beside("db.pool.connections.active"), beside("db.pool.max_size")];
            let own = evidence("db.pool.connections.waiting", tags, waiting, 0.0);
            let most = now.beside("db.pool.max_size", tags).map_or(1.0, |series| series.last().max(1.0));
            finding(
                how_bad(waiting, most),
                "pool_starved",
                format!("{waiting} callers wait for a connection{}", whose(tags)),
                [own].into_iter().chain(numbers.into_iter().flatten()).collect(),
                [
                    "connections are held for too long (over a call to another service, or in a transaction), leaked, or too few",
                    "hold them for one query only; a timeout for `acquire` makes the wait visible; then make the pool larger",
                ],
            )
        })
        .collect()
}

fn lock_waits(now: &Now<'_>) -> Vec<Finding> {
    let most = now.settings.lock_waits;
    let waited = now.of("sync.lock.waited").filter_map(|(tags, series)| {
        let (waited, time) = series.gained(now.settings.sustained)?;
        Some((tags, waited / time.max(Duration::from_millis(1)).as_secs_f64()))
    });
    waited
        .filter(|(_, waiting)| *waiting > most)
        .map(|(tags, waiting)| {
            let callers = now.beside("sync.lock.waiting", tags);
            let callers = callers.map(|series| evidence("sync.lock.waiting", tags, series.last(), None));
            let lock = tags.get("lock").map_or("", String::as_str);
            finding(
                how_bad(waiting, most * 20.0),
                "lock_waits",
                format!("{waiting:.1} callers wait for the lock `{lock}` on average"),
                [evidence("sync.lock.waited", tags, waiting, most)].into_iter().chain(callers).collect(),
                [
                    "something slow is done while the lock is held (a query, a file, a computation), or too many want it",
                    "hold it only to copy or to swap; split it by key, or give each thread its own part",
                ],
            )
        })
        .collect()
}

fn requests_queued(now: &Now<'_>) -> Vec<Finding> {
    let words = [
        "requests come faster than they are answered, or the runtime does not get to accept them",
        "look at `schedule_delay` and at what handlers wait for; shed load before the queue is full",
    ];
    let names = ["http.accept.queued", "http.requests.queued"];
    let queued = names.into_iter().flat_map(|name| now.of(name).map(move |(tags, series)| (name, tags, series)));
    let queued = queued.filter_map(|(name, tags, series)| Some((name, tags, series.held(now.settings.sustained)?)));
    queued
        .filter(|(.., queued)| *queued > 0.0)
        .map(|(name, tags, queued)| {
            let what = if name == "http.accept.queued" {
                "connections wait to be accepted"
            } else {
                "requests wait to be let in"
            };
            let summary = format!("{queued} {what}{}", whose(tags));
            finding(Severity::Warning, "requests_queued", summary, vec![evidence(name, tags, queued, 0.0)], words)
        })
        .collect()
}

fn panics(now: &Now<'_>) -> Vec<Finding> {
    let new = now.one("runtime.panics").and_then(|series| series.gained(now.settings.sustained));
    let new = new.map(|(panics, _)| panics).filter(|panics| *panics > 0.0);
    new.map(|panics| {
        finding(
            Severity::Warning,
            "panics",
            format!("{panics} panics in the last {} readings", now.settings.sustained),
            vec![evidence("runtime.panics", &Tags::new(), panics, 0.0)],
            [
                "an `unwrap` or an index that was thought to be safe",
                "the log has the message and the place; what was locked then may be half done",
            ],
        )
    })
    .into_iter()
    .collect()
}

#[cfg(test)]
mod tests;
