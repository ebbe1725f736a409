//! What a node can do: Kademlia, letters with an answer, and lists of who may connect.

use libp2p::allow_block_list::{AllowedPeers, Behaviour as List, BlockedPeers};
use libp2p::futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use libp2p::identity::Keypair;
use libp2p::kad::{self, store::MemoryStore};
use libp2p::request_response::{self as letters, ProtocolSupport};
use libp2p::swarm::NetworkBehaviour;
use libp2p::swarm::behaviour::toggle::Toggle;
use libp2p::{PeerId, StreamProtocol};
use std::error::Error;
use std::io;
use std::time::Duration;

/// No letter is longer.
const LONGEST: u64 = 1 << 20;

#[derive(NetworkBehaviour)]
pub struct Behaviour {
    pub kad: kad::Behaviour<MemoryStore>,
    pub letters: letters::Behaviour<Letters>,
    pub blocked: List<BlockedPeers>,
    /// Where it is on, nobody else may connect.
    pub allowed: Toggle<List<AllowedPeers>>,
}

impl Behaviour {
    /// Nodes of another network speak other protocols: they can connect, and do nothing with each other.
    pub fn new(key: &Keypair, network: &str, only: Option<PeerId>) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let own = key.public().to_peer_id();
        let mut config = kad::Config::new(StreamProtocol::try_from_owned(format!("/{network}/kad/1.0.0"))?);
        config.set_periodic_bootstrap_interval(None).set_query_timeout(Duration::from_secs(5));
        let mut kad = kad::Behaviour::with_config(own, MemoryStore::new(own), config);
        // All are reachable here; otherwise a node must first be told so by others.
        kad.set_mode(Some(kad::Mode::Server));
        let letter = StreamProtocol::try_from_owned(format!("/{network}/letter/1.0.0"))?;
        let allowed = only.map(|only| {
            let mut list = List::<AllowedPeers>::default();
            list.allow_peer(only);
            list
        });
        Ok(Self {
            kad,
            letters: letters::Behaviour::new([(letter, ProtocolSupport::Full)], letters::Config::default()),
            blocked: List::default(),
            allowed: allowed.into(),
        })
    }
}

/// A letter and its answer are bytes, until the stream is closed.
#[derive(Clone, Default)]
pub struct Letters;

impl letters::Codec for Letters {
    type Protocol = StreamProtocol;
    type Request = Vec<u8>;
    type Response = Vec<u8>;

    async fn read_request<T: AsyncRead + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        stream: &mut T,
    ) -> io::Result<Vec<u8>> {
        read(stream).await
    }

    async fn read_response<T: AsyncRead + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        stream: &mut T,
    ) -> io::Result<Vec<u8>> {
        read(stream).await
    }

    async fn write_request<T: AsyncWrite + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        stream: &mut T,
        letter: Vec<u8>,
    ) -> io::Result<()> {
        stream.write_all(&letter).await
    }

    async fn write_response<T: AsyncWrite + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        stream: &mut T,
        answer: Vec<u8>,
    ) -> io::Result<()> {
        stream.write_all(&answer).await
    }
}

async fn read(stream: &mut (impl AsyncRead + Unpin + Send)) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    stream.take(LONGEST).read_to_end(&mut bytes).await?;
    Ok(bytes)
}
