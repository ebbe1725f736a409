//! A Sentry server for one machine: it takes envelopes on the loopback address and shows them.

use crate::envelope::{Envelope, EnvelopeError};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::CONTENT_ENCODING;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// Sentry takes no larger ones either.
const LARGEST: usize = 20 * 1024 * 1024;

/// What is called with each envelope, or with what is wrong with it.
type Show = Arc<Mutex<dyn FnMut(Result<Envelope, EnvelopeError>) + Send>>;

/// A running endpoint, on a thread and a runtime of its own; dropping it stops it.
#[derive(Debug)]
pub struct SentryEndpoint {
    dsn: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl SentryEndpoint {
    /// Listens on a free port of the loopback address. `show` is called with each envelope before
    /// it is answered, so whoever waits for the answer knows that it was shown.
    ///
    /// # Errors
    ///
    /// There is no free port, or no thread to be had.
    pub fn start(show: impl FnMut(Result<Envelope, EnvelopeError>) + Send + 'static) -> std::io::Result<Self> {
        let show: Show = Arc::new(Mutex::new(show));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let dsn = format!("http://public@{}/1", listener.local_addr()?);
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name("sentry-endpoint".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = accept(listener, show) => {}
                    _ = stopped => {}
                }
            });
        })?;
        Ok(Self { dsn, stop: Some(stop), thread: Some(thread) })
    }

    /// What a client is set up with to send here.
    pub fn dsn(&self) -> &str {
        &self.dsn
    }
}

impl Drop for SentryEndpoint {
    fn drop(&mut self) {
        // An error means that the thread has ended already.
        let _ = self.stop.take().map(|stop| stop.send(()));
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

async fn accept(listener: TcpListener, show: Show) {
    while let Ok((stream, _)) = listener.accept().await {
        let show = Arc::clone(&show);
        tokio::spawn(async move {
            let answer = service_fn(|request| answer(request, &show));
            let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
            // How a client's connection ends is the client's concern.
            let _ = connection.await;
        });
    }
}

async fn answer(request: Request<Incoming>, show: &Show) -> Result<Response<Full<Bytes>>, Infallible> {
    let (status, text) = match take(request).await {
        Ok(body) => {
            let envelope = Envelope::parse(&body);
            let status = if envelope.is_ok() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
            // A show that panicked once may show the next one.
            (show.lock().unwrap_or_else(PoisonError::into_inner))(envelope);
            (status, "{}")
        }
        Err(refusal) => refusal,
    };
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    Ok(response)
}

/// The body of a request that is what a Sentry client sends.
async fn take(request: Request<Incoming>) -> Result<Bytes, (StatusCode, &'static str)> {
    if request.uri().path() != "/api/1/envelope/" {
        return Err((StatusCode::NOT_FOUND, "envelopes go to /api/1/envelope/\n"));
    }
    if request.method() != Method::POST {
        return Err((StatusCode::METHOD_NOT_ALLOWED, "envelopes are posted\n"));
    }
    if request.headers().contains_key(CONTENT_ENCODING) {
        return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, "envelopes are read uncompressed only\n"));
    }
    let body = Limited::new(request.into_body(), LARGEST).collect().await;
    body.map(http_body_util::Collected::to_bytes)
        .map_err(|_| (StatusCode::PAYLOAD_TOO_LARGE, "the body did not arrive, or is too large\n"))
}
