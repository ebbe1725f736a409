//! `Polls`: how many tasks and polls there were, and how long they took, counted in the slots of each thread.

use crate::clock::Moment;
use crate::lock::Mutex;
use crate::measured;
use crate::metric;
use crate::protocol::RuntimeMetric;
use crate::recent::{Gained, Lately, Peak};
use crate::registry::registry;
use crate::shard::{self, ARENA, Sink};
use std::time::Instant;

/// The slots, from the first of them on.
const SPAWNED: u32 = 0;
const ENDED: u32 = 1;
const POLLED: u32 = 2;
const BUSY: u32 = 3;
const SLOW: u32 = 4;
const SLOTS: u32 = 5;

/// What is known of the tasks of an executor.
#[derive(Debug)]
pub(crate) struct Polls {
    base: u32,
    /// What the slots held before.
    before: [u64; SLOTS as usize],
    peak: Peak,
    delays: Lately,
    /// Polls, and the nanoseconds they took.
    gained: Mutex<Gained<(u64, u64)>>,
}

/// Slots of what is no more: a program may make runtimes without end.
static FREE: Mutex<Vec<u32>> = Mutex::new(Vec::new());

fn read(base: u32) -> [u64; SLOTS as usize] {
    let view = ARENA.view();
    std::array::from_fn(|slot| view.sum(base + slot as u32))
}

impl Drop for Polls {
    fn drop(&mut self) {
        if self.base != shard::FIRST {
            FREE.lock().push(self.base);
        }
    }
}

/// Of the polls that are timed, one in so many has its wake watched.
const WATCHED: u64 = 16;

impl Polls {
    pub(crate) fn new() -> Self {
        let used = FREE.lock().pop();
        // Slots run out only after millions; the first page serves then, which nobody reads.
        let base = used.or_else(|| registry().allocate(SLOTS, SLOTS)).unwrap_or(shard::FIRST);
        let gained = Mutex::new(Gained::since(Instant::now(), (0, 0)));
        Self { base, before: read(base), peak: Peak::new(), delays: Lately::new(), gained }
    }

    pub(super) fn spawned(&self) {
        metric::add_to_counter(self.base + SPAWNED, 1);
    }

    pub(super) fn ended(&self) {
        metric::add_to_counter(self.base + ENDED, 1);
    }

    /// Counts a poll that begins.
    #[inline(always)]
    pub(crate) fn begin(&self) {
        metric::add_to_counter(self.base + POLLED, 1);
    }

    /// Whether the wake of a poll that is timed is to be watched: spread evenly over the polls of a thread, in no
    /// pattern that they could have as well.
    #[inline]
    pub(super) fn is_watched(&self) -> bool {
        const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
        let polled = shard::cells(self.base).map_or(0, |cells| cells.at(POLLED).get());
        polled.wrapping_mul(GOLDEN) >> 32 < (1 << 32) / WATCHED
    }

    /// Counts how long a poll took, which stands for so many; that it was slow, for none but itself.
    #[inline(always)]
    pub(crate) fn end(&self, began: Moment, alike: u64) {
        let nanos = Moment::now().nanos_since(began);
        let busy = nanos.wrapping_mul(alike);
        match shard::cells(self.base) {
            Some(cells) => cells.at(BUSY).add(busy),
            None => metric::add_to_counter(self.base + BUSY, busy),
        }
        if measured::is_slow(nanos) {
            metric::add_to_counter(self.base + SLOW, 1);
        }
        self.peak.offer(nanos);
    }

    /// A task was polled so long after it was woken.
    pub(super) fn delayed(&self, nanos: u64) {
        self.delays.add(nanos);
    }

    fn read(&self) -> [u64; SLOTS as usize] {
        let read = read(self.base);
        std::array::from_fn(|slot| read[slot].wrapping_sub(self.before[slot]))
    }

    /// Whether anything was polled.
    #[cfg(feature = "tokio-runtime")]
    pub(crate) fn is_used(&self) -> bool {
        self.read()[POLLED as usize] > 0
    }

    /// Tasks, as far as they were instrumented.
    pub(crate) fn tasks(&self) -> Vec<RuntimeMetric> {
        let read = self.read();
        // One thread ends what another one spawned: read in between, there may be more ends.
        let active = read[SPAWNED as usize].saturating_sub(read[ENDED as usize]);
        vec![
            RuntimeMetric::counter("async.tasks.spawned", read[SPAWNED as usize]).with_unit("count"),
            RuntimeMetric::gauge("async.tasks.active", active).with_unit("count"),
        ]
    }

    /// Polls and how long they took; the average and the longest only where there are any.
    pub(crate) fn times(&self) -> Vec<RuntimeMetric> {
        let read = self.read();
        let (polls, busy) = (read[POLLED as usize], read[BUSY as usize]);
        let mut metrics = vec![
            RuntimeMetric::counter("async.polls.total", polls).with_unit("count"),
            RuntimeMetric::counter("async.poll.slow_count", read[SLOW as usize]).with_unit("count"),
        ];
        let (_, (polls_before, busy_before)) = self.gained.lock().look(Instant::now(), (polls, busy));
        let gained = polls.saturating_sub(polls_before);
        if gained > 0 {
            let mean = busy.saturating_sub(busy_before) as f64 / gained as f64 / 1e3;
            metrics.push(RuntimeMetric::gauge("async.poll.mean_duration", mean).with_unit("microseconds"));
        }
        let peak = self.peak.read();
        if peak > 0 {
            let peak = peak as f64 / 1e3;
            metrics.push(RuntimeMetric::gauge("async.poll.max_duration", peak).with_unit("microseconds"));
        }
        metrics
    }

    /// From wake to poll.
    pub(crate) fn delays(&self) -> Vec<RuntimeMetric> {
        delay_metrics(&self.delays, None)
    }
}

/// `async.schedule.delay`, one for each `stat`; `waiting` is a delay that is not over yet.
pub(crate) fn delay_metrics(delays: &Lately, waiting: Option<u64>) -> Vec<RuntimeMetric> {
    let gauge = |(stat, seconds)| {
        RuntimeMetric::gauge("async.schedule.delay", seconds).with_unit("seconds").with_tag("stat", stat)
    };
    delays.stats(waiting).into_iter().flatten().map(gauge).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_that_are_used_again_begin_at_zero() {
        for round in 1..=3 {
            let polls = Polls::new();
            for _ in 0..round {
                polls.begin();
                polls.end(Moment::now(), 1);
            }
            assert_eq!(polls.read()[POLLED as usize], round);
        }
    }
}
