//! Who reads the metrics for the rules: a thread of the library, and each report.

use super::history::History;
use super::report::{Finding, HealthReport, Severity};
use super::rules::{METRICS, Now, RULES};
use super::settings::HealthSettings;
use crate::collect::{self, MetricCollector};
use crate::lock::Mutex;
use crate::protocol::RuntimeMetric;
use crate::status;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Once};
use std::time::{Duration, Instant, SystemTime};

static WATCH: Mutex<Option<Watch>> = Mutex::new(None);

#[derive(Default)]
struct Watch {
    history: History,
    settings: HealthSettings,
}

/// The name of the collector that tells what was found.
const NAME: &str = "health";
/// The collectors whose metrics the rules look at. What a program's own collectors do is none of theirs: one of
/// those may be slow, or ask for a report itself.
const ASKED: &[&str] = &["db", "executor", "locks", "memory", "process", "tokio", "web"];
/// How often the thread looks whether the interval has changed.
const LOOK: Duration = Duration::from_millis(100);

/// Starts the thread that reads, and has what it finds told as metrics.
pub(crate) fn install() {
    static INSTALLED: Once = Once::new();
    static RUNS: AtomicBool = AtomicBool::new(false);
    INSTALLED.call_once(|| collect::add(Arc::new(Health)));
    if RUNS.swap(true, Relaxed) {
        return;
    }
    let thread = std::thread::Builder::new().name("metrics-health".to_owned()).spawn(run);
    if let Err(error) = thread {
        RUNS.store(false, Relaxed);
        status::report(
            NAME,
            format!("the thread that watches could not be started: {error}; only reports read the metrics"),
        );
    }
}

fn run() {
    let mut next = Instant::now();
    loop {
        let interval = with(|watch| watch.settings.interval);
        // What was set shorter counts at once.
        next = next.min(Instant::now() + interval);
        if Instant::now() >= next {
            let read = read();
            with(|watch| watch.add(&read));
            next = Instant::now() + interval;
        }
        std::thread::sleep(next.saturating_duration_since(Instant::now()).min(LOOK.min(interval)));
    }
}

fn with<R>(look: impl FnOnce(&mut Watch) -> R) -> R {
    look(WATCH.lock().get_or_insert_with(Watch::default))
}

pub(super) fn set(settings: HealthSettings) {
    // What was read at another interval can't be compared.
    with(|watch| *watch = Watch { history: History::default(), settings });
}

/// Asks for the metrics. Not under the lock of the history: collectors take their time.
fn read() -> Vec<RuntimeMetric> {
    collect::every(|name| ASKED.contains(&name))
}

pub(super) fn report() -> HealthReport {
    let read = read();
    with(|watch| {
        let at = watch.add(&read);
        watch.evaluate(at)
    })
}

impl Watch {
    /// Remembers what was read; when that was.
    fn add(&mut self, read: &[RuntimeMetric]) -> Instant {
        let now = Instant::now();
        self.history.add(now, read, METRICS, &self.settings);
        now
    }

    fn evaluate(&self, at: Instant) -> HealthReport {
        let now = Now { history: &self.history, settings: &self.settings, at };
        let mut findings: Vec<Finding> = RULES.iter().flat_map(|(_, rule)| rule(&now)).collect();
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        HealthReport { time: SystemTime::now(), findings }
    }
}

/// `health.findings`: for each rule 1 where it warns, 2 where it is critical, 0 where it found nothing.
#[derive(Debug)]
struct Health;

impl MetricCollector for Health {
    fn collect(&self) -> Vec<RuntimeMetric> {
        // As of the last reading: what is collected now is not in the history yet.
        let findings = with(|watch| watch.history.last().map(|at| watch.evaluate(at).findings)).unwrap_or_default();
        let worst = |rule: &str| findings.iter().filter(|one| one.rule == rule).map(|one| one.severity).max();
        let of = |rule: &str| {
            let level = worst(rule).map_or(0, |severity| if severity == Severity::Critical { 2 } else { 1 });
            RuntimeMetric::gauge("health.findings", level).with_unit("count").with_tag("rule", rule)
        };
        RULES.iter().map(|(rule, _)| of(rule)).collect()
    }

    fn name(&self) -> &'static str {
        NAME
    }
}
