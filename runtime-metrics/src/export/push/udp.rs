//! Datagrams to a daemon of `StatsD`.

use super::super::exporter::MetricsExporter;
use super::super::kinds::ExportFormat;
use super::super::statsd::{Dialect, Lines};
use super::{Failure, Push, is_of_a_name};
use crate::export::ExportError;
use crate::snapshot::Snapshot;
use std::net::{ToSocketAddrs, UdpSocket};
use std::time::Duration;

pub(super) fn statsd(exporter: &MetricsExporter) -> Result<(String, Box<dyn Push>), ExportError> {
    let endpoint = exporter.endpoint.clone().unwrap_or_else(|| "127.0.0.1:8125".to_owned());
    let is_host = |host: &str| !host.is_empty() && !host.contains('/');
    let port = endpoint.rsplit_once(':').filter(|(host, port)| is_host(host) && port.parse::<u16>().is_ok());
    if port.is_none() {
        return Err(ExportError::setting("endpoint", endpoint, "use a host and a port, such as 127.0.0.1:8125"));
    }
    if !(64..=65_507).contains(&exporter.datagram) {
        let mend = "use 64 to 65507 bytes; 1432 fits into a frame of Ethernet";
        return Err(ExportError::setting("datagram_size", exporter.datagram.to_string(), mend));
    }
    for (given, setting) in [(exporter.token.is_some(), "token"), (!exporter.headers.is_empty(), "header")] {
        if given {
            return Err(ExportError::setting(setting, "(not shown)", "StatsD has no place for a token or a header"));
        }
    }
    let dialect = if exporter.format == ExportFormat::DogStatsD { Dialect::DogStatsD } else { Dialect::StatsD };
    let lines = Lines::new(dialect, exporter.datagram);
    Ok((endpoint.clone(), Box::new(StatsD { endpoint, lines, socket: None })))
}

struct StatsD {
    endpoint: String,
    lines: Lines,
    /// Connected, so that the system says when nobody listens; nothing where the name is to be asked for again.
    socket: Option<UdpSocket>,
}

impl StatsD {
    fn connect(&self) -> Result<UdpSocket, Failure> {
        let addresses = self.endpoint.to_socket_addrs().map_err(|error| {
            let reason = if is_of_a_name(&error) { "dns" } else { "connect" };
            Failure::passing(reason, error.to_string())
        })?;
        let mut last = std::io::Error::from(std::io::ErrorKind::NotFound);
        for address in addresses {
            let own = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
            match UdpSocket::bind(own).and_then(|socket| socket.connect(address).map(|()| socket)) {
                Ok(socket) => return Ok(socket),
                Err(error) => last = error,
            }
        }
        Err(Failure::passing("connect", last.to_string()))
    }
}

impl Push for StatsD {
    fn push(&mut self, snapshot: &Snapshot, _: Duration) -> Result<(), Failure> {
        let socket = match self.socket.take() {
            Some(socket) => socket,
            None => self.connect()?,
        };
        // What the machine counts began before the program did.
        snapshot.families.iter().filter(|family| family.name.starts_with("system.")).for_each(|family| {
            self.lines.start_from(family);
        });
        let mut why = None;
        let sent = self.lines.each(snapshot, |datagram| {
            if why.is_none() {
                // On the loopback address it is known at once that nobody listens; from elsewhere it comes later.
                let sent = socket.send(datagram).and_then(|_| socket.take_error());
                why = sent.and_then(|error| error.map_or(Ok(()), Err)).err();
            }
            why.is_none()
        });
        if let Some(why) = why {
            // How many they were differs from time to time, and the same is to be said once.
            return Err(Failure::passing("connect", why.to_string()));
        }
        self.socket = Some(socket);
        if sent.too_long > 0 {
            let text = format!("{} lines are longer than a datagram; use fewer or shorter labels", sent.too_long);
            return Err(Failure::lasting("too-long", text));
        }
        Ok(())
    }
}
