//! The service: its own metrics, and an action for each way to measure one.

use crate::framework::{FareClass, Refused, RequestContext, Result, Store};
use runtime_metrics as metrics;
use runtime_metrics::{Gauge, Histogram, metered, metric, metrics};
use std::sync::atomic::{AtomicU32, Ordering};

/// Declared once, with labels that the compiler checks where the type is used.
#[metric(
    type = "counter",
    name = "traveller_registration_total",
    description = "Travellers that registered.",
    labels = ["source", "fare_class"]
)]
pub struct TravellerRegistration;

/// A journey that somebody wants to pay for.
pub struct Booking {
    pub kind: &'static str,
    pub priority: u8,
    pub seats: u32,
    pub amount: f64,
    pub currency: String,
}

/// The prefix goes before the service's totals and before the names of the fields.
#[metrics(prefix = "ferry_gateway_")]
pub struct FerryGateway {
    store: Store,
    asked: AtomicU32,
    answered_by_cache: AtomicU32,
    #[metric_field]
    cache_hit_ratio: Gauge,
    #[metric_field(name = "request_size_bytes", buckets = [16, 64, 256])]
    request_size: Histogram,
}

impl FerryGateway {
    /// Registers the fields by hand: the same series as `Self::metric_cache_hit_ratio()`.
    pub fn new() -> Self {
        let cache_hit_ratio =
            Gauge::new("ferry_gateway_cache_hit_ratio", "Share of timetables that the cache answered.").register();
        let request_size = Histogram::new("ferry_gateway_request_size_bytes", "Size of what was asked.")
            .with_buckets(vec![16.0, 64.0, 256.0])
            .register();
        Self {
            store: Store::default(),
            asked: AtomicU32::new(0),
            answered_by_cache: AtomicU32::new(0),
            cache_hit_ratio,
            request_size,
        }
    }

    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Calls by outcome, running calls and durations, all by the attribute.
    #[metered]
    pub async fn find_traveller(&self, _context: &RequestContext, name: String) -> Result<String> {
        self.request_size.observe(name.len());
        let traveller = self.store.find_traveller(&name).await?;
        Ok(traveller)
    }

    /// A cached action. Buckets belong to a metric, so that with buckets of its own it has a name
    /// of its own.
    #[metered(
        name = "timetable",
        buckets = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5],
        labels = ["fare_class"]
    )]
    pub async fn timetable(&self, context: &RequestContext, pier: String) -> Result<String> {
        metrics::add_label!("fare_class", context.fare_class.unwrap_or(FareClass::Tourist));
        let (table, cached) = self.store.timetable(&pier).await;
        let hits = self.answered_by_cache.fetch_add(u32::from(cached), Ordering::Relaxed) + u32::from(cached);
        let asked = self.asked.fetch_add(1, Ordering::Relaxed) + 1;
        self.cache_hit_ratio.set(f64::from(hits) / f64::from(asked));
        Ok(table)
    }

    /// Labels straight from the arguments, and a test of our own for what is an error.
    #[metered(
        name = "occupancy",
        histogram_buckets = [0.005, 0.05, 0.5],
        labels(network = context.network.as_str(), deck = deck),
        error_if = |share: &f64| *share > 1.0
    )]
    pub async fn occupancy(&self, context: &RequestContext, deck: u8, taken: u32, seats: u32) -> f64 {
        tokio::task::yield_now().await;
        f64::from(taken) / f64::from(seats)
    }

    /// Measures by hand what matters here; not one of the service's metered actions.
    pub async fn book(&self, _context: &RequestContext, booking: &Booking) -> Result<u32> {
        let timer = metrics::timer!("booking_time", labels: {
            "kind" => booking.kind,
            "priority" => booking.priority.to_string()
        });
        metrics::observe!("booking_amount", value: booking.amount, labels: {
            "currency" => booking.currency
        });
        let result = self.store.take_seats(booking.seats).await;
        if result.is_ok() {
            metrics::increment!("bookings_made");
            metrics::increment!("seats_booked", value: booking.seats);
        } else {
            metrics::increment!("bookings_refused", labels: {"reason" => "full"});
        }
        drop(timer);
        result
    }

    /// Counts into the declared metric, by its name and by its type.
    pub async fn register_traveller(
        &self,
        _context: &RequestContext,
        name: &str,
        source: String,
        fare_class: FareClass,
    ) -> Result<()> {
        self.store.add_traveller(name).await;
        metrics::increment!("traveller_registration_total", labels: {
            "source" => source,
            "fare_class" => fare_class
        });
        metrics::increment!(TravellerRegistration, labels: {"source" => "all", "fare_class" => fare_class});
        Ok(())
    }

    /// Nobody waits this long: who gives up cancels the call.
    #[metered]
    pub async fn yearly_report(&self, _context: &RequestContext) -> Result<String> {
        std::future::pending().await
    }

    /// Panics where there is no such berth.
    #[metered]
    pub async fn berth(&self, _context: &RequestContext, number: usize) -> Result<&'static str, Refused> {
        tokio::task::yield_now().await;
        Ok(["north", "south"][number])
    }
}
