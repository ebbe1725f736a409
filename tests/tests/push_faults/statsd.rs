//! Daemons of `StatsD`, which can only be there or not.

use super::{FAST, TIMEOUT, lost, reasons, said, sent};
use runtime_metrics::{ExportFormat, MetricsExporter};
use runtime_metrics_tests::daemon::Daemon;
use runtime_metrics_tests::eventually;
use runtime_metrics_tests::load::Load;

fn exporter(format: ExportFormat, name: &str, endpoint: String) -> MetricsExporter {
    let exporter = MetricsExporter::new().format(format).endpoint(endpoint).name(name).interval(FAST).timeout(TIMEOUT);
    exporter.filter(|name| name == "faults_work")
}

#[test]
fn who_is_absent_at_first_goes_away_and_returns() {
    for (format, name, key) in [
        (ExportFormat::StatsD, "statsd-absent", ".test.statsd-absent"),
        (ExportFormat::DogStatsD, "dogstatsd-absent", "test:dogstatsd-absent"),
    ] {
        let mut daemon = Daemon::absent();
        let load = Load::start(name);
        let exporter = exporter(format, name, daemon.address().to_string()).try_start().unwrap();
        eventually("losses", || lost(name, "connect") > 1);
        for times in 1..=2 {
            daemon.come();
            let now = sent(name);
            eventually("some being taken", || sent(name) > now + 2);
            daemon.go();
            let now = lost(name, "connect");
            eventually("losses", || lost(name, "connect") > now + 2 * times);
            load.goes_on();
        }
        std::thread::sleep(TIMEOUT * 2);
        daemon.come();
        let now = sent(name);
        eventually("some being taken", || sent(name) > now);
        let done = load.stop();
        eventually("the exact sum", || daemon.gained(key) >= done as f64);
        let now = sent(name);
        eventually("more being taken", || sent(name) > now + 1);
        assert_eq!(daemon.gained(key), done as f64, "{:?}", daemon.lines());
        exporter.stop();
        assert_eq!(reasons(name), ["connect"]);
        // Again and again the same is the same.
        assert_eq!(said(name).len(), 1, "{:?}", said(name));
        assert!(said(name)[0].contains("refused"), "{:?}", said(name));
    }
}

#[test]
fn a_name_that_nobody_knows() {
    let exporter =
        exporter(ExportFormat::StatsD, "statsd-dns", "no-such-host.invalid:1".to_owned()).try_start().unwrap();
    eventually("losses", || !reasons("statsd-dns").is_empty());
    assert_eq!(reasons("statsd-dns"), ["dns"], "{:?}", said("statsd-dns"));
    exporter.stop();
}
