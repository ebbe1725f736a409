//! What a receiver finds in the requests.

use super::message::{Histogram, Type, WriteRequest};
use super::writer::STALE;
use super::{RemoteWrite, millis};
use crate::export::prometheus;
use crate::protocol::RuntimeMetric;
use crate::registry::{Identity, registry};
use crate::snapshot::Snapshot;
use crate::{Counter, Gauge, Histogram as Recorded};
use prost::Message;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

fn decoded(body: &[u8]) -> WriteRequest {
    WriteRequest::decode(&*snap::raw::Decoder::new().decompress_vec(body).unwrap()).unwrap()
}

/// What is registered under names that begin so, at a time in seconds.
fn snapshot(prefix: &str, at: u64) -> Snapshot {
    let mut snapshot = registry().snapshot();
    snapshot.families.retain(|family| family.name.starts_with(prefix));
    snapshot.identity = Identity::new("shop", "n1");
    snapshot.time = SystemTime::UNIX_EPOCH + Duration::from_secs(at);
    snapshot
}

/// Each series as text formats write it, with the bits of its value; all are of this time.
fn samples(body: &[u8], at: u64) -> BTreeMap<String, u64> {
    let mut samples = BTreeMap::new();
    for series in decoded(body).timeseries {
        assert!(series.labels.windows(2).all(|pair| pair[0].name < pair[1].name), "{series:?}");
        let (name, labels): (Vec<_>, Vec<_>) = series.labels.iter().partition(|label| label.name == "__name__");
        let labels: Vec<String> = labels.iter().map(|label| format!("{}={:?}", label.name, label.value)).collect();
        let [sample] = &series.samples[..] else { panic!("{series:?}") };
        assert_eq!(sample.timestamp, at as i64 * 1000);
        let text = format!("{}{{{}}}", name[0].value, labels.join(","));
        assert_eq!(samples.insert(text, sample.value.to_bits()), None);
    }
    samples
}

/// The same of a page in the Prometheus text format, whose labels are in another order.
fn of_text(text: &str) -> BTreeMap<String, u64> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let (name, labels) = series.trim_end_matches('}').split_once('{').unwrap();
            let mut labels: Vec<&str> = labels.split(',').collect();
            labels.sort_unstable();
            (format!("{name}{{{}}}", labels.join(",")), value.parse::<f64>().unwrap().to_bits())
        })
        .collect()
}

fn ended(samples: &BTreeMap<String, u64>) -> Vec<&str> {
    samples.iter().filter(|(_, bits)| **bits == STALE.to_bits()).map(|(series, _)| &**series).collect()
}

fn natives(body: &[u8]) -> Vec<(String, Histogram)> {
    let found = decoded(body).timeseries.into_iter().filter(|series| !series.histograms.is_empty());
    found
        .map(|mut series| {
            let name = series.labels.iter().find(|label| label.name == "__name__").unwrap();
            (name.value.clone(), series.histograms.remove(0))
        })
        .collect()
}

#[test]
fn the_samples_are_those_of_the_text_format() {
    Counter::new("remote_orders_total", "Orders.").with_label("shop", "a b").register().add(3);
    Gauge::new("remote_wait", "Wait.").with_unit("milliseconds").with_label("Zone", "z").register().set(250.5);
    Gauge::new("remote_unknown", "Unknown.").register().set(f64::INFINITY);
    let sizes = Recorded::new("remote_size", "Sizes.").with_unit("bytes").with_buckets(vec![1.0, 1e3]).register();
    let automatic = Recorded::new("remote_automatic", "Values.").with_unit("microseconds").register();
    Recorded::new("remote_none", "None.").register();
    for value in [0.5, 7.0, 7.0, 1e6] {
        sizes.observe(value);
        automatic.observe_with(value, &[("kind", &"many")]);
    }
    for (name, value) in [("zero", 0.0), ("bound", 4.0), ("above", 4.1), ("largest", 1e13), ("negative", -3.0)] {
        automatic.observe_with(value, &[("kind", &name)]);
    }
    #[cfg(feature = "summary")]
    {
        crate::Summary::new("remote_summary", "Values.").with_unit("milliseconds").register().observe(20);
        crate::Summary::new("remote_summary_none", "None.").with_quantiles([0.5]).register();
    }
    let snapshot = snapshot("remote_", 50);
    for native in [false, true] {
        let body = RemoteWrite::new(native).request(&snapshot);
        assert_eq!(natives(&body).len(), usize::from(native), "only one has a base unit");
        if !native {
            let text = of_text(&prometheus(&snapshot));
            assert!(text.len() > 60);
            assert_eq!(samples(&body, 50), text);
        }
    }
}

#[test]
fn every_family_is_described() {
    Counter::new("described_orders", "Orders.").register();
    Recorded::new("described_wait_ms", "Waits.").with_unit("milliseconds").register();
    Gauge::new("described_without", "").register();
    let told = decoded(&RemoteWrite::new(true).request(&snapshot("described_", 1))).metadata;
    let told: Vec<_> = told.iter().map(|one| (&*one.family, one.kind(), &*one.help, &*one.unit)).collect();
    assert_eq!(
        told,
        [
            ("described_orders_total", Type::Counter, "Orders.", ""),
            ("described_wait_seconds", Type::Histogram, "Waits.", "seconds"),
            ("described_without", Type::Gauge, "", ""),
        ]
    );
}

#[test]
fn a_native_histogram_takes_the_place_of_the_buckets() {
    let waits = Recorded::new("native_wait_seconds", "Waits.").register();
    for value in [0.0, 1.0, 1.0, 1.05, 3.0] {
        waits.observe(value);
    }
    let body = RemoteWrite::new(true).request(&snapshot("native_", 7));
    let [(name, histogram)] = &natives(&body)[..] else { panic!() };
    assert_eq!((decoded(&body).timeseries.len(), &**name), (1, "native_wait_seconds"));
    assert_eq!((histogram.count, histogram.zero_count, histogram.sum), (Some(5), Some(1), 6.05));
    assert_eq!((histogram.schema, histogram.timestamp), (3, 7000));
    // 1 ends bucket 0, 1.05 is in the next, and 3 lies between 2^(12/8) and 2^(13/8).
    let spans: Vec<(i32, u32)> = histogram.positive_spans.iter().map(|span| (span.offset, span.length)).collect();
    assert_eq!((spans, &histogram.positive_deltas[..]), (vec![(0, 2), (11, 1)], &[2, -1, 0][..]));
}

#[test]
fn what_is_gone_ends_once_and_only_when_that_was_delivered() {
    for shop in ["north", "south"] {
        Counter::new("ends_orders", "Orders.").with_label("shop", shop).register().increment();
    }
    let north = "ends_orders_total{node=\"n1\",service=\"shop\",shop=\"north\"}";
    let south = "ends_orders_total{node=\"n1\",service=\"shop\",shop=\"south\"}";
    let mut remote = RemoteWrite::new(false);
    assert_eq!(remote.farewell(SystemTime::now()), None);
    remote.request(&snapshot("ends_", 1));
    assert_eq!(remote.farewell(SystemTime::now()), None, "nothing was delivered");
    remote.request(&snapshot("ends_", 2));
    remote.delivered();
    registry().remove("ends_orders", &[("shop", "north")]);
    for at in [3, 4] {
        let body = remote.request(&snapshot("ends_", at));
        assert_eq!(ended(&samples(&body, at)), [north]);
    }
    remote.delivered();
    assert_eq!(ended(&samples(&remote.request(&snapshot("ends_", 5)), 5)), [""; 0]);
    remote.delivered();
    // The clock was put back: the end is not before the last sample.
    let last = remote.farewell(SystemTime::UNIX_EPOCH).unwrap();
    assert_eq!(decoded(&last).timeseries[0].samples[0].timestamp, 5001);
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(6);
    let last = samples(&remote.farewell(at).unwrap(), 6);
    assert_eq!((last.len(), ended(&last)), (1, vec![south]));
    remote.delivered();
    remote.delivered();
    assert_eq!(remote.farewell(at), None);
    // It goes on, and ends again.
    remote.request(&snapshot("ends_", 7));
    remote.delivered();
    assert!(remote.farewell(at).is_some());
}

#[test]
fn of_a_histogram_made_anew_the_bounds_end_that_are_no_longer_told() {
    let values = || Recorded::new("anew_values", "Values.").with_label("kind", "a").register();
    for value in [1.0, 100.0] {
        values().observe(value);
    }
    let mut remote = RemoteWrite::new(false);
    let before = samples(&remote.request(&snapshot("anew_", 1)), 1);
    remote.delivered();
    registry().remove("anew_values", &[("kind", "a")]);
    values().observe(3.0);
    let now = samples(&remote.request(&snapshot("anew_", 2)), 2);
    let ends = ["0.5", "1.0", "1024.0", "128.0", "256.0", "512.0", "64.0"];
    let series = |le| format!("anew_values_bucket{{kind=\"a\",le=\"{le}\",node=\"n1\",service=\"shop\"}}");
    assert_eq!(ended(&now), ends.map(series));
    assert!(before.keys().all(|series| now.contains_key(series)));
}

#[test]
fn a_native_histogram_ends_by_its_sum() {
    Recorded::new("gone_seconds", "Waits.").with_label("kind", "a").register().observe(1);
    let mut remote = RemoteWrite::new(true);
    remote.request(&snapshot("gone_", 1));
    remote.delivered();
    let last = remote.farewell(SystemTime::UNIX_EPOCH + Duration::from_secs(2)).unwrap();
    let [(name, histogram)] = &natives(&last)[..] else { panic!() };
    assert_eq!((&**name, histogram.sum.to_bits(), histogram.timestamp), ("gone_seconds", STALE.to_bits(), 2000));
}

#[test]
fn another_identity_ends_the_series_of_the_one_before() {
    Gauge::new("moved_gauge", "Gauge.").register().set(1);
    let mut remote = RemoteWrite::new(false);
    remote.request(&snapshot("moved_", 1));
    remote.delivered();
    let moved = Snapshot { identity: Identity::new("shop", "n2"), ..snapshot("moved_", 2) };
    let samples = samples(&remote.request(&moved), 2);
    assert_eq!(ended(&samples), ["moved_gauge{node=\"n1\",service=\"shop\"}"]);
    assert_eq!(samples.len(), 2);
}

#[test]
fn labels_are_such_as_prometheus_can_have() {
    let tagged = |name: &str, value: &str| RuntimeMetric::gauge("odd.gauge", 1).with_tag(name.to_owned(), value);
    let mut snapshot = snapshot("no such", 3);
    let odd = [("a.b", "1"), ("empty", ""), ("__name__", "x"), ("a-b", "2"), ("9", "3")];
    snapshot.add(odd.into_iter().map(|(name, value)| tagged(name, value)).collect());
    let samples = samples(&RemoteWrite::new(false).request(&snapshot), 3);
    let identity = "node=\"n1\",service=\"shop\"";
    // Two of them are one without what can't be told, and it is there once.
    let expected = ["_9=\"3\",", "a_b=\"1\",", "a_b=\"2\",", ""].map(|label| format!("odd_gauge{{{label}{identity}}}"));
    assert_eq!(samples.into_keys().collect::<Vec<_>>(), expected);
}

#[test]
fn what_is_not_a_number_is_not_the_end() {
    Gauge::new("nan_gauge", "Gauge.").register().set(STALE);
    let body = RemoteWrite::new(false).request(&snapshot("nan_", 1));
    let samples = samples(&body, 1);
    assert!(samples.values().all(|bits| f64::from_bits(*bits).is_nan()) && ended(&samples).is_empty());
}

#[test]
fn times_are_in_milliseconds() {
    assert_eq!(millis(SystemTime::UNIX_EPOCH + Duration::from_micros(1_500_999)), 1500);
    assert_eq!(millis(SystemTime::UNIX_EPOCH - Duration::from_secs(1)), 0);
}
