//! What receivers that fail do to a program that pushes its metrics: nothing. It is as quick as before, what was not
//! taken is counted and said, and in the end the receiver knows every number to the last digit.

#![allow(clippy::unwrap_used)] // a test that can't go on has failed

mod answers;
mod statsd;
mod stop;
mod transport;
mod trust;

use runtime_metrics::{
    ExportFormat, ExportHandle, ExportProtocol, MetricsExporter, OtlpTemporality, Reading, registry, status,
};
use runtime_metrics_tests::collector::{Collector, Speaks};
use runtime_metrics_tests::load::Load;
use std::net::SocketAddr;
use std::time::Duration;

/// Often enough that a test need not wait for it.
const FAST: Duration = Duration::from_millis(100);
/// Longer than any answer takes on a busy machine; and a call that waits for a hanging push takes as long.
const TIMEOUT: Duration = Duration::from_secs(1);

/// A way to push over TCP.
#[derive(Clone, Copy, Debug)]
struct Way {
    speaks: Speaks,
    delta: bool,
}

const WAYS: [Way; 5] = [
    Way { speaks: Speaks::OtlpGrpc, delta: false },
    Way { speaks: Speaks::OtlpGrpc, delta: true },
    Way { speaks: Speaks::OtlpHttp, delta: false },
    Way { speaks: Speaks::OtlpHttp, delta: true },
    Way { speaks: Speaks::RemoteWrite, delta: false },
];

impl Way {
    /// What its exporter is called in a test.
    fn name(self, test: &str) -> String {
        format!("{test}-{:?}{}", self.speaks, if self.delta { "-delta" } else { "" })
    }

    fn exporter(self, test: &str, url: &str) -> MetricsExporter {
        let exporter = match self.speaks {
            Speaks::OtlpGrpc => MetricsExporter::new().format(ExportFormat::Otlp),
            Speaks::OtlpHttp => MetricsExporter::new().format(ExportFormat::Otlp).protocol(ExportProtocol::Http),
            Speaks::RemoteWrite => MetricsExporter::new().format(ExportFormat::RemoteWrite),
        };
        let temporality = if self.delta { OtlpTemporality::Delta } else { OtlpTemporality::Cumulative };
        exporter
            .temporality(temporality)
            .endpoint(url)
            .name(self.name(test))
            .interval(FAST)
            .timeout(TIMEOUT)
            .filter(|name| name == "faults_work")
    }

    fn to(self, test: &str, address: SocketAddr) -> MetricsExporter {
        self.exporter(test, &format!("http://{address}"))
    }
}

/// How many collections of an exporter were not taken for a reason.
fn lost(exporter: &str, reason: &str) -> u64 {
    count("runtime_metrics_export_lost", &[("exporter", exporter), ("reason", reason)])
}

fn sent(exporter: &str) -> u64 {
    count("runtime_metrics_export_sent", &[("exporter", exporter)])
}

fn count(name: &str, labels: &[(&str, &str)]) -> u64 {
    match registry().get(name, labels) {
        Some(Reading::Counter(count)) => count,
        _ => 0,
    }
}

/// The reasons for which collections of an exporter were not taken.
fn reasons(exporter: &str) -> Vec<&'static str> {
    let all =
        ["auth", "busy", "connect", "dns", "protocol", "refused", "rejected", "server", "timeout", "tls", "too-long"];
    all.into_iter().filter(|reason| lost(exporter, reason) > 0).collect()
}

/// What was said of an exporter.
fn said(exporter: &str) -> Vec<String> {
    let problems = status().problems.into_iter().filter(|problem| problem.subject == exporter);
    problems.map(|problem| problem.message).collect()
}

/// Runs it for all ways at once.
fn each_way<T: Send>(run: impl Fn(Way) -> T + Sync) -> Vec<T> {
    each(WAYS, run)
}

/// Runs it for each of these at once.
fn each<I: Send, T: Send>(these: impl IntoIterator<Item = I>, run: impl Fn(I) -> T + Sync) -> Vec<T> {
    std::thread::scope(|scope| {
        let run = &run;
        let threads: Vec<_> = these.into_iter().map(|one| scope.spawn(move || run(one))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// The program is over: in the end all receivers know what it did, to the last digit.
fn all_know(load: Load, receivers: Vec<(Collector, ExportHandle)>) {
    let (test, done) = (load.test(), load.stop());
    each(receivers, |(collector, exporter)| {
        collector.wait_for(test, done);
        exporter.stop();
    });
}
