//! A transport around the client's own, which puts the summaries of spans where RFC 0123 wants them.

use super::summary::KEY;
use crate::status::report;
use sentry_core::protocol::{Context, EnvelopeItem, Transaction, Value as Json};
use sentry_core::{Envelope, Transport, TransportFactory, TransportOptions};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

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
/// Only transactions that have a summary are written anew, at about 1 µs a span, on the thread that
/// finishes the transaction; all else is handed on as it is. What is written anew is raw to Sentry's
/// transport, which holds it back while the server limits everything, and not while it limits
/// transactions only; with [`SummaryPlacement::Data`] nothing is written anew.
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
        Arc::new(Placing { inner, placement: self.placement })
    }
}

struct Placing {
    inner: Arc<dyn Transport>,
    placement: SummaryPlacement,
}

impl Transport for Placing {
    fn send_envelope(&self, envelope: Envelope) {
        let summarised = self.placement != SummaryPlacement::Data && envelope.items().any(has_summary);
        self.inner.send_envelope(if summarised { placed(envelope, self.placement) } else { envelope });
    }

    fn flush(&self, timeout: Duration) -> bool {
        self.inner.flush(timeout)
    }

    fn shutdown(&self, timeout: Duration) -> bool {
        self.inner.shutdown(timeout)
    }
}

fn has_summary(item: &EnvelopeItem) -> bool {
    let EnvelopeItem::Transaction(transaction) = item else { return false };
    let root = match transaction.contexts.get("trace") {
        Some(Context::Trace(trace)) => trace.data.contains_key(KEY),
        _ => false,
    };
    root || transaction.spans.iter().any(|span| span.data.contains_key(KEY))
}

/// The envelope with its summaries in their place; as it was, if it can't be written.
fn placed(envelope: Envelope, placement: SummaryPlacement) -> Envelope {
    let written = write(&envelope, placement).and_then(|bytes| {
        // A raw envelope is not parsed, so this can't fail.
        Envelope::from_bytes_raw(bytes).map_err(|error| error.to_string())
    });
    written.unwrap_or_else(|error| {
        report(
            "sentry",
            format!("a transaction keeps its summaries in `data`, since it could not be written: {error}"),
        );
        envelope
    })
}

fn write(envelope: &Envelope, placement: SummaryPlacement) -> Result<Vec<u8>, String> {
    let mut bytes = serde_json::to_vec(envelope.headers()).map_err(|error| error.to_string())?;
    bytes.push(b'\n');
    for item in envelope.items() {
        match item {
            EnvelopeItem::Transaction(transaction) => {
                let payload = transaction_payload(transaction, placement).map_err(|error| error.to_string())?;
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

fn transaction_payload(transaction: &Transaction<'_>, placement: SummaryPlacement) -> serde_json::Result<Vec<u8>> {
    let mut payload = serde_json::to_value(transaction)?;
    for span in payload.get_mut("spans").and_then(Json::as_array_mut).into_iter().flatten() {
        place(span, placement);
    }
    if let Some(trace) = payload.pointer_mut("/contexts/trace")
        && let Some(summary) = place(trace, placement)
    {
        payload[KEY] = summary;
    }
    serde_json::to_vec(&payload)
}

/// Puts the summary of a span where it belongs, and returns it.
fn place(span: &mut Json, placement: SummaryPlacement) -> Option<Json> {
    let data = span.get_mut("data")?.as_object_mut()?;
    let summary = match placement {
        SummaryPlacement::Field => data.remove(KEY)?,
        SummaryPlacement::Data | SummaryPlacement::Both => data.get(KEY)?.clone(),
    };
    if data.is_empty()
        && let Some(span) = span.as_object_mut()
    {
        // The SDK writes none where there is none.
        span.remove("data");
    }
    span[KEY] = summary.clone();
    Some(summary)
}
