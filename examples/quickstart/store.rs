//! The lowest layer: an SQLite database, where each query is measured.

use crate::orders::{NewOrder, Order};
use runtime_metrics::collectors::db::{self, Watched};
use runtime_metrics::{add_label, metrics, set};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use std::path::Path;

#[metrics(prefix = "store_")]
pub struct Store {
    /// Tells who uses it and who waits, as `db_pool_…`; queries take it as they take the pool itself.
    pool: Watched<SqlitePool>,
}

/// `#[metrics]` on the block measures every method; `#[metered(skip)]` leaves one out.
#[metrics]
impl Store {
    /// Opens a new database and brings it to the schema of this program.
    #[metered(skip)]
    pub async fn open(file: &Path) -> Result<Self, sqlx::Error> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal);
        let pool = SqlitePoolOptions::new().max_connections(4).connect_with(options).await?;
        sqlx::migrate!("./migrations").run(&pool).await?;
        Ok(Self { pool: db::watch("orders", pool) })
    }

    #[metered(skip)]
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// How much a customer is worth to us. The label goes to the call that asks: see `Orders::place`.
    pub async fn greet(&self, customer: i64) -> Result<String, sqlx::Error> {
        let tier: String =
            sqlx::query_scalar("SELECT tier FROM customers WHERE id = ?").bind(customer).fetch_one(&self.pool).await?;
        add_label!("tier", tier.as_str());
        Ok(tier)
    }

    /// Takes the goods from the stock and writes the order down; `None` where too few are left.
    pub async fn place(&self, wanted: &NewOrder) -> Result<Option<Order>, sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        let left: Option<i64> =
            sqlx::query_scalar("UPDATE products SET stock = stock - ?1 WHERE id = ?2 AND stock >= ?1 RETURNING stock")
                .bind(wanted.quantity)
                .bind(wanted.product)
                .fetch_optional(&mut *transaction)
                .await?;
        let Some(left) = left else { return Ok(None) };
        let id: i64 =
            sqlx::query_scalar("INSERT INTO orders (customer, product, quantity) VALUES (?, ?, ?) RETURNING id")
                .bind(wanted.customer)
                .bind(wanted.product)
                .bind(wanted.quantity)
                .fetch_one(&mut *transaction)
                .await?;
        let order = find(&mut transaction, id).await?;
        transaction.commit().await?;
        set!("stock_items", labels: {"product" => wanted.product}, value: left, help: "Items that can be ordered.");
        Ok(order)
    }

    pub async fn find(&self, id: i64) -> Result<Option<Order>, sqlx::Error> {
        find(&mut *self.pool.acquire().await?, id).await
    }

    pub async fn mark_refunded(&self, id: i64) -> Result<(), sqlx::Error> {
        sqlx::query("UPDATE orders SET refunded = 1 WHERE id = ?").bind(id).execute(&self.pool).await?;
        Ok(())
    }

    /// What was sold in all.
    pub async fn turnover(&self) -> Result<f64, sqlx::Error> {
        sqlx::query_scalar(
            "SELECT COALESCE(SUM(price * quantity), 0.0) FROM orders JOIN products ON products.id = orders.product",
        )
        .fetch_one(&self.pool)
        .await
    }
}

async fn find(connection: &mut sqlx::SqliteConnection, id: i64) -> Result<Option<Order>, sqlx::Error> {
    sqlx::query_as(
        "SELECT orders.id, products.name AS product, quantity, price * quantity AS total
         FROM orders JOIN products ON products.id = orders.product WHERE orders.id = ?",
    )
    .bind(id)
    .fetch_optional(connection)
    .await
}
