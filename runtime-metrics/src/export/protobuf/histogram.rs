//! Histograms as messages: the classic buckets that the text formats have, and native ones.

use super::examples::Examples;
use super::message::{Bucket, BucketSpan, Histogram};
use crate::exemplar::Exemplar;
use crate::export::native::{self, SCHEMA, ZERO_THRESHOLD};
use crate::export::shown::Shown;
use crate::metric::Buckets;

/// What a histogram has seen.
#[derive(Clone, Copy)]
pub(super) struct Seen<'a> {
    pub(super) buckets: Buckets,
    pub(super) counts: &'a [u64],
    pub(super) sum: f64,
    /// What a value is multiplied by.
    pub(super) factor: f64,
    /// In the order of their values.
    pub(super) exemplars: &'a [Exemplar],
}

impl Histogram {
    /// Becomes what was seen.
    pub(super) fn tell(&mut self, seen: &Seen<'_>, examples: &mut Examples) {
        self.sample_sum = seen.sum * seen.factor;
        self.classic(seen, examples);
        self.schema = None;
        self.zero_threshold = None;
        self.zero_count = None;
        self.positive_span.clear();
        self.positive_delta.clear();
        // A bound that is brought to another unit is a bound of no schema.
        if seen.buckets == Buckets::Exponential && seen.factor == 1.0 {
            self.native(seen.counts);
        }
    }

    fn classic(&mut self, seen: &Seen<'_>, examples: &mut Examples) {
        let Seen { buckets, counts, factor, mut exemplars, .. } = *seen;
        self.bucket.clear();
        // As many as there can be: who has more than another needs no more.
        self.bucket.reserve(Buckets::MAX + 1);
        let shown = Shown::of(buckets, counts);
        let (mut below, mut lower) = (0, f64::NEG_INFINITY);
        for (index, count) in counts.iter().enumerate() {
            below += count;
            let ends = index + 1 == counts.len();
            if !shown.tells(index) {
                continue;
            }
            let upper = buckets.upper(index as u32);
            let here = exemplars.split_off(..exemplars.partition_point(|one| one.value <= upper)).unwrap_or_default();
            // Brought to the base unit, a value just above a bound may be rounded to that bound.
            let example = here.last().filter(|one| one.value * factor > lower);
            lower = upper * factor;
            // The count of all is that of the last bucket, which is there for its exemplar only.
            if !ends || example.is_some() {
                let exemplar = example.map(|one| examples.take(one, factor));
                self.bucket.push(Bucket { cumulative_count: below, upper_bound: lower, exemplar });
            }
        }
        self.sample_count = below;
    }

    fn native(&mut self, counts: &[u64]) {
        self.schema = Some(SCHEMA);
        self.zero_threshold = Some(ZERO_THRESHOLD);
        self.zero_count = counts.first().copied();
        self.positive_delta.reserve(counts.len());
        self.positive_span.reserve(counts.len());
        let span = |offset, length| BucketSpan { offset, length };
        native::tell(counts, &mut self.positive_span, &mut self.positive_delta, span, |span| &mut span.length);
        if self.positive_span.is_empty() {
            // It says that these are native buckets, though none is used.
            self.positive_span.push(BucketSpan::default());
        }
    }

    /// Gives back what can be used again, once it is written.
    pub(super) fn written(&mut self, examples: &mut Examples) {
        examples.give(self.bucket.iter_mut().filter_map(|bucket| bucket.exemplar.take()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::Histogram as Recorded;
    use std::time::SystemTime;

    fn told(buckets: Buckets, counts: &[u64], factor: f64, exemplars: &[Exemplar]) -> Histogram {
        let mut histogram = Histogram::default();
        let seen = Seen { buckets, counts, sum: 5.0, factor, exemplars };
        // What was told before leaves nothing behind.
        let full = vec![1; Buckets::Exponential.len() as usize];
        let before = Seen { buckets: Buckets::Exponential, counts: &full, sum: 1.0, factor: 1.0, exemplars: &[] };
        let mut examples = Examples::default();
        histogram.tell(&before, &mut examples);
        histogram.tell(&seen, &mut examples);
        histogram
    }

    fn example(value: f64) -> Exemplar {
        Exemplar { trace_id: [1; 16], span_id: [2; 8], value, time: SystemTime::UNIX_EPOCH }
    }

    fn classic(histogram: &Histogram) -> Vec<(f64, u64, Option<f64>)> {
        let exemplar = |bucket: &Bucket| bucket.exemplar.as_ref().map(|one| one.value);
        histogram.bucket.iter().map(|one| (one.upper_bound, one.cumulative_count, exemplar(one))).collect()
    }

    /// The counts of native buckets by their numbers, as the format defines these.
    fn native(histogram: &Histogram) -> Vec<(i32, i64)> {
        let (mut deltas, mut number, mut count) = (histogram.positive_delta.iter(), 0, 0);
        let mut counts = Vec::new();
        for row in &histogram.positive_span {
            number += row.offset;
            for _ in 0..row.length {
                count += deltas.next().unwrap();
                counts.push((number, count));
                number += 1;
            }
        }
        assert!(deltas.next().is_none());
        counts
    }

    fn exponential(values: &[f64]) -> Vec<u64> {
        let mut counts = vec![0; Buckets::Exponential.len() as usize];
        for value in values {
            counts[Buckets::Exponential.index(*value) as usize] += 1;
        }
        counts
    }

    #[test]
    fn declared_buckets_are_cumulative_and_the_last_is_told_by_the_count() {
        let buckets = Buckets::Explicit(&[1.0, 10.0]);
        let histogram = told(buckets, &[1, 0, 2], 1e-3, &[]);
        assert_eq!(classic(&histogram), [(1e-3, 1, None), (1e-2, 1, None)]);
        assert_eq!((histogram.sample_count, histogram.sample_sum), (3, 5e-3));
        assert_eq!((histogram.schema, histogram.zero_threshold, histogram.zero_count), (None, None, None));
        assert!(histogram.positive_span.is_empty() && histogram.positive_delta.is_empty());
    }

    #[test]
    fn an_exemplar_is_with_its_bucket_and_brings_the_last_one_along() {
        let buckets = Buckets::Explicit(&[1.0, 10.0]);
        let histogram = told(buckets, &[1, 0, 2], 1.0, &[example(0.5), example(1e3)]);
        assert_eq!(classic(&histogram), [(1.0, 1, Some(0.5)), (10.0, 1, None), (f64::INFINITY, 3, Some(1e3))]);
    }

    #[test]
    fn a_native_bucket_holds_what_the_schema_says() {
        // Far apart, so that each value has a row of its own.
        let values = [1e-9, 3e-5, 0.02, 0.5, 0.75, 1.0, 1.5, 4.0, 1e3, 2f64.powi(40)];
        let histogram = told(Buckets::Exponential, &exponential(&values), 1.0, &[]);
        assert_eq!(
            (histogram.schema, histogram.zero_threshold, histogram.zero_count),
            (Some(3), Some(2f64.powi(-30)), Some(0))
        );
        let found: Vec<i32> = native(&histogram).iter().filter(|(_, count)| *count > 0).map(|(at, _)| *at).collect();
        assert_eq!(found.len(), values.len());
        for (number, value) in found.into_iter().zip(values) {
            let bound = |number: i32| 2f64.powf(f64::from(number) / 8.0);
            assert!(bound(number - 1) < value && value <= bound(number), "{value} in {number}");
        }
    }

    #[test]
    fn rows_go_on_over_short_gaps_and_end_at_long_ones() {
        let mut counts = exponential(&[]);
        let one = Buckets::Exponential.index(1.0) as usize;
        for (number, count) in [(0, 5), (1, 2), (4, 7), (8, 1), (9, 1)] {
            counts[one + number] = count;
        }
        let histogram = told(Buckets::Exponential, &counts, 1.0, &[]);
        let rows: Vec<_> = histogram.positive_span.iter().map(|row| (row.offset, row.length)).collect();
        assert_eq!(rows, [(0, 5), (3, 2)]);
        assert_eq!(histogram.positive_delta, [5, -3, -2, 0, 7, -6, 0]);
        assert_eq!(native(&histogram), [(0, 5), (1, 2), (2, 0), (3, 0), (4, 7), (8, 1), (9, 1)]);
    }

    #[test]
    fn what_is_too_small_is_zero_and_what_is_too_large_is_just_above() {
        let histogram = told(Buckets::Exponential, &exponential(&[0.0, -3.0, 2f64.powi(-30), 1e300]), 1.0, &[]);
        assert_eq!(histogram.zero_count, Some(3));
        assert_eq!(native(&histogram), [(40 * 8 + 1, 1)]);
        let counts: u64 = native(&histogram).iter().map(|(_, count)| *count as u64).sum();
        assert_eq!(histogram.sample_count, counts + 3);
    }

    #[test]
    fn one_that_has_seen_nothing_is_native_as_well() {
        let histogram = told(Buckets::Exponential, &exponential(&[]), 1.0, &[]);
        assert_eq!(histogram.positive_span, [BucketSpan { offset: 0, length: 0 }]);
        assert_eq!((histogram.schema, histogram.zero_count, histogram.sample_count), (Some(3), Some(0), 0));
        assert!(histogram.positive_delta.is_empty());
    }

    #[test]
    fn one_that_is_brought_to_another_unit_has_classic_buckets_only() {
        let histogram = told(Buckets::Exponential, &exponential(&[3.0]), 1e-3, &[]);
        assert_eq!((histogram.schema, histogram.zero_threshold, histogram.zero_count), (None, None, None));
        assert!(histogram.positive_span.is_empty() && histogram.positive_delta.is_empty());
        let bounds = [(2.0, 0), (4.0, 1), (8.0, 1), (16.0, 1), (32.0, 1)];
        assert_eq!(classic(&histogram), bounds.map(|(bound, count)| (bound * 1e-3, count, None)));
    }

    #[test]
    fn all_of_a_recorded_histogram_is_in_one_bucket_or_another() {
        let recorded = Recorded::new("protobuf_recorded", "Values.").register();
        (0..10_000).for_each(|value| recorded.observe(f64::from(value) * 0.37));
        let seen = recorded.distribution();
        let histogram = told(seen.buckets, &seen.counts, 1.0, &[]);
        let counts: u64 = native(&histogram).iter().map(|(_, count)| *count as u64).sum();
        assert_eq!(counts + histogram.zero_count.unwrap(), 10_000);
        assert_eq!(histogram.bucket.last().unwrap().cumulative_count, 10_000);
    }
}
