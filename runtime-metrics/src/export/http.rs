//! The HTTP server that answers scrapes, on a thread and a runtime of its own.

use super::exporter::ExportFormat;
use super::lent::Texts;
use super::text::Dialect;
use super::{THREAD, json};
use crate::snapshot::Snapshot;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, oneshot};

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
    stop: oneshot::Sender<()>,
    thread: std::thread::JoinHandle<()>,
}

impl Server {
    pub(super) fn start(listener: TcpListener, format: ExportFormat, interval: Duration) -> std::io::Result<Self> {
        crate::collectors::install();
        crate::health::install();
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
                tokio::spawn(accept(listener, format));
                tokio::spawn(sample(interval));
                // An error means that the handle was dropped, which is not a wish to stop.
                if stopped.await.is_err() {
                    std::future::pending::<()>().await;
                }
            });
            runtime.shutdown_timeout(PATIENCE);
        })?;
        Ok(Self { stop, thread })
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

async fn accept(listener: tokio::net::TcpListener, format: ExportFormat) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let texts = Texts::new();
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors, most likely: what is open has to end first.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let texts = Arc::clone(&texts);
        crate::collectors::own_task();
        tokio::spawn(async move {
            let answer = service_fn(|request| {
                let answer = answer(&request, format, &texts);
                async { Ok::<_, Infallible>(answer) }
            });
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADER_TIMEOUT)
                .max_buf_size(HEAD)
                .serve_connection(TokioIo::new(stream), answer);
            // How a scraper's connection ends is the scraper's concern.
            let _ = tokio::time::timeout(CONNECTION_TIMEOUT, connection).await;
            drop(place);
        });
    }
}

fn answer(request: &Request<Incoming>, format: ExportFormat, texts: &Arc<Texts>) -> Response<Full<Bytes>> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are answered\n");
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    match request.uri().path() {
        "/metrics" => scrape(choose(format, request.headers()), texts),
        "/metrics.json" => scrape(ExportFormat::Json, texts),
        "/health" => findings(request.headers()),
        "/" => plain(
            StatusCode::OK,
            "/metrics       what the Accept header asks for: OpenMetrics, Prometheus text or JSON\n/metrics.json  JSON\n/health        what is wrong, in words or as JSON\n",
        ),
        _ => plain(StatusCode::NOT_FOUND, "there is nothing here; the metrics are at /metrics\n"),
    }
}

/// The format of an answer: the one that is set, or the one that the scraper likes best.
fn choose(format: ExportFormat, headers: &HeaderMap) -> ExportFormat {
    if format != ExportFormat::Negotiated {
        return format;
    }
    let accepts = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut best = (0.0, ExportFormat::Prometheus);
    for range in accepts.flat_map(|value| value.split(',')) {
        let mut parts = range.split(';').map(str::trim);
        let format = match parts.next().unwrap_or_default() {
            "application/openmetrics-text" => ExportFormat::OpenMetrics,
            "application/json" => ExportFormat::Json,
            "text/plain" | "text/*" | "*/*" => ExportFormat::Prometheus,
            _ => continue,
        };
        let quality = parts.find_map(|part| part.strip_prefix("q=")?.trim().parse::<f64>().ok()).unwrap_or(1.0);
        if quality > best.0 {
            best = (quality, format);
        }
    }
    best.1
}

fn scrape(format: ExportFormat, texts: &Arc<Texts>) -> Response<Full<Bytes>> {
    let (kind, text) = match format {
        ExportFormat::OpenMetrics => {
            ("application/openmetrics-text; version=1.0.0; charset=utf-8", texts.take(Dialect::OpenMetrics))
        }
        ExportFormat::Json => ("application/json", json(&Snapshot::take()).into()),
        ExportFormat::Prometheus | ExportFormat::Negotiated => {
            ("text/plain; version=0.0.4; charset=utf-8", texts.take(Dialect::Prometheus))
        }
    };
    respond(StatusCode::OK, kind, text)
}

/// What is wrong, in words, or as JSON for who accepts nothing else. It is an answer, not a probe: 200
/// whatever was found.
fn findings(headers: &HeaderMap) -> Response<Full<Bytes>> {
    let report = crate::health();
    let accepts = headers.get(ACCEPT).and_then(|accepts| accepts.to_str().ok()).unwrap_or_default();
    if accepts.contains("application/json") {
        let text = serde_json::to_vec(&report).unwrap_or_default();
        return respond(StatusCode::OK, "application/json", text);
    }
    respond(StatusCode::OK, "text/plain; charset=utf-8", report.to_string())
}

fn plain(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    respond(status, "text/plain; charset=utf-8", text)
}

fn respond(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(accept: &str) -> ExportFormat {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_str(accept).unwrap());
        choose(ExportFormat::Negotiated, &headers)
    }

    #[test]
    fn the_scraper_gets_what_it_likes_best() {
        assert_eq!(choose(ExportFormat::Negotiated, &HeaderMap::new()), ExportFormat::Prometheus);
        assert_eq!(chosen("*/*"), ExportFormat::Prometheus);
        assert_eq!(chosen("application/json"), ExportFormat::Json);
        let prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1";
        assert_eq!(chosen(prometheus), ExportFormat::OpenMetrics);
        assert_eq!(chosen("application/openmetrics-text;q=0.1, text/plain"), ExportFormat::Prometheus);
    }
}
