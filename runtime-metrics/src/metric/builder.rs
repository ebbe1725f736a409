//! `Builder`: from a name to a registered metric.

#[cfg(feature = "set")]
use super::Set;
#[cfg(feature = "summary")]
use super::Summary;
use super::{Buckets, Counter, Gauge, Histogram, Rate, Timer};
use crate::config::check_interval;
use crate::label::LabelValue;
use crate::registry::{Definition, RegisterError, Registry, SeriesRef, registry};
use std::borrow::Cow;
use std::marker::PhantomData;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

/// A metric in the making, from [`Counter::new`], [`Gauge::new`], [`Histogram::new`],
/// [`Timer::new`], `Summary::new`, `Set::new` or [`Rate::new`].
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
    quantiles: Option<Vec<f64>>,
    window: Option<Duration>,
    /// The counter that a rate is derived from.
    counter: Option<SeriesRef>,
    labels: Vec<(Cow<'static, str>, Arc<str>)>,
    metric: PhantomData<M>,
}

impl<M> Builder<M> {
    pub(super) fn new(name: Cow<'static, str>, help: Cow<'static, str>) -> Self {
        Self {
            name,
            help,
            unit: "".into(),
            buckets: None,
            quantiles: None,
            window: None,
            counter: None,
            labels: Vec::new(),
            metric: PhantomData,
        }
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
        Definition { unit: self.unit, help: self.help, window: self.window, ..Definition::new(kind, self.name, "") }
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

macro_rules! windowed {
    ($metric:ident, $make:literal) => {
        impl Builder<$metric> {
            /// Sets over how long it is told; 60 seconds by default, a millisecond at least, a
            /// year at most.
            ///
            /// ```
            /// use std::time::Duration;
            ///
            #[doc = concat!("let metric = ", $make)]
            ///     .with_window(Duration::from_secs(300))
            ///     .register();
            /// ```
            pub fn with_window(mut self, window: Duration) -> Self {
                self.window = Some(window);
                self
            }
        }
    };
}
#[cfg(feature = "summary")]
windowed!(Summary, "runtime_metrics::Summary::new(\"builder_summary_window\", \"A window.\")");
windowed!(
    Rate,
    "runtime_metrics::Rate::new(\"builder_rate\", \"A window.\").of(&runtime_metrics::Counter::new(\"builder_rate_of\", \"A counter.\").register())"
);

#[cfg(feature = "summary")]
impl Builder<Summary> {
    /// Sets the quantiles that are exported, as shares from 0 to 1; 0.5, 0.9, 0.95 and 0.99 by
    /// default. None at all leaves count and sum. [`Summary::quantile`] tells any.
    ///
    /// ```
    /// let summary = runtime_metrics::Summary::new("builder_quantiles", "Quantiles.")
    ///     .with_quantiles([0.5, 0.999])
    ///     .register();
    /// summary.observe(1);
    /// assert_eq!(summary.snapshot().quantiles, [(0.5, Some(1.0)), (0.999, Some(1.0))]);
    /// ```
    pub fn with_quantiles(mut self, shares: impl Into<Vec<f64>>) -> Self {
        self.quantiles = Some(shares.into());
        self
    }
}

impl Builder<Rate> {
    pub(super) fn derived_from(mut self, counter: &SeriesRef) -> Self {
        let unit = counter.family().text.lock().unit.clone();
        self.unit = if unit.is_empty() { "per_second".into() } else { format!("{unit}_per_second").into() };
        self.labels = counter.labels().iter().map(|(name, value)| (name.to_owned().into(), Arc::from(value))).collect();
        self.counter = Some(counter.clone());
        self
    }
}

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
handle!(Counter: Counter, Gauge: Gauge, Histogram: Histogram, Timer: Histogram, Rate: Rate);
#[cfg(feature = "summary")]
handle!(Summary: Summary);
#[cfg(feature = "set")]
handle!(Set: Set);

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
    /// The name or a label is not valid, the buckets are not in rising order, a quantile is not from
    /// 0 to 1, a window is too short or too long, or another definition of the same name disagrees;
    /// each error says where and what to do.
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
        let (bounds, quantiles, counter) = (self.buckets.take(), self.quantiles.take(), self.counter.take());
        if let Some(window) = self.window {
            check_interval("window", window).map_err(|error| RegisterError::new(error.to_string()))?;
        }
        let mut definition = self.definition(M::KIND);
        definition.source = Some(at.into());
        if let Some(bounds) = bounds {
            Buckets::check(&bounds).map_err(|error| RegisterError::new(error.to_string()))?;
            definition.buckets = Some(Buckets::Explicit(registry.intern(bounds)));
        }
        if let Some(quantiles) = quantiles {
            definition.quantiles = Some(registry.intern(check_quantiles(quantiles)?));
        }
        let series = registry.series(&definition, labels)?;
        if let Some(counter) = counter {
            series.derive_from(&counter)?;
        }
        Ok(M::of(series))
    }
}

/// Quantiles in rising order, each once.
fn check_quantiles(mut shares: Vec<f64>) -> Result<Vec<f64>, RegisterError> {
    if let Some(wrong) = shares.iter().find(|share| !(0.0..=1.0).contains(*share)) {
        return Err(RegisterError::new(format!(
            "the quantile {wrong} is not from 0 to 1; give it as a share, such as 0.99"
        )));
    }
    for share in &mut shares {
        *share = share.abs(); // zero may have a sign
    }
    shares.sort_by(f64::total_cmp);
    shares.dedup();
    Ok(shares)
}
