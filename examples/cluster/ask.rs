//! Questions to a receiver, over the HTTP API that Prometheus and VictoriaMetrics share.

use crate::Failure;
use serde_json::Value;
use std::time::Duration;
use ureq::Agent;

/// Without the proxy that the environment may name: it does not know the way to the loopback address.
fn agent() -> Agent {
    let agent = Agent::config_builder().proxy(None).http_status_as_error(false);
    agent.timeout_global(Some(Duration::from_secs(10))).build().into()
}

/// Lets a receiver read its configuration again.
pub fn reload(address: &str) -> Result<(), Failure> {
    match agent().post(format!("http://{address}/-/reload")).send_empty()?.status() {
        status if status.is_success() => Ok(()),
        status => Err(format!("{address} does not reload its configuration: {status}").into()),
    }
}

/// What is at a URL, as JSON, asked with these parameters.
pub fn get(url: &str, parameters: &[(&str, &str)]) -> Result<Value, Failure> {
    let mut response = agent().get(url).query_pairs(parameters.iter().copied()).call()?;
    let text = response.body_mut().read_to_string()?;
    serde_json::from_str(&text).map_err(|_| format!("{url} answered {}: {text}", response.status()).into())
}

/// The one number that is the answer to a query.
pub fn number(address: &str, query: &str) -> Result<f64, Failure> {
    // VictoriaMetrics would answer from its cache, which has what was there a moment ago.
    let answer = get(&format!("{address}/api/v1/query"), &[("query", query), ("nocache", "1")])?;
    if answer["status"] != "success" {
        return Err(format!("{query}: {answer}").into());
    }
    let series = answer["data"]["result"].as_array().map_or(&[][..], Vec::as_slice);
    match series {
        [one] => Ok(one["value"][1].as_str().unwrap_or_default().parse()?),
        [] => Err(format!("{query}: nothing is known").into()),
        more => Err(format!("{query}: {} series, not one", more.len()).into()),
    }
}
