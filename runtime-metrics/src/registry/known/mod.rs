//! What a call site knows: the series of the label values that it has seen.
//!
//! Looking a series up in its family takes a lock and its labels as text. Here a value is compared
//! as a [`Word`], and nothing is locked or allocated; all threads share what is known, so that it
//! takes no more memory with a thousand of them. Entries are written once and stay, up to a limit;
//! what does not fit is looked up in its family each time.

mod combinations;
mod table;

use super::family::{Series, SeriesRef};
use crate::label::{LabelKey, Short};
use combinations::{Combinations, as_variant};
use std::ptr;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64};
use table::{Table, WORDS};

/// What a call site or a handle knows.
#[derive(Debug)]
pub(crate) struct Known {
    /// By what the values are.
    table: AtomicPtr<Table>,
    /// By which variants the values are, where they are enums.
    variants: AtomicPtr<Combinations>,
    limit: usize,
    /// No more than is known can be.
    full: AtomicBool,
}

/// Where a series that was found is written down: its slot, and itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found(&'static [AtomicU64; 2]);

impl Found {
    #[inline(always)]
    pub(super) fn slot(self) -> u32 {
        self.0[0].load(Relaxed) as u32
    }

    #[inline(always)]
    pub(super) fn series(self) -> &'static Series {
        let series = ptr::with_exposed_provenance(self.0[1].load(Relaxed) as usize);
        // SAFETY: what `numbers` made of a series, which is there for ever. Who has found it has seen
        // the number that was written after it.
        unsafe { &*series }
    }

    /// What is written down.
    fn numbers(series: &'static Series) -> [u64; 2] {
        [series.slot().into(), ptr::from_ref(series).expose_provenance() as u64]
    }
}

impl Known {
    const fn new(limit: usize) -> Self {
        Self {
            table: AtomicPtr::new(ptr::null_mut()),
            variants: AtomicPtr::new(ptr::null_mut()),
            limit,
            full: AtomicBool::new(false),
        }
    }

    /// For a place in the program, with labels of always the same names: it knows as many label sets
    /// as a metric may have by default.
    pub(crate) const fn of_site() -> Self {
        Self::new(2048)
    }

    /// For the handles of a family, which may be told of other names in each call, but of so many.
    pub(super) const fn of_handles() -> Self {
        Self::new(128)
    }

    #[inline(always)]
    fn table(&self) -> Option<&'static Table> {
        // SAFETY: null or what `remember` leaked.
        unsafe { self.table.load(Acquire).as_ref() }
    }

    #[inline(always)]
    fn variants(&self) -> Option<&'static Combinations> {
        // SAFETY: null or what `remember_variants` leaked.
        unsafe { self.variants.load(Acquire).as_ref() }
    }

    /// The series with these values, where all are variants. What is known of them while the
    /// program is compiled is not asked again when it runs.
    #[inline(always)]
    pub(super) fn find_variants<const N: usize>(&self, keys: &[LabelKey<'_>; N]) -> Option<Found> {
        if !keys.iter().all(|key| as_variant(key).is_some()) {
            return None;
        }
        self.variants()?.find(keys)
    }

    /// The series with these texts, if all of them are short.
    #[inline(always)]
    pub(super) fn find_short<const N: usize>(&self, texts: [&str; N]) -> Option<Found> {
        self.table()?.find_short(texts, Short::read)
    }

    /// The same where `find_short` can't tell for where the texts are in memory.
    #[inline(always)]
    pub(super) fn find_short_at_end<const N: usize>(&self, texts: [&str; N]) -> Option<Found> {
        self.table()?.find_short(texts, Short::read_at_end)
    }

    /// The series with these values.
    #[inline(always)]
    pub(super) fn find<const N: usize>(&self, keys: &[LabelKey<'_>; N]) -> Option<Found> {
        self.table()?.find(keys)
    }

    /// The series with so many values, each of which `key` tells.
    #[inline]
    pub(super) fn find_by<'a>(&self, len: usize, key: impl Fn(usize) -> LabelKey<'a>) -> Option<Found> {
        /// An array for each length, so that no more is written than that.
        macro_rules! by_length {
            ($($len:literal)*) => {
                match len {
                    $($len => {
                        let mut keys = [LabelKey::Text(""); $len];
                        for (at, to) in keys.iter_mut().enumerate() {
                            *to = key(at);
                        }
                        self.find(&keys)
                    })*
                    _ => None,
                }
            };
        }
        by_length!(1 2 3 4 5 6 7 8 9 10 11 12)
    }

    /// The slot of the series that `create` makes of so many values, or has made before.
    #[inline]
    pub(crate) fn slot_of<'a>(
        &'static self,
        len: usize,
        key: impl Fn(usize) -> LabelKey<'a>,
        create: impl FnOnce() -> SeriesRef,
    ) -> u32 {
        if let Some(found) = self.find_by(len, &key) {
            return found.slot();
        }
        let series = create();
        // What was folded is not remembered: its count stays exact.
        if !series.is_overflow() {
            self.remember(|| (0..len).map(key).collect(), &series);
        }
        series.slot()
    }

    /// Remembers a series of this family by these values. Called after it was looked up, so there
    /// is time.
    #[cold]
    #[inline(never)]
    pub(super) fn remember<'a>(&'static self, keys: impl FnOnce() -> Vec<LabelKey<'a>>, series: &SeriesRef) {
        if self.full.load(Relaxed) {
            return;
        }
        let keys = keys();
        if keys.len() > WORDS {
            return;
        }
        let mut sites = series.family().sites.lock();
        // Who removes it says so first, and then comes here to have it forgotten.
        if series.is_removed() || self.table().is_some_and(|table| table.has(&keys)) {
            return;
        }
        sites.add(self);
        let table = match self.table() {
            Some(table) if table.has_room() => table,
            old => {
                let Some(table) = Table::grown(old, keys.len(), self.limit) else {
                    self.full.store(true, Relaxed);
                    return;
                };
                let table: &'static Table = Box::leak(Box::new(table));
                self.table.store(ptr::from_ref(table).cast_mut(), Release);
                table
            }
        };
        table.add(&keys, series.0);
    }

    /// Remembers a series by its variants; `false` where they are not all variants, or too many.
    #[cold]
    #[inline(never)]
    pub(crate) fn remember_variants(&'static self, keys: &[LabelKey<'_>], series: &SeriesRef) -> bool {
        if !keys.iter().all(|key| as_variant(key).is_some()) {
            return false;
        }
        let mut sites = series.family().sites.lock();
        let known = if let Some(known) = self.variants() {
            known
        } else {
            let Some(made) = Combinations::of(keys) else { return false };
            let made: &'static Combinations = Box::leak(Box::new(made));
            self.variants.store(ptr::from_ref(made).cast_mut(), Release);
            made
        };
        let Some(place) = known.place(keys) else { return false };
        sites.add(self);
        if !series.is_removed() {
            known.put(place, series.0);
        }
        true
    }

    /// Forgets a series that was removed.
    fn forget(&self, series: &Series) {
        if let Some(table) = self.table() {
            self.full.store(false, Relaxed);
            table.forget(series);
        }
        if let Some(variants) = self.variants() {
            variants.forget(series);
        }
    }
}

impl Known {
    /// Forgets all: what was given may lead to other series now.
    fn forget_all(&self) {
        if let Some(table) = self.table() {
            self.full.store(false, Relaxed);
            table.forget_all();
        }
        if let Some(variants) = self.variants() {
            variants.forget_all();
        }
    }
}

/// Who knows series of a family.
#[derive(Debug, Default)]
pub(super) struct Sites(Vec<&'static Known>);

impl Sites {
    fn add(&mut self, known: &'static Known) {
        if !self.0.iter().any(|other| ptr::eq(*other, known)) {
            self.0.push(known);
        }
    }

    pub(super) fn forget(&self, series: &Series) {
        for known in &self.0 {
            known.forget(series);
        }
    }

    pub(super) fn forget_all(&self) {
        for known in &self.0 {
            known.forget_all();
        }
    }
}
