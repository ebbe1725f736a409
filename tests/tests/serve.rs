//! The server among strangers: who may not know learns nothing, who is slow or rude is in nobody's way, and who asks
//! properly is answered, also while it stops.

#![allow(clippy::unwrap_used)] // a test that can't go on has failed

use runtime_metrics::{ExportFormat, ExportHandle, ExportProtocol, MetricsExporter, increment, registry};
use runtime_metrics_tests::collector::Certificate;
use runtime_metrics_tests::{PATIENCE, get, http};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// How long a head may take.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// What a busy machine may add.
const SLACK: Duration = Duration::from_secs(2);

fn serve() -> MetricsExporter {
    MetricsExporter::new().address("127.0.0.1:0")
}

fn start(exporter: MetricsExporter) -> (SocketAddr, ExportHandle) {
    let exporter = exporter.try_start().unwrap();
    (exporter.address().unwrap(), exporter)
}

/// What is answered to these bytes, to the end of the connection: all of it, or what there was when it was reset.
fn raw(address: SocketAddr, request: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // The server may have heard enough.
    let _ = stream.write_all(request);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    answer
}

fn ask(address: SocketAddr, method: &str, path: &str, headers: &str) -> (String, Vec<u8>) {
    let request = format!("{method} {path} HTTP/1.1\r\nhost: test\r\n{headers}connection: close\r\n\r\n");
    let answer = raw(address, request.as_bytes());
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or_else(|| panic!("{answer:?}")) + 4;
    (String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase(), answer[end..].to_vec())
}

fn status(answer: &[u8]) -> Option<u16> {
    std::str::from_utf8(answer.get(9..12)?).ok()?.parse().ok()
}

#[test]
fn who_does_not_show_the_token_learns_nothing() {
    let (address, exporter) = start(serve().token("the secret"));
    // An answer to HEAD need not tell its length.
    let differs = |line: &&str| line.starts_with("date:") || *line == "content-length: 0";
    let alike = |head: &str| head.lines().filter(|line| !differs(line)).collect::<Vec<_>>().join("\n");
    let wrong = [
        "",
        "authorization: Bearer \r\n",
        "authorization: Bearer wrong\r\n",
        "authorization: Bearer the secre\r\n",
        "authorization: Bearer the secret2\r\n",
        "authorization: Bearer the Secret\r\n",
        "authorization: the secret\r\n",
        "authorization: Basic dGhlIHNlY3JldA==\r\n",
        "authorization: B\r\n",
        "authorization: Beareré the secret\r\n",
        "x-api-key: wrong\r\n",
        "x-api-key:\r\n",
        "x-api-key: Bearer the secret\r\n",
        "cookie: the secret\r\n",
    ];
    let mut heads = Vec::new();
    for path in ["/metrics", "/metrics.json", "/health", "/", "/nothing", "/metrics?token=the+secret"] {
        for method in ["GET", "HEAD", "POST", "DELETE"] {
            for headers in wrong {
                let (head, body) = ask(address, method, path, headers);
                assert!(head.starts_with("http/1.1 401 ") && body.is_empty(), "{method} {path} {headers}: {head}");
                heads.push(alike(&head));
            }
        }
    }
    heads.sort();
    heads.dedup();
    assert!(heads.len() == 1 && heads[0].contains("www-authenticate: bearer"), "{heads:?}");
    for headers in [
        "authorization: Bearer the secret\r\n",
        "authorization: bearer the secret\r\n",
        "AUTHORIZATION: BEARER the secret\r\n",
        "x-api-key: the secret\r\n",
        "authorization: Basic bWU6bXk=\r\nx-api-key: the secret\r\n",
    ] {
        let (head, body) = ask(address, "GET", "/metrics", headers);
        assert!(head.starts_with("http/1.1 200 ") && !body.is_empty(), "{headers}: {head}");
        let (head, body) = ask(address, "HEAD", "/metrics", headers);
        assert!(head.starts_with("http/1.1 200 ") && body.is_empty(), "{headers}: {head}");
    }
    exporter.stop();
}

#[test]
fn an_answer_is_compressed_for_who_asks_for_it() {
    increment!("serve_packed");
    let (address, exporter) = start(serve().format(ExportFormat::OpenMetrics));
    for accepts in ["gzip", "deflate, gzip;q=0.5", "*", "GZIP"] {
        let (head, body) = ask(address, "GET", "/metrics", &format!("accept-encoding: {accepts}\r\n"));
        assert!(
            head.contains("content-encoding: gzip") && head.contains("vary: accept, accept-encoding"),
            "{accepts}: {head}"
        );
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{head}");
        let mut text = String::new();
        flate2::read::GzDecoder::new(&*body).read_to_string(&mut text).unwrap();
        assert!(text.contains("\nserve_packed_total") && text.ends_with("# EOF\n"));
        assert!(body.len() < text.len() / 2);
    }
    for accepts in ["", "identity", "gzip;q=0", "gzip; q=0.0, *", "br, zstd"] {
        let (head, body) = ask(address, "GET", "/metrics", &format!("accept-encoding: {accepts}\r\n"));
        assert!(!head.contains("content-encoding") && body.ends_with(b"# EOF\n"), "{accepts}: {head}");
        assert!(head.contains("vary: accept, accept-encoding"), "{head}");
    }
    // What is not worth it.
    let (head, _) = ask(address, "GET", "/", "accept-encoding: gzip\r\n");
    assert!(!head.contains("content-encoding"), "{head}");
    exporter.stop();
}

fn https(certificate: &Certificate) -> MetricsExporter {
    serve().protocol(ExportProtocol::Https).certificate(certificate.certificate.as_bytes(), certificate.key.as_bytes())
}

fn browser(certificate: &Certificate) -> ureq::Agent {
    let root = ureq::tls::Certificate::from_pem(certificate.certificate.as_bytes()).unwrap();
    let tls = ureq::tls::TlsConfig::builder().root_certs(ureq::tls::RootCerts::new_with_certs(&[root]));
    let config = ureq::Agent::config_builder().tls_config(tls.build()).http_status_as_error(false).proxy(None);
    config.timeout_global(Some(PATIENCE)).build().into()
}

#[test]
fn who_trusts_the_certificate_is_answered_over_tls_and_nobody_else() {
    let (certificate, other) = (Certificate::new(), Certificate::new());
    let (address, exporter) = start(https(&certificate).token("the secret"));
    let url = exporter.url().unwrap();
    assert!(url.starts_with("https://"), "{url}");
    let scrape = |who: &Certificate, token: &str| {
        let answer = browser(who).get(&url).header("authorization", format!("Bearer {token}")).call();
        answer.map(|mut answer| (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap()))
    };
    let (status, text) = scrape(&certificate, "the secret").unwrap();
    assert!(status == 200 && text.contains("process_"), "{status} {text}");
    assert_eq!(scrape(&certificate, "another").unwrap(), (401, String::new()));
    scrape(&other, "the secret").unwrap_err();
    let plain = raw(address, b"GET /metrics HTTP/1.1\r\nhost: test\r\nauthorization: Bearer the secret\r\n\r\n");
    assert!(!plain.starts_with(b"HTTP") && plain.len() < 64, "{plain:?}");
    assert!(raw(address, &[0x16, 0x03, 0x01, 0xff, 0xff, 1, 2, 3]).len() < 64);
    assert_eq!(scrape(&certificate, "the secret").unwrap().0, 200);
    exporter.stop();
}

#[test]
fn connections_that_say_nothing_do_not_keep_a_scrape_waiting_longer_than_a_head_may_take() {
    let certificate = Certificate::new();
    let (plain, encrypted) = (start(serve()), start(https(&certificate)));
    let idle: Vec<_> = (0..130).map(|at| TcpStream::connect([plain.0, encrypted.0][at % 2]).unwrap()).collect();
    let start = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            assert_eq!(get(plain.0, "/metrics", "").unwrap().status, 200);
            assert!(start.elapsed() < HEADER_TIMEOUT + SLACK, "{:?}", start.elapsed());
            plain.1.stop();
        });
        scope.spawn(|| {
            let answer = browser(&certificate).get(encrypted.1.url().unwrap()).call().unwrap();
            assert_eq!(answer.status(), 200);
            assert!(start.elapsed() < HEADER_TIMEOUT + SLACK, "{:?}", start.elapsed());
        });
    });
    drop(idle);
}

#[test]
fn a_head_that_drips_or_a_connection_that_is_kept_for_nothing_is_closed() {
    let (address, exporter) = start(serve());
    let closes = |first: &[u8], drip: &[u8]| {
        let start = Instant::now();
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(first).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let mut bytes = [0; 4 << 10];
        loop {
            assert!(start.elapsed() < HEADER_TIMEOUT + SLACK, "{:?}", start.elapsed());
            match stream.read(&mut bytes) {
                Ok(1..) => {}
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    if stream.write_all(drip).is_err() {
                        return;
                    }
                }
                _ => return,
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| closes(b"GET /metrics HTTP/1.1\r\nx: ", b"x"));
        scope.spawn(|| closes(b"GET /metrics HTTP/1.1\r\nhost: test\r\n", b"x: y\r\n"));
        scope.spawn(|| closes(b"GET /metrics HTTP/1.1\r\nhost: test\r\n\r\n", b""));
        scope.spawn(|| closes(b"\r\n", b"\r\n"));
        // While they do that, others are answered.
        assert_eq!(get(address, "/metrics", "").unwrap().status, 200);
    });
    exporter.stop();
}

#[test]
fn what_is_too_large_is_refused_and_what_is_wrong_is_answered() {
    let (address, exporter) = start(serve());
    let get_with =
        |headers: &str| raw(address, format!("GET /metrics HTTP/1.1\r\nhost: test\r\n{headers}\r\n").as_bytes());
    let refused = |answer: Vec<u8>| status(&answer).is_none_or(|status| matches!(status, 400 | 414 | 431));
    assert!(refused(get_with(&format!("x: {}\r\n", "x".repeat(64 << 10)))));
    assert!(refused(get_with(&format!("x: {}\r\n", "x".repeat(16 << 20)))));
    assert!(refused(get_with(&"x: y\r\n".repeat(2_000))));
    assert!(refused(raw(address, format!("GET /{} HTTP/1.1\r\nhost: test\r\n\r\n", "x".repeat(64 << 10)).as_bytes())));
    for nonsense in [
        &b"\r\n\r\n\r\n"[..],
        b"\0\0\0\0\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let answer = raw(address, nonsense);
        assert!(refused(answer.clone()), "{nonsense:?}: {}", String::from_utf8_lossy(&answer));
    }
    // What two lengths or a length and chunks mean differs from server to server.
    for smuggled in
        ["content-length: 3\r\ncontent-length: 4\r\n", "content-length: -1\r\n", "transfer-encoding: wrong\r\n"]
    {
        let answer = get_with(&format!("{smuggled}connection: close\r\n"));
        assert!(refused(answer.clone()), "{smuggled}: {}", String::from_utf8_lossy(&answer));
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "get", "NONSENSE"] {
        let (head, body) = ask(address, method, "/metrics", "content-length: 0\r\n");
        assert!(head.starts_with("http/1.1 405 ") && head.contains("allow: get, head"), "{method}: {head}");
        assert!(body.len() < 64);
    }
    for path in ["/metric", "/metrics/", "//metrics", "/metrics/../metrics", "/%6detrics", "/METRICS", "/health/", "*"]
    {
        let (head, _) = ask(address, "GET", path, "");
        assert!(head.starts_with("http/1.1 404 "), "{path}: {head}");
    }
    for path in ["/metrics", "/metrics?x=1&y", "http://elsewhere/metrics"] {
        let (head, _) = ask(address, "GET", path, "");
        assert!(head.starts_with("http/1.1 200 "), "{path}: {head}");
    }
    exporter.stop();
}

#[test]
fn a_body_is_not_waited_for() {
    let (address, exporter) = start(serve());
    let bodies = [
        ("POST", "content-length: 10000000000\r\n", 405),
        ("POST", "transfer-encoding: chunked\r\n", 405),
        ("POST", "content-length: 10\r\nexpect: 100-continue\r\n", 405),
        ("GET", "content-length: 10000000000\r\n", 200),
        ("GET", "transfer-encoding: chunked\r\n", 200),
    ];
    for (method, headers, wanted) in bodies {
        let start = Instant::now();
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // There is never any body.
        write!(stream, "{method} /metrics HTTP/1.1\r\nhost: test\r\n{headers}\r\n").unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        assert_eq!(status(&answer), Some(wanted), "{method} {headers}");
        assert!(start.elapsed() < HEADER_TIMEOUT + SLACK, "{method} {headers}: {:?}", start.elapsed());
    }
    exporter.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_of_the_programs_own_answers_scrapes_on_a_route() {
    increment!("serve_routed");
    increment!("serve_hidden");
    let service = MetricsExporter::new().token("the secret").filter(|name| name == "serve_routed").service().unwrap();
    let app = axum::Router::new().route_service("/internal/metrics", service);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, app).into_future());
    tokio::task::spawn_blocking(move || {
        let token = "authorization: Bearer the secret\r\n";
        let (head, body) = ask(address, "GET", "/internal/metrics", token);
        let text = String::from_utf8(body).unwrap();
        assert!(head.starts_with("http/1.1 200 ") && head.contains("version=0.0.4"), "{head}");
        assert!(text.contains("\nserve_routed_total") && !text.contains("serve_hidden"), "{text}");
        let (head, body) = ask(address, "GET", "/internal/metrics", &format!("{token}accept: application/json\r\n"));
        assert!(head.contains("content-type: application/json"), "{head}");
        serde_json::from_slice::<runtime_metrics::RuntimeMetrics>(&body).unwrap();
        for method in ["GET", "POST"] {
            let (head, body) = ask(address, method, "/internal/metrics", "");
            assert!(head.starts_with("http/1.1 401 ") && body.is_empty(), "{head}");
        }
        let (head, _) = ask(address, "POST", "/internal/metrics", token);
        assert!(head.starts_with("http/1.1 405 "), "{head}");
        assert_eq!(http(address, "GET /metrics HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").unwrap().status, 404);
    })
    .await
    .unwrap();
}

#[test]
fn the_registry_encodes_what_is_fetched_and_says_why_not_what_is_pushed() {
    increment!("serve_encoded", value: 3);
    let encode = |format| registry().encode(format).unwrap();
    let text = |format| String::from_utf8(encode(format)).unwrap();
    assert!(text(ExportFormat::OpenMetrics).contains("# TYPE serve_encoded counter"));
    for format in [ExportFormat::Prometheus, ExportFormat::Negotiated] {
        assert!(text(format).contains("# TYPE serve_encoded_total counter"));
    }
    let json: runtime_metrics::RuntimeMetrics = serde_json::from_slice(&encode(ExportFormat::Json)).unwrap();
    assert!(json.metrics.iter().any(|metric| metric.name == "serve_encoded" && metric.value.as_f64() == 3.0));
    assert!(encode(ExportFormat::Protobuf).windows(13).any(|bytes| bytes == b"serve_encoded"));
    for pushed in [ExportFormat::Otlp, ExportFormat::RemoteWrite, ExportFormat::StatsD, ExportFormat::DogStatsD] {
        let error = registry().encode(pushed).unwrap_err().to_string();
        assert!(error.contains("format") && error.contains(&pushed.to_string()), "{error}");
    }
}
