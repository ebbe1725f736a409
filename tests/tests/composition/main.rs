//! `#[metered]` with other attributes, above and below them, and on what frameworks call.

#![allow(clippy::unwrap_used)] // a test that can't go on has failed

mod actix;
mod axum;
mod runtime;
mod tonic;
mod tower;
mod tracing;

use runtime_metrics::{Reading, registry};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

/// How often an action ended in each way: ok, error, panic, cancelled.
fn counts(action: &str) -> [u64; 4] {
    counts_with(&[("action", action)])
}

/// The same for a method of a service.
fn counts_of(service: &str, action: &str) -> [u64; 4] {
    counts_with(&[("service", service), ("action", action)])
}

fn counts_with(labels: &[(&str, &str)]) -> [u64; 4] {
    ["ok", "error", "panic", "cancelled"].map(|outcome| {
        let reading = registry().get("action_requests_total", &[labels, &[("outcome", outcome)]].concat());
        let Some(Reading::Counter(count)) = reading else { panic!("{labels:?}: {reading:?}") };
        count
    })
}

/// The status line and the rest of the answer to a plain request.
fn request(address: SocketAddr, path: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    let kind = if body.is_empty() { "GET" } else { "POST" };
    write!(
        stream,
        "{kind} {path} HTTP/1.1\r\nhost: test\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    (answer[9..12].parse().unwrap(), answer)
}
