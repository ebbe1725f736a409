//! A node from inside: the loop that drives its swarm, and tells the metrics and the journal what it sees.

use crate::behaviour::{Behaviour, BehaviourEvent};
use crate::journal::{Journal, Now};
use crate::measured::Measured;
use crate::node::{Ask, Order, Told};
use crate::scenario::token;
use libp2p::futures::StreamExt;
use libp2p::kad::{self, QueryResult, Record, store::RecordStore};
use libp2p::request_response::{self as letters, InboundRequestId, OutboundRequestId};
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{ConnectionId, SwarmEvent};
use libp2p::{PeerId, Swarm};
use runtime_metrics::p2p::DhtOperation;
use std::collections::HashMap;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};

pub struct Inside {
    swarm: Swarm<Behaviour>,
    token: Vec<u8>,
    measured: Measured,
    journal: Journal,
    dials: HashMap<ConnectionId, oneshot::Sender<Told<()>>>,
    questions: HashMap<kad::QueryId, Question>,
    written: HashMap<OutboundRequestId, Letter>,
    answered: HashMap<InboundRequestId, (usize, Instant)>,
    leaving: HashMap<PeerId, oneshot::Sender<()>>,
}

struct Question {
    kind: DhtOperation,
    /// Bytes or peers so far.
    found: usize,
    answer: oneshot::Sender<Told<usize>>,
}

struct Letter {
    size: usize,
    since: Instant,
    answer: oneshot::Sender<Told<Vec<u8>>>,
}

impl Inside {
    pub fn new(name: &str, network: &str, swarm: Swarm<Behaviour>) -> Self {
        Self {
            swarm,
            token: token(network),
            measured: Measured::new(name, network),
            journal: Journal::default(),
            dials: HashMap::new(),
            questions: HashMap::new(),
            written: HashMap::new(),
            answered: HashMap::new(),
            leaving: HashMap::new(),
        }
    }

    /// Runs until it is stopped. Who asked and does not wait for the answer is not an error.
    pub async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        loop {
            tokio::select! {
                order = orders.recv() => match order {
                    None => return,
                    Some(Order::Stop(answer)) => {
                        let Self { swarm, measured, journal, .. } = self;
                        drop(swarm);
                        measured.stopped();
                        _ = answer.send(journal.truth(Now::default()));
                        return;
                    }
                    Some(Order::Finish(answer)) => {
                        let now = self.now();
                        _ = answer.send(self.journal.truth(now));
                        // The connections stay until the last one who could ask is gone.
                        while orders.recv().await.is_some() {}
                        return;
                    }
                    Some(order) => self.take(order),
                },
                event = self.swarm.select_next_some() => self.saw(event),
            }
        }
    }

    fn take(&mut self, order: Order) {
        let behaviour = self.swarm.behaviour_mut();
        match order {
            Order::Know(peer, address) => _ = behaviour.kad.add_address(&peer, address),
            Order::Block(peer) => _ = behaviour.blocked.block_peer(peer),
            Order::Dial(peer, address, answer) => {
                let wish = DialOpts::peer_id(peer).addresses(vec![address]).condition(PeerCondition::Always).build();
                let id = wish.connection_id();
                match self.swarm.dial(wish) {
                    Ok(()) => _ = self.dials.insert(id, answer),
                    Err(refused) => {
                        self.journal.dial_refused();
                        self.measured.dial_refused();
                        _ = answer.send(Err(refused.to_string()));
                    }
                }
            }
            Order::Ask(ask, answer) => self.ask(ask, answer),
            Order::Write(peer, letter, answer) => {
                let (size, since) = (letter.len(), Instant::now());
                let id = behaviour.letters.send_request(&peer, letter);
                self.written.insert(id, Letter { size, since, answer });
            }
            Order::Leave(peer, answer) => {
                if self.swarm.disconnect_peer_id(peer).is_ok() {
                    self.leaving.insert(peer, answer);
                } else {
                    _ = answer.send(());
                }
            }
            // They end the loop, in `run`.
            Order::Stop(_) | Order::Finish(_) => {}
        }
    }

    fn ask(&mut self, ask: Ask, answer: oneshot::Sender<Told<usize>>) {
        let kad = &mut self.swarm.behaviour_mut().kad;
        let (kind, begun) = match ask {
            Ask::Put(key, value, quorum) => {
                let put = kad.put_record(Record::new(key, value), quorum);
                (DhtOperation::Put, put.map_err(|error| error.to_string()))
            }
            Ask::Get(key) => (DhtOperation::Get, Ok(kad.get_record(key.into()))),
            Ask::Provide(key) => {
                (DhtOperation::Provide, kad.start_providing(key.into()).map_err(|error| error.to_string()))
            }
            Ask::FindProviders(key) => (DhtOperation::FindProviders, Ok(kad.get_providers(key.into()))),
            Ask::FindPeer(peer) => (DhtOperation::FindPeer, Ok(kad.get_closest_peers(peer))),
        };
        match begun {
            Ok(id) => _ = self.questions.insert(id, Question { kind, found: 0, answer }),
            Err(error) => {
                self.measured.query(kind, false, Duration::ZERO);
                _ = answer.send(Err(error));
            }
        }
        self.measure_store();
    }

    fn saw(&mut self, event: SwarmEvent<BehaviourEvent>) {
        self.journal.saw(&event);
        self.measured.connections(&event);
        match event {
            SwarmEvent::ConnectionEstablished { connection_id, .. } => {
                if let Some(answer) = self.dials.remove(&connection_id) {
                    _ = answer.send(Ok(()));
                }
            }
            SwarmEvent::OutgoingConnectionError { connection_id, error, .. } => {
                if let Some(answer) = self.dials.remove(&connection_id) {
                    _ = answer.send(Err(error.to_string()));
                }
            }
            SwarmEvent::ConnectionClosed { peer_id, num_established: 0, .. } => {
                if let Some(answer) = self.leaving.remove(&peer_id) {
                    _ = answer.send(());
                }
            }
            SwarmEvent::Behaviour(BehaviourEvent::Kad(event)) => self.saw_kad(event),
            SwarmEvent::Behaviour(BehaviourEvent::Letters(event)) => self.saw_letter(event),
            _ => {}
        }
    }

    fn saw_kad(&mut self, event: kad::Event) {
        match event {
            kad::Event::InboundRequest { request: kad::InboundRequest::PutRecord { .. } } => {
                self.measure_store();
            }
            kad::Event::OutboundQueryProgressed { id, result, stats, step } => {
                let failed = failure(&result);
                let took = stats.duration().unwrap_or_default();
                if let Some(question) = self.questions.get_mut(&id) {
                    question.found += found(&result);
                    if step.last
                        && let Some(question) = self.questions.remove(&id)
                    {
                        let answer = question.judged(failed);
                        self.measured.query(question.kind, answer.is_ok(), took);
                        _ = question.answer.send(answer);
                    }
                } else if step.last && matches!(result, QueryResult::Bootstrap(_)) {
                    // Kademlia's own idea, when it hears of a new peer.
                    self.measured.query(DhtOperation::Bootstrap, failed.is_none(), took);
                }
            }
            _ => {}
        }
    }

    /// A letter counts when it is answered, and an answer when it has left: before, nobody knows whether
    /// the other side understands letters at all.
    fn saw_letter(&mut self, event: letters::Event<Vec<u8>, Vec<u8>>) {
        match event {
            letters::Event::Message { peer, message, .. } => match message {
                letters::Message::Request { request_id, request, channel } => {
                    self.measured.received(&peer, request.len());
                    let valid = request.starts_with(&self.token);
                    self.measured.examined(valid);
                    let answer = if valid { b"welcome".to_vec() } else { b"no".to_vec() };
                    self.answered.insert(request_id, (answer.len(), Instant::now()));
                    // Fails if the peer is gone; then there is an event for it.
                    _ = self.swarm.behaviour_mut().letters.send_response(channel, answer);
                }
                letters::Message::Response { request_id, response } => {
                    if let Some(letter) = self.written.remove(&request_id) {
                        self.measured.sent(&peer, letter.size, letter.since.elapsed());
                        self.measured.received(&peer, response.len());
                        _ = letter.answer.send(Ok(response));
                    }
                }
            },
            letters::Event::ResponseSent { peer, request_id, .. } => {
                if let Some((size, since)) = self.answered.remove(&request_id) {
                    self.measured.sent(&peer, size, since.elapsed());
                }
            }
            letters::Event::OutboundFailure { request_id, error, .. } => {
                if let Some(letter) = self.written.remove(&request_id) {
                    _ = letter.answer.send(Err(error.to_string()));
                }
            }
            letters::Event::InboundFailure { request_id, .. } => _ = self.answered.remove(&request_id),
        }
    }

    fn measure_store(&mut self) {
        let bytes = self.stored();
        self.measured.stored(bytes);
    }

    fn stored(&mut self) -> usize {
        self.swarm.behaviour_mut().kad.store_mut().records().map(|record| record.value.len()).sum()
    }

    fn now(&mut self) -> Now {
        let stored = self.stored();
        let connections = self.swarm.network_info().connection_counters().num_established();
        Now { networks: 1, connections: connections as usize, peers: self.swarm.connected_peers().count(), stored }
    }
}

impl Question {
    /// Who looked for something has failed if nothing was found, whatever the query thinks of itself.
    fn judged(&self, failed: Option<String>) -> Told<usize> {
        let looked = matches!(self.kind, DhtOperation::Get | DhtOperation::FindProviders | DhtOperation::FindPeer);
        match failed {
            _ if looked && self.found > 0 => Ok(self.found),
            Some(why) => Err(why),
            None if looked => Err("nothing was found".to_owned()),
            None => Ok(0),
        }
    }
}

/// What a step of a query found: bytes of a record, or peers.
fn found(result: &QueryResult) -> usize {
    match result {
        QueryResult::GetRecord(Ok(kad::GetRecordOk::FoundRecord(found))) => found.record.value.len(),
        QueryResult::GetProviders(Ok(kad::GetProvidersOk::FoundProviders { providers, .. })) => providers.len(),
        QueryResult::GetClosestPeers(Ok(closest)) => closest.peers.len(),
        _ => 0,
    }
}

fn failure(result: &QueryResult) -> Option<String> {
    match result {
        QueryResult::Bootstrap(result) => result.as_ref().err().map(ToString::to_string),
        QueryResult::GetClosestPeers(result) => result.as_ref().err().map(ToString::to_string),
        QueryResult::GetProviders(result) => result.as_ref().err().map(ToString::to_string),
        QueryResult::StartProviding(result) | QueryResult::RepublishProvider(result) => {
            result.as_ref().err().map(ToString::to_string)
        }
        QueryResult::GetRecord(result) => result.as_ref().err().map(ToString::to_string),
        QueryResult::PutRecord(result) | QueryResult::RepublishRecord(result) => {
            result.as_ref().err().map(ToString::to_string)
        }
    }
}
