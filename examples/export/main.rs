//! Export: what a small busy service records goes to everybody who is named, at once.
//!
//! `cargo run --example export -- --seconds 20 --otlp-grpc http://127.0.0.1:4317 --statsd 127.0.0.1:8125` pushes to
//! both and serves `/metrics`. In the end it flushes, and tells the totals that it has counted itself: a receiver
//! that was there has the same.

mod flags;
mod shop;

use flags::Flags;
use runtime_metrics::{ExportFormat, ExportHandle, ExportProtocol, MetricsExporter};
use runtime_metrics_examples::program;
use shop::Shop;
use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    program("export", flags::HELP, flags::read(), run)
}

fn run(flags: &Flags) -> Result<ExitCode, Box<dyn Error>> {
    let mut out = std::io::stdout();
    let exporters = exporters(flags).into_iter().map(MetricsExporter::try_start).collect::<Result<Vec<_>, _>>()?;
    for url in exporters.iter().filter_map(ExportHandle::url) {
        writeln!(out, "exporting      {url}")?;
    }
    let shop = Shop::open();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let end = async {
            match flags.seconds {
                Some(seconds) => tokio::time::sleep(seconds).await,
                None => drop(tokio::signal::ctrl_c().await),
            }
        };
        tokio::select! {
            () = end => Ok(()),
            error = reload_when_told() => error,
        }
    })?;
    let totals = shop.close();
    exporters.into_iter().for_each(ExportHandle::stop);
    for problem in runtime_metrics::status().problems {
        eprintln!("export: runtime-metrics says: {problem}");
    }
    // Who reads may have seen enough.
    let _ = write!(out, "{totals}");
    Ok(ExitCode::SUCCESS)
}

/// Reads the settings again at each SIGHUP, and tells what came of it.
#[cfg(unix)]
async fn reload_when_told() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut told = signal(SignalKind::hangup())?;
    while told.recv().await.is_some() {
        match runtime_metrics::reload() {
            Ok(applied) => {
                eprintln!("export: settings are read again");
                for what in applied.after_restart().iter().chain(applied.unknown_metrics()) {
                    eprintln!("export: {what}");
                }
            }
            Err(error) => eprintln!("export: settings stay as they are: {error}"),
        }
    }
    Ok(())
}

#[cfg(not(unix))]
async fn reload_when_told() -> std::io::Result<()> {
    std::future::pending().await
}

/// An exporter for each place that is named.
fn exporters(flags: &Flags) -> Vec<MetricsExporter> {
    let exporter = |format| {
        let exporter = MetricsExporter::new().format(format).interval(flags.interval);
        match &flags.token {
            Some(token) if !matches!(format, ExportFormat::StatsD | ExportFormat::DogStatsD) => exporter.token(token),
            _ => exporter,
        }
    };
    let pushed = [
        (&flags.otlp_grpc, ExportFormat::Otlp, ExportProtocol::Grpc),
        (&flags.otlp_http, ExportFormat::Otlp, ExportProtocol::Http),
        (&flags.remote_write, ExportFormat::RemoteWrite, ExportProtocol::Http),
        (&flags.statsd, ExportFormat::StatsD, ExportProtocol::Udp),
        (&flags.dogstatsd, ExportFormat::DogStatsD, ExportProtocol::Udp),
    ];
    let served = flags.metrics_addr.iter().map(|address| exporter(ExportFormat::Negotiated).address(address));
    let pushed = pushed.into_iter().filter_map(|(endpoint, format, protocol)| {
        Some(exporter(format).protocol(protocol).endpoint(endpoint.clone()?))
    });
    served.chain(pushed).collect()
}
