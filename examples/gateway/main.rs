//! The gateway: every shape in which a service framework's handlers can be measured, in one program.
//!
//! `cargo run --example gateway` runs the gateway of a ferry line a few times within this process,
//! with an error, a cancelled call and a panic among the calls. Then it compares what was measured
//! with what was done, and fails if they differ. A framework's own attributes would stand above
//! ours; they are left out.

mod actions;
mod background;
mod framework;
mod handles;
mod ledger;
mod scenario;

use ledger::Ledger;
use runtime_metrics::{ExportFormat, ExportProtocol, MetricsExporter};
use std::process::ExitCode;
use std::time::Duration;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    // A panic is part of the day: a line for it, so that the table is not buried under a backtrace.
    std::panic::set_hook(Box::new(|panic| println!("{panic}")));
    // Port 0: any that is free, so that the example runs beside others.
    let exporter = MetricsExporter::new()
        .format(ExportFormat::OpenMetrics)
        .protocol(ExportProtocol::Http)
        .interval(Duration::from_secs(15))
        .address("127.0.0.1:0")
        .start();
    if let Some(error) = exporter.error() {
        eprintln!("gateway: no metrics over HTTP: {error}");
    }

    let mut ledger = Ledger::default();
    scenario::run(&mut ledger).await;
    let agrees = ledger.agrees();
    print!("{}", ledger.table());
    exporter.stop();

    let problems = runtime_metrics::status().problems;
    for problem in &problems {
        eprintln!("gateway: runtime-metrics says: {problem}");
    }
    if agrees && problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The scenario has the process to itself: the registry counts for all tests of a program.
#[tokio::test]
async fn what_was_done_is_what_was_measured() {
    let mut ledger = Ledger::default();
    scenario::run(&mut ledger).await;
    assert!(ledger.agrees(), "{}", ledger.table());
    assert!(runtime_metrics::status().problems.is_empty(), "{:?}", runtime_metrics::status());
    // A ledger that agrees with everything would prove nothing.
    ledger.count("bookings_made", &[], 1);
    assert!(!ledger.agrees());
}
