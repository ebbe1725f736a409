//! What a reader of the messages finds.

use super::message::LabelPair;
use super::*;
use crate::collect;
use crate::export::Encoder;
use crate::names::{BUILT_IN, exposed};
use crate::registry::registry;
use crate::{Counter, Gauge, Histogram};
use crate::{MetricType as Collected, RuntimeMetric};
use std::time::{Duration, SystemTime};

#[derive(Clone, PartialEq, prost::Message)]
struct Family {
    #[prost(string, optional, tag = "1")]
    name: Option<String>,
    #[prost(string, optional, tag = "2")]
    help: Option<String>,
    #[prost(enumeration = "MetricType", optional, tag = "3")]
    kind: Option<i32>,
    #[prost(message, repeated, tag = "4")]
    metric: Vec<Metric>,
    #[prost(string, optional, tag = "5")]
    unit: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Metric {
    #[prost(message, repeated, tag = "1")]
    label: Vec<LabelPair>,
    #[prost(message, optional, tag = "2")]
    gauge: Option<message::Gauge>,
    #[prost(message, optional, tag = "3")]
    counter: Option<message::Counter>,
    #[prost(message, optional, tag = "4")]
    summary: Option<message::Summary>,
    #[prost(message, optional, tag = "7")]
    histogram: Option<message::Histogram>,
}

impl Metric {
    fn labels(&self) -> Vec<(&str, &str)> {
        self.label.iter().map(|label| (&*label.name, &*label.value)).collect()
    }
}

fn read(mut bytes: &[u8]) -> Vec<Family> {
    let mut families = Vec::new();
    while !bytes.is_empty() {
        families.push(Family::decode_length_delimited(&mut bytes).unwrap());
    }
    families
}

/// What is recorded, without an identity.
fn snapshot() -> Snapshot {
    let mut snapshot = registry().snapshot();
    snapshot.identity = Identity::new("", "");
    snapshot
}

fn of(families: Vec<Family>, prefix: &str) -> Vec<Family> {
    families.into_iter().filter(|family| family.name().starts_with(prefix)).collect()
}

fn one(name: &str) -> Family {
    let [one] = <[Family; 1]>::try_from(of(read(&protobuf(&snapshot())), name)).unwrap();
    one
}

#[test]
fn a_counter_has_its_total_and_a_help_its_author_did_not_write() {
    let orders = Counter::new("protobuf_orders", "").with_label("shop", "a\"b\\c\nd").register();
    orders.add(3);
    let family = one("protobuf_orders");
    assert_eq!(family.name.as_deref(), Some("protobuf_orders_total"));
    assert_eq!(family.help.as_deref(), Some("The counter protobuf_orders."));
    assert_eq!((family.kind, family.unit), (Some(0), None));
    assert_eq!(family.metric.len(), 1);
    assert_eq!(family.metric[0].labels(), [("shop", "a\"b\\c\nd")]);
    assert_eq!(family.metric[0].counter, Some(message::Counter { value: 3.0, exemplar: None }));
}

#[test]
fn a_value_is_told_in_its_base_unit_and_zero_is_told_too() {
    let wait = Gauge::new("protobuf_wait_ms", "Wait, \"quoted\".").with_unit("milliseconds").register();
    wait.set(0);
    wait.with(&[("kind", &"a")]).set(250);
    let family = one("protobuf_wait");
    assert_eq!((family.name(), family.help()), ("protobuf_wait_seconds", "Wait, \"quoted\"."));
    assert_eq!((family.kind, family.unit()), (Some(1), "seconds"));
    let values: Vec<f64> = family.metric.iter().map(|metric| metric.gauge.as_ref().unwrap().value).collect();
    assert_eq!(values, [0.0, 0.25]);
    // As bytes: field 2, of nine bytes, field 1, eight bytes.
    let bytes = protobuf(&snapshot());
    assert!(bytes.windows(13).any(|window| window == [0x22, 11, 0x12, 9, 0x09, 0, 0, 0, 0, 0, 0, 0, 0]));
}

#[cfg(feature = "summary")]
#[test]
fn a_summary_has_its_quantiles_sum_and_count() {
    let waits = crate::Summary::new("protobuf_summary", "Waits.").with_unit("milliseconds");
    let waits = waits.with_quantiles([0.5, 1.0]).register();
    let told = || one("protobuf_summary").metric[0].summary.clone().unwrap();
    let empty = told();
    assert!(empty.quantile.len() == 2 && empty.quantile.iter().all(|one| one.value.is_nan()));
    (0..4).for_each(|_| waits.observe(250));
    let quantiles = [0.5, 1.0].map(|quantile| Quantile { quantile, value: 0.25 });
    assert_eq!(told(), Summary { sample_count: 4, sample_sum: 1.0, quantile: quantiles.into() });
    assert_eq!(one("protobuf_summary").kind, Some(2));
}

/// Classic buckets as the lines of text that they would be.
fn lines(family: &Family) -> Vec<String> {
    let mut lines = Vec::new();
    for metric in &family.metric {
        let histogram = metric.histogram.as_ref().unwrap();
        let labels =
            metric.labels().into_iter().fold(String::new(), |all, (name, value)| format!("{all}{name}=\"{value}\","));
        for bucket in &histogram.bucket {
            let (bound, count) = (bucket.upper_bound, bucket.cumulative_count);
            lines.push(format!("{}_bucket{{{labels}le=\"{bound:?}\"}} {count}", family.name()));
        }
        lines.push(format!("{}_bucket{{{labels}le=\"+Inf\"}} {}", family.name(), histogram.sample_count));
    }
    lines
}

#[test]
fn classic_buckets_are_those_of_the_text() {
    Histogram::new("protobuf_buckets_none", "None.").register();
    let declared = Histogram::new("protobuf_buckets_declared", "Declared.").with_buckets(vec![1.0, 10.0]);
    let declared = declared.with_unit("milliseconds").register();
    let automatic = Histogram::new("protobuf_buckets_automatic", "Automatic.").register();
    let scaled = Histogram::new("protobuf_buckets_scaled", "Scaled.").with_unit("milliseconds").register();
    for value in [0.3, 4.0, 5.0, 700.0] {
        declared.with(&[("kind", &"a")]).observe(value);
        automatic.observe(value);
        automatic.with(&[("kind", &"a")]).observe(value * value);
        scaled.observe(value);
    }
    for value in [0.0, -3.0, 1e13] {
        automatic.with(&[("kind", &"far")]).observe(value);
    }
    let snapshot = snapshot();
    let families = of(read(&protobuf(&snapshot)), "protobuf_buckets_");
    assert_eq!(families.len(), 4);
    let text = crate::export::prometheus(&snapshot);
    let expected = text.lines().filter(|line| line.starts_with("protobuf_buckets_") && line.contains("_bucket{"));
    assert_eq!(families.iter().flat_map(lines).collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    for family in families {
        let native = ["protobuf_buckets_none", "protobuf_buckets_automatic"].contains(&family.name());
        assert_eq!(family.kind, Some(4));
        assert!(family.metric.iter().all(|one| one.histogram.as_ref().unwrap().schema.is_some() == native));
    }
}

#[test]
fn an_encoder_tells_what_a_snapshot_tells() {
    let service = registry().identity().service;
    let orders = Counter::new("protobuf_told", "Orders.").register();
    let sizes = Histogram::new("protobuf_told_sizes", "Sizes.").register();
    Counter::new("protobuf_told_never", "Never.").register();
    let long = "long".repeat(200);
    for (at, shop) in ["", "a", "b\\c\"\n", "é", &long].into_iter().enumerate() {
        orders.with(&[("shop", &shop)]).add(at);
        orders.with(&[("a.dot", &shop), ("node", &"own"), ("zone", &at)]).add(at);
        sizes.with(&[("service", &"own"), ("shop", &shop)]).observe(at);
    }
    let mut encoder = Encoder::protobuf();
    for _ in 0..2 {
        let mut bytes = b"\0".to_vec();
        encoder.encode_recorded(&mut bytes);
        // An empty message that was there before.
        let told = of(read(&bytes), "protobuf_told");
        assert_eq!(told, of(read(&protobuf(&registry().snapshot())), "protobuf_told"));
        assert_eq!(told.iter().map(|family| family.metric.len()).collect::<Vec<_>>(), [11, 1, 6]);
        let labels: Vec<_> = told[0].metric.iter().map(Metric::labels).collect();
        assert!(labels.contains(&vec![("a_dot", "é"), ("node", "own"), ("service", &service), ("zone", "3")]));
        assert!(labels.iter().any(|labels| labels.contains(&("shop", "b\\c\"\n"))));
        assert!(labels.iter().all(|labels| labels.is_sorted() && labels.contains(&("service", &service))));
        assert!(labels.iter().flatten().any(|(_, value)| *value == long));
    }
}

#[test]
fn what_collectors_find_is_between_what_is_recorded() {
    for name in ["protobuf_between", "z_protobuf_between"] {
        Counter::new(name, "Between.").register();
    }
    let mut bytes = Vec::new();
    Encoder::protobuf().encode(&mut bytes);
    let told = read(&bytes);
    let snapshot = Snapshot::take();
    let place = |known: &FamilySnapshot| {
        told.iter().position(|family| family.name().trim_end_matches("_total") == known.exposed.family)
    };
    let places: Vec<_> = snapshot.families.iter().filter_map(place).collect();
    assert!(places.is_sorted() && places.len() > 1, "{places:?}");
}

#[test]
fn exemplars_are_on_counters_and_buckets() {
    let place = || Some(([0xab; 16], [0x01; 8]));
    let offer = |name: &str, value| registry().find(name, &[]).unwrap().offer(value, place);
    let busy = Counter::new("protobuf_example_busy", "Busy.").with_unit("milliseconds").register();
    let sizes = Histogram::new("protobuf_example_sizes", "Sizes.").register();
    busy.add(1_500);
    offer("protobuf_example_busy", 1_500.0);
    for size in [3.0, 1e13] {
        sizes.observe(size);
        offer("protobuf_example_sizes", size);
    }
    let mut bytes = Vec::new();
    Encoder::protobuf().encode_recorded(&mut bytes);
    let families = of(read(&bytes), "protobuf_example");
    let [busy, sizes] = <[Family; 2]>::try_from(families).unwrap();
    let counter = busy.metric[0].counter.as_ref().unwrap();
    let exemplar = counter.exemplar.as_ref().unwrap();
    assert_eq!((counter.value, exemplar.value), (1.5, 1.5));
    assert_eq!((&*exemplar.label[0].name, &*exemplar.label[0].value), ("trace_id", &*"ab".repeat(16)));
    assert_eq!((&*exemplar.label[1].name, &*exemplar.label[1].value), ("span_id", "0101010101010101"));
    let time = exemplar.timestamp.as_ref().unwrap();
    let time = SystemTime::UNIX_EPOCH + Duration::new(time.seconds as u64, time.nanos as u32);
    assert!(time.elapsed().unwrap() < Duration::from_secs(60));
    let buckets = &sizes.metric[0].histogram.as_ref().unwrap().bucket;
    let told = buckets.iter().filter_map(|bucket| Some((bucket.upper_bound, bucket.exemplar.as_ref()?.value)));
    assert_eq!(told.collect::<Vec<_>>(), [(4.0, 3.0), (f64::INFINITY, 1e13)]);
    assert_eq!(buckets.last().unwrap().cumulative_count, 2);
}

#[test]
fn a_number_is_where_the_kind_of_its_family_says() {
    let mut other = RuntimeMetric::gauge("protobuf.mixed", 7).with_tag("kind", "b");
    other.metric_type = Collected::Counter;
    let mixed = vec![RuntimeMetric::gauge("protobuf.mixed", 5).with_tag("kind", "a"), other];
    let mut snapshot = snapshot();
    snapshot.families = collect::families(mixed, std::collections::HashSet::new());
    let [family] = <[Family; 1]>::try_from(read(&protobuf(&snapshot))).unwrap();
    assert_eq!((family.name(), family.kind), ("protobuf_mixed", Some(1)));
    let values = family.metric.iter().map(|metric| metric.gauge.as_ref().unwrap().value);
    assert_eq!(values.collect::<Vec<_>>(), [5.0, 7.0]);
}

#[test]
fn a_family_without_series_is_left_out() {
    let mut snapshot = snapshot();
    snapshot.families.iter_mut().for_each(|family| family.series.clear());
    assert!(protobuf(&snapshot).is_empty());
}

/// Prometheus refuses a whole scrape otherwise.
#[test]
fn every_unit_is_the_end_of_its_family() {
    let built_in = BUILT_IN.iter().map(|known| exposed(known.name, known.kind, known.unit));
    for exposed in built_in.filter(|exposed| !exposed.unit.is_empty()) {
        let stem = exposed.family.strip_suffix(exposed.unit).and_then(|stem| stem.strip_suffix('_'));
        assert!(stem.is_some_and(|stem| !stem.is_empty()), "{exposed:?}");
    }
}
