//! Which bucket a value falls into: declared bounds, or base-2 exponential without any.

/// How a histogram divides its values.
///
/// ```
/// use runtime_metrics::Buckets;
///
/// let declared = Buckets::Explicit(&[0.1, 1.0, 10.0]);
/// let automatic = Buckets::Exponential;
/// assert_ne!(declared, automatic);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Buckets {
    /// Upper bounds (inclusive), in rising order, without the last one, which is always `+Inf`.
    Explicit(&'static [f64]),
    /// Eight buckets per power of two, so a quantile is at most 4.5 % off. Every eighth bound is a
    /// power of two and is exported as an exact classic `le` bound.
    Exponential,
}

/// What is wrong with a list of bounds. In a macro it is told at compile time.
///
/// ```
/// use runtime_metrics::{Buckets, BucketError};
///
/// assert_eq!(Buckets::check(&[1.0, 1.0]), Err(BucketError::NotRising { index: 1 }));
/// assert_eq!(Buckets::check(&[]), Err(BucketError::Empty));
/// assert_eq!(Buckets::check(&[0.1, 1.0]), Ok(()));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BucketError {
    /// There are no bounds.
    Empty,
    /// There are more than [`Buckets::MAX`] bounds.
    TooMany,
    /// A bound is not a number, or infinite (`+Inf` is added by itself).
    NotFinite {
        /// Position of the bound.
        index: usize,
    },
    /// A bound is not above the one before it.
    NotRising {
        /// Position of the bound.
        index: usize,
    },
}

impl std::fmt::Display for BucketError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Empty => f.write_str("there are no bounds; give at least one, or leave the buckets out"),
            Self::TooMany => {
                write!(f, "there are more than {} bounds; use fewer, or leave the buckets out", Buckets::MAX)
            }
            Self::NotFinite { index } => write!(f, "bound {index} is not finite; remove it (+Inf is added by itself)"),
            Self::NotRising { index } => write!(f, "bound {index} is not above the one before it; sort the bounds"),
        }
    }
}

impl std::error::Error for BucketError {}

impl Buckets {
    /// The most bounds a histogram can have: with its sums it then fills one page of slots.
    pub const MAX: usize = 120;

    /// Whether bounds can be used.
    ///
    /// # Errors
    ///
    /// Says which bound is wrong and how to mend it.
    pub const fn check(bounds: &[f64]) -> Result<(), BucketError> {
        if bounds.is_empty() {
            return Err(BucketError::Empty);
        }
        if bounds.len() > Self::MAX {
            return Err(BucketError::TooMany);
        }
        let mut index = 0;
        while index < bounds.len() {
            if !bounds[index].is_finite() {
                return Err(BucketError::NotFinite { index });
            }
            if index > 0 && bounds[index] <= bounds[index - 1] {
                return Err(BucketError::NotRising { index });
            }
            index += 1;
        }
        Ok(())
    }

    /// How many buckets there are, the last one (up to `+Inf`) included.
    pub(crate) const fn len(&self) -> u32 {
        match self {
            Self::Explicit(bounds) => bounds.len() as u32 + 1,
            Self::Exponential => EXPONENTIAL_LEN,
        }
    }

    /// The bucket of a finite value.
    #[inline]
    pub(crate) fn index(&self, value: f64) -> u32 {
        match self {
            Self::Explicit(bounds) => explicit_index(bounds, value),
            Self::Exponential => exponential_index(value),
        }
    }

    /// The bucket that the text formats show this one as a part of: of exponential ones, the one up
    /// to the next power of two.
    pub(crate) fn shown(&self, index: u32) -> u32 {
        match self {
            Self::Explicit(_) => index,
            Self::Exponential => index.next_multiple_of(PER_OCTAVE).min(EXPONENTIAL_LEN - 1),
        }
    }

    /// The inclusive upper bound of bucket `index`; infinite for the last.
    pub(crate) fn upper(&self, index: u32) -> f64 {
        match self {
            Self::Explicit(bounds) => bounds.get(index as usize).copied().unwrap_or(f64::INFINITY),
            Self::Exponential if index + 1 >= EXPONENTIAL_LEN => f64::INFINITY,
            Self::Exponential => exponential_upper(index),
        }
    }
}

fn explicit_index(bounds: &[f64], value: f64) -> u32 {
    bounds.partition_point(|bound| *bound < value) as u32
}

/// Buckets in each power of two.
const PER_OCTAVE: u32 = 8;
/// Values up to 2^LOWEST share the first bucket: about 0.9 ns where the unit is seconds.
const LOWEST: i32 = -30;
/// Values above 2^HIGHEST share the last bucket: about 1.1e12, that is a terabyte in bytes.
const HIGHEST: i32 = 40;
const EXPONENTIAL_LEN: u32 = (HIGHEST - LOWEST) as u32 * PER_OCTAVE + 2;

/// The fraction bits of 2^(i/8), the lower bounds of an octave's buckets.
const FRACTIONS: [u64; PER_OCTAVE as usize] = [
    1.0f64.to_bits() & FRACTION,
    1.090_507_732_665_257_7f64.to_bits() & FRACTION,
    1.189_207_115_002_721f64.to_bits() & FRACTION,
    1.296_839_554_651_009_6f64.to_bits() & FRACTION,
    std::f64::consts::SQRT_2.to_bits() & FRACTION,
    1.542_210_825_407_940_7f64.to_bits() & FRACTION,
    1.681_792_830_507_429f64.to_bits() & FRACTION,
    1.834_008_086_409_342_4f64.to_bits() & FRACTION,
];
const FRACTION: u64 = (1 << 52) - 1;
const BIAS: i32 = 1023;

/// Eighth of an octave -> the first bucket in it, and the one bound that can lie inside it.
const EIGHTHS: [(u32, u64); 8] = {
    let mut eighths = [(0, u64::MAX); 8];
    let mut eighth = 0;
    while eighth < 8 {
        let low = (eighth as u64) << 49;
        let mut bucket = 0;
        while bucket + 1 < FRACTIONS.len() && FRACTIONS[bucket + 1] <= low {
            bucket += 1;
        }
        let inside = if bucket + 1 < FRACTIONS.len() { FRACTIONS[bucket + 1] } else { u64::MAX };
        eighths[eighth] = (bucket as u32, inside);
        eighth += 1;
    }
    eighths
};

#[inline(always)]
pub(super) fn exponential_index(value: f64) -> u32 {
    if value <= exponential_upper(0) {
        return 0;
    }
    // Upper bounds are inclusive: one step down makes them the start of the bucket above.
    let bits = value.to_bits() - 1;
    let octave = (bits >> 52) as i32 - BIAS - LOWEST;
    if octave >= HIGHEST - LOWEST {
        return EXPONENTIAL_LEN - 1;
    }
    let fraction = bits & FRACTION;
    let (bucket, inside) = EIGHTHS[(fraction >> 49) as usize];
    1 + octave as u32 * PER_OCTAVE + bucket + u32::from(fraction >= inside)
}

fn exponential_upper(index: u32) -> f64 {
    let (octave, step) = (index / PER_OCTAVE, index % PER_OCTAVE);
    let exponent = (LOWEST + octave as i32 + BIAS) as u64;
    f64::from_bits(exponent << 52 | FRACTIONS[step as usize])
}

/// The exponential bucket that ends at this power of two.
pub(crate) const fn octave(exponent: i32) -> usize {
    ((exponent - LOWEST) * PER_OCTAVE as i32) as usize
}

/// Whether the upper bound of this exponential bucket is a power of two.
pub(crate) const fn is_octave(index: u32) -> bool {
    index.is_multiple_of(PER_OCTAVE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_the_bucket_below_it() {
        let buckets = Buckets::Explicit(&[1.0, 2.0, 4.0]);
        let found: Vec<u32> = [-1.0, 0.0, 1.0, 1.5, 2.0, 4.0, 4.1].map(|value| buckets.index(value)).to_vec();
        assert_eq!(found, [0, 0, 0, 1, 1, 2, 3]);
    }

    #[test]
    fn few_and_many_bounds_agree() {
        static MANY: [f64; 100] = {
            let mut bounds = [0.0; 100];
            let mut i = 0;
            while i < 100 {
                bounds[i] = i as f64;
                i += 1;
            }
            bounds
        };
        for half in 0..80 {
            let value = f64::from(half) / 2.0;
            let few = MANY[..30].iter().filter(|bound| **bound < value).count() as u32;
            assert_eq!(explicit_index(&MANY[..30], value), few);
            assert_eq!(explicit_index(&MANY, value).min(30), few);
        }
    }

    #[test]
    fn every_exponential_bucket_holds_exactly_what_its_bounds_say() {
        let buckets = Buckets::Exponential;
        for index in 0..buckets.len() - 1 {
            let upper = buckets.upper(index);
            assert_eq!(buckets.index(upper), index, "upper bound {upper}");
            assert_eq!(buckets.index(f64::from_bits(upper.to_bits() + 1)), index + 1, "just above {upper}");
            assert!(upper < buckets.upper(index + 1));
        }
        assert_eq!(buckets.index(0.0), 0);
        assert_eq!(buckets.index(-5.0), 0);
        assert_eq!(buckets.index(f64::MAX), buckets.len() - 1);
    }

    #[test]
    fn every_eighth_exponential_bound_is_a_power_of_two() {
        let buckets = Buckets::Exponential;
        let octaves: Vec<f64> = (0..buckets.len() - 1).filter(|i| is_octave(*i)).map(|i| buckets.upper(i)).collect();
        assert!(octaves.contains(&0.25) && octaves.contains(&1.0) && octaves.contains(&1024.0));
        assert!(octaves.iter().all(|bound| bound.log2().fract() == 0.0));
    }

    #[test]
    fn a_bucket_is_shown_as_part_of_the_next_that_the_text_formats_have() {
        let buckets = Buckets::Exponential;
        for index in 0..buckets.len() {
            let shown = (index..buckets.len()).find(|at| is_octave(*at)).unwrap_or(buckets.len() - 1);
            assert_eq!(buckets.shown(index), shown);
        }
        assert_eq!(Buckets::Explicit(&[1.0, 2.0]).shown(1), 1);
    }

    #[test]
    fn neighbouring_exponential_bounds_are_nine_per_cent_apart() {
        let buckets = Buckets::Exponential;
        for index in 0..buckets.len() - 2 {
            let ratio = buckets.upper(index + 1) / buckets.upper(index);
            assert!((ratio - 2f64.powf(0.125)).abs() < 1e-12, "{ratio}");
        }
    }
}
