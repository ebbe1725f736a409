//! The middle layer: what the business does with orders, and the metrics that it cares for.

use crate::store::Store;
use runtime_metrics::{increment, metered, metric, metrics, observe, timer};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio::sync::{broadcast, mpsc};

#[derive(Deserialize)]
pub struct NewOrder {
    pub customer: i64,
    pub product: i64,
    pub quantity: i64,
}

#[derive(Serialize, sqlx::FromRow)]
pub struct Order {
    pub id: i64,
    pub product: String,
    pub quantity: i64,
    pub total: f64,
}

#[derive(Serialize)]
pub struct Report {
    pub turnover: f64,
}

/// Why an order or a report is not to be had.
#[derive(Debug)]
pub enum OrderError {
    NoSuchOrder,
    SoldOut,
    PaymentProviderAway,
    Database(sqlx::Error),
}

impl From<sqlx::Error> for OrderError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

/// A declared metric: the compiler checks its labels wherever it is used.
#[metric(type = "counter", name = "orders_placed_total", description = "Orders accepted.", labels = ["tier"])]
pub struct OrdersPlaced;

/// `#[metrics]` makes a service of a type: its methods add up to `service_requests_total` and so on.
#[metrics]
pub struct Orders {
    store: Store,
    placed: mpsc::UnboundedSender<Order>,
    /// The numbers of the yearly reports that are being written.
    begun: broadcast::Sender<u64>,
}

impl Orders {
    pub fn new(store: Store, placed: mpsc::UnboundedSender<Order>, begun: broadcast::Sender<u64>) -> Self {
        Self { store, placed, begun }
    }

    pub async fn close(&self) {
        self.store.close().await;
    }

    /// The label `tier` gets its value in the store, two calls further down.
    #[metered(labels = ["tier"])]
    pub async fn place(&self, wanted: &NewOrder) -> Result<Order, OrderError> {
        let tier = self.store.greet(wanted.customer).await?;
        let order = self.store.place(wanted).await?.ok_or(OrderError::SoldOut)?;
        increment!(OrdersPlaced, labels: {"tier" => tier});
        observe!("order_value", value: order.total, unit: "euros", buckets: [5, 10, 20, 50, 100, 200]);
        // Without anybody to tell there is nothing to be done.
        let _ = self.placed.send(Order { product: order.product.clone(), ..order });
        Ok(order)
    }

    #[metered]
    pub async fn find(&self, id: i64) -> Result<Order, OrderError> {
        self.store.find(id).await?.ok_or(OrderError::NoSuchOrder)
    }

    #[metered]
    pub async fn refund(&self, id: i64) -> Result<Order, OrderError> {
        let order = self.store.find(id).await?.ok_or(OrderError::NoSuchOrder)?;
        // Stands for a provider who is away now and then.
        if id % 4 == 0 {
            increment!("refunds_refused_total", labels: {"reason" => "provider away"});
            return Err(OrderError::PaymentProviderAway);
        }
        self.store.mark_refunded(id).await?;
        Ok(order)
    }

    #[metered]
    pub async fn daily_report(&self) -> Result<Report, OrderError> {
        let turnover = self.store.turnover().await?;
        let _writing = timer!("report_writing_seconds", labels: {"report" => "daily"});
        tokio::time::sleep(Duration::from_millis(150)).await;
        Ok(Report { turnover })
    }

    /// Takes longer than anybody waits: its callers hang up, and its outcome is `cancelled`.
    #[metered]
    pub async fn yearly_report(&self, number: u64) -> Result<Report, OrderError> {
        let turnover = self.store.turnover().await?;
        let _writing = timer!("report_writing_seconds", labels: {"report" => "yearly"});
        // It is no error that nobody wants to know.
        let _ = self.begun.send(number);
        tokio::time::sleep(Duration::from_hours(1)).await;
        Ok(Report { turnover })
    }
}

/// An event's handler counts what it received and what failed, by the event's name.
#[metered(event = "order.placed")]
pub async fn on_order_placed(order: &Order) -> Result<(), OrderError> {
    increment!("parcels_packed_total", value: order.quantity.unsigned_abs());
    tokio::task::yield_now().await;
    Ok(())
}
