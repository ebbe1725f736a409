//! Finding a bucket without a search: the leading bits of a value tell which bounds can be near it.

use super::Buckets;
use super::bounds::exponential_index;
use crate::lock::Mutex;
use std::sync::OnceLock;

/// What a list of bounds comes to, made once for each.
///
/// The values that agree in their leading bits have a cell, which knows the one bound that can be
/// among them. Bounds that are too near each other for that, or too far apart, have no cells.
#[derive(Debug)]
pub(crate) struct Table {
    buckets: Buckets,
    exponential: bool,
    /// What is shifted out of a float to have its leading bits.
    shift: u32,
    /// The leading bits of the values in the first cell, and in the last one counted from there.
    /// Smaller values are in the first cell as well, and larger ones in the last.
    first: i64,
    last: i64,
    cells: Box<[Near]>,
    nanos: OnceLock<NanosTable>,
}

/// A cell: the bits of the bound in it, which order as the bounds do, and the bucket up to that.
#[derive(Clone, Copy, Debug)]
struct Near {
    upper: u64,
    bucket: u32,
}

/// Where no bound is.
const NOWHERE: Near = Near { upper: u64::MAX, bucket: 0 };

/// The same for durations in seconds that are measured in whole nanoseconds.
#[derive(Debug)]
struct NanosTable {
    /// The last nanosecond of each bucket.
    uppers: Box<[u64]>,
    cells: Box<[u16]>,
}

/// Of a float: the exponent, and so many bits more as leave no two bounds in one cell.
const SHIFTS: std::ops::RangeInclusive<u32> = 44..=51;
const MOST_CELLS: i64 = 512;
/// Of an integer: three bits after the leading one.
const CELLS_PER_OCTAVE: u32 = 8;

impl Table {
    /// The table of these buckets.
    pub(crate) fn of(buckets: Buckets) -> &'static Self {
        static EXPONENTIAL: OnceLock<Table> = OnceLock::new();
        // As many as a program has different lists of bounds.
        static EXPLICIT: Mutex<Vec<&'static Table>> = Mutex::new(Vec::new());
        if buckets == Buckets::Exponential {
            return EXPONENTIAL.get_or_init(|| Self::new(buckets));
        }
        let mut tables = EXPLICIT.lock();
        if let Some(known) = tables.iter().find(|table| table.buckets == buckets) {
            return known;
        }
        let table = Box::leak(Box::new(Self::new(buckets)));
        tables.push(table);
        table
    }

    fn new(buckets: Buckets) -> Self {
        let bounds = if let Buckets::Explicit(bounds) = buckets { bounds } else { &[] };
        // The fewest cells that tell all bounds apart.
        let table = SHIFTS.rev().find_map(|shift| Self::with(buckets, bounds, shift));
        table.unwrap_or_else(|| Self { cells: [].into(), ..Self::of_none(buckets) })
    }

    fn of_none(buckets: Buckets) -> Self {
        Self {
            buckets,
            exponential: buckets == Buckets::Exponential,
            shift: *SHIFTS.end(),
            first: 0,
            last: 0,
            cells: [NOWHERE].into(),
            nanos: OnceLock::new(),
        }
    }

    /// For values above zero; `None` if there are too many cells, or two bounds in one.
    fn with(buckets: Buckets, bounds: &[f64], shift: u32) -> Option<Self> {
        let leading = |bound: f64| bound.to_bits() as i64 >> shift;
        let below = bounds.partition_point(|bound| *bound <= 0.0);
        let mut positive = bounds.iter().copied().skip(below);
        let Some(smallest) = positive.next() else {
            let near = Near { bucket: below as u32, ..NOWHERE };
            return Some(Self { cells: [near].into(), ..Self::of_none(buckets) });
        };
        let first = leading(smallest);
        let last = leading(positive.last().unwrap_or(smallest)) - first + 1;
        if last >= MOST_CELLS {
            return None;
        }
        let cell = |at: i64| {
            let start = f64::from_bits(((first + at) as u64) << shift);
            let bucket = if at == 0 { below } else { bounds.partition_point(|bound| *bound < start) };
            let end = f64::from_bits(((first + at + 1) as u64) << shift);
            let one = bounds.get(bucket + 1).is_none_or(|bound| *bound >= end);
            let upper = bounds.get(bucket).copied().unwrap_or(f64::INFINITY).to_bits();
            one.then_some(Near { upper, bucket: bucket as u32 })
        };
        let cells = (0..=last).map(cell).collect::<Option<_>>()?;
        Some(Self { shift, first, last, cells, ..Self::of_none(buckets) })
    }

    pub(crate) fn buckets(&self) -> Buckets {
        self.buckets
    }

    /// The bucket of a finite value.
    pub(crate) fn index(&self, value: f64) -> u32 {
        self.buckets.index(value)
    }

    /// The bits of the first value that `index_usual` may be asked about: 0 has a bucket of its own
    /// where it is a bound.
    pub(crate) fn first_usual(&self) -> u64 {
        if let Buckets::Explicit(bounds) = self.buckets { u64::from(bounds.contains(&0.0)) } else { 0 }
    }

    /// The bucket of a finite value that is not negative, if that needs no search.
    #[inline(always)]
    pub(crate) fn index_usual(&self, value: f64) -> Option<u32> {
        if self.exponential {
            return Some(exponential_index(value));
        }
        let bits = value.to_bits();
        let cell = ((bits >> self.shift) as i64 - self.first).max(0).min(self.last);
        let near = self.cells.get(cell as usize)?;
        Some(near.bucket + u32::from(bits > near.upper))
    }

    /// The bucket of a duration where the unit is seconds, and the first and last nanosecond of it.
    pub(crate) fn index_nanos(&self, nanos: u64) -> (u32, u64, u64) {
        let table = self.nanos.get_or_init(|| NanosTable::new(self.buckets));
        let mut bucket = table.cells.get(nanos_cell(nanos)).copied().map_or(0, usize::from);
        while table.uppers.get(bucket).is_some_and(|upper| *upper < nanos) {
            bucket += 1;
        }
        // A bucket of what is below zero has no nanoseconds, and is where 0 is not.
        let below = bucket.checked_sub(1).and_then(|below| table.uppers.get(below).copied());
        let first = below.map_or(0, |below| if below == u64::MAX { 0 } else { below + 1 });
        (bucket as u32, first.min(nanos), table.uppers.get(bucket).copied().unwrap_or(u64::MAX))
    }
}

fn nanos_cell(nanos: u64) -> usize {
    let exponent = (nanos | 1).ilog2();
    let step = (nanos << (63 - exponent) >> 60) as u32 & (CELLS_PER_OCTAVE - 1);
    (exponent * CELLS_PER_OCTAVE + step) as usize
}

impl NanosTable {
    fn new(buckets: Buckets) -> Self {
        let uppers: Box<[u64]> = (0..buckets.len()).map(|bucket| last_nanosecond(buckets.upper(bucket))).collect();
        let cells = (0..64 * CELLS_PER_OCTAVE).map(|cell| {
            let (exponent, step) = (cell / CELLS_PER_OCTAVE, u64::from(cell % CELLS_PER_OCTAVE));
            let start = (u128::from(u64::from(CELLS_PER_OCTAVE) + step) << exponent >> 3) as u64;
            let start = if cell < CELLS_PER_OCTAVE { 0 } else { start };
            buckets.index(start as f64 / 1e9) as u16
        });
        Self { cells: cells.collect(), uppers }
    }
}

/// The largest number of nanoseconds that, in seconds, is not above a bound.
fn last_nanosecond(upper: f64) -> u64 {
    if upper >= u64::MAX as f64 / 1e9 {
        return u64::MAX;
    }
    let mut last = (upper.max(0.0) * 1e9) as u64;
    while last > 0 && last as f64 / 1e9 > upper {
        last -= 1;
    }
    while (last + 1) as f64 / 1e9 <= upper {
        last += 1;
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTS: [&[f64]; 7] = [
        &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0],
        &[1.0],
        &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 7.5],
        &[-2.0, -1.0, 0.0, 1.0, 2.0],
        &[1e-9, 1e-8, 3e-8, 1e-3, 1e3, 1e9],
        &[1e-300, 1.0, 1e300],
        &[],
    ];

    fn tables() -> impl Iterator<Item = &'static Table> {
        LISTS.iter().map(|bounds| Table::of(Buckets::Explicit(bounds))).chain([Table::of(Buckets::Exponential)])
    }

    #[test]
    fn every_value_is_where_a_search_finds_it() {
        for table in tables() {
            let buckets = table.buckets();
            let mut searched = 0;
            let uppers = (0..buckets.len()).map(|at| buckets.upper(at));
            let near = uppers.flat_map(|upper| [upper, upper.next_up(), upper.next_down()]);
            let spread = (-400..400).map(|power| 1.37f64.powi(power));
            for value in near.chain(spread.clone()).chain(spread.map(|value| -value)).chain([0.0, -0.0]) {
                if value.is_finite() && value.is_sign_positive() && value.to_bits() >= table.first_usual() {
                    let near = table.index_usual(value);
                    assert!(near.is_none_or(|near| near == buckets.index(value)), "{value} in {buckets:?}");
                    searched += usize::from(near.is_none());
                }
            }
            // These are too far apart for a table.
            assert_eq!(searched > 0, buckets == Buckets::Explicit(&[1e-300, 1.0, 1e300]), "{buckets:?}");
        }
    }

    #[test]
    fn every_nanosecond_is_where_its_seconds_are() {
        for table in tables() {
            let buckets = table.buckets();
            let uppers = (0..buckets.len()).map(|at| last_nanosecond(buckets.upper(at)));
            let near = uppers.flat_map(|upper| [upper, upper.saturating_add(1), upper.saturating_sub(1)]);
            let spread = (0..63).flat_map(|power| [1 << power, (1 << power) + 1, (1u64 << power) - 1]);
            for nanos in near.chain(spread).chain([u64::MAX]) {
                let (bucket, first, last) = table.index_nanos(nanos);
                let at = |nanos: u64| buckets.index(nanos as f64 / 1e9);
                assert_eq!(bucket, at(nanos), "{nanos} in {buckets:?}");
                assert!((first..=last).contains(&nanos), "{nanos} in {first}..={last}");
                assert_eq!((at(first), at(last)), (bucket, bucket), "{first}..={last}");
            }
        }
    }
}
