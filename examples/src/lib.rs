//! What the examples share: a Sentry endpoint on the loopback address and the way to it, how an envelope
//! reads, and parts of their command lines.

mod direct;
mod endpoint;
mod envelope;
pub mod flags;
mod printed;

pub use direct::Direct;
pub use endpoint::SentryEndpoint;
pub use envelope::{Envelope, EnvelopeError, Item};
pub use printed::Printed;
