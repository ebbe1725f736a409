//! A transport around the client's own, which puts the summaries of spans where RFC 0123 wants them.

mod placed;

use super::summary::KEY;
use crate::lock::Mutex;
use crate::status::report;
use sentry_core::protocol::client_report::{Category, ItemLoss, LossSource, Reason};
use sentry_core::protocol::{Context, EnvelopeHeaders, EnvelopeItem};
use sentry_core::{Envelope, Transport, TransportFactory, TransportOptions};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Where the summaries of spans are on the wire.
///
/// ```
/// assert_eq!(runtime_metrics::SummaryPlacement::default(), runtime_metrics::SummaryPlacement::Both);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SummaryPlacement {
    /// Where RFC 0123 has them: `_metrics_summary` of each span, and for the transaction of its trace
    /// context and of the event. Sentry's servers of today drop it there.
    Field,
    /// In each span's `data`, and in that of the trace context: what Sentry shows today, and where
    /// they are without a [`MetricsTransport`].
    Data,
    /// In both places: whoever reads them, of today or as the RFC has it, finds them. The default.
    #[default]
    Both,
}

/// Wraps the transport of a Sentry client, so that the summaries of spans go to their place in the
/// RFC: one more call on the options.
///
/// Only transactions that have a summary are written anew, at some microseconds a span, on the thread that
/// finishes the transaction; all else is handed on as it is. What is written anew is raw to Sentry's
/// transport, which holds it back while the server limits everything, but can't know that it is a
/// transaction. So one is handed on as it is from time to time (the 8th, the 16th, the 32nd and so on, and
/// one a minute), with its summaries in `data`: if it is held back, so are the others, until none has been
/// for a minute. What becomes of a raw one is not in Sentry's reports of losses either. With [`SummaryPlacement::Data`] nothing is written anew.
///
/// ```
/// use runtime_metrics::{MetricsTransport, RuntimeMetricsIntegration};
/// use sentry::transports::DefaultTransportFactory;
///
/// let options = sentry::ClientOptions::new()
///     .traces_sample_rate(1.0)
///     .add_integration(RuntimeMetricsIntegration::default())
///     .transport(MetricsTransport::over(DefaultTransportFactory));
/// # drop(options);
/// ```
pub struct MetricsTransport {
    factory: Arc<dyn TransportFactory>,
    placement: SummaryPlacement,
}

impl fmt::Debug for MetricsTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricsTransport").field("placement", &self.placement).finish_non_exhaustive()
    }
}

impl MetricsTransport {
    /// Around the transports that `factory` makes: `sentry::transports::DefaultTransportFactory`, or
    /// whichever the client had before.
    ///
    /// ```
    /// use runtime_metrics::MetricsTransport;
    /// use sentry::transports::DefaultTransportFactory;
    ///
    /// let transport = MetricsTransport::over(DefaultTransportFactory);
    /// # drop(transport);
    /// ```
    pub fn over(factory: impl TransportFactory + 'static) -> Self {
        Self::over_shared(Arc::new(factory))
    }

    /// As [`over`](Self::over), for a factory that is in options already.
    ///
    /// ```
    /// use runtime_metrics::MetricsTransport;
    /// use std::sync::Arc;
    ///
    /// let mut options = sentry::apply_defaults(sentry::ClientOptions::new());
    /// if let Some(factory) = options.transport.take() {
    ///     options.transport = Some(Arc::new(MetricsTransport::over_shared(factory)));
    /// }
    /// ```
    pub fn over_shared(factory: Arc<dyn TransportFactory>) -> Self {
        Self { factory, placement: SummaryPlacement::default() }
    }

    /// Where the summaries are to be.
    ///
    /// ```
    /// use runtime_metrics::{MetricsTransport, SummaryPlacement};
    /// use sentry::transports::DefaultTransportFactory;
    ///
    /// let transport = MetricsTransport::over(DefaultTransportFactory).placing(SummaryPlacement::Field);
    /// # drop(transport);
    /// ```
    #[must_use]
    pub fn placing(mut self, placement: SummaryPlacement) -> Self {
        self.placement = placement;
        self
    }
}

impl TransportFactory for MetricsTransport {
    fn create_transport_with_options(&self, options: TransportOptions) -> Arc<dyn Transport> {
        let inner = self.factory.create_transport_with_options(options);
        Arc::new(Placing { inner, placement: self.placement, limits: Mutex::new(Limits::since(Instant::now())) })
    }
}

struct Placing {
    inner: Arc<dyn Transport>,
    placement: SummaryPlacement,
    limits: Mutex<Limits>,
}

impl Transport for Placing {
    fn send_envelope(&self, envelope: Envelope) {
        let summarised = self.placement != SummaryPlacement::Data && envelope.items().any(has_summary);
        let as_it_is = self.limits.lock().is_asked(&envelope, summarised, Instant::now());
        if !summarised || as_it_is {
            return self.inner.send_envelope(envelope);
        }
        let (envelope, reports) = placed(envelope, self.placement);
        self.inner.send_envelope(envelope);
        if let Some(reports) = reports {
            self.inner.send_envelope(reports);
        }
    }

    fn flush(&self, timeout: Duration) -> bool {
        self.inner.flush(timeout)
    }

    fn shutdown(&self, timeout: Duration) -> bool {
        self.inner.shutdown(timeout)
    }
}

/// What is known of the server's limits: Sentry's transport tells nobody, but what it holds back comes by
/// as a report with a later envelope.
#[derive(Debug)]
struct Limits {
    /// When a transaction was last handed on as it is, to see whether it is held back.
    asked: Instant,
    /// When such a report last came by.
    held_back: Option<Instant>,
    /// How many there were.
    count: u64,
}

/// Which one is the first that asks.
const FIRST: u64 = 8;
/// How often that is done at least, and how long a report counts.
const LIMITED: Duration = Duration::from_secs(60);

impl Limits {
    fn since(asked: Instant) -> Self {
        Self { asked, held_back: None, count: 0 }
    }

    /// Looks at what comes by, and says whether it is to be handed on as it is.
    fn is_asked(&mut self, envelope: &Envelope, summarised: bool, now: Instant) -> bool {
        if envelope.items().any(holds_back) {
            self.held_back = Some(now);
        }
        if self.held_back.is_some_and(|at| now.duration_since(at) < LIMITED) {
            return true;
        }
        if !summarised {
            return false;
        }
        self.count += 1;
        let often = self.count >= FIRST && self.count.is_power_of_two();
        let is_time = often || now.duration_since(self.asked) >= LIMITED;
        if is_time {
            self.asked = now;
        }
        is_time
    }
}

/// Whether it reports that transactions were held back.
fn holds_back(item: &EnvelopeItem) -> bool {
    let EnvelopeItem::ClientReport(report) = item else { return false };
    let held_back =
        |loss: ItemLoss| loss.category == Category::Transaction && loss.reason == Some(Reason::RatelimitBackoff);
    report.losses().any(held_back)
}

fn has_summary(item: &EnvelopeItem) -> bool {
    let EnvelopeItem::Transaction(transaction) = item else { return false };
    let root = match transaction.contexts.get("trace") {
        Some(Context::Trace(trace)) => trace.data.contains_key(KEY),
        _ => false,
    };
    root || transaction.spans.iter().any(|span| span.data.contains_key(KEY))
}

/// The envelope with its summaries in their place, and a report of losses that came with it, which has to
/// go by itself: of what is raw Sentry's transport does not know what it loses.
fn placed(envelope: Envelope, placement: SummaryPlacement) -> (Envelope, Option<Envelope>) {
    let headers = envelope.headers().clone();
    let (reports, items): (Vec<_>, Vec<_>) =
        envelope.into_items().partition(|item| matches!(item, EnvelopeItem::ClientReport(_)));
    let of = |items: Vec<EnvelopeItem>, headers| {
        let mut envelope = Envelope::new().with_headers(headers);
        for item in items {
            envelope.add_item(item);
        }
        envelope
    };
    let reports = (!reports.is_empty()).then(|| of(reports, EnvelopeHeaders::new()));
    let written = write(&headers, &items, placement).and_then(|bytes| {
        // A raw envelope is not parsed, so this can't fail.
        Envelope::from_bytes_raw(bytes).map_err(|error| error.to_string())
    });
    let envelope = written.unwrap_or_else(|error| {
        report(
            "sentry",
            format!("a transaction keeps its summaries in `data`, since it could not be written: {error}"),
        );
        of(items, headers)
    });
    (envelope, reports)
}

fn write(headers: &EnvelopeHeaders, items: &[EnvelopeItem], placement: SummaryPlacement) -> Result<Vec<u8>, String> {
    let mut bytes = serde_json::to_vec(headers).map_err(|error| error.to_string())?;
    bytes.push(b'\n');
    for item in items {
        match item {
            EnvelopeItem::Transaction(transaction) => {
                let payload = placed::write(transaction, placement).map_err(|error| error.to_string())?;
                bytes.extend(format!("{{\"type\":\"transaction\",\"length\":{}}}\n", payload.len()).bytes());
                bytes.extend(payload);
                bytes.push(b'\n');
            }
            other => bytes.extend(alone(other)?),
        }
    }
    Ok(bytes)
}

/// An item as the SDK writes it, with its header.
fn alone(item: &EnvelopeItem) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut envelope = Envelope::new();
    envelope.add_item(item.clone());
    envelope.to_writer(&mut bytes).map_err(|error| error.to_string())?;
    let header = bytes.iter().position(|byte| *byte == b'\n').ok_or("an item without a header")?;
    Ok(bytes.split_off(header + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sentry_core::protocol::ClientReport;
    use sentry_core::protocol::client_report::Item;

    fn reporting(category: Category, reason: Reason) -> Envelope {
        let mut envelope = Envelope::new();
        envelope.add_item(ClientReport::new(vec![Item::new(category, reason, 1)]));
        envelope
    }

    #[test]
    fn the_more_there_were_the_seldomer_one_asks() {
        let start = Instant::now();
        let mut limits = Limits::since(start);
        let asked = (1..=200).filter(|_| limits.is_asked(&Envelope::new(), true, start)).count();
        assert_eq!(asked, 5, "the 8th, 16th, 32nd, 64th and 128th");
    }

    #[test]
    fn a_transaction_a_minute_asks_and_limits_are_kept_while_they_last() {
        let start = Instant::now();
        // Beyond the 256th, so that only time counts.
        let mut limits = Limits { count: 300, ..Limits::since(start) };
        let plain = Envelope::new();
        let mut at =
            |seconds: u64, envelope: &Envelope| limits.is_asked(envelope, true, start + Duration::from_secs(seconds));
        assert_eq!(
            [0, 59, 60, 61, 119, 120].map(|seconds| at(seconds, &plain)),
            [false, false, true, false, false, true]
        );
        // Others are none of ours.
        assert!(!at(121, &reporting(Category::Error, Reason::RatelimitBackoff)));
        assert!(!at(122, &reporting(Category::Transaction, Reason::SampleRate)));
        let held_back = reporting(Category::Transaction, Reason::RatelimitBackoff);
        assert_eq!([at(123, &held_back), at(124, &plain), at(182, &plain)], [true; 3]);
        assert!(at(182, &held_back) && at(241, &plain));
        // The last report is a minute old, and so is the last that asked.
        assert_eq!([242, 243, 301, 302].map(|seconds| at(seconds, &plain)), [true, false, false, true]);
    }
}
