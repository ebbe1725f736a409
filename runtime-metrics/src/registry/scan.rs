//! Reads all series of a family in the order of their labels, and keeps nobody waiting who makes
//! a new one: what they would change is copied first, and that is little.
//!
//! Series are made in any order, and so memory would be read in any order, which takes ten times as
//! long as reading on. So the texts of a family that has many are laid out anew, in the order of the
//! labels, by the first scan that finds many new ones.

use super::family::{Family, Series};
use super::shelf::{Labels, Pages, Rows, Schema, Shelf, further};

/// What a scan needs besides the family; used again, it allocates nothing.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    rows: Rows,
    len: u32,
    schemas: Vec<&'static Schema>,
    pages: Pages,
    removed: usize,
}

/// The series in the order of their labels, as far as some scan has seen them.
#[derive(Debug, Default)]
pub(super) struct Order {
    /// Their numbers, and the bits below.
    entries: Vec<u32>,
    /// All series below this number have been seen.
    seen: u32,
    /// How many entries are loose.
    loose: usize,
    /// How many had been removed when that was looked at last.
    removed: usize,
    /// The page from which on texts are laid out.
    page: usize,
}

/// The text is not laid out: the series knows where it is.
const LOOSE: u32 = 1 << 31;
/// The series was removed.
const REMOVED: u32 = 1 << 30;
const NUMBER: u32 = REMOVED - 1;

/// How many series must be loose to be laid out: fewer are at hand anyway. Miri never makes many.
const MANY: usize = if cfg!(miri) { 4 } else { 256 };
/// How many series are told at a time where their text is now.
const AT_A_TIME: usize = 256;

/// A series as a scan comes by it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found<'a> {
    pub(crate) labels: Labels<'a>,
    rows: &'a Rows,
    number: u32,
}

impl Found<'_> {
    /// The series itself, which is seldom needed and may be far.
    pub(crate) fn series(&self) -> Option<&'static Series> {
        self.rows.get(self.number)
    }
}

impl Family {
    /// Shows every series, in the order of their labels.
    pub(crate) fn scan(&self, scan: &mut Scan, mut show: impl FnMut(Found<'_>)) {
        let mut order = self.order.lock();
        scan.follow(&self.series.read());
        order.add_new(scan);
        order.look_for_removed(scan);
        if order.loose >= MANY && order.loose > order.entries.len() / 8 {
            order.lay_out(self, scan);
        }
        let (mut page, mut at) = (order.page, 0);
        for entry in &order.entries {
            let loose = entry & LOOSE != 0;
            let text = if loose { scan.text(*entry) } else { scan.pages.next(&mut page, &mut at) };
            let Some(labels) = text.and_then(|text| Labels::read(&scan.schemas, text)) else { continue };
            if !loose {
                at += labels.len();
            }
            if entry & REMOVED == 0 {
                show(Found { labels, rows: &scan.rows, number: entry & NUMBER });
            }
        }
    }
}

impl Scan {
    fn follow(&mut self, grown: &Shelf) {
        self.rows.follow(&grown.rows);
        self.len = grown.len;
        self.schemas.clear();
        self.schemas.extend_from_slice(&grown.schemas);
        self.pages.follow(&grown.pages);
        self.removed = grown.removed;
    }

    fn text(&self, entry: u32) -> Option<&[u8]> {
        self.pages.text(self.rows.get(entry & NUMBER)?.text())
    }

    fn labels(&self, entry: u32) -> Option<Labels<'_>> {
        Labels::read(&self.schemas, self.text(entry)?)
    }
}

impl Order {
    /// Puts the series that are new into their places.
    fn add_new(&mut self, scan: &Scan) {
        let compare = |one: u32, other: u32| match (scan.labels(one), scan.labels(other)) {
            (Some(one), Some(other)) => one.compare(&other),
            _ => one.cmp(&other),
        };
        let known = self.entries.len();
        self.entries.reserve_exact((scan.len - self.seen) as usize);
        self.entries.extend((self.seen..scan.len).map(|number| number | LOOSE));
        self.loose += (scan.len - self.seen) as usize;
        self.seen = scan.len;
        self.entries[known..].sort_unstable_by(|one, other| compare(*one, *other));
        if known == 0 {
            return;
        }
        let (mut old, mut new) = (known, self.entries.split_off(known));
        self.entries.resize(known + new.len(), 0);
        // From the end: the known ones that belong behind a new one move once.
        while let Some(entry) = new.pop() {
            let at = self.entries[..old].partition_point(|known| compare(*known, entry).is_lt());
            self.entries.copy_within(at..old, at + new.len() + 1);
            self.entries[at + new.len()] = entry;
            old = at;
        }
    }

    /// Removed series stay where they are, since their texts do.
    fn look_for_removed(&mut self, scan: &Scan) {
        if self.removed != scan.removed {
            self.removed = scan.removed;
            for entry in &mut self.entries {
                if scan.rows.get(*entry & NUMBER).is_some_and(Series::is_removed) {
                    *entry |= REMOVED;
                }
            }
        }
    }

    /// Copies all texts into new pages, in their order. Who makes a new series meanwhile waits for
    /// a few microseconds now and then.
    #[cold]
    fn lay_out(&mut self, family: &Family, scan: &mut Scan) {
        let mut pages = Pages::default();
        let mut places = Vec::with_capacity(self.entries.len());
        for entry in &self.entries {
            let text = scan.text(*entry).and_then(|text| text.get(..Labels::read(&scan.schemas, text)?.len()));
            let Some(place) = pages.push(text.unwrap_or_default()) else { return };
            places.push(place);
        }
        let Some(first) = family.series.write().pages.append(pages) else { return };
        for (entries, places) in self.entries.chunks_mut(AT_A_TIME).zip(places.chunks(AT_A_TIME)) {
            let _nobody_reads = family.series.write();
            for (entry, place) in entries.iter_mut().zip(places) {
                if let Some(series) = scan.rows.get(*entry & NUMBER) {
                    series.set_text(further(*place, first));
                }
                *entry &= !LOOSE;
            }
        }
        (self.page, self.loose) = (first, 0);
        // The page that was open may have been written to since.
        let old = scan.pages.full();
        family.series.write().pages.free(old);
        scan.follow(&family.series.read());
    }
}
