//! The attributes and macros of `runtime-metrics`. Use them through that crate: it re-exports all
//! of them, and what they expand to is in it.

mod label_value;
mod main_fn;
mod metered;
mod metric;
mod metrics;
mod options;
mod record;

use proc_macro::TokenStream;
use record::Record;

/// Adds to a counter.
///
/// `increment!("name")` adds one. Options, in any order: `value:` any integer that is not negative,
/// `labels: {"name" => value}`, `help:`, `unit:`. No declaration is needed: the use itself puts the
/// metric into the catalogue, and it is exported as 0 before it is ever reached. Labels whose
/// values are all written out cost nothing; others are looked up in a cache of the thread.
///
/// In place of a name there can be a type that [`macro@metric`] declares; its kind and the names of
/// its labels are then checked when the program is compiled.
///
/// ```
/// use runtime_metrics as metrics;
/// use runtime_metrics::{registry, Reading};
///
/// let source = String::from("web");
/// metrics::increment!("signups");
/// metrics::increment!("signups", value: 4);
/// metrics::increment!("signups_by_source", labels: {"source" => source, "plan" => "free"}, value: 2);
///
/// assert_eq!(registry().get("signups", &[]), Some(Reading::Counter(5)));
/// let series = [("plan", "free"), ("source", "web")];
/// assert_eq!(registry().get("signups_by_source", &series), Some(Reading::Counter(2)));
/// ```
#[proc_macro]
pub fn increment(input: TokenStream) -> TokenStream {
    record::expand(Record::Increment, input.into()).into()
}

/// Sets a gauge.
///
/// `set!("name", value: number)`. Options, in any order: `labels: {"name" => value}`, `help:`,
/// `unit:`. The value is any number, or a `Duration`, which is set in seconds. Costs a store.
///
/// ```
/// use runtime_metrics::{registry, set, Reading};
///
/// set!("queue_length", value: 17);
/// set!("queue_length", labels: {"queue" => format!("q{}", 1)}, value: 3.5);
///
/// assert_eq!(registry().get("queue_length", &[]), Some(Reading::Gauge(17.0)));
/// assert_eq!(registry().get("queue_length", &[("queue", "q1")]), Some(Reading::Gauge(3.5)));
/// ```
#[proc_macro]
pub fn set(input: TokenStream) -> TokenStream {
    record::expand(Record::Set, input.into()).into()
}

/// Puts a value into a histogram.
///
/// `observe!("name", value: number)`. Options, in any order: `labels: {"name" => value}`, `help:`,
/// `unit:`, `buckets: [upper bounds]`. The value is any number, or a `Duration`, which is observed
/// in seconds. Without `buckets` they are base-2 exponential, eight per power of two.
///
/// ```
/// use runtime_metrics::{observe, registry, Reading};
/// use std::time::Duration;
///
/// observe!("order_amount", value: 99.5, unit: "euros", buckets: [10, 100, 1000]);
/// observe!("response_time", value: Duration::from_millis(20), unit: "seconds");
///
/// let Some(Reading::Distribution(amounts)) = registry().get("order_amount", &[]) else { panic!() };
/// assert_eq!((amounts.count, amounts.sum), (1, 99.5));
/// ```
#[proc_macro]
pub fn observe(input: TokenStream) -> TokenStream {
    record::expand(Record::Observe, input.into()).into()
}

/// Starts a timer that records its seconds when it is dropped or stopped.
///
/// `let _timing = timer!("name");` Options, in any order: `labels: {"name" => value}`, `help:`,
/// `buckets: [upper bounds in seconds]`. It records on every way out of its scope: `?`, a panic, a
/// future that is dropped. Costs two clock reads, about 20 ns. Below a sampled span of Sentry it is a
/// span as well (feature `sentry`).
///
/// ```
/// use runtime_metrics::{registry, timer, Reading};
///
/// {
///     let _timing = timer!("import_duration");
/// }
/// timer!("import_duration").stop();
///
/// let Some(Reading::Distribution(times)) = registry().get("import_duration", &[]) else { panic!() };
/// assert_eq!(times.count, 2);
/// ```
#[proc_macro]
pub fn timer(input: TokenStream) -> TokenStream {
    record::expand(Record::Timer, input.into()).into()
}

/// Gives a label to the call that is running.
///
/// `add_label!("name", value)` finds the innermost running function with
/// `#[metered(labels = ["name"])]`, also from the functions that it calls, and across `.await`.
/// Outside of one it records nothing, and says so in `status()`.
///
/// ```
/// use runtime_metrics::{add_label, metered, registry, Reading};
///
/// #[metered(labels = ["tier"])]
/// fn profile(user: u32) {
///     find_tier(user);
/// }
///
/// fn find_tier(user: u32) {
///     add_label!("tier", if user == 1 { "gold" } else { "free" });
/// }
///
/// profile(1);
/// let gold = [("action", "profile"), ("outcome", "ok"), ("tier", "gold")];
/// assert_eq!(registry().get("action_requests_total", &gold), Some(Reading::Counter(1)));
/// ```
#[proc_macro]
pub fn add_label(input: TokenStream) -> TokenStream {
    record::expand_add_label(input.into()).into()
}

/// Measures a function: calls by outcome, calls that are running, and durations.
///
/// It goes on free and associated functions and on methods, sync or async, generic or not, also
/// under `#[async_trait]` and on handlers. Every way out is counted once: a value (`ok`), an `Err`
/// or a server error (`error`), a panic (`panic`), and a future that is dropped before it is ready
/// (`cancelled`). A method of a type that has [`macro@metrics`] also counts for its service.
///
/// | written | recorded |
/// |---|---|
/// | `#[metered]` | `action_requests_total{service,action,outcome}`, `action_active_requests`, `action_duration_seconds` |
/// | `name = "x"` | `x_requests_total`, `x_active_requests`, `x_duration_seconds` |
/// | `prefix = "p_"` | the same with `p_` in front |
/// | `event = "e"` | `event_received_total{event}`, `event_processing_time_seconds`, `event_failures_total` |
/// | `buckets = […]` | durations in these buckets (seconds); also as `histogram_buckets` |
/// | `sample = 16` | durations of one in 16 calls, each for 16: counts of calls stay exact, and a call costs a few nanoseconds |
/// | `duration = false` | no durations, and no reading of the clock |
/// | `labels = ["a"]` | labels that [`add_label!`] gives values to while the call runs |
/// | `labels(a = expr)` | labels from the arguments, as they are at the start of the call |
/// | `ok_if = test`, `error_if = test` | a function or closure of `&value` that decides `ok` or `error` |
/// | `emitted_at = expr` | with `event`: when it was emitted, for `event_latency_seconds{event}` |
/// | `span` | each call is also a span of Sentry below the current one, if that is sampled (feature `sentry`) |
/// | `service = "s"` | the label `service`, where `Self` does not tell it |
/// | `crate = path` | where `runtime_metrics` goes by another name |
///
/// An async function also counts the time that it was polled for, `action_busy_seconds_total`
/// (what is left of its duration it waited), and `action_slow_polls_total`, polls that kept the
/// worker from everything else. So does a function that returns a boxed future or an
/// `impl Future`. A call begins when its body does: that of an async function with its first poll,
/// so a future that is never polled is no call; that of a function that returns a future when it
/// is called, so a future that is dropped at once was cancelled. A future type with a name of its
/// own, as `futures::future::Map` or `Box<dyn Future + Unpin>`, can't be measured in its place: its
/// function counts as `ok` when it returns.
///
/// What a value tells is decided by its type: `Err` is an error, also behind a reference and in
/// `Option<Result<…>>` and `Poll<Result<…>>`, and so is a response with a status of 5xx.
///
/// Costs two clock reads (about 20 ns) and a few increments, and for an async function two more
/// clock reads for each poll but the first. The function can't be `const`.
///
/// ```
/// use runtime_metrics::{metered, registry, Reading};
///
/// #[metered(name = "parse", buckets = [0.001, 0.01, 0.1])]
/// fn parse(text: &str) -> Result<u32, std::num::ParseIntError> {
///     let number = text.parse()?;
///     Ok(number)
/// }
///
/// assert!(parse("7").is_ok() && parse("x").is_err());
/// let failed = registry().get("parse_requests_total", &[("action", "parse"), ("outcome", "error")]);
/// assert_eq!(failed, Some(Reading::Counter(1)));
/// ```
#[proc_macro_attribute]
pub fn metered(options: TokenStream, item: TokenStream) -> TokenStream {
    metered::expand(options.into(), &item.into()).into()
}

/// Makes a type a measured service; on an `impl` block, measures each method.
///
/// The service counts what its [`macro@metered`] methods do: `service_requests_total{service}`,
/// `service_active_requests`, `service_errors_total` and `service_response_time_seconds`. Options:
/// `prefix = "…"` goes in front of these and of the fields' names, `service = "…"` replaces the
/// type's name, `crate = path`. With `events = true`, for a publisher, the calls are also what was
/// published: `event_published_total{service}`, `event_publish_failures_total` and
/// `event_publish_time_seconds`. A service counts what its measured methods do: without
/// `#[metered]` on a method, or `#[metrics]` on the `impl` block, it stays at 0.
///
/// A field of type `Counter`, `Gauge`, `Histogram`, `Summary`, `Timer` or `Set` with
/// `#[metric_field]` is a metric that is registered at link time under the prefix and the field's
/// name. Its options are those of [`macro@metric`]. `Self::metric_<field>()` gives its handle; a
/// constructor that registers the same metric by hand gets the same one, if it gives it the same
/// name (`#[metric_field(name = "…")]` where that is not the field's) and no other buckets.
///
/// On an `impl` block every method with a body gets `#[metered]` with the type's name, known before
/// the first call; `#[metered(skip)]` leaves one out, `#[metered(…)]` says more.
///
/// ```
/// use runtime_metrics::{metrics, registry, Gauge, Reading};
///
/// #[metrics(prefix = "gateway_")]
/// struct Gateway {
///     #[metric_field(description = "Share of requests that the cache answers.", unit = "ratio")]
///     cache_hits: Gauge,
/// }
///
/// #[metrics]
/// impl Gateway {
///     #[metered(skip)]
///     fn new() -> Self {
///         Self { cache_hits: Self::metric_cache_hits() }
///     }
///
///     fn answer(&self) -> Result<(), String> {
///         self.cache_hits.set(0.9);
///         Ok(())
///     }
/// }
///
/// Gateway::new().answer().unwrap();
/// assert_eq!(registry().get("gateway_cache_hits", &[]), Some(Reading::Gauge(0.9)));
/// let requests = registry().get("gateway_service_requests_total", &[("service", "Gateway")]);
/// assert_eq!(requests, Some(Reading::Counter(1)));
/// ```
#[proc_macro_attribute]
pub fn metrics(options: TokenStream, item: TokenStream) -> TokenStream {
    metrics::expand(options.into(), item.into()).into()
}

/// Makes an enum, or a struct around one value, the value of a label.
///
/// A variant is its name in snake case, or what `#[label("…")]` on it says. `#[label(crate = path)]`
/// on the type says where `runtime_metrics` is.
///
/// ```
/// use runtime_metrics::{LabelValue, increment, registry, Reading};
///
/// #[derive(LabelValue)]
/// enum Payment {
///     CreditCard,
///     #[label("iban")]
///     BankTransfer { reference: u64 },
/// }
///
/// for payment in [Payment::CreditCard, Payment::BankTransfer { reference: 7 }] {
///     increment!("payments", labels: {"by" => payment});
/// }
/// assert_eq!(registry().get("payments", &[("by", "credit_card")]), Some(Reading::Counter(1)));
/// assert_eq!(registry().get("payments", &[("by", "iban")]), Some(Reading::Counter(1)));
/// ```
#[proc_macro_derive(LabelValue, attributes(label))]
pub fn label_value(item: TokenStream) -> TokenStream {
    label_value::expand(item.into()).into()
}

/// Declares a metric on a unit struct, so that the compiler checks its uses.
///
/// Options: `type` (`"counter"`, `"gauge"`, `"histogram"`, `"summary"`, `"timer"` or `"set"`) and
/// `name`, both needed; `description`, `unit`, `labels = […]`, `buckets = […]`, `crate = path`. The
/// metric can be recorded into by its type, where a label that is not declared is a compile error,
/// by its name, or by a handle: `Type::handle()`, or `Type::with(values)` where it has labels. A
/// summary and a set, which have features of their own, are recorded into by their handles.
///
/// ```
/// use runtime_metrics::{increment, metric, registry, Reading};
///
/// #[metric(
///     type = "counter",
///     name = "user_registrations_total",
///     description = "Users that registered.",
///     labels = ["source", "plan"]
/// )]
/// struct UserRegistrations;
///
/// let plan = String::from("free");
/// increment!(UserRegistrations, labels: {"source" => "web", "plan" => plan});
/// increment!("user_registrations_total", labels: {"source" => "web", "plan" => plan});
/// UserRegistrations::with("web", "free").increment();
///
/// let series = [("plan", "free"), ("source", "web")];
/// assert_eq!(registry().get("user_registrations_total", &series), Some(Reading::Counter(3)));
/// ```
#[proc_macro_attribute]
pub fn metric(options: TokenStream, item: TokenStream) -> TokenStream {
    metric::expand(options.into(), &item.into()).into()
}

/// Runs an async function on a Tokio runtime of its own, as `#[tokio::main]`, with the hooks of this library.
///
/// Everything that the documentation of `collectors::tokio` has for a runtime with hooks is then known of it: the
/// threads of the blocking pool, how late timers are, and for a current-thread runtime whether it is stuck. Options:
/// `flavor = "multi_thread"` (the default, for which the program has the feature `rt-multi-thread` of Tokio) or
/// `"current_thread"`, `worker_threads = 4`, `name = "…"`, and `crate = path`. Costs nothing for a poll; under
/// `tokio_unstable` about 20 ns, for which every poll is counted and timed.
///
/// It stands in for `#[tokio::main]`, not beside it. Needs the feature `tokio-runtime`.
///
/// ```
/// #[runtime_metrics::main(flavor = "current_thread", name = "jobs")]
/// async fn main() -> Result<(), std::num::ParseIntError> {
///     let number: u32 = "7".parse()?;
///     assert_eq!(number, 7);
///     Ok(())
/// }
/// ```
#[proc_macro_attribute]
pub fn main(options: TokenStream, item: TokenStream) -> TokenStream {
    main_fn::expand(options.into(), &item.into()).into()
}
