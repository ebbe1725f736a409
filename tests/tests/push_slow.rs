//! A receiver that reads slowly what is more than the system keeps under way gets the time that was set, and no more.
//! A program of its own, for it has more metrics than others should have to send.

#![allow(clippy::unwrap_used)] // a test that can't go on has failed

use runtime_metrics::{ExportFormat, ExportProtocol, Limits, MetricsExporter, Reading, increment, registry};
use runtime_metrics_tests::collector::{Collector, Speaks};
use runtime_metrics_tests::eventually;
use runtime_metrics_tests::load::Load;
use runtime_metrics_tests::wire::{Fault, Wire};
use std::time::{Duration, Instant};

const TIMEOUT: Duration = Duration::from_millis(500);
/// What it takes to write so much, on a busy machine.
const SLACK: Duration = Duration::from_secs(4);

fn lost(exporter: &str) -> u64 {
    match registry().get("runtime_metrics_export_lost", &[("exporter", exporter), ("reason", "timeout")]) {
        Some(Reading::Counter(count)) => count,
        _ => 0,
    }
}

#[test]
fn who_reads_slowly_gets_no_more_time_than_was_set() {
    registry().set_limits(Limits { series_per_metric: 100_000, ..Limits::default() });
    for at in 0..30_000 {
        // Compressed, it is large as well.
        let part = |part: u64| (at * 31 + part).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let noise = format!("{:?}", std::array::from_fn::<u64, 12, _>(|at| part(at as u64)));
        increment!("slow_many", labels: {"at" => noise});
    }
    let load = Load::start("slow-many");
    for speaks in [Speaks::OtlpGrpc, Speaks::OtlpHttp, Speaks::RemoteWrite] {
        let collector = Collector::start(speaks);
        let wire = Wire::to(collector.address(), Fault::Slow);
        let (format, protocol) = match speaks {
            Speaks::OtlpGrpc => (ExportFormat::Otlp, ExportProtocol::Grpc),
            Speaks::OtlpHttp => (ExportFormat::Otlp, ExportProtocol::Http),
            Speaks::RemoteWrite => (ExportFormat::RemoteWrite, ExportProtocol::Http),
        };
        let name = format!("slow-{speaks:?}");
        let exporter = MetricsExporter::new().format(format).protocol(protocol).name(&name);
        let exporter = exporter.endpoint(format!("http://{}", wire.address())).filter(|name| name == "slow_many");
        let exporter = exporter.interval(Duration::from_millis(50)).timeout(TIMEOUT).try_start().unwrap();
        let start = Instant::now();
        eventually("a loss", || lost(&name) > 0);
        assert!(start.elapsed() < TIMEOUT + SLACK, "{name}: {:?}", start.elapsed());
        let start = Instant::now();
        exporter.stop();
        assert!(start.elapsed() < TIMEOUT + Duration::from_millis(700), "{name}: {:?}", start.elapsed());
    }
    load.goes_on();
    load.stop();
}
