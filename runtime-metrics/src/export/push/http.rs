//! POST requests, with what their answers mean.

use super::super::exporter::MetricsExporter;
#[cfg(feature = "otlp")]
use super::super::otlp::{ExportMetricsServiceResponse, Otlp};
#[cfg(feature = "remote-write")]
use super::super::remote_write::RemoteWrite;
#[cfg(feature = "otlp")]
use super::otlp::check;
use super::{Failure, Push, is_of_a_name};
use crate::export::ExportError;
use crate::snapshot::Snapshot;
#[cfg(feature = "otlp")]
use prost::Message;
use std::time::Duration;
use ureq::http::{HeaderName, HeaderValue, Uri};
use ureq::{Agent, Error};

/// The most that is read of an answer: it is for people.
const ANSWER: u64 = 64 << 10;

/// Sends to one place, over connections that stay.
struct Client {
    agent: Agent,
    url: String,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Client {
    fn new(exporter: &MetricsExporter, default: &str, path: &str) -> Result<Self, ExportError> {
        let given = exporter.endpoint.as_deref().unwrap_or(default);
        let url = complete(given, path)?;
        let config = Agent::config_builder().http_status_as_error(false).max_redirects(0);
        #[cfg(feature = "tls")]
        let config = config.tls_config(exporter.tls.of_client()?);
        if cfg!(not(feature = "tls")) && url.starts_with("https:") {
            let mend = "turn on the feature `tls` of runtime-metrics, or use http:";
            return Err(ExportError::setting("endpoint", url, mend));
        }
        let mut headers = Vec::new();
        for (name, value) in &exporter.headers {
            headers.push(header(name, value.tell())?);
        }
        if let Some(token) = &exporter.token {
            headers.push(header("authorization", &format!("Bearer {}", token.tell()))?);
        }
        Ok(Self { agent: config.build().into(), url, headers })
    }

    /// Posts a body; the answer's, if it was taken.
    fn post(&self, content: &[(&str, &str)], body: &[u8], time: Duration) -> Result<Vec<u8>, Failure> {
        let mut request = self.agent.post(&self.url).config().timeout_global(Some(time)).build();
        for (name, value) in content {
            request = request.header(*name, *value);
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let mut response = request.send(body).map_err(|error| failure(&error))?;
        let status = response.status().as_u16();
        let again = response.headers().get("retry-after").and_then(|after| after.to_str().ok()?.parse().ok());
        let answer = response.body_mut().with_config().limit(ANSWER).read_to_vec();
        if (200..300).contains(&status) {
            // It was taken, whatever becomes of the words about it: sent again, deltas would count twice.
            return Ok(answer.unwrap_or_default());
        }
        let said = String::from_utf8_lossy(&answer.unwrap_or_default()).chars().take(200).collect::<String>();
        let why = format!("it answered {status} {}", said.trim());
        Err(Failure::answered(status, again.map(Duration::from_secs), why))
    }
}

fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), ExportError> {
    let bad = |mend| ExportError::setting("header", name.to_owned(), mend);
    let name = HeaderName::try_from(name).map_err(|_| bad("it is no name of an HTTP header"))?;
    let mut value =
        HeaderValue::try_from(value).map_err(|_| bad("its value has characters that a header can't have"))?;
    value.set_sensitive(true);
    Ok((name, value))
}

/// The URL, with the protocol's own path if it has none.
fn complete(url: &str, path: &str) -> Result<String, ExportError> {
    let mend = "use a URL with a host, such as http://127.0.0.1:4318";
    let uri: Uri = url.parse().map_err(|_| ExportError::setting("endpoint", url, mend))?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none_or(str::is_empty) {
        return Err(ExportError::setting("endpoint", url, mend));
    }
    let given = uri.path_and_query().map_or("", |path| path.as_str());
    Ok(if matches!(given, "" | "/") { format!("{}{path}", url.trim_end_matches('/')) } else { url.to_owned() })
}

fn failure(error: &Error) -> Failure {
    let reason = match error {
        Error::Timeout(_) => "timeout",
        Error::HostNotFound => "dns",
        #[cfg(feature = "tls")]
        Error::Rustls(_) | Error::Tls(_) => "tls",
        Error::Io(error) if is_of_a_name(error) => "dns",
        Error::Io(error) if error.kind() == std::io::ErrorKind::InvalidData => "tls",
        Error::Io(_) | Error::ConnectionFailed => "connect",
        _ => "protocol",
    };
    Failure::passing(reason, error.to_string())
}

#[cfg(feature = "otlp")]
pub(super) fn otlp(exporter: &MetricsExporter) -> Result<(String, Box<dyn Push>), ExportError> {
    let client = Client::new(exporter, "http://127.0.0.1:4318", "/v1/metrics")?;
    let otlp = Otlp::new(exporter.temporality);
    Ok((client.url.clone(), Box::new(OtlpHttp { client, otlp })))
}

#[cfg(feature = "otlp")]
struct OtlpHttp {
    client: Client,
    otlp: Otlp,
}

#[cfg(feature = "otlp")]
impl Push for OtlpHttp {
    fn push(&mut self, snapshot: &Snapshot, time: Duration) -> Result<(), Failure> {
        let body = self.otlp.request(snapshot).encode_to_vec();
        let content = [("content-type", "application/x-protobuf")];
        let answer = self.client.post(&content, &body, time)?;
        // Taken in part is taken: the protocol forbids to send it again.
        self.otlp.delivered();
        let answer = ExportMetricsServiceResponse::decode(&*answer).unwrap_or_default();
        check(answer)
    }
}

#[cfg(feature = "remote-write")]
pub(super) fn remote_write(exporter: &MetricsExporter) -> Result<(String, Box<dyn Push>), ExportError> {
    let client = Client::new(exporter, "http://127.0.0.1:9090", "/api/v1/write")?;
    let writer = RemoteWrite::new(exporter.native_histograms);
    Ok((client.url.clone(), Box::new(RemoteWriter { client, writer })))
}

#[cfg(feature = "remote-write")]
struct RemoteWriter {
    client: Client,
    writer: RemoteWrite,
}

#[cfg(feature = "remote-write")]
impl RemoteWriter {
    fn post(&self, body: &[u8], time: Duration) -> Result<(), Failure> {
        let content = [
            ("content-type", "application/x-protobuf"),
            ("content-encoding", "snappy"),
            ("x-prometheus-remote-write-version", "0.1.0"),
        ];
        self.client.post(&content, body, time).map(drop)
    }
}

#[cfg(feature = "remote-write")]
impl Push for RemoteWriter {
    fn push(&mut self, snapshot: &Snapshot, time: Duration) -> Result<(), Failure> {
        let body = self.writer.request(snapshot);
        self.post(&body, time)?;
        self.writer.delivered();
        Ok(())
    }

    fn leave(&mut self, time: Duration) -> Result<(), Failure> {
        // A marker of the same millisecond as the last values would be refused.
        let now = std::time::SystemTime::now() + Duration::from_millis(1);
        self.writer.farewell(now).map_or(Ok(()), |body| self.post(&body, time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_without_a_path_gets_the_protocols_own() {
        let url = |url| complete(url, "/v1/metrics").map_err(|error| error.to_string());
        assert_eq!(url("http://a:4318").as_deref(), Ok("http://a:4318/v1/metrics"));
        assert_eq!(url("http://a:4318/").as_deref(), Ok("http://a:4318/v1/metrics"));
        assert_eq!(url("https://a/own?x=1").as_deref(), Ok("https://a/own?x=1"));
        for bad in ["", "a:4318", "ftp://a", "http://", "/v1/metrics", "http://a b"] {
            assert!(url(bad).is_err_and(|error| error.contains("http://127.0.0.1:4318")), "{bad}");
        }
    }

    #[test]
    fn a_header_that_is_none_is_named_and_its_value_is_not() {
        let bad = header("x-key", "sec\nret").unwrap_err().to_string();
        assert!(bad.contains("x-key") && !bad.contains("sec"), "{bad}");
        assert!(header("no name", "x").is_err());
        assert!(format!("{:?}", header("x-key", "secret").unwrap()).contains("Sensitive"));
    }
}
