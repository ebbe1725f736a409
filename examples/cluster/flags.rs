//! The command line: of the cluster, and of each of its nodes.

use lexopt::prelude::*;
use runtime_metrics_examples::flags::{seconds, text, told};
use std::time::Duration;

pub const HELP: &str = "\
Three nodes of one service, and what real receivers say of all of them together.

Usage: cluster [FLAGS]

  --seconds N          how long the nodes work, at least 6 [12]
  --victoria-metrics   fail if there is no `victoria-metrics`, which is otherwise left out
  --otlp               fail if it takes no OTLP, which is otherwise left out
  -h, --help           this text

What the cluster starts its nodes with:

  --node NAME          be the node of this name; it does what standard input says: work, rest, and at its end, end
  --metrics-addr A     serve /metrics here [127.0.0.1:0]
  --otlp-http URL      push OTLP over HTTP to this URL
  --seed N             what the node draws its orders from [1]
";

/// What the program was asked to be.
pub enum Flags {
    Cluster(Cluster),
    Node(Node),
}

pub struct Cluster {
    pub seconds: Duration,
    pub victoria_metrics: bool,
    pub otlp: bool,
}

pub struct Node {
    pub name: String,
    pub metrics_addr: String,
    pub otlp_http: Option<String>,
    pub seed: u64,
}

/// Reads the flags; `None` where only the help was asked for.
pub fn read() -> Result<Option<Flags>, String> {
    let mut cluster = Cluster { seconds: Duration::from_secs(12), victoria_metrics: false, otlp: false };
    let mut node = None;
    let (mut metrics_addr, mut otlp_http, mut seed) = ("127.0.0.1:0".to_owned(), None, 1);
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next().map_err(|error| told(&error))? {
        match argument {
            Long("seconds") => cluster.seconds = long_enough(seconds("--seconds", &text(&mut arguments)?)?)?,
            Long("victoria-metrics") => cluster.victoria_metrics = true,
            Long("otlp") => cluster.otlp = true,
            Long("node") => node = Some(text(&mut arguments)?),
            Long("metrics-addr") => metrics_addr = text(&mut arguments)?,
            Long("otlp-http") => otlp_http = Some(text(&mut arguments)?),
            Long("seed") => {
                let wish = text(&mut arguments)?;
                seed = wish.parse().map_err(|_| format!("--seed `{wish}` can't be used: give a number, such as 7"))?;
            }
            Short('h') | Long("help") => return Ok(None),
            other => return Err(told(&other.unexpected())),
        }
    }
    Ok(Some(match node {
        Some(name) => Flags::Node(Node { name, metrics_addr, otlp_http, seed }),
        None => Flags::Cluster(cluster),
    }))
}

/// That a node began anew is seen by its counters, which are below what they were: so it must not have done as much
/// again when it is seen next.
fn long_enough(seconds: Duration) -> Result<Duration, String> {
    if seconds < Duration::from_secs(6) {
        return Err("--seconds has to be at least 6: half of it is a life, and that takes a few scrapes".to_owned());
    }
    Ok(seconds)
}
