//! The exemplars of a series: under which slots they are kept, and which of them are shown.

#[cfg(any(feature = "sentry", test))]
use super::Shape;
use super::family::{Family, Series, Slots};
use super::scan::Found;
#[cfg(any(feature = "sentry", test))]
use super::shelf::Pages;
#[cfg(any(feature = "sentry", test))]
use crate::exemplar::Place;
use crate::exemplar::{self, Exemplar};
use crate::metric::{HEADER, Kind};
use crate::shard;
use crate::snapshot::Value;

#[cfg(any(feature = "sentry", test))]
impl Series {
    /// Offers a value that was recorded into this series inside a sampled span: what was added to a
    /// counter, or what a histogram observed, in the unit of the metric. Of other kinds nothing is kept,
    /// nor of what is not finite, nor of a series that is exported no more. Costs what
    /// [`exemplar::offer`] costs.
    pub(crate) fn offer(&self, value: f64, place: impl FnOnce() -> Option<Place>) {
        if !value.is_finite() || self.text() == Pages::NOWHERE || self.is_removed() {
            return;
        }
        match self.family().kind {
            Kind::Counter => exemplar::offer(self.slot(), value, place),
            Kind::Histogram => self.family().shape.offer(self.slot(), value, place),
            _ => {}
        }
        // It may have been removed since.
        if self.is_removed() {
            self.forget_exemplars();
        }
    }
}

#[cfg(any(feature = "sentry", test))]
impl Shape {
    /// Offers a finite value that a histogram of this shape observed, of which the first slot is known,
    /// and which is never removed.
    pub(crate) fn offer(self, slot: u32, value: f64, place: impl FnOnce() -> Option<Place>) {
        let bucket = self.table.buckets().shown(self.table.index(value));
        exemplar::offer(slot + HEADER + bucket, value, place);
    }
}

impl Series {
    pub(super) fn forget_exemplars(&self) {
        let first = match self.family().kind {
            _ if !exemplar::any() => return,
            Kind::Counter => return exemplar::forget(self.slot()),
            Kind::Histogram => self.slot() + HEADER,
            _ => return,
        };
        let buckets = self.family().shape.table.buckets();
        (0..buckets.len()).filter(|at| buckets.shown(*at) == *at).for_each(|at| exemplar::forget(first + at));
    }
}

impl Family {
    /// Adds the exemplars of what a scan has come by, which is read as `value`, in the order of their
    /// values: one of a counter, one of each bucket that the text formats show and `value` has
    /// anything in.
    pub(crate) fn exemplars(&self, found: &Found<'_>, value: &Value<'_>, exemplars: &mut Vec<Exemplar>) {
        let slots = match (self.kind, found.labels.slot) {
            (Kind::Counter | Kind::Histogram, shard::UNBOUND) => found.series().map(Series::slots),
            (Kind::Counter | Kind::Histogram, slot) => Some(Slots::Own(slot)),
            _ => None,
        };
        match (slots, value) {
            (Some(Slots::Own(slot)), Value::Distribution { buckets, counts, .. }) => {
                let (mut next, first) = (0, slot + HEADER);
                if !exemplar::any_in(first..first + buckets.len()) {
                    return;
                }
                while next < buckets.len() {
                    let shown = buckets.shown(next);
                    let own = counts.get(next as usize..=shown as usize).unwrap_or_default();
                    // What was recorded since the buckets were read is of the next reading.
                    let found = exemplar::find(first + shown).filter(|_| own.iter().any(|count| *count > 0));
                    exemplars.extend(found);
                    next = shown + 1;
                }
            }
            (Some(Slots::Own(slot) | Slots::Nanos(slot)), _) => exemplars.extend(exemplar::find(slot)),
            (Some(Slots::Sum(one, other)), _) => {
                let both = exemplar::find(one).into_iter().chain(exemplar::find(other));
                exemplars.extend(both.max_by_key(|exemplar| exemplar.time));
            }
            (Some(Slots::Difference { .. }) | None, _) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::{Counter, Gauge, Histogram};
    use crate::registry::{Definition, SeriesRef, registry};
    use crate::snapshot::SeriesSnapshot;

    const TRACE: [u8; 16] = [1; 16];

    fn series(name: &str, labels: &[(&str, &str)]) -> SeriesRef {
        registry().find(name, labels).unwrap()
    }

    fn shown(name: &str) -> Vec<SeriesSnapshot> {
        registry().snapshot().family(name).unwrap().series.clone()
    }

    fn values(one: &SeriesSnapshot) -> Vec<f64> {
        one.exemplars.iter().map(|exemplar| exemplar.value).collect()
    }

    #[test]
    fn a_histogram_has_one_of_each_bucket_that_is_shown() {
        let sizes = Histogram::new("exemplars_sizes", "Sizes.").register();
        // -3 and 0 are in one bucket, and so are 7.5 and 7.5.
        for value in [7.5, 1.0, 7.5, 0.0, 1e13, -3.0] {
            sizes.observe(value);
            series("exemplars_sizes", &[]).offer(value, || Some((TRACE, [3; 8])));
        }
        series("exemplars_sizes", &[]).offer(f64::NAN, || Some((TRACE, [3; 8])));
        let [one] = &*shown("exemplars_sizes") else { panic!("one series") };
        let [lowest, rest @ ..] = &*values(one) else { panic!("none") };
        assert!([0.0, -3.0].contains(lowest) && rest == [1.0, 7.5, 1e13], "{one:?}");
        assert!(one.exemplars.iter().all(|exemplar| (exemplar.trace_id, exemplar.span_id) == (TRACE, [3; 8])));
    }

    #[test]
    fn what_is_in_no_bucket_yet_has_none() {
        let sizes = Histogram::new("exemplars_early", "Sizes.").with_buckets(vec![1.0, 2.0]).register();
        sizes.observe(1.5);
        series("exemplars_early", &[]).offer(1.5, || Some((TRACE, [3; 8])));
        series("exemplars_early", &[]).offer(5.0, || Some((TRACE, [3; 8])));
        assert_eq!(values(&shown("exemplars_early")[0]), [1.5]);
    }

    #[test]
    fn what_is_removed_takes_its_exemplars_along_and_gets_no_new_ones() {
        let orders = Counter::new("exemplars_removed", "Orders.").with_label("shop", "a").register();
        let sizes = Histogram::new("exemplars_removed_sizes", "Sizes.").with_label("shop", "a").register();
        let of = |name| series(name, &[("shop", "a")]);
        let (one, other) = (of("exemplars_removed"), of("exemplars_removed_sizes"));
        let all = || [one.slot(), other.slot() + HEADER + other.family().shape.table.buckets().shown(300)];
        let found = || all().map(|slot| exemplar::find(slot).is_some());
        let value = other.family().shape.table.buckets().upper(300);
        for (name, removed) in [("exemplars_removed", &one), ("exemplars_removed_sizes", &other)] {
            orders.increment();
            sizes.observe(value);
            removed.offer(value, || Some((TRACE, [3; 8])));
            assert!(found().contains(&true));
            assert!(registry().remove(name, &[("shop", "a")]));
            removed.offer(value, || Some((TRACE, [3; 8])));
            assert_eq!(found(), [false; 2]);
        }
    }

    #[test]
    fn a_gauge_and_what_is_exported_nowhere_have_none() {
        Gauge::new("exemplars_level", "Level.").register().set(1);
        series("exemplars_level", &[]).offer(1.0, || Some((TRACE, [3; 8])));
        assert!(shown("exemplars_level")[0].exemplars.is_empty());
        let nowhere = registry().nowhere(Kind::Counter);
        nowhere.offer(1.0, || Some((TRACE, [3; 8])));
        assert!(exemplar::find(nowhere.slot()).is_none());
    }

    #[test]
    fn counters_that_are_computed_have_those_of_their_slots() {
        let family = |name| registry().family(&Definition::new(Kind::Counter, name, "Computed.")).unwrap();
        let base = registry().allocate(3, 3).unwrap();
        let labels = || Family::labels([("kind", "a")]);
        assert!(family("exemplars_sum").adopt(labels(), Slots::Sum(base, base + 1)));
        assert!(family("exemplars_busy").adopt(labels(), Slots::Nanos(base + 2)));
        exemplar::offer(base, 1.0, || Some((TRACE, [3; 8])));
        std::thread::sleep(std::time::Duration::from_millis(5));
        exemplar::offer(base + 1, 2.0, || Some((TRACE, [3; 8])));
        series("exemplars_busy", &[("kind", "a")]).offer(0.25, || Some((TRACE, [3; 8])));
        assert_eq!(values(&shown("exemplars_sum")[0]), [2.0]);
        assert_eq!(values(&shown("exemplars_busy")[0]), [0.25]);
    }
}
