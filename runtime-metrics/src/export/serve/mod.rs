//! The HTTP server that answers scrapes, on a thread and a runtime of its own.

mod answer;
mod leave;
mod lent;
mod negotiate;
mod service;

pub use service::MetricsService;

use super::THREAD;
use super::error::ExportError;
use super::exporter::MetricsExporter;
use super::handle::Running;
use super::kinds::ExportProtocol;
use answer::Answers;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, oneshot, watch};

/// Connections at a time; further ones wait.
const CONNECTIONS: usize = 64;
/// How long a scraper may take to say what it wants.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// How large the head of a request may be. What follows it is not read at all.
const HEAD: usize = 16 * 1024;
/// How long one connection may last.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a stop may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// The thread that serves.
#[derive(Debug)]
pub(super) struct Server {
    address: SocketAddr,
    scheme: ExportProtocol,
    stop: oneshot::Sender<()>,
    thread: std::thread::JoinHandle<()>,
}

/// What a connection goes through before it is HTTP.
#[derive(Clone)]
struct Lock {
    #[cfg(feature = "tls")]
    tls: Option<tokio_rustls::TlsAcceptor>,
}

impl Lock {
    #[cfg(feature = "tls")]
    fn of(exporter: &MetricsExporter, protocol: ExportProtocol) -> Result<Self, ExportError> {
        if protocol != ExportProtocol::Https && exporter.tls.own.is_some() {
            let mend = "it would serve in the clear: set `protocol(ExportProtocol::Https)`, or no certificate";
            return Err(ExportError::setting("certificate", "(not shown)", mend));
        }
        let tls = (protocol == ExportProtocol::Https).then(|| exporter.tls.of_server()).transpose()?;
        Ok(Self { tls })
    }

    #[cfg(not(feature = "tls"))]
    fn of(_: &MetricsExporter, protocol: ExportProtocol) -> Result<Self, ExportError> {
        if protocol == ExportProtocol::Https {
            return Err(ExportError::setting("protocol", "https", "turn on the feature `tls` of runtime-metrics"));
        }
        Ok(Self {})
    }
}

pub(super) fn start(exporter: MetricsExporter, protocol: ExportProtocol) -> Result<Running, ExportError> {
    let lock = Lock::of(&exporter, protocol)?;
    let address = exporter.address.clone();
    let interval = exporter.interval;
    let bind = |error: &std::io::Error| ExportError::Bind { address: address.clone(), error: error.into() };
    let listener = TcpListener::bind(&address).map_err(|error| bind(&error))?;
    let address = listener.local_addr().map_err(|error| bind(&error))?;
    let answers = Arc::new(Answers::of(exporter));
    let (stop, thread) = spawn(listener, lock, answers, interval).map_err(|error| ExportError::start(&error))?;
    Ok(Running::Server(Server { address, scheme: protocol, stop, thread }))
}

fn spawn(
    listener: TcpListener,
    lock: Lock,
    answers: Arc<Answers>,
    interval: Duration,
) -> std::io::Result<(oneshot::Sender<()>, std::thread::JoinHandle<()>)> {
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let listener = {
        let _context = runtime.enter();
        tokio::net::TcpListener::from_std(listener)?
    };
    let (stop, stopped) = oneshot::channel();
    let thread = std::thread::Builder::new().name(THREAD.to_owned()).spawn(move || {
        runtime.block_on(async {
            for _ in 0..2 {
                crate::collectors::own_task();
            }
            let (leave, leaving) = watch::channel(false);
            let places = Arc::new(Semaphore::new(CONNECTIONS));
            let accepts = tokio::spawn(accept(listener, lock, answers, Arc::clone(&places), leaving));
            tokio::spawn(sample(interval));
            // An error means that the handle was dropped, which is not a wish to stop.
            if stopped.await.is_err() {
                std::future::pending::<()>().await;
            }
            accepts.abort();
            let _ = accepts.await;
            let _ = leave.send(true);
            // Who has all places is alone.
            let _ = tokio::time::timeout(PATIENCE, places.acquire_many(CONNECTIONS as u32)).await;
        });
        runtime.shutdown_background();
    })?;
    Ok((stop, thread))
}

impl Server {
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn url(&self) -> String {
        format!("{}://{}/metrics", self.scheme, self.address)
    }

    pub(super) fn stop(self) {
        if self.stop.send(()).is_ok() {
            let _ = self.thread.join();
        }
    }
}

/// Asks the collectors in a rhythm of its own, for those that keep peaks and rates.
async fn sample(interval: Duration) {
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        crate::collect::all();
    }
}

async fn accept(
    listener: tokio::net::TcpListener,
    lock: Lock,
    answers: Arc<Answers>,
    places: Arc<Semaphore>,
    leaving: watch::Receiver<bool>,
) {
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors, most likely: what is open has to end first.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let (lock, answers, leaving) = (lock.clone(), Arc::clone(&answers), leaving.clone());
        crate::collectors::own_task();
        tokio::spawn(async move {
            // How a scraper's connection ends is the scraper's concern.
            let _ = tokio::time::timeout(CONNECTION_TIMEOUT, open(stream, lock, &answers, leaving)).await;
            drop(place);
        });
    }
}

#[cfg(feature = "tls")]
async fn open(stream: TcpStream, lock: Lock, answers: &Answers, leaving: watch::Receiver<bool>) {
    let Some(lock) = lock.tls else { return talk(stream, answers, leaving).await };
    let opened = tokio::time::timeout(HEADER_TIMEOUT, lock.accept(stream));
    if let Some(Ok(Ok(stream))) = leave::unless(leaving.clone(), opened).await {
        talk(stream, answers, leaving).await;
    }
}

#[cfg(not(feature = "tls"))]
async fn open(stream: TcpStream, _: Lock, answers: &Answers, leaving: watch::Receiver<bool>) {
    talk(stream, answers, leaving).await;
}

async fn talk(stream: impl AsyncRead + AsyncWrite + Unpin, answers: &Answers, leaving: watch::Receiver<bool>) {
    let asked = AtomicBool::new(false);
    let answer = service_fn(|request| {
        asked.store(true, Relaxed);
        let answer = answers.site(&request);
        async { Ok::<_, Infallible>(answer) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(HEAD)
        .serve_connection(TokioIo::new(stream), answer);
    leave::after_answer(leaving, pin!(connection), &asked).await;
}
