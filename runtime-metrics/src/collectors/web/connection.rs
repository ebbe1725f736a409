//! A connection: open until it is dropped, active while at least one of its requests runs.

use super::Server;
use super::counts::{Count, Counts};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// A connection of a server, counted until it is dropped. Keep it beside the socket.
///
/// It is active while one of its requests runs, and idle otherwise. All of HTTP/2's streams on one
/// connection make it active once.
///
/// ```
/// use runtime_metrics::collectors::web::Server;
///
/// let server = Server::new("by hand");
/// let connection = server.open();
/// let requests = connection.requests();
/// let (first, second) = (requests.begin(), requests.begin());
/// assert_eq!((server.active(), server.idle()), (1, 0));
/// drop((first, second));
/// assert_eq!((server.active(), server.idle()), (0, 1));
/// drop(connection);
/// assert_eq!((server.active(), server.idle()), (0, 0));
/// ```
#[derive(Debug)]
#[must_use = "it is counted until it is dropped, which is at once if it is not kept"]
pub struct Connection(Arc<State>);

#[derive(Debug)]
struct State {
    counts: Counts,
    /// How many requests run, and `CLOSED`. One number, so that of those who change it exactly one
    /// makes the connection active or ends that.
    running: AtomicU32,
}

/// The connection is gone; requests that are still running no longer matter.
const CLOSED: u32 = 1 << 31;

impl Connection {
    pub(super) fn open(counts: Counts) -> Self {
        counts.up(Count::Open);
        Self(Arc::new(State { counts, running: AtomicU32::new(0) }))
    }

    /// What counts this connection's requests, to be handed to whoever serves them.
    ///
    /// ```
    /// let server = runtime_metrics::collectors::web::Server::new("requests");
    /// let requests = server.open().requests();
    /// ```
    pub fn requests(&self) -> Requests {
        Requests(Arc::clone(&self.0))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.0.running.fetch_or(CLOSED, Relaxed) > 0 {
            self.0.counts.down(Count::Active);
        }
        self.0.counts.down(Count::Open);
    }
}

/// Counts the requests of one [`Connection`], without keeping it open.
///
/// ```
/// let server = runtime_metrics::collectors::web::Server::new("requests of one");
/// let connection = server.open();
/// let running = connection.requests().begin();
/// assert_eq!(server.active(), 1);
/// drop(running);
/// assert_eq!(server.active(), 0);
/// ```
#[derive(Clone, Debug)]
pub struct Requests(Arc<State>);

impl Requests {
    /// A request begins; it ends when what is returned is dropped, on whatever way. Costs some
    /// nanoseconds, and no contention between connections.
    ///
    /// ```
    /// let server = runtime_metrics::collectors::web::Server::new("begin");
    /// let connection = server.open();
    /// drop(connection.requests().begin());
    /// ```
    #[inline]
    pub fn begin(&self) -> Running {
        if self.0.running.fetch_add(1, Relaxed) == 0 {
            self.0.counts.up(Count::Active);
        }
        Running(Arc::clone(&self.0))
    }
}

/// A request that runs, until this is dropped.
///
/// ```
/// let server = runtime_metrics::collectors::web::Server::new("running");
/// let connection = server.open();
/// let running = connection.requests().begin();
/// assert_eq!(server.active(), 1);
/// # drop(running);
/// ```
#[derive(Debug)]
#[must_use = "the request ends when this is dropped, which is at once if it is not kept"]
pub struct Running(Arc<State>);

impl Running {
    /// The connection is no longer HTTP (a WebSocket, a tunnel): it stays active until it closes.
    ///
    /// ```
    /// let server = runtime_metrics::collectors::web::Server::new("upgraded");
    /// let connection = server.open();
    /// connection.requests().begin().upgraded();
    /// assert_eq!(server.active(), 1);
    /// drop(connection);
    /// assert_eq!(server.active(), 0);
    /// ```
    pub fn upgraded(self) {
        // One more that never ends, so that this one can.
        self.0.running.fetch_add(1, Relaxed);
    }
}

impl Drop for Running {
    #[inline]
    fn drop(&mut self) {
        if self.0.running.fetch_sub(1, Relaxed) == 1 {
            self.0.counts.down(Count::Active);
        }
    }
}

impl Server {
    /// A connection was accepted. For servers that have no method of their own here.
    ///
    /// ```
    /// let server = runtime_metrics::collectors::web::Server::new("open");
    /// let connection = server.open();
    /// assert_eq!(server.idle(), 1);
    /// # drop(connection);
    /// ```
    pub fn open(&self) -> Connection {
        Connection::open(self.serving())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_that_closes_under_its_requests_is_neither_active_nor_idle() {
        let server = Server::new("closes");
        let connection = server.open();
        let requests = connection.requests();
        let running = [requests.begin(), requests.begin()];
        assert_eq!((server.active(), server.idle()), (1, 0));
        drop(connection);
        assert_eq!((server.active(), server.idle()), (0, 0));
        let late = requests.begin();
        drop(running);
        assert_eq!((server.active(), server.idle()), (0, 0));
        late.upgraded();
        drop(requests);
        assert_eq!((server.active(), server.idle()), (0, 0));
    }

    #[test]
    fn an_upgraded_connection_stays_active() {
        let server = Server::new("upgrades");
        let connection = server.open();
        connection.requests().begin().upgraded();
        drop(connection.requests().begin());
        assert_eq!((server.active(), server.idle()), (1, 0));
        drop(connection);
        assert_eq!((server.active(), server.idle()), (0, 0));
    }

    #[test]
    fn counts_are_exact_whichever_threads_requests_end_on() {
        let server = Server::new("threads");
        let connections: Vec<Connection> = (0..4).map(|_| server.open()).collect();
        let (sender, running) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            for connection in &connections {
                let (sender, requests) = (sender.clone(), connection.requests());
                scope.spawn(move || (0..1000).for_each(|_| sender.send(requests.begin()).unwrap()));
            }
            scope.spawn(move || running.iter().take(4000).for_each(drop));
        });
        assert_eq!((server.active(), server.idle()), (0, 4));
    }
}
