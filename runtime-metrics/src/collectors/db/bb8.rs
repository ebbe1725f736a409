//! bb8: it counts who gives up waiting as waiting for ever, which is corrected here.

use super::{PoolState, PoolStats, Watched};
use crate::lock::Mutex;
use bb8::{ManageConnection, Pool, PooledConnection, RunError, Statistics};
use std::time::{Duration, Instant};

/// Who waits is not told by this alone: it takes a memory, which [`register`](super::register) and
/// [`watch`](super::watch) have.
impl<M: ManageConnection> PoolStats for Pool<M> {
    fn state(&self) -> Option<PoolState> {
        let state = self.state();
        let state = PoolState::of(state.connections.into(), state.idle_connections.into());
        Some(state.with_max_size(self.config().max_size.into()))
    }

    fn handle(&self) -> Box<dyn PoolStats> {
        Box::new(Corrected { pool: self.clone(), given_up: Mutex::default() })
    }
}

/// A pool, and what is known of those that it counts as waiting and that have given up.
struct Corrected<M: ManageConnection> {
    pool: Pool<M>,
    given_up: Mutex<GivenUp>,
}

impl<M: ManageConnection> PoolStats for Corrected<M> {
    fn state(&self) -> Option<PoolState> {
        let waiting = {
            // Before the pool is asked: what one thread corrects is no older than what another has.
            let mut given_up = self.given_up.lock();
            let told = self.pool.state();
            given_up.correct(pending(&told.statistics), told.idle_connections > 0, Instant::now())
        };
        PoolStats::state(&self.pool).map(|state| state.with_waiting(waiting))
    }

    fn handle(&self) -> Box<dyn PoolStats> {
        self.pool.handle()
    }
}

/// Who asked for a connection and has none yet. bb8 reads its counters one after the other, so the later ones
/// may be ahead, for which its own `pending_gets` has no answer but a panic, or nearly 2^64.
fn pending(statistics: &Statistics) -> u64 {
    statistics.get_started.saturating_sub(statistics.completed_gets())
}

/// How many of those that bb8 counts as waiting have given up.
#[derive(Debug, Default)]
struct GivenUp {
    count: u64,
    /// Since when the readings found a connection idle, or from a `REST` ago on, and the least that was told
    /// as waiting since.
    at_rest: Option<(Instant, u64)>,
}

/// Who is about to take an idle connection has it after so long.
const REST: Duration = Duration::from_secs(1);

impl GivenUp {
    /// Who waits in truth. While a connection is idle nobody does, but for those who are about to take it:
    /// these have it a `REST` later, so only who is told all that time has given up. Until then, those who
    /// have given up since are still told.
    fn correct(&mut self, told: u64, idle: bool, now: Instant) -> u64 {
        self.count = self.count.min(told);
        self.at_rest = match self.at_rest.filter(|_| idle) {
            Some((since, least)) if now.duration_since(since) < REST => Some((since, least.min(told))),
            Some((_, least)) => {
                self.count = least.min(told);
                Some((now, told))
            }
            None => idle.then_some((now, told)),
        };
        told - self.count
    }
}

impl<M: ManageConnection> Watched<Pool<M>> {
    /// As `Pool::get`, counted and timed.
    ///
    /// # Errors
    ///
    /// As `Pool::get`.
    ///
    /// ```
    /// # async fn get<M: bb8::ManageConnection>(pool: bb8::Pool<M>) {
    /// let pool = runtime_metrics::collectors::db::watch("main", pool);
    /// let connection = pool.get().await.unwrap();
    /// # }
    /// ```
    pub async fn get(&self) -> Result<PooledConnection<'_, M>, RunError<M::Error>> {
        let _waits = self.waits();
        Pool::get(self).await
    }

    /// As `Pool::get_owned`, counted and timed.
    ///
    /// # Errors
    ///
    /// As `Pool::get_owned`.
    ///
    /// ```
    /// # async fn get<M: bb8::ManageConnection>(pool: bb8::Pool<M>) {
    /// let pool = runtime_metrics::collectors::db::watch("main", pool);
    /// let connection = pool.get_owned().await.unwrap();
    /// # }
    /// ```
    pub async fn get_owned(&self) -> Result<PooledConnection<'static, M>, RunError<M::Error>> {
        let _waits = self.waits();
        Pool::get_owned(self).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is told at readings so many milliseconds after each other.
    fn corrected(given_up: &mut GivenUp, readings: &[(u64, u64, bool, u64)]) {
        let mut now = Instant::now();
        for (number, &(later, told, idle, waiting)) in readings.iter().enumerate() {
            now += Duration::from_millis(later);
            assert_eq!(given_up.correct(told, idle, now), waiting, "reading {number}, {told} told");
        }
    }

    #[test]
    fn who_has_given_up_is_taken_away_at_rest() {
        corrected(
            &mut GivenUp::default(),
            &[
                (1000, 3, false, 3),
                (1000, 3, true, 3),
                (1000, 3, true, 0),
                (1000, 3, false, 0),
                (1000, 6, false, 3),
                (1000, 6, true, 3),
                (1000, 6, true, 0),
            ],
        );
    }

    #[test]
    fn who_is_about_to_take_the_idle_one_has_not_given_up() {
        let mut given_up = GivenUp::default();
        // Read while one was handed over, and then only when three others waited.
        corrected(&mut given_up, &[(1000, 1, true, 1), (1000, 0, false, 0), (1000, 3, false, 3)]);
        // A second apart: too many, until there is less to tell or a rest without it.
        corrected(&mut given_up, &[(1000, 1, true, 1), (1000, 1, true, 0), (1000, 0, false, 0), (1000, 3, false, 3)]);
    }

    #[test]
    fn readings_that_follow_at_once_do_not_make_who_is_about_to_take_one_give_up() {
        // Two scrapers, and a report in between.
        let mut given_up = GivenUp::default();
        corrected(&mut given_up, &[(0, 2, true, 2), (1, 2, true, 2), (1, 2, true, 2), (990, 0, true, 0)]);
        corrected(&mut given_up, &[(10_000, 2, true, 2), (1, 2, true, 2), (0, 4, false, 4)]);
        // Less in between: two have it by then, and two others are about to.
        let mut given_up = GivenUp::default();
        corrected(&mut given_up, &[(0, 3, true, 3), (500, 1, true, 1), (600, 3, true, 2), (1000, 3, true, 0)]);
    }

    #[test]
    fn counters_that_are_ahead_of_each_other_are_nobody_who_waits() {
        let mut statistics = Statistics::default();
        (statistics.get_started, statistics.get_direct) = (7, 5);
        assert_eq!(pending(&statistics), 2);
        (statistics.get_waited, statistics.get_timed_out) = (2, 1);
        assert_eq!(pending(&statistics), 0);
    }
}
