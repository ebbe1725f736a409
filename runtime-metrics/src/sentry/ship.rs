//! What the collection thread does for Sentry: read everything, send it, notice the close.

use super::{Inner, RuntimeMetricsIntegration, context, envelope};
use crate::collect::{self, Tick};
use crate::protocol::{RuntimeMetric, RuntimeMetrics};
use crate::registry::observer::Told;
use crate::registry::registry;
use crate::status::report;
use sentry_core::types::Dsn;
use sentry_core::{Client, Hub, Integration, Transport};
use std::any::Any;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// How long the last envelope may take to leave.
const LAST: Duration = Duration::from_secs(2);

pub(super) struct Shipper {
    inner: Weak<Inner>,
    transport: Arc<dyn Transport>,
    dsn: Dsn,
    client: Option<Weak<Client>>,
    /// Which built-in collectors are not wanted.
    unwanted: Vec<&'static str>,
    /// What is recorded is told to spans as long as there is somebody to send them to.
    _told: Option<Told>,
    /// Whether the collectors have been asked.
    begun: bool,
}

impl Shipper {
    pub(super) fn new(inner: Weak<Inner>, transport: Arc<dyn Transport>, dsn: Dsn, told: Option<Told>) -> Self {
        let unwanted = inner.upgrade().map(|inner| unwanted(&inner)).unwrap_or_default();
        Self { inner, transport, dsn, client: None, unwanted, _told: told, begun: false }
    }

    /// The client that was given this integration, once it is bound to the main hub.
    fn client(&mut self) -> Option<Arc<Client>> {
        if self.client.is_none() {
            let client = Hub::main().client()?;
            let ours = client.options().integrations.iter().any(|other| self.is_ours(&**other));
            if ours {
                self.client = Some(Arc::downgrade(&client));
            }
        }
        self.client.as_ref()?.upgrade()
    }

    /// What the collectors find, which is kept for events as well.
    fn collect(&self) -> Vec<RuntimeMetric> {
        let collected = collect::only(|name| !self.unwanted.contains(&name));
        context::remember(&collected);
        collected
    }

    fn is_ours(&self, other: &dyn Integration) -> bool {
        let other: &dyn Any = other.as_any();
        let other = other.downcast_ref::<RuntimeMetricsIntegration>();
        other.is_some_and(|other| std::ptr::eq(Arc::as_ptr(&other.0), self.inner.as_ptr()))
    }
}

fn unwanted(inner: &Inner) -> Vec<&'static str> {
    let config = &inner.config;
    let switches = [
        ("memory", config.collect_memory),
        ("process", config.collect_process),
        ("tokio", config.collect_async_runtime),
    ];
    switches.into_iter().filter(|(_, wanted)| !wanted).map(|(name, _)| name).collect()
}

impl Tick for Shipper {
    fn tick(&mut self, last: bool) {
        let mut snapshot = registry().snapshot();
        let collected = self.collect();
        snapshot.add(collected);
        match envelope::encode(&self.dsn, &RuntimeMetrics::from(&snapshot)) {
            Ok(envelope) => self.transport.send_envelope(envelope),
            Err(error) => report("sentry", format!("an envelope could not be written and is left out: {error}")),
        }
        if last && !self.transport.shutdown(LAST) {
            report("sentry", format!("the last envelope did not leave within {LAST:?}; is the Sentry server there?"));
        }
    }

    fn is_over(&mut self) -> bool {
        if !std::mem::replace(&mut self.begun, true) {
            // For the events that come before the first round.
            drop(self.collect());
        }
        let known = self.client.is_some();
        match self.client() {
            Some(client) => !client.is_enabled(),
            // A client that was there and is gone was dropped.
            None => known,
        }
    }
}
