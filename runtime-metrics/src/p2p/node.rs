//! `P2PMetrics`: what a peer-to-peer node does as a whole.

use super::dht::DhtHandles;
use super::{DhtOperation, labelled};
use crate::LabelValue;
use crate::metric::{Counter, Gauge, Histogram};
use std::time::Duration;

/// The metrics of a peer-to-peer node.
///
/// | metric | what it tells, and what its movement means |
/// |---|---|
/// | `p2p_active_connections` | Connections that are open. Falling without a restart: the node loses touch. Rising without end: someone keeps connections, or [`record_disconnect`](Self::record_disconnect) is not called. |
/// | `p2p_connections_total` | Attempts, in both directions, that came to an end: opened or failed. Much faster than `p2p_active_connections` moves: connections don't last. |
/// | `p2p_failed_connections_total` | Attempts that failed. A share that rises: peers are gone, are refused, or speak another protocol. |
/// | `p2p_active_networks` | Networks that the node is in. |
/// | `p2p_peers_per_network` | How many peers a network had whenever that was told. Low quantiles that sink: a network falls apart. |
/// | `p2p_messages_sent_total`, `p2p_messages_received_total` | Messages. One that stands still while the other runs: a node that is heard and not answered, or the other way about. |
/// | `p2p_message_size_bytes` | Size of messages in both directions. |
/// | `p2p_dht_operations_total{type}` | Operations on the hash table that ended, well or badly. |
/// | `p2p_dht_operation_failures_total{type}` | Those that failed. Puts that fail: too few peers for the quorum. Gets: what was stored is lost. |
/// | `p2p_dht_latency_seconds{type}` | Time to the end of an operation, failures too, for a timeout is the worst of waits. Rising: peers that are known are no longer there. |
/// | `p2p_dht_storage_size_bytes` | What the node stores for the table. |
/// | `p2p_token_validations_total` | Tokens that were examined. |
/// | `p2p_token_validation_failures_total` | Those that were not valid. A burst: a clock is wrong, a key was changed, or somebody tries. |
///
/// Clones, and sets made with the same labels, count into the same series.
///
/// ```
/// use runtime_metrics::p2p::P2PMetrics;
/// use runtime_metrics::{Reading, registry};
///
/// let node = P2PMetrics::with_labels(&[("node", &"example")]);
/// node.record_connection(true);
/// node.record_connection(false);
///
/// let labels = [("node", "example")];
/// assert_eq!(registry().get("p2p_connections_total", &labels), Some(Reading::Counter(2)));
/// assert_eq!(registry().get("p2p_failed_connections_total", &labels), Some(Reading::Counter(1)));
/// assert_eq!(registry().get("p2p_active_connections", &labels), Some(Reading::Gauge(1.0)));
/// ```
#[derive(Clone, Debug)]
pub struct P2PMetrics {
    active_connections: Gauge,
    total_connections: Counter,
    failed_connections: Counter,
    active_networks: Gauge,
    peers_per_network: Histogram,
    messages_sent: Counter,
    messages_received: Counter,
    message_size: Histogram,
    dht: DhtHandles,
    dht_storage_size: Gauge,
    token_validations: Counter,
    token_validation_failures: Counter,
}

impl P2PMetrics {
    /// The metrics of the only node of this process.
    ///
    /// ```
    /// let node = runtime_metrics::p2p::P2PMetrics::new();
    /// node.record_connection(true);
    /// ```
    pub fn new() -> Self {
        Self::with_labels(&[])
    }

    /// The metrics of one of several nodes, or of one with something to tell about it. Each label must
    /// have few values; a peer id has not (see [the module](super#labels)).
    ///
    /// ```
    /// let node = runtime_metrics::p2p::P2PMetrics::with_labels(&[("node", &"north"), ("role", &"relay")]);
    /// node.record_connection(true);
    /// ```
    pub fn with_labels(labels: &[(&'static str, &dyn LabelValue)]) -> Self {
        let counter = |name, help| labelled(Counter::new(name, help), labels).register();
        let gauge = |name, help| labelled(Gauge::new(name, help), labels).register();
        let histogram = |name, help| labelled(Histogram::new(name, help), labels).register();
        Self {
            active_connections: gauge("p2p_active_connections", "Connections to peers that are open."),
            total_connections: counter("p2p_connections_total", "Connections that were opened, or failed to."),
            failed_connections: counter("p2p_failed_connections_total", "Connections that could not be opened."),
            active_networks: gauge("p2p_active_networks", "Networks that the node is in."),
            peers_per_network: histogram("p2p_peers_per_network", "Peers of a network, whenever it was told."),
            messages_sent: counter("p2p_messages_sent_total", "Messages to peers."),
            messages_received: counter("p2p_messages_received_total", "Messages from peers."),
            message_size: histogram("p2p_message_size_bytes", "Size of messages, to and from peers."),
            dht: DhtHandles::new(labels),
            dht_storage_size: gauge("p2p_dht_storage_size_bytes", "What is stored here for the hash table."),
            token_validations: counter("p2p_token_validations_total", "Tokens that were examined."),
            token_validation_failures: counter("p2p_token_validation_failures_total", "Tokens that were not valid."),
        }
    }

    /// An attempt to connect ended, in either direction: the connection is open, or it failed. Each
    /// success needs its [`record_disconnect`](Self::record_disconnect).
    ///
    /// ```
    /// use runtime_metrics::{Reading, p2p::P2PMetrics, registry};
    ///
    /// P2PMetrics::with_labels(&[("node", &"connects")]).record_connection(true);
    /// let open = registry().get("p2p_active_connections", &[("node", "connects")]);
    /// assert_eq!(open, Some(Reading::Gauge(1.0)));
    /// ```
    #[inline]
    pub fn record_connection(&self, success: bool) {
        self.total_connections.increment();
        if success {
            self.active_connections.increment();
        } else {
            self.failed_connections.increment();
        }
    }

    /// A connection that was open is closed, whoever closed it and why.
    ///
    /// ```
    /// use runtime_metrics::{Reading, p2p::P2PMetrics, registry};
    ///
    /// let node = P2PMetrics::with_labels(&[("node", &"disconnects")]);
    /// node.record_connection(true);
    /// node.record_disconnect();
    /// let open = registry().get("p2p_active_connections", &[("node", "disconnects")]);
    /// assert_eq!(open, Some(Reading::Gauge(0.0)));
    /// ```
    #[inline]
    pub fn record_disconnect(&self) {
        self.active_connections.decrement();
    }

    /// Sets how many connections are open, from a transport that can be asked: it drops connections
    /// without a word when it is shut down.
    ///
    /// ```
    /// use runtime_metrics::{Reading, p2p::P2PMetrics, registry};
    ///
    /// P2PMetrics::with_labels(&[("node", &"sets")]).set_active_connections(7);
    /// let open = registry().get("p2p_active_connections", &[("node", "sets")]);
    /// assert_eq!(open, Some(Reading::Gauge(7.0)));
    /// ```
    #[inline]
    pub fn set_active_connections(&self, open: usize) {
        self.active_connections.set(open);
    }

    /// The node is in one network more.
    ///
    /// ```
    /// use runtime_metrics::{Reading, p2p::P2PMetrics, registry};
    ///
    /// P2PMetrics::with_labels(&[("node", &"joins")]).record_network_joined();
    /// let networks = registry().get("p2p_active_networks", &[("node", "joins")]);
    /// assert_eq!(networks, Some(Reading::Gauge(1.0)));
    /// ```
    #[inline]
    pub fn record_network_joined(&self) {
        self.active_networks.increment();
    }

    /// The node is in one network less.
    ///
    /// ```
    /// use runtime_metrics::{Reading, p2p::P2PMetrics, registry};
    ///
    /// let node = P2PMetrics::with_labels(&[("node", &"leaves")]);
    /// node.record_network_joined();
    /// node.record_network_left();
    /// let networks = registry().get("p2p_active_networks", &[("node", "leaves")]);
    /// assert_eq!(networks, Some(Reading::Gauge(0.0)));
    /// ```
    #[inline]
    pub fn record_network_left(&self) {
        self.active_networks.decrement();
    }

    /// A network of the node has so many peers: call it whenever that changes, or in even intervals if
    /// every network is to weigh the same.
    ///
    /// ```
    /// use runtime_metrics::{Reading, p2p::P2PMetrics, registry};
    ///
    /// P2PMetrics::with_labels(&[("node", &"peers")]).record_network_peers(12);
    /// let peers = registry().get("p2p_peers_per_network", &[("node", "peers")]);
    /// assert!(matches!(peers, Some(Reading::Distribution(peers)) if peers.sum == 12.0));
    /// ```
    #[inline]
    pub fn record_network_peers(&self, peers: usize) {
        self.peers_per_network.observe(peers);
    }

    /// A message of `size` bytes left for a peer, or came from one.
    ///
    /// ```
    /// use runtime_metrics::{Reading, p2p::P2PMetrics, registry};
    ///
    /// let node = P2PMetrics::with_labels(&[("node", &"talks")]);
    /// node.record_message(100, true);
    /// node.record_message(300, false);
    /// let sent = registry().get("p2p_messages_sent_total", &[("node", "talks")]);
    /// assert_eq!(sent, Some(Reading::Counter(1)));
    /// ```
    #[inline]
    pub fn record_message(&self, size: usize, is_outbound: bool) {
        self.message_size.observe(size);
        if is_outbound {
            self.messages_sent.increment();
        } else {
            self.messages_received.increment();
        }
    }

    /// An operation on the hash table ended well after `duration`. A get that found nothing has
    /// failed: [`record_dht_failure`](Self::record_dht_failure).
    ///
    /// ```
    /// use runtime_metrics::p2p::{DhtOperation, P2PMetrics};
    /// use runtime_metrics::{Reading, registry};
    /// use std::time::Duration;
    ///
    /// let node = P2PMetrics::with_labels(&[("node", &"stores")]);
    /// node.record_dht_operation("put", Duration::from_millis(40));
    /// node.record_dht_operation(DhtOperation::Put, Duration::from_millis(40));
    /// let puts = registry().get("p2p_dht_operations_total", &[("node", "stores"), ("type", "put")]);
    /// assert_eq!(puts, Some(Reading::Counter(2)));
    /// ```
    #[inline]
    pub fn record_dht_operation(&self, op_type: impl Into<DhtOperation>, duration: Duration) {
        self.dht.record(op_type.into(), duration, true);
    }

    /// An operation on the hash table failed after `duration`. It counts as an operation too, so that
    /// failures are a share of operations.
    ///
    /// ```
    /// use runtime_metrics::{Reading, p2p::P2PMetrics, registry};
    /// use std::time::Duration;
    ///
    /// let node = P2PMetrics::with_labels(&[("node", &"fails")]);
    /// node.record_dht_failure("get", Duration::from_secs(10));
    /// let labels = [("node", "fails"), ("type", "get")];
    /// assert_eq!(registry().get("p2p_dht_operation_failures_total", &labels), Some(Reading::Counter(1)));
    /// assert_eq!(registry().get("p2p_dht_operations_total", &labels), Some(Reading::Counter(1)));
    /// ```
    #[inline]
    pub fn record_dht_failure(&self, op_type: impl Into<DhtOperation>, duration: Duration) {
        self.dht.record(op_type.into(), duration, false);
    }

    /// Sets how many bytes the node stores for the hash table.
    ///
    /// ```
    /// use runtime_metrics::{Reading, p2p::P2PMetrics, registry};
    ///
    /// P2PMetrics::with_labels(&[("node", &"keeps")]).set_dht_storage_size(4096);
    /// let stored = registry().get("p2p_dht_storage_size_bytes", &[("node", "keeps")]);
    /// assert_eq!(stored, Some(Reading::Gauge(4096.0)));
    /// ```
    #[inline]
    pub fn set_dht_storage_size(&self, bytes: usize) {
        self.dht_storage_size.set(bytes);
    }

    /// A token was examined.
    ///
    /// ```
    /// use runtime_metrics::{Reading, p2p::P2PMetrics, registry};
    ///
    /// let node = P2PMetrics::with_labels(&[("node", &"examines")]);
    /// node.record_token_validation(true);
    /// node.record_token_validation(false);
    /// let labels = [("node", "examines")];
    /// assert_eq!(registry().get("p2p_token_validations_total", &labels), Some(Reading::Counter(2)));
    /// assert_eq!(registry().get("p2p_token_validation_failures_total", &labels), Some(Reading::Counter(1)));
    /// ```
    #[inline]
    pub fn record_token_validation(&self, valid: bool) {
        self.token_validations.increment();
        if !valid {
            self.token_validation_failures.increment();
        }
    }
}

impl Default for P2PMetrics {
    fn default() -> Self {
        Self::new()
    }
}
