//! A label that nobody thought of as unlimited: ten million values of it leave memory flat, every call is counted, and
//! each metric is named once. A program of its own, for its allocator counts.

#![allow(clippy::unwrap_used)] // a test that can't go on has failed

use runtime_metrics::export::Encoder;
use runtime_metrics::{
    Counter, CountingAllocator, HeapCounts, Limits, Reading, increment, metered, observe, registry, status, timer,
};
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::mpsc::channel;
use std::time::Duration;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator::new();

const THREADS: u64 = 4;
/// As many as it takes to have all series, all that call sites know, and all pages that threads touch. They come in two
/// halves, for a scrape makes its buffers after the first.
const FIRST: u64 = 100_000;
const ALL: u64 = 10_000_000;
/// Much longer than they take, so that a thread that failed is not waited for.
const PATIENCE: Duration = Duration::from_mins(10);

/// What a program may take more for the ten million than for the first hundred thousand. Kept, each value would be its
/// text of 13 bytes at least: 129 MB. One bit of each would be 1.2 MB.
const LIVE: i64 = 64 << 10;
/// The same of what is resident, where the allocator and the stacks have a part in it: less than half a byte of each.
const RESIDENT: i64 = 4 << 20;

/// The text of a scrape has a limit as well, whatever the labels are: 2,001 series of six metrics, of which some take
/// nanoseconds and are told by some thirty bounds up to 32 seconds.
const TEXT: usize = 32 << 20;

#[metered(name = "many_handled", labels(user = user))]
fn handled(user: &str) {
    std::hint::black_box(user);
}

/// A user's name. Some are longer than what can be looked up at once.
struct Name([u8; 44]);

impl Name {
    fn new() -> Self {
        Self(*b"user-00000000@a-rather-long-name.example.com")
    }

    /// Ten million times `format!` would take longer than what it is for.
    fn of(&mut self, user: u64) -> &str {
        let mut left = user;
        for digit in self.0[5..13].iter_mut().rev() {
            (*digit, left) = (b'0' + (left % 10) as u8, left / 10);
        }
        let len = if user.is_multiple_of(7) { 44 } else { 13 };
        std::str::from_utf8(&self.0[..len]).unwrap()
    }
}

/// One request of a user that was never seen before. Each goes one way: most count, by name or by number, and one in
/// ten each are measured, added, timed and observed.
fn request(user: u64, name: &str, added: &Counter) {
    match user % 10 {
        0 => handled(name),
        1 => added.add_with(1, &[("user", &name)]),
        2 => drop(timer!("many_timed", labels: {"user" => name})),
        3 => observe!("many_observed", value: user % 100, labels: {"user" => name}),
        4..=6 => increment!("many_numbered", labels: {"user" => user}),
        _ => increment!("many_counted", labels: {"user" => name}),
    }
}

/// By metric: the family that has its limit, the one whose counts are added up, and of ten calls how many are its.
const METRICS: [(&str, &str, u64); 6] = [
    ("many_counted", "many_counted", 3),
    ("many_numbered", "many_numbered", 3),
    ("many_added", "many_added", 1),
    ("many_observed", "many_observed", 1),
    ("many_timed", "many_timed", 1),
    ("many_handled_duration_seconds", "many_handled_requests_total", 1),
];

/// How many calls a family tells of: what stands for the rest, and all others together.
fn counts(family: &str) -> (u64, u64) {
    let snapshot = registry().snapshot();
    let (mut rest, mut others) = (0, 0);
    for series in &snapshot.family(family).unwrap().series {
        let count = match &series.value {
            Reading::Counter(count) => *count,
            Reading::Distribution(distribution) => distribution.count,
            other => panic!("{family}: {other:?}"),
        };
        if series.labels.get("overflow") == Some("true") {
            rest += count;
        } else {
            assert!(count <= 1, "{family}: {:?} has {count}", series.labels);
            others += count;
        }
    }
    (rest, others)
}

fn all_is_counted(calls: u64) {
    for (limited, counted, of_ten) in METRICS {
        let (rest, others) = counts(counted);
        assert_eq!(rest + others, calls / 10 * of_ten, "{counted}");
        let snapshot = registry().snapshot();
        let series = snapshot.family(limited).unwrap().series.len();
        assert_eq!(series, Limits::default().series_per_metric + 1, "{limited}");
        let folded = registry().get("runtime_metrics_overflowed", &[("metric", limited)]);
        assert_eq!(folded, Some(Reading::Counter(rest)), "{limited}");
        let told: Vec<_> = status().problems.into_iter().filter(|problem| problem.subject == limited).collect();
        assert!(told.len() == 1 && told[0].message.contains("the limit of 2000"), "{told:?}");
    }
    assert_eq!(status().problems.len(), METRICS.len(), "{:?}", status().problems);
}

/// Reads `OpenMetrics` text: how many samples each name has. A sample without a family or told twice has no place in it.
fn samples(text: &str) -> HashMap<String, usize> {
    let text = text.strip_suffix("# EOF\n").unwrap();
    let (mut samples, mut seen, mut families) = (HashMap::new(), HashSet::new(), HashSet::new());
    for line in text.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            let (what, family) = comment.split_once(' ').unwrap();
            assert!(["HELP", "TYPE", "UNIT"].contains(&what), "{line}");
            families.insert(family.split(' ').next().unwrap());
            continue;
        }
        let (sample, value) = line.rsplit_once(' ').unwrap();
        value.parse::<f64>().unwrap_or_else(|error| panic!("{line}: {error}"));
        let (name, labels) = sample.split_once('{').unwrap_or((sample, "}"));
        let mut labels = labels.strip_suffix('}').unwrap();
        while !labels.is_empty() {
            let (label, rest) = labels.split_once("=\"").unwrap();
            let (value, rest) = rest.split_once('"').unwrap();
            // No value here has anything that would be escaped.
            assert!(label.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !value.contains('\\'), "{line}");
            labels = rest.strip_prefix(',').unwrap_or(rest);
        }
        let mut stems = ["", "_total", "_count", "_sum", "_bucket", "_info"].iter();
        assert!(stems.any(|end| name.strip_suffix(end).is_some_and(|stem| families.contains(stem))), "{line}");
        assert!(seen.insert(sample), "{line}");
        *samples.entry(name.to_owned()).or_default() += 1;
    }
    samples
}

/// Resident memory in bytes.
#[cfg(target_os = "linux")]
fn resident() -> i64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<i64>().unwrap() * 4096
}

#[cfg(not(target_os = "linux"))]
fn resident() -> i64 {
    0
}

#[test]
fn ten_million_values_of_a_label_leave_memory_flat() {
    let added = Counter::new("many_added", "Added by a handle.").register();
    let (mut encoder, mut text) = (Encoder::openmetrics(), Vec::with_capacity(TEXT));
    let mut scrape = || {
        text.clear();
        encoder.encode_recorded(&mut text);
        assert!(text.len() < TEXT, "{}", text.len());
        samples(std::str::from_utf8(&text).unwrap())
    };
    let taken = || (HeapCounts::now().unwrap().live_bytes as i64, resident());
    // The threads stay, so that neither their stacks nor their cells come or go in between.
    let [_, (first, before), (last, after)] = std::thread::scope(|scope| {
        let (over, overs) = channel();
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let (begin, begins) = channel::<Range<u64>>();
                let (over, added) = (over.clone(), &added);
                scope.spawn(move || {
                    let mut name = Name::new();
                    for users in begins {
                        let mine = users.skip(thread as usize).step_by(THREADS as usize);
                        mine.for_each(|user| request(user, name.of(user), added));
                        let _ = over.send(());
                    }
                });
                begin
            })
            .collect();
        [0..FIRST / 2, FIRST / 2..FIRST, FIRST..ALL].map(|users| {
            for thread in &threads {
                thread.send(users.clone()).unwrap();
            }
            for _ in &threads {
                overs.recv_timeout(PATIENCE).unwrap();
            }
            all_is_counted(users.end);
            let scraped = scrape();
            (scraped, taken())
        })
    });
    let (live, resident) = (after.0 - before.0, after.1 - before.1);
    assert!(live < LIVE, "{live} bytes more are in use");
    assert!(resident < RESIDENT, "{resident} bytes more are resident");
    // A scrape is as large as before, but for the digits of the numbers and new buckets of the rest.
    assert_eq!(last["many_counted_total"], Limits::default().series_per_metric + 1);
    for (name, count) in &last {
        assert!(*count < first[name] + 100, "{name}: {} became {count}", first[name]);
    }
    assert!(first.len() == last.len() && last.contains_key("runtime_metrics_overflowed_total"), "{:?}", last.keys());
}
