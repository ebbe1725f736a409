//! The loop that pushes: a thread for each exporter, which keeps nothing but what the receiver has taken.

#[cfg(feature = "otlp-grpc")]
mod grpc;
#[cfg(any(feature = "otlp", feature = "remote-write"))]
mod http;
mod ledger;
#[cfg(feature = "otlp")]
mod otlp;
#[cfg(feature = "statsd")]
mod udp;

use super::exporter::MetricsExporter;
use super::filter::Filter;
use super::handle::Running;
use super::kinds::{ExportFormat, ExportProtocol};
use super::{ExportError, THREAD};
use crate::collect::{Tick, Worker};
use crate::lock::Mutex;
use crate::snapshot::Snapshot;
use crate::status::report;
use ledger::Ledger;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// How one protocol pushes a collection.
trait Push: Send + 'static {
    /// Pushes all of it within this time, or says why not.
    fn push(&mut self, snapshot: &Snapshot, time: Duration) -> Result<(), Failure>;

    /// Says goodbye after the last push, where the protocol has a way to.
    fn leave(&mut self, _: Duration) -> Result<(), Failure> {
        Ok(())
    }
}

/// Why a collection was not taken.
#[derive(Debug)]
struct Failure {
    /// The label `reason`.
    reason: &'static str,
    /// In words.
    why: String,
    /// When the receiver wants to be asked again; nothing where it would refuse again.
    again: Option<Duration>,
}

impl Failure {
    /// One that may be over soon.
    fn passing(reason: &'static str, why: impl Into<String>) -> Self {
        Self { reason, why: why.into(), again: Some(Duration::ZERO) }
    }

    /// One that is the same the next time.
    fn lasting(reason: &'static str, why: impl Into<String>) -> Self {
        Self { reason, why: why.into(), again: None }
    }
}

#[cfg(any(feature = "otlp", feature = "remote-write"))]
impl Failure {
    /// An answer over HTTP that says no, and after what time it may be asked again.
    fn answered(status: u16, again: Option<Duration>, why: String) -> Self {
        match status {
            401 | 403 => Self::lasting("auth", format!("{why}; is the token right?")),
            429 | 502..=504 => Self { reason: "busy", why, again: Some(again.unwrap_or_default()) },
            500..=599 => Self::passing("server", why),
            _ => Self::lasting("refused", why),
        }
    }
}

/// Whether it was a name that nobody knows, for which the standard library has no kind of its own.
fn is_of_a_name(error: &std::io::Error) -> bool {
    // The numbers are those of Windows.
    matches!(error.raw_os_error(), Some(11_001..=11_004)) || error.to_string().contains("lookup address")
}

/// A thread that pushes.
#[derive(Debug)]
pub(super) struct Pusher {
    url: String,
    timeout: Duration,
    number: usize,
}

/// Those that run, by their numbers: a handle that is dropped stops nothing.
static RUNNING: Mutex<Vec<(usize, Worker)>> = Mutex::new(Vec::new());
static STARTED: AtomicUsize = AtomicUsize::new(0);

impl Pusher {
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn stop(self) {
        // Not under the lock, for it takes its time.
        let stopped: Vec<(usize, Worker)> =
            RUNNING.lock().extract_if(.., |(number, _)| *number == self.number).collect();
        for (_, worker) in stopped {
            worker.stop_within(self.timeout);
        }
    }
}

pub(super) fn start(exporter: MetricsExporter, protocol: ExportProtocol) -> Result<Running, ExportError> {
    let (url, push) = pushes(&exporter, protocol)?;
    let MetricsExporter { name, interval, timeout, filter, format, .. } = exporter;
    let name = name.unwrap_or_else(|| match format {
        ExportFormat::Otlp => format!("otlp-{protocol}"),
        format => format.to_string(),
    });
    let ledger = Ledger::new(&name);
    let url = without_password(url);
    let rounds = Rounds { name, url: url.clone(), push, filter, interval, timeout, ledger, failures: 0 };
    let worker = Worker::spawn(THREAD, interval, rounds).map_err(|error| ExportError::start(&error))?;
    let number = STARTED.fetch_add(1, Relaxed);
    RUNNING.lock().push((number, worker));
    Ok(Running::Pusher(Pusher { url, timeout, number }))
}

/// A URL as it may be shown: `http://user:password@host` names no user.
fn without_password(url: String) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    authority.rsplit_once('@').map_or_else(|| url.clone(), |(_, host)| format!("{scheme}://{host}{path}"))
}

/// Who pushes, and where to.
fn pushes(exporter: &MetricsExporter, protocol: ExportProtocol) -> Result<(String, Box<dyn Push>), ExportError> {
    match (exporter.format, protocol) {
        #[cfg(feature = "otlp-grpc")]
        (ExportFormat::Otlp, ExportProtocol::Grpc) => grpc::otlp(exporter),
        #[cfg(feature = "otlp")]
        (ExportFormat::Otlp, _) => http::otlp(exporter),
        #[cfg(feature = "remote-write")]
        (ExportFormat::RemoteWrite, _) => http::remote_write(exporter),
        #[cfg(feature = "statsd")]
        (ExportFormat::StatsD | ExportFormat::DogStatsD, _) => udp::statsd(exporter),
        (format, _) => Err(ExportError::setting("format", format.to_string(), "turn on its feature")),
    }
}

/// The rounds of one exporter.
struct Rounds {
    name: String,
    url: String,
    push: Box<dyn Push>,
    filter: Filter,
    interval: Duration,
    timeout: Duration,
    ledger: Ledger,
    /// How many pushes failed in a row.
    failures: u32,
}

impl Tick for Rounds {
    fn tick(&mut self, last: bool) -> Option<Duration> {
        let end = Instant::now() + self.timeout;
        let pushed = self.push.push(&self.filter.take(), self.timeout);
        if last {
            let left = end.saturating_duration_since(Instant::now());
            let left = pushed.and_then(|()| if left.is_zero() { Ok(()) } else { self.push.leave(left) });
            return self.note(left);
        }
        self.note(pushed)
    }
}

impl Rounds {
    /// Counts what became of a push; when the next is to be, if not at the interval.
    fn note(&mut self, pushed: Result<(), Failure>) -> Option<Duration> {
        let Err(failure) = pushed else {
            self.ledger.sent();
            self.failures = 0;
            return None;
        };
        self.ledger.lost(failure.reason);
        if self.failures == 0 {
            let Self { name, url, .. } = self;
            let (what, next) = (&failure.why, "metrics go on being counted, and are told when it takes them again");
            report(name.clone(), format!("{url} does not take metrics: {what}; {next}"));
        }
        self.failures = self.failures.saturating_add(1);
        let wish = failure.again?;
        let backoff = Duration::from_secs(1 << (self.failures - 1).min(6)).min(self.interval);
        Some(jittered(backoff).max(wish.min(LONGEST)))
    }
}

/// The longest that a receiver may ask to be left alone.
const LONGEST: Duration = Duration::from_secs(300);

/// Between three and five quarters of it: who lost the same receiver must not come back to it at once.
fn jittered(time: Duration) -> Duration {
    let noise = f64::from(RandomState::new().hash_one(()) as u16) / f64::from(u16::MAX);
    time.mul_f64(0.75 + noise / 2.0)
}

#[cfg(test)]
mod tests {
    use super::without_password;

    #[test]
    fn a_password_in_a_url_is_not_shown() {
        let shown = |url: &str| without_password(url.to_owned());
        assert_eq!(shown("http://me:secret@host:1/a@b"), "http://host:1/a@b");
        assert_eq!(shown("https://host/a@b"), "https://host/a@b");
        assert_eq!(shown("127.0.0.1:8125"), "127.0.0.1:8125");
    }
}
