//! Which buckets of a histogram are told where each is told by its bound: by the text formats, and as classic ones.

use crate::metric::{Buckets, is_octave};

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

impl Shown {
    /// Of declared buckets all. Of exponential ones the powers of two, from just below the first that is used to
    /// just above the last: exact bounds, and few of them.
    pub(super) fn of(buckets: Buckets, counts: &[u64]) -> Self {
        if buckets != Buckets::Exponential {
            return Self { buckets, from: 0, to: usize::MAX };
        }
        let used = |count: &u64| *count > 0;
        let lowest = counts.iter().position(used).unwrap_or(0);
        let highest = counts.iter().rposition(used).unwrap_or(0);
        let from = lowest.saturating_sub(OCTAVE).next_multiple_of(OCTAVE);
        Self { buckets, from, to: (highest + OCTAVE).next_multiple_of(OCTAVE) }
    }

    /// Whether this one is told.
    #[inline]
    pub(super) fn tells(&self, index: usize) -> bool {
        let power = self.buckets != Buckets::Exponential || is_octave(index as u32);
        power && (self.from..self.to).contains(&index) || index + 1 == self.buckets.len() as usize
    }
}
