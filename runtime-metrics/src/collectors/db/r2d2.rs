//! r2d2, whose pool is also Diesel's: it does not tell who waits.

use super::{PoolState, PoolStats, Watched};
use r2d2::{Error, ManageConnection, Pool, PooledConnection};
use std::time::Duration;

impl<M: ManageConnection> PoolStats for Pool<M> {
    fn state(&self) -> Option<PoolState> {
        let state = self.state();
        let of = PoolState::of(state.connections.into(), state.idle_connections.into());
        Some(of.with_max_size(self.max_size().into()))
    }

    fn handle(&self) -> Box<dyn PoolStats> {
        Box::new(self.clone())
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
    /// # fn get<M: r2d2::ManageConnection>(pool: r2d2::Pool<M>) {
    /// let pool = runtime_metrics::collectors::db::watch("main", pool);
    /// let connection = pool.get().unwrap();
    /// # }
    /// ```
    pub fn get(&self) -> Result<PooledConnection<M>, Error> {
        let _waits = self.waits();
        Pool::get(self)
    }

    /// As `Pool::get_timeout`, counted and timed.
    ///
    /// # Errors
    ///
    /// As `Pool::get_timeout`.
    ///
    /// ```
    /// # fn get<M: r2d2::ManageConnection>(pool: r2d2::Pool<M>) {
    /// let pool = runtime_metrics::collectors::db::watch("main", pool);
    /// let connection = pool.get_timeout(std::time::Duration::from_secs(1)).unwrap();
    /// # }
    /// ```
    pub fn get_timeout(&self, timeout: Duration) -> Result<PooledConnection<M>, Error> {
        let _waits = self.waits();
        Pool::get_timeout(self, timeout)
    }
}
