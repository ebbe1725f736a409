//! r2d2 with PostgreSQL: it does not tell who waits, and a thread that waits can't be cancelled.

use super::{NOT_TOLD, becomes, told, waits};
use r2d2::Pool;
use r2d2_postgres::PostgresConnectionManager;
use r2d2_postgres::postgres::NoTls;
use runtime_metrics::collectors::db;
use runtime_metrics_tests_pools::Postgres;
use std::thread;
use std::time::Duration;

fn pool(postgres: &Postgres) -> Pool<PostgresConnectionManager<NoTls>> {
    let manager = PostgresConnectionManager::new(postgres.config().parse().unwrap(), NoTls);
    Pool::builder().max_size(2).build(manager).unwrap()
}

#[test]
fn a_watched_pool_tells_who_waits() {
    let postgres = Postgres::start();
    let pool = db::watch("r2d2", pool(&postgres));
    becomes("r2d2", [0, 2, 0, 2, 2]);
    let held = [pool.get().unwrap(), pool.get().unwrap()];
    assert_eq!(told("r2d2"), [2, 0, 0, 2, 2]);
    let patient: Vec<_> = (0..2)
        .map(|_| {
            let pool = pool.clone();
            thread::spawn(move || pool.get().unwrap().query_one("SELECT 42", &[]).unwrap().get::<_, i32>(0))
        })
        .collect();
    let pool_of_one = pool.clone();
    let gives_up = thread::spawn(move || pool_of_one.get_timeout(Duration::from_millis(300)).is_err());
    becomes("r2d2", [2, 0, 3, 2, 2]);
    assert!(gives_up.join().unwrap());
    assert_eq!(told("r2d2"), [2, 0, 2, 2, 2]);
    drop(held);
    assert!(patient.into_iter().all(|answer| answer.join().unwrap() == 42));
    becomes("r2d2", [0, 2, 0, 2, 2]);
    let (count, seconds) = waits("r2d2");
    assert!(count == 5 && seconds >= 0.3, "{count} waits, {seconds} s");
    drop(pool);
    assert_eq!(told("r2d2"), NOT_TOLD);
}

#[test]
fn a_registered_pool_is_told_without_who_waits() {
    let postgres = Postgres::start();
    let pool = pool(&postgres);
    db::register("r2d2, registered", &pool);
    becomes("r2d2, registered", [0, 2, -1, 2, 2]);
    let held = pool.get().unwrap();
    assert_eq!(told("r2d2, registered"), [1, 1, -1, 2, 2]);
    drop(held);
    assert!(db::unregister("r2d2, registered"));
    assert_eq!(told("r2d2, registered"), NOT_TOLD);
}
