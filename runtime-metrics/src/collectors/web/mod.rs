//! Web servers: connections that are active or idle, requests that wait, and connections that the
//! kernel holds.
//!
//! | server | connections | feature |
//! |---|---|---|
//! | axum | `axum::serve(server.listen(listener), server.make_service(router))` | `axum` |
//! | hyper | `let io = server.io(stream); let service = io.serve(service);` | `hyper` |
//! | actix-web | `HttpServer::new(…).on_connect(server.on_connect())` and `App::new().wrap(server.middleware())` | `actix-web` |
//! | any other | [`Server::open`] for each connection, [`Requests::begin`] for each request | |
//!
//! A request runs until the last of its answer's body has been handed over, or until it is dropped:
//! with a client that hangs up, or a handler that panics.
//!
//! Requests that wait for a limit of tower's are counted by a pair of layers around it, see
//! `Server::queue` (feature `tower`). Connections that wait for the server to accept them are told by
//! [`Server::accepts`].

#[cfg(all(target_os = "linux", feature = "accept-queue"))]
mod accept;
#[cfg(feature = "actix-web")]
mod actix;
#[cfg(any(feature = "hyper", feature = "actix-web"))]
mod answer;
#[cfg(feature = "axum")]
mod axum;
mod connection;
mod counts;
#[cfg(feature = "hyper")]
mod hyper;
#[cfg(feature = "hyper")]
mod io;
#[cfg(feature = "tower")]
mod queue;

#[cfg(feature = "actix-web")]
pub use self::actix::{ActixMiddleware, ActixRequests};
#[cfg(feature = "axum")]
pub use self::axum::{Listening, MakeService, Peer};
#[cfg(feature = "hyper")]
pub use self::hyper::Counted;
#[cfg(any(feature = "hyper", feature = "actix-web"))]
pub use answer::{Answer, Answering};
pub use connection::{Connection, Requests, Running};
#[cfg(feature = "hyper")]
pub use io::Io;
#[cfg(feature = "tower")]
pub use queue::{Admit, Admitted, Enter, Entered, Queue, Waiting};

use crate::collect::{self, MetricCollector};
use crate::lock::Mutex;
use crate::protocol::RuntimeMetric;
use counts::{Count, Counts};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Once};

/// A web server by its name, which becomes the label `server`. Servers of one name are one; a name
/// is kept for ever, so give it in the code and don't make it up from what clients send.
///
/// It tells only what it is used for: without [`accepts`](Self::accepts) nothing of the kernel.
///
/// * `http.connections.active`: connections on which at least one request is being answered.
/// * `http.connections.idle`: growing means clients that do not close.
/// * `http.requests.queued`: staying above zero means that the limit is reached.
/// * `http.accept.queued` and `.limit`: staying above zero means that the runtime does not get to
///   accept.
///
/// ```
/// use runtime_metrics::{Reading, Snapshot, collectors::web::Server};
///
/// let server = Server::new("api");
/// let connection = server.open();
/// let snapshot = Snapshot::take();
/// let idle = &snapshot.family("http.connections.idle").unwrap().series[0];
/// assert_eq!((idle.labels.get("server"), &idle.value), (Some("api"), &Reading::Gauge(1.0)));
/// # drop(connection);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Server(&'static Known);

/// What is known of all servers of one name.
#[derive(Debug)]
struct Known {
    name: String,
    counts: Counts,
    serves: AtomicBool,
    queues: AtomicBool,
    /// Where it listens.
    addresses: Mutex<Vec<SocketAddr>>,
}

static SERVERS: Mutex<Vec<&'static Known>> = Mutex::new(Vec::new());

impl Server {
    /// The server of this name.
    ///
    /// ```
    /// let server = runtime_metrics::collectors::web::Server::new("admin");
    /// assert_eq!((server.name(), server.active()), ("admin", 0));
    /// ```
    pub fn new(name: impl Into<String>) -> Self {
        static INSTALLED: Once = Once::new();
        INSTALLED.call_once(|| collect::add(Arc::new(Servers)));
        let name = name.into();
        let mut servers = SERVERS.lock();
        if let Some(known) = servers.iter().find(|known| known.name == name) {
            return Self(known);
        }
        // As the slots that it counts in, which are never used again.
        let known: &'static Known = Box::leak(Box::new(Known {
            name,
            counts: Counts::new(),
            serves: AtomicBool::new(false),
            queues: AtomicBool::new(false),
            addresses: Mutex::default(),
        }));
        servers.push(known);
        Self(known)
    }

    /// Its name.
    ///
    /// ```
    /// assert_eq!(runtime_metrics::collectors::web::Server::new("api").name(), "api");
    /// ```
    pub fn name(&self) -> &'static str {
        &self.0.name
    }

    /// Connections on which a request is being answered. Costs a read of each thread's slots.
    ///
    /// ```
    /// assert_eq!(runtime_metrics::collectors::web::Server::new("no one's").active(), 0);
    /// ```
    pub fn active(&self) -> u64 {
        self.0.counts.now(Count::Active)
    }

    /// Connections that wait for a request. Costs a read of each thread's slots.
    ///
    /// ```
    /// assert_eq!(runtime_metrics::collectors::web::Server::new("no one's").idle(), 0);
    /// ```
    pub fn idle(&self) -> u64 {
        let active = self.active();
        self.0.counts.now(Count::Open).saturating_sub(active)
    }

    /// Requests that wait to be let in. Costs a read of each thread's slots.
    ///
    /// ```
    /// assert_eq!(runtime_metrics::collectors::web::Server::new("no one's").queued(), 0);
    /// ```
    pub fn queued(&self) -> u64 {
        self.0.counts.now(Count::Queued)
    }

    /// Tells how many connections the kernel has for a listener at `address`, which the server has not
    /// accepted yet, as `http.accept.queued`, and how many there may be, as `http.accept.limit`. It is
    /// told while somebody listens there; the listener may begin and end at any time.
    ///
    /// Linux only (feature `accept-queue`, which the servers' features include); elsewhere
    /// [`status`](crate::status) says so. Each collection asks the kernel for its listeners, whose
    /// number is all that the cost depends on: some 15 µs for a few.
    ///
    /// ```
    /// let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// let server = runtime_metrics::collectors::web::Server::new("accepting");
    /// server.accepts(listener.local_addr()?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn accepts(&self, address: SocketAddr) -> Self {
        let mut addresses = self.0.addresses.lock();
        if !addresses.contains(&address) {
            addresses.push(address);
        }
        *self
    }

    /// Its counts, for who counts connections: from now on they are told.
    fn serving(self) -> Counts {
        if !self.0.serves.load(Relaxed) {
            self.0.serves.store(true, Relaxed);
        }
        self.0.counts
    }
}

/// What each server tells.
#[derive(Debug)]
struct Servers;

impl MetricCollector for Servers {
    fn collect(&self) -> Vec<RuntimeMetric> {
        let servers = SERVERS.lock().clone();
        let mut metrics = Vec::new();
        for known in &servers {
            let server = Server(known);
            let mut tell = |name: &str, count: u64| metrics.push(gauge(name, count, known));
            if known.serves.load(Relaxed) {
                tell("http.connections.active", server.active());
                tell("http.connections.idle", server.idle());
            }
            if known.queues.load(Relaxed) {
                tell("http.requests.queued", server.queued());
            }
        }
        accepting(&servers, &mut metrics);
        metrics
    }

    fn name(&self) -> &'static str {
        "web"
    }
}

fn gauge(name: &str, count: u64, server: &Known) -> RuntimeMetric {
    RuntimeMetric::gauge(name, count).with_unit("count").with_tag("server", server.name.as_str())
}

/// What the kernel tells of those that want to know.
fn accepting(servers: &[&'static Known], metrics: &mut Vec<RuntimeMetric>) {
    let wanted = servers.iter().map(|known| (known, known.addresses.lock().clone()));
    let wanted: Vec<_> = wanted.filter(|(_, addresses)| !addresses.is_empty()).collect();
    if wanted.is_empty() {
        return;
    }
    match listeners() {
        Ok(listeners) => {
            for (known, addresses) in wanted {
                let of = || listeners.iter().filter(|listener| listener.is_one_of(&addresses));
                if of().next().is_some() {
                    metrics.push(gauge("http.accept.queued", of().map(|of| u64::from(of.queued)).sum(), known));
                    metrics.push(gauge("http.accept.limit", of().map(|of| u64::from(of.limit)).sum(), known));
                }
            }
        }
        Err(why) => super::missing("http.accept.queued", why),
    }
}

/// A socket that listens.
#[derive(Debug)]
struct Listener {
    address: SocketAddr,
    /// Connections that wait to be accepted.
    queued: u32,
    /// The most that may.
    limit: u32,
}

impl Listener {
    /// Whether it is at one of these. The kernel does not tell the scope, which those of an interface have.
    fn is_one_of(&self, addresses: &[SocketAddr]) -> bool {
        addresses.iter().any(|at| (at.ip(), at.port()) == (self.address.ip(), self.address.port()))
    }
}

#[cfg(all(target_os = "linux", feature = "accept-queue"))]
fn listeners() -> Result<Vec<Listener>, String> {
    accept::listeners().map_err(|error| format!("the kernel's sock_diag: {error}"))
}

#[cfg(not(all(target_os = "linux", feature = "accept-queue")))]
fn listeners() -> Result<Vec<Listener>, String> {
    Err("it needs Linux, and the feature `accept-queue`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::SocketAddrV6;

    #[test]
    fn a_listener_of_one_interface_is_found_without_its_scope() {
        let at =
            |address: &str, port, scope| SocketAddr::from(SocketAddrV6::new(address.parse().unwrap(), port, 0, scope));
        let told = Listener { address: at("fe80::1", 80, 0), queued: 0, limit: 1 };
        assert!(told.is_one_of(&[at("::1", 80, 0), at("fe80::1", 80, 2)]));
        assert!(!told.is_one_of(&[at("fe80::2", 80, 2), at("fe80::1", 81, 2)]));
    }
}
