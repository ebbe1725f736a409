//! Which buckets of a histogram are told where each is told by its bound: by the text formats, and as classic ones.

use crate::metric::{Buckets, is_octave, octave};

/// The buckets that are told. The last one always is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Shown {
    buckets: Buckets,
    /// Of exponential ones, the first power of two that is told, and where they end.
    from: usize,
    to: usize,
}

/// Of exponential buckets one in so many ends at a power of two.
const OCTAVE: usize = 8;

/// Where they end: at the first of these powers of two that is above all values. Whoever adds up series takes a bound
/// that one of them does not tell for a zero; below the first value that is right, and above the last it is not. So
/// series end where others of their kind do: of seconds, at 32 nearly always.
const ENDS: [usize; 5] = [octave(5), octave(10), octave(20), octave(30), octave(40)];

impl Shown {
    /// Of declared buckets all. Of exponential ones the powers of two, from just below the first that is used on:
    /// exact bounds, and few of them.
    pub(super) fn of(buckets: Buckets, counts: &[u64]) -> Self {
        if buckets != Buckets::Exponential {
            return Self { buckets, from: 0, to: usize::MAX };
        }
        let used = |count: &u64| *count > 0;
        let lowest = counts.iter().position(used).unwrap_or(0);
        let highest = counts.iter().rposition(used).unwrap_or(0);
        let from = lowest.saturating_sub(OCTAVE).next_multiple_of(OCTAVE);
        // Of a series without values nothing is missed.
        let end = if highest == 0 { 0 } else { ENDS.into_iter().find(|end| highest <= *end).unwrap_or(usize::MAX - 1) };
        Self { buckets, from, to: end + 1 }
    }

    /// Whether this one is told.
    #[inline]
    pub(super) fn tells(&self, index: usize) -> bool {
        let power = self.buckets != Buckets::Exponential || is_octave(index as u32);
        power && (self.from..self.to).contains(&index) || index + 1 == self.buckets.len() as usize
    }
}
