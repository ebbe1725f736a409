//! How a metric is called: which names are allowed, and what a name becomes in each format.

mod built_in;

pub(crate) use built_in::{BUILT_IN, find};
pub use built_in::{BuiltIn, Otel};

use crate::metric::Kind;
use std::borrow::Cow;

/// Whether `name` can name a metric: a letter or `_`, then letters, digits, `_`, `.` or `:`.
///
/// # Errors
///
/// Says what is wrong and how to mend it.
pub(crate) fn check(name: &str) -> Result<(), String> {
    let mut chars = name.chars();
    let starts_well = chars.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_');
    if starts_well && chars.all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ':')) {
        return Ok(());
    }
    Err(format!(
        "`{name}` is not a valid metric name; use letters, digits, `_`, `.` and `:`, not starting with a digit, such as `{}`",
        mended(name)
    ))
}

/// The nearest valid name.
fn mended(name: &str) -> String {
    let mut mended: String = name
        .trim()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ':') { c } else { '_' })
        .collect();
    if mended.chars().next().is_none_or(|first| !(first.is_ascii_alphabetic() || first == '_')) {
        mended.insert(0, '_');
    }
    mended
}

/// What a metric is called in OpenMetrics and the Prometheus text format, and how its values are
/// brought to the base unit that those formats want.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Exposed {
    /// The family's name, with its unit, without `_total`.
    pub family: String,
    /// The base unit, empty where there is none; `family` then ends in it.
    pub unit: &'static str,
    /// What a value is multiplied by.
    pub factor: f64,
}

/// What a metric of a collector tells.
pub(crate) fn help(name: &str) -> &'static str {
    find(name).map_or("", |known| known.help)
}

/// Unit as written -> base unit and the factor that leads to it.
fn base_unit(unit: &str) -> (&'static str, f64) {
    match unit {
        "seconds" | "second" | "s" => ("seconds", 1.0),
        "milliseconds" | "millisecond" | "ms" => ("seconds", 1e-3),
        "microseconds" | "microsecond" | "us" => ("seconds", 1e-6),
        "nanoseconds" | "nanosecond" | "ns" => ("seconds", 1e-9),
        "bytes" | "byte" => ("bytes", 1.0),
        "percent" => ("ratio", 0.01),
        "ratio" => ("ratio", 1.0),
        _ => ("", 1.0),
    }
}

/// The exposed name of a metric.
pub(crate) fn exposed(name: &str, kind: Kind, unit: &str) -> Exposed {
    if let Some((family, unit, factor)) = find(name).and_then(|known| known.prometheus) {
        return Exposed { family: family.to_owned(), unit, factor };
    }
    let mut family = name.replace('.', "_");
    if kind == Kind::Counter
        && let Some(stem) = family.strip_suffix("_total")
    {
        family.truncate(stem.len());
    }
    let (unit, factor) = base_unit(unit);
    if !unit.is_empty() && !family.ends_with(&format!("_{unit}")) {
        // `latency_ms` in milliseconds becomes `latency_seconds`, not `latency_ms_seconds`.
        for written in ["milliseconds", "microseconds", "nanoseconds", "seconds", "ms", "us", "ns", "percent", "bytes"]
        {
            if let Some(stem) = family.strip_suffix(written).and_then(|stem| stem.strip_suffix('_')) {
                family.truncate(stem.len());
                break;
            }
        }
        family.push('_');
        family.push_str(unit);
    }
    Exposed { family, unit, factor }
}

/// The names that a metric can be called by in settings: its own, and those of its samples.
pub(crate) fn called(name: &str, exposed: &Exposed, kind: Kind) -> Vec<String> {
    let mut names = vec![name.to_owned()];
    names.extend(exposed.samples(kind));
    names
}

impl Exposed {
    /// Every sample name that a family of this name and kind writes or keeps reserved.
    pub(crate) fn samples(&self, kind: Kind) -> Vec<String> {
        let suffixes: &[&str] = match kind.read_as() {
            Kind::Counter => &["", "_total", "_created"],
            Kind::Gauge | Kind::Set | Kind::Rate => &[""],
            Kind::Summary => &["", "_count", "_sum", "_created"],
            Kind::Histogram => &["", "_bucket", "_count", "_sum", "_created"],
        };
        suffixes.iter().map(|suffix| format!("{}{suffix}", self.family)).collect()
    }
}

/// `text` as a label name: what is not allowed becomes `_`.
pub(crate) fn label_name(text: &str) -> Cow<'_, str> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let starts_well = text.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    if starts_well && text.chars().all(fits) {
        return Cow::Borrowed(text);
    }
    let mut name: String = text.chars().map(|c| if fits(c) { c } else { '_' }).collect();
    if !starts_well {
        name.insert(0, '_');
    }
    Cow::Owned(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str, kind: Kind, unit: &str) -> String {
        exposed(name, kind, unit).family
    }

    #[test]
    fn names_follow_what_prometheus_users_know() {
        assert_eq!(name("runtime.memory.rss", Kind::Gauge, "bytes"), "process_resident_memory_bytes");
        assert_eq!(name("orders_total", Kind::Counter, ""), "orders");
        assert_eq!(name("orders", Kind::Counter, ""), "orders");
        assert_eq!(name("checkout.latency", Kind::Histogram, "seconds"), "checkout_latency_seconds");
        assert_eq!(name("checkout_latency_seconds", Kind::Histogram, "seconds"), "checkout_latency_seconds");
        assert_eq!(name("wait_ms", Kind::Gauge, "milliseconds"), "wait_seconds");
        assert_eq!(exposed("wait_ms", Kind::Gauge, "milliseconds").factor, 1e-3);
    }

    #[test]
    fn a_bad_name_is_refused_with_a_good_one() {
        for (bad, good) in [("my metric", "my_metric"), ("1st", "_1st"), ("a-b", "a_b"), ("", "_")] {
            let error = check(bad).unwrap_err();
            assert!(error.contains(&format!("such as `{good}`")), "{error}");
        }
        assert!(check("http.requests:rate_5m").is_ok());
    }
}
