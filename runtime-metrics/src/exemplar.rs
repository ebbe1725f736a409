//! Exemplars: which trace a value that was recorded lately belongs to.
//!
//! They lie in a table of fixed size, by the slot that counted the value: a counter's own, or that
//! of a histogram's bucket. A slot leads to one set of places; where a set is full, what is oldest in
//! it goes. So it holds at most 16,384 exemplars in 800 kB, of which only those pages are touched
//! that hold any, and nothing is ever allocated.
//!
//! Who records looks first whether the exemplar there is younger than a second, which then stays:
//! however many threads record into one series, its place is written once a second, and read without
//! a lock in between.

use crate::hash;
use crate::lock::Mutex;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, SystemTime};

/// A value that was recorded inside a trace, as an example of those around it.
///
/// Sampled Sentry spans leave them (feature `sentry`), at most one a second for each counter and each
/// bucket of a histogram.
///
/// ```
/// for family in runtime_metrics::registry().snapshot().families {
///     for exemplar in family.series.iter().flat_map(|series| &series.exemplars) {
///         println!("{}: {} in trace {:02x?}", family.name, exemplar.value, exemplar.trace_id);
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Exemplar {
    /// The trace in which it was recorded.
    pub trace_id: [u8; 16],
    /// The span of that trace.
    pub span_id: [u8; 8],
    /// What was recorded, in the unit of its metric: the value, or what was added to a counter.
    pub value: f64,
    /// When, to the millisecond.
    pub time: SystemTime,
}

/// A trace, and a span of it.
#[cfg(any(feature = "sentry", test))]
pub(crate) type Place = ([u8; 16], [u8; 8]);

static TABLE: Table<SETS> = Table::new();

/// Whether there ever was one. Costs a load, and nothing where nobody could have left any.
#[inline]
pub(crate) fn any() -> bool {
    cfg!(any(feature = "sentry", test)) && TABLE.any.load(Relaxed)
}

/// Offers a finite value that this slot counted, with the place where it was recorded, which is asked
/// for only if there is room. Costs a reading of the clock and a look at the table,
/// and once a second a lock that nobody holds for long.
#[cfg(any(feature = "sentry", test))]
pub(crate) fn offer(slot: u32, value: f64, place: impl FnOnce() -> Option<Place>) {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let millis = now.map_or(0, |now| now.as_millis() as u64);
    if TABLE.has_room(slot, millis)
        && let Some((trace_id, span_id)) = place()
    {
        TABLE.put(slot, Kept { trace_id, span_id, value }, millis);
    }
}

/// Whether some of these slots, or of those around them, may have one. Costs a load for 64 of them.
#[inline]
pub(crate) fn any_in(slots: Range<u32>) -> bool {
    (slots.start / 64..slots.end.div_ceil(64)).any(|word| TABLE.word(word * 64).load(Relaxed) != 0)
}

/// The exemplar of this slot. Costs a load where there is none.
#[inline]
pub(crate) fn find(slot: u32) -> Option<Exemplar> {
    if TABLE.may_have(slot) { TABLE.get(slot) } else { None }
}

/// Takes the exemplar of this slot out.
pub(crate) fn forget(slot: u32) {
    TABLE.remove(slot);
}

/// An exemplar but for its time.
#[derive(Clone, Copy, Debug)]
struct Kept {
    trace_id: [u8; 16],
    span_id: [u8; 8],
    value: f64,
}

/// How many exemplars a set has room for: their slots are in one cache line.
const WAYS: usize = 8;

/// How many sets there are: Miri looks at all of them whenever one is.
const SETS: usize = if cfg!(miri) { 16 } else { 2_048 };

/// How many words of bits there are: enough for 524,288 slots.
const HAD: usize = if cfg!(miri) { 16 } else { 8_192 };

/// How long an exemplar stays, whatever comes, in milliseconds.
#[cfg(any(feature = "sentry", test))]
const STAYS: u64 = 1_000;

#[derive(Debug)]
struct Table<const SETS: usize> {
    any: AtomicBool,
    /// A bit for each slot, or where there are very many, for some of them: whether it ever had one. A
    /// reader of series that have none keeps to these, which are few and lie as the slots do.
    had: [AtomicU64; HAD],
    sets: [Set; SETS],
}

/// Some exemplars whose slots have the same hash, as far as it is looked at.
#[derive(Debug)]
struct Set {
    /// The slot of each; none has slot 0, which stands for an empty place. They are written under the
    /// lock, and so are the times.
    slots: [AtomicU32; WAYS],
    /// When each was put, in milliseconds since 1970; 0 where a place is empty.
    times: [AtomicU64; WAYS],
    kept: Mutex<[Kept; WAYS]>,
}

impl<const SETS: usize> Table<SETS> {
    #[allow(clippy::large_stack_arrays)] // of a static
    const fn new() -> Self {
        Self {
            any: AtomicBool::new(false),
            had: [const { AtomicU64::new(0) }; HAD],
            sets: [const { Set::new() }; SETS],
        }
    }

    /// The word in which the bit of a slot is.
    #[inline]
    fn word(&self, slot: u32) -> &AtomicU64 {
        &self.had[slot as usize / 64 % HAD]
    }

    #[inline]
    fn may_have(&self, slot: u32) -> bool {
        self.word(slot).load(Relaxed) >> (slot % 64) & 1 != 0
    }

    /// The set of a slot; of slot 0 there is none.
    #[inline]
    fn set(&self, slot: u32) -> Option<&Set> {
        if slot == 0 { None } else { self.sets.get(hash::bytes(&slot.to_le_bytes()) as usize % SETS) }
    }

    /// Whether what is offered now would be kept.
    #[cfg(any(feature = "sentry", test))]
    fn has_room(&self, slot: u32, now: u64) -> bool {
        self.set(slot).is_some_and(|set| set.room(slot, now).is_some())
    }

    #[cfg(any(feature = "sentry", test))]
    fn put(&self, slot: u32, new: Kept, now: u64) {
        let Some(set) = self.set(slot) else { return };
        let mut kept = set.kept.lock();
        // Another thread may have been here before.
        if let Some(at) = set.room(slot, now) {
            kept[at] = new;
            set.slots[at].store(slot, Relaxed);
            set.times[at].store(now, Relaxed);
            self.word(slot).fetch_or(1 << (slot % 64), Relaxed);
        }
        drop(kept);
        self.any.store(true, Relaxed);
    }

    #[inline(never)]
    fn get(&self, slot: u32) -> Option<Exemplar> {
        let set = self.set(slot)?;
        set.place(slot)?;
        let kept = set.kept.lock();
        let at = set.place(slot)?;
        let Kept { trace_id, span_id, value } = kept[at];
        let time = SystemTime::UNIX_EPOCH + Duration::from_millis(set.times[at].load(Relaxed));
        Some(Exemplar { trace_id, span_id, value, time })
    }

    fn remove(&self, slot: u32) {
        let Some(set) = self.set(slot) else { return };
        // Not looked for before the lock is taken: somebody may be about to put it.
        let _nobody_writes = set.kept.lock();
        if let Some(at) = set.place(slot) {
            set.slots[at].store(0, Relaxed);
            set.times[at].store(0, Relaxed);
        }
    }
}

impl Set {
    const fn new() -> Self {
        Self {
            slots: [const { AtomicU32::new(0) }; WAYS],
            times: [const { AtomicU64::new(0) }; WAYS],
            kept: Mutex::new([Kept { trace_id: [0; 16], span_id: [0; 8], value: 0.0 }; WAYS]),
        }
    }

    /// Where the exemplar of a slot is.
    #[inline]
    fn place(&self, slot: u32) -> Option<usize> {
        self.slots.iter().position(|known| known.load(Relaxed) == slot)
    }

    /// Where an exemplar may be put: where that of the slot is, or an empty place, or that of the
    /// oldest. `None` where what is there has not stayed long enough.
    #[cfg(any(feature = "sentry", test))]
    fn room(&self, slot: u32, now: u64) -> Option<usize> {
        let time = |at: &usize| self.times[*at].load(Relaxed);
        let at = self.place(slot).or_else(|| (0..WAYS).min_by_key(time))?;
        // What comes from the future was put before the clock was set back.
        now.checked_sub(time(&at)).is_none_or(|age| age >= STAYS).then_some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_700_000_000_000;

    fn kept(value: f64) -> Kept {
        Kept { trace_id: [1; 16], span_id: [2; 8], value }
    }

    fn value<const SETS: usize>(table: &Table<SETS>, slot: u32) -> Option<f64> {
        table.get(slot).map(|exemplar| exemplar.value)
    }

    #[test]
    fn what_was_put_is_found_until_it_is_removed() {
        let table = Table::<4>::new();
        assert!(!table.any.load(Relaxed) && !table.may_have(7) && table.get(7).is_none());
        table.put(7, kept(0.5), NOW + 1);
        assert!(table.may_have(7) && !table.may_have(8) && table.may_have(7 + 524_288));
        let found = table.get(7).unwrap();
        assert_eq!((found.trace_id, found.span_id, found.value), ([1; 16], [2; 8], 0.5));
        assert_eq!(found.time, SystemTime::UNIX_EPOCH + Duration::from_millis(NOW + 1));
        table.remove(7);
        assert!(table.get(7).is_none() && table.any.load(Relaxed));
    }

    #[test]
    fn the_latest_takes_the_place_of_one_that_has_stayed_a_second() {
        let table = Table::<1>::new();
        for (after, expected) in [(0, 0.0), (999, 0.0), (1_000, 2.0), (1_500, 2.0), (2_000, 4.0)] {
            let tried = [0, 999, 1_000, 1_500, 2_000].iter().position(|time| *time == after).unwrap();
            table.put(7, kept(tried as f64), NOW + after);
            assert_eq!(value(&table, 7), Some(expected), "after {after} ms");
        }
        // The clock is set back by an hour.
        table.put(7, kept(9.0), NOW - 3_600_000);
        assert_eq!(value(&table, 7), Some(9.0));
    }

    #[test]
    fn in_a_full_set_the_oldest_makes_room_once_it_has_stayed_a_second() {
        let table = Table::<1>::new();
        for slot in 1..=8 {
            table.put(slot, kept(1.0), NOW + u64::from(slot));
        }
        table.put(9, kept(1.0), NOW + 1_000);
        assert_eq!(value(&table, 9), None);
        table.put(9, kept(1.0), NOW + 1_001);
        let found: Vec<u32> = (0..20).filter(|slot| value(&table, *slot).is_some()).collect();
        assert_eq!(found, [2, 3, 4, 5, 6, 7, 8, 9]);
        table.remove(5);
        table.put(10, kept(1.0), NOW + 1_001);
        assert_eq!((value(&table, 2), value(&table, 5), value(&table, 10)), (Some(1.0), None, Some(1.0)));
    }

    #[test]
    fn slot_0_has_none() {
        let table = Table::<1>::new();
        table.put(0, kept(1.0), NOW);
        table.remove(0);
        assert!(table.get(0).is_none() && !table.any.load(Relaxed));
    }

    #[test]
    fn most_find_a_place_where_five_of_eight_are_taken() {
        static TABLE: Table<SETS> = Table::new();
        // As the buckets of histograms lie, eight slots apart.
        let slots = (0..5 * SETS as u32).map(|at| 128 + 8 * at);
        slots.clone().for_each(|slot| TABLE.put(slot, kept(1.0), NOW));
        let found = slots.filter(|slot| TABLE.get(*slot).is_some()).count();
        assert!(found * 20 > 5 * SETS * 19, "{found}");
    }

    /// The halves of each come from the same writer, whatever is written meanwhile.
    #[test]
    fn an_exemplar_is_whole_while_others_are_put_and_removed() {
        let table = Table::<1>::new();
        let rounds = if cfg!(miri) { 50 } else { 20_000 };
        std::thread::scope(|scope| {
            for thread in 1..=3u8 {
                let table = &table;
                scope.spawn(move || {
                    for round in 0..rounds {
                        let slot = 1 + round % 12;
                        let new = Kept { trace_id: [thread; 16], span_id: [thread; 8], value: f64::from(thread) };
                        table.put(slot, new, NOW + u64::from(round) * STAYS);
                        if round % 5 == 0 {
                            table.remove(slot);
                        }
                    }
                });
            }
            for round in 0..rounds {
                let Some(found) = table.get(1 + round % 12) else { continue };
                let thread = found.span_id[0];
                assert!(found.trace_id == [thread; 16] && found.span_id == [thread; 8]);
                assert!(found.value == f64::from(thread) && found.time > SystemTime::UNIX_EPOCH);
            }
        });
    }
}
