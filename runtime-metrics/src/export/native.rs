//! Exponential buckets as the native histograms of Prometheus have them.

/// The schema whose buckets are ours: eight for each power of two.
pub(super) const SCHEMA: i32 = 3;

/// Up to this value, 2^-30, all is in the zero bucket: the upper bound of our first one.
pub(super) const ZERO_THRESHOLD: f64 = 1.0 / (1 << 30) as f64;

/// What the number of one of our buckets and the index of the native one that ends where it does
/// are apart: index 0 ends at 1, ours at 2^-30 and eight for each power of two come before.
const APART: i32 = 30 * 8;

/// Up to so many empty buckets are told as such, for they take less room than a new span.
const GAP: usize = 2;

/// Appends the buckets of a native histogram that are used: how far each run of buckets is from the end of the
/// one before, the first from index 0, and how many there are in it; and by how much each bucket has more than
/// the one before. A message has its own type of runs, which `run` makes and `length` looks into.
///
/// The first bucket of ours, with zero and whatever is negative, is the zero bucket, which is told apart; the last,
/// of what is above 2^40, is the one that begins there: native buckets end only where floats do.
pub(super) fn tell<Run>(
    counts: &[u64],
    runs: &mut Vec<Run>,
    deltas: &mut Vec<i64>,
    run: impl Fn(i32, u32) -> Run,
    length: impl Fn(&mut Run) -> &mut u32,
) {
    // Where a run that is told would go on: at first there is none.
    let (mut next, mut before) = (None, 0);
    for (at, count) in counts.iter().enumerate().skip(1).filter(|(_, count)| **count > 0) {
        match (next, runs.last_mut()) {
            (Some(next), Some(last)) if at - next <= GAP => {
                for _ in next..at {
                    deltas.push(-std::mem::take(&mut before));
                }
                *length(last) += (at - next) as u32 + 1;
            }
            _ => runs.push(run(next.map_or(at as i32 - APART, |next| (at - next) as i32), 1)),
        }
        let count = *count as i64;
        deltas.push(count - before);
        before = count;
        next = Some(at + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::Buckets;

    const BUCKETS: Buckets = Buckets::Exponential;

    fn counts(used: &[(usize, u64)]) -> Vec<u64> {
        let mut counts = vec![0; BUCKETS.len() as usize];
        for (at, count) in used {
            counts[*at] = *count;
        }
        counts
    }

    fn told(counts: &[u64]) -> (Vec<(i32, u32)>, Vec<i64>) {
        let (mut runs, mut deltas) = (Vec::new(), Vec::new());
        tell(counts, &mut runs, &mut deltas, |offset, length| (offset, length), |(_, length)| length);
        (runs, deltas)
    }

    /// Index and count of each bucket, as a reader finds them.
    fn read((runs, deltas): &(Vec<(i32, u32)>, Vec<i64>)) -> Vec<(i32, i64)> {
        let (mut index, mut count) = (0, 0);
        let mut deltas = deltas.iter();
        let mut read = Vec::new();
        for (offset, length) in runs {
            index += offset;
            for _ in 0..*length {
                count += deltas.next().unwrap();
                read.push((index, count));
                index += 1;
            }
        }
        assert_eq!(deltas.next(), None);
        read.retain(|(_, count)| *count != 0);
        read
    }

    #[test]
    fn the_index_of_every_bucket_ends_where_the_bucket_does() {
        assert_eq!(BUCKETS.upper(0), ZERO_THRESHOLD);
        for at in 1..BUCKETS.len() {
            let [(index, 1)] = read(&told(&counts(&[(at as usize, 1)])))[..] else { panic!("{at}") };
            let upper = 2f64.powf(f64::from(index) / 2f64.powi(SCHEMA));
            assert!(
                (upper / BUCKETS.upper(at) - 1.0).abs() < 1e-12 || at == BUCKETS.len() - 1 && upper > 2f64.powi(40),
                "{at}: {upper}"
            );
        }
    }

    #[test]
    fn what_is_used_comes_back_whatever_lies_between() {
        let used = [(0, 7), (1, 5), (2, 3), (5, 9), (9, 2), (240, 1), (241, 4), (560, 8), (561, 6)];
        let native = told(&counts(&used));
        let expected: Vec<(i32, i64)> = used[1..].iter().map(|(at, count)| (*at as i32 - 240, *count as i64)).collect();
        assert_eq!(read(&native), expected);
        // Two empty buckets are bridged, three are not.
        assert_eq!(native.0, [(-239, 5), (3, 1), (230, 2), (318, 2)]);
        assert_eq!(native.1, [5, -2, -3, 0, 9, -7, -1, 3, 4, -2]);
    }

    #[test]
    fn without_values_there_are_no_spans() {
        assert_eq!(told(&counts(&[(0, 5)])), Default::default());
        assert_eq!(told(&[]), Default::default());
    }
}
