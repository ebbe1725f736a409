//! Series by what the values of their labels are.

use super::Found;
use crate::label::{KIND_BITS, LabelKey, Short, Word, is_long, kind_of_short, mix, mixed};
use crate::registry::family::Series;
use std::ptr;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// The kinds of all words of an entry are one number; more words than this are not remembered.
pub(super) const WORDS: usize = (u64::BITS / KIND_BITS) as usize;

// The first word of an entry is the kinds, and these:
/// Nothing is here, nor behind it.
const EMPTY: u64 = 0;
/// It was removed.
const REMOVED: u64 = u64::MAX;

/// A table with open addressing, half empty.
#[derive(Debug)]
pub(super) struct Table {
    /// Of each entry its kinds, the texts if there are long ones, the slot, the series, and two
    /// numbers for each word.
    entries: Box<[AtomicU64]>,
    /// The number of the last entry: a power of two less one.
    last: usize,
    /// How many words each entry has.
    words: usize,
    /// How many are not empty; under the family's lock.
    used: AtomicU64,
}

/// Places in an entry.
const KINDS: usize = 0;
const TEXTS: usize = 1;
const SERIES: usize = 3;
const HEAD: usize = 4;

impl Table {
    /// Large enough for one more; `None` at the limit.
    pub(super) fn grown(old: Option<&Self>, words: usize, limit: usize) -> Option<Self> {
        let live = || old.into_iter().flat_map(Self::live);
        // Four times as large each time: who reads the old one may still do so, and it stays.
        let len = (4 * (live().count() + 1)).next_power_of_two().clamp(8, 2 * limit);
        // Full of what was removed it is made anew, as large as it was.
        if 2 * (live().count() + 1) > len || old.is_some_and(|old| old.words != words) {
            return None;
        }
        let entries = (0..len * stride(words)).map(|_| AtomicU64::new(EMPTY)).collect();
        let table = Self { entries, last: len - 1, words, used: AtomicU64::new(0) };
        for entry in live() {
            table.write(&entry.iter().map(|number| number.load(Relaxed)).collect::<Vec<_>>());
        }
        Some(table)
    }

    fn all(&self) -> impl Iterator<Item = &[AtomicU64]> {
        self.entries.chunks_exact(stride(self.words))
    }

    fn live(&self) -> impl Iterator<Item = &[AtomicU64]> {
        self.all().filter(|entry| ![EMPTY, REMOVED].contains(&entry[KINDS].load(Relaxed)))
    }

    /// The entries of a series.
    fn of(&self, series: &Series) -> impl Iterator<Item = &[AtomicU64]> {
        let place = ptr::from_ref(series).addr() as u64;
        self.live().filter(move |entry| entry[SERIES].load(Relaxed) == place)
    }

    /// Whether these values are known.
    pub(super) fn has(&self, keys: &[LabelKey<'_>]) -> bool {
        let words: Vec<Word> = keys.iter().map(Word::of).collect();
        let start = hash(words.iter().map(|word| (word.low, word.high)));
        let stride = stride(self.words);
        let entries = (0..=self.last).map(|on| (start.wrapping_add(on) & self.last) * stride);
        let mut entries = entries.map(|at| &self.entries[at..at + stride]);
        let mut found = entries.by_ref().take_while(|entry| entry[KINDS].load(Relaxed) != EMPTY);
        found.any(|entry| {
            let texts = entry[TEXTS].load(Relaxed);
            entry[KINDS].load(Relaxed) == kinds(&words)
                && is(&words, &entry[HEAD..])
                && (texts == 0 || are(texts, keys))
        })
    }

    pub(super) fn has_room(&self) -> bool {
        2 * (self.used.load(Relaxed) as usize + 1) <= self.last + 1
    }

    /// The series with these texts, if all of them can be read so.
    #[inline(always)]
    pub(super) fn find_short<const N: usize>(
        &'static self,
        texts: [&str; N],
        read: impl Fn([&str; N]) -> Option<[Short; N]>,
    ) -> Option<Found> {
        let shorts = read(texts)?;
        let kinds = texts.iter().fold(0, |kinds, text| kinds << KIND_BITS | kind_of_short(text.len()));
        // SAFETY: what is written in an entry stays.
        self.search::<N>(kinds, Short::mix_all(&shorts), |entry| unsafe { Short::are(&shorts, entry) }, |_| true)
    }

    /// The series with these values.
    #[inline(always)]
    pub(super) fn find<const N: usize>(&'static self, keys: &[LabelKey<'_>; N]) -> Option<Found> {
        let mut words = [Word::ZERO; N];
        for (word, key) in words.iter_mut().zip(keys) {
            *word = Word::of(key);
        }
        let start = hash(words.iter().map(|word| (word.low, word.high)));
        let fits = |texts| texts == 0 || are(texts, keys);
        self.search::<N>(kinds(&words), start, |entry| is(&words, entry), fits)
    }

    /// The entry with these words: `is` is asked about those of their kinds, and `fits` about the
    /// texts of those that have them.
    #[inline(always)]
    fn search<const N: usize>(
        &'static self,
        kinds: u64,
        start: usize,
        is: impl Fn(&[AtomicU64]) -> bool,
        fits: impl Fn(u64) -> bool,
    ) -> Option<Found> {
        // A handle may be told of more labels, or fewer, than the one before.
        if self.words != N {
            return None;
        }
        let mut at = start;
        loop {
            at &= self.last;
            // SAFETY: `last` is the number of the last entry, and each has a stride of numbers.
            let entry = unsafe { self.entries.get_unchecked(at * stride(N)..(at + 1) * stride(N)) };
            let ([seen, texts], rest) = entry.split_first_chunk()?;
            let (found, rest) = rest.split_first_chunk()?;
            let seen = seen.load(Acquire);
            if seen == kinds && is(rest) && fits(texts.load(Relaxed)) {
                return Some(Found(found));
            }
            if seen == EMPTY {
                return None;
            }
            at += 1;
        }
    }

    pub(super) fn add(&self, keys: &[LabelKey<'_>], series: &'static Series) {
        let words: Vec<Word> = keys.iter().map(Word::of).collect();
        let texts = if words.iter().copied().any(Word::is_long) { keep(keys) } else { 0 };
        let mut numbers = vec![kinds(&words), texts];
        numbers.extend(Found::numbers(series));
        numbers.extend(words.iter().flat_map(|word| [word.low, word.high]));
        self.write(&numbers);
    }

    /// Writes an entry that is not there yet, and its first number last.
    fn write(&self, numbers: &[u64]) {
        let stride = stride(self.words);
        let mut at = hash(numbers[HEAD..].as_chunks().0.iter().map(|[low, high]| (*low, *high))) & self.last;
        while self.entries[at * stride].load(Relaxed) != EMPTY {
            at = (at + 1) & self.last;
        }
        let entry = &self.entries[at * stride..];
        for (number, to) in entry.iter().zip(numbers).skip(1) {
            number.store(*to, Relaxed);
        }
        entry[KINDS].store(numbers[KINDS], Release);
        self.used.fetch_add(1, Relaxed);
    }

    pub(super) fn forget(&self, series: &Series) {
        for entry in self.of(series) {
            entry[KINDS].store(REMOVED, Relaxed);
        }
    }

    pub(super) fn forget_all(&self) {
        for entry in self.live() {
            entry[KINDS].store(REMOVED, Relaxed);
        }
    }
}

/// The numbers of an entry; of two words, they make a line of the processor's memory.
const fn stride(words: usize) -> usize {
    HEAD + 2 * words
}

/// All kinds as one number, which is neither `EMPTY` nor `REMOVED`.
#[inline(always)]
fn kinds(words: &[Word]) -> u64 {
    words.iter().fold(0, |kinds, word| kinds << KIND_BITS | word.kind())
}

/// Where a search begins.
#[inline(always)]
fn hash(words: impl Iterator<Item = (u64, u64)>) -> usize {
    let (low, high) = words.fold((0, 0), mix);
    mixed(low, high)
}

/// Whether an entry has these words, of whose kinds it is.
#[inline(always)]
fn is(words: &[Word], entry: &[AtomicU64]) -> bool {
    let mut differ = 0;
    for (word, entry) in words.iter().zip(entry.as_chunks::<2>().0) {
        differ |= word.low ^ entry[0].load(Relaxed);
        differ |= word.high ^ entry[1].load(Relaxed);
    }
    differ == 0
}

/// What long text an entry is to be compared with, all of it in a row. It is there for ever, as what
/// a series is known by on its shelf.
fn keep(keys: &[LabelKey<'_>]) -> u64 {
    // What is not text has told all there is to tell in its word.
    let texts: String = texts_of(keys).filter(|text| is_long(text)).collect();
    ptr::from_ref(Box::leak(Box::new(texts.into_boxed_str()))).expose_provenance() as u64
}

fn texts_of<'a>(keys: &'a [LabelKey<'a>]) -> impl Iterator<Item = &'a str> {
    keys.iter().filter_map(|key| if let LabelKey::Text(text) = key { Some(*text) } else { None })
}

/// Whether the texts that were kept are these.
#[inline(never)]
fn are(texts: u64, keys: &[LabelKey<'_>]) -> bool {
    let texts: *const Box<str> = ptr::with_exposed_provenance(texts as usize);
    // SAFETY: what `keep` made, as it is not 0; who reads it has seen the number that was written
    // after it.
    let mut rest: &str = unsafe { &*texts };
    // Their words agree, so each is as long as the one that was kept.
    texts_of(keys).all(|text| {
        !is_long(text)
            || rest.strip_prefix(text).is_some_and(|behind| {
                rest = behind;
                true
            })
    })
}
