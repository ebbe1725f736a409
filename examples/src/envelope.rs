//! Reading a Sentry envelope: a header line, then items of a header line and that many bytes.

use runtime_metrics::RuntimeMetrics;
use serde_json::{Map, Value};
use std::fmt;

/// A Sentry envelope, taken apart.
#[derive(Clone, Debug)]
pub struct Envelope {
    /// The first line, such as the DSN and the time of sending.
    pub header: Map<String, Value>,
    /// What it carries, in its order.
    pub items: Vec<Item>,
    /// How long it was on the wire.
    pub bytes: usize,
}

/// One item of an envelope.
#[derive(Clone, Debug)]
pub struct Item {
    /// What it is, such as `runtime_metrics`.
    pub kind: String,
    /// Its own header line.
    pub header: Map<String, Value>,
    /// As many bytes as its header states.
    pub payload: Vec<u8>,
}

/// What is wrong with an envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvelopeError(String);

impl fmt::Display for EnvelopeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for EnvelopeError {}

impl Envelope {
    /// Takes an envelope apart, more strictly than Sentry does: each item must state its length,
    /// and nothing but a newline may stand between two of them.
    ///
    /// # Errors
    ///
    /// Says which part is not as it must be.
    pub fn parse(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        let (header, mut rest) = object(bytes, "the header")?;
        let mut items = Vec::new();
        while !rest.is_empty() {
            let place = format!("the header of item {}", items.len() + 1);
            let (header, payload) = object(rest, &place)?;
            let kind = header.get("type").and_then(Value::as_str);
            let kind = kind.ok_or_else(|| EnvelopeError(format!("{place} has no `type`")))?.to_owned();
            let length = header.get("length").and_then(Value::as_u64).and_then(|length| usize::try_from(length).ok());
            let length = length.ok_or_else(|| EnvelopeError(format!("{place} has no `length`")))?;
            let (payload, after) = payload.split_at_checked(length).ok_or_else(|| {
                EnvelopeError(format!("{place} states a length of {length}, but {} bytes are left", payload.len()))
            })?;
            rest = match after {
                [] => after,
                [b'\n', after @ ..] => after,
                _ => {
                    return Err(EnvelopeError(format!(
                        "{place} states a length of {length}, where no newline follows"
                    )));
                }
            };
            items.push(Item { kind, header, payload: payload.to_vec() });
        }
        Ok(Self { header, items, bytes: bytes.len() })
    }

    /// The metrics in it, if it is that kind of envelope.
    ///
    /// # Errors
    ///
    /// Says why a `runtime_metrics` item can't be decoded.
    pub fn runtime_metrics(&self) -> Result<Option<RuntimeMetrics>, EnvelopeError> {
        let Some(item) = self.items.iter().find(|item| item.kind == "runtime_metrics") else { return Ok(None) };
        let metrics = serde_json::from_slice(&item.payload);
        metrics.map(Some).map_err(|error| EnvelopeError(format!("the runtime_metrics item can't be decoded: {error}")))
    }
}

/// The JSON object on the first line, and what comes after the line.
fn object<'a>(bytes: &'a [u8], place: &str) -> Result<(Map<String, Value>, &'a [u8]), EnvelopeError> {
    let (line, rest) = match bytes.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&bytes[..end], &bytes[end + 1..]),
        None => (bytes, &bytes[bytes.len()..]),
    };
    let object = serde_json::from_slice(line);
    Ok((object.map_err(|error| EnvelopeError(format!("{place} is not a JSON object: {error}")))?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_as_long_as_they_say() {
        let envelope =
            Envelope::parse(b"{}\n{\"type\":\"a\",\"length\":3}\n1\n2\n{\"type\":\"b\",\"length\":0}\n").unwrap();
        let items: Vec<_> = envelope.items.iter().map(|item| (item.kind.as_str(), item.payload.as_slice())).collect();
        assert_eq!(items, [("a", b"1\n2".as_slice()), ("b", b"")]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (bytes, wrong) in [
            ("", "the header is not a JSON object"),
            ("{}\n{\"length\":0}\n", "item 1 has no `type`"),
            ("{}\n{\"type\":\"a\"}\n{}", "item 1 has no `length`"),
            ("{}\n{\"type\":\"a\",\"length\":3}\n{}", "but 2 bytes are left"),
            ("{}\n{\"type\":\"a\",\"length\":1}\n{}", "no newline follows"),
        ] {
            let error = Envelope::parse(bytes.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(wrong), "{error}");
        }
    }
}
