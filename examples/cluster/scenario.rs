//! The course: nodes work, one is killed and comes back, all rest, and then the receivers are asked.

use crate::Failure;
use crate::child::Directory;
use crate::flags::Cluster;
use crate::journal::{Life, Truth};
use crate::nodes::Node;
use crate::questions::{self, View};
use crate::receivers::Receivers;
use crate::table::Table;
use crate::wait::{self, pause, until};
use std::process::ExitCode;
use std::time::{Duration, Instant};

const NAMES: [&str; 3] = ["node-1", "node-2", "node-3"];
/// Which of them is killed.
const VICTIM: usize = 1;

/// Runs all of it. What was started ends with this, whatever happens.
pub fn run(wishes: &Cluster) -> Result<ExitCode, Failure> {
    wait::listen()?;
    let directory = Directory::new()?;
    let receivers = Receivers::start(wishes, directory.path())?;
    let (views, otlp) = (&receivers.views, receivers.otlp.as_deref());
    let begin = Instant::now();
    let mut nodes = Vec::new();
    for (seed, name) in (1..).zip(NAMES) {
        nodes.push(Node::start(name, "127.0.0.1:0", seed, otlp)?);
    }
    let addresses: Vec<String> = nodes.iter().map(|node| node.address.clone()).collect();
    receivers.scrape(&addresses)?;
    know_all(views)?;
    println!("Three nodes serve at {}, and are known to every receiver.", addresses.join(", "));

    for node in &mut nodes {
        node.work()?;
    }
    pause(wishes.seconds / 2)?;
    let first_life = kill(nodes.remove(VICTIM), views)?;
    // Long enough to be missed: its series end.
    pause(Duration::from_secs(2))?;
    // The same identity at the same address: to the receivers it is the same node, whose counters begin at zero again.
    let mut again = until("the restart", || Node::start(NAMES[VICTIM], &addresses[VICTIM], 4, otlp))?;
    again.work()?;
    nodes.insert(VICTIM, again);
    println!("{} is back, and counts from zero.", NAMES[VICTIM]);
    pause(wishes.seconds / 2)?;

    let mut lives: Vec<Vec<Life>> = vec![Vec::new(); NAMES.len()];
    lives[VICTIM].push(first_life);
    for (lives, node) in lives.iter_mut().zip(&mut nodes) {
        lives.push(node.rest()?);
    }
    let truth = Truth(NAMES.map(str::to_owned).into_iter().zip(lives).collect());
    println!("All nodes rest. What they did, and what the receivers say of all of them together:\n");
    let table = last_word(&truth, views, begin, wishes.seconds)?;
    println!("{}", table.text());
    let told = views[0].told_now()?;
    println!("Without a thought of the restart, sum() says {told}: {} too few.\n", truth.count(None) as f64 - told);
    if table.agrees() {
        println!("All nodes together are what they did.");
        return Ok(ExitCode::SUCCESS);
    }
    println!("What is marked WRONG is NOT what the nodes did.");
    Ok(ExitCode::FAILURE)
}

/// Waits until each receiver has heard of each node.
fn know_all(views: &[View]) -> Result<(), Failure> {
    for view in views {
        until(&format!("the nodes that {} knows", view.title), || match view.nodes()? {
            3.0 => Ok(()),
            known => Err(format!("{known} of 3").into()),
        })?;
    }
    Ok(())
}

/// Kills a node; what it did until then. What it does between its last scrape and its end is known to nobody who
/// fetches, and here all is to be met to the unit: so it rests until it was seen.
fn kill(mut node: Node, views: &[View]) -> Result<Life, Failure> {
    let life = node.rest()?;
    for view in views {
        until(&format!("what {} knows of {}", view.title, node.name), || match view.told_by(&node.name)? {
            told if told == life.orders.len() as f64 => Ok(()),
            told => Err(format!("{told} orders of {}", life.orders.len()).into()),
        })?;
    }
    println!("{} is killed after {} orders, with {} in hand.", node.name, life.orders.len(), life.in_hand);
    node.kill();
    Ok(life)
}

/// Asks until all have heard the last of all nodes, which takes a scrape or two; or it is as it is.
fn last_word(truth: &Truth, views: &[View], begin: Instant, worked: Duration) -> Result<Table, Failure> {
    let questions = questions::all(truth);
    let mut table = Table::ask(&questions, views, begin.elapsed(), worked);
    let end = Instant::now() + Duration::from_secs(20);
    while !table.agrees() && Instant::now() < end {
        pause(Duration::from_millis(500))?;
        table = Table::ask(&questions, views, begin.elapsed(), worked);
    }
    Ok(table)
}
