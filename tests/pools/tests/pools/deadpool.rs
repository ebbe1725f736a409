//! deadpool-postgres, registered and watched.

use super::{NOT_TOLD, becomes, through_all_states, told, waits};
use deadpool_postgres::{Manager, Pool};
use runtime_metrics::collectors::db;
use runtime_metrics_tests_pools::Postgres;
use tokio_postgres::NoTls;

fn pool(postgres: &Postgres) -> Pool {
    let manager = Manager::new(postgres.config().parse().unwrap(), NoTls);
    Pool::builder(manager).max_size(2).build().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registered_pool_is_told_until_the_program_drops_it() {
    let postgres = Postgres::start();
    let pool = pool(&postgres);
    db::register("deadpool", &pool);
    assert_eq!(told("deadpool"), [0, 0, 0, 0, 2]);
    through_all_states("deadpool", || {
        let pool = pool.clone();
        async move { pool.get().await.unwrap() }
    })
    .await;
    drop(pool);
    assert_eq!(told("deadpool"), NOT_TOLD);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watched_pool_tells_how_long_its_callers_waited() {
    let postgres = Postgres::start();
    let pool = db::watch("deadpool, watched", pool(&postgres));
    through_all_states("deadpool, watched", || {
        let pool = pool.clone();
        async move { pool.get().await.unwrap() }
    })
    .await;
    assert_eq!(waits("deadpool, watched").0, 7);
    assert_eq!(pool.get().await.unwrap().query_one("SELECT 42", &[]).await.unwrap().get::<_, i32>(0), 42);
    pool.close();
    becomes("deadpool, watched", NOT_TOLD);
}
