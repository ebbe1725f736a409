//! A short day at the ferry line, and what each call of it must have left behind.

use crate::actions::{Booking, FerryGateway};
use crate::background::{Announcer, FarePaid, Purser, relay};
use crate::framework::{EventBus, EventContext, FareClass, JobContext, RequestContext};
use crate::handles::{Links, Radio};
use crate::ledger::Ledger;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::time::timeout;

const GATEWAY: (&str, &str) = ("service", "FerryGateway");

/// Runs everything a few times, and writes down what it did.
pub async fn run(ledger: &mut Ledger) {
    let gateway = Arc::new(FerryGateway::new());
    let context = RequestContext { fare_class: Some(FareClass::FirstClass), network: "north".to_owned() };
    travellers(&gateway, &context, ledger).await;
    timetables(&gateway, &context, ledger).await;
    bookings(&gateway, &context, ledger).await;
    given_up_and_broken(&gateway, ledger).await;
    background(&gateway, ledger).await;
    by_hand(ledger).await;
}

async fn travellers(gateway: &FerryGateway, context: &RequestContext, ledger: &mut Ledger) {
    for (name, source) in [("Ada", "web"), ("Grace", "web"), ("Hedy", "pier")] {
        let registered = gateway.register_traveller(context, name, source.to_owned(), FareClass::Tourist).await;
        if registered.is_ok() {
            for source in [source, "all"] {
                ledger.count("traveller_registration_total", &[("source", source), ("fare_class", "tourist")], 1);
            }
        }
    }
    for name in ["Ada", "Hedy", "Nobody"] {
        let outcome = match gateway.find_traveller(context, name.to_owned()).await {
            Ok(_) => "ok",
            Err(refused) => {
                println!("find_traveller refused: {refused}");
                "error"
            }
        };
        let failed = u32::from(outcome == "error");
        called(ledger, "find_traveller", outcome);
        ledger.count("ferry_gateway_request_size_bytes", &[], 1);
        ledger.count("ferry_gateway_service_errors_total", &[GATEWAY], failed);
    }
    ledger.count("action_duration_seconds", &[GATEWAY, ("action", "find_traveller")], 3);
    ledger.is("action_active_requests", &[GATEWAY, ("action", "find_traveller")], 0.0);
}

async fn timetables(gateway: &FerryGateway, first: &RequestContext, ledger: &mut Ledger) {
    let tourist = RequestContext::default();
    // The first of each pier is not in the cache.
    for (context, class, pier) in [
        (first, "first", "north"),
        (&tourist, "tourist", "north"),
        (first, "first", "north"),
        (first, "first", "south"),
    ] {
        let table = gateway.timetable(context, pier.to_owned()).await;
        let outcome = if table.is_ok() { "ok" } else { "error" };
        let labels = [GATEWAY, ("action", "timetable"), ("fare_class", class)];
        ledger.count("timetable_requests_total", &[labels[0], labels[1], labels[2], ("outcome", outcome)], 1);
        ledger.count("timetable_duration_seconds", &labels, 1);
        ledger.count("ferry_gateway_service_requests_total", &[GATEWAY], 1);
    }
    ledger.is("ferry_gateway_cache_hit_ratio", &[], 0.5);

    for (taken, outcome) in [(20, "ok"), (40, "ok"), (41, "error")] {
        gateway.occupancy(first, 2, taken, 40).await;
        let labels = [GATEWAY, ("action", "occupancy"), ("network", "north"), ("deck", "2"), ("outcome", outcome)];
        ledger.count("occupancy_requests_total", &labels, 1);
        ledger.count("ferry_gateway_service_requests_total", &[GATEWAY], 1);
        ledger.count("ferry_gateway_service_errors_total", &[GATEWAY], u32::from(outcome == "error"));
    }
}

async fn bookings(gateway: &FerryGateway, context: &RequestContext, ledger: &mut Ledger) {
    for (seats, priority) in [(2, 1), (1, 1), (2, 9)] {
        let currency = "EUR".to_owned();
        let booking = Booking { kind: "single", priority, seats, amount: f64::from(seats) * 12.5, currency };
        if gateway.book(context, &booking).await.is_ok() {
            ledger.count("bookings_made", &[], 1);
            ledger.count("seats_booked", &[], seats);
        } else {
            ledger.count("bookings_refused", &[("reason", "full")], 1);
        }
        ledger.count("booking_time", &[("kind", "single"), ("priority", &priority.to_string())], 1);
        ledger.count("booking_amount", &[("currency", "EUR")], 1);
    }
}

/// A call that nobody waits for to its end, and one that panics.
async fn given_up_and_broken(gateway: &Arc<FerryGateway>, ledger: &mut Ledger) {
    let context = RequestContext::default();
    if timeout(Duration::from_millis(5), gateway.yearly_report(&context)).await.is_err() {
        called(ledger, "yearly_report", "cancelled");
    }
    for berth in [1, 7] {
        let gateway = Arc::clone(gateway);
        // A task is where a service's panics are caught.
        let task = tokio::spawn(async move { gateway.berth(&RequestContext::default(), berth).await.is_ok() });
        let panicked = task.await.is_err_and(|error| error.is_panic());
        called(ledger, "berth", if panicked { "panic" } else { "ok" });
        ledger.count("ferry_gateway_service_errors_total", &[GATEWAY], u32::from(panicked));
    }
}

async fn background(gateway: &FerryGateway, ledger: &mut Ledger) {
    let context = EventContext { emitted_at: SystemTime::now() };
    let event = [("event", "fare.paid")];
    for amount in [12.5, 25.0, 0.0] {
        let paid = FarePaid { amount, method: "card".to_owned(), currency: "EUR" };
        let handled = Purser.on_fare_paid(&context, paid).await;
        let of_purser = [("service", "Purser"), event[0]];
        ledger.count("event_received_total", &of_purser, 1);
        ledger.count("event_processing_time_seconds", &of_purser, 1);
        ledger.count("event_failures_total", &of_purser, u32::from(handled.is_err()));
        ledger.count("event_latency_seconds", &event, 1);
        ledger.count("fare_amount", &[("method", "card"), ("currency", "EUR")], 1);
    }

    if let Ok(dropped) = Purser.drop_stale_holds(&JobContext { run: 1 }, gateway.store()).await {
        let labels = [("service", "Purser"), ("action", "drop_stale_holds"), ("outcome", "ok")];
        ledger.count("stale_holds_requests_total", &labels, 1);
        ledger.is("stale_holds_dropped", &[("run", "1")], f64::from(dropped));
        ledger.count("stale_holds_sweep", &[], 1);
    }
    ledger.count("service_requests_total", &[("service", "Purser")], 4);

    for connected in [true, true, false] {
        let announcer = Announcer { bus: EventBus { connected } };
        let published = announcer.announce("the noon ferry leaves").await;
        let service = [("service", "Announcer")];
        ledger.count("event_published_total", &service, 1);
        ledger.count("event_publish_failures_total", &service, u32::from(published.is_err()));
        ledger.count("event_publish_time_seconds", &service, 1);
    }

    if let Ok(bytes) = relay("north", b"all aboard".to_vec()).await {
        let labels = [("action", "relay"), ("network", "north"), ("outcome", "ok")];
        ledger.count("pier_action_requests_total", &labels, 1);
        ledger.count("relay_operation", &[("operation", "send"), ("network", "north")], 1);
        ledger.count("relay_size_bytes", &[], u32::from(bytes > 0));
        ledger.count("relayed", &[("network", "north")], 1);
    }
}

async fn by_hand(ledger: &mut Ledger) {
    let service = ("service", "harbour");
    let radio = Radio::new(service.1);
    for station in ["north", "south", "north"] {
        radio.call(station, "over").await;
        ledger.count("radio_requests_total", &[service], 1);
        ledger.count("radio_requests_total", &[service, ("station", station)], 1);
        ledger.count("radio_response_time_seconds", &[service], 1);
        ledger.count("radio_message_size", &[], 1);
        ledger.count("radio_operation_seconds", &[], 1);
    }
    ledger.is("radio_active_requests", &[service], 0.0);
    ledger.is("radio_stations", &[], 2.0);

    let links = Links::new();
    for works in [true, false] {
        links.record_connection(works);
        ledger.count("links", &[], 1);
        ledger.count("links_failed", &[], u32::from(!works));
        ledger.count("links_open", &[], u32::from(works));
    }
    links.record_operation("find", Duration::from_millis(3));
    ledger.count("links", &[("type", "find")], 1);
    ledger.count("link_latency_seconds", &[], 1);
    links.record_stored("north", 512);
    ledger.is("link_stored_bytes", &[("network", "north")], 512.0);
}

/// A metered action of the gateway ended: for itself, and for its service.
fn called(ledger: &mut Ledger, action: &str, outcome: &str) {
    ledger.count("action_requests_total", &[GATEWAY, ("action", action), ("outcome", outcome)], 1);
    ledger.count("ferry_gateway_service_requests_total", &[GATEWAY], 1);
}
