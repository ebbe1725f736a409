//! A Sentry endpoint that misbehaves as it is told, and keeps what it took.

use crate::PATIENCE;
use serde_json::Value;
use std::collections::{HashMap, VecDeque};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What is done with a request.
#[derive(Clone, Debug)]
pub enum Reply {
    /// It is taken: 200.
    Take,
    /// It is taken after a while.
    TakeAfter(Duration),
    /// It is taken, and these headers are sent along.
    TakeWith(&'static str),
    /// It is refused with this status and these headers, each ending in a line break.
    Refuse(u16, &'static str),
    /// The connection is reset in the middle of the request.
    Reset,
    /// There is no answer, and the connection stays open.
    Never,
    /// The answer is not HTTP.
    Garbage,
}

/// A request, when it came and what came of it.
#[derive(Clone, Debug)]
pub struct Request {
    /// When it was read.
    pub at: Instant,
    /// Whether it was taken.
    pub taken: bool,
    /// How long it is.
    pub bytes: usize,
    /// Its items; none if it was reset.
    pub items: Vec<Item>,
}

/// An item of an envelope.
#[derive(Clone, Debug)]
pub struct Item {
    /// The line before it.
    pub header: Value,
    /// The item.
    pub payload: Value,
}

/// The endpoint.
#[derive(Debug)]
pub struct Faulty {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// What is done with the next requests, and after them with all others.
    next: VecDeque<Reply>,
    then: Option<Reply>,
    requests: Vec<Request>,
    /// How many requests are being answered, and the most there were at a time.
    open: usize,
    most_open: usize,
    gone: bool,
    connections: HashMap<SocketAddr, TcpStream>,
    /// What broke the format.
    broken: Option<String>,
}

impl Shared {
    /// A test that failed under the lock must not make its endpoint panic too.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Faulty {
    /// Listens until it is dropped or goes away; takes everything until told otherwise.
    ///
    /// # Panics
    ///
    /// If there is no free port on the loopback address.
    #[allow(clippy::unwrap_used)]
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self { address: listener.local_addr().unwrap(), shared: Arc::default() };
        server.listen(listener);
        server
    }

    fn listen(&self, listener: TcpListener) {
        let shared = Arc::clone(&self.shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (Ok(peer), Ok(copy)) = (stream.peer_addr(), stream.try_clone()) else { continue };
                let mut state = shared.lock();
                if state.gone {
                    return;
                }
                state.connections.insert(peer, copy);
                drop(state);
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || {
                    serve(&stream, &shared);
                    shared.lock().connections.remove(&peer);
                });
            }
        });
    }

    /// The DSN that leads here.
    pub fn dsn(&self) -> String {
        format!("http://public@{}/1", self.address)
    }

    /// What is done with all requests from now on.
    pub fn replies(&self, then: Reply) {
        let mut state = self.shared.lock();
        state.next.clear();
        state.then = Some(then);
    }

    /// What is done with the next request only.
    pub fn replies_once(&self, next: Reply) {
        self.shared.lock().next.push_back(next);
    }

    /// Closes the port and all connections.
    pub fn go_away(&self) {
        let mut state = self.shared.lock();
        state.gone = true;
        for (_, connection) in state.connections.drain() {
            let _ = connection.shutdown(Shutdown::Both);
        }
        drop(state);
        // The listener is woken by it and closes.
        let _ = TcpStream::connect(self.address);
        crate::eventually("the port being closed", || TcpStream::connect(self.address).is_err());
    }

    /// Listens on the same port again.
    pub fn come_back(&self) {
        self.shared.lock().gone = false;
        let mut listener = None;
        crate::eventually("the port being free", || {
            listener = TcpListener::bind(self.address).ok();
            listener.is_some()
        });
        self.listen(listener.into_iter().next().unwrap_or_else(|| unreachable!()));
    }

    /// All requests so far.
    ///
    /// # Panics
    ///
    /// If one broke the format.
    pub fn requests(&self) -> Vec<Request> {
        let state = self.shared.lock();
        assert_eq!(state.broken, None);
        state.requests.clone()
    }

    /// The most requests that were being answered at a time.
    pub fn most_at_a_time(&self) -> usize {
        self.shared.lock().most_open
    }

    /// Waits until the requests are as they should be.
    ///
    /// # Panics
    ///
    /// If they are not in time, or if one broke the format.
    pub fn wait(&self, what: &str, mut condition: impl FnMut(&[Request]) -> bool) {
        let end = Instant::now() + PATIENCE;
        let mut state = self.shared.lock();
        loop {
            assert_eq!(state.broken, None);
            if condition(&state.requests) {
                return;
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{what} did not come about");
            state = self.shared.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits for this many more requests, whatever comes of them.
    pub fn wait_for_requests(&self, more: usize) {
        let now = self.shared.lock().requests.len();
        self.wait("more requests", |requests| requests.len() >= now + more);
    }

    /// The items of a kind that were taken.
    pub fn items(&self, kind: &str) -> Vec<Item> {
        items(&self.requests(), kind)
    }

    /// The newest value of a counter in the `runtime_metrics` that were taken.
    pub fn counter(&self, name: &str, tags: &[(&str, &str)]) -> Option<u64> {
        newest(&self.requests(), name, tags)
    }

    /// What the `trace_metric` counters of a name and some attributes that were taken add up to.
    pub fn gained(&self, name: &str, attributes: &[(&str, &str)]) -> f64 {
        let metrics = self.items("trace_metric");
        let metrics = metrics.iter().flat_map(|item| item.payload["items"].as_array().into_iter().flatten());
        let these = metrics.filter(|metric| metric["type"] == "counter" && metric["name"] == name);
        let these =
            these.filter(|metric| attributes.iter().all(|(key, value)| metric["attributes"][key]["value"] == *value));
        these.filter_map(|metric| metric["value"].as_f64()).sum()
    }
}

impl Drop for Faulty {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.gone = true;
        for (_, connection) in state.connections.drain() {
            let _ = connection.shutdown(Shutdown::Both);
        }
        drop(state);
        let _ = TcpStream::connect(self.address);
    }
}

/// The items of a kind in those requests that were taken.
pub fn items(requests: &[Request], kind: &str) -> Vec<Item> {
    let taken = requests.iter().filter(|request| request.taken);
    taken.flat_map(|request| &request.items).filter(|item| item.header["type"] == kind).cloned().collect()
}

/// The newest value of a counter in the `runtime_metrics` that were taken.
pub fn newest(requests: &[Request], name: &str, tags: &[(&str, &str)]) -> Option<u64> {
    let is = |metric: &&Value| {
        metric["name"] == name && tags.iter().all(|(key, value)| metric["tags"][key].as_str() == Some(value))
    };
    let items = requests.iter().filter(|request| request.taken).flat_map(|request| &request.items);
    let newest_first = items.rev().filter(|item| item.header["type"] == "runtime_metrics");
    let mut metrics = newest_first.flat_map(|item| item.payload["metrics"].as_array().into_iter().flatten());
    metrics.find(is)?["value"].as_u64()
}

/// What one request is about: answers it as the script says.
fn serve(stream: &TcpStream, shared: &Shared) {
    // A small buffer, so that a body is not read before it is known what to do with it.
    let mut requests = BufReader::with_capacity(64, stream);
    while let Some(length) = head(&mut requests) {
        let reply = {
            let mut state = shared.lock();
            state.open += 1;
            state.most_open = state.most_open.max(state.open);
            state.next.pop_front().or_else(|| state.then.clone()).unwrap_or(Reply::Take)
        };
        let answered = answer(&mut requests, stream, length, &reply, shared);
        shared.lock().open -= 1;
        if answered.is_none() {
            return;
        }
    }
}

fn answer(
    requests: &mut impl Read,
    mut stream: &TcpStream,
    length: usize,
    reply: &Reply,
    shared: &Shared,
) -> Option<()> {
    if matches!(reply, Reply::Reset) {
        // What is closed with something unread is reset.
        keep(shared, Request { at: Instant::now(), taken: false, bytes: length, items: Vec::new() });
        return None;
    }
    let mut body = vec![0; length];
    requests.read_exact(&mut body).ok()?;
    let items = match parse(&body) {
        Ok(items) => items,
        Err(error) => {
            shared.lock().broken = Some(error);
            shared.changed.notify_all();
            return None;
        }
    };
    let mut request = Request { at: Instant::now(), taken: false, bytes: length, items };
    let (status, headers) = match reply {
        Reply::Take => (200, ""),
        Reply::TakeWith(headers) => (200, *headers),
        Reply::Refuse(status, headers) => (*status, *headers),
        Reply::TakeAfter(delay) => {
            std::thread::sleep(*delay);
            (200, "")
        }
        Reply::Never => {
            keep(shared, request);
            // Until the server goes away.
            let _ = stream.read(&mut [0]);
            return None;
        }
        Reply::Garbage | Reply::Reset => {
            keep(shared, request);
            let _ = stream.write_all(&[0xff, 0x00, 0x16, b'\n', 0xfe, b'\r', b'\n', b'\r', b'\n']);
            return None;
        }
    };
    let answer = format!("HTTP/1.1 {status} So\r\n{headers}content-length: 2\r\n\r\n{{}}");
    // Under the lock: who has read the answer must find the request among those that were kept.
    let mut state = shared.lock();
    let answered = stream.write_all(answer.as_bytes());
    // What goes away before it could say that it took it did not.
    request.taken = status == 200 && answered.is_ok();
    state.requests.push(request);
    drop(state);
    shared.changed.notify_all();
    answered.ok()
}

fn keep(shared: &Shared, request: Request) {
    shared.lock().requests.push(request);
    shared.changed.notify_all();
}

/// The length of the body of the next request.
fn head(requests: &mut impl BufRead) -> Option<usize> {
    let mut length = None;
    for line in requests.lines() {
        let line = line.ok()?.to_ascii_lowercase();
        if line.is_empty() {
            return length;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok();
        }
    }
    None
}

/// The items of an envelope, read to the byte: an item has the length that it says it has, or ends
/// with its line.
fn parse(bytes: &[u8]) -> Result<Vec<Item>, String> {
    let json = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).map_err(|error| format!("not JSON: {error}"));
    let line = |bytes: &[u8]| bytes.iter().position(|byte| *byte == b'\n').ok_or("a line has no end");
    let end = line(bytes)?;
    json(&bytes[..end])?;
    let mut rest = &bytes[end + 1..];
    let mut items = Vec::new();
    while !rest.is_empty() {
        let end = line(rest)?;
        let header = json(&rest[..end])?;
        rest = &rest[end + 1..];
        let length = match header["length"].as_u64() {
            Some(length) => length as usize,
            None => line(rest)?,
        };
        if rest.get(length) != Some(&b'\n') {
            return Err(format!("an item does not end after {length} bytes"));
        }
        items.push(Item { payload: json(&rest[..length])?, header });
        rest = &rest[length + 1..];
    }
    Ok(items)
}
