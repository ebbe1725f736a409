//! The programs that receive metrics, each started for one test: in a directory of its own, on free ports of the
//! loopback address, and ended with it. And what the tests record, so that they know what a receiver has to have.

#![allow(clippy::unwrap_used)] // a test that can't go on has failed

mod ask;
mod certificate;
mod child;
mod daemon;
mod known;
mod ledger;
mod otlp;
mod promql;
mod store;

pub use ask::{get, soon, until};
pub use certificate::Certificate;
pub use child::{Program, cache, free_port, installed};
pub use daemon::Daemon;
pub use known::{Known, Labels, NASTY, labels};
pub use ledger::told;
pub use otlp::{Collector, Point, Rotel, State, Way};
pub use promql::{Histograms, Sample, compare};
pub use store::{Prometheus, Victoria};
