//! Real runtimes in real trouble: what is wrong is measured while it is wrong.

#![allow(clippy::unwrap_used)] // a test that can't go on has failed

use runtime_metrics::collectors::tokio::{register, spawn, spawn_blocking};
use runtime_metrics::{Reading, RuntimeBuilderExt, SeriesSnapshot, Snapshot, increment, status};
use runtime_metrics_tests_runtimes::eventually;
use std::future::pending;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};

/// A runtime of this name with hooks.
fn runtime(name: &str, workers: usize) -> Runtime {
    Builder::new_multi_thread().worker_threads(workers).name(name).enable_all().with_metrics().build().unwrap()
}

/// The series of a metric that have this label.
fn series(metric: &str, label: (&str, &str)) -> Vec<SeriesSnapshot> {
    let all = Snapshot::take().family(metric).map(|family| family.series.clone()).unwrap_or_default();
    all.into_iter().filter(|series| label_of(series, label.0).as_deref() == Some(label.1)).collect()
}

fn label_of(series: &SeriesSnapshot, name: &str) -> Option<String> {
    series.labels.iter().find(|(label, _)| *label == name).map(|(_, value)| value.to_string())
}

fn number(reading: &Reading) -> f64 {
    match reading {
        Reading::Counter(count) => *count as f64,
        Reading::CounterFloat(value) | Reading::Gauge(value) => *value,
        other => panic!("{other:?}"),
    }
}

/// The sum of a metric over the series of the runtime of this name; none if there is no series.
fn of(name: &str, metric: &str) -> Option<f64> {
    let series = series(metric, ("runtime_name", name));
    (!series.is_empty()).then(|| series.iter().map(|series| number(&series.value)).sum())
}

/// The largest of several series.
fn most(metric: &str, label: (&str, &str)) -> f64 {
    series(metric, label).iter().map(|series| number(&series.value)).fold(0.0, f64::max)
}

/// The worker that is told to be stuck.
fn stuck(name: &str) -> Vec<usize> {
    let workers = series("async.workers.stuck", ("runtime_name", name));
    let stuck = workers.iter().filter(|worker| number(&worker.value) > 0.0);
    stuck.map(|worker| label_of(worker, "worker").unwrap().parse().unwrap()).collect()
}

/// Blocks a worker until the sender is dropped, and tells which.
fn block(runtime: &Runtime) -> (usize, Sender<()>) {
    let (release, released) = channel::<()>();
    let (tell, told) = channel();
    runtime.spawn(async move {
        tell.send(tokio::runtime::worker_index().unwrap()).unwrap();
        let _ = released.recv();
    });
    (told.recv().unwrap(), release)
}

#[test]
fn a_blocked_worker_is_named_while_it_is_blocked() {
    let runtime = runtime("blocked", 2);
    eventually("the runtime is known and rests", || {
        stuck("blocked").is_empty() && of("blocked", "async.workers.stuck").is_some()
    });
    let (worker, release) = block(&runtime);
    let began = Instant::now();
    eventually("it is seen", || stuck("blocked") == [worker]);
    let seen = began.elapsed();
    let ratios = || series("async.workers.busy_ratio", ("runtime_name", "blocked"));
    let ratio_of = |index: usize| {
        let ours = |series: &&SeriesSnapshot| label_of(series, "worker") == Some(index.to_string());
        ratios().iter().find(ours).map_or(0.0, |series| number(&series.value))
    };
    eventually("it counts as busy, and the other does not", || ratio_of(worker) > 0.9 && ratio_of(1 - worker) < 0.5);
    drop(release);
    eventually("it is over", || stuck("blocked").is_empty());
    // 100 ms to be sure and 50 for the next look; the rest is for a machine that has other work.
    assert!(seen < Duration::from_millis(300), "{seen:?}");
    let busy = of("blocked", "async.workers.busy_time").unwrap();
    assert!(busy >= seen.as_secs_f64(), "{busy}");
}

#[test]
fn a_task_that_blocks_for_300_ms_is_caught() {
    let runtime = runtime("briefly", 2);
    eventually("the runtime is known", || of("briefly", "async.workers.stuck").is_some());
    // On a machine with other work one may slip through; not all of them do.
    eventually("a block is seen before it is over", || {
        let blocked = runtime.spawn(async { std::thread::sleep(Duration::from_millis(300)) });
        let mut seen = false;
        while !blocked.is_finished() {
            seen |= !stuck("briefly").is_empty() && !blocked.is_finished();
            std::thread::sleep(Duration::from_millis(5));
        }
        seen
    });
}

#[test]
fn workers_with_short_polls_are_busy_and_not_stuck() {
    let runtime = runtime("saturated", 2);
    for _ in 0..8 {
        runtime.spawn(async {
            loop {
                let end = Instant::now() + Duration::from_micros(200);
                while Instant::now() < end {
                    std::hint::spin_loop();
                }
                tokio::task::yield_now().await;
            }
        });
    }
    let ratio = || of("saturated", "async.workers.busy_ratio").unwrap_or_default();
    eventually("both workers are busy", || ratio() > 1.8);
    eventually("tasks wait for a worker", || most("async.schedule.delay", ("runtime_name", "saturated")) > 0.0);
    runtime.shutdown_background();
}

#[test]
fn a_starved_runtime_is_late_while_it_is_starved() {
    let runtime = runtime("starved", 1);
    eventually("the runtime is known", || of("starved", "async.schedule.delay").is_some());
    let (_, release) = block(&runtime);
    eventually("it is late", || most("async.schedule.delay", ("runtime_name", "starved")) > 0.2);
    let waiting: Vec<_> = (0..25).map(|_| runtime.spawn(async {})).collect();
    assert_eq!(of("starved", "async.tasks.queued"), Some(25.0));
    assert_eq!(of("starved", "async.tasks.active"), Some(26.0));
    drop(release);
    drop(waiting);
    eventually("the queue is empty", || of("starved", "async.tasks.queued") == Some(0.0));
    eventually("a timer came late", || of("starved", "async.timer.drift").is_some());
    let stats: Vec<_> =
        series("async.schedule.delay", ("runtime_name", "starved")).iter().map(|s| label_of(s, "stat")).collect();
    assert_eq!(stats.len(), 3, "{stats:?}");
}

#[test]
fn tasks_that_never_end_are_seen_to_grow() {
    let runtime = runtime("leaking", 2);
    let leaked: Vec<_> = (0..500).map(|_| runtime.spawn(pending::<()>())).collect();
    eventually("the tasks are there", || of("leaking", "async.tasks.active") == Some(500.0));
    for task in &leaked[..200] {
        task.abort();
    }
    eventually("some are not", || of("leaking", "async.tasks.active") == Some(300.0));
}

#[test]
fn spawned_tasks_are_counted_and_the_probe_is_not() {
    let ours = if cfg!(tokio_unstable) { ("runtime_name", "spawning") } else { ("source", "ids") };
    let spawned = || most("async.tasks.spawned", ours);
    let runtime = runtime("spawning", 2);
    eventually("the first are counted", || !series("async.tasks.spawned", ours).is_empty());
    let before = spawned();
    runtime.block_on(async {
        for _ in 0..20_000 {
            tokio::spawn(async {}).await.unwrap();
        }
    });
    eventually("they are counted", || spawned() - before >= 20_000.0);
    // The other tests spawn as well, where the count is of all runtimes.
    let others = if cfg!(tokio_unstable) { 0.0 } else { 10_000.0 };
    assert!(spawned() - before <= 20_000.0 + others, "{}", spawned() - before);
}

#[test]
fn slow_polls_are_counted_and_the_longest_is_told() {
    let ours = || if cfg!(tokio_unstable) { ("runtime_name", "slow") } else { ("source", "instrumented") };
    let runtime = runtime("slow", 2);
    let slow = || most("async.poll.slow_count", ours());
    eventually("the runtime is known", || of("slow", "async.workers.count") == Some(2.0));
    let before = slow();
    runtime.block_on(async {
        for _ in 0..10 {
            spawn(async { std::thread::sleep(Duration::from_millis(2)) }).await.unwrap();
        }
        spawn(async { std::thread::sleep(Duration::from_millis(80)) }).await.unwrap();
    });
    // A task is over before the hook behind its last poll.
    eventually("all are counted", || slow() - before >= 11.0);
    assert!(most("async.polls.total", ours()) >= 11.0);
    assert!(most("async.poll.max_duration", ours()) >= 80_000.0);
    assert!(most("async.poll.mean_duration", ours()) > 0.0);
}

#[test]
fn a_wait_for_a_thread_is_told_for_some_seconds_and_not_for_ever() {
    let runtime = Builder::new_multi_thread().worker_threads(1).max_blocking_threads(1).name("waited").build().unwrap();
    runtime.block_on(async {
        let first = spawn_blocking(|| std::thread::sleep(Duration::from_millis(200)));
        spawn_blocking(|| ()).await.unwrap();
        first.await.unwrap();
    });
    let waited = || most("async.blocking.delay", ("runtime_name", "waited"));
    assert!(waited() >= 0.19, "{}", waited());
    eventually("it is over", || waited() == 0.0);
}

#[cfg(tokio_unstable)]
#[test]
fn the_polls_of_main_are_told_and_those_of_two_runtimes_of_one_builder_once() {
    #[runtime_metrics::main(flavor = "current_thread", name = "polled")]
    async fn polled() {
        #![allow(clippy::unused_async)]
        for _ in 0..10 {
            tokio::spawn(async { tokio::time::sleep(Duration::from_millis(1)).await }).await.unwrap();
        }
        eventually("they are counted", || most("async.polls.total", ("runtime_name", "polled")) >= 10.0);
        assert!(most("async.poll.max_duration", ("runtime_name", "polled")) > 0.0);
    }
    polled();
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(1).name("of one builder").with_metrics();
    let both = [builder.build().unwrap(), builder.build().unwrap()];
    for runtime in &both {
        runtime.block_on(async { tokio::spawn(async {}).await.unwrap() });
    }
    let told = || series("async.poll.max_duration", ("runtime_name", "of one builder")).len();
    eventually("they are told", || told() > 0);
    assert_eq!(told(), 1);
}

#[test]
fn a_full_blocking_pool_is_seen_by_its_queue_and_its_delay() {
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(4)
        .name("pool")
        .enable_all()
        .with_metrics()
        .build()
        .unwrap();
    let (releases, blocked): (Vec<_>, Vec<_>) = (0..10).map(|_| channel::<()>()).unzip();
    let _context = runtime.enter();
    let tasks: Vec<_> = blocked.into_iter().map(|released| spawn_blocking(move || released.recv().is_ok())).collect();
    eventually("all threads are busy", || of("pool", "async.blocking.active") == Some(4.0));
    // A thread that has just begun has not taken its task yet.
    eventually("the rest waits", || of("pool", "async.blocking.queued") == Some(6.0));
    assert_eq!(of("pool", "async.blocking.threads"), Some(4.0));
    // Nobody has to spawn anything for the delay to be seen.
    eventually("it is late", || most("async.blocking.delay", ("runtime_name", "pool")) > 0.1);
    drop(releases);
    runtime.block_on(async {
        for task in tasks {
            assert!(!task.await.unwrap());
        }
    });
    eventually("all is done", || {
        of("pool", "async.blocking.queued") == Some(0.0) && of("pool", "async.blocking.active") == Some(0.0)
    });
}

#[test]
fn several_runtimes_are_told_apart_and_one_that_is_dropped_disappears() {
    let (one, other) = (runtime("one", 1), runtime("other", 2));
    eventually("both are there", || {
        (of("one", "async.workers.count"), of("other", "async.workers.count")) == (Some(1.0), Some(2.0))
    });
    let both = ["one", "other"].map(|name| series("async.workers.count", ("runtime_name", name)));
    assert_ne!(label_of(&both[0][0], "runtime_id"), label_of(&both[1][0], "runtime_id"));
    drop(one);
    eventually("one is gone", || of("one", "async.workers.count").is_none());
    assert_eq!(of("other", "async.workers.count"), Some(2.0));
    other.shutdown_background();
    eventually("the other is gone, too", || of("other", "async.workers.count").is_none());
}

#[test]
fn a_program_that_makes_runtimes_without_end_is_watched_still() {
    for at in 0..200 {
        let runtime = Builder::new_current_thread().name(format!("endless {at}")).build().unwrap();
        register(runtime.handle());
    }
    let last = runtime("after all", 1);
    eventually("it is known", || of("after all", "async.workers.count") == Some(1.0));
    drop(last);
}

#[test]
fn a_current_thread_runtime_that_nobody_runs_is_not_late() {
    let runtime = Builder::new_current_thread().name("paused").enable_all().with_metrics().build().unwrap();
    let run = || runtime.block_on(async { tokio::time::sleep(Duration::from_millis(1)).await });
    run();
    eventually("it is known", || of("paused", "async.workers.count") == Some(1.0));
    std::thread::sleep(Duration::from_millis(400));
    let took = Instant::now();
    run();
    let took = took.elapsed();
    assert_eq!(of("paused", "async.workers.stuck"), None);
    std::thread::sleep(Duration::from_millis(150));
    let late = most("async.schedule.delay", ("runtime_name", "paused"));
    assert!(late < 0.2 + took.as_secs_f64(), "{late}");
}

#[runtime_metrics::main(flavor = "current_thread", name = "driven")]
async fn driven() -> Result<Vec<usize>, std::num::ParseIntError> {
    let _: u8 = "1".parse()?;
    // Somebody else looks while this thread is blocked.
    tokio::time::sleep(Duration::from_millis(5)).await;
    let looks = std::thread::spawn(|| {
        eventually("a blocked runtime of one thread is seen", || !stuck("driven").is_empty());
        stuck("driven")
    });
    Ok(looks.join().unwrap())
}

#[test]
fn main_on_one_thread_is_seen_to_be_stuck() {
    assert_eq!(driven(), Ok(vec![0]));
    eventually("it is gone", || of("driven", "async.workers.count").is_none());
}

#[runtime_metrics::main(worker_threads = 3, name = "threads")]
async fn many() -> Option<f64> {
    tokio::spawn(async { of("threads", "async.workers.count") }).await.unwrap()
}

#[runtime_metrics::main]
async fn plain() -> tokio::runtime::RuntimeFlavor {
    tokio::runtime::Handle::current().runtime_flavor()
}

#[runtime_metrics::main(crate = runtime_metrics, flavor = "current_thread")]
async fn borrows(text: &str) -> Result<&str, std::num::ParseIntError> {
    tokio::time::sleep(Duration::from_millis(1)).await;
    let _: u8 = text.parse()?;
    Ok(text)
}

#[test]
fn main_needs_no_option_and_takes_any_function() {
    assert_eq!(plain(), tokio::runtime::RuntimeFlavor::MultiThread);
    assert_eq!(borrows("7"), Ok("7"));
    assert!(borrows("x").is_err());
}

#[test]
fn main_on_many_threads_takes_the_options_of_tokio() {
    assert_eq!(many(), Some(3.0));
}

#[test]
fn a_runtime_that_was_made_without_hooks_is_found_and_what_is_missing_is_said() {
    let runtime = Builder::new_multi_thread().worker_threads(1).name("plain").build().unwrap();
    runtime.block_on(async { tokio::spawn(async { increment!("runtime_plain") }).await.unwrap() });
    eventually("it is known", || of("plain", "async.workers.count") == Some(1.0));
    assert_eq!(of("plain", "async.timer.drift"), None);
    eventually("it is asked from outside", || of("plain", "async.schedule.delay").is_some());
    let problems = status().problems;
    let told = problems.iter().filter(|problem| problem.message.contains("with_metrics()"));
    assert_eq!(told.count(), 1, "{problems:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn sources_of_events_are_counted() {
    let runtime = runtime("sockets", 1);
    let _context = runtime.enter();
    let sockets: Vec<_> = (0..40)
        .map(|_| {
            let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
            socket.set_nonblocking(true).unwrap();
            tokio::net::UdpSocket::from_std(socket).unwrap()
        })
        .collect();
    let label = if cfg!(tokio_unstable) { ("runtime_name", "sockets") } else { ("source", "epoll") };
    eventually("they are counted", || most("async.io.pending_ops", label) >= 40.0);
    drop(sockets);
    eventually("they are not there any more", || most("async.io.pending_ops", label) < 40.0);
}
