//! A day in the woods: what the nodes do, and what each of them must have measured.
//!
//! What was asked for is written down here, by who asked, and not by the node that did it. What nodes do
//! by themselves (Kademlia connects as it likes) is in their journals, and how they are in the end their
//! swarms say.

use crate::gateway::Gateway;
use crate::journal::Truth;
use crate::ledger::Ledger;
use crate::node::{Ask, Node};
use libp2p::identity::Keypair;
use libp2p::kad::Quorum;
use runtime_metrics::{Reading, registry};
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::num::NonZeroUsize;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

type Done = Result<(), Box<dyn Error>>;

const GROVE: &str = "grove";
const MEADOW: &str = "meadow";
/// How long the nodes may take to see the last of what the others did.
const SETTLED: Duration = Duration::from_millis(500);

/// What a letter of a network begins with.
pub fn token(network: &str) -> Vec<u8> {
    format!("token of {network}:").into_bytes()
}

/// Whether something should work. If it does not happen as it should, the day proves nothing.
#[derive(Clone, Copy, PartialEq)]
enum Should {
    Work,
    Fail,
}
use Should::{Fail, Work};

/// Runs everything, and writes down what was done.
pub async fn run(ledger: &mut Ledger) -> Done {
    let alder = Node::start("alder", GROVE, None).await?;
    let birch = Node::start("birch", GROVE, None).await?;
    let cedar = Node::start("cedar", GROVE, None).await?;
    let dogwood = Node::start("dogwood", GROVE, None).await?;
    let elm = Node::start("elm", GROVE, Some(alder.peer)).await?;
    let heath = Node::start("heath", MEADOW, None).await?;
    let mut woods = Woods { ledger, met: BTreeMap::new() };
    let all = [&alder, &birch, &cedar, &dogwood, &elm, &heath];
    for node in all {
        woods.nothing_yet(node);
    }

    // Nobody knows anybody: the search finds no one.
    woods.ask(&dogwood, "find_peer", Ask::FindPeer(alder.peer), Fail).await?;
    let open = [&alder, &birch, &cedar, &dogwood];
    for node in open {
        for other in open.into_iter().filter(|other| other.peer != node.peer) {
            node.know(other).await?;
        }
    }
    alder.know(&elm).await?;
    elm.know(&alder).await?;
    for node in [&birch, &cedar, &dogwood, &elm, &heath] {
        woods.should(Work, "to dial alder", node.dial(&alder).await)?;
    }
    woods.should(Work, "a second connection", birch.dial(&alder).await)?;
    woods.values(open).await?;
    woods.through_the_gateway(&alder).await?;
    woods.letters(all).await?;
    woods.refusals(&alder, &birch, &elm).await?;
    woods.partings(&alder, &birch, &cedar, &heath).await?;

    let stopped = dogwood.stop().await?;
    tokio::time::sleep(SETTLED).await;
    woods.truth(&dogwood, &stopped);
    for node in [&alder, &birch, &cedar, &elm, &heath] {
        let truth = node.finish().await?;
        woods.truth(node, &truth);
    }
    woods.met();
    Ok(())
}

struct Woods<'a> {
    ledger: &'a mut Ledger,
    /// Whom each node wrote with.
    met: BTreeMap<(&'static str, &'static str), BTreeSet<&'static str>>,
}

impl Woods<'_> {
    async fn values(&mut self, open: [&Node; 4]) -> Done {
        let [alder, birch, cedar, dogwood] = open;
        for node in open {
            self.ask(node, "find_peer", Ask::FindPeer(cedar.peer), Work).await?;
        }
        for (number, node) in open.into_iter().cycle().take(12).enumerate() {
            let put = Ask::Put(key(number), vec![7; 100 * (number + 1)], Quorum::One);
            self.ask(node, "put", put, Work).await?;
        }
        for (number, node) in open.into_iter().rev().cycle().take(12).enumerate() {
            self.ask(node, "get", Ask::Get(key(number)), Work).await?;
        }
        self.ask(birch, "get", Ask::Get(b"what nobody stored".to_vec()), Fail).await?;
        // More copies than there are nodes: what there is is stored, and the put has failed.
        let many = NonZeroUsize::MIN.saturating_add(15);
        let put = Ask::Put(b"in many places".to_vec(), vec![1; 50], Quorum::N(many));
        self.ask(dogwood, "put", put, Fail).await?;
        self.ask(alder, "provide", Ask::Provide(b"acorns".to_vec()), Work).await?;
        self.ask(cedar, "find_providers", Ask::FindProviders(b"acorns".to_vec()), Work).await?;
        self.ask(cedar, "find_providers", Ask::FindProviders(b"truffles".to_vec()), Fail).await
    }

    async fn through_the_gateway(&mut self, node: &Node) -> Done {
        let gateway = Gateway::new(node);
        let (stays, goes) = (gateway.connect(), gateway.connect());
        for (client, key, should) in [(&stays, "value 0", Work), (&goes, "value 1", Work), (&goes, "nothing", Fail)] {
            let answer = client.fetch(key).await;
            // The gateway asks the node, which counts it as well.
            self.asked(node, "get", should == Work);
            self.ledger.count(node.name, "p2p_gateway_requests_total", &[], 1);
            self.ledger.count(node.name, "p2p_gateway_errors_total", &[], usize::from(should == Fail));
            self.should(should, "a value through the gateway", answer)?;
        }
        drop(goes);
        let open = registry().get("p2p_gateway_active_connections", &[("node", node.name)]);
        if open != Some(Reading::Gauge(1.0)) {
            return Err(format!("one client is at the gateway, and measured is {open:?}").into());
        }
        drop(stays);
        self.ledger.is(node.name, "p2p_gateway_active_connections", &[], 0);
        Ok(())
    }

    async fn letters(&mut self, all: [&Node; 6]) -> Done {
        let [alder, birch, cedar, dogwood, elm, heath] = all;
        for (number, (from, to)) in
            [(birch, alder), (cedar, alder), (alder, elm), (alder, birch), (dogwood, alder), (elm, alder)]
                .into_iter()
                .enumerate()
        {
            self.write(from, to, &vec![b'x'; 10 << number], true).await?;
        }
        self.write(birch, alder, b"with a wrong token", false).await?;
        // Of another network: connected, and with no language in common.
        let foreign = heath.write(alder, token(MEADOW)).await;
        self.should(Fail, "a letter to another network", foreign)
    }

    async fn refusals(&mut self, alder: &Node, birch: &Node, elm: &Node) -> Done {
        let somebody = Keypair::generate_ed25519().public().to_peer_id();
        let wrong = birch.dial_at(somebody, alder.address.clone()).await;
        self.should(Fail, "to find at an address who is not there", wrong)?;

        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await?;
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await
        });
        let address: libp2p::Multiaddr = format!("/ip4/127.0.0.1/tcp/{port}").parse()?;
        let web = alder.dial_at(somebody, address.clone()).await;
        self.should(Fail, "to dial a web server", web)?;
        server.await??;
        // The listener is gone with its task.
        self.should(Fail, "to dial a closed port", alder.dial_at(somebody, address).await)?;

        // A browser at a node's port: the node takes the first byte for the length of a greeting, and hangs
        // up when it has read that much.
        let port = alder.address.to_string().rsplit('/').next().unwrap_or_default().parse::<u16>()?;
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        let request = format!("GET /{} HTTP/1.1\r\nHost: alder\r\n\r\n", "leaves/".repeat(20));
        stream.write_all(request.as_bytes()).await?;
        // Whether it ends or is reset is all the same.
        _ = stream.read_to_end(&mut Vec::new()).await;

        // Elm lets in nobody but alder. Who dials hears of it only when the connection is closed again.
        _ = birch.dial(elm).await;
        Ok(())
    }

    async fn partings(&mut self, alder: &Node, birch: &Node, cedar: &Node, heath: &Node) -> Done {
        heath.leave(alder).await?;
        birch.leave(cedar).await?;
        // Two connections to one peer, which leaves once.
        birch.leave(alder).await?;
        // Whom a node blocks it loses at once, does not dial, and does not let in.
        birch.block(cedar).await?;
        self.should(Fail, "to dial whom one blocks", birch.dial(cedar).await)?;
        _ = cedar.dial(birch).await;
        self.should(Work, "to come back", heath.dial(alder).await)
    }

    /// Asks a node's hash table, and writes down that it did.
    async fn ask(&mut self, node: &Node, kind: &str, ask: Ask, should: Should) -> Done {
        let answer = node.ask(ask).await;
        self.asked(node, kind, answer.is_ok());
        self.should(should, &format!("{kind} of {}", node.name), answer)
    }

    fn asked(&mut self, node: &Node, kind: &str, worked: bool) {
        let (name, labels) = (node.name, [("type", kind)]);
        self.ledger.count(name, "p2p_dht_operations_total", &labels, 1);
        self.ledger.count(name, "p2p_dht_latency_seconds", &labels, 1);
        self.ledger.count(name, "p2p_dht_operation_failures_total", &labels, usize::from(!worked));
        if kind == "find_peer" {
            let network = [("network", node.network)];
            self.ledger.count(name, "p2p_network_discovery_attempts_total", &network, 1);
            self.ledger.count(name, "p2p_network_discovery_successes_total", &network, usize::from(worked));
            self.ledger.count(name, "p2p_network_discovery_time_seconds", &network, usize::from(worked));
        }
    }

    /// Writes a letter, and writes down at both ends what went and came.
    async fn write(&mut self, from: &Node, to: &Node, text: &[u8], with_token: bool) -> Done {
        let mut letter = if with_token { token(from.network) } else { Vec::new() };
        letter.extend_from_slice(text);
        let size = letter.len();
        let answer = from.write(to, letter).await?;
        if answer != if with_token { &b"welcome"[..] } else { b"no" } {
            return Err(format!("{} answered {}", to.name, String::from_utf8_lossy(&answer)).into());
        }
        self.went(from, to, size);
        self.went(to, from, answer.len());
        self.ledger.count(to.name, "p2p_token_validations_total", &[], 1);
        self.ledger.count(to.name, "p2p_token_validation_failures_total", &[], usize::from(!with_token));
        Ok(())
    }

    fn went(&mut self, from: &Node, to: &Node, size: usize) {
        self.ledger.count(from.name, "p2p_messages_sent_total", &[], 1);
        self.ledger.count(to.name, "p2p_messages_received_total", &[], 1);
        self.ledger.count(from.name, "p2p_network_sent_bytes_total", &[("network", from.network)], size);
        self.ledger.count(to.name, "p2p_network_received_bytes_total", &[("network", to.network)], size);
        for histogram in ["p2p_network_peer_latency_seconds", "p2p_network_bandwidth_bytes_per_second"] {
            self.ledger.count(from.name, histogram, &[("network", from.network)], 1);
        }
        for (node, other) in [(from, to), (to, from)] {
            self.ledger.count(node.name, "p2p_message_size_bytes", &[], 1);
            self.met.entry((node.name, node.network)).or_default().insert(other.name);
        }
    }

    /// What must be 0 unless it is done later.
    fn nothing_yet(&mut self, node: &Node) {
        for name in [
            "p2p_messages_sent_total",
            "p2p_messages_received_total",
            "p2p_message_size_bytes",
            "p2p_token_validations_total",
            "p2p_token_validation_failures_total",
        ] {
            self.ledger.count(node.name, name, &[], 0);
        }
        for name in [
            "p2p_network_sent_bytes_total",
            "p2p_network_received_bytes_total",
            "p2p_network_peer_latency_seconds",
            "p2p_network_bandwidth_bytes_per_second",
            "p2p_network_discovery_attempts_total",
            "p2p_network_discovery_successes_total",
        ] {
            self.ledger.count(node.name, name, &[("network", node.network)], 0);
        }
        for kind in ["put", "get", "provide", "find_providers", "find_peer", "other"] {
            self.ledger.count(node.name, "p2p_dht_operations_total", &[("type", kind)], 0);
            self.ledger.count(node.name, "p2p_dht_operation_failures_total", &[("type", kind)], 0);
        }
        self.met.insert((node.name, node.network), BTreeSet::new());
    }

    /// What a node's journal has, and what its swarm says.
    fn truth(&mut self, node: &Node, truth: &Truth) {
        let (ledger, name, network) = (&mut *self.ledger, node.name, [("network", node.network)]);
        ledger.is(name, "p2p_connections_total", &[], truth.opened + truth.failed);
        ledger.is(name, "p2p_failed_connections_total", &[], truth.failed);
        ledger.is(name, "p2p_active_connections", &[], truth.now.connections);
        ledger.is(name, "p2p_active_networks", &[], truth.now.networks);
        ledger.is(name, "p2p_peers_per_network", &[], truth.came + truth.left);
        ledger.is(name, "p2p_network_active_peers", &network, truth.now.peers);
        ledger.is(name, "p2p_network_peer_messages_per_second", &network, truth.left);
        ledger.is(name, "p2p_dht_storage_size_bytes", &[], truth.now.stored);
        let bootstrap = [("type", "bootstrap")];
        ledger.is(name, "p2p_dht_operations_total", &bootstrap, truth.bootstraps);
        ledger.is(name, "p2p_dht_operation_failures_total", &bootstrap, truth.failed_bootstraps);
    }

    fn met(&mut self) {
        for ((node, network), others) in &self.met {
            self.ledger.is(node, "p2p_network_peers_seen", &[("network", network)], others.len());
        }
    }

    /// A day on which nothing works would be measured rightly, too.
    #[allow(clippy::unused_self)] // reads as a sentence
    fn should<T>(&self, should: Should, what: &str, did: Result<T, String>) -> Done {
        match (should, did) {
            (Work, Err(why)) => Err(format!("{what} should work: {why}").into()),
            (Fail, Ok(_)) => Err(format!("{what} should fail").into()),
            (Work, Ok(_)) => Ok(()),
            (Fail, Err(why)) => {
                println!("{what} failed, as it should: {}", why.lines().next().unwrap_or_default());
                Ok(())
            }
        }
    }
}

fn key(number: usize) -> Vec<u8> {
    format!("value {number}").into_bytes()
}
