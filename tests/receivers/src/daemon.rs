//! The daemon of StatsD that Etsy wrote, asked over its management port.

use crate::child::{Program, free_port, installed};
use crate::until;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// A daemon. It flushes nothing while a test runs, so that its counters have all that they were ever told.
#[derive(Debug)]
pub struct Daemon {
    program: Program,
    port: u16,
    management: u16,
}

impl Daemon {
    /// Starts one on this port.
    ///
    /// # Panics
    ///
    /// If it can't be started, or says why it ended.
    pub fn start_on(port: u16) -> Self {
        let mut program = Program::new("statsd");
        let management = free_port();
        let config = program.write(
            "config.js",
            format!(
                "{{ address: '127.0.0.1', port: {port}, mgmt_address: '127.0.0.1', mgmt_port: {management},\n\
                 backends: [], flushInterval: 2000000000, dumpMessages: true }}\n"
            ),
        );
        let script = installed("npm/node_modules/statsd/stats.js");
        let install = "install the Debian packages `nodejs` and `npm`, as .ci/receivers does";
        program.start("node", install, |command| command.arg(script).arg(&config));
        let mut this = Self { program, port, management };
        until("the start of statsd", || {
            this.program.runs().unwrap_or_else(|ended| panic!("{ended}"));
            this.ask("gauges")
        });
        this
    }

    /// The same on a free port.
    pub fn start() -> Self {
        Self::start_on(free_port())
    }

    /// Where it listens.
    pub fn endpoint(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// What it has of `counters` or `gauges`.
    ///
    /// # Errors
    ///
    /// It does not answer, or something else.
    pub fn ask(&self, what: &str) -> Result<BTreeMap<String, f64>, String> {
        let answer = self.told(what).map_err(|error| error.to_string())?;
        // It is printed as JavaScript: one line for each, or few on one line.
        let pairs = answer.trim_end_matches("END\n\n").trim().trim_start_matches('{').trim_end_matches('}');
        let pairs = pairs.split(',').map(str::trim).filter(|pair| !pair.is_empty());
        pairs
            .map(|pair| {
                let (name, value) = pair.rsplit_once(": ").ok_or_else(|| format!("{pair} is no pair"))?;
                let value = value.parse().map_err(|_| format!("{pair} has no number"))?;
                Ok((name.trim_matches(['\'', '"']).to_owned(), value))
            })
            .collect()
    }

    fn told(&self, what: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.management))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        // At once: it takes each packet for a command.
        stream.write_all(format!("{what}\n").as_bytes())?;
        let mut answer = Vec::new();
        let mut room = [0; 4096];
        while !answer.ends_with(b"END\n\n") {
            match stream.read(&mut room)? {
                0 => break,
                count => answer.extend_from_slice(&room[..count]),
            }
        }
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }
}
