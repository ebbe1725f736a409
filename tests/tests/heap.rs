//! With the counting allocator, the heap's metrics are what the program has allocated; a leak shows.

use runtime_metrics::{CountingAllocator, HeapCounts, Reading, Snapshot, collectors};
use std::hint::black_box;
use std::sync::Mutex;
use std::thread;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator::new();

/// All threads of the process count together.
static TURN: Mutex<()> = Mutex::new(());

const MB: f64 = 1e6;

fn value(snapshot: &Snapshot, name: &str) -> f64 {
    match snapshot.family(name).unwrap_or_else(|| panic!("no {name}")).series[0].value {
        Reading::Gauge(value) | Reading::CounterFloat(value) => value,
        Reading::Counter(count) => count as f64,
        ref other => panic!("{name}: {other:?}"),
    }
}

fn heap_used() -> f64 {
    value(&Snapshot::take(), "runtime.memory.heap_used")
}

#[test]
fn what_is_allocated_shows_and_what_is_freed_goes() {
    let _turn = TURN.lock();
    let before = Snapshot::take();
    let large = vec![1_u8; 10_000_000];
    let small: Vec<Box<u64>> = (0..10_000).map(Box::new).collect();
    let with = Snapshot::take();
    let grown = |name| value(&with, name) - value(&before, name);
    let used = grown("runtime.memory.heap_used") / MB;
    assert!((10.16..10.4).contains(&used), "{used}");
    assert_eq!(grown("runtime.memory.heap_allocated"), grown("runtime.memory.heap_used"));
    let objects = grown("runtime.memory.heap_objects");
    // The snapshots are some themselves.
    assert!((10_002.0..11_000.0).contains(&objects), "{objects}");
    assert!(grown("runtime.memory.allocated_bytes") >= 10.0 * MB);
    assert!(grown("runtime.memory.allocations") >= objects);
    // It was written to, so it is in RAM.
    assert!(grown("runtime.memory.rss") > 9.0 * MB, "{}", grown("runtime.memory.rss"));

    drop((large, small));
    let after = Snapshot::take();
    let left = value(&after, "runtime.memory.heap_used") - value(&before, "runtime.memory.heap_used");
    assert!(left.abs() < 0.1 * MB, "{left}");
    // What was allocated stays counted, and the peak stays.
    assert!(value(&after, "runtime.memory.allocated_bytes") >= value(&with, "runtime.memory.allocated_bytes"));
    assert!(value(&after, "runtime.memory.rss_peak") >= value(&with, "runtime.memory.rss"));
    assert!(value(&after, "process.page_faults.minor") > value(&before, "process.page_faults.minor"));
}

#[test]
fn a_leak_grows_and_what_comes_and_goes_does_not() {
    let _turn = TURN.lock();
    let readings: Vec<f64> = (0..5)
        .map(|_| {
            std::mem::forget(black_box(vec![0_u8; 1_000_000]));
            (0..1000).for_each(|size| drop(black_box(vec![0_u8; size * 10])));
            heap_used()
        })
        .collect();
    for pair in readings.windows(2) {
        let grown = (pair[1] - pair[0]) / MB;
        assert!((0.99..1.05).contains(&grown), "{readings:?}");
    }
}

#[test]
fn it_is_right_whichever_thread_frees_and_whichever_ends() {
    let _turn = TURN.lock();
    drop(Snapshot::take());
    let before = HeapCounts::now().unwrap();
    for _ in 0..50 {
        // Allocated on one thread that ends, freed on another.
        let made = thread::spawn(|| (0..100).map(|size| vec![0_u8; size + 1]).collect::<Vec<_>>()).join().unwrap();
        thread::spawn(move || drop(made)).join().unwrap();
    }
    let after = HeapCounts::now().unwrap();
    let left = after.live_bytes as i64 - before.live_bytes as i64;
    assert!(left.abs() < 10_000, "{left}");
    let objects = after.live_objects as i64 - before.live_objects as i64;
    assert!(objects.abs() < 100, "{objects}");
    assert!(after.allocated_bytes - before.allocated_bytes > 50 * 100 * 50);
}

#[test]
fn no_size_is_no_allocation() {
    let _turn = TURN.lock();
    let allocates_none = || {
        let before = HeapCounts::now().unwrap();
        black_box((Box::new(()), vec![(); 100], Vec::<u64>::new()));
        HeapCounts::now().unwrap().allocations == before.allocations
    };
    // The thread that runs the tests may allocate in between.
    assert!((0..100).any(|_| allocates_none()));
}

/// What is here and counted is told; the rest needs a limit, a quota, another allocator, a source or hardware.
#[test]
#[cfg(target_os = "linux")]
fn every_metric_of_the_table_that_can_be_told_is_told() {
    let _turn = TURN.lock();
    collectors::ask("process");
    collectors::ask("system");
    // Shares are told from the second time on.
    thread::sleep(std::time::Duration::from_millis(150));
    let told: Vec<_> = ["memory", "process", "system"].into_iter().flat_map(collectors::ask).collect();
    let conditional = [
        "runtime.memory.heap_sys",
        "runtime.memory.fragmentation",
        "runtime.gc.collection_count",
        "process.memory.limit",
        "process.memory.limit_ratio",
        "process.memory.oom_kills",
        "process.cpu.throttled_time",
        "process.cpu.throttled_periods",
        "process.cpu.periods",
        "process.open_fds.limit",
        "process.memory.stall_time",
        "system.network.received",
        "system.network.sent",
        "system.disk.read",
        "system.disk.written",
    ];
    let ours = |name: &str| ["runtime.", "process.", "system."].iter().any(|group| name.starts_with(group));
    for metric in collectors::built_in().iter().filter(|metric| ours(metric.name)) {
        let told = told.iter().find(|told| told.name == metric.name);
        assert!(told.is_some() || conditional.contains(&metric.name), "{} is not told", metric.name);
        if let Some(told) = told {
            assert_eq!(told.unit.as_deref(), Some(metric.unit), "{}", metric.name);
            assert!(told.value.as_f64() >= 0.0, "{}", metric.name);
        }
    }
    assert!(told.iter().all(|told| collectors::built_in().iter().any(|metric| metric.name == told.name)));
}
