//! A node's own truth: which connections and queries it saw, by their ids, and what its swarm says at the end.

use crate::behaviour::BehaviourEvent;
use libp2p::swarm::{ConnectionId, SwarmEvent};
use libp2p::{PeerId, kad};
use std::collections::HashSet;

/// Ids, and not numbers: what is written down twice is there once.
#[derive(Default)]
pub struct Journal {
    opened: HashSet<ConnectionId>,
    failed: HashSet<ConnectionId>,
    refused_dials: usize,
    bootstraps: HashSet<kad::QueryId>,
    failed_bootstraps: HashSet<kad::QueryId>,
    /// In the order in which they happened: who came and who left.
    came: Vec<PeerId>,
    left: Vec<PeerId>,
}

/// What a node has done, and how it is, at the end.
#[derive(Debug)]
pub struct Truth {
    pub opened: usize,
    pub failed: usize,
    pub came: usize,
    pub left: usize,
    pub bootstraps: usize,
    pub failed_bootstraps: usize,
    pub now: Now,
}

/// What the swarm says of itself when it is asked.
#[derive(Debug, Default)]
pub struct Now {
    pub networks: usize,
    pub connections: usize,
    pub peers: usize,
    pub stored: usize,
}

impl Journal {
    pub fn saw(&mut self, event: &SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::ConnectionEstablished { connection_id, peer_id, num_established, .. } => {
                self.opened.insert(*connection_id);
                if num_established.get() == 1 {
                    self.came.push(*peer_id);
                }
            }
            SwarmEvent::ConnectionClosed { peer_id, num_established: 0, .. } => self.left.push(*peer_id),
            SwarmEvent::OutgoingConnectionError { connection_id, .. }
            | SwarmEvent::IncomingConnectionError { connection_id, .. } => {
                self.failed.insert(*connection_id);
            }
            SwarmEvent::Behaviour(BehaviourEvent::Kad(kad::Event::OutboundQueryProgressed {
                id,
                result: kad::QueryResult::Bootstrap(result),
                step: kad::ProgressStep { last: true, .. },
                ..
            })) => {
                self.bootstraps.insert(*id);
                if result.is_err() {
                    self.failed_bootstraps.insert(*id);
                }
            }
            _ => {}
        }
    }

    pub fn dial_refused(&mut self) {
        self.refused_dials += 1;
    }

    pub fn truth(&self, now: Now) -> Truth {
        Truth {
            opened: self.opened.len(),
            failed: self.failed.len() + self.refused_dials,
            came: self.came.len(),
            left: self.left.len(),
            bootstraps: self.bootstraps.len(),
            failed_bootstraps: self.failed_bootstraps.len(),
            now,
        }
    }
}
