//! Sets Sentry up as the README does, records, and ends at once: what was recorded must have left.
//! The DSN is the first argument; the second says how to end.

use runtime_metrics::{RuntimeMetricsConfig, RuntimeMetricsIntegration, increment};
use sentry::ClientOptions;
use std::time::Duration;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let dsn = arguments.next().unwrap_or_default();
    let ending = arguments.next().unwrap_or_default();
    let guard = sentry::init(ClientOptions::new().dsn(&dsn).add_integration(RuntimeMetricsIntegration::new(
        RuntimeMetricsConfig { collection_interval: Duration::from_hours(1), ..Default::default() },
    )));
    increment!("goodbye", labels: {"ending" => ending});
    match &*ending {
        "return" => drop(guard),
        "forget" => std::mem::forget(guard),
        "exit" => std::process::exit(0),
        _ => {}
    }
}
