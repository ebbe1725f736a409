//! What is told of the process is what it does: each value against the truth.
#![cfg(target_os = "linux")]

use runtime_metrics::{MetricCollector, RuntimeMetric, Snapshot, collectors};
use std::fs::File;
use std::hint::black_box;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// All tests are one process, of which each changes something.
static TURN: Mutex<()> = Mutex::new(());

/// The value of a metric, if it is told.
fn told(name: &str) -> Option<f64> {
    let collector = if name.starts_with("system.") {
        "system"
    } else if name.contains("memory") || name.contains("faults") {
        "memory"
    } else {
        "process"
    };
    collectors::ask(collector).iter().find(|metric| metric.name == name).map(|metric| metric.value.as_f64())
}

fn value(name: &str) -> f64 {
    told(name).unwrap_or_else(|| panic!("no {name}: {:?}", runtime_metrics::status().problems))
}

/// Keeps a core busy.
fn burn(long: Duration) {
    let start = Instant::now();
    while start.elapsed() < long {
        black_box((0..10_000).fold(0_u64, |sum, n| sum.wrapping_mul(31).wrapping_add(black_box(n))));
    }
}

fn turn() -> impl Sized {
    TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[test]
fn open_files_are_counted() {
    let _turn = turn();
    let before = value("process.open_fds");
    let files: Vec<File> = (0..100).map(|_| File::open("/dev/null").unwrap()).collect();
    assert_eq!(value("process.open_fds") - before, 100.0);
    drop(files);
    assert_eq!(value("process.open_fds"), before);
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    let limit = limits.lines().find_map(|line| line.strip_prefix("Max open files")?.split_whitespace().next());
    let told = told("process.open_fds.limit").map_or("unlimited".to_owned(), |limit| limit.to_string());
    assert_eq!(limit, Some(&*told));
}

#[test]
fn threads_are_counted_and_their_peak_stays() {
    let _turn = turn();
    let before = value("process.threads.count");
    let (ready, begun) = channel();
    let (end, ended) = channel::<()>();
    let ended = Mutex::new(ended);
    thread::scope(|scope| {
        for _ in 0..50 {
            scope.spawn(|| {
                ready.send(()).unwrap();
                let _ = ended.lock().unwrap().recv();
            });
        }
        begun.iter().take(50).for_each(drop);
        // Threads of other tests, which wait for their turn, come and go.
        for name in ["process.threads.count", "runtime.threads.active"] {
            let more = value(name) - before;
            assert!((46.0..=54.0).contains(&more), "{name}: {more}");
        }
        drop(end);
    });
    let deadline = Instant::now() + Duration::from_secs(10);
    while value("runtime.threads.active") > before + 4.0 {
        assert!(Instant::now() < deadline, "threads stay");
    }
    assert!(value("runtime.threads.peak") >= before + 46.0);
}

#[test]
fn a_busy_thread_is_a_core_and_waiting_is_none() {
    let _turn = turn();
    let millis = || value("process.cpu.user_time") + value("process.cpu.system_time");
    value("process.threads.count");
    let before = millis();
    burn(Duration::from_millis(1500));
    let busy = value("process.cpu.usage");
    let spent = millis() - before;
    // Others may use the machine too, so it may be less.
    assert!((50.0..130.0).contains(&busy), "{busy}");
    assert!((700.0..2000.0).contains(&spent), "{spent}");
    value("process.cpu.count");
    thread::sleep(Duration::from_millis(1200));
    value("process.cpu.count");
    thread::sleep(Duration::from_millis(1200));
    let idle = value("process.cpu.usage");
    assert!(idle < 20.0, "{idle}");
    assert_eq!(value("process.cpu.count"), thread::available_parallelism().unwrap().get() as f64);
}

#[test]
fn threads_that_have_no_core_are_delayed() {
    let _turn = turn();
    let before = value("process.cpu.run_delay");
    let threads = 3 * thread::available_parallelism().unwrap().get();
    let visited = thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(|| burn(Duration::from_secs(1)))).collect();
        thread::sleep(Duration::from_millis(800));
        // All are visited while they run, a few each time.
        let visited = (0..100).map(|_| value("process.cpu.run_delay")).fold(0.0, f64::max);
        for thread in running {
            thread.join().unwrap();
        }
        visited
    });
    // Two of three always wait.
    let delayed = visited - before;
    assert!(delayed > 0.3, "{delayed}");
}

#[test]
fn switches_are_told_apart() {
    let _turn = turn();
    let told = || (0..50).map(|_| value("process.context_switches.voluntary")).fold(0.0, f64::max);
    let before = told();
    (0..200).for_each(|_| thread::sleep(Duration::from_micros(50)));
    let more = told() - before;
    assert!(more >= 200.0, "{more}");
    assert!(value("process.context_switches.involuntary") >= 0.0);
}

#[test]
fn panics_are_counted_and_the_hook_that_was_there_is_called() {
    static SEEN: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let _turn = turn();
    // The library's hook calls the one that was there when it came, and whoever sets one later calls it.
    let before = value("runtime.panics");
    let ours = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        SEEN.lock().unwrap().push(info.payload_as_str().unwrap_or_default().to_owned());
        ours(info);
    }));
    for text in ["one", "two"] {
        assert!(thread::spawn(move || panic!("{text}")).join().is_err());
    }
    assert_eq!(value("runtime.panics") - before, 2.0);
    assert_eq!(*SEEN.lock().unwrap(), ["one", "two"]);
}

#[test]
fn a_hook_of_a_panic_in_a_collector_may_ask_for_everything() {
    static SEEN: Mutex<Vec<bool>> = Mutex::new(Vec::new());
    struct Broken;
    impl MetricCollector for Broken {
        fn collect(&self) -> Vec<RuntimeMetric> {
            assert!(thread::current().name() != Some("asks"), "on purpose");
            vec![RuntimeMetric::gauge("broken.not", 1)]
        }
        fn name(&self) -> &'static str {
            "broken"
        }
    }
    let _turn = turn();
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if thread::current().name() == Some("asks") {
            let snapshot = Snapshot::take();
            let told = |name| snapshot.family(name).is_some();
            SEEN.lock().unwrap().push(told("process.uptime") && !told("broken.not"));
        } else {
            before(info);
        }
    }));
    collectors::add(Arc::new(Broken));
    let (done, ends) = channel();
    let asks = thread::Builder::new().name("asks".to_owned());
    asks.spawn(move || done.send(Snapshot::take().family("process.uptime").is_some())).unwrap();
    assert_eq!(ends.recv_timeout(Duration::from_secs(20)), Ok(true), "it hangs");
    assert_eq!(*SEEN.lock().unwrap(), [true]);
}

#[test]
fn the_start_is_that_of_the_process() {
    let _turn = turn();
    let uptime = value("process.uptime");
    thread::sleep(Duration::from_millis(300));
    let later = value("process.uptime") - uptime;
    assert!((0.3..3.0).contains(&later), "{later}");
    assert!(uptime < 600.0, "{uptime}");
}

#[test]
fn what_is_written_to_disk_is_counted() {
    let _turn = turn();
    let before = value("process.disk.written");
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("written");
    std::fs::write(&path, vec![7; 5_000_000]).unwrap();
    let written = value("process.disk.written") - before;
    std::fs::remove_file(path).unwrap();
    assert!((5e6..6e6).contains(&written), "{written}");
}

#[test]
fn memory_that_is_used_is_resident_and_faults() {
    let _turn = turn();
    let (rss, faults) = (value("runtime.memory.rss"), value("process.page_faults.minor"));
    let large = black_box(vec![1_u8; 50_000_000]);
    let (grown, faulted) = (value("runtime.memory.rss") - rss, value("process.page_faults.minor") - faults);
    assert!((45e6..60e6).contains(&grown), "{grown}");
    assert!(faulted > 10.0, "{faulted}");
    drop(large);
    assert!(value("runtime.memory.rss_peak") >= rss + 45e6);
    // No allocator of this program counts.
    assert_eq!(told("runtime.memory.heap_used"), None);
    assert!(value("process.memory.stall_time") >= 0.0);
}

#[test]
fn the_machine_is_told_as_the_kernel_has_it() {
    let _turn = turn();
    collectors::ask("system");
    burn(Duration::from_millis(1200));
    let system = collectors::ask("system");
    let cores: Vec<(&str, f64)> = system
        .iter()
        .filter(|metric| metric.name == "system.cpu.usage")
        .map(|metric| (&*metric.tags["core"], metric.value.as_f64()))
        .collect();
    assert!(cores.len() > 1 && cores.iter().all(|(_, usage)| (0.0..=100.0).contains(usage)), "{cores:?}");
    // One thread kept one of them busy, or more together.
    let busy: f64 = cores.iter().filter(|(core, _)| *core != "all").map(|(_, usage)| usage).sum();
    assert!(busy > 50.0, "{cores:?}");
    let all = cores.iter().find(|(core, _)| *core == "all").unwrap().1;
    assert!((all - busy / (cores.len() - 1) as f64).abs() < 5.0, "{cores:?}");

    let memory = std::fs::read_to_string("/proc/meminfo").unwrap();
    let total = memory.lines().next().unwrap().split_whitespace().nth(1).unwrap().parse::<f64>().unwrap();
    assert_eq!(value("system.memory.total"), total * 1024.0);
    assert!((0.0..total * 1024.0).contains(&value("system.memory.available")));
    assert!(value("system.load") >= 0.0);
    assert!(system.iter().all(|metric| metric.tags.get("interface").is_none_or(|name| name != "lo")));
}

#[test]
fn a_garbage_collector_is_told_where_there_is_one() {
    let _turn = turn();
    assert!(collectors::ask("gc").is_empty());
    collectors::register_gc("lua", || 7);
    let [metric] = &*collectors::ask("gc") else { panic!("one") };
    assert_eq!(
        (&*metric.name, metric.value.as_f64(), &*metric.tags["gc"]),
        ("runtime.gc.collection_count", 7.0, "lua")
    );
}
