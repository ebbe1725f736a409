//! Pools of database connections: how many are in use, idle and waited for.
//!
//! | pool | feature | waiting, of a pool that is registered | holds on to a registered pool |
//! |---|---|---|---|
//! | `deadpool::managed::Pool` (deadpool-postgres, diesel-async, …) | `deadpool` | what the pool tells | no |
//! | `bb8::Pool` | `bb8` | what the pool tells, less what it forgot to take away | until [`unregister`] |
//! | `sqlx::Pool` | `sqlx` | not told | until it is closed, or [`unregister`] |
//! | `r2d2::Pool` (`diesel::r2d2::Pool`) | `r2d2` | not told | until [`unregister`] |
//! | one's own | | [`PoolStats`] | as it says |
//!
//! [`register`] is told of a pool that stays as it is. [`watch`] wraps a pool: its `acquire` or `get`
//! counts who waits, exactly, also where they give up, and for how long, as the histogram
//! `db.pool.wait_time`; and nothing but the program keeps the pool alive.

#[cfg(feature = "bb8")]
mod bb8;
#[cfg(feature = "deadpool")]
mod deadpool;
#[cfg(feature = "r2d2")]
mod r2d2;
#[cfg(feature = "sqlx")]
mod sqlx;
mod watched;

pub use watched::{Watched, watch};

use crate::collect::{self, MetricCollector};
use crate::lock::Mutex;
use crate::protocol::RuntimeMetric;
use std::fmt;
use std::sync::{Arc, Once};

/// A pool that can be asked. Implement it for a pool that is not known here.
///
/// ```
/// use runtime_metrics::collectors::db::{self, PoolState, PoolStats};
/// use std::sync::{Arc, Weak};
///
/// struct Printers;
///
/// #[derive(Clone)]
/// struct Handle(Weak<Printers>);
///
/// impl PoolStats for Handle {
///     fn state(&self) -> Option<PoolState> {
///         let _printers = self.0.upgrade()?;
///         Some(PoolState::new(2, 1).with_waiting(0).with_max_size(3))
///     }
///     fn handle(&self) -> Box<dyn PoolStats> {
///         Box::new(self.clone())
///     }
/// }
///
/// let printers = Arc::new(Printers);
/// db::register("printers", &Handle(Arc::downgrade(&printers)));
/// assert!(runtime_metrics::Snapshot::take().family("db.pool.size").is_some());
/// ```
pub trait PoolStats: Send + Sync + 'static {
    /// How the pool is now. `None` once it is closed or gone: it is then forgotten.
    fn state(&self) -> Option<PoolState>;

    /// What [`register`] keeps: a handle of the same pool, best one that does not keep it alive.
    fn handle(&self) -> Box<dyn PoolStats>;
}

/// How a pool is at a moment.
///
/// ```
/// use runtime_metrics::collectors::db::PoolState;
///
/// let state = PoolState::new(3, 1).with_max_size(10);
/// assert_eq!((state.active, state.idle, state.waiting, state.max_size), (3, 1, None, Some(10)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolState {
    /// Connections that are in use, or being made.
    pub active: u64,
    /// Connections that wait to be used.
    pub idle: u64,
    /// Callers that wait for a connection, where the pool knows.
    pub waiting: Option<u64>,
    /// The most connections there may be, where the pool knows.
    pub max_size: Option<u64>,
}

impl PoolState {
    /// Of a pool that tells nothing else.
    ///
    /// ```
    /// assert_eq!(runtime_metrics::collectors::db::PoolState::new(3, 1).idle, 1);
    /// ```
    pub fn new(active: u64, idle: u64) -> Self {
        Self { active, idle, waiting: None, max_size: None }
    }

    /// Adds how many callers wait.
    ///
    /// ```
    /// let state = runtime_metrics::collectors::db::PoolState::new(3, 0).with_waiting(2);
    /// assert_eq!(state.waiting, Some(2));
    /// ```
    pub fn with_waiting(mut self, waiting: u64) -> Self {
        self.waiting = Some(waiting);
        self
    }

    /// Adds how many connections there may be.
    ///
    /// ```
    /// let state = runtime_metrics::collectors::db::PoolState::new(3, 0).with_max_size(3);
    /// assert_eq!(state.max_size, Some(3));
    /// ```
    pub fn with_max_size(mut self, max_size: u64) -> Self {
        self.max_size = Some(max_size);
        self
    }

    /// Of a pool that tells how many connections it has and how many of them are idle; they may be of
    /// two moments.
    #[cfg(any(feature = "bb8", feature = "deadpool", feature = "r2d2", feature = "sqlx"))]
    fn of(size: u64, idle: u64) -> Self {
        Self::new(size.saturating_sub(idle), idle)
    }
}

/// Pools by their names, the last of each name.
static POOLS: Mutex<Vec<(String, Arc<dyn PoolStats>)>> = Mutex::new(Vec::new());

/// Tells how a pool is, with `name` as the label `pool`. A pool that was registered under the same name
/// before is no longer told. What it costs is a look at the pool's lock or atomics at each collection.
///
/// * `db.pool.connections.active`: at `db.pool.max_size` the pool is exhausted.
/// * `db.pool.connections.idle`, and with it `db.pool.size`.
/// * `db.pool.connections.waiting`: staying above zero means that the pool is too small, or that
///   connections are held for too long.
///
/// Whether the collector holds on to the pool is in the [table](self).
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
/// let pool = deadpool::managed::Pool::<Manager>::builder(Manager).max_size(4).build().unwrap();
/// runtime_metrics::collectors::db::register("main", &pool);
/// let snapshot = runtime_metrics::Snapshot::take();
/// let size = &snapshot.family("db.pool.max_size").unwrap().series[0];
/// assert_eq!((size.labels.get("pool"), &size.value), (Some("main"), &runtime_metrics::Reading::Gauge(4.0)));
/// # }
/// ```
pub fn register(name: impl Into<String>, pool: &impl PoolStats) {
    keep(name.into(), pool.handle().into());
}

/// Forgets the pool of this name; tells whether there was one.
///
/// ```
/// assert!(!runtime_metrics::collectors::db::unregister("never registered"));
/// ```
pub fn unregister(name: &str) -> bool {
    let gone = take(&mut POOLS.lock(), name);
    !gone.is_empty()
}

/// The pools of this name, no longer known. To be dropped after the lock: each may be the last handle of a pool.
#[must_use]
fn take(pools: &mut Vec<(String, Arc<dyn PoolStats>)>, name: &str) -> Vec<(String, Arc<dyn PoolStats>)> {
    pools.extract_if(.., |(known, _)| known == name).collect()
}

fn keep(name: String, pool: Arc<dyn PoolStats>) {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| collect::add(Arc::new(Pools)));
    let _gone = {
        // Under one lock: of two that come at once, one replaces the other.
        let mut pools = POOLS.lock();
        let gone = take(&mut pools, &name);
        pools.push((name, pool));
        gone
    };
}

/// What each pool tells.
#[derive(Debug)]
struct Pools;

impl MetricCollector for Pools {
    fn collect(&self) -> Vec<RuntimeMetric> {
        // A copy: a pool may take its time.
        let pools = POOLS.lock().clone();
        let mut metrics = Vec::with_capacity(pools.len() * 5);
        for (name, pool) in pools {
            let Some(state) = pool.state() else {
                forget(&pool);
                continue;
            };
            for (metric, count) in [
                ("db.pool.connections.active", Some(state.active)),
                ("db.pool.connections.idle", Some(state.idle)),
                ("db.pool.connections.waiting", state.waiting),
                ("db.pool.size", Some(state.active + state.idle)),
                ("db.pool.max_size", state.max_size),
            ] {
                metrics.extend(count.map(|count| {
                    RuntimeMetric::gauge(metric, count).with_unit("count").with_tag("pool", name.as_str())
                }));
            }
        }
        metrics
    }

    fn name(&self) -> &'static str {
        "db"
    }
}

/// Forgets this very pool, not another that has its name by now.
fn forget(gone: &Arc<dyn PoolStats>) {
    let dropped: Vec<_> = POOLS.lock().extract_if(.., |(_, pool)| Arc::ptr_eq(pool, gone)).collect();
    drop(dropped);
}

impl fmt::Debug for dyn PoolStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.state().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Reading, Snapshot};
    use std::sync::Weak;

    impl PoolStats for Weak<PoolState> {
        fn state(&self) -> Option<PoolState> {
            self.upgrade().map(|state| *state)
        }

        fn handle(&self) -> Box<dyn PoolStats> {
            Box::new(self.clone())
        }
    }

    fn told(pool: &str) -> [Option<f64>; 5] {
        let snapshot = Snapshot::take();
        ["connections.active", "connections.idle", "connections.waiting", "size", "max_size"].map(|name| {
            let family = snapshot.family(&format!("db.pool.{name}"))?;
            let series = family.series.iter().find(|series| series.labels.get("pool") == Some(pool))?;
            if let Reading::Gauge(value) = series.value { Some(value) } else { None }
        })
    }

    #[test]
    fn a_pool_is_told_until_it_is_gone_and_the_last_of_a_name_is() {
        let first = Arc::new(PoolState::new(1, 2).with_waiting(3));
        register("of one's own", &Arc::downgrade(&first));
        assert_eq!(told("of one's own"), [Some(1.0), Some(2.0), Some(3.0), Some(3.0), None]);
        let second = Arc::new(PoolState::new(4, 0).with_max_size(4));
        register("of one's own", &Arc::downgrade(&second));
        drop(first);
        assert_eq!(told("of one's own"), [Some(4.0), Some(0.0), None, Some(4.0), Some(4.0)]);
        drop(second);
        assert_eq!(told("of one's own"), [None; 5]);
        assert!(!unregister("of one's own"));
    }

    #[test]
    fn of_pools_that_come_under_one_name_at_once_one_is_left() {
        /// Another one comes just when this one makes room.
        struct Replaced(Weak<PoolState>);

        impl PoolStats for Replaced {
            fn state(&self) -> Option<PoolState> {
                self.0.state()
            }

            fn handle(&self) -> Box<dyn PoolStats> {
                self.0.handle()
            }
        }

        impl Drop for Replaced {
            fn drop(&mut self) {
                register("at once", &self.0);
            }
        }

        let pool = Arc::new(PoolState::new(1, 1));
        keep("at once".to_owned(), Arc::new(Replaced(Arc::downgrade(&pool))));
        register("at once", &Arc::downgrade(&pool));
        let left = POOLS.lock().iter().filter(|(name, _)| name == "at once").count();
        assert_eq!(left, 1);
        assert!(unregister("at once"));
    }
}
