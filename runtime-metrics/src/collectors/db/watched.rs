//! A pool that counts who waits for its connections, and for how long.

use super::{PoolState, PoolStats, keep};
use crate::metric::{Histogram, TimerGuard};
use std::fmt;
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Weak};

/// A pool in the hands of a program, which it is used as: clones are handles of the same pool, and what
/// is not here is on the pool itself. From [`watch`].
///
/// Only its own methods (`acquire`, `begin`, `get`) count who waits. Each costs a reading of the clock at both
/// ends and three additions, some 60 ns.
///
/// ```
/// # fn of<P>(pool: runtime_metrics::collectors::db::Watched<P>) {}
/// ```
pub struct Watched<P>(Arc<Inner<P>>);

struct Inner<P> {
    pool: P,
    waits: Waits,
}

#[derive(Debug)]
struct Waits {
    waiting: AtomicU64,
    times: Histogram,
}

/// Watches a pool, with `name` as the label `pool`: all that [`register`](super::register) tells of it, always
/// with `db.pool.connections.waiting`, and `db.pool.wait_time`, how long each caller waited in seconds,
/// also those who gave up. The collector does not keep the pool alive.
///
/// ```
/// # #[cfg(feature = "deadpool")] {
/// # struct Manager;
/// # impl deadpool::managed::Manager for Manager {
/// #     type Type = ();
/// #     type Error = ();
/// #     async fn create(&self) -> Result<(), ()> { Ok(()) }
/// #     async fn recycle(&self, _: &mut (), _: &deadpool::managed::Metrics) -> deadpool::managed::RecycleResult<()> { Ok(()) }
/// # }
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use runtime_metrics::collectors::db;
///
/// let pool = deadpool::managed::Pool::<Manager>::builder(Manager).max_size(4).build().unwrap();
/// let pool = db::watch("watched", pool);
/// let connection = pool.get().await.unwrap();
/// assert_eq!(pool.status().size, 1);
/// # drop(connection);
/// # });
/// # }
/// ```
pub fn watch<P: PoolStats>(name: impl Into<String>, pool: P) -> Watched<P> {
    let name = name.into();
    let times = Histogram::new("db.pool.wait_time", crate::names::help("db.pool.wait_time"))
        .with_unit("seconds")
        .with_label("pool", name.as_str())
        .register();
    let inner = Arc::new(Inner { pool, waits: Waits { waiting: AtomicU64::new(0), times } });
    keep(name, Arc::new(Arc::downgrade(&inner)));
    Watched(inner)
}

impl<P: PoolStats> PoolStats for Weak<Inner<P>> {
    fn state(&self) -> Option<PoolState> {
        let inner = self.upgrade()?;
        let state = inner.pool.state()?;
        // Who got a handle of the pool itself waits there, where the pool knows of it.
        let waiting = inner.waits.waiting.load(Relaxed);
        Some(state.with_waiting(state.waiting.unwrap_or(waiting)))
    }

    fn handle(&self) -> Box<dyn PoolStats> {
        Box::new(self.clone())
    }
}

impl<P: PoolStats> PoolStats for Watched<P> {
    fn state(&self) -> Option<PoolState> {
        Arc::downgrade(&self.0).state()
    }

    fn handle(&self) -> Box<dyn PoolStats> {
        Box::new(Arc::downgrade(&self.0))
    }
}

impl<P> Watched<P> {
    /// A caller waits, until what is returned is dropped. For pools whose methods are not here.
    ///
    /// ```
    /// # fn wait<P: runtime_metrics::collectors::db::PoolStats>(pool: &runtime_metrics::collectors::db::Watched<P>) {
    /// let waiting = pool.waits();
    /// // … the pool's own way of getting a connection …
    /// drop(waiting);
    /// # }
    /// ```
    pub fn waits(&self) -> impl Drop + Send + use<'_, P> {
        let waits = &self.0.waits;
        waits.waiting.fetch_add(1, Relaxed);
        Wait { waiting: &waits.waiting, _time: waits.times.start_timer() }
    }
}

/// Somebody waits.
struct Wait<'a> {
    waiting: &'a AtomicU64,
    _time: TimerGuard,
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        self.waiting.fetch_sub(1, Relaxed);
    }
}

impl<P> Deref for Watched<P> {
    type Target = P;

    fn deref(&self) -> &P {
        &self.0.pool
    }
}

impl<P> Clone for Watched<P> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<P> fmt::Debug for Watched<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched").field("waits", &self.0.waits).finish_non_exhaustive()
    }
}
