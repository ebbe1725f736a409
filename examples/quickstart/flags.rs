//! The command line: what can be asked for, and what is said of a bad wish.

use lexopt::prelude::*;
use runtime_metrics_examples::flags::{dsn, dsn_of_environment, seconds, text, told};
use sentry::types::Dsn;
use std::net::ToSocketAddrs;
use std::time::Duration;

pub const HELP: &str = "\
A small order service that measures itself, with a load generator and a Sentry endpoint inside.

Usage: quickstart [FLAGS]

  --seconds N            stop after N seconds (otherwise Ctrl-C stops it)
  --metrics-addr ADDR    where /metrics is served [127.0.0.1:9464]
  --dsn DSN              the Sentry project to send to (or the variable SENTRY_DSN);
                         without one, envelopes go to an endpoint inside and are printed
  --interval SECONDS     time between two envelopes [5]
  -h, --help             this text
";

/// What the program was asked for.
pub struct Flags {
    pub seconds: Option<Duration>,
    pub metrics_addr: String,
    pub dsn: Option<Dsn>,
    pub interval: Duration,
}

/// Reads the flags; `None` where only the help was asked for.
pub fn read() -> Result<Option<Flags>, String> {
    let mut flags =
        Flags { seconds: None, metrics_addr: "127.0.0.1:9464".to_owned(), dsn: None, interval: Duration::from_secs(5) };
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next().map_err(|error| told(&error))? {
        match argument {
            Long("seconds") => flags.seconds = Some(seconds("--seconds", &text(&mut arguments)?)?),
            Long("interval") => flags.interval = seconds("--interval", &text(&mut arguments)?)?,
            Long("metrics-addr") => flags.metrics_addr = address(text(&mut arguments)?)?,
            Long("dsn") => flags.dsn = Some(dsn("--dsn", &text(&mut arguments)?)?),
            Short('h') | Long("help") => return Ok(None),
            other => return Err(told(&other.unexpected())),
        }
    }
    if flags.dsn.is_none() {
        flags.dsn = dsn_of_environment()?;
    }
    Ok(Some(flags))
}

fn address(text: String) -> Result<String, String> {
    match text.to_socket_addrs() {
        Ok(_) => Ok(text),
        Err(error) => Err(format!(
            "--metrics-addr `{text}` can't be used: give an address and a port, \
             such as --metrics-addr 127.0.0.1:9464 ({error})"
        )),
    }
}
