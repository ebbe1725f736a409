//! What the examples share: a Sentry endpoint on the loopback address and the way to it, how an envelope
//! reads, what is around a program, and parts of command lines.

mod direct;
mod endpoint;
mod envelope;
pub mod flags;
mod printed;
mod program;

pub use direct::Direct;
pub use endpoint::SentryEndpoint;
pub use envelope::{Envelope, EnvelopeError, Item};
pub use printed::Printed;
pub use program::program;
