//! A gateway: clients outside the network ask a node for values through it.

use crate::node::{Ask, Node, Told};
use runtime_metrics::p2p::GatewayMetrics;

/// The way into the network for clients that are no nodes.
pub struct Gateway {
    metrics: GatewayMetrics,
    node: Node,
}

impl Gateway {
    pub fn new(node: &Node) -> Self {
        Self { metrics: GatewayMetrics::with_labels(&[("node", &node.name)]), node: node.clone() }
    }

    /// A client comes; it is gone when this is dropped.
    pub fn connect(&self) -> Client<'_> {
        self.metrics.record_connection();
        Client(self)
    }
}

/// A connected client.
pub struct Client<'a>(&'a Gateway);

impl Client<'_> {
    /// How long the value of a key is.
    pub async fn fetch(&self, key: &str) -> Told<usize> {
        let answer = self.0.node.ask(Ask::Get(key.into())).await;
        self.0.metrics.record_request(answer.is_ok());
        answer
    }
}

impl Drop for Client<'_> {
    fn drop(&mut self) {
        self.0.metrics.record_disconnect();
    }
}
