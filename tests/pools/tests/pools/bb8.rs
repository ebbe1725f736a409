//! bb8-postgres: it counts who gives up waiting as waiting for ever.

use super::{NOT_TOLD, becomes, through_all_states, told, waits};
use bb8::Pool;
use bb8_postgres::PostgresConnectionManager;
use runtime_metrics::collectors::db;
use runtime_metrics_tests_pools::Postgres;
use tokio_postgres::NoTls;

type Manager = PostgresConnectionManager<NoTls>;

async fn pool(postgres: &Postgres) -> Pool<Manager> {
    let manager = Manager::new_from_stringlike(postgres.config(), NoTls).unwrap();
    Pool::builder().max_size(2).build(manager).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watched_pool_tells_who_waits_exactly() {
    let postgres = Postgres::start();
    let pool = db::watch("bb8, watched", pool(&postgres).await);
    through_all_states("bb8, watched", || {
        let pool = pool.clone();
        async move { pool.get_owned().await.unwrap() }
    })
    .await;
    assert_eq!(waits("bb8, watched").0, 7);
    assert_eq!(pool.state().statistics.pending_gets(), 2, "bb8 no longer counts who gave up");
    let row = pool.get().await.unwrap().query_one("SELECT 42", &[]).await.unwrap();
    assert_eq!(row.get::<_, i32>(0), 42);
    drop(pool);
    assert_eq!(told("bb8, watched"), NOT_TOLD);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_registered_pool_forgot_to_take_away_is_corrected_once_it_rests() {
    let postgres = Postgres::start();
    let pool = pool(&postgres).await;
    db::register("bb8", &pool);
    for _ in 0..2 {
        let held = [pool.get().await.unwrap(), pool.get().await.unwrap()];
        becomes("bb8", [2, 0, 0, 2, 2]);
        let waiters = [(); 3].map(|()| {
            let pool = pool.clone();
            tokio::spawn(async move { drop(pool.get().await) })
        });
        becomes("bb8", [2, 0, 3, 2, 2]);
        for waiter in waiters {
            waiter.abort();
            assert!(waiter.await.unwrap_err().is_cancelled());
        }
        drop(held);
        becomes("bb8", [0, 2, 0, 2, 2]);
    }
    assert_eq!(pool.state().statistics.pending_gets(), 6, "bb8 no longer counts who gave up");
    assert!(db::unregister("bb8"));
    assert_eq!(told("bb8"), NOT_TOLD);
}
