//! What `#[metered]` records, written by hand with libraries that have no such attribute.

use crate::input::BOUNDS;
use crate::read::{self, Seen};
use crate::workloads::Recorder;
use measured::metric::histogram::Thresholds;
use metriken::AtomicCounterHistogram;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use std::time::{Duration, Instant};

/// Handles for one function: its calls by outcome, its running calls, its durations.
pub trait ByHand {
    fn start(&self);
    fn finish(&self, failed: bool, took: Duration);
    /// What the library says.
    fn seen(&self) -> Seen;
}

/// Measures a call. A panic is not told, and a future that is dropped is not either.
#[inline]
pub fn call<R, E>(peer: &impl ByHand, body: impl FnOnce() -> Result<R, E>) -> Result<R, E> {
    peer.start();
    let started = Instant::now();
    let result = body();
    peer.finish(result.is_err(), started.elapsed());
    result
}

/// The same for a future.
#[inline]
pub async fn call_async<R, E>(peer: &impl ByHand, body: impl Future<Output = Result<R, E>>) -> Result<R, E> {
    peer.start();
    let started = Instant::now();
    let result = body.await;
    peer.finish(result.is_err(), started.elapsed());
    result
}

pub struct Client {
    ok: Counter,
    failed: Counter,
    active: Gauge,
    times: Histogram,
}

impl Client {
    pub fn new() -> Self {
        Self {
            ok: Counter::default(),
            failed: Counter::default(),
            active: Gauge::default(),
            times: Histogram::new(BOUNDS),
        }
    }
}

impl ByHand for Client {
    #[inline]
    fn start(&self) {
        self.active.inc();
    }

    #[inline]
    fn finish(&self, failed: bool, took: Duration) {
        if failed { &self.failed } else { &self.ok }.inc();
        self.times.observe(took.as_secs_f64());
        self.active.dec();
    }

    fn seen(&self) -> Seen {
        let calls = [&self.ok, &self.failed].map(|calls| read::prometheus_client(calls.clone(), "_total")());
        Seen {
            calls: calls.iter().sum(),
            durations: read::prometheus_client(self.times.clone(), "_count")(),
            active: read::prometheus_client(self.active.clone(), "")(),
        }
    }
}

pub struct Facade {
    ok: metrics::Counter,
    failed: metrics::Counter,
    active: metrics::Gauge,
    times: metrics::Histogram,
    function: &'static str,
    recorder: Recorder,
}

impl Facade {
    pub fn new(function: &'static str, recorder: &Recorder) -> Self {
        Self {
            function,
            recorder: recorder.clone(),
            ok: metrics::counter!(format!("{function}_calls"), "outcome" => "ok"),
            failed: metrics::counter!(format!("{function}_calls"), "outcome" => "error"),
            active: metrics::gauge!(format!("{function}_active")),
            times: metrics::histogram!(format!("{function}_seconds")),
        }
    }
}

impl ByHand for Facade {
    #[inline]
    fn start(&self) {
        self.active.increment(1.0);
    }

    #[inline]
    fn finish(&self, failed: bool, took: Duration) {
        if failed { &self.failed } else { &self.ok }.increment(1);
        self.times.record(took);
        self.active.decrement(1.0);
    }

    fn seen(&self) -> Seen {
        let read = |suffix| read::metrics(&self.recorder, &format!("{}_{suffix}", self.function))();
        Seen { calls: read("calls"), durations: read("seconds_count"), active: read("active") }
    }
}

pub struct Measured {
    ok: measured::Counter,
    failed: measured::Counter,
    active: measured::Gauge,
    times: measured::Histogram<{ BOUNDS.len() }>,
}

impl Measured {
    pub fn new() -> Self {
        Self {
            ok: measured::Counter::new(),
            failed: measured::Counter::new(),
            active: measured::Gauge::new(),
            times: measured::Histogram::with_metadata(Thresholds::with_buckets(BOUNDS)),
        }
    }
}

impl ByHand for Measured {
    #[inline]
    fn start(&self) {
        self.active.get_metric().inc();
    }

    #[inline]
    fn finish(&self, failed: bool, took: Duration) {
        if failed { &self.failed } else { &self.ok }.inc();
        self.times.get_metric().observe(took.as_secs_f64());
        self.active.get_metric().dec();
    }
    fn seen(&self) -> Seen {
        Seen {
            calls: read::measured(&self.ok, "")() + read::measured(&self.failed, "")(),
            durations: read::measured(&self.times, "_count")(),
            active: read::measured(&self.active, "")(),
        }
    }
}

pub struct Metriken {
    ok: metriken::Counter,
    failed: metriken::Counter,
    active: metriken::Gauge,
    times: AtomicCounterHistogram,
}

impl Metriken {
    pub const fn new() -> Self {
        Self {
            ok: metriken::Counter::new(),
            failed: metriken::Counter::new(),
            active: metriken::Gauge::new(),
            times: AtomicCounterHistogram::new(7, 64),
        }
    }
}

impl ByHand for Metriken {
    #[inline]
    fn start(&self) {
        self.active.increment();
    }

    #[inline]
    fn finish(&self, failed: bool, took: Duration) {
        if failed { &self.failed } else { &self.ok }.increment();
        let _ = self.times.increment(took.as_nanos() as u64);
        self.active.decrement();
    }

    fn seen(&self) -> Seen {
        Seen {
            calls: (self.ok.value() + self.failed.value()) as f64,
            durations: self.times.load().map_or(0, |seen| seen.as_slice().iter().sum::<u64>()) as f64,
            active: self.active.value() as f64,
        }
    }
}
