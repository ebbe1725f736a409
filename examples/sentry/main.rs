//! Sentry: transactions whose spans carry a summary of what was recorded in them.
//!
//! `cargo run --example sentry -- --seconds 5` bakes orders, each a transaction with nested spans. With
//! `--dsn` or the variable `SENTRY_DSN` they go to a project of yours; without, they go to an endpoint
//! inside through the same transport, and are shown here as they arrive.

mod bakery;
mod flags;
mod shown;

use flags::Flags;
use runtime_metrics::{MetricsTransport, RuntimeMetricsConfig, RuntimeMetricsIntegration};
use runtime_metrics_examples::{Direct, SentryEndpoint, program};
use sentry::transports::DefaultTransportFactory;
use sentry::{ClientInitGuard, ClientOptions};
use std::error::Error;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

fn main() -> ExitCode {
    program("sentry", flags::HELP, flags::read(), run)
}

fn run(flags: &Flags) -> Result<ExitCode, Box<dyn Error>> {
    let inside = if flags.dsn.is_none() { Some(SentryEndpoint::start(shown::show)?) } else { None };
    let dsn = match (&flags.dsn, &inside) {
        (Some(dsn), _) => dsn.to_string(),
        (None, Some(inside)) => inside.dsn().to_owned(),
        (None, None) => return Err("there is nowhere to send to".into()),
    };
    let sentry = start(&dsn, inside.is_some());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let baked = runtime.block_on(bakery::open(flags.seconds));
    drop(runtime);
    // Dropping the guard makes the last envelopes leave.
    drop(sentry);
    for problem in runtime_metrics::status().problems {
        eprintln!("sentry: runtime-metrics says: {problem}");
    }
    // Who reads may have seen enough.
    let _ = writeln!(std::io::stdout(), "{baked} orders were baked, each a transaction.");
    Ok(ExitCode::SUCCESS)
}

/// All the set-up there is: the integration, and the transport around the client's own that brings
/// the summaries to their place in RFC 0123.
fn start(dsn: &str, inside: bool) -> ClientInitGuard {
    let config =
        RuntimeMetricsConfig { collection_interval: Duration::from_secs(2), trace_metrics: true, ..Default::default() };
    let options = ClientOptions::new()
        .dsn(dsn)
        .release("bakery@1.0.0")
        .traces_sample_rate(1.0)
        .add_integration(RuntimeMetricsIntegration::new(config));
    sentry::init(if inside {
        options.transport(MetricsTransport::over(Direct))
    } else {
        options.transport(MetricsTransport::over(DefaultTransportFactory))
    })
}
