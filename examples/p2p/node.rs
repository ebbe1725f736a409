//! A node from outside: where it is, and what it can be asked to do.

use crate::behaviour::Behaviour;
use crate::inside::Inside;
use crate::journal::Truth;
use libp2p::futures::StreamExt;
use libp2p::kad::Quorum;
use libp2p::swarm::SwarmEvent;
use libp2p::{Multiaddr, PeerId, SwarmBuilder, noise, tcp, yamux};
use std::error::Error;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// What goes wrong between nodes is told in words.
pub type Told<T> = Result<T, String>;

/// A running node. Clones speak to the same one.
#[derive(Clone)]
pub struct Node {
    pub name: &'static str,
    pub network: &'static str,
    pub peer: PeerId,
    pub address: Multiaddr,
    orders: mpsc::Sender<Order>,
}

/// What a node can be asked to do, and where the answer goes.
pub enum Order {
    Know(PeerId, Multiaddr),
    Dial(PeerId, Multiaddr, oneshot::Sender<Told<()>>),
    Ask(Ask, oneshot::Sender<Told<usize>>),
    Write(PeerId, Vec<u8>, oneshot::Sender<Told<Vec<u8>>>),
    Block(PeerId),
    Leave(PeerId, oneshot::Sender<()>),
    Stop(oneshot::Sender<Truth>),
    Finish(oneshot::Sender<Truth>),
}

/// A question to the hash table. Its answer is a number: of bytes, or of peers.
pub enum Ask {
    Put(Vec<u8>, Vec<u8>, Quorum),
    Get(Vec<u8>),
    Provide(Vec<u8>),
    FindProviders(Vec<u8>),
    FindPeer(PeerId),
}

impl Node {
    /// Starts a node that listens on a free port of the loopback address. With `only`, nobody else may
    /// connect.
    pub async fn start(
        name: &'static str,
        network: &'static str,
        only: Option<PeerId>,
    ) -> Result<Self, Box<dyn Error>> {
        let mut swarm = SwarmBuilder::with_new_identity()
            .with_tokio()
            .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)?
            .with_behaviour(|key| Behaviour::new(key, network, only))?
            // Connections end because somebody ends them, and at no other time.
            .with_swarm_config(|config| config.with_idle_connection_timeout(Duration::from_mins(1)))
            .build();
        swarm.listen_on("/ip4/127.0.0.1/tcp/0".parse()?)?;
        let address = loop {
            if let SwarmEvent::NewListenAddr { address, .. } = swarm.select_next_some().await {
                break address;
            }
        };
        let peer = *swarm.local_peer_id();
        let (orders, received) = mpsc::channel(16);
        tokio::spawn(Inside::new(name, network, swarm).run(received));
        Ok(Self { name, network, peer, address, orders })
    }

    /// Tells the node where another one of its network is.
    pub async fn know(&self, other: &Self) -> Told<()> {
        self.order(Order::Know(other.peer, other.address.clone())).await
    }

    /// Connects, whether or not there is a connection already.
    pub async fn dial(&self, other: &Self) -> Told<()> {
        self.dial_at(other.peer, other.address.clone()).await
    }

    pub async fn dial_at(&self, peer: PeerId, address: Multiaddr) -> Told<()> {
        self.answer(|answer| Order::Dial(peer, address, answer)).await?
    }

    pub async fn ask(&self, ask: Ask) -> Told<usize> {
        self.answer(|answer| Order::Ask(ask, answer)).await?
    }

    /// Writes a letter and waits for the answer.
    pub async fn write(&self, to: &Self, letter: Vec<u8>) -> Told<Vec<u8>> {
        self.answer(|answer| Order::Write(to.peer, letter, answer)).await?
    }

    pub async fn block(&self, other: &Self) -> Told<()> {
        self.order(Order::Block(other.peer)).await
    }

    /// Closes all connections to a peer.
    pub async fn leave(&self, other: &Self) -> Told<()> {
        self.answer(|answer| Order::Leave(other.peer, answer)).await
    }

    /// Drops the node's swarm with all that is open.
    pub async fn stop(&self) -> Told<Truth> {
        self.answer(Order::Stop).await
    }

    /// From now on the node does nothing, and lets nothing go: what it says stays true.
    pub async fn finish(&self) -> Told<Truth> {
        self.answer(Order::Finish).await
    }

    async fn answer<T>(&self, order: impl FnOnce(oneshot::Sender<T>) -> Order) -> Told<T> {
        let (sender, answer) = oneshot::channel();
        self.order(order(sender)).await?;
        answer.await.map_err(|_| format!("{} gave no answer", self.name))
    }

    async fn order(&self, order: Order) -> Told<()> {
        self.orders.send(order).await.map_err(|_| format!("{} is not running", self.name))
    }
}
