//! What the tests share: a Sentry endpoint on the loopback address, a strict reader of envelopes,
//! clients that send to it, plain HTTP, and the heap. The tests themselves are in `tests/`, one file for each promise.

pub mod collector;
pub mod daemon;
pub mod faults;
pub mod heap;
pub mod load;
pub mod wire;

pub use runtime_metrics_tests_runtimes::{PATIENCE, eventually};

use runtime_metrics::{RuntimeMetricsConfig, RuntimeMetricsIntegration};
use sentry::{Client, ClientOptions};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A Sentry endpoint: takes envelopes over real HTTP, and reads them strictly.
#[derive(Debug)]
pub struct Ingest {
    address: SocketAddr,
    envelopes: Receiver<Result<Envelope, String>>,
}

/// An envelope with its one item.
#[derive(Debug, Clone)]
pub struct Envelope {
    /// The first line.
    pub header: Value,
    /// The second line.
    pub item_header: Value,
    /// The rest.
    pub item: Value,
}

impl Ingest {
    /// Listens until the program ends.
    ///
    /// # Panics
    ///
    /// If there is no free port on the loopback address.
    #[allow(clippy::unwrap_used)]
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, envelopes) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let sender = sender.clone();
                std::thread::spawn(move || serve(stream, &sender));
            }
        });
        Self { address, envelopes }
    }

    /// The DSN that leads here.
    pub fn dsn(&self) -> String {
        format!("http://public@{}/1", self.address)
    }

    /// The next envelope.
    ///
    /// # Panics
    ///
    /// If none comes in time, or if it breaks the format.
    pub fn next(&self) -> Envelope {
        match self.envelopes.recv_timeout(PATIENCE) {
            Ok(Ok(envelope)) => envelope,
            Ok(Err(error)) => panic!("a bad envelope came: {error}"),
            Err(error) => panic!("no envelope came: {error}"),
        }
    }

    /// The next envelope whose item is of this type.
    ///
    /// # Panics
    ///
    /// As [`next`](Self::next).
    pub fn next_of(&self, kind: &str) -> Envelope {
        loop {
            let envelope = self.next();
            if envelope.item_header["type"] == kind {
                return envelope;
            }
        }
    }

    /// The envelopes that come until none has for `quiet`.
    ///
    /// # Panics
    ///
    /// If one breaks the format.
    pub fn rest(&self, quiet: Duration) -> Vec<Envelope> {
        let mut rest = Vec::new();
        loop {
            match self.envelopes.recv_timeout(quiet) {
                Ok(Ok(envelope)) => rest.push(envelope),
                Ok(Err(error)) => panic!("a bad envelope came: {error}"),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return rest,
            }
        }
    }
}

fn serve(stream: TcpStream, envelopes: &Sender<Result<Envelope, String>>) {
    let Ok(mut answers) = stream.try_clone() else { return };
    let mut requests = BufReader::new(stream);
    while let Some((path, body)) = request(&mut requests) {
        let read = if path == "/api/1/envelope/" { Envelope::read(&body) } else { Err(format!("sent to {path}")) };
        let _ = envelopes.send(read);
        if answers.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").is_err() {
            return;
        }
    }
}

/// The path and the body of the next request on a connection.
fn request(stream: &mut impl BufRead) -> Option<(String, Vec<u8>)> {
    let mut line = String::new();
    stream.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut length = 0;
    loop {
        let mut header = String::new();
        stream.read_line(&mut header).ok()?;
        let header = header.trim_end().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some((path, body))
}

impl Envelope {
    /// Reads an envelope of one item, to the byte.
    ///
    /// # Errors
    ///
    /// Anything that is not as the protocol has it: a line that is not JSON, a `length` that is not
    /// the item's, no line break after the item, or anything behind it.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let (header, rest) = line(bytes)?;
        let (item_header, rest) = line(rest)?;
        let length = item_header["length"].as_u64().ok_or("the item has no length")? as usize;
        if rest.len() < length {
            return Err(format!("the item has {} of {length} bytes", rest.len()));
        }
        let (item, end) = rest.split_at(length);
        if end != b"\n" {
            return Err(format!("behind the item comes {:?}", String::from_utf8_lossy(end)));
        }
        let item = serde_json::from_slice(item).map_err(|error| format!("the item is not JSON: {error}"))?;
        Ok(Self { header, item_header, item })
    }

    /// The values of a metric in the item.
    pub fn metrics(&self, name: &str) -> Vec<&Value> {
        let metrics = self.item["metrics"].as_array().map(Vec::as_slice).unwrap_or_default();
        metrics.iter().filter(|metric| metric["name"] == name).collect()
    }
}

fn line(bytes: &[u8]) -> Result<(Value, &[u8]), String> {
    let end = bytes.iter().position(|byte| *byte == b'\n').ok_or("a line has no end")?;
    let value = serde_json::from_slice(&bytes[..end]).map_err(|error| format!("a line is not JSON: {error}"))?;
    Ok((value, &bytes[end + 1..]))
}

/// An HTTP answer.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Everything before the body, in lower case.
    pub head: String,
    /// The body.
    pub body: String,
}

/// Sends a request as it is written, and reads the answer to the end of the connection.
///
/// # Errors
///
/// The connection failed, or what came back is not HTTP.
pub fn http(address: SocketAddr, request: &str) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or(std::io::ErrorKind::InvalidData)?;
    let status =
        head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or(std::io::ErrorKind::InvalidData)?;
    Ok(Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() })
}

/// GET, with an `Accept` header if it is not empty.
///
/// # Errors
///
/// As [`http`].
pub fn get(address: SocketAddr, path: &str, accept: &str) -> std::io::Result<Answer> {
    let accept = if accept.is_empty() { String::new() } else { format!("accept: {accept}\r\n") };
    http(address, &format!("GET {path} HTTP/1.1\r\nhost: test\r\n{accept}connection: close\r\n\r\n"))
}

/// A client as `sentry::init` makes it, but not bound to the hub that all tests share.
pub fn client(dsn: &str, config: RuntimeMetricsConfig) -> Client {
    client_with(dsn, config, ClientOptions::new())
}

/// The same, with options of one's own.
pub fn client_with(dsn: &str, config: RuntimeMetricsConfig, options: ClientOptions) -> Client {
    let options = options.dsn(dsn).add_integration(RuntimeMetricsIntegration::new(config));
    Client::from(sentry::apply_defaults(options))
}

/// Nothing that moves by itself is collected.
pub fn still(collection_interval: Duration) -> RuntimeMetricsConfig {
    RuntimeMetricsConfig {
        collection_interval,
        collect_memory: false,
        collect_process: false,
        collect_system: false,
        collect_async_runtime: false,
        ..Default::default()
    }
}

/// For tests that look at the whole process: one at a time.
pub fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}
