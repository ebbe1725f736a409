//! What a series gained between two readings.

use super::{Distribution, Reading, SummarySnapshot};

/// The difference between two readings of a series.
#[derive(Debug, PartialEq)]
pub(crate) enum Gain {
    Counter(f64),
    Gauge(f64),
    /// What was observed in between.
    Distribution(Distribution),
    /// How many values there were in between and their sum; the quantiles are of the window.
    Summary {
        count: u64,
        sum: f64,
    },
}

/// What was gained since `before`; since the start of the program if there is nothing before. A
/// series that has less than before was removed and started anew.
pub(crate) fn since(before: Option<&Reading>, now: &Reading) -> Gain {
    match (before, now) {
        (Some(Reading::Counter(before)), Reading::Counter(now)) if before <= now => {
            Gain::Counter((now - before) as f64)
        }
        (Some(Reading::CounterFloat(before)), Reading::CounterFloat(now)) if before <= now => {
            Gain::Counter(now - before)
        }
        (_, Reading::Counter(now)) => Gain::Counter(*now as f64),
        (_, Reading::CounterFloat(now)) => Gain::Counter(*now),
        (_, Reading::Gauge(now)) => Gain::Gauge(*now),
        (Some(Reading::Distribution(before)), Reading::Distribution(now)) if goes_on(before, now) => {
            Gain::Distribution(difference(before, now))
        }
        (_, Reading::Distribution(now)) => Gain::Distribution(now.clone()),
        (Some(Reading::Summary(before)), Reading::Summary(now)) if before.count <= now.count => {
            Gain::Summary { count: now.count - before.count, sum: now.sum - before.sum }
        }
        (_, Reading::Summary(SummarySnapshot { count, sum, .. })) => Gain::Summary { count: *count, sum: *sum },
    }
}

/// Whether a distribution has all that it had before.
fn goes_on(before: &Distribution, now: &Distribution) -> bool {
    before.counts.len() == now.counts.len() && before.counts.iter().zip(&now.counts).all(|(before, now)| before <= now)
}

/// What was observed in between. The extremes are exact where they are also those since the start,
/// and else the bounds of the outermost buckets that something fell into.
fn difference(before: &Distribution, now: &Distribution) -> Distribution {
    let counts = now.counts.iter().zip(&before.counts).map(|(now, before)| now.saturating_sub(*before));
    let counts: Vec<u64> = counts.collect();
    let lowest = counts.iter().position(|count| *count > 0);
    let highest = counts.iter().rposition(|count| *count > 0);
    let min = lowest.and_then(|at| {
        let lower = at.checked_sub(1).map_or(f64::NEG_INFINITY, |below| now.buckets.upper(below as u32));
        if now.min < before.min { now.min } else { now.min.map(|min| min.max(lower)) }
    });
    let max = highest.and_then(|at| {
        let upper = now.buckets.upper(at as u32);
        if now.max > before.max { now.max } else { now.max.map(|max| max.min(upper)) }
    });
    Distribution { count: counts.iter().sum(), sum: now.sum - before.sum, min, max, counts, buckets: now.buckets }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Histogram;

    #[test]
    fn a_counter_gains_the_difference_and_starts_anew_when_it_has_less() {
        let counter = |before, now| since(Some(&Reading::Counter(before)), &Reading::Counter(now));
        assert_eq!(counter(5, 8), Gain::Counter(3.0));
        assert_eq!(counter(8, 5), Gain::Counter(5.0));
        assert_eq!(since(None, &Reading::CounterFloat(2.5)), Gain::Counter(2.5));
        assert_eq!(since(Some(&Reading::Gauge(1.0)), &Reading::Gauge(-2.0)), Gain::Gauge(-2.0));
    }

    #[test]
    fn a_distribution_tells_what_was_observed_in_between() {
        let histogram = Histogram::new("interval_histogram", "Values.").register();
        (0..1000).for_each(|_| histogram.observe(1));
        let before = Reading::Distribution(histogram.distribution());
        (101..=200).for_each(|value| histogram.observe(value));
        let now = Reading::Distribution(histogram.distribution());
        let Gain::Distribution(gained) = since(Some(&before), &now) else { unreachable!() };
        assert_eq!((gained.count, gained.max), (100, Some(200.0)));
        assert_eq!(gained.sum, (101..=200).sum::<u64>() as f64);
        assert!(gained.min.is_some_and(|min| (90.0..=101.0).contains(&min)), "{:?}", gained.min);
        let median = gained.quantile(0.5).unwrap();
        assert!((median / 150.0 - 1.0).abs() < 0.05, "{median}");
        // Nothing in between: no value, no extremes.
        let Gain::Distribution(none) = since(Some(&now), &now) else { unreachable!() };
        assert_eq!((none.count, none.min, none.max, none.quantile(0.5)), (0, None, None, None));
    }

    #[test]
    fn a_distribution_that_began_anew_is_told_from_its_start() {
        let [old, new] = ["interval_old", "interval_new"].map(|name| Histogram::new(name, "Values.").register());
        (0..5).for_each(|_| old.observe(100));
        (0..6).for_each(|_| new.observe(1));
        let readings = [old, new].map(|histogram| Reading::Distribution(histogram.distribution()));
        let Gain::Distribution(gained) = since(Some(&readings[0]), &readings[1]) else { unreachable!() };
        assert_eq!((gained.count, gained.sum, gained.max), (6, 6.0, Some(1.0)));
    }

    #[test]
    fn the_largest_of_an_interval_is_not_the_largest_of_all_time() {
        let histogram = Histogram::new("interval_extremes", "Values.").register();
        histogram.observe(1000);
        histogram.observe(1);
        let before = Reading::Distribution(histogram.distribution());
        histogram.observe(10);
        let Gain::Distribution(gained) = since(Some(&before), &Reading::Distribution(histogram.distribution())) else {
            unreachable!()
        };
        let (min, max) = (gained.min.unwrap(), gained.max.unwrap());
        assert!((9.0..=10.0).contains(&min) && (10.0..=11.0).contains(&max), "{min} {max}");
    }
}
