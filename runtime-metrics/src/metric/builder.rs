//! `Builder`: from a name to a registered metric.

use super::{Buckets, Counter, Gauge, Histogram, Timer};
use crate::label::LabelValue;
use crate::registry::{Definition, RegisterError, Registry, SeriesRef, registry};
use std::borrow::Cow;
use std::marker::PhantomData;
use std::panic::Location;
use std::sync::Arc;

/// A metric in the making, from [`Counter::new`], [`Gauge::new`], [`Histogram::new`] or
/// [`Timer::new`].
///
/// ```
/// use runtime_metrics::Histogram;
///
/// let sizes = Histogram::new("upload_size", "Size of uploads.")
///     .with_unit("bytes")
///     .with_label("zone", "north")
///     .with_buckets(vec![1e3, 1e6, 1e9])
///     .register();
/// sizes.observe(2048);
/// ```
#[derive(Clone, Debug)]
#[must_use = "a metric exists once it is registered"]
pub struct Builder<M> {
    name: Cow<'static, str>,
    help: Cow<'static, str>,
    unit: Cow<'static, str>,
    buckets: Option<Vec<f64>>,
    labels: Vec<(Cow<'static, str>, Arc<str>)>,
    metric: PhantomData<M>,
}

impl<M> Builder<M> {
    pub(super) fn new(name: Cow<'static, str>, help: Cow<'static, str>) -> Self {
        Self { name, help, unit: "".into(), buckets: None, labels: Vec::new(), metric: PhantomData }
    }

    /// Adds a constant label.
    ///
    /// ```
    /// let counter = runtime_metrics::Counter::new("builder_label", "Labels.").with_label("zone", "north").register();
    /// counter.increment();
    /// ```
    pub fn with_label(mut self, name: impl Into<Cow<'static, str>>, value: impl LabelValue) -> Self {
        self.labels.push((name.into(), Arc::from(&*value.label_text())));
        self
    }

    /// States the unit: `seconds`, `bytes`, `ratio`, or any other word.
    ///
    /// ```
    /// let gauge = runtime_metrics::Gauge::new("builder_unit", "Units.").with_unit("bytes").register();
    /// gauge.set(1024);
    /// ```
    pub fn with_unit(mut self, unit: impl Into<Cow<'static, str>>) -> Self {
        self.unit = unit.into();
        self
    }

    fn definition(self, kind: super::Kind) -> Definition {
        Definition { kind, name: self.name, help: self.help, unit: self.unit, buckets: None, keys: None, source: None }
    }
}

macro_rules! distribution {
    ($metric:ident, $name:literal) => {
        impl Builder<$metric> {
            /// Declares the buckets' upper bounds, in rising order; `+Inf` is added by itself.
            /// Without this call the buckets are base-2 exponential.
            ///
            /// ```
            #[doc = concat!("let metric = runtime_metrics::", stringify!($metric), "::new(\"", $name, "\", \"Bounds.\")")]
            ///     .with_buckets(vec![0.1, 1.0])
            ///     .register();
            /// assert_eq!(metric.distribution().count, 0);
            /// ```
            pub fn with_buckets(mut self, bounds: impl Into<Vec<f64>>) -> Self {
                self.buckets = Some(bounds.into());
                self
            }
        }
    };
}
distribution!(Histogram, "builder_histogram");
distribution!(Timer, "builder_timer_seconds");

/// A handle to one series, of one kind.
pub trait Handle: Sized + sealed::Handle {}

pub(crate) mod sealed {
    use super::{super::Kind, SeriesRef};

    pub trait Handle {
        const KIND: Kind;
        fn of(series: SeriesRef) -> Self;
    }
}

macro_rules! handle {
    ($($metric:ident: $kind:ident),*) => {$(
        impl Handle for $metric {}
        impl sealed::Handle for $metric {
            const KIND: super::Kind = super::Kind::$kind;
            fn of(series: SeriesRef) -> Self {
                Self::of(series)
            }
        }
    )*};
}
handle!(Counter: Counter, Gauge: Gauge, Histogram: Histogram, Timer: Histogram);

impl<M: Handle> Builder<M> {
    /// Makes the metric known to every exporter. Registering the same name and labels again gives
    /// the same series.
    ///
    /// A definition that can't be used (a bad name, or one that contradicts an earlier
    /// definition) is told by [`status`](crate::status); what is then recorded goes nowhere. Use
    /// [`try_register`](Self::try_register) to handle the error yourself.
    ///
    /// ```
    /// use runtime_metrics::Counter;
    ///
    /// let first = Counter::new("builder_register", "The same.").register();
    /// let second = Counter::new("builder_register", "The same.").register();
    /// first.increment();
    /// assert_eq!(second.value(), 1);
    /// ```
    #[track_caller]
    pub fn register(self) -> M {
        let name = self.name.to_string();
        let at = Location::caller();
        self.register_at(registry(), at).unwrap_or_else(|error| {
            crate::status::report(name, error.to_string());
            M::of(registry().nowhere(M::KIND))
        })
    }

    /// As [`register`](Self::register), with the error as a value.
    ///
    /// # Errors
    ///
    /// The name or a label is not valid, the buckets are not in rising order, or another
    /// definition of the same name disagrees; each error says where and what to do.
    ///
    /// ```
    /// use runtime_metrics::{Counter, Gauge};
    ///
    /// let error = Counter::new("no spaces please", "Bad.").try_register().unwrap_err();
    /// assert!(error.to_string().contains("such as `no_spaces_please`"));
    ///
    /// let _orders = Counter::new("builder_conflict", "Orders.").register();
    /// let error = Gauge::new("builder_conflict", "Orders.").try_register().unwrap_err();
    /// assert!(error.to_string().contains("a counter at"));
    /// ```
    #[track_caller]
    pub fn try_register(self) -> Result<M, RegisterError> {
        self.register_at(registry(), Location::caller())
    }

    fn register_at(mut self, registry: &'static Registry, at: &'static Location<'static>) -> Result<M, RegisterError> {
        let labels = std::mem::take(&mut self.labels);
        let bounds = self.buckets.take();
        let mut definition = self.definition(M::KIND);
        definition.source = Some(at.into());
        if let Some(bounds) = bounds {
            Buckets::check(&bounds).map_err(|error| RegisterError::new(error.to_string()))?;
            definition.buckets = Some(registry.intern_bounds(bounds));
        }
        registry.series(&definition, labels).map(M::of)
    }
}
