//! What a family does with its series, in every order of events there can be. The shelf itself is
//! safe code behind a lock that the model checker can't look into, and far too long for it; this is
//! its protocol step by step, with one label set, over the real slots. `tests.rs` races the real one.

#![allow(clippy::unwrap_used)] // a test that can't go on has failed

use crate::shard::{Arena, FIRST, Lease};
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use loom::sync::{Arc, Mutex, RwLock};
use loom::thread;

/// Who sees one got it from the shelf, whose lock orders what is written here.
struct Series {
    slot: u32,
    text: AtomicUsize,
    removed: AtomicBool,
}

#[derive(Default)]
struct Shelf {
    rows: Vec<Arc<Series>>,
    /// Where the label set leads to.
    index: Option<usize>,
    /// A text in each, until it is freed.
    pages: Vec<bool>,
}

struct Family {
    arena: Arena,
    shelf: RwLock<Shelf>,
    order: Mutex<()>,
}

impl Shelf {
    fn get(&self) -> Option<Arc<Series>> {
        let series = self.rows.get(self.index?)?;
        assert!(self.pages[series.text.load(Relaxed)], "the text is where the series says");
        Some(Arc::clone(series))
    }
}

impl Family {
    fn new() -> Arc<Self> {
        Arc::new(Self { arena: Arena::new(), shelf: RwLock::new(Shelf::default()), order: Mutex::new(()) })
    }

    fn find(&self) -> Option<Arc<Series>> {
        self.shelf.read().unwrap().get()
    }

    fn find_or_create(&self) -> Arc<Series> {
        if let Some(known) = self.find() {
            return known;
        }
        let mut shelf = self.shelf.write().unwrap();
        if let Some(known) = shelf.get() {
            return known;
        }
        let (number, text) = (shelf.rows.len(), shelf.pages.len());
        shelf.pages.push(true);
        let series =
            Series { slot: FIRST + number as u32, text: AtomicUsize::new(text), removed: AtomicBool::new(false) };
        shelf.rows.push(Arc::new(series));
        shelf.index = Some(number);
        Arc::clone(&shelf.rows[number])
    }

    fn record(&self) -> u32 {
        let slot = self.find_or_create().slot;
        Lease::of(&self.arena).add(slot, 1);
        slot
    }

    fn remove(&self) -> bool {
        let Some(series) = self.find() else { return false };
        let mut shelf = self.shelf.write().unwrap();
        let is_it = shelf.index.is_some_and(|number| Arc::ptr_eq(&shelf.rows[number], &series));
        if is_it {
            shelf.index = None;
            series.removed.store(true, Relaxed);
        }
        is_it
    }

    /// The slots of what is shown. The texts are laid out anew before they are read.
    fn scan(&self) -> Vec<u32> {
        let _order = self.order.lock().unwrap();
        let copied = |shelf: &Shelf| (shelf.rows.clone(), shelf.pages.clone());
        let (rows, old) = copied(&self.shelf.read().unwrap());
        let first = {
            let pages = &mut self.shelf.write().unwrap().pages;
            pages.extend(rows.iter().map(|_| true));
            pages.len() - rows.len()
        };
        {
            let _nobody_reads = self.shelf.write().unwrap();
            for (number, series) in rows.iter().enumerate() {
                series.text.store(first + number, Relaxed);
            }
        }
        self.shelf.write().unwrap().pages.iter_mut().take(old.len()).for_each(|page| *page = false);
        let (rows, pages) = copied(&self.shelf.read().unwrap());
        let live = rows.iter().filter(|series| !series.removed.load(Relaxed));
        live.inspect(|series| assert!(pages[series.text.load(Relaxed)])).map(|series| series.slot).collect()
    }
}

/// Every order, but for those with more than three switches that no wait asks for.
fn check(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(model);
}

fn recorder(family: &Arc<Family>) -> thread::JoinHandle<u32> {
    let family = Arc::clone(family);
    thread::spawn(move || family.record())
}

#[test]
fn two_that_make_a_series_while_it_is_read_make_one() {
    check(|| {
        let family = Family::new();
        let (one, other) = (recorder(&family), recorder(&family));
        assert!(family.scan().len() <= 1);
        assert_eq!(one.join().unwrap(), other.join().unwrap());
        assert_eq!((family.scan(), family.arena.view().sum(FIRST)), (vec![FIRST], 2));
    });
}

#[test]
fn what_is_removed_while_it_is_recorded_into_is_not_shown_and_nothing_is_lost() {
    check(|| {
        let family = Family::new();
        let first = family.record();
        let one = recorder(&family);
        let remover = {
            let family = Arc::clone(&family);
            thread::spawn(move || family.remove())
        };
        assert!(family.scan().len() <= 1);
        assert!(remover.join().unwrap());
        let second = one.join().unwrap();
        let (shown, view) = (family.scan(), family.arena.view());
        // The record came before, or it has made the series anew.
        let (made, total) = if first == second { (vec![], 2) } else { (vec![second], 1) };
        assert_eq!((shown, view.sum(first)), (made, total));
        assert_eq!(view.sum(first) + view.sum(FIRST + 1), 2);
    });
}

#[test]
fn of_two_that_remove_a_series_one_does() {
    check(|| {
        let family = Family::new();
        family.record();
        let remover = {
            let family = Arc::clone(&family);
            thread::spawn(move || family.remove())
        };
        let here = family.remove();
        assert!(here != remover.join().unwrap());
        assert_eq!((family.scan(), family.shelf.read().unwrap().rows.len()), (vec![], 1));
    });
}
