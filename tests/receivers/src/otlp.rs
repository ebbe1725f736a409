//! Receivers of OTLP: one that is strict, and a collector that forwards to it.

use crate::child::{Program, free_port, installed};
use crate::known::{IDENTITY, Known, Labels, SHARES, labels};
use crate::promql::{is, quantile};
use crate::{Certificate, get, until};
use serde_json::Value;
use std::net::TcpStream;

/// How requests come in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Way {
    /// By gRPC.
    Grpc,
    /// By HTTP.
    Http,
}

/// A receiver that refuses what the protocol forbids.
#[derive(Debug)]
pub struct Collector {
    program: Program,
    ports: Value,
    scheme: &'static str,
}

/// What it has taken, and what it has to complain about.
#[derive(Clone, Debug)]
pub struct State(pub Value);

/// The last point of a series; of deltas their sum.
pub type Point = Value;

impl Collector {
    /// Starts one that wants this token, and speaks TLS if it has a certificate.
    ///
    /// # Panics
    ///
    /// If it can't be started, or says why it ended.
    pub fn start(token: Option<&str>, certificate: Option<&Certificate>) -> Self {
        Self::start_on([0, 0], token, certificate)
    }

    /// The same on these ports, for gRPC and for HTTP.
    ///
    /// # Panics
    ///
    /// If it can't be started, or says why it ended.
    pub fn start_on(ports: [u16; 2], token: Option<&str>, certificate: Option<&Certificate>) -> Self {
        let mut program = Program::new("otlp-receiver");
        let mut arguments = vec![concat!(env!("CARGO_MANIFEST_DIR"), "/otlp_receiver.py").to_owned()];
        arguments.push(format!("--grpc={}", ports[0]));
        arguments.push(format!("--http={}", ports[1]));
        arguments.extend(token.map(|token| format!("--token={token}")));
        if let Some(certificate) = certificate {
            arguments.push(format!("--certificate={}", program.write("certificate.pem", &certificate.certificate)));
            arguments.push(format!("--key={}", program.write("key.pem", &certificate.key)));
        }
        let packages = installed("python");
        program.start("python3", "install the Debian package `python3`", |command| {
            command.args(arguments).env("PYTHONPATH", packages)
        });
        let ports = until("the start of the OTLP receiver", || {
            program.runs().unwrap_or_else(|ended| panic!("{ended}"));
            let said = program.said();
            let line = said.lines().find(|line| line.starts_with('{')).ok_or("it has not said its ports")?;
            serde_json::from_str(line).map_err(|error| error.to_string())
        });
        Self { program, ports, scheme: if certificate.is_some() { "https" } else { "http" } }
    }

    /// Where metrics are sent to.
    pub fn endpoint(&self, way: Way) -> String {
        let port = &self.ports[if way == Way::Grpc { "grpc" } else { "http" }];
        format!("{}://127.0.0.1:{port}", self.scheme)
    }

    /// What it says at a path of its own.
    ///
    /// # Panics
    ///
    /// If it says nothing.
    pub fn ask(&self, path: &str) -> State {
        State(get(&format!("http://127.0.0.1:{}{path}", self.ports["control"]), &[]).unwrap())
    }

    /// Waits until it has exactly what is known, and has nothing to complain about.
    #[track_caller]
    pub fn has(&self, known: &Known) {
        until("what the OTLP receiver has", || self.ask("/state").has(known));
        self.is_content();
    }

    /// That it has nothing to complain about.
    ///
    /// # Panics
    ///
    /// With what it complains about.
    #[track_caller]
    pub fn is_content(&self) {
        let State(state) = self.ask("/state");
        assert_eq!(state["errors"].as_array().map(Vec::len), Some(0), "{:#}", state["errors"]);
    }

    /// What it has printed.
    pub fn said(&self) -> String {
        self.program.said()
    }
}

impl State {
    /// A number of it.
    pub fn count(&self, name: &str) -> u64 {
        self.0[name].as_u64().unwrap_or(0)
    }

    /// The points of a metric that were in the last request, by their attributes.
    ///
    /// # Panics
    ///
    /// If the receiver's answer is none.
    pub fn points(&self, name: &str) -> Vec<(Labels, Point)> {
        let points = self.0["points"].as_array().unwrap();
        let named = points.iter().filter(|point| point["name"] == name);
        // Of deltas a series without change is left out.
        let there = named.filter(|point| point["current"] == true || point["temporality"] == 1);
        let own = |point: &Value| serde_json::from_value(point["attributes"].clone()).unwrap();
        there.map(|point| (own(point), point.clone())).collect()
    }

    fn has(&self, known: &Known) -> Result<(), String> {
        let Self(state) = self;
        let Known { prefix, .. } = known;
        let resource = [("service.name", IDENTITY[0]), ("service.instance.id", IDENTITY[1])];
        if resource.iter().any(|(name, value)| state["resource"][*name] != *value) {
            return Err(format!("the resource is {}", state["resource"]));
        }
        let name = format!("{prefix}.orders");
        let points = self.points(&name);
        let found: Vec<_> = points.iter().map(|(labels, point)| (labels.clone(), point["value"].as_u64())).collect();
        let wanted = known.orders.iter().map(|(kind, count)| (labels(&[("kind", kind)]), Some(*count)));
        same(&name, found, wanted.collect())?;
        self.one(&format!("{prefix}.busy"), "ms", |point| is("busy", number(&point["value"]), known.busy as f64, 0.0))?;

        let name = format!("{prefix}.level");
        let found = self.points(&name).into_iter().map(|(labels, point)| (labels, Some(number(&point["value"]))));
        let wanted = known.levels.iter().map(|(at, value)| (labels(&[("at", at)]), Some(*value)));
        same(&name, found.collect(), wanted.collect())?;

        let name = format!("{prefix}.size");
        let points = self.points(&name);
        let found = points.iter().map(|(labels, point)| (labels.clone(), Some(point["buckets"].to_string())));
        let counts = |values: &[f64]| {
            let at = |range: std::ops::RangeInclusive<f64>| {
                values.iter().filter(|value| **value > *range.start() && **value <= *range.end()).count()
            };
            format!("[{},{},{},{}]", at(-1.0..=10.0), at(10.0..=100.0), at(100.0..=1e3), at(1e3..=f64::MAX))
        };
        let wanted = known.sizes.iter().map(|(kind, values)| (labels(&[("kind", kind)]), Some(counts(values))));
        same(&name, found.collect(), wanted.collect())?;
        for (labels, point) in points {
            let (_, values) = known.sizes.iter().find(|(kind, _)| labels["kind"] == *kind).ok_or("no such kind")?;
            is(&name, number(&point["sum"]), values.iter().sum(), 1e-9)?;
            if point["unit"] != "By" {
                return Err(format!("{name} has the unit {}", point["unit"]));
            }
        }

        self.one(&format!("{prefix}.latency"), "s", |point| exponential(point, &known.latencies))?;
        self.one(&format!("{prefix}.pause"), "ms", |point| exponential(point, &known.pauses))?;
        self.one(&format!("{prefix}.wait"), "s", |point| {
            is("count", number(&point["count"]), known.waits.len() as f64, 0.0)?;
            is("sum", number(&point["sum"]), known.waits.iter().sum(), 1e-9)?;
            SHARES.into_iter().try_for_each(|share| {
                let found = number(&point["quantiles"][share.to_string()]);
                is("quantile", found, quantile(&known.waits, share), 0.011)
            })
        })
    }

    fn one(&self, name: &str, unit: &str, check: impl Fn(&Point) -> Result<(), String>) -> Result<(), String> {
        let points = self.points(name);
        let [(labels, point)] = &points[..] else { return Err(format!("{name} has {} points", points.len())) };
        if !labels.is_empty() || point["unit"] != unit {
            return Err(format!("{name} is {point}"));
        }
        check(point).map_err(|wrong| format!("{name}: {wrong}"))
    }
}

fn same<T: PartialEq + std::fmt::Debug>(
    name: &str,
    mut found: Vec<(Labels, T)>,
    mut wanted: Vec<(Labels, T)>,
) -> Result<(), String> {
    found.sort_by(|one, other| one.0.cmp(&other.0));
    wanted.sort_by(|one, other| one.0.cmp(&other.0));
    if found == wanted { Ok(()) } else { Err(format!("{name} is {found:?}, not {wanted:?}")) }
}

fn number(value: &Value) -> f64 {
    value.as_f64().or_else(|| value.as_str()?.parse().ok()).unwrap_or(f64::NAN)
}

/// Whether each bucket has what belongs into it, and whether the quantiles are what is promised.
fn exponential(point: &Point, values: &[f64]) -> Result<(), String> {
    is("count", number(&point["count"]), values.len() as f64, 0.0)?;
    is("sum", number(&point["sum"]), values.iter().sum(), 1e-9)?;
    if point["temporality"] == 2 {
        is("min", number(&point["min"]), values.iter().copied().fold(f64::INFINITY, f64::min), 0.0)?;
        is("max", number(&point["max"]), values.iter().copied().fold(0.0, f64::max), 0.0)?;
    }
    let base = 2f64.powf(2f64.powf(-number(&point["scale"])));
    let buckets = point["buckets"].as_object().ok_or("no buckets")?;
    let mut buckets: Vec<(i32, f64)> =
        buckets.iter().filter_map(|(at, count)| Some((at.parse().ok()?, count.as_f64()?))).collect();
    buckets.sort_by_key(|(at, _)| *at);
    for (at, count) in &buckets {
        let (lower, upper) = (base.powi(*at), base.powi(at + 1));
        let inside = values.iter().filter(|value| lower < **value && **value <= upper).count();
        is(&format!("bucket {at}"), *count, inside as f64, 0.0)?;
    }
    for share in [0.01, 0.5, 0.9, 0.99, 0.999] {
        let rank = share * values.len() as f64;
        let mut below = 0.0;
        let at = buckets.iter().find(|(_, count)| {
            below += count;
            below >= rank
        });
        let (at, _) = at.ok_or("too few")?;
        is(&format!("quantile {share}"), base.powf(f64::from(*at) + 0.5), quantile(values, share), 0.045)?;
    }
    Ok(())
}

/// A collector that takes OTLP and forwards it.
#[derive(Debug)]
pub struct Rotel {
    program: Program,
    ports: [u16; 2],
}

impl Rotel {
    /// Starts one that forwards to this receiver, by gRPC or HTTP.
    ///
    /// # Panics
    ///
    /// If it can't be started, or says why it ended.
    pub fn start(to: &Collector, token: &str, way: Way) -> Self {
        let mut program = Program::new("rotel");
        let ports = [free_port(), free_port()];
        let [grpc, http] = ports.map(|port| format!("127.0.0.1:{port}"));
        let protocol = if way == Way::Grpc { "grpc" } else { "http" };
        program.start(installed("python/rotel/rotel-agent"), "run .ci/receivers", |command| {
            command
                .args(["start", "--pid-file=pid", "--log-file=rotel.log", "--exporter=otlp", "--batch-timeout=100ms"])
                .args(["--debug-log=metrics", "--otlp-exporter-protocol", protocol])
                .args(["--otlp-grpc-endpoint", &grpc, "--otlp-http-endpoint", &http])
                .args(["--otlp-exporter-endpoint", &to.endpoint(way)])
                .arg(format!("--otlp-exporter-custom-headers=authorization=Bearer {token}"))
        });
        until("the start of rotel", || {
            program.runs().unwrap_or_else(|ended| panic!("{ended}"));
            ports
                .iter()
                .try_for_each(|port| TcpStream::connect(("127.0.0.1", *port)).map(drop))
                .map_err(|e| e.to_string())
        });
        Self { program, ports }
    }

    /// Where metrics are sent to.
    pub fn endpoint(&self, way: Way) -> String {
        format!("http://127.0.0.1:{}", self.ports[usize::from(way == Way::Http)])
    }

    /// What it has printed.
    pub fn said(&self) -> String {
        self.program.said()
    }
}
