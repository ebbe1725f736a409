//! deadpool, and what is built on it: the pool tells all, and right.

use super::{PoolState, PoolStats, Watched};
use deadpool::managed::{Manager, Object, Pool, PoolError, WeakPool};
use std::sync::Arc;

impl<M, W> PoolStats for Pool<M, W>
where
    M: Manager + 'static,
    W: From<Object<M>> + 'static,
{
    fn state(&self) -> Option<PoolState> {
        if self.is_closed() {
            return None;
        }
        let status = self.status();
        let state = PoolState::of(status.size as u64, status.available as u64);
        Some(state.with_waiting(status.waiting as u64).with_max_size(status.max_size as u64))
    }

    fn handle(&self) -> Box<dyn PoolStats> {
        Box::new(Arc::new(self.weak()))
    }
}

impl<M, W> PoolStats for Arc<WeakPool<M, W>>
where
    M: Manager + 'static,
    W: From<Object<M>> + 'static,
{
    fn state(&self) -> Option<PoolState> {
        self.upgrade()?.state()
    }

    fn handle(&self) -> Box<dyn PoolStats> {
        Box::new(Self::clone(self))
    }
}

impl<M, W> Watched<Pool<M, W>>
where
    M: Manager,
    W: From<Object<M>>,
{
    /// As `Pool::get`, counted and timed.
    ///
    /// # Errors
    ///
    /// As `Pool::get`.
    ///
    /// ```
    /// # use deadpool::managed::{Manager, Pool};
    /// # async fn get<M: Manager<Error: std::fmt::Debug> + 'static>(pool: Pool<M>) {
    /// let pool = runtime_metrics::collectors::db::watch("main", pool);
    /// let connection = pool.get().await.unwrap();
    /// # }
    /// ```
    pub async fn get(&self) -> Result<W, PoolError<M::Error>> {
        let _waits = self.waits();
        Pool::get(self).await
    }
}
