//! Everything at once: threads that come and go, panics, aborted tasks, runtimes that are dropped,
//! destructors of thread-locals, loops that are started again. Every total is exact.

#![allow(clippy::unwrap_used)] // a test that can't go on has failed

use runtime_metrics::export::Encoder;
use runtime_metrics::{
    Counter, Distribution, LabelText, LabelValue, MeasuredService, MetricsExporter, Reading, RuntimeMetricsConfig, Set,
    Summary, add_label, increment, metered, metrics, observe, registry, set, timer,
};
use runtime_metrics_tests::{Ingest, eventually, get};
use sentry::Client;
use std::cell::RefCell;
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Barrier};
use std::time::Duration;

/// Unwinds as a panic does, and says nothing.
fn unwind() -> ! {
    resume_unwind(Box::new("on purpose"))
}

fn caught(body: impl FnOnce()) {
    assert!(catch_unwind(AssertUnwindSafe(body)).is_err());
}

fn count(name: &str, labels: &[(&str, &str)]) -> u64 {
    match registry().get(name, labels) {
        Some(Reading::Counter(count)) => count,
        None => 0,
        other => panic!("{name} is {other:?}"),
    }
}

fn distribution(name: &str, labels: &[(&str, &str)]) -> Distribution {
    match registry().get(name, labels) {
        Some(Reading::Distribution(distribution)) => distribution,
        other => panic!("{name} is {other:?}"),
    }
}

/// How often an action ended in each way: ok, error, panic, cancelled.
fn outcomes(labels: &[(&str, &str)]) -> [u64; 4] {
    ["ok", "error", "panic", "cancelled"].map(|outcome| {
        let mut labels = labels.to_vec();
        labels.push(("outcome", outcome));
        count("action_requests_total", &labels)
    })
}

fn active(action: &str) -> f64 {
    match registry().get("action_active_requests", &[("action", action)]) {
        Some(Reading::Gauge(active)) => active,
        other => panic!("{action} is {other:?}"),
    }
}

/// Ends the threads that look at it, also where a test fails meanwhile.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

/// Scrapes in two ways from two threads for as long as `work` takes; a counter never goes back.
fn scraped<R>(counter: &str, work: impl FnOnce() -> R) -> R {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (mut encoder, mut text, mut last) = (Encoder::openmetrics(), Vec::new(), 0);
            let sample = format!("\n{counter}_total");
            while !over.load(Relaxed) {
                text.clear();
                encoder.encode_recorded(&mut text);
                let text = str::from_utf8(&text).unwrap();
                assert!(text.ends_with("# EOF\n"));
                let line = text.split_once(&*sample).unwrap().1.lines().next().unwrap();
                let now: u64 = line.rsplit(' ').next().unwrap().parse().unwrap();
                assert!(now >= last, "{now} after {last}");
                last = now;
            }
        });
        scope.spawn(|| {
            let mut last = 0;
            while !over.load(Relaxed) {
                let snapshot = registry().snapshot();
                let Reading::Counter(now) = snapshot.family(counter).unwrap().series[0].value else { panic!() };
                assert!(now >= last, "{now} after {last}");
                last = now;
            }
        });
        let _over = Over(&over);
        work()
    })
}

#[metered]
fn churned(unwinds: bool) -> Result<(), ()> {
    if unwinds { unwind() } else { Ok(()) }
}

#[metered(labels = ["half"])]
fn churned_labelled(thread: u64) {
    add_label!("half", thread % 2);
}

#[test]
fn thousands_of_short_threads_lose_nothing() {
    const THREADS: u64 = 3_000;
    const AT_A_TIME: u64 = 10;
    const EACH: u64 = 40;
    scraped("stress_churn", || {
        for first in (0..THREADS).step_by(AT_A_TIME as usize) {
            let together = Arc::new(Barrier::new(AT_A_TIME as usize));
            let threads: Vec<_> = (first..first + AT_A_TIME)
                .map(|thread| {
                    let together = Arc::clone(&together);
                    std::thread::spawn(move || {
                        together.wait();
                        let kind = format!("k{}", thread % 7);
                        for round in 0..EACH {
                            increment!("stress_churn");
                            increment!("stress_churn_labelled", value: 2, labels: {"kind" => kind});
                            observe!("stress_churn_values", value: round, buckets: [9, 19, 29]);
                            timer!("stress_churn_times", labels: {"kind" => kind}).stop();
                            churned_labelled(thread);
                        }
                        // One in ten ends by a panic.
                        churned(thread % 10 == 0).unwrap();
                    })
                })
                .collect();
            let panicked = threads.into_iter().map(std::thread::JoinHandle::join).filter(Result::is_err).count();
            assert_eq!(panicked, 1);
        }
    });
    let total = THREADS * EACH;
    assert_eq!(count("stress_churn", &[]), total);
    let of = |kind: u64| (0..THREADS).filter(|thread| thread % 7 == kind).count() as u64 * EACH;
    for kind in 0..7 {
        let labels = [("kind", &*format!("k{kind}"))];
        assert_eq!(count("stress_churn_labelled", &labels), 2 * of(kind));
        assert_eq!(distribution("stress_churn_times", &labels).count, of(kind));
    }
    let values = distribution("stress_churn_values", &[]);
    let counts: Vec<u64> = values.buckets().map(|(_, count)| count).collect();
    assert_eq!((counts, values.sum), (vec![total / 4; 4], (THREADS * EACH * (EACH - 1) / 2) as f64));
    assert_eq!(outcomes(&[("action", "churned")]), [THREADS * 9 / 10, 0, THREADS / 10, 0]);
    for half in ["0", "1"] {
        assert_eq!(outcomes(&[("action", "churned_labelled"), ("half", half)]), [total / 2, 0, 0, 0]);
    }
    assert_eq!((active("churned"), active("churned_labelled")), (0.0, 0.0));
}

/// A value whose text can't be had.
struct NoText;

impl LabelValue for NoText {
    fn label_text(&self) -> LabelText<'_> {
        unwind()
    }
}

#[metered(error_if = |_: &u8| unwind())]
fn judged_by_a_panic() -> u8 {
    0
}

#[metered(labels = ["depth"])]
fn nested(depth: u8) {
    add_label!("depth", depth);
    if depth == 3 {
        unwind();
    }
    // The frame of the inner call is gone when it has unwound, and ours is here still.
    let inner = catch_unwind(|| nested(depth + 1));
    add_label!("depth", format!("{depth}{}", if inner.is_err() { "!" } else { "" }));
}

#[test]
fn a_panic_in_what_is_recorded_records_nothing_and_spoils_nothing() {
    for _ in 0..100 {
        caught(|| increment!("stress_panic", value: { if true { unwind() } 1 }));
        caught(|| increment!("stress_panic_labelled", labels: {"kind" => NoText}));
        caught(|| set!("stress_panic_gauge", value: { if true { unwind() } 1 }));
        caught(|| observe!("stress_panic_values", value: { if true { unwind() } 1 }));
        caught(|| timer!("stress_panic_times", labels: {"kind" => NoText}).discard());
        caught(|| {
            let _timing = timer!("stress_panic_timed");
            unwind();
        });
        caught(|| {
            judged_by_a_panic();
        });
        nested(0);
        increment!("stress_panic");
        increment!("stress_panic_labelled", labels: {"kind" => "a"});
    }
    assert_eq!((count("stress_panic", &[]), count("stress_panic_labelled", &[("kind", "a")])), (100, 100));
    assert_eq!(registry().snapshot().family("stress_panic_labelled").unwrap().series.len(), 1);
    assert_eq!(registry().get("stress_panic_gauge", &[]), Some(Reading::Gauge(0.0)));
    assert_eq!(distribution("stress_panic_values", &[]).count, 0);
    assert_eq!(registry().snapshot().family("stress_panic_times").map_or(0, |family| family.series.len()), 0);
    assert_eq!(distribution("stress_panic_timed", &[]).count, 100);
    assert_eq!(outcomes(&[("action", "judged_by_a_panic")]), [0, 0, 100, 0]);
    let ended = |depth| outcomes(&[("action", "nested"), ("depth", depth)]);
    assert_eq!([ended("0"), ended("1"), ended("2!"), ended("3")].map(|[ok, _, panic, _]| (ok, panic)), {
        [(100, 0), (100, 0), (100, 0), (0, 100)]
    });
    assert_eq!((active("judged_by_a_panic"), active("nested")), (0.0, 0.0));
}

static POLLED: AtomicU64 = AtomicU64::new(0);

#[metered(labels = ["ends"])]
async fn wandering(number: u64) {
    POLLED.fetch_add(1, Relaxed);
    add_label!("ends", "never");
    for _ in 0..number % 5 {
        tokio::task::yield_now().await;
    }
    increment!("stress_wandering");
    if number.is_multiple_of(3) {
        add_label!("ends", "itself");
        return;
    }
    plainly_pending().await;
}

#[metered]
async fn plainly_pending() {
    pending::<()>().await;
}

#[test]
fn aborted_tasks_and_dropped_runtimes_are_cancelled_calls_and_no_others() {
    const TASKS: u64 = 900;
    const RUNTIMES: u64 = 6;
    // What the first call of a function leaves before it is recorded into: a counter at zero.
    scraped("stress_wandering", || {
        for _ in 0..RUNTIMES {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(3).enable_all().build().unwrap();
            let tasks: Vec<_> = (0..TASKS).map(|number| runtime.spawn(wandering(number))).collect();
            // Some before their first poll, some in it, some after; some twice.
            for task in tasks.iter().skip(1).step_by(3).chain(tasks.iter().step_by(10)) {
                task.abort();
            }
            // The third ones are dropped with their runtime, at whatever they are.
            drop(runtime);
            assert!(tasks.iter().all(tokio::task::JoinHandle::is_finished));
        }
    });
    let polled = POLLED.load(Relaxed);
    let of = |ends| outcomes(&[("action", "wandering"), ("ends", ends)]);
    let ([ok, ..], [.., cancelled]) = (of("itself"), of("never"));
    assert!(ok > 0 && cancelled > 0, "{ok} {cancelled}");
    assert_eq!((of("itself"), of("never")), ([ok, 0, 0, 0], [0, 0, 0, cancelled]));
    assert_eq!(ok + cancelled, polled);
    let [ok, error, panic, cancelled] = outcomes(&[("action", "plainly_pending")]);
    assert_eq!((ok, error, panic), (0, 0, 0));
    assert_eq!(cancelled, count("stress_wandering", &[]) - of("itself")[0]);
    assert_eq!((active("wandering"), active("plainly_pending")), (0.0, 0.0));
}

#[metered]
fn late_measured() {}

#[metered(labels = ["kind"])]
fn late_labelled() {
    add_label!("kind", "heard");
}

#[metered(labels = ["kind"])]
async fn late_async() {}

/// Records in every way there is when it is dropped.
struct RecordsLate {
    counter: Counter,
    summary: Summary,
    members: Set,
    number: u64,
}

impl Drop for RecordsLate {
    fn drop(&mut self) {
        let kind = format!("k{}", self.number % 3);
        increment!("stress_late");
        increment!("stress_late_labelled", labels: {"kind" => kind});
        observe!("stress_late_values", value: 2, buckets: [1, 5]);
        observe!("stress_late_values", value: 2, buckets: [1, 5], labels: {"kind" => kind});
        timer!("stress_late_times").stop();
        set!("stress_late_gauge", value: 7);
        self.counter.increment();
        self.counter.with(&[("kind", &kind)]).increment();
        self.counter.add_with(2, &[("kind", &kind)]);
        self.summary.observe(3);
        self.members.insert(self.number);
        late_measured();
        late_labelled();
        let mut future = std::pin::pin!(late_async());
        assert!(future.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())).is_ready());
    }
}

thread_local! {
    static LATE: RefCell<Option<RecordsLate>> = const { RefCell::new(None) };
}

#[test]
fn what_destructors_of_thread_locals_record_is_not_lost() {
    const THREADS: u64 = 300;
    let counter = Counter::new("stress_late_handle", "Late.").register();
    let summary = Summary::new("stress_late_summary", "Late.").register();
    let members = Set::new("stress_late_set", "Late.").register();
    for number in 0..THREADS {
        let (counter, summary, members) = (counter.clone(), summary.clone(), members.clone());
        std::thread::spawn(move || {
            // Made before all of ours, and so dropped after them.
            LATE.with(|late| *late.borrow_mut() = Some(RecordsLate { counter, summary, members, number }));
            if number % 2 == 0 {
                increment!("stress_late");
                increment!("stress_late_labelled", labels: {"kind" => "k0".to_owned()});
                late_measured();
                late_labelled();
            }
        })
        .join()
        .unwrap();
    }
    let half = THREADS / 2;
    assert_eq!(count("stress_late", &[]), THREADS + half);
    for kind in ["k0", "k1", "k2"] {
        let early = if kind == "k0" { half } else { 0 };
        assert_eq!(count("stress_late_labelled", &[("kind", kind)]), THREADS / 3 + early);
        assert_eq!(count("stress_late_handle", &[("kind", kind)]), THREADS);
        assert_eq!(distribution("stress_late_values", &[("kind", kind)]).count, THREADS / 3);
    }
    let values = distribution("stress_late_values", &[]);
    assert_eq!((values.count, values.sum, values.min), (THREADS, 2.0 * THREADS as f64, Some(2.0)));
    assert_eq!(distribution("stress_late_times", &[]).count, THREADS);
    assert_eq!(registry().get("stress_late_gauge", &[]), Some(Reading::Gauge(7.0)));
    assert_eq!((counter.value(), summary.count(), summary.sum()), (THREADS, THREADS, 3.0 * THREADS as f64));
    let estimate = members.estimate() as f64 / THREADS as f64 - 1.0;
    assert!(estimate.abs() < 0.11, "{estimate}");
    assert_eq!(outcomes(&[("action", "late_measured")]), [THREADS + half, 0, 0, 0]);
    assert_eq!(distribution("action_duration_seconds", &[("action", "late_measured")]).count, THREADS + half);
    // Where the frames went before, the label is lost and the call is not.
    let [heard, ..] = outcomes(&[("action", "late_labelled"), ("kind", "heard")]);
    let [unheard, ..] = outcomes(&[("action", "late_labelled")]);
    assert_eq!((heard >= half, heard + unheard), (true, THREADS + half));
    assert_eq!(outcomes(&[("action", "late_async")]), [THREADS, 0, 0, 0]);
    assert_eq!((active("late_labelled"), active("late_async")), (0.0, 0.0));
}

fn client(ingest: &Ingest, interval: Duration) -> Client {
    let config = RuntimeMetricsConfig { collection_interval: interval, ..Default::default() };
    runtime_metrics_tests::client(&ingest.dsn(), config)
}

#[test]
fn loops_are_started_and_stopped_and_started_again_and_the_last_one_tells_all() {
    let ingest = Ingest::start();
    let over = AtomicBool::new(false);
    let recorded = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !over.load(Relaxed) {
                    std::thread::scope(|inner| {
                        inner.spawn(|| (0..100).for_each(|_| increment!("stress_restarts")));
                    });
                    recorded.fetch_add(100, Relaxed);
                }
            });
        }
        let _over = Over(&over);
        let mut last = 0;
        for round in 0..10 {
            // Sometimes before the first round of the loop, sometimes after, sometimes two at once.
            let first = client(&ingest, Duration::from_millis(5));
            let second = (round % 3 == 0).then(|| client(&ingest, Duration::from_hours(1)));
            let exporter = MetricsExporter::new().address("127.0.0.1:0").start();
            let address = exporter.address().unwrap();
            if round % 2 == 0 {
                ingest.next();
            }
            assert_eq!(get(address, "/metrics", "").unwrap().status, 200);
            drop(first);
            drop(second);
            exporter.stop();
            assert!(get(address, "/metrics", "").is_err());
            let envelopes = ingest.rest(Duration::from_millis(30));
            assert!(round % 2 == 0 || !envelopes.is_empty(), "the last envelope of a loop has left");
            for envelope in envelopes {
                let now = envelope.metrics("stress_restarts")[0]["value"].as_u64().unwrap();
                last = now.max(last);
            }
        }
        assert!(last <= recorded.load(Relaxed) + 200);
    });
    // What is running no more sends no more; a loop that is started now tells everything.
    assert!(ingest.rest(Duration::from_millis(50)).is_empty());
    drop(client(&ingest, Duration::from_hours(1)));
    let told = ingest.next().metrics("stress_restarts")[0]["value"].as_u64();
    assert_eq!((told, count("stress_restarts", &[])), (Some(recorded.load(Relaxed)), recorded.load(Relaxed)));
}

#[test]
fn a_record_that_is_made_after_a_removal_is_seen() {
    const ROUNDS: u64 = 500;
    let (barrier, well) = (Barrier::new(3), AtomicU64::new(0));
    let handle = Counter::new("stress_removed", "Removed.").register();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for round in 0..ROUNDS {
                    let peer = format!("p{}", round % 3);
                    increment!("stress_removed", labels: {"peer" => peer});
                    handle.add_with(1, &[("peer", &peer)]);
                    barrier.wait();
                    barrier.wait();
                }
            });
        }
        scope.spawn(|| {
            for round in 0..ROUNDS {
                let peer = format!("p{}", round % 3);
                let labels = [("peer", &*peer)];
                barrier.wait();
                let now = count("stress_removed", &labels);
                let removed = registry().remove("stress_removed", &labels);
                if (now, removed, registry().get("stress_removed", &labels)) == (4, true, None) {
                    well.fetch_add(1, Relaxed);
                }
                barrier.wait();
            }
        });
    });
    assert_eq!(well.load(Relaxed), ROUNDS);
}

trait Answers: MeasuredService {
    #[metered]
    fn answer(&self) -> u8 {
        42
    }
}

macro_rules! services {
    ($($service:ident),*) => {
        $(
            #[metrics]
            struct $service;
            impl Answers for $service {}
        )*
        const SERVICES: &[(&str, fn() -> u8)] = &[$((stringify!($service), || $service.answer())),*];
    };
}
services!(StressOne, StressTwo, StressThree, StressFour, StressFive, StressSix);

#[test]
fn a_default_method_that_all_call_first_at_once_counts_for_each_service() {
    const THREADS: usize = 12;
    const ROUNDS: u64 = 200;
    let barrier = Barrier::new(THREADS);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let barrier = &barrier;
            scope.spawn(move || {
                barrier.wait();
                for round in 0..ROUNDS {
                    let (_, answer) = SERVICES[(thread + round as usize) % SERVICES.len()];
                    assert_eq!(answer(), 42);
                }
            });
        }
    });
    let mut total = 0;
    for (service, _) in SERVICES {
        let [ok, ..] = outcomes(&[("service", service), ("action", "answer")]);
        assert_eq!(count("service_requests_total", &[("service", service)]), ok);
        assert_eq!(distribution("action_duration_seconds", &[("service", service), ("action", "answer")]).count, ok);
        total += ok;
    }
    assert_eq!(total, THREADS as u64 * ROUNDS);
    eventually("all calls have ended", || {
        SERVICES.iter().all(|(service, _)| {
            registry().get("service_active_requests", &[("service", service)]) == Some(Reading::Gauge(0.0))
        })
    });
}
