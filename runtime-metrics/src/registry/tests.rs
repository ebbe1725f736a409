//! What the registry promises where everything happens at once: series are made by several threads,
//! removed by others and read meanwhile. Its protocol is a lock, and what lies behind it is safe
//! code; so it is raced as it is, in as many ways as there are seeds, rather than modelled. Miri
//! runs it as well, and picks an order of events of its own for each of its seeds.

#![allow(clippy::unwrap_used)] // a test that can't go on has failed

use super::{Definition, Family, Scan, registry};
use crate::label::LabelSet;
use crate::metric::{self, Kind};
use crate::settings::Ruled;
use crate::shard::ARENA;
use crate::snapshot::Reading;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Numbers that look random and are the same for the same seed.
struct Scattered(u64);

impl Scattered {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mixed = (self.0 ^ self.0 >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
        (mixed >> 33) % end
    }
}

const SEEDS: u64 = if cfg!(miri) { 1 } else { 8 };
/// More label sets than there must be new ones for a scan to lay out the texts.
const SETS: u64 = if cfg!(miri) { 6 } else { 700 };
const RECORDS: u64 = if cfg!(miri) { 10 } else { 2_000 };

fn labels(number: u64) -> Ruled {
    let text = format!("{}\n{number}", number * 7919 % 101);
    // Two schemas, so that some texts begin with another one.
    if number.is_multiple_of(3) {
        Family::labels([("zone", "a\"b"), ("path", &*text)])
    } else {
        Family::labels([("path", &*text)])
    }
}

/// What one thread recorded into each series that it came by, by the series' slot; and how many
/// series it removed.
type Done = (HashMap<u32, u64>, usize);

fn records(family: &'static Family, seed: u64) -> Done {
    let mut random = Scattered(seed);
    let (mut recorded, mut removed) = (HashMap::new(), 0);
    for _ in 0..RECORDS {
        let labels = labels(random.below(SETS));
        if random.below(5) > 0 {
            let series = family.find_or_create(labels);
            metric::add_to_counter(series.slot(), 1);
            *recorded.entry(series.slot()).or_insert(0) += 1;
        } else {
            let pairs: Vec<_> = labels.iter().collect();
            removed += usize::from(registry().remove(&family.name, &pairs));
        }
    }
    (recorded, removed)
}

/// Every series that is shown, by its slot, with its labels and its count; no label set twice.
fn shown(family: &'static Family, scan: &mut Scan) -> HashMap<u32, (LabelSet, u64)> {
    let mut shown = HashMap::new();
    let mut last: Option<LabelSet> = None;
    let view = ARENA.view();
    family.scan(scan, |found| {
        let (labels, series) = (found.labels.to_set(), found.series().unwrap());
        assert!(last.as_ref().is_none_or(|last| *last < labels), "{labels:?} after {last:?}");
        let Reading::Counter(count) = series.read(&view) else { panic!("{series:?}") };
        shown.insert(series.slot(), (labels.clone(), count));
        last = Some(labels);
    });
    shown
}

#[test]
fn series_are_made_removed_and_read_at_once_and_every_count_is_exact() {
    for seed in 1..=SEEDS {
        let definition = Definition::new(Kind::Counter, format!("registry_raced_{seed}"), "Raced.");
        let family = registry().family(&definition).unwrap();
        let over = AtomicBool::new(false);
        let all: Vec<Done> = std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let mut scan = Scan::default();
                    while !over.load(Relaxed) {
                        shown(family, &mut scan);
                        std::thread::yield_now();
                    }
                });
            }
            let recorders: Vec<_> = (0..3).map(|n| scope.spawn(move || records(family, seed * 3 + n))).collect();
            let all = recorders.into_iter().map(|recorder| recorder.join().unwrap()).collect();
            over.store(true, Relaxed);
            all
        });

        let mut recorded: HashMap<u32, u64> = HashMap::new();
        for (slot, count) in all.iter().flat_map(|(recorded, _)| recorded) {
            *recorded.entry(*slot).or_default() += count;
        }
        // Of removed series as well: who found one just before has recorded into it.
        let view = ARENA.view();
        for (slot, count) in &recorded {
            assert_eq!(view.sum(*slot), *count, "seed {seed}");
        }
        let shown = shown(family, &mut Scan::default());
        for (slot, (_, count)) in &shown {
            assert_eq!(recorded.get(slot), Some(count), "seed {seed}");
        }
        // Whatever was made is shown or was removed, once.
        let removed: usize = all.iter().map(|(_, removed)| removed).sum();
        assert_eq!(recorded.len(), shown.len() + removed, "seed {seed}");
        assert_eq!(family.len(), shown.len(), "seed {seed}");
        for number in 0..SETS {
            let labels = labels(number);
            let found = family.find(&labels).map(|series| series.slot());
            let seen = shown.iter().find(|(_, (seen, _))| *seen == *labels).map(|(slot, _)| *slot);
            assert_eq!(found, seen, "seed {seed}: {labels:?}");
        }
    }
}

#[test]
fn who_removes_a_series_while_others_do_is_one_and_who_makes_it_gets_the_same() {
    let definition = Definition::new(Kind::Counter, "registry_contended", "Contended.");
    let family = registry().family(&definition).unwrap();
    for round in 0..if cfg!(miri) { 2 } else { 300 } {
        let labels = || labels(round);
        let threads = 3;
        let barrier = std::sync::Barrier::new(threads);
        let made: Vec<u32> = std::thread::scope(|scope| {
            let make = || {
                barrier.wait();
                family.find_or_create(labels()).slot()
            };
            let all: Vec<_> = (0..threads).map(|_| scope.spawn(make)).collect();
            all.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert!(made.iter().all(|slot| *slot == made[0]), "{made:?}");
        let series = family.find(&labels()).unwrap();
        let removed: usize = std::thread::scope(|scope| {
            let remove = || {
                barrier.wait();
                usize::from(family.remove(&series))
            };
            let all: Vec<_> = (0..threads).map(|_| scope.spawn(remove)).collect();
            all.into_iter().map(|one| one.join().unwrap()).sum()
        });
        assert_eq!((removed, family.len()), (1, 0));
        assert!(shown(family, &mut Scan::default()).is_empty());
    }
}
