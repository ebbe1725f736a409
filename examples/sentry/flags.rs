//! The command line: what can be asked for, and what is said of a bad wish.

use lexopt::prelude::*;
use runtime_metrics_examples::flags::{dsn, dsn_of_environment, seconds, text, told};
use sentry::types::Dsn;
use std::time::Duration;

pub const HELP: &str = "\
Transactions with nested spans, each with a summary of the metrics recorded in it.

Usage: sentry [FLAGS]

  --seconds N     stop after N seconds (otherwise Ctrl-C stops it)
  --dsn DSN       the Sentry project to send to (or the variable SENTRY_DSN); without one,
                  envelopes go to an endpoint inside and are shown
  -h, --help      this text
";

/// What the program was asked for.
pub struct Flags {
    pub seconds: Option<Duration>,
    pub dsn: Option<Dsn>,
}

/// Reads the flags; `None` where only the help was asked for.
pub fn read() -> Result<Option<Flags>, String> {
    let mut flags = Flags { seconds: None, dsn: None };
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next().map_err(|error| told(&error))? {
        match argument {
            Long("seconds") => flags.seconds = Some(seconds("--seconds", &text(&mut arguments)?)?),
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
