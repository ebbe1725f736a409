//! `Workers`: who works, for how long, and who is in one poll for too long.
//!
//! Tokio tells how long a worker was busy when the worker goes to sleep, and at every 61st poll. One that is in
//! a long poll looks as if it did nothing. But it also tells how often a worker went to sleep or woke up: at an
//! even number it is awake, and if neither number has changed since, it has been working since.

use crate::recent::{Gained, Peak};
use std::time::{Duration, Instant};
use tokio::runtime::RuntimeMetrics;

/// A worker that has not been heard of for so long, and is awake, is stuck.
///
/// It may also have made up to 61 polls of a sixtieth of this each, which is not better for who waits.
const STUCK: Duration = Duration::from_millis(100);

/// What is known of the workers of a runtime.
#[derive(Debug)]
pub(super) struct Workers {
    seen: Vec<Seen>,
    gained: Gained<Vec<Duration>>,
    /// Whether the runtime runs all the time: its silence means that it works.
    always: bool,
}

/// What a worker last told.
#[derive(Debug)]
struct Seen {
    /// How often it went to sleep or woke up.
    turns: u64,
    busy: Duration,
    /// When one of these was first seen to be as they are.
    changed: Instant,
    /// The most that was told, which never becomes less.
    told: Duration,
    /// The longest that it was stuck, in nanoseconds.
    stuck: Peak,
}

/// How a worker does now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Worker {
    pub(super) busy: Duration,
    /// Share of the time since an earlier look.
    pub(super) ratio: Option<f64>,
    pub(super) stuck: bool,
    /// The longest that it was stuck within the last minute.
    pub(super) stuck_time: Duration,
}

/// What Tokio tells of a worker: its turns and its busy time.
#[cfg(target_has_atomic = "64")]
fn read(metrics: &RuntimeMetrics, worker: usize) -> Option<(u64, Duration)> {
    // Tokio panics at a worker that is not there.
    (worker < metrics.num_workers())
        .then(|| (metrics.worker_park_unpark_count(worker), metrics.worker_total_busy_duration(worker)))
}

#[cfg(not(target_has_atomic = "64"))]
fn read(_: &RuntimeMetrics, _: usize) -> Option<(u64, Duration)> {
    None
}

impl Workers {
    pub(super) fn new(metrics: &RuntimeMetrics, always: bool) -> Self {
        let now = Instant::now();
        let read = (0..metrics.num_workers()).filter_map(|worker| read(metrics, worker));
        Self::of(read.collect(), now, always)
    }

    fn of(read: Vec<(u64, Duration)>, now: Instant, always: bool) -> Self {
        let gained = Gained::since(now, read.iter().map(|(_, busy)| *busy).collect());
        let seen = |(turns, busy)| Seen { turns, busy, changed: now, told: busy, stuck: Peak::new() };
        Self { seen: read.into_iter().map(seen).collect(), gained, always }
    }

    /// From now on the runtime runs all the time, or no longer.
    pub(super) fn runs_always(&mut self, always: bool) {
        self.always = always;
        let now = Instant::now();
        for seen in &mut self.seen {
            seen.changed = now;
        }
    }

    /// Whether the runtime is known to run all the time.
    pub(super) fn always(&self) -> bool {
        self.always
    }

    /// The busy time of all workers, as they told it last.
    pub(super) fn busy(&self) -> Duration {
        self.seen.iter().map(|seen| seen.busy).sum()
    }

    /// Looks whether anything has changed.
    pub(super) fn look(&mut self, metrics: &RuntimeMetrics) {
        let now = Instant::now();
        for (worker, seen) in self.seen.iter_mut().enumerate() {
            if let Some(read) = read(metrics, worker) {
                seen.update(read, now);
            }
            seen.remember(now, self.always);
        }
    }

    /// This worker ran a task of the probe, and was in no long poll at that moment.
    pub(super) fn heard_of(&mut self, worker: usize, at: Instant) {
        if let Some(seen) = self.seen.get_mut(worker) {
            seen.changed = seen.changed.max(at);
        }
    }

    /// How each worker does, at the last look.
    pub(super) fn tell(&mut self) -> Vec<Worker> {
        self.tell_at(Instant::now())
    }

    fn tell_at(&mut self, now: Instant) -> Vec<Worker> {
        let always = self.always;
        let busy: Vec<Duration> = self.seen.iter_mut().map(|seen| seen.busy_at(now, always)).collect();
        let (passed, before) = self.gained.look(now, busy.clone());
        let each = self.seen.iter().zip(busy).zip(before).map(|((seen, busy), before)| {
            // Over less than this, what is told late is too large a part.
            let ratio = (passed >= STUCK / 2)
                .then(|| (busy.saturating_sub(before).as_secs_f64() / passed.as_secs_f64()).min(1.0));
            let stuck = seen.remember(now, always);
            Worker { busy, ratio, stuck, stuck_time: Duration::from_nanos(seen.stuck.read_at(now)) }
        });
        each.collect()
    }
}

impl Seen {
    fn update(&mut self, (turns, busy): (u64, Duration), now: Instant) {
        if (turns, busy) != (self.turns, self.busy) {
            (self.turns, self.busy, self.changed) = (turns, busy, now);
        }
    }

    /// For how long it has been awake and silent.
    fn works_since(&self, now: Instant) -> Option<Duration> {
        self.turns.is_multiple_of(2).then(|| now.saturating_duration_since(self.changed))
    }

    /// Whether it is stuck; if so, for how long is remembered.
    fn remember(&self, now: Instant, always: bool) -> bool {
        let stuck = self.works_since(now).filter(|since| always && *since >= STUCK);
        self.stuck.offer(stuck.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)));
        stuck.is_some()
    }

    /// The busy time with what the worker has not told yet.
    fn busy_at(&mut self, now: Instant, always: bool) -> Duration {
        let untold = self.works_since(now).filter(|_| always).unwrap_or_default();
        self.told = self.told.max(self.busy + untold);
        self.told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_worker_that_is_awake_and_silent_works() {
        let start = Instant::now();
        let mut workers = Workers::of(vec![(4, millis(10)), (5, millis(10))], start, true);
        let told = workers.tell_at(start + millis(250));
        assert_eq!(told[0], Worker { busy: millis(260), ratio: Some(1.0), stuck: true, stuck_time: millis(250) });
        assert_eq!(told[1], Worker { busy: millis(10), ratio: Some(0.0), stuck: false, stuck_time: millis(0) });
        // It comes back, tells what it did, and a bit less than was thought.
        workers.seen[0].update((5, millis(255)), start + millis(251));
        let told = workers.tell_at(start + millis(500));
        assert_eq!((told[0].busy, told[0].stuck), (millis(260), false));
        assert_eq!(told[0].ratio, Some(0.5));
        // Who comes later still learns of it.
        assert_eq!(told[0].stuck_time, millis(250));
        assert_eq!(workers.tell_at(start + millis(130_000))[0].stuck_time, millis(0));
    }

    #[test]
    fn a_worker_that_was_heard_of_is_not_stuck() {
        let before = Instant::now();
        let start = before + millis(5);
        let mut workers = Workers::of(vec![(2, millis(0)), (2, millis(0))], start, true);
        workers.seen[0].update((2, millis(1)), start + millis(80));
        workers.heard_of(9, start);
        // The probe that ran on the other was before it woke up.
        workers.heard_of(1, before);
        let stuck: Vec<bool> = workers.tell_at(start + millis(120)).iter().map(|worker| worker.stuck).collect();
        assert_eq!(stuck, [false, true]);
    }

    #[test]
    fn the_silence_of_a_runtime_that_may_not_run_means_nothing() {
        let start = Instant::now();
        let mut workers = Workers::of(vec![(2, millis(5))], start, false);
        let idle = Worker { busy: millis(5), ratio: Some(0.0), stuck: false, stuck_time: millis(0) };
        assert_eq!(workers.tell_at(start + millis(900))[0], idle);
        workers.runs_always(true);
        assert!(!workers.tell_at(Instant::now())[0].stuck);
    }
}
