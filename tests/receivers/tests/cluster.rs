//! `examples/cluster`, run as a user runs it: the receivers that it starts say of all nodes together what these did.

#![allow(clippy::unwrap_used)] // a test that can't go on has failed

use runtime_metrics_tests_receivers::{cache, until};
use serde_json::Value;
use std::ffi::OsString;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The example, built.
fn example() -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "-q", "-p", "runtime-metrics-examples", "--example", "cluster", "--message-format=json"]);
    let built = cargo.stderr(Stdio::inherit()).output().unwrap();
    let messages = String::from_utf8(built.stdout).unwrap();
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let ours = messages.filter(|message| message["target"]["name"] == "cluster");
    let mut paths = ours.filter_map(|message| message["executable"].as_str().map(PathBuf::from));
    paths.next().unwrap_or_else(|| panic!("the example can't be built"))
}

/// With the programs that `.ci/receivers` installs before those of the system.
fn path() -> OsString {
    let system = std::env::var_os("PATH").unwrap_or_default();
    let programs = std::iter::once(cache().join("debian/usr/bin")).chain(std::env::split_paths(&system));
    std::env::join_paths(programs).unwrap()
}

fn start(flags: &[&str], log: &Path) -> Child {
    let mut command = Command::new(example());
    command.args(flags).env("PATH", path()).stdin(Stdio::null());
    let log = std::fs::File::create(log).unwrap();
    command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap()
}

/// Where a running cluster has its files.
fn directory(id: u32) -> PathBuf {
    std::env::temp_dir().join(format!("runtime-metrics-cluster-{id}"))
}

/// What stands in a row of the table: the truth, and then an answer and how far it is off for each receiver.
#[track_caller]
fn row<'a>(said: &'a str, name: &str) -> Vec<&'a str> {
    let rest = said.lines().find_map(|line| line.strip_prefix(name).filter(|rest| rest.starts_with("  ")));
    let rest = rest.unwrap_or_else(|| panic!("there is no row `{name}` in\n{said}"));
    rest.split_whitespace().filter(|word| *word != "%").collect()
}

fn number(text: &str) -> f64 {
    text.parse().unwrap()
}

#[test]
fn all_nodes_together_are_what_they_did_to_prometheus_and_victoria_metrics_and_by_otlp() {
    let log = std::env::temp_dir().join(format!("runtime-metrics-cluster-test-{}", std::process::id()));
    let mut cluster = start(&["--victoria-metrics", "--otlp"], &log);
    let (id, status) = (cluster.id(), cluster.wait().unwrap());
    let said = std::fs::read_to_string(&log).unwrap();
    std::fs::remove_file(&log).unwrap();
    assert!(status.success(), "{said}");
    assert!(said.trim_end().ends_with("All nodes together are what they did."), "{said}");

    let head = said.lines().find(|line| line.trim_start().starts_with("truth")).unwrap();
    let titles: Vec<_> = head.split("  ").map(str::trim).filter(|head| !head.is_empty()).collect();
    assert_eq!(titles, ["truth", "Prometheus", "VictoriaMetrics", "VictoriaMetrics by OTLP"]);
    let restarted = "orders of node-2, killed and restarted";
    let counts = ["orders", "orders of node-1", restarted, "orders of node-3", "orders of kind letter"];
    for name in counts {
        let row = row(&said, name);
        // A table that compares nothing with nothing would prove nothing.
        assert!(number(row[0]) > 1000.0, "{name} {row:?}");
        assert_eq!(row[1..], [row[0], "exact", row[0], "exact", row[0], "exact"], "{name}");
    }
    for share in [50, 90, 99] {
        let exponential = row(&said, &format!("seconds, {share} %"));
        let [truth, prometheus, _, "-", otlp, _] = exponential[..] else { panic!("{exponential:?}") };
        let declared = row(&said, &format!("seconds, {share} %, declared buckets"));
        assert!(declared.len() == 7 && declared[0] == truth, "{declared:?}");
        for answer in [prometheus, otlp] {
            let off = number(answer) / number(truth) - 1.0;
            assert!(off.abs() < 0.045, "{share} %: {answer}, not {truth}");
        }
    }
    // The restart was one: what nodes say now is less than what they did.
    let first_life = said.lines().find_map(|line| line.strip_prefix("node-2 is killed after ")?.split(' ').next());
    let missing = said.lines().find_map(|line| line.strip_suffix(" too few.")?.split(' ').next_back());
    assert!(first_life == missing && number(missing.unwrap()) > 1000.0, "{first_life:?} {missing:?}");
    assert!(!directory(id).exists());
}

#[test]
fn an_interrupted_cluster_leaves_nothing_behind() {
    let log = std::env::temp_dir().join(format!("runtime-metrics-cluster-interrupted-{}", std::process::id()));
    let mut cluster = start(&[], &log);
    let said = until("a cluster at work", || {
        let said = std::fs::read_to_string(&log).map_err(|error| error.to_string())?;
        if said.contains("known to every receiver") { Ok(said) } else { Err(said) }
    });
    std::fs::remove_file(&log).unwrap();
    assert!(directory(cluster.id()).exists());
    assert!(Command::new("kill").args(["-TERM", &cluster.id().to_string()]).status().unwrap().success());
    assert_eq!(cluster.wait().unwrap().code(), Some(1));
    assert!(!directory(cluster.id()).exists());
    let nodes: Vec<_> = said.split([' ', ',']).filter(|word| word.starts_with("127.0.0.1:")).collect();
    assert_eq!(nodes.len(), 3, "{said}");
    for node in nodes {
        assert!(TcpStream::connect(node).is_err(), "{node} is still there");
    }
}

#[test]
fn who_has_no_prometheus_is_told_so() {
    let said = Command::new(example()).env("PATH", "").output().unwrap();
    let error = String::from_utf8_lossy(&said.stderr);
    assert!(said.status.code() == Some(1) && error.contains("`prometheus` is not on the PATH; install it"), "{said:?}");
}
