//! OTLP over gRPC, on a runtime of its own that only this exporter's thread drives.

mod checked;
mod wish;

use super::super::exporter::MetricsExporter;
use super::super::otlp::{ExportMetricsServiceRequest, ExportMetricsServiceResponse, Otlp};
use super::otlp::check;
use super::{Failure, Push, is_of_a_name};
use crate::export::ExportError;
use crate::snapshot::Snapshot;
use checked::{Checked, Foreign};
use std::error::Error;
use std::io::ErrorKind;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::metadata::{MetadataKey, MetadataMap, MetadataValue};
use tonic::transport::Endpoint;
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;

const METHOD: PathAndQuery =
    PathAndQuery::from_static("/opentelemetry.proto.collector.metrics.v1.MetricsService/Export");

pub(super) fn otlp(exporter: &MetricsExporter) -> Result<(String, Box<dyn Push>), ExportError> {
    let url = exporter.endpoint.clone().unwrap_or_else(|| "http://127.0.0.1:4317".to_owned());
    let bad = |mend| ExportError::setting("endpoint", url.clone(), mend);
    let endpoint = Endpoint::from_shared(url.clone()).map_err(|_| bad("use a URL, such as http://127.0.0.1:4317"))?;
    if !matches!(endpoint.uri().scheme_str(), Some("http" | "https")) || endpoint.uri().host().is_none() {
        return Err(bad("use a URL with a host, such as http://127.0.0.1:4317"));
    }
    if cfg!(not(feature = "tls")) && url.starts_with("https:") {
        return Err(bad("turn on the feature `tls` of runtime-metrics, or use http:"));
    }
    #[cfg(feature = "tls")]
    let endpoint = if url.starts_with("https:") { exporter.tls.of_endpoint(endpoint)? } else { endpoint };
    let endpoint = endpoint.connect_timeout(exporter.timeout);
    let line = Line::to(&endpoint).map_err(|error| ExportError::start(&error))?;
    let otlp = Otlp::new(exporter.temporality);
    Ok((url, Box::new(OtlpGrpc { endpoint, line, headers: headers(exporter)?, otlp })))
}

fn headers(exporter: &MetricsExporter) -> Result<MetadataMap, ExportError> {
    let mut map = MetadataMap::new();
    let token = exporter.token.as_ref().map(|token| ("authorization", format!("Bearer {}", token.tell())));
    let given = exporter.headers.iter().map(|(name, value)| (&**name, value.tell().clone()));
    for (name, value) in given.chain(token) {
        let bad = |mend| ExportError::setting("header", name.to_owned(), mend);
        let key = MetadataKey::from_bytes(name.as_bytes()).map_err(|_| bad("it is no name of a gRPC header"))?;
        let mut value =
            MetadataValue::try_from(value).map_err(|_| bad("its value has characters that it can't have"))?;
        value.set_sensitive(true);
        map.insert(key, value);
    }
    Ok(map)
}

/// A connection, which is made when it is needed, and what drives it.
struct Line {
    runtime: Runtime,
    channel: Checked,
}

impl Line {
    fn to(endpoint: &Endpoint) -> std::io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let channel = {
            let _context = runtime.enter();
            Checked(endpoint.connect_lazy())
        };
        Ok(Self { runtime, channel })
    }
}

struct OtlpGrpc {
    endpoint: Endpoint,
    line: Line,
    headers: MetadataMap,
    otlp: Otlp,
}

impl OtlpGrpc {
    /// What gave no answer may never give one, though nobody says that the connection is dead: the next push gets
    /// another one.
    fn hang_up(&mut self) {
        if let Ok(line) = Line::to(&self.endpoint) {
            std::mem::replace(&mut self.line, line).runtime.shutdown_background();
        }
    }
}

impl Push for OtlpGrpc {
    fn push(&mut self, snapshot: &Snapshot, time: Duration) -> Result<(), Failure> {
        let mut request = Request::new(self.otlp.request(snapshot));
        *request.metadata_mut() = self.headers.clone();
        let Line { runtime, channel } = &self.line;
        let call = export(channel.clone(), request);
        let Ok(answer) = runtime.block_on(async { tokio::time::timeout(time, call).await }) else {
            self.hang_up();
            return Err(Failure::passing("timeout", format!("no answer within {time:?}")));
        };
        let answer = answer.map_err(|status| failure(&status))?;
        // Taken in part is taken: the protocol forbids to send it again.
        self.otlp.delivered();
        check(answer)
    }
}

async fn export(
    channel: Checked,
    request: Request<ExportMetricsServiceRequest>,
) -> Result<ExportMetricsServiceResponse, Status> {
    let mut client = Grpc::new(channel);
    client.ready().await.map_err(Status::from_error)?;
    let codec: ProstCodec<ExportMetricsServiceRequest, ExportMetricsServiceResponse> = ProstCodec::default();
    client.unary(request, METHOD, codec).await.map(tonic::Response::into_inner)
}

/// An error and what is behind it.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// What may be tried again is as the protocol has it.
fn failure(status: &Status) -> Failure {
    if let Some(behind) = status.source() {
        return on_the_way(status.code(), behind);
    }
    let why = format!("{:?}: {}", status.code(), status.message());
    match status.code() {
        Code::DeadlineExceeded => Failure::passing("timeout", why),
        Code::Unavailable
        | Code::Cancelled
        | Code::Aborted
        | Code::OutOfRange
        | Code::DataLoss
        | Code::ResourceExhausted => Failure { reason: "busy", why, again: Some(wish::of(status).unwrap_or_default()) },
        Code::Unauthenticated | Code::PermissionDenied => {
            Failure::lasting("auth", format!("{why}; is the token right?"))
        }
        _ => Failure::lasting("refused", why),
    }
}

/// The receiver itself did not say anything.
fn on_the_way(code: Code, behind: &(dyn Error + 'static)) -> Failure {
    if let Some(Foreign { status, again }) = chain(behind).find_map(<dyn Error>::downcast_ref) {
        return Failure::answered(*status, *again, format!("it answered {status}, and not as gRPC does"));
    }
    let mut texts: Vec<String> = chain(behind).map(ToString::to_string).collect();
    texts.dedup();
    let io = chain(behind).find_map(<dyn Error>::downcast_ref::<std::io::Error>);
    let reason = match io {
        Some(error) if is_of_a_name(error) => "dns",
        Some(error) if error.kind() == ErrorKind::InvalidData => "tls",
        Some(error) if error.kind() == ErrorKind::TimedOut => "timeout",
        None if code == Code::Internal => "protocol",
        _ => "connect",
    };
    Failure::passing(reason, texts.join(": "))
}
