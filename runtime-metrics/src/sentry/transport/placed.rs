//! A transaction as text, with its summaries in their place.

use super::SummaryPlacement;
use crate::sentry::summary::KEY;
use sentry_core::protocol::{Context, Map, Span, TraceContext, Transaction, Value as Json};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use std::borrow::Cow;

/// The transaction as JSON: what the SDK writes of it, and the summaries, which it knows nothing of. Its spans
/// are written one by one; nothing is kept of them.
pub(super) fn write(transaction: &Transaction<'_>, placement: SummaryPlacement) -> serde_json::Result<Vec<u8>> {
    let Transaction { spans, contexts, .. } = transaction;
    serde_json::to_vec(&Placed { head: head(transaction)?, spans, contexts, placement })
}

/// All but the spans and the contexts.
fn head(transaction: &Transaction<'_>) -> serde_json::Result<serde_json::Map<String, Json>> {
    // Each field by name: a new one must not be forgotten, nor the spans be copied.
    let Transaction {
        event_id,
        name,
        release,
        environment,
        user,
        tags,
        extra,
        sdk,
        platform,
        timestamp,
        start_timestamp,
        request,
        server_name,
        ..
    } = transaction;
    let head = Transaction {
        event_id: *event_id,
        name: name.clone(),
        release: release.clone(),
        environment: environment.clone(),
        user: user.clone(),
        tags: tags.clone(),
        extra: extra.clone(),
        sdk: sdk.clone(),
        platform: platform.clone(),
        timestamp: *timestamp,
        start_timestamp: *start_timestamp,
        request: request.clone(),
        server_name: server_name.clone(),
        spans: Vec::new(),
        contexts: Map::new(),
    };
    let Json::Object(mut head) = serde_json::to_value(head)? else { return Ok(serde_json::Map::new()) };
    head.remove("spans");
    Ok(head)
}

struct Placed<'a> {
    head: serde_json::Map<String, Json>,
    spans: &'a [Span],
    contexts: &'a Map<String, Context>,
    placement: SummaryPlacement,
}

impl Serialize for Placed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in &self.head {
            map.serialize_entry(name, value)?;
        }
        map.serialize_entry("spans", &Spans(self.spans, self.placement))?;
        map.serialize_entry("contexts", &Contexts(self.contexts, self.placement))?;
        if let Some(Context::Trace(trace)) = self.contexts.get("trace")
            && let Some(summary) = trace.data.get(KEY)
        {
            map.serialize_entry(KEY, summary)?;
        }
        map.end()
    }
}

/// The spans, of which some have a summary.
struct Spans<'a>(&'a [Span], SummaryPlacement);

/// A span or a trace context, with its summary beside what the SDK writes of it.
#[derive(Serialize)]
struct Beside<'a, T: Clone> {
    #[serde(flatten)]
    rest: Cow<'a, T>,
    #[serde(rename = "_metrics_summary")]
    summary: &'a Json,
}

impl Serialize for Spans<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let placed = self.0.iter().map(|span| {
            let Some(summary) = span.data.get(KEY) else { return MaybeBeside::Alone(span) };
            let mut rest = Cow::Borrowed(span);
            if self.1 == SummaryPlacement::Field {
                rest.to_mut().data.remove(KEY);
            }
            MaybeBeside::Beside(Beside { rest, summary })
        });
        serializer.collect_seq(placed)
    }
}

#[derive(Serialize)]
#[serde(untagged)]
enum MaybeBeside<'a, T: Clone> {
    Alone(&'a T),
    Beside(Beside<'a, T>),
}

/// The contexts, of which the trace may have one.
struct Contexts<'a>(&'a Map<String, Context>, SummaryPlacement);

/// As the SDK tags it.
#[derive(Serialize)]
struct Trace<'a> {
    r#type: &'static str,
    #[serde(flatten)]
    trace: Beside<'a, TraceContext>,
}

impl Serialize for Contexts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, context) in self.0 {
            match context {
                Context::Trace(trace) if trace.data.contains_key(KEY) => {
                    let mut rest = Cow::Borrowed(&**trace);
                    if self.1 == SummaryPlacement::Field {
                        rest.to_mut().data.remove(KEY);
                    }
                    let trace = Beside { rest, summary: &trace.data[KEY] };
                    map.serialize_entry(name, &Trace { r#type: "trace", trace })?;
                }
                other => map.serialize_entry(name, other)?,
            }
        }
        map.end()
    }
}
