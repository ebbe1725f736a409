//! The way out: a transport of our own, waited for, and what it tells of losses.

use super::ledger::{self, What};
use crate::lock::Mutex;
use crate::status::report;
use sentry_core::protocol::client_report::{Category, LossSource, Reason};
use sentry_core::protocol::{ClientReport, EnvelopeHeaders, EnvelopeItem, Metric};
use sentry_core::types::Dsn;
use sentry_core::{Client, ClientOptions, Envelope, Transport, TransportFactory, TransportOptions};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// How long a transport may be busy with one envelope before the next is tried. The HTTP clients
/// of the SDK wait for an answer for ever, and nobody but our own thread waits for them.
const ANSWER: Duration = Duration::from_secs(3600);

/// A transport that is given one envelope at a time.
pub(super) struct Post {
    transport: Arc<dyn Transport>,
    pub(super) dsn: Dsn,
    losses: Option<Losses>,
}

/// What became of an envelope, as far as the transport tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It left, and no loss was reported.
    Left,
    /// It did not arrive; why.
    Lost(&'static str),
}

impl Post {
    /// A transport made by the client's factory, or none if the client has no DSN or no transport.
    pub(super) fn open(options: &ClientOptions, with_losses: bool) -> Option<Self> {
        let factory = options.transport.as_ref()?;
        let transport = TransportOptions::try_from_client_options(options)?;
        let dsn = transport.dsn.clone();
        if !with_losses {
            return Some(Self { transport: factory.create_transport_with_options(transport), dsn, losses: None });
        }
        let tap = Arc::new(Tap { factory: Arc::clone(factory), made: Mutex::default(), told: Arc::default() });
        let mut own = ClientOptions::new();
        own.dsn.clone_from(&options.dsn);
        own.user_agent.clone_from(&options.user_agent);
        own.http_proxy.clone_from(&options.http_proxy);
        own.https_proxy.clone_from(&options.https_proxy);
        own.accept_invalid_certs = options.accept_invalid_certs;
        own.transport_channel_capacity = options.transport_channel_capacity;
        own.transport = Some(Arc::<Tap>::clone(&tap));
        let client = Client::from(own);
        let transport = tap.made.lock().take()?;
        let losses = Losses { client, told: Arc::clone(&tap.told), untold: None };
        Some(Self { transport, dsn, losses: Some(losses) })
    }

    /// Sends an envelope and waits until the transport is done with it, whatever came of it: at
    /// most one is ever in its queue.
    pub(super) fn send(&self, envelope: Envelope) -> Fate {
        self.transport.send_envelope(envelope);
        let start = Instant::now();
        if !self.transport.flush(ANSWER) {
            if start.elapsed() >= ANSWER {
                return Fate::Lost(ledger::reason::TIMEOUT);
            }
            report("sentry", "the transport can't be flushed: it has ended, or it does not tell when it is done");
        }
        ledger::sent(What::Envelope, 1);
        Fate::Left
    }

    /// Sends metrics of the kind that the SDK knows, whose losses it reports.
    pub(super) fn send_metrics(&mut self, metrics: Vec<Metric>) -> Fate {
        let count = metrics.len() as u64;
        let headers = EnvelopeHeaders::new().with_dsn(self.dsn.clone()).with_sent_at(SystemTime::now());
        let mut envelope = Envelope::new().with_headers(headers);
        envelope.add_item(metrics);
        let untold = self.losses.as_mut().and_then(|losses| losses.untold.take());
        if let Some(report) = &untold {
            envelope.add_item(report.clone());
        }
        let fate = self.send(envelope);
        let Some(losses) = &mut self.losses else { return fate };
        losses.untold = losses.take();
        match (&losses.untold, fate) {
            (Some(report), Fate::Left) => judge(count, untold.as_ref(), report),
            _ => fate,
        }
    }

    /// Waits for what is on its way. The transport is not shut down: a factory may hand out the same one to
    /// others, and one that is ours ends when it is dropped.
    pub(super) fn close(self, patience: Duration) {
        self.transport.flush(patience);
    }
}

/// Whether `count` metrics are among what `now` reports as lost. They went together with an
/// earlier report; a report that is itself lost comes back as part of the next.
fn judge(count: u64, earlier: Option<&ClientReport>, now: &ClientReport) -> Fate {
    let back = total(now) >= count + earlier.map_or(0, total);
    let earlier = earlier.filter(|_| back);
    let of = |reason| earlier.map_or(0, |report| losses(report).filter(|one| one.0 == reason).map(|one| one.1).sum());
    let new = losses(now).find(|(reason, quantity)| *quantity > of(*reason));
    new.map_or(Fate::Left, |(reason, _)| Fate::Lost(name(reason)))
}

fn losses(report: &ClientReport) -> impl Iterator<Item = (Reason, u64)> + '_ {
    let metrics = report.losses().filter(|loss| loss.category == Category::TraceMetric);
    metrics.map(|loss| (loss.reason.unwrap_or(Reason::InternalSdkError), loss.quantity))
}

fn total(report: &ClientReport) -> u64 {
    losses(report).map(|(_, quantity)| quantity).sum()
}

/// As Sentry's protocol calls it.
fn name(reason: Reason) -> &'static str {
    match reason {
        Reason::SendError => "send_error",
        Reason::NetworkError => "network_error",
        Reason::RatelimitBackoff => "ratelimit_backoff",
        Reason::QueueOverflow => "queue_overflow",
        _ => "internal_sdk_error",
    }
}

/// What transports report of losses goes to the client that made them, which puts it into its next
/// envelope. So this is a client that sends nothing but such envelopes, to us.
struct Losses {
    client: Client,
    told: Arc<Told>,
    /// The report that has not reached Sentry yet.
    untold: Option<ClientReport>,
}

impl Losses {
    fn take(&self) -> Option<ClientReport> {
        self.client.send_envelope(Envelope::new());
        self.told.0.lock().take()
    }
}

/// The transport of that client.
#[derive(Default)]
struct Told(Mutex<Option<ClientReport>>);

impl Transport for Told {
    fn send_envelope(&self, envelope: Envelope) {
        for item in envelope.into_items() {
            if let EnvelopeItem::ClientReport(report) = item {
                *self.0.lock() = Some(report);
            }
        }
    }
}

/// A factory that makes the transport that it is asked for, and keeps it for us.
struct Tap {
    factory: Arc<dyn TransportFactory>,
    made: Mutex<Option<Arc<dyn Transport>>>,
    told: Arc<Told>,
}

impl TransportFactory for Tap {
    fn create_transport_with_options(&self, options: TransportOptions) -> Arc<dyn Transport> {
        *self.made.lock() = Some(self.factory.create_transport_with_options(options));
        Arc::<Told>::clone(&self.told)
    }
}

impl fmt::Debug for Post {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Post").field("dsn", &self.dsn).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sentry_core::protocol::client_report::Item;

    fn report(losses: &[(Reason, u64)]) -> ClientReport {
        let items = losses.iter().map(|(reason, quantity)| Item::new(Category::TraceMetric, *reason, *quantity));
        ClientReport::new(items.collect::<Vec<_>>())
    }

    #[test]
    fn a_loss_is_told_from_an_earlier_one_that_is_reported_again() {
        let earlier = report(&[(Reason::NetworkError, 5)]);
        let lost = |now: &[(Reason, u64)]| judge(3, Some(&earlier), &report(now));
        // The metrics were held back by their category, the earlier report arrived.
        assert_eq!(lost(&[(Reason::RatelimitBackoff, 3)]), Fate::Lost("ratelimit_backoff"));
        // Both were lost, for the same reason or for another.
        assert_eq!(lost(&[(Reason::NetworkError, 8)]), Fate::Lost("network_error"));
        assert_eq!(lost(&[(Reason::NetworkError, 5), (Reason::SendError, 3)]), Fate::Lost("send_error"));
        assert_eq!(judge(3, None, &report(&[(Reason::SendError, 3)])), Fate::Lost("send_error"));
        assert_eq!(judge(3, None, &report(&[])), Fate::Left);
    }
}
