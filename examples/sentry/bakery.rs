//! The work: a bakery whose orders are transactions, and whose steps are spans.

use runtime_metrics::{add_label, increment, metered, metrics, observe, set, timer};
use sentry::{Hub, SentryFutureExt, TransactionContext};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Bakes orders until the time is over or Ctrl-C comes; tells how many.
pub async fn open(seconds: Option<Duration>) -> u32 {
    let closes = seconds.map(|seconds| Instant::now() + seconds);
    let stop = tokio::signal::ctrl_c();
    tokio::pin!(stop);
    let mut number = 0;
    while closes.is_none_or(|closes| Instant::now() < closes) {
        // Each order has a hub of its own, as a web framework's layer gives each request.
        let hub = Arc::new(Hub::new_from_top(Hub::current()));
        tokio::select! {
            () = order(number).bind_hub(hub) => number += 1,
            _ = &mut stop => break,
        }
    }
    number
}

/// One order is one transaction.
async fn order(number: u32) {
    let transaction = sentry::start_transaction(TransactionContext::new("POST /orders", "http.server"));
    let root = transaction.clone();
    sentry::configure_scope(|scope| scope.set_span(Some(root.into())));
    let kind = Bread::of(number);
    increment!("bakery_orders", labels: {"bread" => kind.name()});
    let bakery = Bakery { ovens: 2, kilograms_a_loaf: 0.75 };
    if let Err(burnt) = bakery.bake(kind, 2 + number % 4).await {
        // The event carries the context `runtime_metrics`.
        sentry::capture_error(&burnt);
    }
    set!("bakery_shelf_loaves", value: 20 - number % 12);
    transaction.finish();
}

#[derive(Clone, Copy)]
enum Bread {
    Rye,
    Wheat,
}

impl Bread {
    fn of(number: u32) -> Self {
        if number.is_multiple_of(3) { Self::Rye } else { Self::Wheat }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Rye => "rye",
            Self::Wheat => "wheat",
        }
    }
}

/// What comes out of the oven black.
#[derive(Debug)]
struct Burnt(u32);

impl fmt::Display for Burnt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "batch {} is burnt", self.0)
    }
}

impl std::error::Error for Burnt {}

#[metrics]
struct Bakery {
    ovens: u32,
    kilograms_a_loaf: f64,
}

impl Bakery {
    /// A span, across its awaits: `action_duration_seconds`.
    #[metered(span, labels = ["bread"])]
    async fn bake(&self, kind: Bread, batches: u32) -> Result<(), Burnt> {
        add_label!("bread", kind.name());
        self.knead(batches * 3);
        for batch in 1..=batches {
            self.oven(batch).await?;
        }
        Ok(())
    }

    /// Measured, and no span: what it records goes to the span of `bake`.
    #[metered]
    fn knead(&self, loaves: u32) {
        increment!("bakery_loaves", value: loaves);
        observe!("bakery_dough", value: f64::from(loaves) * self.kilograms_a_loaf, unit: "kilograms");
    }

    async fn oven(&self, batch: u32) -> Result<(), Burnt> {
        // A span as well: `bakery_oven`.
        let _baking = timer!("bakery_oven", labels: {"oven" => batch % self.ovens});
        tokio::time::sleep(Duration::from_millis(u64::from(10 + 7 * batch))).await;
        observe!("bakery_crust", value: 180 + 5 * batch, unit: "celsius");
        increment!("bakery_batches");
        if batch > 4 { Err(Burnt(batch)) } else { Ok(()) }
    }
}
