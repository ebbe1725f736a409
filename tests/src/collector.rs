//! A receiver of OTLP and of remote write over real HTTP: answers as it is told, and keeps what it took.

mod messages;

use crate::PATIENCE;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Frame;
use hyper::header::HeaderMap;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// What it speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaks {
    /// OTLP over gRPC.
    OtlpGrpc,
    /// OTLP over HTTP.
    OtlpHttp,
    /// Prometheus remote write.
    RemoteWrite,
}

/// What is done with a request.
#[derive(Clone, Copy, Debug)]
pub enum Reply {
    /// It is taken.
    Take,
    /// It is taken but for some points, with these words.
    TakePart(i64, &'static str),
    /// It is refused with this status and this header.
    Refuse(u16, (&'static str, &'static str)),
    /// It is taken, and a status says so, but the answer breaks off.
    TakeAndBreakOff,
}

/// A request, when it came and what came of it.
#[derive(Clone, Debug)]
pub struct Request {
    /// When it was read.
    pub at: Instant,
    /// Whether it was taken.
    pub taken: bool,
    /// What it was sent to.
    pub path: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its message, with nothing around it.
    pub body: Vec<u8>,
}

/// A value that a request told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Told {
    /// All of it.
    Total(f64),
    /// What came since the last one.
    Gain(f64),
}

/// A certificate for the loopback address, and its key, as PEM.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// The certificate.
    pub certificate: String,
    /// The key.
    pub key: String,
}

impl Certificate {
    /// One that only who is told to trusts.
    ///
    /// # Panics
    ///
    /// If it can't be made.
    #[allow(clippy::unwrap_used)]
    pub fn new() -> Self {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned(), "localhost".to_owned()]).unwrap();
        Self { certificate: made.cert.pem(), key: made.key_pair.serialize_pem() }
    }

    #[allow(clippy::unwrap_used)]
    fn acceptor(&self, protocol: &str) -> TlsAcceptor {
        let chain = CertificateDer::pem_slice_iter(self.certificate.as_bytes()).map(Result::unwrap).collect();
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()));
        let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        let mut config = config.with_single_cert(chain, key).unwrap();
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        Arc::new(config).into()
    }
}

impl Default for Certificate {
    fn default() -> Self {
        Self::new()
    }
}

/// The receiver.
#[derive(Debug)]
pub struct Collector {
    speaks: Speaks,
    address: SocketAddr,
    shared: Arc<Shared>,
    _runtime: tokio::runtime::Runtime,
}

#[derive(Debug)]
struct Shared {
    speaks: Speaks,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    next: Option<Reply>,
    then: Reply,
    /// The bearer token that it wants.
    token: Option<&'static str>,
    requests: Vec<Request>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Collector {
    /// Listens until it is dropped; takes everything until told otherwise.
    pub fn start(speaks: Speaks) -> Self {
        Self::with(speaks, None)
    }

    /// The same, over TLS.
    pub fn with_certificate(speaks: Speaks, certificate: &Certificate) -> Self {
        let protocol = if speaks == Speaks::OtlpGrpc { "h2" } else { "http/1.1" };
        Self::with(speaks, Some(certificate.acceptor(protocol)))
    }

    #[allow(clippy::unwrap_used)]
    fn with(speaks: Speaks, tls: Option<TlsAcceptor>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let state = State { next: None, then: Reply::Take, token: None, requests: Vec::new() };
        let shared = Arc::new(Shared { speaks, state: Mutex::new(state), changed: Condvar::new() });
        let served = Arc::clone(&shared);
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (shared, tls) = (Arc::clone(&served), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, shared).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, shared).await;
                            }
                        }
                    }
                });
            }
        });
        Self { speaks, address, shared, _runtime: runtime }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What is done with all requests from now on.
    pub fn replies(&self, then: Reply) {
        let mut state = self.shared.lock();
        (state.next, state.then) = (None, then);
    }

    /// What is done with the next request only.
    pub fn replies_once(&self, next: Reply) {
        self.shared.lock().next = Some(next);
    }

    /// Refuses whom does not show this.
    pub fn wants_token(&self, token: &'static str) {
        self.shared.lock().token = Some(token);
    }

    /// Takes nothing more. It returns when everybody knows what was taken, which is when they have asked again.
    pub fn close(&self) {
        self.replies(Reply::Refuse(503, ("x-nothing", "")));
        let now = self.requests().len();
        self.wait("a request after the last that was taken", |requests| requests.len() > now + 1);
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.lock().requests.clone()
    }

    /// Waits until the requests are as they should be.
    ///
    /// # Panics
    ///
    /// If they are not in time.
    pub fn wait(&self, what: &str, mut condition: impl FnMut(&[Request]) -> bool) {
        let end = Instant::now() + PATIENCE;
        let mut state = self.shared.lock();
        while !condition(&state.requests) {
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{:?}: {what} did not come about", self.speaks);
            state = self.shared.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// What it knows of a counter of this name and label `test`.
    pub fn knows(&self, name: &str, test: &str) -> f64 {
        knows(self.speaks, &self.shared.lock().requests, name, test)
    }

    /// Waits until it knows the total of `faults_work`, and that it stays so.
    ///
    /// # Panics
    ///
    /// If it does not in time, or if it knows more.
    pub fn wait_for(&self, test: &str, total: u64) {
        let speaks = self.speaks;
        let knows = |requests: &[Request]| knows(speaks, requests, "faults_work", test);
        self.wait("the exact total", |requests| {
            assert!(knows(requests) <= total as f64, "{speaks:?}: {} of {total}", knows(requests));
            knows(requests) == total as f64
        });
        let now = self.requests().len();
        self.wait("requests after that", |requests| requests.len() > now);
        assert_eq!(self.knows("faults_work", test), total as f64, "{speaks:?}");
    }
}

fn knows(speaks: Speaks, requests: &[Request], name: &str, test: &str) -> f64 {
    let taken = requests.iter().filter(|request| request.taken);
    let told = taken.flat_map(|request| match speaks {
        Speaks::RemoteWrite => messages::remote_write(&request.body, &format!("{name}_total"), test),
        _ => messages::otlp(&request.body, name, test),
    });
    told.fold(0.0, |known, told| match told {
        Told::Total(total) => total,
        Told::Gain(gain) => known + gain,
    })
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, shared: Arc<Shared>) {
    let grpc = shared.speaks == Speaks::OtlpGrpc;
    let answers = service_fn(move |request| {
        let shared = Arc::clone(&shared);
        async move { Ok::<_, Infallible>(answer(request, &shared).await) }
    });
    let stream = TokioIo::new(stream);
    if grpc {
        let _ = hyper::server::conn::http2::Builder::new(TokioExecutor::new()).serve_connection(stream, answers).await;
    } else {
        let _ = hyper::server::conn::http1::Builder::new().serve_connection(stream, answers).await;
    }
}

type Body = http_body_util::combinators::BoxBody<Bytes, Broken>;

/// What breaks an answer off.
#[derive(Debug)]
struct Broken;

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("on purpose")
    }
}

impl std::error::Error for Broken {}

/// Some of an answer, and an error when that has left.
#[derive(Default)]
struct BreaksOff(Option<Pin<Box<tokio::time::Sleep>>>);

impl hyper::body::Body for BreaksOff {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        if let Some(pause) = &mut self.0 {
            return pause.as_mut().poll(context).map(|()| Some(Err(Broken)));
        }
        self.0 = Some(Box::pin(tokio::time::sleep(Duration::from_millis(20))));
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"\n\xff")))))
    }
}

fn full(bytes: Vec<u8>) -> Body {
    Full::new(Bytes::from(bytes)).map_err(|_: Infallible| Broken).boxed()
}

async fn answer(request: hyper::Request<hyper::body::Incoming>, shared: &Shared) -> hyper::Response<Body> {
    let (head, body) = request.into_parts();
    // Of a request that breaks off there is nothing to keep.
    let Ok(body) = body.collect().await else { return refusal(400, ("x-nothing", "")) };
    let body = body.to_bytes();
    let grpc = shared.speaks == Speaks::OtlpGrpc;
    let body = match shared.speaks {
        Speaks::OtlpGrpc => body.get(5..).unwrap_or_default().to_vec(),
        Speaks::OtlpHttp => body.to_vec(),
        Speaks::RemoteWrite => snap::raw::Decoder::new().decompress_vec(&body).unwrap_or_default(),
    };
    let mut state = shared.lock();
    let reply = state.next.take().unwrap_or(state.then);
    let shown = head.headers.get("authorization").and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let reply = match state.token {
        Some(token) if shown != Some(token) => Reply::Refuse(401, ("x-nothing", "")),
        _ => reply,
    };
    let taken = !matches!(reply, Reply::Refuse(..));
    let path = head.uri.path().to_owned();
    state.requests.push(Request { at: Instant::now(), taken, path, headers: head.headers, body });
    drop(state);
    shared.changed.notify_all();
    let (rejected, words) = match reply {
        Reply::Refuse(status, header) => return refusal(status, header),
        Reply::TakePart(rejected, words) => (rejected, words),
        Reply::Take | Reply::TakeAndBreakOff => (0, ""),
    };
    let message = messages::response(rejected, words).encode_to_vec();
    if grpc {
        let mut framed = vec![0];
        framed.extend_from_slice(&(message.len() as u32).to_be_bytes());
        framed.extend_from_slice(&message);
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", hyper::header::HeaderValue::from_static("0"));
        let body = full(framed).with_trailers(async { Some(Ok(trailers)) }).boxed();
        let mut response = hyper::Response::new(body);
        let kind = hyper::header::HeaderValue::from_static("application/grpc");
        response.headers_mut().insert("content-type", kind);
        return response;
    }
    if matches!(reply, Reply::TakeAndBreakOff) {
        return hyper::Response::new(BodyExt::boxed(BreaksOff::default()));
    }
    hyper::Response::new(full(message))
}

fn refusal(status: u16, (name, value): (&'static str, &'static str)) -> hyper::Response<Body> {
    let response = hyper::Response::builder().status(status).header(name, value);
    response.body(full(b"not now".to_vec())).unwrap_or_else(|_| hyper::Response::new(full(Vec::new())))
}
