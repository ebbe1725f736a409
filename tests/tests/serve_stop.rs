//! The end of the server: what it has begun to answer is answered, and nobody can hold it. A program of its own, for it
//! has more metrics than a scrape has to read in other tests.

#![allow(clippy::unwrap_used)] // a test that can't go on has failed

use runtime_metrics::{ExportFormat, ExportHandle, Limits, MetricsExporter, increment, registry};
use runtime_metrics_tests::get;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// How long a stop may take.
const PATIENCE: Duration = Duration::from_secs(1);
/// What a busy machine may add.
const SLACK: Duration = Duration::from_secs(2);

fn start() -> (SocketAddr, ExportHandle) {
    let exporter = MetricsExporter::new().format(ExportFormat::OpenMetrics).address("127.0.0.1:0").try_start().unwrap();
    (exporter.address().unwrap(), exporter)
}

#[test]
fn an_answer_that_is_under_way_is_finished_before_the_stop() {
    // More than the system keeps for who does not read.
    registry().set_limits(Limits { series_per_metric: 100_000, ..Limits::default() });
    for at in 0..40_000 {
        increment!("serve_many", labels: {"at" => format!("{at:0200}")});
    }
    let (address, exporter) = start();
    let mut slow = TcpStream::connect(address).unwrap();
    let (mut idle, _silent) = (TcpStream::connect(address).unwrap(), TcpStream::connect(address).unwrap());
    idle.write_all(b"GET / HTTP/1.1\r\nhost: test\r\n\r\n").unwrap();
    assert!(idle.read(&mut [0; 64]).unwrap() > 0);
    slow.write_all(b"GET /metrics HTTP/1.1\r\nhost: test\r\n\r\n").unwrap();
    let mut first = [0; 64];
    slow.read_exact(&mut first).unwrap();
    let start = Instant::now();
    let reader = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(100));
        let mut rest = Vec::new();
        slow.read_to_end(&mut rest).map(|_| rest)
    });
    exporter.stop();
    let took = start.elapsed();
    let rest = reader.join().unwrap().unwrap();
    assert!(rest.ends_with(b"# EOF\n"), "{} bytes", rest.len());
    assert!(took < PATIENCE, "{took:?}");
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn a_stop_does_not_wait_for_who_does_not_read() {
    let (address, exporter) = start();
    let mut rude: Vec<_> = (0..10).map(|_| TcpStream::connect(address).unwrap()).collect();
    for stream in &mut rude {
        stream.write_all(&b"GET /metrics HTTP/1.1\r\nhost: test\r\n\r\n".repeat(20)).unwrap();
    }
    assert_eq!(get(address, "/", "").unwrap().status, 200);
    let start = Instant::now();
    exporter.stop();
    assert!(start.elapsed() < PATIENCE + SLACK, "{:?}", start.elapsed());
}
