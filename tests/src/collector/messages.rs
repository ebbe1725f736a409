//! The messages of OTLP and of remote write, as far as the tests read them: sums and samples.

use super::Told;
use prost::{Message, Oneof};

#[derive(Clone, PartialEq, Message)]
struct Export {
    #[prost(message, repeated, tag = "1")]
    resources: Vec<Resource>,
}

#[derive(Clone, PartialEq, Message)]
struct Resource {
    #[prost(message, repeated, tag = "2")]
    scopes: Vec<Scope>,
}

#[derive(Clone, PartialEq, Message)]
struct Scope {
    #[prost(message, repeated, tag = "2")]
    metrics: Vec<Metric>,
}

#[derive(Clone, PartialEq, Message)]
struct Metric {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, optional, tag = "7")]
    sum: Option<Sum>,
}

#[derive(Clone, PartialEq, Message)]
struct Sum {
    #[prost(message, repeated, tag = "1")]
    points: Vec<Point>,
    #[prost(int32, tag = "2")]
    temporality: i32,
}

#[derive(Clone, PartialEq, Message)]
struct Point {
    #[prost(message, repeated, tag = "7")]
    attributes: Vec<Attribute>,
    #[prost(oneof = "Number", tags = "4, 6")]
    value: Option<Number>,
}

#[derive(Clone, Copy, PartialEq, Oneof)]
enum Number {
    #[prost(double, tag = "4")]
    Double(f64),
    #[prost(sfixed64, tag = "6")]
    Int(i64),
}

#[derive(Clone, PartialEq, Eq, Message)]
struct Attribute {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(message, optional, tag = "2")]
    value: Option<Text>,
}

#[derive(Clone, PartialEq, Eq, Message)]
struct Text {
    #[prost(string, tag = "1")]
    text: String,
}

/// What a receiver answers.
#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct Response {
    #[prost(message, optional, tag = "1")]
    partial: Option<Partial>,
}

#[derive(Clone, PartialEq, Eq, Message)]
struct Partial {
    #[prost(int64, tag = "1")]
    rejected: i64,
    #[prost(string, tag = "2")]
    words: String,
}

pub(super) fn response(rejected: i64, words: &str) -> Response {
    Response { partial: (rejected > 0).then(|| Partial { rejected, words: words.to_owned() }) }
}

/// The points of a sum with this label `test`; nothing of what is no request.
pub(super) fn otlp(body: &[u8], name: &str, test: &str) -> Vec<Told> {
    let export = Export::decode(body).unwrap_or_default();
    let metrics = export.resources.into_iter().flat_map(|resource| resource.scopes).flat_map(|scope| scope.metrics);
    let sums = metrics.filter(|metric| metric.name == name).filter_map(|metric| metric.sum);
    let mut told = Vec::new();
    for Sum { points, temporality } in sums {
        for point in points {
            let is = |one: &Attribute| one.key == "test" && one.value.as_ref().is_some_and(|value| value.text == test);
            let value = match point.value {
                Some(Number::Int(value)) => value as f64,
                Some(Number::Double(value)) => value,
                None => continue,
            };
            if point.attributes.iter().any(is) {
                told.push(if temporality == 1 { Told::Gain(value) } else { Told::Total(value) });
            }
        }
    }
    told
}

#[derive(Clone, PartialEq, Message)]
struct Write {
    #[prost(message, repeated, tag = "1")]
    series: Vec<Series>,
}

#[derive(Clone, PartialEq, Message)]
struct Series {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
}

#[derive(Clone, PartialEq, Eq, Message)]
struct Label {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct Sample {
    #[prost(double, tag = "1")]
    value: f64,
}

/// The samples of a series with this label `test`, but for the one that says that it has ended.
pub(super) fn remote_write(body: &[u8], name: &str, test: &str) -> Vec<Told> {
    let write = Write::decode(body).unwrap_or_default();
    let has = |series: &Series, name: &str, value: &str| {
        series.labels.iter().any(|one| one.name == name && one.value == value)
    };
    let these = write.series.iter().filter(|series| has(series, "__name__", name) && has(series, "test", test));
    let values = these.flat_map(|series| &series.samples).map(|sample| sample.value);
    values.filter(|value| !value.is_nan()).map(Told::Total).collect()
}
