//! Who is told of each record besides the slots: nobody, or who knows the span that it happens in.
//!
//! Recording is below all exporters; the one that wants to know registers itself here. Where nobody
//! does, a record pays for one load and one branch, and without the feature `sentry` for nothing.

use super::family::Series;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// A span that runs, as far as metrics are concerned.
pub(crate) trait Span {
    /// Tells it of a value that was recorded into `series`.
    fn add(&self, series: &'static Series, value: f64);
}

/// A span that was made for one measurement. Dropped before it has ended, it is not sent.
pub(crate) trait OwnSpan: Span + std::fmt::Debug + Send + Sync {
    /// Takes the labels of what it measures for its own.
    fn label(&self, series: &'static Series);

    /// Makes it the current span of this thread, until `leave`. These nest.
    fn enter(&self);

    fn leave(&self);

    /// The measurement is over, with this outcome.
    fn end(self: Box<Self>, outcome: &'static str);
}

/// What to do with a span that was made for a measurement.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bind {
    /// It is current from now on, until it ends.
    #[cfg(feature = "sentry")]
    Now,
    /// It is current between `enter` and `leave`.
    Between,
}

/// Who knows the span that is current.
pub(crate) trait Observer: Send + Sync {
    /// Shows the span that is current on this thread, if there is one and it will be sent.
    fn current(&self, show: &mut dyn FnMut(&dyn Span));

    /// Begins a span below the current one, if that will be sent.
    fn begin(&self, name: &str, bind: Bind) -> Option<Box<dyn OwnSpan>>;
}

/// How many there are that want to be told.
static WANTED: AtomicUsize = AtomicUsize::new(0);
static OBSERVER: OnceLock<&'static dyn Observer> = OnceLock::new();

/// Whether a record is to be told.
#[inline(always)]
pub(crate) fn observed() -> bool {
    cfg!(feature = "sentry") && WANTED.load(Relaxed) != 0
}

/// Tells of a record.
#[cold]
pub(crate) fn recorded(series: &'static Series, value: f64) {
    if !series.family().is_off() {
        current(|span| span.add(series, value));
    }
}

/// Tells the current span, if there is one, of several records.
#[cold]
pub(crate) fn current(mut tell: impl FnMut(&dyn Span)) {
    if let Some(observer) = OBSERVER.get() {
        observer.current(&mut tell);
    }
}

/// Begins a span for a measurement.
#[cold]
pub(crate) fn begin(name: &str, bind: Bind) -> Option<Box<dyn OwnSpan>> {
    OBSERVER.get()?.begin(name, bind)
}

/// What is told of a timing: nothing, or the series that it goes into and the span that was made for it.
/// Without the feature `sentry` it is nothing, and takes no room.
#[derive(Debug, Default)]
pub(crate) struct Timing(#[cfg(feature = "sentry")] Option<Box<Timed>>);

#[cfg(feature = "sentry")]
#[derive(Debug)]
struct Timed {
    series: &'static Series,
    span: Option<Box<dyn OwnSpan>>,
    /// Whether the thread was unwinding already when it began.
    unwinding: bool,
}

#[cfg(not(feature = "sentry"))]
impl Timing {
    #[inline(always)]
    pub(crate) fn begin(_: impl FnOnce() -> &'static Series) -> Self {
        Self()
    }

    #[inline(always)]
    #[allow(clippy::unused_self)] // as where somebody is told
    pub(crate) fn end(self, _: u64) {}
}

#[cfg(feature = "sentry")]
impl Timing {
    #[inline]
    pub(crate) fn begin(series: impl FnOnce() -> &'static Series) -> Self {
        Self(if observed() { Some(Box::new(Timed::begin(series()))) } else { None })
    }

    #[inline]
    pub(crate) fn end(self, nanos: u64) {
        if let Some(timed) = self.0 {
            timed.end(nanos as f64 / 1e9);
        }
    }
}

#[cfg(feature = "sentry")]
impl Timed {
    #[cold]
    #[inline(never)]
    fn begin(series: &'static Series) -> Self {
        let span = begin(&series.family().name, Bind::Now);
        Self { series, span, unwinding: std::thread::panicking() }
    }

    #[cold]
    #[inline(never)]
    fn end(self, seconds: f64) {
        let Some(span) = self.span else { return recorded(self.series, seconds) };
        span.add(self.series, seconds);
        span.label(self.series);
        span.end(if !self.unwinding && std::thread::panicking() { "panic" } else { "ok" });
    }
}

/// Keeps the observer told while it is held.
#[cfg(feature = "sentry")]
#[derive(Debug)]
pub(crate) struct Told(());

#[cfg(feature = "sentry")]
impl Told {
    pub(crate) fn tell(observer: &'static dyn Observer) -> Self {
        OBSERVER.get_or_init(|| observer);
        WANTED.fetch_add(1, Relaxed);
        Self(())
    }
}

#[cfg(feature = "sentry")]
impl Drop for Told {
    fn drop(&mut self) {
        WANTED.fetch_sub(1, Relaxed);
    }
}
