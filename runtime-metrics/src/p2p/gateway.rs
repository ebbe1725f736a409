//! `GatewayMetrics`: what passes through a node by which others reach the network.

use super::labelled;
use crate::LabelValue;
use crate::metric::{Counter, Gauge, Rate};

/// The metrics of a gateway. Each is a sum or adds up to one: the total over all gateways is the sum of
/// theirs, for the connections and for both rates; the share of errors is the one sum over the other.
///
/// | metric | what it tells, and what its movement means |
/// |---|---|
/// | `p2p_gateway_active_connections` | Clients that are connected. |
/// | `p2p_gateway_requests_total`, `p2p_gateway_requests_per_second` | Requests that ended, and how many lately. Falling while connections stay: requests hang. |
/// | `p2p_gateway_errors_total`, `p2p_gateway_errors_per_second` | Those that failed. Rising with the requests: load; alone: something behind the gateway broke. |
///
/// The rates are for readers that can't derive them from the counters ([`Rate`]), and are over the last
/// minute.
///
/// ```
/// use runtime_metrics::{Reading, p2p::GatewayMetrics, registry};
///
/// let gateway = GatewayMetrics::new();
/// gateway.record_connection();
/// gateway.record_request(true);
/// gateway.record_request(false);
///
/// assert_eq!(registry().get("p2p_gateway_active_connections", &[]), Some(Reading::Gauge(1.0)));
/// assert_eq!(registry().get("p2p_gateway_errors_total", &[]), Some(Reading::Counter(1)));
/// assert!(matches!(registry().get("p2p_gateway_errors_per_second", &[]), Some(Reading::Gauge(rate)) if rate > 0.0));
/// ```
#[derive(Clone, Debug)]
pub struct GatewayMetrics {
    active_connections: Gauge,
    requests: Counter,
    errors: Counter,
}

impl GatewayMetrics {
    /// The metrics of the only gateway of this process.
    ///
    /// ```
    /// let gateway = runtime_metrics::p2p::GatewayMetrics::new();
    /// gateway.record_request(true);
    /// ```
    pub fn new() -> Self {
        Self::with_labels(&[])
    }

    /// The metrics of one of several gateways. Each label must have few values.
    ///
    /// ```
    /// let gateway = runtime_metrics::p2p::GatewayMetrics::with_labels(&[("listener", &"public")]);
    /// gateway.record_request(true);
    /// ```
    pub fn with_labels(labels: &[(&'static str, &dyn LabelValue)]) -> Self {
        let counter = |name, help| labelled(Counter::new(name, help), labels).register();
        let requests = counter("p2p_gateway_requests_total", "Requests that ended, well or badly.");
        let errors = counter("p2p_gateway_errors_total", "Requests that failed.");
        // Once registered they are exported; nothing is recorded into them.
        Rate::new("p2p_gateway_requests_per_second", "Requests, lately.").of(&requests).register();
        Rate::new("p2p_gateway_errors_per_second", "Requests that failed, lately.").of(&errors).register();
        let open = Gauge::new("p2p_gateway_active_connections", "Clients that are connected.");
        Self { active_connections: labelled(open, labels).register(), requests, errors }
    }

    /// A client is connected.
    ///
    /// ```
    /// use runtime_metrics::{Reading, p2p::GatewayMetrics, registry};
    ///
    /// GatewayMetrics::with_labels(&[("listener", &"connects")]).record_connection();
    /// let open = registry().get("p2p_gateway_active_connections", &[("listener", "connects")]);
    /// assert_eq!(open, Some(Reading::Gauge(1.0)));
    /// ```
    #[inline]
    pub fn record_connection(&self) {
        self.active_connections.increment();
    }

    /// A client that was connected is gone.
    ///
    /// ```
    /// use runtime_metrics::{Reading, p2p::GatewayMetrics, registry};
    ///
    /// let gateway = GatewayMetrics::with_labels(&[("listener", &"disconnects")]);
    /// gateway.record_connection();
    /// gateway.record_disconnect();
    /// let open = registry().get("p2p_gateway_active_connections", &[("listener", "disconnects")]);
    /// assert_eq!(open, Some(Reading::Gauge(0.0)));
    /// ```
    #[inline]
    pub fn record_disconnect(&self) {
        self.active_connections.decrement();
    }

    /// A request ended.
    ///
    /// ```
    /// use runtime_metrics::{Reading, p2p::GatewayMetrics, registry};
    ///
    /// GatewayMetrics::with_labels(&[("listener", &"asks")]).record_request(false);
    /// let labels = [("listener", "asks")];
    /// assert_eq!(registry().get("p2p_gateway_requests_total", &labels), Some(Reading::Counter(1)));
    /// assert_eq!(registry().get("p2p_gateway_errors_total", &labels), Some(Reading::Counter(1)));
    /// ```
    #[inline]
    pub fn record_request(&self, success: bool) {
        self.requests.increment();
        if !success {
            self.errors.increment();
        }
    }
}

impl Default for GatewayMetrics {
    fn default() -> Self {
        Self::new()
    }
}
