//! Series by which variants of enums the values of their labels are.

use super::Found;
use crate::label::LabelKey;
use crate::registry::family::Series;
use std::ptr;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// How many values of enums may be combined in a table of their own.
const COMBINATIONS: usize = 4096;

/// How many enums at most.
const ENUMS: usize = 4;

/// Every combination of the variants of some enums.
#[derive(Debug)]
pub(super) struct Combinations {
    /// Which enums: where the texts of their variants are.
    enums: [u64; ENUMS],
    /// Slot and series of each; 0 where they are not known.
    found: Box<[[AtomicU64; 2]]>,
}

impl Combinations {
    /// For the enums of these values; `None` if there are others, or too many variants.
    pub(super) fn of(keys: &[LabelKey<'_>]) -> Option<Self> {
        let mut enums = [0; ENUMS];
        let mut all = 1_usize;
        for (at, key) in keys.iter().enumerate() {
            let (_, count, of) = as_variant(key)?;
            *enums.get_mut(at)? = of;
            all = all.checked_mul(count).filter(|all| *all <= COMBINATIONS)?;
        }
        let nothing = || [AtomicU64::new(0), AtomicU64::new(0)];
        Some(Self { enums, found: (0..all).map(|_| nothing()).collect() })
    }

    /// Where the combination of these values is, if they are of the same enums.
    #[inline(always)]
    pub(super) fn place(&self, keys: &[LabelKey<'_>]) -> Option<usize> {
        let mut place = 0;
        for (at, key) in keys.iter().enumerate() {
            let (index, count, of) = as_variant(key)?;
            if of != *self.enums.get(at)? {
                return None;
            }
            place = place * count + index;
        }
        Some(place)
    }

    #[inline(always)]
    pub(super) fn find(&'static self, keys: &[LabelKey<'_>]) -> Option<Found> {
        let found = self.found.get(self.place(keys)?)?;
        if found[0].load(Acquire) == 0 { None } else { Some(Found(found)) }
    }

    pub(super) fn put(&self, place: usize, series: &'static Series) {
        if let (Some([slot, place]), [slot_now, place_now]) = (self.found.get(place), Found::numbers(series)) {
            place.store(place_now, Relaxed);
            slot.store(slot_now, Release);
        }
    }

    pub(super) fn forget_all(&self) {
        for [slot, _] in &self.found {
            slot.store(0, Relaxed);
        }
    }

    pub(super) fn forget(&self, series: &Series) {
        for [slot, known] in &self.found {
            if known.load(Relaxed) == ptr::from_ref(series).addr() as u64 {
                slot.store(0, Relaxed);
            }
        }
    }
}

#[inline(always)]
pub(super) fn as_variant(key: &LabelKey<'_>) -> Option<(usize, usize, u64)> {
    if let LabelKey::Word(word) = key { word.as_variant() } else { None }
}
