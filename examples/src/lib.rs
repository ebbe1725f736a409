//! What the examples share: a Sentry endpoint on the loopback address, and how an envelope reads.

mod endpoint;
mod envelope;
mod printed;

pub use endpoint::SentryEndpoint;
pub use envelope::{Envelope, EnvelopeError, Item};
pub use printed::Printed;
