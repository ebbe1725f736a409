//! Which samples a series consists of: so much has to be kept to take them back.

use crate::export::shown::Shown;
use crate::metric::{Buckets, Kind};
use crate::names::Exposed;
use crate::snapshot::Reading;
use std::collections::HashSet;

/// What the samples of a series are, but for their values.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shape {
    /// One, with this behind its name.
    Number(&'static str),
    /// These shares, the sum and the count.
    Summary(Vec<f64>),
    /// The buckets that are told, the sum and the count.
    Classic(Buckets, Shown),
    /// All in one native histogram.
    Native,
}

/// What tells a sample of a series from its others: what its name ends in, and the label that it
/// has besides.
pub(super) type Part = (&'static str, Option<(&'static str, String)>);

impl Shape {
    pub(super) fn of(kind: Kind, reading: &Reading, factor: f64, native: bool) -> Self {
        match reading {
            Reading::Counter(_) | Reading::CounterFloat(_) | Reading::Gauge(_) => {
                Self::Number(if kind == Kind::Counter { "_total" } else { "" })
            }
            Reading::Summary(seen) => Self::Summary(seen.quantiles.iter().map(|(share, _)| *share).collect()),
            // Native buckets end at powers of two in the unit in which they are told.
            Reading::Distribution(seen) if native && factor == 1.0 && seen.buckets == Buckets::Exponential => {
                Self::Native
            }
            Reading::Distribution(seen) => Self::Classic(seen.buckets, Shown::of(seen.buckets, &seen.counts)),
        }
    }

    /// In the order of `values`.
    pub(super) fn parts(&self, factor: f64) -> Vec<Part> {
        let totals = [("_sum", None), ("_count", None)];
        match self {
            Self::Number(suffix) => vec![(suffix, None)],
            Self::Native => vec![("", None)],
            Self::Summary(shares) => {
                let shares = shares.iter().map(|share| ("", Some(("quantile", number(*share)))));
                shares.chain(totals).collect()
            }
            Self::Classic(buckets, shown) => {
                let told = (0..buckets.len()).filter(|at| shown.tells(*at as usize));
                let bounds = told.map(|at| ("_bucket", Some(("le", number(buckets.upper(at) * factor)))));
                bounds.chain(totals).collect()
            }
        }
    }

    /// What this has and another shape of the same series has not.
    pub(super) fn parts_not_in(&self, other: Option<&Self>, factor: f64) -> Vec<Part> {
        match other {
            Some(other) if self == other => Vec::new(),
            Some(other) => {
                let others: HashSet<Part> = other.parts(factor).into_iter().collect();
                self.parts(factor).into_iter().filter(|part| !others.contains(part)).collect()
            }
            None => self.parts(factor),
        }
    }

    /// What the samples say, in the base unit; nothing of a native histogram.
    pub(super) fn values(&self, reading: &Reading, exposed: &Exposed) -> Vec<f64> {
        let factor = exposed.factor;
        match (self, reading) {
            (_, Reading::Counter(count)) => vec![*count as f64 * factor],
            (_, Reading::CounterFloat(value) | Reading::Gauge(value)) => vec![value * factor],
            (_, Reading::Summary(seen)) => {
                let quantiles = seen.quantiles.iter().map(|(_, value)| value.unwrap_or(f64::NAN) * factor);
                quantiles.chain([seen.sum * factor, seen.count as f64]).collect()
            }
            (Self::Classic(_, shown), Reading::Distribution(seen)) => {
                below(*shown, &seen.counts).chain([seen.sum * factor, seen.count as f64]).collect()
            }
            (_, Reading::Distribution(_)) => Vec::new(),
        }
    }
}

/// How many values each of the buckets that are told does not exceed.
fn below(shown: Shown, counts: &[u64]) -> impl Iterator<Item = f64> {
    let below = counts.iter().scan(0, |below, count| {
        *below += count;
        Some(*below)
    });
    below.enumerate().filter(move |(at, _)| shown.tells(*at)).map(|(_, below): (usize, u64)| below as f64)
}

/// A number as the text formats write it, so that a label is the same whichever way it came.
fn number(value: f64) -> String {
    if value == f64::INFINITY { "+Inf".to_owned() } else { format!("{value:?}") }
}
