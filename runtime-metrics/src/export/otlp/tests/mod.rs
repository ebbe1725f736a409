//! What a receiver finds in the requests.

mod over_time;

use super::message::{AggregationTemporality, Any, Data, ExponentialDataPoint, HistogramDataPoint, KeyValue, Number};
use super::message::{ExportMetricsServiceRequest, Metric, NumberDataPoint, ScopeMetrics};
use super::points::{SCALE, ZERO_THRESHOLD, nanos};
use super::{Otlp, Temporality};
use crate::metric::{Buckets, Kind};
use crate::names;
use crate::protocol::RuntimeMetric;
use crate::registry::{Identity, registry};
use crate::snapshot::Snapshot;
use crate::{Counter, Gauge, Histogram};
use prost::Message;
use std::time::{Duration, SystemTime};

const SECOND: u64 = 1_000_000_000;

fn time(at: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(at)
}

/// What is registered under names that begin so, at a time in seconds.
fn snapshot(prefix: &str, at: u64) -> Snapshot {
    let mut snapshot = registry().snapshot();
    snapshot.families.retain(|family| family.name.starts_with(prefix));
    snapshot.identity = Identity::new("shop", "n1");
    snapshot.time = time(at);
    snapshot
}

/// The same, and what a collector returned.
fn collected(metrics: Vec<RuntimeMetric>, at: u64) -> Snapshot {
    let mut snapshot = snapshot("no such", at);
    snapshot.add(metrics);
    snapshot
}

fn scope(request: &ExportMetricsServiceRequest) -> ScopeMetrics {
    let decoded = ExportMetricsServiceRequest::decode(&*request.encode_to_vec()).unwrap();
    assert_eq!(decoded, *request);
    let [resource] = &decoded.resource_metrics[..] else { panic!() };
    let [scope] = &resource.scope_metrics[..] else { panic!() };
    scope.clone()
}

fn metrics(otlp: &mut Otlp, snapshot: &Snapshot) -> Vec<Metric> {
    scope(&otlp.request(snapshot)).metrics
}

fn text(pairs: &[KeyValue]) -> String {
    let pairs = pairs.iter().map(|KeyValue { key, value }| {
        let Some(Any::Text(value)) = value.clone().unwrap().value else { panic!() };
        format!("{key}={value}")
    });
    pairs.collect::<Vec<_>>().join(",")
}

/// The points of a metric of numbers.
fn numbers(metric: &Metric) -> &[NumberDataPoint] {
    match metric.data.as_ref().unwrap() {
        Data::Sum(sum) => {
            assert!(sum.is_monotonic);
            &sum.data_points
        }
        Data::Gauge(gauge) => &gauge.data_points,
        other => panic!("{other:?}"),
    }
}

fn explicit(metric: &Metric) -> &HistogramDataPoint {
    let Some(Data::Histogram(histogram)) = &metric.data else { panic!("{metric:?}") };
    &histogram.data_points[0]
}

fn exponential(metric: &Metric) -> &ExponentialDataPoint {
    let Some(Data::ExponentialHistogram(histogram)) = &metric.data else { panic!("{metric:?}") };
    &histogram.data_points[0]
}

#[test]
fn a_request_says_who_was_measured_and_by_whom() {
    Gauge::new("otlp_who", "Who.").with_label("service", "own").register().set(2);
    let request = Otlp::new(Temporality::Cumulative).request(&snapshot("otlp_who", 1));
    let resource = request.resource_metrics[0].resource.clone().unwrap();
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        text(&resource.attributes),
        format!(
            "service.instance.id=n1,service.name=shop,telemetry.sdk.language=rust,telemetry.sdk.name=runtime-metrics,\
             telemetry.sdk.version={version}"
        )
    );
    let scope = scope(&request);
    assert_eq!(scope.scope.unwrap().name, "runtime-metrics");
    // A label of the metric's own stays, one of the identity is not repeated.
    let [point] = numbers(&scope.metrics[0]) else { panic!() };
    assert_eq!((text(&point.attributes), point.value), ("service=own".to_owned(), Some(Number::Double(2.0))));
    assert_eq!((point.start_time_unix_nano, point.time_unix_nano), (0, SECOND));
}

#[test]
fn a_counter_is_a_monotonic_sum_of_whole_numbers_and_nothing_is_rescaled() {
    let bytes = Counter::new("otlp_sent_total", "Sent.").with_unit("milliseconds").register();
    bytes.add(3);
    bytes.add_with(u64::MAX, &[("to", &"b"), ("by", &"a")]);
    let found = metrics(&mut Otlp::new(Temporality::Cumulative), &snapshot("otlp_sent_", 1));
    let [metric] = &found[..] else { panic!("{found:?}") };
    assert_eq!((&*metric.name, &*metric.description, &*metric.unit), ("otlp_sent_total", "Sent.", "ms"));
    let points: Vec<_> = numbers(metric).iter().map(|point| (text(&point.attributes), point.value)).collect();
    let largest = Some(Number::Double(u64::MAX as f64));
    assert_eq!(points, [(String::new(), Some(Number::Int(3))), ("by=a,to=b".to_owned(), largest)]);
    let Some(Data::Sum(sum)) = &metric.data else { panic!() };
    assert_eq!(sum.temporality(), AggregationTemporality::Cumulative);
}

#[test]
fn built_in_metrics_have_the_names_of_the_conventions() {
    let found = metrics(
        &mut Otlp::new(Temporality::Cumulative),
        &collected(
            vec![
                RuntimeMetric::counter("process.cpu.user_time", 1500).with_unit("milliseconds"),
                RuntimeMetric::counter("process.cpu.system_time", 500).with_unit("milliseconds"),
                RuntimeMetric::counter("system.network.sent", 7).with_unit("bytes").with_tag("a", "eth0"),
                RuntimeMetric::counter("system.network.sent", 8).with_unit("bytes").with_tag("z", "eth0"),
                RuntimeMetric::gauge("process.threads.count", 4).with_unit("count"),
                RuntimeMetric::gauge("runtime.threads.active", 4).with_unit("count"),
                // Not what the library means by it.
                RuntimeMetric::gauge("process.disk.read", 5).with_unit("bytes"),
            ],
            1,
        ),
    );
    let told = found.iter().map(|metric| {
        let points: Vec<_> = numbers(metric)
            .iter()
            .map(|point| match point.value {
                Some(Number::Double(value)) => format!("{} {value:?}", text(&point.attributes)),
                Some(Number::Int(value)) => format!("{} {value}", text(&point.attributes)),
                None => panic!("{point:?}"),
            })
            .collect();
        (&*metric.name, &*metric.unit, points)
    });
    let points = |points: &[&str]| points.iter().map(|point| (*point).to_owned()).collect::<Vec<_>>();
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            ("process.cpu.time", "s", points(&["cpu.mode=system 0.5", "cpu.mode=user 1.5"])),
            ("process.disk.read", "By", points(&[" 5.0"])),
            ("process.thread.count", "{thread}", points(&[" 4.0"])),
            ("runtime.threads.active", "{thread}", points(&[" 4.0"])),
            (
                "system.network.io",
                "By",
                points(&["a=eth0,network.io.direction=transmit 7", "network.io.direction=transmit,z=eth0 8"])
            ),
        ]
    );
    assert_eq!(found[0].description, "CPU time in user mode. CPU time in the kernel.");
    assert_eq!(found[2].description, "Threads of the process.");
}

/// Their bounds could not be told if they were brought to another unit.
#[test]
fn built_in_histograms_are_in_the_unit_of_the_conventions() {
    let mut histograms = names::BUILT_IN.iter().filter(|known| known.kind == Kind::Histogram);
    assert!(histograms.all(|known| known.otel.factor == 1.0));
}

#[test]
fn declared_buckets_are_told_with_their_bounds() {
    let sizes = Histogram::new("otlp_size", "Sizes.").with_buckets(vec![1.0, 10.0]).register();
    for size in [0.5, 1.0, 5.0, 50.0, 60.0] {
        sizes.observe(size);
    }
    let found = metrics(&mut Otlp::new(Temporality::Cumulative), &snapshot("otlp_size", 1));
    let point = explicit(&found[0]);
    assert_eq!((&point.explicit_bounds[..], &point.bucket_counts[..]), (&[1.0, 10.0][..], &[2, 1, 2][..]));
    assert_eq!((point.count, point.sum, point.min, point.max), (5, Some(116.5), Some(0.5), Some(60.0)));
}

#[test]
fn every_value_is_in_the_exponential_bucket_that_holds_it() {
    for at in 0..Buckets::Exponential.len() - 1 {
        let upper = Buckets::Exponential.upper(at);
        let values = Histogram::new("otlp_exponential", "Values.").with_label("at", at).register();
        values.observe(upper);
        let found = metrics(&mut Otlp::new(Temporality::Cumulative), &snapshot("otlp_exponential", 1));
        let point = exponential(&found[0]);
        registry().remove("otlp_exponential", &[("at", &at.to_string())]);
        assert_eq!((point.count, point.scale, point.zero_threshold), (1, SCALE, 2f64.powi(-30)));
        let Some(positive) = &point.positive else {
            assert!(at == 0 && point.zero_count == 1 && upper == ZERO_THRESHOLD);
            continue;
        };
        assert_eq!((&positive.bucket_counts[..], point.zero_count), (&[1][..], 0));
        let bound = |index: i32| 2f64.powf(f64::from(index) / 8.0);
        let (above, ends) = (bound(positive.offset), bound(positive.offset + 1));
        assert!(above < upper * (1.0 - 1e-9) && (upper / ends - 1.0).abs() < 1e-12, "{upper}: {above} to {ends}");
    }
}

#[test]
fn exponential_buckets_are_told_from_the_first_to_the_last_that_is_used() {
    let values = Histogram::new("otlp_range", "Values.").register();
    let told = |otlp: &mut Otlp| exponential(&metrics(otlp, &snapshot("otlp_range", 1))[0]).clone();
    let none = told(&mut Otlp::new(Temporality::Cumulative));
    assert_eq!((none.count, none.positive, none.sum, none.min), (0, None, Some(0.0), None));
    for value in [0.0, 1.5, 1.5, 1.0, 2.0, 1e300] {
        values.observe(value);
    }
    let point = told(&mut Otlp::new(Temporality::Cumulative));
    assert_eq!((point.count, point.zero_count), (6, 1));
    let positive = point.positive.unwrap();
    assert_eq!(positive.offset, -1);
    let used: Vec<_> = positive.bucket_counts.iter().enumerate().filter(|(_, count)| **count > 0).collect();
    // The last begins at 2^40.
    assert_eq!(used, [(0, &1), (5, &2), (8, &1), (321, &1)]);
    assert_eq!((point.min, point.max), (Some(0.0), Some(1e300)));
}

#[test]
fn a_sum_that_could_fall_is_left_out() {
    let change = Histogram::new("otlp_fall_seen", "Change.").register();
    change.observe(1);
    Histogram::new("otlp_fall_bounds", "Change.").with_buckets(vec![-1.0, 1.0]).register().observe(3);
    let mut otlp = Otlp::new(Temporality::Delta);
    let found = metrics(&mut otlp, &snapshot("otlp_fall_", 1));
    assert_eq!((explicit(&found[0]).sum, exponential(&found[1]).sum), (None, Some(1.0)));
    otlp.delivered();
    change.observe(-2);
    let found = metrics(&mut otlp, &snapshot("otlp_fall_", 2));
    assert_eq!((exponential(&found[0]).sum, exponential(&found[0]).zero_count), (None, 1));
    otlp.delivered();
    change.observe(5);
    assert_eq!(exponential(&metrics(&mut otlp, &snapshot("otlp_fall_", 3))[0]).sum, None);
}

#[cfg(feature = "summary")]
#[test]
fn a_summary_has_the_quantiles_that_are_known_and_all_since_the_start() {
    let waits = crate::Summary::new("otlp_summary", "Waits.").with_quantiles([0.5, 1.0]).register();
    crate::Summary::new("otlp_summary_none", "None.").register();
    let mut otlp = Otlp::new(Temporality::Delta);
    for at in 1..=2 {
        waits.observe(4);
        let found = metrics(&mut otlp, &snapshot("otlp_summary", at));
        let points: Vec<_> = found
            .iter()
            .map(|metric| {
                let Some(Data::Summary(summary)) = &metric.data else { panic!() };
                let point = &summary.data_points[0];
                let values: Vec<_> = point.quantile_values.iter().map(|one| (one.quantile, one.value)).collect();
                (point.count, point.sum, values, point.start_time_unix_nano)
            })
            .collect();
        let values = vec![(0.5, 4.0), (1.0, 4.0)];
        assert_eq!(points, [(at, 4.0 * at as f64, values, SECOND), (0, 0.0, vec![], SECOND)]);
        otlp.delivered();
    }
}
