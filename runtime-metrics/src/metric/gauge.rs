//! `Gauge`: a value that goes up and down.

use super::Builder;
use crate::label::LabelValue;
use crate::registry::observer::{self, observed};
use crate::registry::{Held, Series, SeriesRef};
use crate::shard;
use crate::sync::Ordering::Relaxed;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

/// A value that goes up and down: connections, queue lengths, temperatures.
///
/// All threads share its cell. `set` is one relaxed store; `increment`, `decrement` and `add` are
/// a compare-exchange each, so from many threads they cost what any shared atomic costs.
///
/// ```
/// use runtime_metrics::Gauge;
///
/// let connections = Gauge::new("connections", "Open connections.").register();
/// connections.set(40.0);
/// connections.increment();
/// connections.add(2);
/// connections.decrement();
/// assert_eq!(connections.value(), 42.0);
/// ```
#[derive(Clone, Debug)]
pub struct Gauge {
    slot: u32,
    series: Held,
}

impl Gauge {
    /// Begins a gauge; [`Builder::register`] makes it.
    ///
    /// ```
    /// let gauge = runtime_metrics::Gauge::new("gauge_new", "How one begins.").register();
    /// assert_eq!(gauge.value(), 0.0);
    /// ```
    #[allow(clippy::new_ret_no_self)] // the name that users of every other metrics library expect
    pub fn new(name: impl Into<Cow<'static, str>>, help: impl Into<Cow<'static, str>>) -> Builder<Self> {
        Builder::new(name.into(), help.into())
    }

    pub(crate) fn of(series: SeriesRef) -> Self {
        Self { slot: series.slot(), series: Held::new(series) }
    }

    /// Sets the value.
    ///
    /// ```
    /// let gauge = runtime_metrics::Gauge::new("gauge_set", "A value.").register();
    /// gauge.set(2.5);
    /// gauge.set(7);
    /// assert_eq!(gauge.value(), 7.0);
    /// ```
    #[inline]
    pub fn set(&self, value: impl Value) {
        let value = value.value();
        set_to(self.slot, value);
        if observed() {
            observer::recorded(self.series.get(), value);
        }
    }

    /// Adds one.
    ///
    /// ```
    /// let gauge = runtime_metrics::Gauge::new("gauge_increment", "A value.").register();
    /// gauge.increment();
    /// assert_eq!(gauge.value(), 1.0);
    /// ```
    #[inline]
    pub fn increment(&self) {
        self.add_delta(1.0);
    }

    /// Takes one away.
    ///
    /// ```
    /// let gauge = runtime_metrics::Gauge::new("gauge_decrement", "A value.").register();
    /// gauge.decrement();
    /// assert_eq!(gauge.value(), -1.0);
    /// ```
    #[inline]
    pub fn decrement(&self) {
        self.add_delta(-1.0);
    }

    /// Adds `delta`, which may be negative. What is not finite adds nothing and is counted in
    /// `runtime_metrics_invalid_values_total`.
    ///
    /// ```
    /// let gauge = runtime_metrics::Gauge::new("gauge_add", "A value.").register();
    /// gauge.add(-0.5);
    /// assert_eq!(gauge.value(), -0.5);
    /// ```
    #[inline]
    pub fn add(&self, delta: impl Value) {
        self.add_delta(delta.value());
    }

    #[inline]
    fn add_delta(&self, delta: f64) {
        add_to(self.slot, delta);
        if observed() {
            // A gauge is what it comes to, not how it came there.
            observer::recorded(self.series.get(), self.value());
        }
    }

    /// The series of the same family with these labels besides this one's own.
    ///
    /// ```
    /// let size = runtime_metrics::Gauge::new("gauge_with", "Size.").register();
    /// let north = size.with(&[("network", &"north")]);
    /// north.set(3);
    /// assert_eq!((size.value(), north.value()), (0.0, 3.0));
    /// ```
    pub fn with(&self, labels: &[(&'static str, &dyn LabelValue)]) -> Self {
        Self::of(Series::with(&self.series, labels))
    }

    /// Sets the series with these labels besides this one's own, looking it up.
    ///
    /// ```
    /// let size = runtime_metrics::Gauge::new("gauge_set_with", "Size.").register();
    /// size.set_with(3, &[("network", &"north")]);
    /// assert_eq!(size.with(&[("network", &"north")]).value(), 3.0);
    /// ```
    pub fn set_with(&self, value: impl Value, labels: &[(&'static str, &dyn LabelValue)]) {
        let value = value.value();
        Series::resolve(&self.series, labels, |series| {
            set_to(series.slot(), value);
            if observed() {
                observer::recorded(series, value);
            }
        });
    }

    /// The value now.
    ///
    /// ```
    /// let gauge = runtime_metrics::Gauge::new("gauge_value", "A value.").register();
    /// assert_eq!(gauge.value(), 0.0);
    /// ```
    pub fn value(&self) -> f64 {
        f64::from_bits(shard::gauge(self.slot).load(Relaxed))
    }
}

#[inline]
pub(crate) fn set_to(slot: u32, value: f64) {
    shard::gauge(slot).store(value.to_bits(), Relaxed);
}

#[inline]
pub(crate) fn add_to(slot: u32, delta: f64) {
    if !delta.is_finite() {
        crate::internal::invalid_value();
        return;
    }
    shard::add_float(shard::gauge(slot), delta);
}

/// What a gauge can be set to and a histogram can observe: any number, or a `Duration` (seconds).
///
/// ```
/// use runtime_metrics::Value;
/// use std::time::Duration;
///
/// assert_eq!(Duration::from_millis(250).value(), 0.25);
/// assert_eq!(3u8.value(), 3.0);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a value that a metric can take",
    label = "not a number or a `Duration`",
    note = "pass any integer or float, or a `std::time::Duration`, which is recorded in seconds"
)]
pub trait Value {
    /// The value as a float; integers above 2^53 are rounded.
    fn value(&self) -> f64;
}

macro_rules! value {
    ($($kind:ty),*) => {$(
        impl Value for $kind {
            #[inline]
            #[allow(clippy::cast_lossless, trivial_numeric_casts)]
            fn value(&self) -> f64 {
                *self as f64
            }
        }
    )*};
}
value!(u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize, f32, f64);

impl Value for bool {
    #[inline]
    fn value(&self) -> f64 {
        f64::from(u8::from(*self))
    }
}

impl Value for Duration {
    #[inline]
    fn value(&self) -> f64 {
        self.as_secs_f64()
    }
}

impl<T: Value + ?Sized> Value for &T {
    #[inline]
    fn value(&self) -> f64 {
        (**self).value()
    }
}

impl<T: Value + ?Sized> Value for Box<T> {
    #[inline]
    fn value(&self) -> f64 {
        (**self).value()
    }
}

impl<T: Value + ?Sized> Value for Arc<T> {
    #[inline]
    fn value(&self) -> f64 {
        (**self).value()
    }
}
