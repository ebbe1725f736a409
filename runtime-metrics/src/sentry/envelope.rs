//! Envelopes of `runtime_metrics` items: as many items as the bounds ask for, written to the byte.

use super::ledger::{self, What, reason};
use crate::protocol::{RuntimeMetric, RuntimeMetrics};
use crate::status::report;
use sentry_core::Envelope;
use sentry_core::types::Dsn;
use serde::Serialize;
use std::time::SystemTime;

#[derive(Serialize)]
struct Header<'a> {
    dsn: &'a str,
    sent_at: String,
}

#[derive(Serialize)]
struct ItemHeader {
    r#type: &'static str,
    content_type: &'static str,
    length: usize,
}

/// What one item can hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) bytes: usize,
    pub(super) metrics: usize,
}

impl Bounds {
    pub(super) fn are_passed(&self, metrics: usize, bytes: usize) -> bool {
        metrics > self.metrics || bytes > self.bytes
    }
}

/// An envelope is sent when it has this many bytes; Sentry takes a multiple of it.
const ENVELOPE: usize = 8 << 20;

/// The end of an item: of the list of metrics, and of the payload.
const END: &[u8] = b"]}";

/// Writes payloads into envelopes and gives each away when it is full, with how many metrics it
/// has.
pub(super) struct Packer<S> {
    dsn: String,
    bounds: Bounds,
    send: S,
    /// The items so far.
    items: Vec<u8>,
    metrics: usize,
}

impl<S: FnMut(Envelope, usize)> Packer<S> {
    pub(super) fn new(dsn: &Dsn, bounds: Bounds, send: S) -> Self {
        // A DSN without a secret key is written as if it had an empty one.
        let dsn = dsn.to_string().replacen(":@", "@", 1);
        Self { dsn, bounds, send, items: Vec::new(), metrics: 0 }
    }

    /// Adds a payload as one item, or as several that say the same if it is larger than one.
    pub(super) fn add(&mut self, mut payload: RuntimeMetrics) -> serde_json::Result<()> {
        let metrics = std::mem::take(&mut payload.metrics);
        let mut start = serde_json::to_vec(&payload)?;
        start.truncate(start.len() - END.len());
        let (mut item, mut count, mut one) = (start.clone(), 0, Vec::new());
        for metric in metrics.iter().filter(|metric| metric.value.as_f64().is_finite()) {
            one.clear();
            serde_json::to_writer(&mut one, metric)?;
            if start.len() + one.len() + END.len() > self.bounds.bytes {
                self.too_large(metric);
                continue;
            }
            let full = self.bounds.are_passed(count + 1, item.len() + 1 + one.len() + END.len());
            if full && count > 0 {
                self.push(std::mem::replace(&mut item, start.clone()), std::mem::take(&mut count))?;
            }
            if count > 0 {
                item.push(b',');
            }
            item.extend_from_slice(&one);
            count += 1;
        }
        if count > 0 { self.push(item, count) } else { Ok(()) }
    }

    fn too_large(&self, metric: &RuntimeMetric) {
        ledger::lost(What::Metric, reason::TOO_LARGE, 1);
        let most = self.bounds.bytes;
        report(
            metric.name.clone(),
            format!("a series does not fit into an item of max_item_bytes = {most}; shorten its labels or raise it"),
        );
    }

    /// Adds a whole item, and sends the envelope if it is full then.
    fn push(&mut self, mut item: Vec<u8>, metrics: usize) -> serde_json::Result<()> {
        item.extend_from_slice(END);
        let header = ItemHeader { r#type: "runtime_metrics", content_type: "application/json", length: item.len() };
        if self.items.len() + item.len() > ENVELOPE {
            self.finish()?;
        }
        serde_json::to_writer(&mut self.items, &header)?;
        self.items.push(b'\n');
        self.items.append(&mut item);
        self.items.push(b'\n');
        self.metrics += metrics;
        Ok(())
    }

    /// Sends what is left.
    pub(super) fn finish(&mut self) -> serde_json::Result<()> {
        if self.items.is_empty() {
            return Ok(());
        }
        let sent_at = humantime::format_rfc3339_millis(SystemTime::now()).to_string();
        let mut bytes = serde_json::to_vec(&Header { dsn: &self.dsn, sent_at })?;
        bytes.push(b'\n');
        bytes.append(&mut self.items);
        // The SDK knows no such item, so the bytes are ours. It does not parse them: this can't fail.
        let envelope = Envelope::from_bytes_raw(bytes).map_err(serde::ser::Error::custom)?;
        (self.send)(envelope, std::mem::take(&mut self.metrics));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn gauges(count: usize) -> RuntimeMetrics {
        let metrics = (0..count).map(|n| RuntimeMetric::gauge("packed", n as u64).with_tag("n", n.to_string()));
        RuntimeMetrics::now(metrics.collect())
    }

    /// The items of each envelope, with their headers.
    fn packed(bounds: Bounds, payloads: Vec<RuntimeMetrics>) -> Vec<Vec<(Value, Value)>> {
        let dsn: Dsn = "http://public@127.0.0.1/1".parse().unwrap();
        let mut envelopes = Vec::new();
        let mut packer = Packer::new(&dsn, bounds, |envelope: Envelope, metrics| {
            let mut bytes = Vec::new();
            envelope.to_writer(&mut bytes).unwrap();
            let lines: Vec<&str> = std::str::from_utf8(&bytes).unwrap().lines().collect();
            let json = |line: &str| serde_json::from_str::<Value>(line).unwrap();
            let items: Vec<_> = lines[1..].chunks(2).map(|item| (json(item[0]), json(item[1]))).collect();
            for (item, lines) in items.iter().zip(lines[1..].chunks(2)) {
                assert_eq!(item.0["length"], lines[1].len());
                assert!(lines[1].len() <= bounds.bytes);
            }
            let held: usize = items.iter().map(|item| item.1["metrics"].as_array().unwrap().len()).sum();
            assert_eq!(held, metrics);
            envelopes.push(items);
        });
        for payload in payloads {
            packer.add(payload).unwrap();
        }
        packer.finish().unwrap();
        envelopes
    }

    #[test]
    fn what_does_not_fit_goes_into_the_next_item_and_nothing_is_lost() {
        for bounds in [Bounds { bytes: 1024, metrics: 1000 }, Bounds { bytes: 1 << 20, metrics: 7 }] {
            let payload = gauges(100);
            let whole = serde_json::to_value(&payload).unwrap();
            let envelopes = packed(bounds, vec![payload]);
            assert_eq!(envelopes.len(), 1);
            assert!(envelopes[0].len() > 5, "{}", envelopes[0].len());
            assert!(envelopes[0].iter().all(|item| item.1["timestamp"] == whole["timestamp"]));
            let metrics = envelopes[0].iter().flat_map(|item| item.1["metrics"].as_array().unwrap().clone());
            assert_eq!(metrics.collect::<Vec<_>>(), *whole["metrics"].as_array().unwrap());
        }
    }

    #[test]
    fn several_payloads_are_items_of_one_envelope() {
        let envelopes = packed(Bounds { bytes: 1 << 20, metrics: 1000 }, vec![gauges(2), gauges(3), gauges(0)]);
        assert_eq!(envelopes.iter().map(Vec::len).collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn an_envelope_is_bounded_as_well() {
        let mut payload = gauges(10_000);
        payload.metrics.iter_mut().for_each(|metric| metric.name = "n".repeat(1000));
        let envelopes = packed(Bounds { bytes: 100 << 20, metrics: 1000 }, vec![payload]);
        assert_eq!(envelopes.iter().map(Vec::len).collect::<Vec<_>>(), [7, 3]);
        let metrics = envelopes.iter().flatten().map(|item| item.1["metrics"].as_array().unwrap().len());
        assert_eq!(metrics.sum::<usize>(), 10_000);
    }

    #[test]
    fn what_fits_no_item_is_told_and_left_out() {
        let mut payload = gauges(1);
        payload.metrics.push(RuntimeMetric::gauge("packed_large", 1).with_tag("t", "x".repeat(2000)));
        let envelopes = packed(Bounds { bytes: 1024, metrics: 10 }, vec![payload]);
        assert_eq!(envelopes[0][0].1["metrics"].as_array().unwrap().len(), 1);
        let told = crate::status().problems.into_iter().find(|problem| problem.subject == "packed_large").unwrap();
        assert!(told.message.contains("max_item_bytes = 1024"), "{told}");
    }
}
