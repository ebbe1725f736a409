//! Web servers: connections that are active or idle, and requests that wait, whatever clients do. Real
//! servers and clients on the loopback address.

#![allow(clippy::unwrap_used)] // a test that can't go on has failed

mod actix;
mod axum;
mod hyper;
mod queue;

use runtime_metrics::collectors::web::Server;
use runtime_metrics::{Reading, Snapshot};
use runtime_metrics_tests::PATIENCE;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// What is told of a server; less than zero where it is not told.
fn told(server: &str, metric: &str) -> i64 {
    let snapshot = Snapshot::take();
    let series = snapshot
        .family(metric)
        .and_then(|family| family.series.iter().find(|series| series.labels.iter().eq([("server", server)])));
    match series.map(|series| &series.value) {
        Some(Reading::Gauge(value)) => *value as i64,
        _ => -1,
    }
}

/// Waits until this many connections are active and idle.
#[track_caller]
fn becomes(server: &str, active: i64, idle: i64) {
    let now = || (told(server, "http.connections.active"), told(server, "http.connections.idle"));
    until(server, now, &(active, idle));
}

#[track_caller]
fn until<T: PartialEq + std::fmt::Debug>(what: &str, now: impl Fn() -> T, wanted: &T) {
    let end = Instant::now() + PATIENCE;
    while now() != *wanted {
        assert!(Instant::now() < end, "{what}: {:?} is told, not {wanted:?}", now());
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Where handlers wait to be let go on.
#[derive(Clone)]
struct Gate {
    passes: Arc<Semaphore>,
    came: Arc<AtomicUsize>,
}

impl Gate {
    fn new() -> Self {
        Self { passes: Arc::new(Semaphore::new(0)), came: Arc::default() }
    }

    async fn pass(&self) {
        self.came.fetch_add(1, Relaxed);
        self.passes.acquire().await.unwrap().forget();
    }

    /// How many ever came here.
    fn came(&self) -> usize {
        self.came.load(Relaxed)
    }

    fn open(&self, times: usize) {
        self.passes.add_permits(times);
    }
}

/// A client that keeps its connection.
struct Raw(TcpStream);

impl Raw {
    fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(stream)
    }

    fn send(&mut self, path: &str) {
        write!(self.0, "GET {path} HTTP/1.1\r\nhost: test\r\n\r\n").unwrap();
    }

    /// The next bytes, at least up to `end`, as text.
    fn until(&mut self, end: &str) -> String {
        let mut text = String::new();
        let mut buffer = [0; 1024];
        while !text.contains(end) {
            let read = self.0.read(&mut buffer).unwrap();
            assert!(read > 0, "it was closed after: {text}");
            text.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
        }
        text
    }

    /// Whether the server has closed it.
    fn is_closed(&mut self) -> bool {
        !matches!(self.0.read(&mut [0; 1024]), Ok(1..))
    }
}

#[test]
fn what_the_kernel_holds_is_told_while_somebody_listens() {
    if !cfg!(target_os = "linux") {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    Server::new("starved").accepts(address);
    let clients = [(); 5].map(|()| TcpStream::connect(address).unwrap());
    assert_eq!(told("starved", "http.accept.queued"), 5);
    assert!(told("starved", "http.accept.limit") >= 5);
    let accepted = listener.accept().unwrap();
    assert_eq!(told("starved", "http.accept.queued"), 4);
    drop((listener, clients, accepted));
    assert_eq!(told("starved", "http.accept.queued"), -1);
    assert_eq!(told("starved", "http.connections.idle"), -1, "nobody counts its connections");
}
