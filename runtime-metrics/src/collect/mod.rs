//! Asking the collectors, and the loop that does it on a thread of its own.

mod everything;
#[cfg(any(feature = "otlp", feature = "remote-write", feature = "sentry", feature = "statsd"))]
mod worker;

pub(crate) use everything::families;
#[cfg(any(feature = "otlp", feature = "remote-write", feature = "sentry", feature = "statsd"))]
pub(crate) use worker::{Tick, Worker};

use crate::lock::Mutex;
use crate::metric::Kind;
use crate::names;
use crate::protocol::{MetricType, RuntimeMetric};
use crate::settings;
use crate::status::report;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::ThreadId;
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
    /// The values now. It runs on whichever thread collects, and on two at once if two do; a panic is
    /// reported and costs this collector's values of that one time. If it, or a hook of its panic, asks for
    /// everything again, it is not called a second time: its last values are shown in there, or none.
    fn collect(&self) -> Vec<RuntimeMetric>;

    /// What the collector is called in reports.
    fn name(&self) -> &'static str;

    /// The least time between two calls; in between, and while another thread makes the next one, its
    /// last values are shown. Before there are any, each thread asks. None by default: it is asked each
    /// time.
    fn interval(&self) -> Option<Duration> {
        None
    }
}

/// A collector, and what is known of it.
struct Asked {
    collector: Arc<dyn MetricCollector>,
    /// Not locked while the collector runs: it may ask for everything itself, and so may a hook of its panic.
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// What it last returned, if it has an interval.
    last: Option<(Instant, Vec<RuntimeMetric>)>,
    /// The threads that it runs on now.
    runs_on: Vec<ThreadId>,
}

static COLLECTORS: Mutex<Vec<Arc<Asked>>> = Mutex::new(Vec::new());

/// Adds a collector, unless it is there already.
pub(crate) fn add(collector: Arc<dyn MetricCollector>) {
    let mut collectors = COLLECTORS.lock();
    if !collectors.iter().any(|asked| Arc::ptr_eq(&asked.collector, &collector)) {
        collectors.push(Arc::new(Asked { collector, known: Mutex::default() }));
    }
}

/// What all collectors return, the built-in ones and those that were added, but for what is turned off.
pub(crate) fn all() -> Vec<RuntimeMetric> {
    only(|_| true)
}

/// The same of the collectors whose name is wanted.
pub(crate) fn only(wanted: impl Fn(&str) -> bool) -> Vec<RuntimeMetric> {
    let mut found = every(wanted);
    let settings = settings::current();
    if !settings.says_nothing() {
        found.retain_mut(|metric| {
            let kind = if metric.metric_type == MetricType::Counter { Kind::Counter } else { Kind::Gauge };
            let exposed = names::exposed(&metric.name, kind, metric.unit.as_deref().unwrap_or_default());
            let set = settings.of(&names::called(&metric.name, &exposed, kind));
            set.labels.apply_to(&mut metric.tags);
            set.enabled
        });
    }
    found
}

/// What the collectors return whose name is wanted, whatever is to be shown of it.
pub(crate) fn every(wanted: impl Fn(&str) -> bool) -> Vec<RuntimeMetric> {
    crate::collectors::install();
    // A copy: a collector may take its time, or add another one.
    let collectors = COLLECTORS.lock().clone();
    collectors.iter().filter(|asked| wanted(asked.collector.name())).flat_map(|asked| asked.collect()).collect()
}

impl Asked {
    fn collect(&self) -> Vec<RuntimeMetric> {
        let interval = self.collector.interval();
        let this = std::thread::current().id();
        if let Some(last) = self.known.lock().instead(interval, this) {
            return last;
        }
        let returned = catch_unwind(AssertUnwindSafe(|| self.collector.collect()));
        {
            let mut known = self.known.lock();
            known.runs_on.retain(|thread| *thread != this);
            if let (Ok(metrics), Some(_)) = (&returned, interval) {
                known.last = Some((Instant::now(), metrics.clone()));
            }
        }
        returned.unwrap_or_else(|panic| {
            report(
                self.collector.name(),
                format!(
                    "the collector panicked: {}; it is left out this time and asked again the next",
                    text_of(&*panic)
                ),
            );
            Vec::new()
        })
    }
}

impl Known {
    /// What is shown instead of asking; nothing if this thread is to ask, which is noted.
    fn instead(&mut self, interval: Option<Duration>, this: ThreadId) -> Option<Vec<RuntimeMetric>> {
        let last = self.last.as_ref().zip(interval).filter(|((when, _), interval)| {
            // Nobody waits for the one that asks: it could wait for us.
            when.elapsed() < *interval || !self.runs_on.is_empty()
        });
        let last = last.map(|((_, metrics), _)| metrics.clone());
        // The collector itself asks, or what it calls.
        let again = self.runs_on.contains(&this);
        if last.is_none() && !again {
            self.runs_on.push(this);
            return None;
        }
        Some(last.unwrap_or_default())
    }
}

/// What a panic said.
pub(crate) fn text_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("no message").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Snapshot;
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::thread;

    const PATIENCE: Duration = Duration::from_secs(20);

    /// What `run` returns, from a thread that is left behind if it hangs.
    fn in_time<R: Send + 'static>(run: impl FnOnce() -> R + Send + 'static) -> R {
        let (done, ends) = channel();
        thread::spawn(move || done.send(run()));
        ends.recv_timeout(PATIENCE).expect("it hangs")
    }

    /// Asks for everything, on one thread; other tests collect too.
    struct Nosy(ThreadId);

    impl MetricCollector for Nosy {
        fn collect(&self) -> Vec<RuntimeMetric> {
            if thread::current().id() != self.0 {
                return Vec::new();
            }
            let seen = Snapshot::take();
            vec![RuntimeMetric::gauge("nosy.itself", u64::from(seen.family("nosy.itself").is_some()))]
        }

        fn name(&self) -> &'static str {
            "nosy"
        }
    }

    #[test]
    fn a_collector_may_ask_for_everything_and_is_not_in_it() {
        let told = in_time(|| {
            add(Arc::new(Nosy(thread::current().id())));
            Snapshot::take().family("nosy.itself").unwrap().series[0].value.clone()
        });
        assert_eq!(told, crate::Reading::Gauge(0.0));
    }

    /// Tells how often it was called, and from the second time on waits to be let go on.
    struct Slow {
        interval: Option<Duration>,
        calls: AtomicU64,
        came: Sender<()>,
        goes_on: Mutex<Receiver<()>>,
    }

    impl MetricCollector for Slow {
        fn collect(&self) -> Vec<RuntimeMetric> {
            let call = self.calls.fetch_add(1, Relaxed) + 1;
            if call == 2 {
                self.came.send(()).unwrap();
                self.goes_on.lock().recv_timeout(PATIENCE).unwrap();
            }
            vec![RuntimeMetric::gauge("slow.calls", call)]
        }

        fn name(&self) -> &'static str {
            "slow"
        }

        fn interval(&self) -> Option<Duration> {
            self.interval
        }
    }

    #[test]
    fn nobody_waits_for_another_thread_that_asks_the_same_collector() {
        // With an interval the last values are shown meanwhile; without one each thread asks for itself.
        for (interval, meanwhile, after) in [(Some(Duration::ZERO), 1.0, 3.0), (None, 3.0, 4.0)] {
            let (came, comes) = channel();
            let (go_on, goes_on) = channel();
            let slow = Slow { interval, calls: AtomicU64::new(0), came, goes_on: Mutex::new(goes_on) };
            let asked = Arc::new(Asked { collector: Arc::new(slow), known: Mutex::default() });
            let told = |asked: &Asked| asked.collect()[0].value.as_f64();
            assert_eq!(told(&asked), 1.0);
            let other = Arc::clone(&asked);
            let other = thread::spawn(move || told(&other));
            comes.recv_timeout(PATIENCE).unwrap();
            let this = Arc::clone(&asked);
            assert_eq!(in_time(move || told(&this)), meanwhile);
            go_on.send(()).unwrap();
            assert_eq!(other.join().unwrap(), 2.0);
            assert_eq!(told(&asked), after);
        }
    }

    #[test]
    fn within_its_interval_a_collector_is_asked_once() {
        let (came, _comes) = channel();
        let calls = AtomicU64::new(0);
        let slow = Slow { interval: Some(Duration::from_secs(3600)), calls, came, goes_on: Mutex::new(channel().1) };
        let asked = Asked { collector: Arc::new(slow), known: Mutex::default() };
        assert_eq!([asked.collect(), asked.collect()].map(|told| told[0].value.as_f64()), [1.0, 1.0]);
    }
}
