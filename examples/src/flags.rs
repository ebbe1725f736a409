//! The parts of a command line that several examples have, and what is said of a bad wish.

use lexopt::{Error, Parser, ValueExt};
use sentry::types::Dsn;
use std::time::Duration;

/// What is wrong with a command line, and where the flags are told.
pub fn told(error: &Error) -> String {
    format!("{error}; --help tells which flags there are")
}

/// The value of a flag.
///
/// # Errors
///
/// There is none, or it is no text.
pub fn text(arguments: &mut Parser) -> Result<String, String> {
    arguments.value().and_then(ValueExt::string).map_err(|error| told(&error))
}

/// A number of seconds.
///
/// # Errors
///
/// Says what can be given.
pub fn seconds(flag: &str, text: &str) -> Result<Duration, String> {
    let wrong =
        || format!("{flag} `{text}` can't be used: give a number of seconds from 0.1 to 86400, such as {flag} 20");
    let seconds = text.parse::<f64>().ok().filter(|seconds| (0.1..=86_400.0).contains(seconds)).ok_or_else(wrong)?;
    Ok(Duration::from_secs_f64(seconds))
}

/// The project to send to.
///
/// # Errors
///
/// Says what a DSN looks like, and where it is to be found.
pub fn dsn(origin: &str, text: &str) -> Result<Dsn, String> {
    text.parse().map_err(|error| {
        format!(
            "{origin} `{text}` can't be used: copy the DSN from the project's settings in Sentry, \
             it reads https://key@host/1 ({error})"
        )
    })
}

/// The project that the variable `SENTRY_DSN` names, if it is set.
///
/// # Errors
///
/// As [`dsn`].
pub fn dsn_of_environment() -> Result<Option<Dsn>, String> {
    let set = std::env::var("SENTRY_DSN").ok().filter(|set| !set.is_empty());
    set.map(|set| dsn("SENTRY_DSN", &set)).transpose()
}
