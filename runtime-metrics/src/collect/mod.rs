//! Asking the collectors, and the loop that does it on a thread of its own.

mod everything;
#[cfg(feature = "sentry")]
mod worker;

pub(crate) use everything::families;
#[cfg(feature = "sentry")]
pub(crate) use worker::{Tick, Worker};

use crate::lock::Mutex;
use crate::protocol::RuntimeMetric;
use crate::status::report;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A source of values that are read rather than recorded: the memory in use, the size of a cache.
///
/// ```
/// use runtime_metrics::{MetricCollector, RuntimeMetric, collectors};
/// use std::sync::Arc;
///
/// struct Cache;
///
/// impl MetricCollector for Cache {
///     fn collect(&self) -> Vec<RuntimeMetric> {
///         vec![RuntimeMetric::gauge("cache.entries", 42)]
///     }
///
///     fn name(&self) -> &'static str {
///         "cache"
///     }
/// }
///
/// collectors::add(Arc::new(Cache));
/// assert!(runtime_metrics::Snapshot::take().family("cache.entries").is_some());
/// ```
pub trait MetricCollector: Send + Sync + 'static {
    /// The values now. It runs on a collection thread; a panic is reported and costs this
    /// collector's values of that one time.
    fn collect(&self) -> Vec<RuntimeMetric>;

    /// What the collector is called in reports.
    fn name(&self) -> &'static str;

    /// The least time between two calls; in between, its last values are shown. None by default:
    /// it is asked each time.
    fn interval(&self) -> Option<Duration> {
        None
    }
}

/// A collector, and what it last returned.
struct Asked {
    collector: Arc<dyn MetricCollector>,
    last: Mutex<Option<(Instant, Vec<RuntimeMetric>)>>,
}

static COLLECTORS: Mutex<Vec<Arc<Asked>>> = Mutex::new(Vec::new());

/// Adds a collector, unless it is there already.
pub(crate) fn add(collector: Arc<dyn MetricCollector>) {
    let mut collectors = COLLECTORS.lock();
    if !collectors.iter().any(|asked| Arc::ptr_eq(&asked.collector, &collector)) {
        collectors.push(Arc::new(Asked { collector, last: Mutex::new(None) }));
    }
}

/// What all collectors return: the built-in ones and those that were added.
pub(crate) fn all() -> Vec<RuntimeMetric> {
    only(|_| true)
}

/// What the collectors return whose name is wanted.
pub(crate) fn only(wanted: impl Fn(&str) -> bool) -> Vec<RuntimeMetric> {
    crate::collectors::install();
    // A copy: a collector may take its time, or add another one.
    let collectors = COLLECTORS.lock().clone();
    collectors.iter().filter(|asked| wanted(asked.collector.name())).flat_map(|asked| asked.collect()).collect()
}

impl Asked {
    fn collect(&self) -> Vec<RuntimeMetric> {
        let mut last = self.last.lock();
        if let (Some((when, metrics)), Some(interval)) = (&*last, self.collector.interval())
            && when.elapsed() < interval
        {
            return metrics.clone();
        }
        match catch_unwind(AssertUnwindSafe(|| self.collector.collect())) {
            Ok(metrics) => {
                if self.collector.interval().is_some() {
                    *last = Some((Instant::now(), metrics.clone()));
                }
                metrics
            }
            Err(panic) => {
                report(
                    self.collector.name(),
                    format!(
                        "the collector panicked: {}; it is left out this time and asked again the next",
                        text_of(&*panic)
                    ),
                );
                Vec::new()
            }
        }
    }
}

/// What a panic said.
pub(crate) fn text_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("no message").to_owned()
}
