//! Pools of every kind, with a real PostgreSQL: what is told of them is right in every state, also when
//! those who wait give up.

#![allow(clippy::unwrap_used)] // a test that can't go on has failed

mod bb8;
mod deadpool;
mod r2d2;
mod sqlx;

use runtime_metrics::{Reading, Snapshot, registry};
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Longer than anything that works takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// What is told of a pool: connections active, idle, callers waiting, size and largest size; less than
/// zero where it is not told.
fn told(pool: &str) -> [i64; 5] {
    let snapshot = Snapshot::take();
    ["connections.active", "connections.idle", "connections.waiting", "size", "max_size"].map(|name| {
        let family = snapshot.family(&format!("db.pool.{name}"));
        let series =
            family.and_then(|family| family.series.iter().find(|series| series.labels.iter().eq([("pool", pool)])));
        match series.map(|series| &series.value) {
            Some(Reading::Gauge(value)) => *value as i64,
            _ => -1,
        }
    })
}

const NOT_TOLD: [i64; 5] = [-1; 5];

/// Waits until that is told.
#[track_caller]
fn becomes(pool: &str, wanted: [i64; 5]) {
    let end = Instant::now() + PATIENCE;
    loop {
        let now = told(pool);
        if now == wanted {
            return;
        }
        assert!(Instant::now() < end, "{pool}: {now:?} is told, not {wanted:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// How many waits were timed, and the seconds of them all.
fn waits(pool: &str) -> (u64, f64) {
    match registry().get("db.pool.wait_time", &[("pool", pool)]) {
        Some(Reading::Distribution(waits)) => (waits.count, waits.sum),
        other => panic!("{pool}: {other:?}"),
    }
}

/// Takes a pool of two through its states; what `get` returns owns its connection.
async fn through_all_states<C, F>(pool: &str, get: impl Fn() -> F)
where
    C: Send + 'static,
    F: Future<Output = C> + Send + 'static,
{
    let with = |active, idle, waits| [active, idle, waits, active + idle, 2];
    let first = get().await;
    assert_eq!(told(pool)[0], 1);
    let second = get().await;
    becomes(pool, with(2, 0, 0));

    // Exhausted: five wait, two of them give up.
    let mut waiters = JoinSet::new();
    let handles: Vec<_> = (0..5).map(|_| waiters.spawn(get())).collect();
    becomes(pool, with(2, 0, 5));
    handles[1].abort();
    handles[4].abort();
    becomes(pool, with(2, 0, 3));
    // Each connection that comes back goes to one of the three.
    drop(first);
    becomes(pool, with(2, 0, 2));
    drop(second);
    becomes(pool, with(2, 0, 1));
    // In which order is the pool's affair.
    let mut cancelled = 0;
    let mut held = VecDeque::new();
    while let Some(ended) = timeout(PATIENCE, waiters.join_next()).await.unwrap() {
        match ended {
            Ok(connection) => held.push_back(connection),
            Err(error) => cancelled += u32::from(error.is_cancelled()),
        }
        if held.len() == 2 {
            held.pop_front();
        }
    }
    assert_eq!((cancelled, held.len()), (2, 1));
    becomes(pool, with(1, 1, 0));
    held.clear();
    becomes(pool, with(0, 2, 0));
}
