//! What is done with a delivery: written as items, sent, counted.

use super::changes::Changes;
use super::courier::Deliver;
use super::envelope::{Bounds, Packer};
use super::ledger::{self, What, reason};
use super::post::{Fate, Post};
use super::ship::{Collection, LAST};
use super::traced::Traced;
use crate::config::RuntimeMetricsConfig;
use crate::protocol::RuntimeMetrics;
use crate::status::report;
use sentry_core::ClientOptions;

/// All that the thread of a client needs to send collections.
pub(super) struct Desk {
    /// There until the end.
    post: Option<Post>,
    bounds: Bounds,
    changes: Option<Changes>,
    traced: Option<Traced>,
    full_every: u32,
    round: u32,
}

impl Desk {
    pub(super) fn new(post: Post, options: &ClientOptions, config: &RuntimeMetricsConfig) -> Self {
        let bounds = Bounds { bytes: config.max_item_bytes, metrics: config.max_item_metrics };
        let traced = config.trace_metrics.then(|| Traced::new(options, config.only_changes, bounds));
        Self {
            post: Some(post),
            bounds,
            changes: config.only_changes.then(Changes::default),
            traced,
            full_every: config.full_every,
            round: 0,
        }
    }
}

impl Deliver for Desk {
    type Load = Collection;

    fn deliver(&mut self, load: Vec<Collection>) {
        let Self { post: Some(post), bounds, changes, traced, full_every, round } = self else { return };
        let rounds: Vec<bool> = load.iter().zip(*round..).map(|(_, round)| round % *full_every == 0).collect();
        *round = round.wrapping_add(load.len() as u32) % *full_every;
        let count = load.len();
        if let Err(error) = send(post, *bounds, changes.as_mut(), load.iter().zip(&rounds)) {
            ledger::lost(What::Collection, reason::UNWRITABLE, count);
            report("sentry", format!("an envelope could not be written and is left out: {error}"));
        }
        let Some(traced) = traced else { return };
        for (collection, full) in load.into_iter().zip(rounds) {
            traced.deliver(collection, full, post);
        }
    }
}

/// Sends `runtime_metrics` items, an envelope as soon as it is full.
fn send<'a>(
    post: &Post,
    bounds: Bounds,
    mut changes: Option<&mut Changes>,
    load: impl Iterator<Item = (&'a Collection, &'a bool)>,
) -> serde_json::Result<()> {
    let mut packer = Packer::new(&post.dsn, bounds, |envelope, metrics| match post.send(envelope) {
        Fate::Left => ledger::sent(What::Metric, metrics),
        Fate::Lost(reason) => ledger::lost(What::Metric, reason, metrics),
    });
    for (Collection { snapshot, .. }, full) in load {
        let payload = match &mut changes {
            Some(changes) => changes.of(snapshot, *full),
            None => Some(RuntimeMetrics::from(snapshot)),
        };
        if let Some(payload) = payload {
            packer.add(payload)?;
        }
    }
    packer.finish()
}

impl Drop for Desk {
    fn drop(&mut self) {
        if let Some(post) = self.post.take() {
            post.close(LAST);
        }
    }
}
