//! bb8: it counts who gives up waiting as waiting for ever, which is corrected here.

use super::{PoolState, PoolStats, Watched};
use crate::lock::Mutex;
use bb8::{ManageConnection, Pool, PooledConnection, RunError};

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
        let told = self.pool.state();
        let waiting = self.given_up.lock().correct(told.statistics.pending_gets(), told.idle_connections > 0);
        PoolStats::state(&self.pool).map(|state| state.with_waiting(waiting))
    }

    fn handle(&self) -> Box<dyn PoolStats> {
        self.pool.handle()
    }
}

/// How many of those that bb8 counts as waiting have given up.
#[derive(Debug, Default)]
struct GivenUp {
    count: u64,
    /// What was told as waiting at the last reading, if a connection was idle at that time.
    at_rest: Option<u64>,
}

impl GivenUp {
    /// Who waits in truth. While a connection is idle nobody does, but for those who are about to take it:
    /// these have it by the next reading, so only who is told at two of them has given up. Until there are
    /// such two, those who have given up since are still told.
    fn correct(&mut self, told: u64, idle: bool) -> u64 {
        self.count = told.min(self.at_rest.filter(|_| idle).unwrap_or(self.count));
        self.at_rest = idle.then_some(told);
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
    use super::GivenUp;

    #[test]
    fn who_has_given_up_is_taken_away_at_rest() {
        let mut given_up = GivenUp::default();
        let readings =
            [(3, false, 3), (3, true, 3), (3, true, 0), (3, false, 0), (6, false, 3), (6, true, 3), (6, true, 0)];
        for (told, idle, waiting) in readings {
            assert_eq!(given_up.correct(told, idle), waiting, "{told} told");
        }
    }

    #[test]
    fn who_is_about_to_take_the_idle_one_has_not_given_up() {
        let mut given_up = GivenUp::default();
        // Read while one was handed over, and then only when three others waited.
        for (told, idle, waiting) in [(1, true, 1), (0, false, 0), (3, false, 3)] {
            assert_eq!(given_up.correct(told, idle), waiting, "{told} told");
        }
        // Twice in a row: too many, until there is less to tell or a rest without it.
        for (told, idle, waiting) in [(1, true, 1), (1, true, 0), (0, false, 0), (3, false, 3)] {
            assert_eq!(given_up.correct(told, idle), waiting, "{told} told");
        }
    }
}
