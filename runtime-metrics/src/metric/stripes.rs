//! `Stripes`: a few copies of one thing, so that threads that write to it seldom meet.

use std::cell::Cell;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// The most copies: beyond, threads share, and memory stays bounded.
const MOST: usize = 8;

/// Apart from its neighbours by two cache lines, which processors fetch in pairs.
#[derive(Debug)]
#[repr(align(128))]
struct Apart<T>(T);

/// A copy for each of a few groups of threads, made when one of the group first needs it.
#[derive(Debug)]
pub(super) struct Stripes<T>(Box<[OnceLock<Box<Apart<T>>>]>);

impl<T> Stripes<T> {
    pub(super) fn new() -> Self {
        Self((0..groups()).map(|_| OnceLock::new()).collect())
    }

    /// The copy of this thread's group.
    #[inline]
    pub(super) fn mine(&self, make: impl FnOnce() -> T) -> &T {
        &self.0[thread() % self.0.len()].get_or_init(|| Box::new(Apart(make()))).0
    }

    /// The copies there are.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().filter_map(|copy| copy.get().map(|copy| &copy.0))
    }
}

/// As many as threads can run at a time.
fn groups() -> usize {
    static GROUPS: OnceLock<usize> = OnceLock::new();
    *GROUPS.get_or_init(|| std::thread::available_parallelism().map_or(1, usize::from).min(MOST))
}

/// A number of this thread, in the order in which threads first asked.
#[inline]
fn thread() -> usize {
    const NONE: usize = usize::MAX;
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static MINE: Cell<usize> = const { Cell::new(NONE) };
    }
    let mine = MINE.get();
    if mine != NONE {
        return mine;
    }
    let mine = NEXT.fetch_add(1, Relaxed);
    MINE.set(mine);
    mine
}

#[cfg(test)]
mod tests {
    use super::*;

    const THREADS: usize = if cfg!(miri) { 5 } else { 100 };

    #[test]
    fn a_thread_keeps_its_copy_and_there_are_few() {
        let stripes = Stripes::<AtomicUsize>::new();
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    let mine = stripes.mine(AtomicUsize::default);
                    assert!(std::ptr::eq(mine, stripes.mine(AtomicUsize::default)));
                    mine.fetch_add(1, Relaxed);
                });
            }
        });
        assert!(stripes.iter().count() <= groups());
        assert_eq!(stripes.iter().map(|copy| copy.load(Relaxed)).sum::<usize>(), THREADS);
    }
}
