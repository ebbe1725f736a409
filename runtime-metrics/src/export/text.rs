//! OpenMetrics 1.0 and the Prometheus text format 0.0.4: two dialects of one format.
//!
//! They differ in where a counter's `_total` stands (in OpenMetrics only the sample has it, in the
//! Prometheus format the family too), in `# UNIT`, in exemplars and in `# EOF`.

use super::exemplar;
use super::page::{Block, Page};
use super::shown::Shown;
use crate::escape::escape;
use crate::exemplar::Exemplar;
use crate::label::LabelSet;
use crate::metric::{Buckets, Kind, is_octave};
use crate::names::{self, Exposed};
use crate::registry::Identity;
use crate::snapshot::{FamilySnapshot, Head, Snapshot, SummarySnapshot, Value};
use std::fmt::Write;

/// A snapshot as OpenMetrics 1.0 text.
///
/// ```
/// runtime_metrics::increment!("text_example", help: "Shows the format.");
/// let text = runtime_metrics::export::openmetrics(&runtime_metrics::Snapshot::take());
/// assert!(text.contains("# TYPE text_example counter\n"));
/// assert!(text.ends_with("# EOF\n"));
/// ```
pub fn openmetrics(snapshot: &Snapshot) -> String {
    write(snapshot, Dialect::OpenMetrics)
}

/// A snapshot as Prometheus text, version 0.0.4.
///
/// ```
/// runtime_metrics::increment!("prometheus_example", help: "Shows the format.");
/// let text = runtime_metrics::export::prometheus(&runtime_metrics::Snapshot::take());
/// assert!(text.contains("# TYPE prometheus_example_total counter\n"));
/// ```
pub fn prometheus(snapshot: &Snapshot) -> String {
    write(snapshot, Dialect::Prometheus)
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Dialect {
    OpenMetrics,
    Prometheus,
}

/// All of a snapshot.
fn write(snapshot: &Snapshot, dialect: Dialect) -> String {
    let (mut text, mut block, mut tools) = (Vec::new(), Block::default(), Tools::default());
    let mut page = Page::new(&mut text, &mut block);
    for one in &snapshot.families {
        family(&mut page, &mut tools, one, &snapshot.identity, dialect);
    }
    end(&mut page, dialect);
    drop(page);
    // Everything in it was text before.
    String::from_utf8(text).unwrap_or_default()
}

/// What is used again and again while text is written.
#[derive(Debug, Default)]
pub(super) struct Tools {
    pub(super) labels: Vec<u8>,
    line: Vec<u8>,
    bounds: Bounds,
}

pub(super) fn end(page: &mut Page<'_>, dialect: Dialect) {
    if dialect == Dialect::OpenMetrics {
        page.push(b"# EOF\n");
    }
}

/// A family and its series; nothing where it has none.
pub(super) fn family(
    page: &mut Page<'_>,
    tools: &mut Tools,
    family: &FamilySnapshot,
    identity: &Identity,
    dialect: Dialect,
) {
    if family.series.is_empty() {
        return;
    }
    header(page, tools, family.head(), dialect);
    for series in &family.series {
        render(&identity.complete(&series.labels), &mut tools.labels);
        let exemplars = if dialect == Dialect::OpenMetrics { &*series.exemplars } else { &[] };
        sample(page, tools, family.kind, &family.exposed, &Value::from(&series.value), exemplars, dialect);
    }
}

pub(super) fn header(page: &mut Page<'_>, tools: &mut Tools, family: Head<'_>, dialect: Dialect) {
    let total = if dialect == Dialect::Prometheus && family.kind == Kind::Counter { "_total" } else { "" };
    let name = &family.exposed.family;
    let _ = write!(page, "# HELP {name}{total} ");
    if family.help.is_empty() {
        // A reader of the page, and the linters, expect a word on everything.
        let _ = write!(page, "The {} {}.", family.kind, family.name);
    } else {
        tools.line.clear();
        escape(family.help, dialect == Dialect::OpenMetrics, &mut tools.line);
        page.push(&tools.line);
    }
    let _ = write!(page, "\n# TYPE {name}{total} {}\n", family.kind);
    if dialect == Dialect::OpenMetrics && !family.exposed.unit.is_empty() {
        let _ = writeln!(page, "# UNIT {name} {}", family.exposed.unit);
    }
}

/// What follows the name of a family where its value is one number.
pub(super) fn suffix(kind: Kind) -> &'static str {
    if kind == Kind::Counter { "_total" } else { "" }
}

/// A series whose labels are in `tools.labels`; there are exemplars only where the dialect has them.
pub(super) fn sample(
    page: &mut Page<'_>,
    tools: &mut Tools,
    kind: Kind,
    exposed: &Exposed,
    value: &Value<'_>,
    exemplars: &[Exemplar],
    dialect: Dialect,
) {
    let (name, factor) = (&*exposed.family, exposed.factor);
    match value {
        Value::Counter(_) | Value::CounterFloat(_) | Value::Gauge(_) => {
            start(page, name, suffix(kind), &tools.labels, b"");
            number(page, value, factor, exemplars);
        }
        Value::Distribution { buckets, counts, sum } => {
            tools.bounds.are(*buckets, factor);
            let seen = Seen { buckets: *buckets, counts, sum: *sum, exemplars };
            histogram(page, tools, name, factor, &seen, dialect);
        }
        Value::Summary(seen) => summary(page, name, factor, &tools.labels, seen, dialect),
    }
}

/// The number that a counter or a gauge is, its exemplar, and the end of its line.
#[inline]
pub(super) fn number(page: &mut Page<'_>, value: &Value<'_>, factor: f64, exemplars: &[Exemplar]) {
    match value {
        Value::Counter(count) if factor == 1.0 => page.count(*count),
        Value::Counter(count) => page.number(*count as f64 * factor),
        Value::CounterFloat(value) | Value::Gauge(value) => page.number(value * factor),
        Value::Distribution { .. } | Value::Summary(_) => {}
    }
    if let Some(one) = exemplars.first() {
        exemplar::write(page, one, factor);
    }
    page.push(b"\n");
}

/// What a histogram has seen.
struct Seen<'a> {
    buckets: Buckets,
    counts: &'a [u64],
    sum: f64,
    /// In the order of their values.
    exemplars: &'a [Exemplar],
}

fn histogram(page: &mut Page<'_>, tools: &mut Tools, name: &str, factor: f64, seen: &Seen<'_>, dialect: Dialect) {
    let Tools { labels, line, bounds } = tools;
    let Seen { buckets, counts, sum, mut exemplars } = *seen;
    // All lines of buckets begin alike.
    line.clear();
    for piece in [name.as_bytes(), b"_bucket{", labels, if labels.is_empty() { b"" } else { b"," }] {
        line.extend_from_slice(piece);
    }
    let shown = Shown::of(buckets, counts);
    let (mut below, mut lower) = (0, f64::NEG_INFINITY);
    for (index, count) in counts.iter().enumerate() {
        below += count;
        if !shown.tells(index) {
            continue;
        }
        page.push(line);
        page.push(bounds.text(index));
        page.count(below);
        if !exemplars.is_empty() {
            let upper = buckets.upper(index as u32);
            let here = exemplars.split_off(..exemplars.partition_point(|one| one.value <= upper)).unwrap_or_default();
            // Brought to the base unit, a value just above a bound may be rounded to that bound.
            if let Some(one) = here.last().filter(|one| one.value * factor > lower) {
                exemplar::write(page, one, factor);
            }
            lower = upper * factor;
        }
        page.push(b"\n");
    }
    // OpenMetrics has no sum where it could fall.
    if !(buckets.upper(0) < 0.0 && dialect == Dialect::OpenMetrics) {
        start(page, name, "_sum", labels, b"");
        page.number(sum * factor);
        page.push(b"\n");
    }
    start(page, name, "_count", labels, b"");
    page.count(below);
    page.push(b"\n");
}

/// The bounds of buckets as labels, to the end of the braces: those of the last histogram are kept,
/// for the next is likely to have the same.
#[derive(Debug, Default)]
struct Bounds {
    of: Option<(Buckets, f64)>,
    texts: Vec<u8>,
    ends: Vec<usize>,
    block: Block,
}

impl Bounds {
    fn are(&mut self, buckets: Buckets, factor: f64) {
        if self.of == Some((buckets, factor)) {
            return;
        }
        self.of = Some((buckets, factor));
        self.texts.clear();
        self.ends.clear();
        for index in 0..buckets.len() {
            let upper = buckets.upper(index);
            if buckets != Buckets::Exponential || is_octave(index) || upper.is_infinite() {
                let mut page = Page::new(&mut self.texts, &mut self.block);
                page.push(b"le=\"");
                page.number(if upper.is_finite() { upper * factor } else { upper });
                page.push(b"\"} ");
            }
            self.ends.push(self.texts.len());
        }
    }

    fn text(&self, index: usize) -> &[u8] {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.texts[start..self.ends[index]]
    }
}

fn summary(page: &mut Page<'_>, name: &str, factor: f64, labels: &[u8], seen: &SummarySnapshot, dialect: Dialect) {
    // In OpenMetrics nothing of a summary can be negative.
    let fits = |value: f64| value >= 0.0 || dialect != Dialect::OpenMetrics;
    for (share, value) in &seen.quantiles {
        let value = value.unwrap_or(f64::NAN);
        if value.is_nan() || fits(value) {
            start(page, name, "", labels, format!("quantile=\"{share:?}\"").as_bytes());
            page.number(value * factor);
            page.push(b"\n");
        }
    }
    if fits(seen.min.unwrap_or(0.0)) {
        start(page, name, "_sum", labels, b"");
        page.number(seen.sum * factor);
        page.push(b"\n");
    }
    start(page, name, "_count", labels, b"");
    page.count(seen.count);
    page.push(b"\n");
}

/// The begin of a line, to its number.
fn start(page: &mut Page<'_>, name: &str, suffix: &str, labels: &[u8], label: &[u8]) {
    page.push(name.as_bytes());
    page.push(suffix.as_bytes());
    if !labels.is_empty() || !label.is_empty() {
        page.push(b"{");
        page.push(labels);
        if !labels.is_empty() && !label.is_empty() {
            page.push(b",");
        }
        page.push(label);
        page.push(b"}");
    }
    page.push(b" ");
}

fn render(labels: &LabelSet, text: &mut Vec<u8>) {
    text.clear();
    for (name, value) in labels.iter() {
        if !text.is_empty() {
            text.push(b',');
        }
        text.extend_from_slice(names::label_name(name).as_bytes());
        text.extend_from_slice(b"=\"");
        escape(value, true, text);
        text.push(b'"');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Counter, Gauge, Histogram, registry};

    /// The lines that begin with `name`.
    fn lines<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
        text.lines()
            .filter(|line| line.trim_start_matches("# HELP ").trim_start_matches("# TYPE ").starts_with(name))
            .collect()
    }

    fn of(name: &str, dialect: fn(&Snapshot) -> String) -> Vec<String> {
        let mut snapshot = registry().snapshot();
        snapshot.identity = crate::Identity::new("", "");
        lines(&dialect(&snapshot), name).into_iter().map(str::to_owned).collect()
    }

    #[test]
    fn a_counter_has_its_total_where_each_dialect_wants_it() {
        Counter::new("text_orders", "Orders.").with_label("shop", "a\"b\\c\nd").register().add(3);
        let labels = "{shop=\"a\\\"b\\\\c\\nd\"}";
        assert_eq!(
            of("text_orders", openmetrics),
            ["# HELP text_orders Orders.", "# TYPE text_orders counter", &format!("text_orders_total{labels} 3")]
        );
        assert_eq!(
            of("text_orders", prometheus),
            [
                "# HELP text_orders_total Orders.",
                "# TYPE text_orders_total counter",
                &format!("text_orders_total{labels} 3")
            ]
        );
    }

    #[test]
    fn a_value_is_told_in_its_base_unit() {
        Gauge::new("text_wait", "Wait.").with_unit("milliseconds").register().set(250);
        assert_eq!(of("text_wait", openmetrics).last().unwrap(), "text_wait_seconds 0.25");
    }

    #[test]
    fn declared_buckets_are_cumulative_and_end_in_infinity() {
        let sizes = Histogram::new("text_size", "Sizes.").with_buckets(vec![1.0, 10.0]).register();
        for size in [0.5, 5.0, 50.0] {
            sizes.observe(size);
        }
        assert_eq!(
            of("text_size", openmetrics)[2..],
            [
                "text_size_bucket{le=\"1.0\"} 1",
                "text_size_bucket{le=\"10.0\"} 2",
                "text_size_bucket{le=\"+Inf\"} 3",
                "text_size_sum 55.5",
                "text_size_count 3",
            ]
        );
    }

    /// What `sum by (le)` makes of series whose values are far apart: a bound that one does not tell counts for nothing.
    #[test]
    fn exponential_buckets_of_several_series_add_up() {
        let values: [&[f64]; 3] = [&[0.0003, 0.004], &[0.06, 0.5], &[7.0, 20.0]];
        let waits = Histogram::new("text_several_seconds", "Waits.").register();
        for (kind, values) in ["a", "b", "c"].into_iter().zip(values) {
            for value in values {
                waits.with(&[("kind", &kind)]).observe(*value);
            }
        }
        let mut sums = std::collections::BTreeMap::<u64, u64>::new();
        for line in of("text_several_seconds", openmetrics) {
            let Some((_, rest)) = line.split_once("le=\"") else { continue };
            let (bound, count) = rest.split_once("\"} ").unwrap();
            *sums.entry(bound.parse::<f64>().unwrap().to_bits()).or_default() += count.parse::<u64>().unwrap();
        }
        let all: Vec<f64> = values.iter().flat_map(|values| values.iter().copied()).collect();
        for (bound, count) in sums {
            let bound = f64::from_bits(bound);
            assert_eq!(count, all.iter().filter(|value| **value <= bound).count() as u64, "up to {bound}");
        }
    }

    #[test]
    fn exponential_buckets_are_told_at_powers_of_two() {
        let sizes = Histogram::new("text_automatic", "Sizes.").register();
        for size in [1.0, 3.0, 4.0, 5.0] {
            sizes.observe(size);
        }
        assert_eq!(
            of("text_automatic", openmetrics)[2..],
            [
                "text_automatic_bucket{le=\"0.5\"} 0",
                "text_automatic_bucket{le=\"1.0\"} 1",
                "text_automatic_bucket{le=\"2.0\"} 1",
                "text_automatic_bucket{le=\"4.0\"} 3",
                "text_automatic_bucket{le=\"8.0\"} 4",
                "text_automatic_bucket{le=\"16.0\"} 4",
                "text_automatic_bucket{le=\"32.0\"} 4",
                "text_automatic_bucket{le=\"+Inf\"} 4",
                "text_automatic_sum 13.0",
                "text_automatic_count 4",
            ]
        );
    }

    #[cfg(feature = "summary")]
    #[test]
    fn a_summary_has_its_quantiles_sum_and_count() {
        let waits = crate::Summary::new("text_summary", "Waits.")
            .with_unit("milliseconds")
            .with_label("kind", "a")
            .with_quantiles([0.5, 1.0])
            .register();
        assert_eq!(of("text_summary", openmetrics)[1..2], ["# TYPE text_summary_seconds summary"]);
        assert_eq!(
            of("text_summary", prometheus)[2..],
            [
                "text_summary_seconds{kind=\"a\",quantile=\"0.5\"} NaN",
                "text_summary_seconds{kind=\"a\",quantile=\"1.0\"} NaN",
                "text_summary_seconds_sum{kind=\"a\"} 0.0",
                "text_summary_seconds_count{kind=\"a\"} 0",
            ]
        );
        (0..4).for_each(|_| waits.observe(250));
        assert_eq!(
            of("text_summary", openmetrics)[2..],
            [
                "text_summary_seconds{kind=\"a\",quantile=\"0.5\"} 0.25",
                "text_summary_seconds{kind=\"a\",quantile=\"1.0\"} 0.25",
                "text_summary_seconds_sum{kind=\"a\"} 1.0",
                "text_summary_seconds_count{kind=\"a\"} 4",
            ]
        );
    }

    #[cfg(feature = "summary")]
    #[test]
    fn what_is_negative_is_left_out_where_openmetrics_forbids_it() {
        let change = crate::Summary::new("text_change", "Change.").with_quantiles([0.0, 1.0]).register();
        for value in [-1.0, 3.0] {
            change.observe(value);
        }
        assert_eq!(of("text_change", openmetrics)[2..], ["text_change{quantile=\"1.0\"} 3.0", "text_change_count 2"]);
        assert_eq!(
            of("text_change", prometheus)[2..],
            [
                "text_change{quantile=\"0.0\"} -1.0",
                "text_change{quantile=\"1.0\"} 3.0",
                "text_change_sum 2.0",
                "text_change_count 2",
            ]
        );
    }

    #[test]
    fn a_rate_is_a_gauge() {
        let orders = Counter::new("text_rate_orders", "Orders.").with_label("shop", "north").register();
        let _rate = crate::Rate::new("text_rate_per_second", "Orders per second.").of(&orders).register();
        assert_eq!(
            of("text_rate_per_second", openmetrics)[1..],
            ["# TYPE text_rate_per_second gauge", "text_rate_per_second{shop=\"north\"} 0.0"]
        );
    }

    #[cfg(feature = "set")]
    #[test]
    fn a_set_is_a_gauge() {
        let users = crate::Set::new("text_users", "Users.").register();
        for user in ["a", "b", "a"] {
            users.insert(user);
        }
        assert_eq!(of("text_users", openmetrics)[1..], ["# TYPE text_users gauge", "text_users 2.0"]);
    }
}
