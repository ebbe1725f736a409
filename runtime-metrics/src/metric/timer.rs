//! `Timer`: a histogram of seconds that measures by itself.

use super::{Builder, Histogram, observe_nanos};
use crate::clock::Moment;
use crate::label::LabelValue;
use crate::registry::observer::{self, Timing, observed};
use crate::registry::{Held, Series, SeriesRef, Shape, expires};
use crate::snapshot::Distribution;
use std::borrow::Cow;
use std::time::Duration;

/// How long something takes: a histogram of seconds, fed by a guard that records when it is
/// stopped or dropped, so also on `?`, on a panic and when a future is cancelled.
///
/// Costs two clock reads, about 20 ns.
///
/// ```
/// use runtime_metrics::Timer;
///
/// let imports = Timer::new("import_duration_seconds", "Time to import a file.").register();
/// {
///     let _timing = imports.start();
///     // the work
/// }
/// assert_eq!(imports.distribution().count, 1);
/// ```
#[derive(Clone, Debug)]
pub struct Timer(Histogram);

impl Timer {
    /// Begins a timer; [`Builder::register`] makes it.
    ///
    /// ```
    /// let timer = runtime_metrics::Timer::new("timer_new_seconds", "How one begins.").register();
    /// assert_eq!(timer.distribution().count, 0);
    /// ```
    #[allow(clippy::new_ret_no_self)] // the name that users of every other metrics library expect
    pub fn new(name: impl Into<Cow<'static, str>>, help: impl Into<Cow<'static, str>>) -> Builder<Self> {
        Builder::new(name.into(), help.into()).with_unit("seconds")
    }

    pub(crate) fn of(series: SeriesRef) -> Self {
        Self(Histogram::of(series))
    }

    /// Starts measuring.
    ///
    /// ```
    /// let timer = runtime_metrics::Timer::new("timer_start_seconds", "Times.").register();
    /// let timing = timer.start();
    /// timing.stop();
    /// assert_eq!(timer.distribution().count, 1);
    /// ```
    #[inline]
    #[must_use = "the timer records when it is dropped, which is at once if it is not kept"]
    pub fn start(&self) -> TimerGuard {
        if self.0.is_off() {
            return TimerGuard::off();
        }
        TimerGuard::on(self.0.slot(), self.0.shape(), || self.0.series().get())
    }

    /// Records a duration that was measured elsewhere.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let timer = runtime_metrics::Timer::new("timer_record_seconds", "Times.").register();
    /// timer.record(Duration::from_millis(5));
    /// assert_eq!(timer.distribution().sum, 0.005);
    /// ```
    #[inline]
    pub fn record(&self, duration: Duration) {
        if self.0.is_off() {
            return;
        }
        observe_nanos(self.0.slot(), self.0.shape(), duration.as_nanos() as u64);
        if observed() {
            observer::recorded(self.0.series().get(), duration.as_secs_f64());
        }
    }

    /// The series of the same family with these labels besides this one's own.
    ///
    /// ```
    /// let timer = runtime_metrics::Timer::new("timer_with_seconds", "Times.").register();
    /// timer.with(&[("step", &"parse")]).start().stop();
    /// assert_eq!(timer.with(&[("step", &"parse")]).distribution().count, 1);
    /// ```
    pub fn with(&self, labels: &[(&'static str, &dyn LabelValue)]) -> Self {
        Self::of(Series::with(self.0.series(), labels))
    }

    /// Every duration recorded so far, in seconds.
    ///
    /// ```
    /// let timer = runtime_metrics::Timer::new("timer_distribution_seconds", "Times.").register();
    /// assert_eq!(timer.distribution().min, None);
    /// ```
    pub fn distribution(&self) -> Distribution {
        self.0.distribution()
    }
}

/// Measures from its making until it is stopped or dropped; see [`Timer`].
///
/// ```
/// let timing = runtime_metrics::timer!("timer_guard_example");
/// assert!(timing.stop() < std::time::Duration::from_secs(60));
/// ```
#[derive(Debug)]
#[must_use = "the timer records when it is dropped, which is at once if it is not kept"]
pub struct TimerGuard {
    /// The histogram it records into, until it has.
    into: Option<(u32, Shape)>,
    started: Moment,
    /// What is told of it, if anybody wants to know.
    timing: Timing,
    /// A series that could expire meanwhile.
    _held: Option<Held>,
}

impl TimerGuard {
    #[inline]
    pub(crate) fn on(slot: u32, shape: Shape, series: impl Fn() -> &'static Series) -> Self {
        let held = expires().then(|| Held::new(SeriesRef::of(series())));
        let timing = Timing::begin(series);
        Self { into: Some((slot, shape)), started: Moment::now(), timing, _held: held }
    }

    /// Records nowhere, and tells the duration all the same.
    pub(crate) fn off() -> Self {
        Self { into: None, started: Moment::now(), timing: Timing::default(), _held: None }
    }

    /// Records now, and tells the duration.
    ///
    /// ```
    /// let waited = runtime_metrics::timer!("timer_guard_stop").stop();
    /// assert!(waited.as_secs() < 60);
    /// ```
    pub fn stop(mut self) -> Duration {
        self.record()
    }

    /// Ends without recording.
    ///
    /// ```
    /// runtime_metrics::timer!("timer_guard_discard").discard();
    /// ```
    pub fn discard(mut self) {
        self.into = None;
        self.timing = Timing::default();
    }

    fn record(&mut self) -> Duration {
        let nanos = self.started.elapsed_nanos();
        if let Some((slot, shape)) = self.into.take() {
            observe_nanos(slot, shape, nanos);
            std::mem::take(&mut self.timing).end(nanos);
        }
        Duration::from_nanos(nanos)
    }
}

impl Drop for TimerGuard {
    fn drop(&mut self) {
        if self.into.is_some() {
            self.record();
        }
    }
}
