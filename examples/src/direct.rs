//! Sentry's usual transport, to an endpoint on this machine.

use sentry::transports::DefaultTransportFactory;
use sentry::{Transport, TransportFactory, TransportOptions};
use std::sync::Arc;

/// The usual transport, without the proxy that the environment may name: a proxy does not know the
/// way to this machine's loopback address.
#[derive(Clone, Copy, Debug)]
pub struct Direct;

impl TransportFactory for Direct {
    fn create_transport_with_options(&self, mut options: TransportOptions) -> Arc<dyn Transport> {
        options.http_proxy = None;
        DefaultTransportFactory.create_transport_with_options(options)
    }
}
