//! What the collection thread does for Sentry: read everything, leave it to the one that sends it,
//! notice the close. It waits for no server.

use super::courier::Courier;
use super::ledger::{self, What, reason};
use super::{Inner, RuntimeMetricsIntegration, context, spans};
use crate::collect::{self, Tick};
use crate::config::RuntimeMetricsConfig;
use crate::protocol::{MetricType, RuntimeMetric};
use crate::registry::observer::Told;
use crate::registry::registry;
use crate::snapshot::Snapshot;
use crate::status::report;
use sentry_core::{Client, Hub, Integration};
use std::any::Any;
use std::collections::HashSet;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// How long the last envelopes may take to leave.
pub(super) const LAST: Duration = Duration::from_secs(2);

/// One read of everything.
pub(super) struct Collection {
    pub(super) snapshot: Snapshot,
    /// The counters that may have counted before the program started: those of collectors.
    pub(super) baseline: HashSet<String>,
}

pub(super) struct Shipper {
    inner: Weak<Inner>,
    courier: Courier<Collection>,
    client: Option<Weak<Client>>,
    /// Which built-in collectors are not wanted.
    unwanted: Vec<&'static str>,
    turn: Turn,
    /// Collections of which no envelope is made yet.
    batch: Vec<Collection>,
    batch_size: usize,
    /// What is recorded is told to spans as long as there is somebody to send them to.
    _told: Option<Told>,
    /// Whether the collectors have been asked.
    begun: bool,
}

impl Shipper {
    pub(super) fn new(
        inner: Weak<Inner>,
        courier: Courier<Collection>,
        config: &RuntimeMetricsConfig,
        told: Option<Told>,
    ) -> Self {
        // There from the start, for who wants to be told when they move.
        ledger::lost(What::Collection, reason::BUSY, 0);
        ledger::lost(What::Collection, reason::TIMEOUT, 0);
        Self {
            inner,
            courier,
            client: None,
            unwanted: unwanted(config),
            turn: Turn { rate: config.sample_rate, due: 1.0 - config.sample_rate },
            batch: Vec::new(),
            batch_size: config.batch_size,
            _told: told,
            begun: false,
        }
    }

    /// The client that was given this integration, once it is bound to the main hub.
    fn client(&mut self) -> Option<Arc<Client>> {
        if self.client.is_none() {
            let hubs = self.inner.upgrade()?.hubs.lock().clone();
            let hubs = hubs.iter().filter_map(Weak::upgrade).chain([Hub::main()]);
            let ours = |client: &Arc<Client>| client.options().integrations.iter().any(|other| self.is_ours(&**other));
            let client = hubs.filter_map(|hub| hub.client()).find(ours)?;
            self.client = Some(Arc::downgrade(&client));
        }
        self.client.as_ref()?.upgrade()
    }

    /// What the collectors find, which is kept for events as well.
    fn ask(&self) -> Vec<RuntimeMetric> {
        let collected = collect::only(|name| !self.unwanted.contains(&name));
        context::remember(&collected);
        collected
    }

    fn is_ours(&self, other: &dyn Integration) -> bool {
        let other: &dyn Any = other.as_any();
        let other = other.downcast_ref::<RuntimeMetricsIntegration>();
        other.is_some_and(|other| std::ptr::eq(Arc::as_ptr(&other.0), self.inner.as_ptr()))
    }

    fn round(&mut self, last: bool) {
        if !last && !self.turn.next() {
            // Events tell of it all the same.
            drop(self.ask());
            return;
        }
        self.batch.push(self.collect());
        if !last && self.batch.len() < self.batch_size {
            return;
        }
        let skipped = self.courier.hand_over(std::mem::take(&mut self.batch));
        if skipped > 0 {
            ledger::lost(What::Collection, reason::BUSY, skipped);
        }
        if !last {
            return;
        }
        let left = self.courier.close(LAST);
        if left > 0 {
            ledger::lost(What::Collection, reason::TIMEOUT, left);
            report("sentry", format!("the last envelope did not leave within {LAST:?}; is the Sentry server there?"));
        }
    }

    fn collect(&self) -> Collection {
        let mut snapshot = registry().snapshot();
        let collected = self.ask();
        let counters = collected.iter().filter(|metric| metric.metric_type == MetricType::Counter);
        let baseline = counters.map(|metric| metric.name.clone()).collect();
        snapshot.add(collected);
        Collection { snapshot, baseline }
    }
}

fn unwanted(config: &RuntimeMetricsConfig) -> Vec<&'static str> {
    let switches = [
        ("memory", config.collect_memory),
        ("process", config.collect_process),
        ("system", config.collect_system),
        ("tokio", config.collect_async_runtime),
        ("executor", config.collect_async_runtime),
    ];
    switches.into_iter().filter(|(_, wanted)| !wanted).map(|(name, _)| name).collect()
}

impl Tick for Shipper {
    fn tick(&mut self, last: bool) -> Option<Duration> {
        self.round(last);
        None
    }

    fn is_over(&mut self) -> bool {
        if !std::mem::replace(&mut self.begun, true) {
            spans::never_ask();
            // For the events that come before the first round.
            drop(self.ask());
        }
        let known = self.client.is_some();
        match self.client() {
            Some(client) => !client.is_enabled(),
            // A client that was there and is gone was dropped.
            None => known,
        }
    }
}

/// Which collections are made: a share of them, as evenly spread as can be, beginning with the
/// first.
struct Turn {
    rate: f64,
    due: f64,
}

impl Turn {
    fn next(&mut self) -> bool {
        self.due += self.rate;
        // A tenth added ten times is a hair less than one.
        let due = self.due > 1.0 - 1e-9 && self.rate > 0.0;
        if due {
            self.due -= 1.0;
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_the_collections_is_made_evenly_spread() {
        for (rate, made) in [(0.0, 0), (0.1, 10), (0.25, 25), (1.0 / 3.0, 34), (0.5, 50), (0.9, 90), (1.0, 100)] {
            let mut turn = Turn { rate, due: 1.0 - rate };
            let turns: Vec<bool> = (0..100).map(|_| turn.next()).collect();
            assert_eq!(turns.iter().filter(|made| **made).count(), made, "{rate}");
            assert_eq!(turns[0], rate > 0.0);
            let widest = turns.split(|made| *made).map(<[bool]>::len).max();
            assert!(rate == 0.0 || widest <= Some((1.0 / rate) as usize), "{rate}");
        }
    }
}
