//! Ready-made metric sets for a peer-to-peer node: its own, those of each network that it is in, and
//! those of a gateway.
//!
//! They know no particular transport: tell them what yours reports, and they count it. They exist from
//! when they are made, and a program that makes none exports none. [`P2PMetrics`] is for the node,
//! [`NetworkMetrics`] for one network of it, [`GatewayMetrics`] for a node through which others reach
//! the network. `examples/p2p` feeds them from libp2p.
//!
//! ```
//! use runtime_metrics::p2p::{NetworkMetrics, P2PMetrics};
//! use runtime_metrics::{Reading, registry};
//! use std::time::Duration;
//!
//! let node = P2PMetrics::new();
//! let blue = NetworkMetrics::new("blue");
//! node.record_connection(true);
//! node.record_message(512, true);
//! blue.record_peer_message("12D3KooW", 512, Duration::from_millis(8));
//! node.record_dht_operation("get", Duration::from_millis(30));
//! node.record_disconnect();
//!
//! assert_eq!(registry().get("p2p_active_connections", &[]), Some(Reading::Gauge(0.0)));
//! let sent = registry().get("p2p_network_sent_bytes_total", &[("network", "blue")]);
//! assert_eq!(sent, Some(Reading::Counter(512)));
//! ```
//!
//! # Labels
//!
//! No set has a label for the peer. Anyone who can reach a node can make as many peer ids as they like,
//! and each would be a series that stays; and an id tells who spoke with whom, which is nobody's
//! business at a metrics backend. What differs from peer to peer is a histogram, and how many peers
//! there are is counted without their names. What is worth telling apart and is bounded goes into
//! `with_labels`: several nodes in one process, the role of a node, a region.
//!
//! # What it costs
//!
//! To record is to record into a few handles: no lookup, no allocation, and 1 to 10 ns. With the feature
//! `set` the peer of a message is hashed and counted among those that were seen, which adds about 25 ns.

mod dht;
mod gateway;
mod network;
mod node;

pub use dht::DhtOperation;
pub use gateway::GatewayMetrics;
pub use network::NetworkMetrics;
pub use node::P2PMetrics;

use crate::label::LabelValue;
use crate::metric::Builder;

/// The labels of a whole set.
type Labels<'a> = &'a [(&'static str, &'a dyn LabelValue)];

fn labelled<M>(metric: Builder<M>, labels: Labels<'_>) -> Builder<M> {
    labels.iter().fold(metric, |metric, (name, value)| metric.with_label(*name, *value))
}
