//! The Sentry integration: one `runtime_metrics` envelope each interval.

mod changes;
mod context;
mod courier;
mod desk;
mod envelope;
mod ledger;
mod post;
mod samples;
mod ship;
mod spans;
mod summary;
mod traced;
mod transport;

pub use transport::{MetricsTransport, SummaryPlacement};

use crate::collect::Worker;
use crate::collectors;
use crate::config::RuntimeMetricsConfig;
use crate::export::THREAD;
use crate::lock::Mutex;
use crate::registry::observer::Told;
use crate::registry::registry;
use crate::status::report;
use sentry_core::protocol::Event;
use sentry_core::{ClientOptions, Hub, Integration, TracesSamplingStrategy};
use std::cell::RefCell;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// Ships everything that is measured to Sentry.
///
/// Adding it is all the set-up there is. Once per client it starts a thread that, each interval,
/// reads everything and leaves it to another, which sends it as one `runtime_metrics` envelope
/// through a transport of its own, made by the factory that the client uses, so that it takes no
/// place in the client's queue. The last envelope leaves when the client is closed or dropped:
/// within a tenth of a second of a close, and before the process ends if `sentry::init` was called
/// on the main thread. A server that does not answer holds that up for three seconds at most.
///
/// A client without a DSN measures, and sends nothing.
///
/// ```
/// use runtime_metrics::{RuntimeMetricsConfig, RuntimeMetricsIntegration};
/// use sentry_core::ClientOptions;
/// use std::time::Duration;
///
/// let options = ClientOptions::new().add_integration(RuntimeMetricsIntegration::new(RuntimeMetricsConfig {
///     collection_interval: Duration::from_secs(10),
///     ..Default::default()
/// }));
/// # drop(options);
/// ```
#[derive(Debug)]
pub struct RuntimeMetricsIntegration(Arc<Inner>);

/// The thread that waits for the server; no longer than the system shows names.
const SENDER: &str = "metrics-sender";

/// What the integration, its threads and the main thread's end share.
#[derive(Debug)]
struct Inner {
    config: RuntimeMetricsConfig,
    workers: Mutex<Vec<Worker>>,
    /// The hubs that the clients will be bound to, as far as can be told.
    hubs: Mutex<Vec<Weak<Hub>>>,
}

impl RuntimeMetricsIntegration {
    /// An integration with these settings. One that can't be used is told by
    /// [`status`](crate::status), and its default is used.
    ///
    /// ```
    /// use runtime_metrics::{RuntimeMetricsConfig, RuntimeMetricsIntegration, status};
    /// use std::time::Duration;
    ///
    /// let config = RuntimeMetricsConfig { collection_interval: Duration::ZERO, ..Default::default() };
    /// let integration = RuntimeMetricsIntegration::new(config);
    /// assert_eq!(integration.config().collection_interval, Duration::from_secs(10));
    /// assert!(status().problems.iter().any(|problem| problem.message.contains("collection_interval")));
    /// ```
    pub fn new(config: RuntimeMetricsConfig) -> Self {
        let (config, errors) = config.mended();
        for error in errors {
            report("RuntimeMetricsConfig", format!("{error}; the default is used"));
        }
        Self(Arc::new(Inner { config, workers: Mutex::default(), hubs: Mutex::default() }))
    }

    /// The settings in use.
    ///
    /// ```
    /// let integration = runtime_metrics::RuntimeMetricsIntegration::new(Default::default());
    /// assert!(integration.config().collect_memory);
    /// ```
    pub fn config(&self) -> &RuntimeMetricsConfig {
        &self.0.config
    }
}

impl Default for RuntimeMetricsIntegration {
    fn default() -> Self {
        Self::new(RuntimeMetricsConfig::default())
    }
}

impl Inner {
    /// Sends the last envelopes and ends the threads.
    fn stop(&self) {
        let workers = std::mem::take(&mut *self.workers.lock());
        Worker::stop_all(&workers);
    }
}

impl Drop for RuntimeMetricsIntegration {
    fn drop(&mut self) {
        self.0.stop();
    }
}

impl Integration for RuntimeMetricsIntegration {
    fn name(&self) -> &'static str {
        "runtime-metrics"
    }

    fn setup(&self, options: &mut ClientOptions) {
        for collector in &self.0.config.custom_collectors {
            collectors::add(Arc::clone(collector));
        }
        collectors::install();
        crate::health::install();
        if let Some(settings) = &self.0.config.health {
            crate::set_health(settings.clone());
        }
        registry().set_slow_poll_threshold(Duration::from_micros(self.0.config.slow_poll_threshold_us));
        // Without a DSN or a transport the client is disabled, and so are we. The client's own
        // transport is made before it calls us and out of reach: we make another.
        let config = &self.0.config;
        let Some(post) = post::Post::open(options, config.trace_metrics) else { return };
        // `sentry::init` binds the client to the hub of the thread that calls it.
        self.0.hubs.lock().push(Arc::downgrade(&Hub::current()));
        // The SDK calls this under its locks, and would wait for itself if it were asked for a span.
        if let Some(before) = options.before_breadcrumb.take() {
            options.before_breadcrumb = Some(Arc::new(move |breadcrumb| spans::unasked(|| before(breadcrumb))));
        }
        let traced = !matches!(options.traces_sampling_strategy, TracesSamplingStrategy::Disabled);
        let told = (config.span_summaries && traced).then(|| Told::tell(&spans::Spans));
        let started = courier::Courier::start(SENDER, desk::Desk::new(post, options, config)).and_then(|courier| {
            let shipper = ship::Shipper::new(Arc::downgrade(&self.0), courier, config, told);
            Worker::spawn(THREAD, config.collection_interval, shipper)
        });
        match started {
            Ok(worker) => {
                self.0.workers.lock().push(worker);
                at_the_end_of_main(&self.0);
            }
            Err(error) => {
                report("sentry", format!("the collection threads could not be started: {error}; nothing is sent"));
            }
        }
    }

    fn process_event(&self, mut event: Event<'static>, _: &ClientOptions) -> Option<Event<'static>> {
        if self.0.config.event_context {
            context::attach(&mut event);
        }
        Some(event)
    }
}

/// The integrations to stop when a thread ends.
struct AtEnd(RefCell<Vec<Weak<Inner>>>);

impl Drop for AtEnd {
    fn drop(&mut self) {
        for inner in self.0.borrow().iter().filter_map(Weak::upgrade) {
            inner.stop();
        }
    }
}

thread_local! {
    static AT_END: AtEnd = const { AtEnd(RefCell::new(Vec::new())) };
}

/// A client that is bound to a hub is not dropped when the program ends, and its close can't be
/// observed; the end of the main thread can.
fn at_the_end_of_main(inner: &Arc<Inner>) {
    if std::thread::current().name() == Some("main") {
        AT_END.with(|at_end| at_end.0.borrow_mut().push(Arc::downgrade(inner)));
    }
}
