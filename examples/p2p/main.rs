//! A peer-to-peer network that measures itself: libp2p nodes with Kademlia, all on this machine.
//!
//! `cargo run -p runtime-metrics-examples --example p2p` lets a few nodes connect, store and find
//! values, write letters, refuse each other, part and stop, within seconds and on the loopback address
//! only. Then it compares what was measured with what was done, for each node, and fails if they
//! differ. `measured.rs` is the part to take along: it tells the metrics what the swarm reports.

mod behaviour;
mod gateway;
mod inside;
mod journal;
mod ledger;
mod measured;
mod node;
mod scenario;

use ledger::Ledger;
use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

/// Far more than it takes: a network that hangs must not hang who watches it.
const AT_MOST: Duration = Duration::from_secs(25);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let mut ledger = Ledger::default();
    if let Err(error) = run(&mut ledger).await {
        eprintln!("p2p: {error}");
        return ExitCode::FAILURE;
    }
    print!("{}", ledger.table());
    let problems = runtime_metrics::status().problems;
    for problem in &problems {
        eprintln!("p2p: runtime-metrics says: {problem}");
    }
    if ledger.agrees() && problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn run(ledger: &mut Ledger) -> Result<(), Box<dyn Error>> {
    tokio::time::timeout(AT_MOST, scenario::run(ledger)).await?
}

/// The scenario has the process to itself: the registry counts for all tests of a program.
#[tokio::test]
async fn what_the_nodes_did_is_what_was_measured() {
    let mut ledger = Ledger::default();
    run(&mut ledger).await.expect("the scenario runs to its end");
    assert!(ledger.agrees(), "{}", ledger.table());
    assert!(runtime_metrics::status().problems.is_empty(), "{:?}", runtime_metrics::status());
    assert!(!ledger.table().contains("DIFFERS"));
    // A ledger that agrees with everything would prove nothing.
    ledger.count("alder", "p2p_connections_total", &[], 1);
    assert!(!ledger.agrees());
    assert!(ledger.table().contains("DIFFERS"), "{}", ledger.table());
}
