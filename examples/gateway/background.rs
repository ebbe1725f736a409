//! What runs without being asked: an event's handler, a job, and a publisher.

use crate::framework::{EventBus, EventContext, JobContext, Refused, Result, Store};
use runtime_metrics as metrics;
use runtime_metrics::{metered, metrics};
use std::time::{Duration, Instant};

/// What the event `fare.paid` tells.
pub struct FarePaid {
    pub amount: f64,
    pub method: String,
    pub currency: &'static str,
}

#[metrics]
pub struct Purser;

impl Purser {
    /// Received, failed, how long it took; with `emitted_at` also how long it was under way.
    #[metered(event = "fare.paid", emitted_at = context.emitted_at)]
    pub async fn on_fare_paid(&self, context: &EventContext, event: FarePaid) -> Result<()> {
        metrics::observe!("fare_amount", value: event.amount, labels: {
            "method" => event.method,
            "currency" => event.currency
        });
        tokio::task::yield_now().await;
        if event.amount <= 0.0 {
            return Err(Refused::Unpaid);
        }
        Ok(())
    }

    /// A job goes by a name of its own: `stale_holds_requests_total` and so on.
    #[metered(name = "stale_holds")]
    pub async fn drop_stale_holds(&self, context: &JobContext, store: &Store) -> Result<u32> {
        let started = Instant::now();
        let dropped = store.release_seats().await;
        metrics::set!("stale_holds_dropped", value: f64::from(dropped), labels: {"run" => context.run});
        metrics::observe!("stale_holds_sweep", value: started.elapsed(), unit: "seconds");
        Ok(dropped)
    }
}

/// What its metered methods do is also what it published: how often, how long, what failed.
#[metrics(events = true)]
pub struct Announcer {
    pub bus: EventBus,
}

impl Announcer {
    #[metered]
    pub async fn announce(&self, text: &str) -> Result<()> {
        self.bus.publish("departures", text).await
    }
}

/// An operation of the network between the piers: a prefix before the usual names.
#[metered(prefix = "pier_", labels = ["network"])]
pub async fn relay(network: &str, message: Vec<u8>) -> Result<usize> {
    let _operation = metrics::timer!("relay_operation", labels: {"operation" => "send", "network" => network});
    metrics::add_label!("network", network);
    metrics::observe!("relay_size_bytes", value: message.len());
    // Stands for the way to the other pier.
    tokio::time::sleep(Duration::from_millis(1)).await;
    metrics::increment!("relayed", labels: {"network" => network});
    Ok(message.len())
}
