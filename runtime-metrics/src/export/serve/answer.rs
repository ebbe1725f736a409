//! What each request is answered.

use super::lent::Texts;
use super::negotiate::{choose, gzip};
use crate::export::encode::encode;
#[cfg(feature = "protobuf")]
use crate::export::encoder::Format;
use crate::export::exporter::MetricsExporter;
use crate::export::filter::Filter;
use crate::export::kinds::ExportFormat;
use crate::export::secret::Secret;
use crate::export::text::Dialect;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http_body_util::Full;
use hyper::header::{
    ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, VARY, WWW_AUTHENTICATE,
};
use hyper::{Method, Request, Response, StatusCode};
use std::io::Write;
use std::sync::Arc;
use subtle::ConstantTimeEq;

type Answer = Response<Full<Bytes>>;

/// Less than this is not worth the time of compressing it.
const SMALL: usize = 1_024;

/// Who is answered, and what.
#[derive(Debug)]
pub(super) struct Answers {
    format: ExportFormat,
    filter: Filter,
    token: Option<Secret>,
    texts: Arc<Texts>,
}

impl Answers {
    pub(super) fn of(exporter: MetricsExporter) -> Self {
        let MetricsExporter { format, filter, token, .. } = exporter;
        Self { format, filter, token, texts: Texts::new() }
    }

    /// What the server answers.
    pub(super) fn site<B>(&self, request: &Request<B>) -> Answer {
        if let Some(refused) = self.refuse(request) {
            return refused;
        }
        let headers = request.headers();
        match request.uri().path() {
            "/metrics" => self.metrics(choose(self.format, headers), headers),
            "/metrics.json" => self.metrics(ExportFormat::Json, headers),
            "/health" => findings(headers),
            "/" => plain(StatusCode::OK, INDEX),
            _ => plain(StatusCode::NOT_FOUND, "there is nothing here; the metrics are at /metrics\n"),
        }
    }

    /// The metrics, whatever the path.
    pub(super) fn scrape<B>(&self, request: &Request<B>) -> Answer {
        let headers = request.headers();
        self.refuse(request).unwrap_or_else(|| self.metrics(choose(self.format, headers), headers))
    }

    /// The answer to a request that is not one for us, or from one who may not know.
    fn refuse<B>(&self, request: &Request<B>) -> Option<Answer> {
        if !self.knows(request.headers()) {
            let mut response = plain(StatusCode::UNAUTHORIZED, "");
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            return Some(response);
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are answered\n");
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return Some(response);
        }
        None
    }

    /// Whether a request shows the token, if there is one. How long that takes tells nothing of it but its length.
    fn knows(&self, headers: &HeaderMap) -> bool {
        let Some(token) = &self.token else { return true };
        let bearer = headers.get(AUTHORIZATION).map(HeaderValue::as_bytes).and_then(|value| {
            let (scheme, shown) = value.split_at_checked(7)?;
            scheme.eq_ignore_ascii_case(b"bearer ").then_some(shown)
        });
        let shown = bearer.or_else(|| headers.get("x-api-key").map(HeaderValue::as_bytes));
        shown.is_some_and(|shown| shown.ct_eq(token.tell().as_bytes()).into())
    }

    fn metrics(&self, format: ExportFormat, headers: &HeaderMap) -> Answer {
        let text = match format {
            ExportFormat::OpenMetrics if self.filter.is_none() => self.texts.take(Dialect::OpenMetrics),
            ExportFormat::Negotiated | ExportFormat::Prometheus if self.filter.is_none() => {
                self.texts.take(Dialect::Prometheus)
            }
            #[cfg(feature = "protobuf")]
            ExportFormat::Protobuf if self.filter.is_none() => self.texts.take(Format::Protobuf),
            format => match encode(format, &self.filter.take()) {
                Ok(text) => text.into(),
                Err(error) => {
                    return respond(StatusCode::NOT_ACCEPTABLE, "text/plain; charset=utf-8", error.to_string());
                }
            },
        };
        let packed = (text.len() >= SMALL && gzip(headers)).then(|| pack(&text)).flatten();
        let mut response = respond(StatusCode::OK, format.content_type(), packed.clone().unwrap_or(text));
        response.headers_mut().insert(VARY, HeaderValue::from_static("accept, accept-encoding"));
        if packed.is_some() {
            response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        response
    }
}

const INDEX: &str = "\
/metrics       what the Accept header asks for: OpenMetrics, Prometheus text or protobuf, or JSON
/metrics.json  JSON
/health        what is wrong, in words or as JSON
";

/// The fastest compression: it is for the way, not for the shelf.
fn pack(text: &[u8]) -> Option<Bytes> {
    let mut packer = GzEncoder::new(Vec::with_capacity(text.len() / 8), Compression::fast());
    packer.write_all(text).ok()?;
    packer.finish().ok().map(Bytes::from)
}

/// What is wrong, in words, or as JSON for who accepts nothing else. It is an answer, not a probe: 200
/// whatever was found.
fn findings(headers: &HeaderMap) -> Answer {
    let report = crate::health();
    if choose(ExportFormat::Negotiated, headers) == ExportFormat::Json {
        let text = serde_json::to_vec(&report).unwrap_or_default();
        return respond(StatusCode::OK, "application/json", text);
    }
    respond(StatusCode::OK, "text/plain; charset=utf-8", report.to_string())
}

fn plain(status: StatusCode, text: &'static str) -> Answer {
    respond(status, "text/plain; charset=utf-8", text)
}

fn respond(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
