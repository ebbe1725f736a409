//! Tasks of any executor: a future that is watched, whoever polls it.

mod future;
mod polls;
mod waker;

pub use future::Monitored;
pub(crate) use polls::Polls;
#[cfg(feature = "tokio-runtime")]
pub(crate) use polls::delay_metrics;

use crate::lock::Mutex;
use crate::protocol::RuntimeMetric;
use std::borrow::Cow;

/// Watches the tasks of one executor: smol, async-std, glommio, one's own.
///
/// Each future that [`instrument`](Self::instrument) was given adds to the metrics of the executor, which have the
/// tags `runtime` (the name) and `source="instrumented"`:
///
/// * `async.tasks.spawned` and `.active`: growing under a steady load means that tasks never end.
/// * `async.polls.total`, `async.poll.mean_duration`, `.max_duration` and `.slow_count`: a poll that takes
///   long keeps its thread from every other task.
/// * `async.schedule.delay`: from the wake of a task to its next poll; growing means that the executor's
///   threads can't keep up. It is taken of about one poll in 16 of those that are timed.
///
/// What only the executor itself knows (its workers, its blocking pool, its sockets) is left out.
///
/// Tasks and polls are counted exactly. Every poll of a task is timed unless the task is polled again within
/// 100 µs; then one poll in 16 is, and stands for the others: the average stays right, while the count of slow
/// polls and the longest are of those that were timed. A poll that is timed costs two readings of the clock, about
/// 20 ns; one that is not, an addition. Nothing is allocated but for a poll whose wake is watched.
///
/// ```
/// use runtime_metrics::executor::Monitor;
/// # mod smol { pub fn block_on<F: Future>(f: F) -> F::Output {
/// #     let mut f = std::pin::pin!(f);
/// #     loop {
/// #         let mut context = std::task::Context::from_waker(std::task::Waker::noop());
/// #         if let std::task::Poll::Ready(value) = f.as_mut().poll(&mut context) { return value }
/// #     }
/// # } }
///
/// let tasks = Monitor::new("smol");
/// let answer = smol::block_on(tasks.instrument(async { 6 * 7 }));
/// assert_eq!(answer, 42);
///
/// let snapshot = runtime_metrics::Snapshot::take();
/// assert!(snapshot.family("async.polls.total").is_some());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Monitor {
    polls: &'static Polls,
}

/// Every executor that is watched. A name is never forgotten: its counters only grow.
static MONITORS: Mutex<Vec<(Cow<'static, str>, Monitor)>> = Mutex::new(Vec::new());

impl Monitor {
    /// Watches an executor of this name; those of the same name are one. Asks a list: keep it where it is used
    /// often.
    ///
    /// ```
    /// use runtime_metrics::executor::Monitor;
    /// use std::sync::LazyLock;
    ///
    /// static TASKS: LazyLock<Monitor> = LazyLock::new(|| Monitor::new("smol"));
    /// # drop(TASKS.instrument(async {}));
    /// ```
    pub fn new(runtime: impl Into<Cow<'static, str>>) -> Self {
        crate::collectors::install();
        let runtime = runtime.into();
        let mut monitors = MONITORS.lock();
        if let Some((_, known)) = monitors.iter().find(|(name, _)| *name == runtime) {
            return *known;
        }
        let monitor = Self { polls: Box::leak(Box::new(Polls::new())) };
        monitors.push((runtime, monitor));
        monitor
    }

    /// Watches async-std, which is no dependency: it is a tag, `runtime="async-std"`.
    ///
    /// ```
    /// let tasks = runtime_metrics::executor::Monitor::async_std();
    /// # drop(tasks.instrument(async {}));
    /// ```
    #[cfg(feature = "async-std")]
    pub fn async_std() -> Self {
        Self::new("async-std")
    }

    /// A future that is the task of an executor: give it to the executor's `spawn`. The task counts as spawned
    /// now, and as active until the future is dropped.
    ///
    /// ```
    /// use runtime_metrics::executor::Monitor;
    ///
    /// let task = Monitor::new("mine").instrument(async { "done" });
    /// # drop(task);
    /// ```
    #[inline]
    pub fn instrument<F: Future>(self, future: F) -> Monitored<F> {
        Monitored::new(self.polls, future)
    }

    /// What its futures have done.
    #[cfg(feature = "tokio-runtime")]
    pub(crate) fn polls(self) -> &'static Polls {
        self.polls
    }
}

/// The name by which futures on Tokio are known, whose runtimes tell the rest themselves.
pub(crate) const TOKIO: &str = "tokio";

/// What all monitors tell; but that of Tokio where its runtimes are asked themselves.
pub(crate) fn collect() -> Vec<RuntimeMetric> {
    let monitors = MONITORS.lock().clone();
    let mut metrics = Vec::new();
    for (runtime, monitor) in monitors.iter().filter(|(name, _)| !cfg!(feature = "tokio-runtime") || name != TOKIO) {
        let told = monitor.polls.tasks().into_iter().chain(monitor.polls.times()).chain(monitor.polls.delays());
        metrics
            .extend(told.map(|metric| metric.with_tag("runtime", runtime.as_ref()).with_tag("source", "instrumented")));
    }
    metrics
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::MetricValue;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    fn value(runtime: &str, name: &str) -> Option<MetricValue> {
        let metrics = collect();
        let ours =
            |metric: &&RuntimeMetric| metric.name == name && metric.tags.get("runtime").is_some_and(|r| r == runtime);
        metrics.iter().find(ours).map(|metric| metric.value)
    }

    /// Is ready at its third poll.
    async fn third() {
        let mut left = 2;
        std::future::poll_fn(|context| {
            left -= 1;
            context.waker().wake_by_ref();
            if left < 0 { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    #[test]
    fn tasks_and_polls_are_counted_exactly() {
        let monitor = Monitor::new("exact");
        let run = |future| {
            let mut task = pin!(monitor.instrument(future));
            while task.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {}
        };
        for _ in 0..200 {
            run(third());
        }
        let kept: Vec<_> = (0..3).map(|_| monitor.instrument(third())).collect();
        let read = ["async.tasks.spawned", "async.tasks.active", "async.polls.total"].map(|name| value("exact", name));
        assert_eq!(read, [203, 3, 600].map(|n| Some(MetricValue::Int(n))));
        drop(kept);
        assert_eq!(value("exact", "async.tasks.active"), Some(MetricValue::Int(0)));
        assert!(value("exact", "async.schedule.delay").is_some());
    }

    #[test]
    fn a_name_is_one_monitor_and_what_is_not_known_is_left_out() {
        let (one, other) = (Monitor::new("same"), Monitor::new(String::from("same")));
        assert!(std::ptr::eq(one.polls, other.polls));
        drop((one.instrument(third()), other.instrument(third())));
        assert_eq!(value("same", "async.tasks.spawned"), Some(MetricValue::Int(2)));
        assert_eq!(value("same", "async.poll.mean_duration"), None);
        assert_eq!(value("same", "async.workers.count"), None);
    }

    #[test]
    fn a_slow_poll_is_counted_and_the_longest_told() {
        let monitor = Monitor::new("slow");
        let clock = crate::clock::mock::MockClock::start();
        for millis in [0, 3, 250] {
            let mut task = pin!(monitor.instrument(async { clock.advance(std::time::Duration::from_millis(millis)) }));
            assert!(task.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready());
        }
        assert_eq!(value("slow", "async.poll.slow_count"), Some(MetricValue::Int(2)));
        assert_eq!(value("slow", "async.poll.max_duration"), Some(MetricValue::Float(250_000.0)));
    }
}
