//! Questions over HTTP, and waits until an answer is as it should be.

use serde_json::Value;
use std::time::{Duration, Instant};
use ureq::Agent;

/// Longer than anything that works takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(40);

/// Waits until that is so.
///
/// # Panics
///
/// With what was wrong to the last.
#[track_caller]
pub fn until<T>(what: &str, found: impl FnMut() -> Result<T, String>) -> T {
    soon(PATIENCE, found).unwrap_or_else(|wrong| panic!("{what}: {wrong}"))
}

/// The same within a time, with what was wrong to the last as a value.
///
/// # Errors
///
/// What was wrong to the last.
pub fn soon<T>(patience: Duration, mut found: impl FnMut() -> Result<T, String>) -> Result<T, String> {
    let end = Instant::now() + patience;
    loop {
        match found() {
            Ok(found) => return Ok(found),
            Err(wrong) if Instant::now() >= end => return Err(wrong),
            Err(_) => std::thread::sleep(Duration::from_millis(50)),
        }
    }
}

/// The JSON that is at a URL, asked with these parameters.
///
/// # Errors
///
/// There is no answer, or another one.
pub fn get(url: &str, parameters: &[(&str, &str)]) -> Result<Value, String> {
    let agent: Agent =
        Agent::config_builder().http_status_as_error(false).timeout_global(Some(Duration::from_secs(5))).build().into();
    let request = agent.get(url).query_pairs(parameters.iter().copied());
    let mut response = request.call().map_err(|error| format!("{url}: {error}"))?;
    let text = response.body_mut().read_to_string().map_err(|error| format!("{url}: {error}"))?;
    serde_json::from_str(&text).map_err(|error| format!("{url} answered {}: {error}: {text}", response.status()))
}
