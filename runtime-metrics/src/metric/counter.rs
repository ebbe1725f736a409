//! `Counter`: a number that only ever grows.

use super::Builder;
use crate::label::LabelValue;
use crate::registry::observer::{self, observed};
use crate::registry::{Held, Series, SeriesRef};
use crate::shard::{self, Sink};
use std::borrow::Cow;

/// A number that only ever grows: requests, errors, bytes.
///
/// Recording costs what `x += 1` costs, from any number of threads. Clones count into the same
/// series. The value is exact; it wraps after 2^64.
///
/// ```
/// use runtime_metrics::{Counter, registry};
///
/// let orders = Counter::new("orders", "Orders that were placed.").with_label("shop", "north").register();
/// orders.increment();
/// orders.add(2);
/// assert_eq!(orders.value(), 3);
/// ```
#[derive(Clone, Debug)]
pub struct Counter {
    slot: u32,
    series: Held,
}

impl Counter {
    /// Begins a counter; [`Builder::register`] makes it.
    ///
    /// ```
    /// let counter = runtime_metrics::Counter::new("counter_new", "How one begins.").register();
    /// assert_eq!(counter.value(), 0);
    /// ```
    #[allow(clippy::new_ret_no_self)] // the name that users of every other metrics library expect
    pub fn new(name: impl Into<Cow<'static, str>>, help: impl Into<Cow<'static, str>>) -> Builder<Self> {
        Builder::new(name.into(), help.into())
    }

    pub(crate) fn of(series: SeriesRef) -> Self {
        Self { slot: series.slot(), series: Held::new(series) }
    }

    pub(super) fn series(&self) -> &SeriesRef {
        &self.series
    }

    /// Adds one.
    ///
    /// ```
    /// let counter = runtime_metrics::Counter::new("counter_increment", "Adds one.").register();
    /// counter.increment();
    /// assert_eq!(counter.value(), 1);
    /// ```
    #[inline]
    pub fn increment(&self) {
        self.add_count(1);
    }

    /// Adds `n`. A negative number adds nothing and is counted in
    /// `runtime_metrics_invalid_values_total`.
    ///
    /// ```
    /// let counter = runtime_metrics::Counter::new("counter_add", "Adds many.").register();
    /// counter.add(5);
    /// assert_eq!(counter.value(), 5);
    /// ```
    #[inline]
    pub fn add(&self, n: impl Count) {
        if let Some(n) = n.count() {
            self.add_count(n);
        }
    }

    #[inline]
    fn add_count(&self, n: u64) {
        add(self.slot, n);
        if observed() {
            observer::recorded(self.series.get(), n as f64);
        }
    }

    /// The series of the same family with these labels besides this one's own. Keep it where the
    /// labels are known beforehand: recording through it looks nothing up.
    ///
    /// ```
    /// let calls = runtime_metrics::Counter::new("counter_with", "Calls.").register();
    /// let reads = calls.with(&[("type", &"read")]);
    /// reads.increment();
    /// assert_eq!((calls.value(), reads.value()), (0, 1));
    /// ```
    pub fn with(&self, labels: &[(&'static str, &dyn LabelValue)]) -> Self {
        Self::of(Series::with(&self.series, labels))
    }

    /// Adds `n` to the series with these labels besides this one's own, looking it up.
    ///
    /// ```
    /// let calls = runtime_metrics::Counter::new("counter_add_with", "Calls.").register();
    /// calls.add_with(2, &[("type", &"read")]);
    /// assert_eq!(calls.with(&[("type", &"read")]).value(), 2);
    /// ```
    pub fn add_with(&self, n: impl Count, labels: &[(&'static str, &dyn LabelValue)]) {
        if let Some(n) = n.count() {
            Series::resolve(&self.series, labels, |series| {
                add(series.slot(), n);
                if observed() {
                    observer::recorded(series, n as f64);
                }
            });
        }
    }

    /// The count so far, over all threads. Costs a read of each thread's slot.
    ///
    /// ```
    /// let counter = runtime_metrics::Counter::new("counter_value", "Reads back.").register();
    /// assert_eq!(counter.value(), 0);
    /// ```
    pub fn value(&self) -> u64 {
        shard::ARENA.view().sum(self.slot)
    }
}

/// Adds to a counter's slot. It has been handed out, so what is missing is at most its page.
#[inline(always)]
pub(crate) fn add(slot: u32, n: u64) {
    match shard::cell(slot) {
        Some(cell) => cell.add(n),
        None => add_cold(slot, n),
    }
}

#[cold]
#[inline(never)]
fn add_cold(slot: u32, n: u64) {
    shard::touch(slot).add(n);
}

/// What can be added to a counter: any integer that is not negative.
///
/// ```
/// use runtime_metrics::Count;
///
/// assert_eq!(5i32.count(), Some(5));
/// assert_eq!(5usize.count(), Some(5));
/// ```
#[diagnostic::on_unimplemented(
    message = "a counter can't be incremented by `{Self}`",
    label = "not an integer",
    note = "counters count whole things; for measured values use `observe!` (a histogram) or `set!` (a gauge)"
)]
pub trait Count: Copy {
    /// The number; `None` where it is negative, which is also counted as an invalid value.
    fn count(self) -> Option<u64>;
}

macro_rules! count {
    ($($kind:ty),*) => {$(
        impl Count for $kind {
            #[inline]
            fn count(self) -> Option<u64> {
                match u64::try_from(self) {
                    Ok(n) => Some(n),
                    Err(_) => {
                        crate::internal::invalid_value();
                        None
                    }
                }
            }
        }
    )*};
}
count!(u8, u16, u32, u64, usize, i8, i16, i32, i64, isize);

impl<T: Count> Count for &T {
    #[inline]
    fn count(self) -> Option<u64> {
        (*self).count()
    }
}
