//! The report: findings, for people and for programs.

use std::fmt;
use std::time::SystemTime;

/// What is wrong with the program; see [`health`](crate::health()).
///
/// ```
/// let report = runtime_metrics::health();
/// println!("{report}");
/// # #[cfg(feature = "serde")]
/// println!("{}", serde_json::to_string(&report).unwrap());
/// ```
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct HealthReport {
    /// When it was made; on the wire RFC 3339 in UTC.
    #[cfg_attr(feature = "serde", serde(serialize_with = "timestamp"))]
    pub time: SystemTime,
    /// What is wrong, the worst first.
    pub findings: Vec<Finding>,
}

impl HealthReport {
    /// Whether nothing was found.
    ///
    /// ```
    /// let report = runtime_metrics::health();
    /// assert_eq!(report.is_healthy(), report.findings.is_empty());
    /// ```
    pub fn is_healthy(&self) -> bool {
        self.findings.is_empty()
    }

    /// The finding of this rule, such as `blocked_worker`.
    ///
    /// ```
    /// assert!(runtime_metrics::health().finding("no such rule").is_none());
    /// ```
    pub fn finding(&self, rule: &str) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.rule == rule)
    }
}

impl fmt::Display for HealthReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.findings.is_empty() {
            return f.write_str("healthy: nothing was found\n");
        }
        self.findings.iter().try_for_each(|finding| writeln!(f, "{finding}\n"))
    }
}

/// One thing that is wrong.
///
/// ```
/// for finding in runtime_metrics::health().findings {
///     println!("{}: {} {}", finding.rule, finding.summary, finding.advice);
/// }
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Finding {
    /// Which rule found it, such as `blocked_worker`: for alerts and tests.
    pub rule: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in a sentence.
    pub summary: String,
    /// The numbers that say so.
    pub evidence: Vec<Evidence>,
    /// What is likely behind it.
    pub cause: &'static str,
    /// What to do.
    pub advice: &'static str,
}

/// A number that says that something is wrong.
///
/// ```
/// let evidence = runtime_metrics::health().findings.into_iter().flat_map(|finding| finding.evidence);
/// evidence.for_each(|number| println!("{number}"));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Evidence {
    /// The metric, with its tags.
    pub metric: String,
    /// Its value, in the unit of the metric.
    pub value: f64,
    /// What it should not be beyond, where there is such a number.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub threshold: Option<f64>,
}

/// How bad a finding is.
///
/// ```
/// assert!(runtime_metrics::Severity::Critical > runtime_metrics::Severity::Warning);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum Severity {
    /// It will become a trouble, or makes things slow.
    Warning,
    /// Something does not work any more, or will not soon.
    Critical,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Warning => "warning",
            Self::Critical => "critical",
        })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, severity, summary, cause, advice, .. } = self;
        writeln!(f, "{severity}: {summary} [{rule}]")?;
        self.evidence.iter().try_for_each(|evidence| writeln!(f, "  {evidence}"))?;
        write!(f, "  likely: {cause}\n  what to do: {advice}")
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}", self.metric, short(self.value))?;
        self.threshold.map_or(Ok(()), |threshold| write!(f, " (should be at most {})", short(threshold)))
    }
}

/// Four digits are enough for people.
fn short(value: f64) -> f64 {
    let digits = 4 - value.abs().max(f64::MIN_POSITIVE).log10().ceil() as i32;
    let scale = 10f64.powi(digits.clamp(0, 12));
    (value * scale).round() / scale
}

#[cfg(feature = "serde")]
fn timestamp<S: serde::Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&humantime::format_rfc3339_millis(*time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_long_as_people_need_them() {
        let short = [0.123_456_789, 1_234_567.8, 99.99, 0.0, -0.000_012_345_6, 12.345_67].map(short);
        assert_eq!(short, [0.1235, 1_234_568.0, 99.99, 0.0, -0.000_012_35, 12.35]);
    }

    #[test]
    fn a_finding_reads_as_a_person_would_say_it() {
        let finding = Finding {
            rule: "open_fds",
            severity: Severity::Warning,
            summary: "910 of 1,024 descriptors are open".into(),
            evidence: vec![Evidence { metric: "process.open_fds".into(), value: 910.0, threshold: Some(819.2) }],
            cause: "sockets are not closed",
            advice: "close them",
        };
        let text = "warning: 910 of 1,024 descriptors are open [open_fds]\n  process.open_fds = 910 (should be at most 819.2)\n  likely: sockets are not closed\n  what to do: close them";
        assert_eq!(finding.to_string(), text);
    }
}
