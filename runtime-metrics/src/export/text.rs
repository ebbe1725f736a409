//! OpenMetrics 1.0 and the Prometheus text format 0.0.4: two dialects of one format.
//!
//! They differ in where a counter's `_total` stands (in OpenMetrics only the sample has it, in the
//! Prometheus format the family too), in `# UNIT` and in `# EOF`.

use crate::label::LabelSet;
use crate::metric::{Buckets, Kind, is_octave};
use crate::names;
use crate::snapshot::{Distribution, FamilySnapshot, Reading, Snapshot, SummarySnapshot};
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

#[derive(Clone, Copy, PartialEq)]
enum Dialect {
    OpenMetrics,
    Prometheus,
}

fn write(snapshot: &Snapshot, dialect: Dialect) -> String {
    let mut text = String::new();
    for family in snapshot.families.iter().filter(|family| !family.series.is_empty()) {
        header(&mut text, family, dialect);
        for series in &family.series {
            let labels = render(&snapshot.identity.complete(&series.labels));
            sample(&mut text, family, &labels, &series.value, dialect);
        }
    }
    if dialect == Dialect::OpenMetrics {
        text.push_str("# EOF\n");
    }
    text
}

fn header(text: &mut String, family: &FamilySnapshot, dialect: Dialect) {
    let total = if dialect == Dialect::Prometheus && family.kind == Kind::Counter { "_total" } else { "" };
    let name = &family.exposed.family;
    text.push_str("# HELP ");
    text.push_str(name);
    text.push_str(total);
    text.push(' ');
    if family.help.is_empty() {
        // A reader of the page, and the linters, expect a word on everything.
        let _ = write!(text, "The {} {}.", family.kind, family.name);
    } else {
        escape(text, &family.help, dialect == Dialect::OpenMetrics);
    }
    let _ = write!(text, "\n# TYPE {name}{total} {}\n", family.kind);
    if dialect == Dialect::OpenMetrics && !family.exposed.unit.is_empty() {
        let _ = writeln!(text, "# UNIT {name} {}", family.exposed.unit);
    }
}

fn sample(text: &mut String, family: &FamilySnapshot, labels: &str, value: &Reading, dialect: Dialect) {
    let (name, factor) = (&family.exposed.family, family.exposed.factor);
    match value {
        Reading::Counter(count) if factor == 1.0 => {
            let mut digits = itoa::Buffer::new();
            line(text, name, "_total", labels, "", digits.format(*count));
        }
        Reading::Counter(count) => line(text, name, "_total", labels, "", &number(*count as f64 * factor)),
        Reading::CounterFloat(count) => line(text, name, "_total", labels, "", &number(count * factor)),
        Reading::Gauge(value) => line(text, name, "", labels, "", &number(value * factor)),
        Reading::Distribution(distribution) => histogram(text, name, factor, labels, distribution, dialect),
        Reading::Summary(seen) => summary(text, name, factor, labels, seen, dialect),
    }
}

fn histogram(text: &mut String, name: &str, factor: f64, labels: &str, distribution: &Distribution, dialect: Dialect) {
    let exponential = distribution.buckets == Buckets::Exponential;
    let used = |count: &u64| *count > 0;
    let first = distribution.counts.iter().position(used).unwrap_or(0);
    let last = distribution.counts.iter().rposition(used).unwrap_or(0);
    let mut below = 0;
    let mut negative = false;
    for (index, (upper, count)) in distribution.buckets().enumerate() {
        below += count;
        // Of exponential buckets the powers of two are told, from just below the first that is
        // used to just above the last: exact bounds, and few of them.
        let octave = is_octave(index as u32) && index + 8 >= first && index < last + 8;
        if exponential && !octave && upper.is_finite() {
            continue;
        }
        negative |= upper < 0.0;
        let bound = if upper.is_finite() { number(upper * factor) } else { "+Inf".to_owned() };
        line(text, name, "_bucket", labels, &format!("le=\"{bound}\""), &below.to_string());
    }
    // OpenMetrics has no sum where it could fall.
    if !(negative && dialect == Dialect::OpenMetrics) {
        line(text, name, "_sum", labels, "", &number(distribution.sum * factor));
    }
    line(text, name, "_count", labels, "", &distribution.count.to_string());
}

fn summary(text: &mut String, name: &str, factor: f64, labels: &str, seen: &SummarySnapshot, dialect: Dialect) {
    // In OpenMetrics nothing of a summary can be negative.
    let fits = |value: f64| value >= 0.0 || dialect != Dialect::OpenMetrics;
    for (share, value) in &seen.quantiles {
        let value = value.unwrap_or(f64::NAN);
        if value.is_nan() || fits(value) {
            line(text, name, "", labels, &format!("quantile=\"{}\"", number(*share)), &number(value * factor));
        }
    }
    if fits(seen.min.unwrap_or(0.0)) {
        line(text, name, "_sum", labels, "", &number(seen.sum * factor));
    }
    line(text, name, "_count", labels, "", &seen.count.to_string());
}

fn line(text: &mut String, name: &str, suffix: &str, labels: &str, label: &str, value: &str) {
    text.push_str(name);
    text.push_str(suffix);
    if !labels.is_empty() || !label.is_empty() {
        text.push('{');
        text.push_str(labels);
        if !labels.is_empty() && !label.is_empty() {
            text.push(',');
        }
        text.push_str(label);
        text.push('}');
    }
    text.push(' ');
    text.push_str(value);
    text.push('\n');
}

fn render(labels: &LabelSet) -> String {
    let mut text = String::new();
    for (name, value) in labels.iter() {
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(&names::label_name(name));
        text.push_str("=\"");
        escape(&mut text, value, true);
        text.push('"');
    }
    text
}

fn escape(text: &mut String, raw: &str, quotes: bool) {
    for c in raw.chars() {
        match c {
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '"' if quotes => text.push_str("\\\""),
            c => text.push(c),
        }
    }
}

/// A number as both dialects want it; whole ones as `1.0`, which is what bounds must look like.
fn number(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
    } else {
        format!("{value:?}")
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
