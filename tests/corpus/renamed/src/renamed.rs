//! `crate = …` on every attribute, with a path from the root and with a plain one.

#![allow(clippy::unnecessary_wraps, clippy::unused_async, clippy::unused_self)] // the form is what is tested

use crate::readings::{calls, count, observed, run};
use metrics_of_ours::{Counter, Histogram, LabelValue, Reading, metered, metric, metrics, registry};
use std::pin::Pin;

#[metrics(crate = ::metrics_of_ours, prefix = "renamed_")]
struct Counting {
    #[metric_field]
    visits: Counter,
    #[metric_field(buckets = [1, 10], unit = "bytes")]
    sizes: Histogram,
}

impl Counting {
    fn new() -> Self {
        Self { visits: Self::metric_visits(), sizes: Self::metric_sizes() }
    }

    #[metered(crate = ::metrics_of_ours)]
    fn sync(&self, fails: bool) -> Result<u8, String> {
        self.visits.increment();
        self.sizes.observe(7);
        if fails { Err("on purpose".to_owned()) } else { Ok(1) }
    }

    #[metered(crate = metrics_of_ours)]
    async fn later(&self, fails: bool) -> Result<u8, String> {
        self.sync(fails)
    }

    #[metered(crate = metrics_of_ours)]
    fn boxed(&self) -> Pin<Box<dyn Future<Output = Result<u8, String>> + Send + '_>> {
        Box::pin(async move { self.later(false).await })
    }

    #[metered(crate = metrics_of_ours)]
    fn opaque(&self) -> impl Future<Output = Result<u8, String>> {
        async { Err("on purpose".to_owned()) }
    }

    #[metered(crate = metrics_of_ours)]
    fn closure(&self) -> impl Fn(u8) -> u8 + use<> {
        |number| number + 1
    }

    #[metered(crate = metrics_of_ours)]
    fn never(&self) -> ! {
        panic!("on purpose")
    }
}

#[metered(
    crate = ::metrics_of_ours,
    name = "renamed_all",
    buckets = [0.5, 1.0],
    labels(size = text.len(), zone = "north"),
    ok_if = |length: &usize| *length > 0
)]
fn every_option(text: &str) -> usize {
    text.len()
}

#[metered(crate = metrics_of_ours, event = "renamed", emitted_at = at, labels = ["tier"])]
async fn handles_event(at: std::time::Instant) -> Result<(), String> {
    metrics_of_ours::add_label!("tier", "gold", crate: metrics_of_ours);
    Ok(())
}

struct Plain;

#[metrics(crate = metrics_of_ours)]
impl Plain {
    fn first(&self) -> Option<u8> {
        Some(1)
    }

    #[metered(name = "renamed_second")]
    async fn second(&self) -> u8 {
        2
    }

    /// Says itself where the library is.
    #[metered(crate = ::metrics_of_ours)]
    fn third(&self) -> Result<u8, u8> {
        Err(3)
    }

    #[metered(skip)]
    fn skipped(&self) -> u8 {
        4
    }
}

#[metrics(crate = metrics_of_ours, events = true, service = "Renamed")]
enum Publisher {
    One,
}

impl Publisher {
    #[metered(crate = metrics_of_ours)]
    fn publish(&self) -> Result<(), String> {
        match self {
            Self::One => Ok(()),
        }
    }
}

#[metric(crate = ::metrics_of_ours, type = "counter", name = "renamed_declared", labels = ["by"])]
struct Declared;

#[metric(crate = metrics_of_ours, type = "timer", name = "renamed_timed")]
struct Timed;

#[derive(LabelValue)]
#[label(crate = ::metrics_of_ours)]
enum By {
    CreditCard,
    #[label("iban")]
    Transfer(#[allow(dead_code)] u8),
}

#[derive(LabelValue)]
#[label(crate = metrics_of_ours)]
struct Zone(&'static str);

#[test]
fn attributes_find_the_library_by_its_other_name() {
    let counting = Counting::new();
    assert!(counting.sync(false).is_ok() && run(counting.later(true)).is_err());
    assert!(run(counting.boxed()).is_ok() && run(counting.opaque()).is_err());
    assert_eq!(counting.closure()(1), 2);
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| counting.never())).is_err());
    let of = |action| calls("Counting", action);
    assert_eq!((of("sync"), of("later"), of("boxed")), ([2, 1], [1, 1], [1, 0]));
    assert_eq!((of("opaque"), of("closure"), of("never")), ([0, 1], [1, 0], [0, 0]));
    assert_eq!(count("renamed_service_requests_total", &[("service", "Counting")]), 9);
    assert_eq!((count("renamed_visits", &[]), observed("renamed_sizes", &[])), (3, 3));
}

#[test]
fn options_find_the_library_by_its_other_name() {
    assert_eq!((every_option("abc"), every_option("")), (3, 0));
    for (size, outcome) in [("3", "ok"), ("0", "error")] {
        let labels = [("action", "every_option"), ("zone", "north"), ("size", size), ("outcome", outcome)];
        assert_eq!(count("renamed_all_requests_total", &labels), 1);
    }
    assert!(run(handles_event(std::time::Instant::now())).is_ok());
    assert_eq!(count("event_received_total", &[("event", "renamed")]), 1);
    assert_eq!(observed("event_latency_seconds", &[("event", "renamed")]), 1);
    assert_eq!(observed("event_processing_time_seconds", &[("event", "renamed"), ("tier", "gold")]), 1);
}

#[test]
fn blocks_and_publishers_find_the_library_by_its_other_name() {
    assert_eq!((Plain.first(), run(Plain.second()), Plain.third(), Plain.skipped()), (Some(1), 2, Err(3), 4));
    assert_eq!((calls("Plain", "first"), calls("Plain", "third")), ([1, 0], [0, 1]));
    let second = [("service", "Plain"), ("action", "second"), ("outcome", "ok")];
    assert_eq!(count("renamed_second_requests_total", &second), 1);
    assert!(Publisher::One.publish().is_ok());
    assert_eq!(count("event_published_total", &[("service", "Renamed")]), 1);
}

#[test]
fn declarations_find_the_library_by_its_other_name() {
    Declared::with(By::CreditCard).increment();
    Declared::with(By::Transfer(1)).increment();
    Declared::with(Zone("north")).increment();
    Timed::handle().start().stop();
    for by in ["credit_card", "iban", "north"] {
        assert_eq!(count("renamed_declared", &[("by", by)]), 1);
    }
    assert_eq!(observed("renamed_timed", &[]), 1);
}

#[test]
fn macros_find_the_library_where_they_are_told_it_is() {
    let zone = Zone("south");
    metrics_of_ours::increment!("renamed_told", crate: metrics_of_ours);
    metrics_of_ours::increment!("renamed_told", value: 2, labels: {"zone" => zone}, crate: ::metrics_of_ours);
    metrics_of_ours::increment!(Declared, labels: {"by" => "told"}, crate: metrics_of_ours);
    metrics_of_ours::set!("renamed_told_now", value: 3, crate: metrics_of_ours);
    metrics_of_ours::observe!("renamed_told_size", value: 4, buckets: [1, 5], crate: metrics_of_ours);
    metrics_of_ours::timer!("renamed_told_time", crate: metrics_of_ours).stop();
    assert_eq!((count("renamed_told", &[]), count("renamed_told", &[("zone", "south")])), (1, 2));
    assert_eq!(count("renamed_declared", &[("by", "told")]), 1);
    assert_eq!(registry().get("renamed_told_now", &[]), Some(Reading::Gauge(3.0)));
    assert_eq!((observed("renamed_told_size", &[]), observed("renamed_told_time", &[])), (1, 1));
}
