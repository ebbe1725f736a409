//! Metrics without any macro: built, registered and kept as handles.

use runtime_metrics::{Counter, Gauge, Histogram, Rate, Set, Summary, Timer};
use std::time::Duration;

/// A service that does all its measuring itself.
pub struct Radio {
    requests: Counter,
    active: Gauge,
    response_time: Histogram,
    message_size: Summary,
    operation: Timer,
    stations: Set,
    /// Registered only to be exported: it is derived from `requests`.
    _rate: Rate,
}

impl Radio {
    pub fn new(name: &str) -> Self {
        let requests =
            Counter::new("radio_requests_total", "Calls over the radio.").with_label("service", name).register();
        let rate = Rate::new("radio_requests_per_second", "Calls over the radio, lately.").of(&requests).register();
        Self {
            active: Gauge::new("radio_active_requests", "Calls that are on the air.")
                .with_label("service", name)
                .register(),
            response_time: Histogram::new("radio_response_time_seconds", "Time until an answer.")
                .with_label("service", name)
                .with_buckets(vec![0.01, 0.05, 0.1, 0.5, 1.0])
                .register(),
            message_size: Summary::new("radio_message_size", "Size of messages.")
                .with_unit("bytes")
                .with_quantiles(vec![0.5, 0.95])
                .with_window(Duration::from_mins(1))
                .register(),
            operation: Timer::new("radio_operation_seconds", "Time on the air.").register(),
            stations: Set::new("radio_stations", "Stations that were called.").register(),
            requests,
            _rate: rate,
        }
    }

    pub async fn call(&self, station: &str, message: &str) -> usize {
        self.requests.increment();
        self.active.increment();
        let waiting = self.response_time.start_timer();
        let on_air = self.operation.start();

        self.stations.insert(station);
        self.message_size.observe(message.len());
        // A label that is known only now; the series is looked up.
        self.requests.add_with(1, &[("station", &station)]);
        tokio::task::yield_now().await;

        on_air.stop();
        waiting.stop();
        self.active.decrement();
        message.len()
    }
}

/// Handles for what happens on the lines between the piers.
pub struct Links {
    total: Counter,
    failed: Counter,
    open: Gauge,
    latency: Histogram,
    stored: Gauge,
}

impl Links {
    pub fn new() -> Self {
        Self {
            total: Counter::new("links", "Lines that were opened, or tried.").register(),
            failed: Counter::new("links_failed", "Lines that could not be opened.").register(),
            open: Gauge::new("links_open", "Lines that are open.").register(),
            latency: Histogram::new("link_latency_seconds", "Time to the other pier.").register(),
            stored: Gauge::new("link_stored_bytes", "What waits to be sent.").register(),
        }
    }

    pub fn record_connection(&self, works: bool) {
        self.total.increment();
        if works { self.open.increment() } else { self.failed.increment() }
    }

    pub fn record_operation(&self, kind: &str, took: Duration) {
        self.total.add_with(1, &[("type", &kind)]);
        self.latency.observe(took);
    }

    pub fn record_stored(&self, network: &str, bytes: usize) {
        self.stored.set_with(bytes, &[("network", &network)]);
    }
}
