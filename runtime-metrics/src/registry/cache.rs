//! Each thread's memory of the label sets it used last, so that a known one costs no lock and no
//! allocation.

use super::family::{Family, Series, SeriesRef};
use rustc_hash::FxHasher;
use std::cell::RefCell;
use std::hash::Hasher;

/// Entries per thread. Two label sets that meet in one entry take turns, at the price of a lookup.
const ENTRIES: usize = 512;

struct Entry {
    owner: usize,
    words: Box<[Box<str>]>,
    series: SeriesRef,
}

impl Entry {
    fn is(&self, owner: usize, words: &[&str]) -> bool {
        self.owner == owner
            && self.words.len() == words.len()
            && self.words.iter().zip(words).all(|(mine, theirs)| **mine == **theirs)
            && !self.series.is_removed()
    }
}

thread_local! {
    static CACHE: RefCell<Vec<Option<Entry>>> = const { RefCell::new(Vec::new()) };
}

/// Gives `record` the series that `owner` (the address of a call site or handle) means by
/// `words`: the remembered one, or else what `find` finds.
pub(crate) fn lookup<R>(
    owner: usize,
    words: &[&str],
    record: impl FnOnce(&Series) -> R,
    find: impl FnOnce() -> SeriesRef,
) -> R {
    let at = hash(owner, words) as usize % ENTRIES;
    let mut record = Some(record);
    let known = CACHE.try_with(|cache| {
        let cache = cache.try_borrow().ok()?;
        let entry = cache.get(at)?.as_ref().filter(|entry| entry.is(owner, words))?;
        record.take().map(|record| record(&entry.series))
    });
    if let Ok(Some(result)) = known {
        return result;
    }
    let series = find();
    let Some(record) = record else { unreachable!("it is taken only where its result is returned") };
    let result = record(&series);
    // What was folded is not remembered: it would push out what is not, and its count stays exact.
    if !Family::is_overflow(series.labels()) {
        remember(at, Entry { owner, words: words.iter().map(|word| (*word).into()).collect(), series });
    }
    result
}

fn remember(at: usize, entry: Entry) {
    // No thread-locals any more, or already borrowed: it is only a cache.
    let _ = CACHE.try_with(|cache| {
        let Ok(mut cache) = cache.try_borrow_mut() else { return None };
        if cache.is_empty() {
            cache.resize_with(ENTRIES, || None);
        }
        cache.get_mut(at)?.replace(entry)
    });
}

fn hash(owner: usize, words: &[&str]) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write_usize(owner);
    for word in words {
        hasher.write(word.as_bytes());
        hasher.write_u8(0xff);
    }
    hasher.finish()
}
