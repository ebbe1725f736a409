//! What arrives, for people: the spans of a transaction as a tree, each with its summary.

use runtime_metrics_examples::{Envelope, EnvelopeError, Item};
use serde_json::Value;
use std::fmt::Write as _;
use std::io::Write as _;

/// Shows an envelope on the terminal.
pub fn show(envelope: Result<Envelope, EnvelopeError>) {
    let text = match envelope {
        Ok(envelope) => envelope.items.iter().map(told).collect(),
        Err(error) => format!("an envelope can't be read: {error}\n"),
    };
    // Who reads may have seen enough.
    let _ = std::io::stdout().write_all(text.as_bytes());
}

fn told(item: &Item) -> String {
    let payload: Value = match serde_json::from_slice(&item.payload) {
        Ok(payload) => payload,
        Err(error) => return format!("a {} can't be read: {error}\n", item.kind),
    };
    match &*item.kind {
        "transaction" => transaction(&payload),
        "event" => event(&payload),
        "runtime_metrics" => {
            let metrics = payload["metrics"].as_array().map_or(0, Vec::len);
            format!("runtime_metrics: {metrics} values, {} bytes\n", item.payload.len())
        }
        other => format!("{other}: {} bytes\n", item.payload.len()),
    }
}

fn transaction(payload: &Value) -> String {
    let trace = &payload["contexts"]["trace"];
    let mut text = format!("transaction {}, {}\n", text_of(&payload["transaction"]), duration(payload));
    summary(&mut text, trace, 1);
    children(&mut text, payload, &trace["span_id"], 1);
    text
}

/// The spans below one, each with those below it.
fn children(text: &mut String, payload: &Value, parent: &Value, depth: usize) {
    for span in payload["spans"].as_array().into_iter().flatten().filter(|span| span["parent_span_id"] == *parent) {
        let indent = "  ".repeat(depth);
        let (op, name) = (text_of(&span["op"]), text_of(&span["description"]));
        let _ = writeln!(text, "{indent}{op} {name}{}, {}", tags(&span["tags"]), duration(span));
        summary(text, span, depth + 1);
        children(text, payload, &span["span_id"], depth + 1);
    }
}

/// The entries of a span's summary, a line each.
fn summary(text: &mut String, span: &Value, depth: usize) {
    let indent = "  ".repeat(depth);
    for (metric, entries) in span["_metrics_summary"].as_object().into_iter().flatten() {
        for entry in entries.as_array().into_iter().flatten() {
            let [count, sum, min, max] = ["count", "sum", "min", "max"].map(|name| &entry[name]);
            let _ = writeln!(
                text,
                "{indent}· {metric}{} count {count} sum {sum} min {min} max {max}",
                tags(&entry["tags"])
            );
        }
    }
}

fn event(payload: &Value) -> String {
    let error = text_of(&payload["exception"]["values"][0]["value"]);
    let mut text = format!("event \"{error}\", and what was measured then:\n");
    let context = payload["contexts"]["runtime_metrics"].as_object();
    let chosen =
        |name: &str| name.starts_with("process.") || name.starts_with("runtime.") || name.starts_with("bakery_");
    for (name, value) in context.into_iter().flatten().filter(|(name, _)| chosen(name)) {
        let _ = writeln!(text, "  {name} = {value}");
    }
    text
}

fn tags(tags: &Value) -> String {
    let tags: Vec<String> =
        tags.as_object().into_iter().flatten().map(|(name, value)| format!("{name}={}", text_of(value))).collect();
    if tags.is_empty() { String::new() } else { format!(" {{{}}}", tags.join(", ")) }
}

fn text_of(value: &Value) -> &str {
    value.as_str().unwrap_or("?")
}

/// From its start, a number, to its end, RFC 3339.
fn duration(span: &Value) -> String {
    let end = span["timestamp"].as_str().and_then(|end| humantime::parse_rfc3339(end).ok());
    let end = end.and_then(|end| end.duration_since(std::time::UNIX_EPOCH).ok());
    match (span["start_timestamp"].as_f64(), end) {
        (Some(start), Some(end)) => format!("{:.1} ms", (end.as_secs_f64() - start) * 1e3),
        _ => "unfinished".to_owned(),
    }
}
