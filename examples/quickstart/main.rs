//! The quickstart: a service that measures itself, with everything around it that shows it.
//!
//! `cargo run --example quickstart -- --seconds 20` starts an order service on axum and SQLite, lets
//! a load generator use it, serves `/metrics`, ships envelopes to a Sentry endpoint inside, and in
//! the end proves that what was measured is what has happened. The measuring itself is in the
//! attributes and macros of `api.rs`, `orders.rs` and `store.rs`; the set-up is in `run` below.

mod api;
mod client;
mod dashboard;
mod flags;
mod load;
mod orders;
mod screen;
mod service;
mod store;
mod telemetry;
mod verdict;

use flags::Flags;
use runtime_metrics::MetricsExporter;
use runtime_metrics_examples::program;
use screen::Screen;
use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use telemetry::Inside;

/// What makes the program end early.
type Failure = Box<dyn Error + Send + Sync>;

fn main() -> ExitCode {
    program("quickstart", flags::HELP, flags::read(), run)
}

/// Sets everything up, in the order that Sentry asks for: its client comes before the runtime.
/// It is a success if what was measured is what has happened.
fn run(flags: &Flags) -> Result<ExitCode, Failure> {
    let screen = Arc::new(Screen::new());
    let (dsn, inside) = if let Some(dsn) = &flags.dsn {
        (dsn.clone(), None)
    } else {
        let inside = Inside::start(Arc::clone(&screen))?;
        (inside.dsn().parse()?, Some(inside))
    };
    let sentry = telemetry::start(&dsn, flags.interval, inside.is_some());
    let exporter = MetricsExporter::new().address(&flags.metrics_addr).start();
    if let Some(error) = exporter.error() {
        eprintln!("quickstart: --metrics-addr: {error}. The service runs without /metrics.");
    }

    let place = format!("{}://{}:{}/{}", dsn.scheme(), dsn.host(), dsn.port(), dsn.project_id());
    let whose =
        if inside.is_some() { "inside this program; --dsn sends to a project of yours" } else { "as you asked" };
    let sentry_line = format!("Sentry         {place}, {whose}");
    let runtime = tokio::runtime::Runtime::new()?;
    let verdict = runtime.block_on(service::run(flags, &screen, exporter.address(), &sentry_line));
    drop(runtime);

    // Dropping the guard makes the last envelope leave.
    let shipped = if let Some(inside) = inside {
        inside.close(sentry)
    } else {
        drop(sentry);
        true
    };
    if !shipped {
        eprintln!("quickstart: the last envelope did not arrive");
    }
    // What the exporter had to say was said at the start.
    for problem in runtime_metrics::status().problems.iter().filter(|problem| problem.subject != "exporter") {
        eprintln!("quickstart: runtime-metrics says: {problem}");
    }
    let verdict = verdict?;
    screen.say(&verdict.table);
    exporter.stop();
    Ok(if verdict.agrees && shipped { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
