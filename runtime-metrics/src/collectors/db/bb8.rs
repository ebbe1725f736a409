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

/// A pool, and how many of those that it counts as waiting have given up.
struct Corrected<M: ManageConnection> {
    pool: Pool<M>,
    given_up: Mutex<u64>,
}

impl<M: ManageConnection> PoolStats for Corrected<M> {
    fn state(&self) -> Option<PoolState> {
        let told = self.pool.state();
        let pending = told.statistics.pending_gets();
        let mut given_up = self.given_up.lock();
        // While a connection is idle nobody waits. Until there is one, those who have given up since are
        // still told.
        if told.idle_connections > 0 {
            *given_up = pending;
        }
        let waiting = pending.saturating_sub(*given_up);
        PoolStats::state(&self.pool).map(|state| state.with_waiting(waiting))
    }

    fn handle(&self) -> Box<dyn PoolStats> {
        self.pool.handle()
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
