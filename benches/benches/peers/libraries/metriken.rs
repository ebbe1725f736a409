//! `metriken`. It looks nothing up by labels, and its histograms have buckets of their own and no sum.

use crate::by_hand::{ByHand, functions, timed};
use crate::harness::Case;
use crate::input::{PAIRS, latencies, nanos, pair};
use crate::read::Seen;
use crate::work::Work;
use metriken::{
    AtomicCounterHistogram, Counter, CounterGroup, Gauge, ShardedCounterGroup, ShardedCounterHistogram, Value, metric,
};
use std::time::Duration;

#[metric(name = "counter")]
static COUNTER: Counter = Counter::new();
#[metric(name = "counter_sharded")]
static COUNTER_SHARDED: ShardedCounterGroup = ShardedCounterGroup::new(1);
#[metric(name = "bound")]
static BOUND: CounterGroup = CounterGroup::new(PAIRS);
#[metric(name = "bound_sharded")]
static BOUND_SHARDED: ShardedCounterGroup = ShardedCounterGroup::new(PAIRS);
#[metric(name = "gauge")]
static GAUGE: Gauge = Gauge::new();
/// Its buckets are its own: a value's 7 highest bits.
#[metric(name = "histogram")]
static HISTOGRAM: AtomicCounterHistogram = AtomicCounterHistogram::new(7, 64);
#[metric(name = "histogram_sharded")]
static HISTOGRAM_SHARDED: ShardedCounterHistogram = ShardedCounterHistogram::new(7, 64);
#[metric(name = "timer")]
static TIMER: AtomicCounterHistogram = AtomicCounterHistogram::new(7, 64);
#[metric(name = "timer_sharded")]
static TIMER_SHARDED: ShardedCounterHistogram = ShardedCounterHistogram::new(7, 64);

pub fn cases() -> Vec<Case> {
    counters().into_iter().chain(values()).chain(functions(|_| Handles::new())).collect()
}

fn read(name: &'static str) -> impl Fn() -> f64 {
    move || {
        let metrics = metriken::metrics();
        let value = metrics.iter().find(|metric| metric.name() == name).and_then(|metric| match metric.value()? {
            Value::Counter(count) => Some(count as f64),
            Value::Gauge(value) => Some(value as f64),
            Value::CounterGroup(group) => group.load_counters().map(|counts| counts.iter().sum::<u64>() as f64),
            Value::Histogram(histogram) => histogram.load().map(|seen| seen.as_slice().iter().sum::<u64>() as f64),
            _ => None,
        });
        value.unwrap_or(f64::NAN)
    }
}

fn counters() -> [Case; 4] {
    [
        Case::new(Work::Counter, "`static Counter::increment`", |_| COUNTER.increment()).total(read("counter")),
        Case::new(Work::Counter, "`static ShardedCounterGroup::increment`", |_| COUNTER_SHARDED.increment(0))
            .total(read("counter_sharded")),
        Case::new(Work::Bound, "`static CounterGroup::increment(index)`", |at| BOUND.increment(pair(at)))
            .total(read("bound")),
        Case::new(Work::Bound, "`static ShardedCounterGroup::increment(index)`", |at| {
            BOUND_SHARDED.increment(pair(at))
        })
        .total(read("bound_sharded")),
    ]
}

fn values() -> [Case; 5] {
    let values = latencies();
    let time = |took: Duration| {
        let _ = TIMER.increment(took.as_nanos() as u64);
    };
    let time_sharded = |took: Duration| {
        let _ = TIMER_SHARDED.increment(took.as_nanos() as u64);
    };
    [
        Case::new(Work::Gauge, "`static Gauge::set` (integers)", |at| GAUGE.set(at.cast_signed())).last(read("gauge")),
        Case::new(Work::Histogram, "`static AtomicCounterHistogram::increment` (no sum)", move |at| {
            HISTOGRAM.increment(nanos(values, at))
        })
        .total(read("histogram")),
        Case::new(Work::Histogram, "`static ShardedCounterHistogram::increment` (no sum)", move |at| {
            HISTOGRAM_SHARDED.increment(nanos(values, at))
        })
        .total(read("histogram_sharded")),
        Case::new(Work::Timer, "`Instant`, `AtomicCounterHistogram::increment` (no sum)", timed(time))
            .total(read("timer")),
        Case::new(Work::Timer, "`Instant`, `ShardedCounterHistogram::increment` (no sum)", timed(time_sharded))
            .total(read("timer_sharded")),
    ]
}

struct Handles {
    ok: Counter,
    failed: Counter,
    active: Gauge,
    times: AtomicCounterHistogram,
}

impl Handles {
    const fn new() -> Self {
        Self {
            ok: Counter::new(),
            failed: Counter::new(),
            active: Gauge::new(),
            times: AtomicCounterHistogram::new(7, 64),
        }
    }
}

impl ByHand for Handles {
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
