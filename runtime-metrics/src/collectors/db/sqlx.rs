//! SQLx: its pool does not tell who waits, and queries may acquire by themselves.

use super::{PoolState, PoolStats, Watched};
use futures_core::Stream;
use sqlx::pool::PoolConnection;
use sqlx::{Database, Describe, Either, Error, Execute, Executor, Pool, SqlStr, Transaction};
use std::pin::Pin;

impl<DB: Database> PoolStats for Pool<DB> {
    fn state(&self) -> Option<PoolState> {
        if self.is_closed() {
            return None;
        }
        let state = PoolState::of(self.size().into(), self.num_idle() as u64);
        Some(state.with_max_size(self.options().get_max_connections().into()))
    }

    fn handle(&self) -> Box<dyn PoolStats> {
        Box::new(self.clone())
    }
}

impl<DB: Database> Watched<Pool<DB>> {
    /// As `Pool::acquire`, counted and timed. Queries that are given a `&Watched` acquire by this, too.
    ///
    /// # Errors
    ///
    /// As `Pool::acquire`.
    ///
    /// ```
    /// # async fn acquire<DB: sqlx::Database>(pool: sqlx::Pool<DB>) -> Result<(), sqlx::Error> {
    /// let pool = runtime_metrics::collectors::db::watch("main", pool);
    /// let connection = pool.acquire().await?;
    /// # Ok(()) }
    /// ```
    pub async fn acquire(&self) -> Result<PoolConnection<DB>, Error> {
        let _waits = self.waits();
        Pool::acquire(self).await
    }

    /// As `Pool::begin`, counted and timed: with the time that it takes to begin the transaction.
    ///
    /// # Errors
    ///
    /// As `Pool::begin`.
    ///
    /// ```
    /// # async fn begin<DB: sqlx::Database>(pool: sqlx::Pool<DB>) -> Result<(), sqlx::Error> {
    /// let pool = runtime_metrics::collectors::db::watch("main", pool);
    /// let transaction = pool.begin().await?;
    /// # Ok(()) }
    /// ```
    pub async fn begin(&self) -> Result<Transaction<'static, DB>, Error> {
        let _waits = self.waits();
        Pool::begin(self).await
    }
}

type BoxFuture<'e, T> = Pin<Box<dyn Future<Output = T> + Send + 'e>>;
type Rows<'e, DB> = Pin<
    Box<dyn Stream<Item = Result<Either<<DB as Database>::QueryResult, <DB as Database>::Row>, Error>> + Send + 'e>,
>;

/// Queries run on it as on the pool itself.
impl<'p, DB: Database> Executor<'p> for &'_ Watched<Pool<DB>>
where
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    type Database = DB;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> Rows<'e, DB>
    where
        'p: 'e,
        E: 'q + Execute<'q, DB>,
    {
        let pool = self.clone();
        Box::pin(async_stream::try_stream! {
            let mut connection = pool.acquire().await?;
            let mut rows = connection.fetch_many(query);
            while let Some(row) = std::future::poll_fn(|context| rows.as_mut().poll_next(context)).await {
                yield row?;
            }
        })
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<DB::Row>, Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, DB>,
    {
        let pool = self.clone();
        Box::pin(async move { pool.acquire().await?.fetch_optional(query).await })
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [DB::TypeInfo],
    ) -> BoxFuture<'e, Result<DB::Statement, Error>>
    where
        'p: 'e,
    {
        let pool = self.clone();
        Box::pin(async move { pool.acquire().await?.prepare_with(sql, parameters).await })
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<DB>, Error>>
    where
        'p: 'e,
    {
        let pool = self.clone();
        Box::pin(async move { pool.acquire().await?.describe(sql).await })
    }
}
