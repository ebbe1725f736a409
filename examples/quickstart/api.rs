//! The highest layer: axum handlers, where each request is measured.

use crate::orders::{NewOrder, Order, OrderError, Orders, Report};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use runtime_metrics::metered;
use std::sync::Arc;

type Shared = State<Arc<Orders>>;
type Answer<T> = Result<Json<T>, OrderError>;

/// Each handler's name, which is its label `action`, and what it serves.
pub const ROUTES: [(&str, &str); 5] = [
    ("place", "POST /orders"),
    ("find", "GET  /orders/{id}"),
    ("refund", "POST /orders/{id}/refund"),
    ("daily_report", "GET  /reports/daily"),
    ("yearly_report", "GET  /reports/yearly/{n}"),
];

pub fn router(orders: Arc<Orders>) -> Router {
    Router::new()
        .route("/orders", post(place))
        .route("/orders/{id}", get(find))
        .route("/orders/{id}/refund", post(refund))
        .route("/reports/daily", get(daily_report))
        .route("/reports/yearly/{number}", get(yearly_report))
        .with_state(orders)
}

#[metered(name = "http")]
async fn place(State(orders): Shared, Json(wanted): Json<NewOrder>) -> Answer<Order> {
    Ok(Json(orders.place(&wanted).await?))
}

#[metered(name = "http")]
async fn find(State(orders): Shared, Path(id): Path<i64>) -> Answer<Order> {
    Ok(Json(orders.find(id).await?))
}

#[metered(name = "http")]
async fn refund(State(orders): Shared, Path(id): Path<i64>) -> Answer<Order> {
    Ok(Json(orders.refund(id).await?))
}

#[metered(name = "http")]
async fn daily_report(State(orders): Shared) -> Answer<Report> {
    Ok(Json(orders.daily_report().await?))
}

#[metered(name = "http")]
async fn yearly_report(State(orders): Shared, Path(number): Path<u64>) -> Answer<Report> {
    Ok(Json(orders.yearly_report(number).await?))
}

impl IntoResponse for OrderError {
    fn into_response(self) -> Response {
        match self {
            Self::NoSuchOrder => (StatusCode::NOT_FOUND, "there is no such order\n").into_response(),
            Self::SoldOut => (StatusCode::CONFLICT, "it is sold out\n").into_response(),
            Self::PaymentProviderAway => (StatusCode::BAD_GATEWAY, "the payment provider is away\n").into_response(),
            Self::Database(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
        }
    }
}
