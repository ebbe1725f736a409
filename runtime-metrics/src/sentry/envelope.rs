//! The envelope: three lines, the last of which is the payload.

use crate::protocol::RuntimeMetrics;
use sentry_core::Envelope;
use sentry_core::types::Dsn;
use serde::Serialize;
use std::time::SystemTime;

#[derive(Serialize)]
struct Header {
    dsn: String,
    sent_at: String,
}

#[derive(Serialize)]
struct ItemHeader {
    r#type: &'static str,
    content_type: &'static str,
    length: usize,
}

/// The payload as an envelope with one `runtime_metrics` item. The SDK knows no such item, so the
/// bytes are ours; it sends them as they are.
pub(super) fn encode(dsn: &Dsn, payload: &RuntimeMetrics) -> Result<Envelope, serde_json::Error> {
    let item = serde_json::to_vec(payload)?;
    let sent_at = humantime::format_rfc3339_millis(SystemTime::now()).to_string();
    let header = ItemHeader { r#type: "runtime_metrics", content_type: "application/json", length: item.len() };
    // A DSN without a secret key is written as if it had an empty one.
    let dsn = dsn.to_string().replacen(":@", "@", 1);
    let mut bytes = serde_json::to_vec(&Header { dsn, sent_at })?;
    bytes.push(b'\n');
    serde_json::to_writer(&mut bytes, &header)?;
    bytes.push(b'\n');
    bytes.extend(item);
    bytes.push(b'\n');
    // A raw envelope is not parsed, so this can't fail.
    Envelope::from_bytes_raw(bytes).map_err(serde::ser::Error::custom)
}
