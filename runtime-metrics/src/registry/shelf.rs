//! A shelf: where a family keeps its series, and finds them by their labels.
//!
//! It is made for many: series lie in rows that never move, so that a handle is a plain reference;
//! the names of labels are kept once for all series that have the same ones, and their values once,
//! as the text formats want them, one after the other in pages. That text is what a series is known
//! by, and what a scrape copies.

use super::family::{Family, Series, SeriesRef};
use crate::escape::{escape, unescape};
use crate::hash;
use crate::label::LabelSet;
use std::borrow::Cow;
use std::cell::RefCell;
use std::cmp::Ordering;
use std::sync::Arc;

/// Where every family keeps its series.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    pub(super) rows: Rows,
    /// How many there ever were: the number of the next.
    pub(super) len: u32,
    /// How many were not removed.
    live: usize,
    pub(super) schemas: Vec<&'static Schema>,
    pub(super) pages: Pages,
    index: Index,
    /// How many were removed.
    pub(super) removed: usize,
}

impl Shelf {
    /// How many series there are.
    pub(super) fn live(&self) -> usize {
        self.live
    }

    /// The series with these labels, which are sorted by name. Once a thread has asked before, this
    /// allocates nothing.
    #[allow(clippy::needless_pass_by_value)] // an iterator
    pub(super) fn get<'a>(&self, labels: impl Iterator<Item = (&'a str, &'a str)> + Clone) -> Option<SeriesRef> {
        thread_local! {
            static KEY: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
        }
        let schema = self.schema(labels.clone())?;
        let find = |room: &mut Vec<u8>| {
            key(schema, labels.clone(), room);
            self.index.find(hash::bytes(room), |number| self.is(number, room))
        };
        let with_room = KEY.try_with(|room| room.try_borrow_mut().ok().map(|mut room| find(&mut room)));
        let number = with_room.ok().flatten().unwrap_or_else(|| find(&mut Vec::new()))?;
        self.rows.get(number).map(SeriesRef)
    }

    /// Makes the series with these labels, which has none yet; `slot` is what a reader of the text
    /// may take for its value. `None` where there is no place left.
    pub(super) fn put(&mut self, family: &'static Family, labels: &LabelSet, slot: u32) -> Option<SeriesRef> {
        let schema = match self.schema(labels.iter()) {
            Some(schema) => schema,
            None => self.add_schema(labels)?,
        };
        let mut key = Vec::new();
        self::key(schema, labels.iter(), &mut key);
        let len = u8::try_from(key.len()).unwrap_or(LONG);
        let text = self.pages.push(&[&slot.to_le_bytes()[..], &[len], &key].concat())?;
        let number = self.len;
        let series = self.rows.next(number, family)?;
        series.set_text(text);
        self.len += 1;
        self.live += 1;
        let Self { index, rows, pages, schemas, .. } = self;
        index.insert(hash::bytes(&key), number, |number| {
            let text = rows.get(number).and_then(|series| pages.text(series.text()));
            text.and_then(|text| Some(hash::bytes(Labels::read(schemas, text)?.key(text)))).unwrap_or_default()
        });
        Some(SeriesRef(series))
    }

    /// Takes a series out of the index; `false` if it is not in it.
    pub(super) fn remove(&mut self, series: &Series) -> bool {
        let Some(text) = self.pages.text(series.text()) else { return false };
        let Some(labels) = Labels::read(&self.schemas, text) else { return false };
        let key = labels.key(text);
        let is_it = |number| self.rows.get(number).is_some_and(|other| std::ptr::eq(other, series));
        let removed = self.index.remove(hash::bytes(key), is_it);
        self.live -= usize::from(removed);
        self.removed += usize::from(removed);
        removed
    }

    /// The labels of a series, if it is on this shelf.
    pub(super) fn labels(&self, series: &Series) -> Option<Labels<'_>> {
        Labels::read(&self.schemas, self.pages.text(series.text())?)
    }

    fn is(&self, number: u32, key: &[u8]) -> bool {
        let text = self.rows.get(number).and_then(|series| self.pages.text(series.text()));
        // Each value says how long it is: what begins alike is alike.
        text.and_then(|text| text.get(BEFORE_KEY..)).is_some_and(|text| text.starts_with(key))
    }

    #[allow(clippy::needless_pass_by_value)] // an iterator
    fn schema<'a>(&self, labels: impl Iterator<Item = (&'a str, &'a str)> + Clone) -> Option<u16> {
        let is = |schema: &&'static Schema| schema.0.iter().copied().eq(labels.clone().map(|(name, _)| name));
        self.schemas.iter().position(is).map(|at| at as u16)
    }

    fn add_schema(&mut self, labels: &LabelSet) -> Option<u16> {
        let number = u16::try_from(self.schemas.len()).ok()?;
        // As the family, it is there as long as the program.
        let leak = |name: &str| -> &'static str { Box::leak(Box::from(name)) };
        self.schemas.push(Box::leak(Box::new(Schema(labels.iter().map(|(name, _)| leak(name)).collect()))));
        Some(number)
    }
}

/// What a series with these labels is known by: its schema, and of each value its length and its
/// text.
fn key<'a>(schema: u16, labels: impl Iterator<Item = (&'a str, &'a str)>, key: &mut Vec<u8>) {
    key.clear();
    key.extend_from_slice(&schema.to_le_bytes());
    for (_, value) in labels {
        let start = key.len();
        key.push(0);
        escape(value, true, key);
        let len = key.len() - start - 1;
        if len < usize::from(LONG) {
            key[start] = len as u8;
        } else {
            key[start] = LONG;
            key.splice(start + 1..=start, (len as u32).to_le_bytes());
        }
    }
}

/// A text begins with a slot and the length of what follows, the key of its series.
const BEFORE_KEY: usize = 5;

/// The first byte of a length that takes four more.
const LONG: u8 = u8::MAX;

/// The names of the labels that some series have in common, sorted.
#[derive(Debug)]
pub(crate) struct Schema(Box<[&'static str]>);

impl Schema {
    pub(crate) fn names(&self) -> &[&'static str] {
        &self.0
    }
}

/// The labels of one series, as they lie in a page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Labels<'a> {
    /// Where the series has its value, where that needs nothing else; else unbound.
    pub(crate) slot: u32,
    /// Which of the family's schemas it is.
    pub(crate) number: usize,
    pub(crate) schema: &'static Schema,
    /// The length of its key, if that is not long.
    len: u8,
    /// From the first value on, to the end of the page.
    page: &'a [u8],
}

impl<'a> Labels<'a> {
    pub(super) fn read(schemas: &[&'static Schema], text: &'a [u8]) -> Option<Self> {
        let (slot, text) = text.split_first_chunk()?;
        let (len, text) = text.split_first()?;
        let (number, page) = text.split_first_chunk()?;
        let number = usize::from(u16::from_le_bytes(*number));
        Some(Self { slot: u32::from_le_bytes(*slot), number, schema: schemas.get(number).copied()?, len: *len, page })
    }

    /// The values, escaped: where each begins and how long it is, in what `page` returns.
    #[inline]
    pub(crate) fn values(&self) -> impl Iterator<Item = (usize, usize)> + use<'a> {
        let (page, mut at) = (self.page, 0);
        (0..self.schema.0.len()).map_while(move |_| {
            let (start, len) = match *page.get(at)? {
                LONG => (at + 5, u32::from_le_bytes(*page.get(at + 1..)?.first_chunk()?) as usize),
                len => (at + 1, usize::from(len)),
            };
            at = start + len;
            Some((start, len))
        })
    }

    /// What `values` are in, with whatever follows them.
    #[inline]
    pub(crate) fn page(&self) -> &'a [u8] {
        self.page
    }

    /// How long the text is that these labels were read from, without what follows it.
    #[inline]
    pub(super) fn len(&self) -> usize {
        match self.len {
            LONG => BEFORE_KEY + 2 + self.values().last().map_or(0, |(start, len)| start + len),
            len => BEFORE_KEY + usize::from(len),
        }
    }

    /// The part of `text`, which these labels were read from, that tells them from others.
    fn key(&self, text: &'a [u8]) -> &'a [u8] {
        text.get(BEFORE_KEY..self.len()).unwrap_or_default()
    }

    fn escaped(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let page = self.page;
        self.values().map(move |(start, len)| page.get(start..start + len).unwrap_or_default())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static str, Cow<'a, str>)> + use<'a> {
        self.schema.0.iter().copied().zip(self.escaped().map(unescape))
    }

    pub(crate) fn to_set(self) -> LabelSet {
        LabelSet::new(self.iter().map(|(name, value)| (Cow::Borrowed(name), Arc::from(&*value))))
    }

    /// In the order of label sets.
    pub(super) fn compare(&self, other: &Self) -> Ordering {
        if !std::ptr::eq(self.schema, other.schema) {
            return self.iter().cmp(other.iter());
        }
        let pairs = self.escaped().zip(other.escaped());
        pairs.map(|(one, other)| compare(one, other)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    }
}

/// Compares what two escaped texts stand for; nearly always that is what they are.
fn compare(one: &[u8], other: &[u8]) -> Ordering {
    if one.contains(&b'\\') || other.contains(&b'\\') { unescape(one).cmp(&unescape(other)) } else { one.cmp(other) }
}

/// Series by number, in rows of rising length, none of which ever moves.
#[derive(Debug, Default, Clone)]
pub(super) struct Rows(Vec<&'static [Series]>);

impl Rows {
    /// The length of all rows from some row on: what is made ahead of its use stays little.
    const LONGEST: u32 = 512;

    /// Which row a number is in, and where.
    fn place(number: u32) -> (usize, usize) {
        let (row, at) = match number {
            0 => (0, 0),
            1..Self::LONGEST => (1 + number.ilog2(), number - (1 << number.ilog2())),
            _ => (Self::LONGEST.ilog2() + number / Self::LONGEST, number % Self::LONGEST),
        };
        (row as usize, at as usize)
    }

    #[inline]
    pub(super) fn get(&self, number: u32) -> Option<&'static Series> {
        let (row, at) = Self::place(number);
        self.0.get(row)?.get(at)
    }

    /// The place of the next number.
    fn next(&mut self, number: u32, family: &'static Family) -> Option<&'static Series> {
        if self.get(number).is_none() {
            let len = if number == 0 { 1 } else { (1 << number.ilog2()).min(Self::LONGEST) };
            // Handles refer to it for as long as the program runs.
            self.0.push(Box::leak((0..len).map(|_| Series::blank(family)).collect()));
        }
        self.get(number)
    }

    /// Becomes a copy of what may have grown.
    pub(super) fn follow(&mut self, grown: &Self) {
        self.0.clear();
        self.0.extend_from_slice(&grown.0);
    }
}

/// Texts, one after the other, in pages that don't change any more once they are full.
#[derive(Debug, Default)]
pub(super) struct Pages {
    full: Vec<Arc<[u8]>>,
    open: Vec<u8>,
}

/// The bits of a text's place in its page; the others are the page's number.
const IN_PAGE: u32 = 14;

fn place(page: usize, at: usize) -> Option<u32> {
    (page < (Pages::NOWHERE >> IN_PAGE) as usize).then_some((page as u32) << IN_PAGE | at as u32)
}

/// The same place, so many pages further.
pub(super) fn further(place: u32, pages: usize) -> u32 {
    place + ((pages as u32) << IN_PAGE)
}

impl Pages {
    /// Where the text of a series is that is on no shelf.
    pub(super) const NOWHERE: u32 = u32::MAX;

    /// Adds a text and says where it is.
    pub(super) fn push(&mut self, text: &[u8]) -> Option<u32> {
        if !self.open.is_empty() && self.open.len() + text.len() > 1 << IN_PAGE {
            self.close();
        }
        let place = place(self.full.len(), self.open.len())?;
        self.open.extend_from_slice(text);
        Some(place)
    }

    fn close(&mut self) {
        self.full.push(Arc::from(&*self.open));
        self.open.clear();
    }

    /// Adds full pages, and says which is the first of them. `None` where there is no place left.
    pub(super) fn append(&mut self, mut pages: Self) -> Option<usize> {
        self.close();
        pages.close();
        let first = self.full.len();
        place(first + pages.full.len(), 0)?;
        self.full.append(&mut pages.full);
        Some(first)
    }

    /// How many full pages there are.
    pub(super) fn full(&self) -> usize {
        self.full.len()
    }

    /// Frees the first pages, whose texts are elsewhere by now.
    pub(super) fn free(&mut self, pages: usize) {
        let empty = Arc::from([]);
        for page in self.full.iter_mut().take(pages) {
            page.clone_from(&empty);
        }
    }

    /// The text behind a number of bytes of a full page; behind all of them, that of the next page.
    #[inline]
    pub(super) fn next(&self, page: &mut usize, at: &mut usize) -> Option<&[u8]> {
        if *at >= self.full.get(*page)?.len() {
            (*page, *at) = (*page + 1, 0);
        }
        self.full.get(*page)?.get(*at..)
    }

    /// The text at this place, and what follows it in its page.
    #[inline]
    pub(super) fn text(&self, place: u32) -> Option<&[u8]> {
        let page = (place >> IN_PAGE) as usize;
        let page = match self.full.get(page) {
            Some(full) => full,
            None if page == self.full.len() => &*self.open,
            None => return None,
        };
        page.get((place % (1 << IN_PAGE)) as usize..)
    }

    /// Becomes a copy of what may have grown. The full pages are shared.
    pub(super) fn follow(&mut self, grown: &Self) {
        self.full.clear();
        self.full.extend_from_slice(&grown.full);
        self.open.clear();
        self.open.extend_from_slice(&grown.open);
    }
}

/// From the hash of a label set to the numbers that may be its series.
///
/// A table with open addressing and four bytes a place: the number, and what is left of them for
/// bits of the hash, so that the text of another series is seldom looked at.
#[derive(Debug, Default)]
struct Index {
    /// A power of two, or none.
    places: Vec<u32>,
    /// How many are not empty.
    used: usize,
}

/// Bits of a place for the number. There are no more series than slots, which are 2^23.
const NUMBER: u32 = (1 << 23) - 1;
const EMPTY: u32 = 0;
/// The place of what was removed: a search goes on behind it.
const REMOVED: u32 = 1 << 23;

impl Index {
    /// The place's content for a number and a hash: never 0 in the bits of the number.
    fn entry(hash: u64, number: u32) -> u32 {
        (hash >> 32) as u32 & !NUMBER | (number + 1)
    }

    /// The places that a hash leads to, up to an empty one.
    fn search(&self, hash: u64) -> impl Iterator<Item = (usize, u32)> {
        let mask = self.places.len().wrapping_sub(1);
        let all = (0..self.places.len()).map(move |step| (hash as usize).wrapping_add(step) & mask);
        all.map(|at| (at, self.places[at])).take_while(|(_, entry)| *entry != EMPTY)
    }

    fn locate(&self, hash: u64, mut is_it: impl FnMut(u32) -> bool) -> Option<(usize, u32)> {
        self.search(hash).find_map(|(at, entry)| {
            let number = (entry & NUMBER).checked_sub(1)?;
            (Self::entry(hash, number) == entry && is_it(number)).then_some((at, number))
        })
    }

    fn find(&self, hash: u64, is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        self.locate(hash, is_it).map(|(_, number)| number)
    }

    fn remove(&mut self, hash: u64, is_it: impl FnMut(u32) -> bool) -> bool {
        let found = self.locate(hash, is_it);
        if let Some((at, _)) = found {
            self.places[at] = REMOVED;
        }
        found.is_some()
    }

    /// Adds a number that is not in it; `hash_of` tells the hash of those that are.
    fn insert(&mut self, hash: u64, number: u32, hash_of: impl Fn(u32) -> u64) {
        if (self.used + 1) * 8 > self.places.len() * 7 {
            let kept: Vec<u32> = self.places.iter().filter_map(|entry| (entry & NUMBER).checked_sub(1)).collect();
            let len = ((kept.len() + 1) * 4 / 3).next_power_of_two();
            self.places = vec![EMPTY; len];
            self.used = 0;
            for number in kept {
                self.fill(hash_of(number), number);
            }
        }
        self.fill(hash, number);
    }

    fn fill(&mut self, hash: u64, number: u32) {
        let end = self.search(hash).count();
        let mask = self.places.len() - 1;
        self.places[(hash as usize).wrapping_add(end) & mask] = Self::entry(hash, number);
        self.used += 1;
    }
}
