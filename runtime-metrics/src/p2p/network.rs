//! `NetworkMetrics`: what happens in one network that a node is in.

use super::labelled;
use crate::LabelValue;
#[cfg(feature = "set")]
use crate::metric::Set;
use crate::metric::{Counter, Gauge, Histogram};
use std::hash::Hash;
use std::time::Duration;

/// The metrics of one network, which is the label `network`.
///
/// | metric | what it tells, and what its movement means |
/// |---|---|
/// | `p2p_network_active_peers` | Peers that are connected. 0: the node is alone. |
/// | `p2p_network_peers_seen` | How many different peers messages went to or came from (feature `set`). Rising while `p2p_network_active_peers` stands: peers come and go. |
/// | `p2p_network_peer_messages_per_second` | How much single peers talk. A far tail: one of them floods. |
/// | `p2p_network_peer_latency_seconds` | Time of a message to its peer, and of the answer back if there is one. |
/// | `p2p_network_sent_bytes_total`, `p2p_network_received_bytes_total` | Payload. |
/// | `p2p_network_bandwidth_bytes_per_second` | How fast messages went: size over time. Sinking at the same sizes: the way is congested, or the peer is busy. |
/// | `p2p_network_discovery_attempts_total`, `p2p_network_discovery_successes_total` | Searches for peers. Attempts without successes: the node can't get in. |
/// | `p2p_network_discovery_time_seconds` | Time of the searches that found someone. |
///
/// Clones, and sets made with the same labels, count into the same series.
///
/// ```
/// use runtime_metrics::p2p::NetworkMetrics;
/// use runtime_metrics::{Reading, registry};
/// use std::time::Duration;
///
/// let green = NetworkMetrics::new("green");
/// green.record_peer_joined();
/// green.record_peer_message("12D3KooW", 100, Duration::from_millis(5));
/// green.record_peer_message_received("12D3KooW", 20);
///
/// let labels = [("network", "green")];
/// assert_eq!(registry().get("p2p_network_active_peers", &labels), Some(Reading::Gauge(1.0)));
/// assert_eq!(registry().get("p2p_network_received_bytes_total", &labels), Some(Reading::Counter(20)));
/// ```
#[derive(Clone, Debug)]
pub struct NetworkMetrics {
    active_peers: Gauge,
    #[cfg(feature = "set")]
    peers_seen: Set,
    peer_message_rates: Histogram,
    peer_latencies: Histogram,
    bytes_sent: Counter,
    bytes_received: Counter,
    bandwidth_usage: Histogram,
    discovery_attempts: Counter,
    discovery_successes: Counter,
    discovery_time: Histogram,
}

impl NetworkMetrics {
    /// The metrics of a network, by its name.
    ///
    /// ```
    /// let network = runtime_metrics::p2p::NetworkMetrics::new("north");
    /// network.record_peer_joined();
    /// ```
    pub fn new(network: impl LabelValue) -> Self {
        Self::with_labels(network, &[])
    }

    /// The same with more labels; each must have few values, which a peer id has not (see
    /// [the module](super#labels)).
    ///
    /// ```
    /// let network = runtime_metrics::p2p::NetworkMetrics::with_labels("north", &[("node", &"n1")]);
    /// network.record_peer_joined();
    /// ```
    pub fn with_labels(network: impl LabelValue, labels: &[(&'static str, &dyn LabelValue)]) -> Self {
        let mut labels: Vec<(&'static str, &dyn LabelValue)> = labels.to_vec();
        labels.push(("network", &network));
        let counter = |name, help| labelled(Counter::new(name, help), &labels).register();
        let histogram = |name, help| labelled(Histogram::new(name, help), &labels).register();
        let peers = Gauge::new("p2p_network_active_peers", "Peers that are connected.");
        #[cfg(feature = "set")]
        let seen = Set::new("p2p_network_peers_seen", "Different peers that messages went to or came from.");
        Self {
            active_peers: labelled(peers, &labels).register(),
            #[cfg(feature = "set")]
            peers_seen: labelled(seen, &labels).register(),
            peer_message_rates: histogram("p2p_network_peer_messages_per_second", "How much a peer talks."),
            peer_latencies: histogram("p2p_network_peer_latency_seconds", "Time of a message to its peer."),
            bytes_sent: counter("p2p_network_sent_bytes_total", "Payload of messages to peers."),
            bytes_received: counter("p2p_network_received_bytes_total", "Payload of messages from peers."),
            bandwidth_usage: histogram("p2p_network_bandwidth_bytes_per_second", "How fast a message went."),
            discovery_attempts: counter("p2p_network_discovery_attempts_total", "Searches for peers that ended."),
            discovery_successes: counter("p2p_network_discovery_successes_total", "Searches that found a peer."),
            discovery_time: histogram("p2p_network_discovery_time_seconds", "Time of searches that found a peer."),
        }
    }

    /// A peer is connected, that was not: count peers here, not connections.
    ///
    /// ```
    /// use runtime_metrics::{Reading, p2p::NetworkMetrics, registry};
    ///
    /// NetworkMetrics::new("joined").record_peer_joined();
    /// let peers = registry().get("p2p_network_active_peers", &[("network", "joined")]);
    /// assert_eq!(peers, Some(Reading::Gauge(1.0)));
    /// ```
    #[inline]
    pub fn record_peer_joined(&self) {
        self.active_peers.increment();
    }

    /// A peer's last connection is closed.
    ///
    /// ```
    /// use runtime_metrics::{Reading, p2p::NetworkMetrics, registry};
    ///
    /// let network = NetworkMetrics::new("left");
    /// network.record_peer_joined();
    /// network.record_peer_left();
    /// let peers = registry().get("p2p_network_active_peers", &[("network", "left")]);
    /// assert_eq!(peers, Some(Reading::Gauge(0.0)));
    /// ```
    #[inline]
    pub fn record_peer_left(&self) {
        self.active_peers.decrement();
    }

    /// Sets how many peers are connected, from a transport that can be asked.
    ///
    /// ```
    /// use runtime_metrics::{Reading, p2p::NetworkMetrics, registry};
    ///
    /// NetworkMetrics::new("asked").set_active_peers(5);
    /// let peers = registry().get("p2p_network_active_peers", &[("network", "asked")]);
    /// assert_eq!(peers, Some(Reading::Gauge(5.0)));
    /// ```
    #[inline]
    pub fn set_active_peers(&self, peers: usize) {
        self.active_peers.set(peers);
    }

    /// A message of `size` bytes went to a peer and took `duration`: until it was there, or until it was
    /// answered, as the program prefers, and always the same. The peer is no label; with the feature
    /// `set` it is hashed, so that different ones can be counted. A message that took no time tells
    /// nothing of the bandwidth.
    ///
    /// ```
    /// use runtime_metrics::{Reading, p2p::NetworkMetrics, registry};
    /// use std::time::Duration;
    ///
    /// NetworkMetrics::new("sends").record_peer_message("12D3KooW", 1000, Duration::from_millis(500));
    /// let speed = registry().get("p2p_network_bandwidth_bytes_per_second", &[("network", "sends")]);
    /// assert!(matches!(speed, Some(Reading::Distribution(speed)) if speed.sum == 2000.0));
    /// ```
    #[inline]
    pub fn record_peer_message(&self, peer: &(impl Hash + ?Sized), size: usize, duration: Duration) {
        self.seen(peer);
        self.bytes_sent.add(size);
        self.peer_latencies.observe(duration);
        if !duration.is_zero() {
            self.bandwidth_usage.observe(size as f64 / duration.as_secs_f64());
        }
    }

    /// A message of `size` bytes came from a peer. How long it was on its way only its sender can know.
    ///
    /// ```
    /// use runtime_metrics::{Reading, p2p::NetworkMetrics, registry};
    ///
    /// NetworkMetrics::new("receives").record_peer_message_received("12D3KooW", 64);
    /// let received = registry().get("p2p_network_received_bytes_total", &[("network", "receives")]);
    /// assert_eq!(received, Some(Reading::Counter(64)));
    /// ```
    #[inline]
    pub fn record_peer_message_received(&self, peer: &(impl Hash + ?Sized), size: usize) {
        self.seen(peer);
        self.bytes_received.add(size);
    }

    /// One peer exchanged so many messages within `over`: call it for each peer in even intervals, or
    /// when the peer leaves. Only the program knows which messages are whose. No time at all tells no
    /// rate, and is not recorded.
    ///
    /// ```
    /// use runtime_metrics::{Reading, p2p::NetworkMetrics, registry};
    /// use std::time::Duration;
    ///
    /// NetworkMetrics::new("rates").record_peer_rate(30, Duration::from_secs(10));
    /// let rates = registry().get("p2p_network_peer_messages_per_second", &[("network", "rates")]);
    /// assert!(matches!(rates, Some(Reading::Distribution(rates)) if rates.sum == 3.0));
    /// ```
    #[inline]
    pub fn record_peer_rate(&self, messages: u64, over: Duration) {
        if !over.is_zero() {
            self.peer_message_rates.observe(messages as f64 / over.as_secs_f64());
        }
    }

    /// A search for peers ended after `duration`. Only that of a search that found someone is
    /// recorded: the others end when their time is up, whatever that is set to.
    ///
    /// ```
    /// use runtime_metrics::{Reading, p2p::NetworkMetrics, registry};
    /// use std::time::Duration;
    ///
    /// let network = NetworkMetrics::new("searches");
    /// network.record_discovery(true, Duration::from_millis(80));
    /// network.record_discovery(false, Duration::from_secs(10));
    /// let labels = [("network", "searches")];
    /// assert_eq!(registry().get("p2p_network_discovery_attempts_total", &labels), Some(Reading::Counter(2)));
    /// assert_eq!(registry().get("p2p_network_discovery_successes_total", &labels), Some(Reading::Counter(1)));
    /// ```
    #[inline]
    pub fn record_discovery(&self, success: bool, duration: Duration) {
        self.discovery_attempts.increment();
        if success {
            self.discovery_successes.increment();
            self.discovery_time.observe(duration);
        }
    }

    #[cfg(feature = "set")]
    #[inline]
    fn seen(&self, peer: &(impl Hash + ?Sized)) {
        self.peers_seen.insert(peer);
    }

    #[cfg(not(feature = "set"))]
    #[inline]
    #[allow(clippy::unused_self)] // nothing counts peers
    fn seen(&self, _peer: &(impl Hash + ?Sized)) {}
}
