//! The library as a framework hands it on: `framework::metrics`.

#![allow(clippy::unnecessary_wraps, clippy::unused_async, clippy::unused_self)] // the form is what is tested

use crate::framework::metrics;
use crate::readings::{calls, count, observed, run};
use metrics::{Gauge, LabelValue, metered, metric};

#[metrics::metrics(crate = crate::framework::metrics, prefix = "reexported_")]
struct Service {
    #[metric_field]
    level: Gauge,
}

impl Service {
    #[metered(crate = crate::framework::metrics)]
    async fn in_full(&self) -> Result<u8, String> {
        self.level.set(1);
        Ok(1)
    }

    /// A path that begins with what is in scope.
    #[metered(crate = metrics, labels = ["kind"])]
    fn in_scope(&self) -> Result<u8, String> {
        metrics::add_label!("kind", Kind::Plain, crate: metrics);
        Err("on purpose".to_owned())
    }
}

#[metrics::metrics(crate = metrics)]
impl Service {
    fn of_block(&self) -> u8 {
        1
    }
}

mod deeper {
    //! A path that goes up.

    #[crate::framework::metrics::metered(crate = super::metrics)]
    pub(super) fn in_super() -> u8 {
        1
    }
}

#[metric(type = "histogram", name = "reexported_sizes", crate = metrics)]
struct Sizes;

#[derive(LabelValue)]
#[label(crate = metrics)]
enum Kind {
    Plain,
}

#[metered(crate = metrics)]
fn within() -> u8 {
    use crate::framework::metrics as of_this_block;

    #[of_this_block::metered(crate = of_this_block)]
    fn inside() -> u8 {
        1
    }
    inside()
}

crate::service!(Made, answer => Err("on purpose".to_owned()));

#[test]
fn a_framework_s_own_macros_find_the_library() {
    assert!(run(Made.answer()).is_err());
    assert_eq!((calls("Made", "answer"), count("made_calls", &[])), ([0, 1], 1));
}

#[test]
fn everything_is_found_through_a_framework() {
    let service = Service { level: Service::metric_level() };
    assert!(run(service.in_full()).is_ok() && service.in_scope().is_err());
    assert_eq!((service.of_block(), deeper::in_super(), within()), (1, 1, 1));
    assert_eq!((calls("Service", "in_full"), calls("Service", "of_block")), ([1, 0], [1, 0]));
    let labels = [("service", "Service"), ("action", "in_scope"), ("kind", "plain"), ("outcome", "error")];
    assert_eq!(count("action_requests_total", &labels), 1);
    assert_eq!(count("reexported_service_requests_total", &[("service", "Service")]), 3);
    for action in ["in_super", "within", "inside"] {
        assert_eq!(count("action_requests_total", &[("action", action), ("outcome", "ok")]), 1, "{action}");
    }
    Sizes::handle().observe(1);
    metrics::observe!(Sizes, value: 2, crate: metrics);
    metrics::increment!("reexported_told", crate: crate::framework::metrics);
    assert_eq!((observed("reexported_sizes", &[]), count("reexported_told", &[])), (2, 1));
}
