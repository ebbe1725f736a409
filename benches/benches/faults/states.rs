//! The states that receivers are in, and who pushes to them.

use crate::receiver::{Receivers, Serves};
use runtime_metrics::{ExportFormat, ExportProtocol, MetricsExporter};
use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::time::Duration;

/// Far more often than any program pushes: what a push does to those who record shows a hundred times a second.
pub const INTERVAL: Duration = Duration::from_millis(10);
/// How long a push waits for who does not answer.
pub const TIMEOUT: Duration = Duration::from_millis(50);

/// Who pushes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Way {
    OtlpGrpc,
    OtlpHttp,
    RemoteWrite,
    StatsD,
}

impl Way {
    const ALL: [Self; 4] = [Self::OtlpGrpc, Self::OtlpHttp, Self::RemoteWrite, Self::StatsD];

    pub fn name(self) -> &'static str {
        match self {
            Self::OtlpGrpc => "OTLP/gRPC",
            Self::OtlpHttp => "OTLP/HTTP",
            Self::RemoteWrite => "remote write",
            Self::StatsD => "StatsD",
        }
    }

    fn exporter(self, endpoint: &str) -> MetricsExporter {
        let exporter = match self {
            Self::OtlpGrpc => MetricsExporter::new().format(ExportFormat::Otlp),
            Self::OtlpHttp => MetricsExporter::new().format(ExportFormat::Otlp).protocol(ExportProtocol::Http),
            Self::RemoteWrite => MetricsExporter::new().format(ExportFormat::RemoteWrite),
            Self::StatsD => return MetricsExporter::new().format(ExportFormat::StatsD).endpoint(endpoint),
        };
        exporter.endpoint(format!("http://{endpoint}"))
    }
}

/// How a receiver is.
pub struct State {
    pub way: Way,
    pub what: &'static str,
    /// Why pushes are lost; nothing where they are taken.
    pub reason: Option<&'static str>,
    endpoint: String,
}

impl State {
    /// Every receiver in every state that its protocol has.
    pub fn all(receivers: &Receivers) -> io::Result<Vec<Self>> {
        let absent = nobody()?.to_string();
        let mut all = Vec::new();
        for way in Way::ALL {
            let serves = |serves| receivers.address(serves).to_string();
            let mut add = |what, reason, endpoint| all.push(Self { way, what, reason, endpoint });
            if way == Way::StatsD {
                add("healthy", None, serves(Serves::Datagrams));
                // Nobody answers a datagram: only one that does not arrive on the own machine is known to be lost.
                add("hangs: never reads", None, serves(Serves::DatagramsNever));
                add("reads a datagram a second", None, serves(Serves::DatagramsSlowly));
            } else {
                let http2 = way == Way::OtlpGrpc;
                add("healthy", None, serves(if http2 { Serves::Grpc } else { Serves::Http }));
                add("hangs: accepts, never answers", Some("timeout"), serves(Serves::Nothing));
                add("reads a byte a second", Some("timeout"), serves(Serves::Slowly));
                add("answers 503", Some("busy"), serves(if http2 { Serves::Grpc503 } else { Serves::Http503 }));
                add("resets", Some("connect"), serves(Serves::Resets));
            }
            add("absent: refuses connections", Some("connect"), absent.clone());
            add("its name is gone from DNS", Some("dns"), "no-such-host.invalid:4317".to_owned());
        }
        Ok(all)
    }

    /// What its exporter is called.
    pub fn name(&self) -> String {
        format!("{}: {}", self.way.name(), self.what)
    }

    pub fn exporter(&self) -> MetricsExporter {
        self.way.exporter(&self.endpoint).name(self.name()).interval(INTERVAL).timeout(TIMEOUT)
    }
}

/// Where nobody listens, neither for connections nor for datagrams.
fn nobody() -> io::Result<SocketAddr> {
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    UdpSocket::bind(address)?.local_addr()
}
