//! Cluster: three nodes of one service, one of them killed and started again, and what a real Prometheus says of all.
//!
//! `cargo run --example cluster` needs `prometheus` on the `PATH`; where `victoria-metrics` is there too, it scrapes
//! the same nodes, and takes what they push by OTLP. The nodes are this program, started again with `--node`. They
//! measure with the library, and tell their parent what they did in truth. Nothing is added up here but the truth:
//! sums, averages and percentiles across nodes are what the receivers answer. `questions.rs` has the queries.

mod ask;
mod child;
mod flags;
mod journal;
mod node;
mod nodes;
mod questions;
mod receivers;
mod scenario;
mod table;
mod wait;

use flags::Flags;
use runtime_metrics_examples::program;
use std::error::Error;
use std::process::ExitCode;

/// What can go wrong on the way.
type Failure = Box<dyn Error>;

fn main() -> ExitCode {
    program("cluster", flags::HELP, flags::read(), |flags| match flags {
        Flags::Node(wishes) => node::run(wishes),
        Flags::Cluster(wishes) => scenario::run(wishes),
    })
}
