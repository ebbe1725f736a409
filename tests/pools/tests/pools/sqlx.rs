//! SQLx with PostgreSQL and SQLite: it does not tell who waits, and queries acquire by themselves.

use super::{NOT_TOLD, becomes, through_all_states, told, waits};
use runtime_metrics::collectors::db;
use runtime_metrics_tests_pools::Postgres;
use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::SqlitePoolOptions;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watched_pool_tells_who_waits() {
    let postgres = Postgres::start();
    let pool = PgPoolOptions::new().max_connections(2).connect(&postgres.url()).await.unwrap();
    let pool = db::watch("sqlx", pool);
    through_all_states("sqlx", || {
        let pool = pool.clone();
        async move { pool.acquire().await.unwrap() }
    })
    .await;
    assert_eq!(waits("sqlx").0, 7);

    // Queries that acquire by themselves wait as well, and are as good as on the pool itself.
    let held = (pool.acquire().await.unwrap(), pool.begin().await.unwrap());
    let query = tokio::spawn({
        let pool = pool.clone();
        async move { sqlx::query_scalar::<_, i32>("SELECT 41").fetch_one(&pool).await.unwrap() }
    });
    becomes("sqlx", [2, 0, 1, 2, 2]);
    drop(held);
    assert_eq!(query.await.unwrap(), 41);
    assert_eq!(sqlx::query_scalar::<_, i32>("SELECT 42").fetch_one(&pool).await.unwrap(), 42);
    let rows: Vec<i32> = sqlx::query_scalar("SELECT generate_series(1, 1000)").fetch_all(&pool).await.unwrap();
    assert_eq!(rows.into_iter().sum::<i32>(), 500_500);
    sqlx::query("CREATE TEMPORARY TABLE t (n int)").execute(&pool).await.unwrap();
    drop(pool);
    assert_eq!(told("sqlx"), NOT_TOLD);
}

// What is awaited here blocks this thread, while others run the query.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queries_wait_too_and_so_do_those_that_time_out() {
    let options = SqlitePoolOptions::new().max_connections(1).acquire_timeout(Duration::from_millis(300));
    let pool = db::watch("sqlite", options.connect("sqlite::memory:").await.unwrap());
    becomes("sqlite", [0, 1, 0, 1, 1]);
    let held = pool.acquire().await.unwrap();
    let query = tokio::spawn({
        let pool = pool.clone();
        async move { sqlx::query("SELECT 1").execute(&pool).await }
    });
    becomes("sqlite", [1, 0, 1, 1, 1]);
    assert!(matches!(query.await.unwrap(), Err(sqlx::Error::PoolTimedOut)));
    assert_eq!(told("sqlite"), [1, 0, 0, 1, 1]);
    let (count, seconds) = waits("sqlite");
    assert!(count == 2 && (0.3..10.0).contains(&seconds), "{count} waits, {seconds} s");
    drop(held);
    becomes("sqlite", [0, 1, 0, 1, 1]);
}

#[tokio::test]
async fn a_registered_pool_is_told_until_it_is_closed() {
    let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await.unwrap();
    db::register("sqlite, registered", &pool);
    assert_eq!(told("sqlite, registered"), [0, 1, -1, 1, 1]);
    let held = pool.acquire().await.unwrap();
    assert_eq!(told("sqlite, registered"), [1, 0, -1, 1, 1]);
    drop(held);
    pool.close().await;
    assert_eq!(told("sqlite, registered"), NOT_TOLD);
}
