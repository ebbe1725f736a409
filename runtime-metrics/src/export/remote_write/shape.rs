//! Which samples a series consists of: so much has to be kept to take them back.

use crate::metric::{Buckets, Kind};
use crate::names::Exposed;
use crate::snapshot::{Distribution, Reading};
use std::collections::HashSet;

/// What the samples of a series are, but for their values.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shape {
    /// One, with this behind its name.
    Number(&'static str),
    /// These shares, the sum and the count.
    Summary(Vec<f64>),
    /// The buckets that are told, the sum and the count.
    Classic(Shown),
    /// All in one native histogram.
    Native,
}

/// The buckets of a histogram that are told: those that the text formats show.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Shown {
    buckets: Buckets,
    /// Of exponential ones, the first power of two that is told, and where they end; all before the
    /// last, which is always told.
    from: usize,
    to: usize,
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
            Reading::Distribution(seen) => Self::Classic(Shown::of(seen)),
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
            Self::Classic(shown) => {
                let bound = |at| shown.buckets.upper(at as u32) * factor;
                shown.indices().map(|at| ("_bucket", Some(("le", number(bound(at)))))).chain(totals).collect()
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
            (Self::Classic(shown), Reading::Distribution(seen)) => {
                shown.below(&seen.counts).into_iter().chain([seen.sum * factor, seen.count as f64]).collect()
            }
            (_, Reading::Distribution(_)) => Vec::new(),
        }
    }
}

/// Of exponential buckets one in so many ends at a power of two.
const OCTAVE: usize = 8;

impl Shown {
    /// Of exponential buckets the powers of two are told, from just below the first that is used to
    /// just above the last.
    fn of(seen: &Distribution) -> Self {
        let last = seen.counts.len().saturating_sub(1);
        let (from, to) = if seen.buckets == Buckets::Exponential {
            let used = |count: &u64| *count > 0;
            let lowest = seen.counts.iter().position(used).unwrap_or(0);
            let highest = seen.counts.iter().rposition(used).unwrap_or(0);
            (lowest.saturating_sub(OCTAVE).next_multiple_of(OCTAVE), (highest + OCTAVE).next_multiple_of(OCTAVE))
        } else {
            (0, last)
        };
        Self { buckets: seen.buckets, from, to }
    }

    fn indices(self) -> impl Iterator<Item = usize> {
        let last = self.buckets.len() as usize - 1;
        let step = if self.buckets == Buckets::Exponential { OCTAVE } else { 1 };
        (self.from..self.to.min(last)).step_by(step).chain([last])
    }

    /// How many values each of them does not exceed.
    fn below(self, counts: &[u64]) -> Vec<f64> {
        let (mut below, mut next) = (0, 0);
        self.indices()
            .map(|at| {
                below += counts.iter().take(at + 1).skip(next).sum::<u64>();
                next = at + 1;
                below as f64
            })
            .collect()
    }
}

/// A number as the text formats write it, so that a label is the same whichever way it came.
fn number(value: f64) -> String {
    if value == f64::INFINITY { "+Inf".to_owned() } else { format!("{value:?}") }
}
