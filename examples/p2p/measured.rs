//! From what a swarm reports to metrics: each event is told to them once.

use crate::behaviour::BehaviourEvent;
use libp2p::PeerId;
use libp2p::swarm::SwarmEvent;
use runtime_metrics::p2p::{DhtOperation, NetworkMetrics, P2PMetrics};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// A node's metrics, and how much each connected peer has said: that is no label, but a histogram.
pub struct Measured {
    node: P2PMetrics,
    network: NetworkMetrics,
    peers: HashMap<PeerId, Peer>,
}

struct Peer {
    since: Instant,
    messages: u64,
}

impl Measured {
    /// There are several nodes in this process, and few in all: the label `node` tells them apart. A
    /// node that is alone in its process needs none.
    pub fn new(node: &str, network: &str) -> Self {
        let labels: [(_, &dyn runtime_metrics::LabelValue); 1] = [("node", &node)];
        let measured = Self {
            node: P2PMetrics::with_labels(&labels),
            network: NetworkMetrics::with_labels(network, &labels),
            peers: HashMap::new(),
        };
        measured.node.record_network_joined();
        measured
    }

    /// What the swarm reports of connections. Other events are told by who knows what they mean.
    pub fn connections(&mut self, event: &SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::ConnectionEstablished { peer_id, num_established, .. } => {
                self.node.record_connection(true);
                if num_established.get() == 1 {
                    self.peers.insert(*peer_id, Peer { since: Instant::now(), messages: 0 });
                    self.network.record_peer_joined();
                    self.node.record_network_peers(self.peers.len());
                }
            }
            SwarmEvent::ConnectionClosed { peer_id, num_established: 0, .. } => {
                self.node.record_disconnect();
                self.network.record_peer_left();
                if let Some(peer) = self.peers.remove(peer_id) {
                    self.network.record_peer_rate(peer.messages, peer.since.elapsed());
                }
                self.node.record_network_peers(self.peers.len());
            }
            SwarmEvent::ConnectionClosed { .. } => self.node.record_disconnect(),
            SwarmEvent::OutgoingConnectionError { .. } | SwarmEvent::IncomingConnectionError { .. } => {
                self.node.record_connection(false);
            }
            _ => {}
        }
    }

    /// The swarm would not even try to dial: no event follows.
    pub fn dial_refused(&self) {
        self.node.record_connection(false);
    }

    /// A message went to a peer.
    pub fn sent(&mut self, peer: &PeerId, size: usize, took: Duration) {
        self.node.record_message(size, true);
        self.network.record_peer_message(peer, size, took);
        self.counted(peer);
    }

    /// A message came from a peer.
    pub fn received(&mut self, peer: &PeerId, size: usize) {
        self.node.record_message(size, false);
        self.network.record_peer_message_received(peer, size);
        self.counted(peer);
    }

    fn counted(&mut self, peer: &PeerId) {
        if let Some(peer) = self.peers.get_mut(peer) {
            peer.messages += 1;
        }
    }

    /// A token was good, or was not.
    pub fn examined(&self, valid: bool) {
        self.node.record_token_validation(valid);
    }

    /// A query of Kademlia came to its end.
    pub fn query(&self, kind: DhtOperation, success: bool, took: Duration) {
        if success {
            self.node.record_dht_operation(kind, took);
        } else {
            self.node.record_dht_failure(kind, took);
        }
        if kind == DhtOperation::FindPeer {
            self.network.record_discovery(success, took);
        }
    }

    /// The store holds so many bytes now.
    pub fn stored(&self, bytes: usize) {
        self.node.set_dht_storage_size(bytes);
    }

    /// The swarm is gone, and reports nothing of its connections any more.
    pub fn stopped(&self) {
        self.node.set_active_connections(0);
        self.network.set_active_peers(0);
        self.node.set_dht_storage_size(0);
        self.node.record_network_left();
    }
}
