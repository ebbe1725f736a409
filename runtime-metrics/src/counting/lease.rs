//! The lease of a slot, from a thread's first allocation to its end.
//!
//! Only with glibc: there the thread-locals are in the thread's own memory from its start, and the system
//! keeps the list of their destructors.

use super::Slot;
use std::cell::Cell;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicU64, AtomicUsize};

/// Threads that may count alone at the same time. What is not leased costs address space only.
pub(super) const SLOTS_MOST: usize = 1024;

static SLOTS: [Slot; SLOTS_MOST] = [const { Slot::zero() }; SLOTS_MOST];
/// One bit for each slot: whether a thread has it.
static LEASED: [AtomicU64; SLOTS_MOST / 64] = [const { AtomicU64::new(0) }; SLOTS_MOST / 64];
/// How many of the slots were ever leased; those beyond are zero.
static EVER: AtomicUsize = AtomicUsize::new(0);

/// Where a thread is between its first allocation and its last.
#[derive(Clone, Copy, PartialEq)]
enum Stage {
    New,
    /// It has a slot, and is the only one that writes to it.
    Leased(usize),
    /// It has none, and will have none.
    Shares,
}

thread_local! {
    /// This thread's slot. Const and without a destructor: it is simply there, to the very end.
    static MINE: Cell<Option<&'static Slot>> = const { Cell::new(None) };
    /// Only the cold path and the end of the thread look at it.
    static STAGE: Cell<Stage> = const { Cell::new(Stage::New) };
    /// Its destructor ends the lease.
    static LEASE: Lease = const { Lease };
}

/// All slots that were ever leased.
pub(super) fn slots() -> &'static [Slot] {
    SLOTS.get(..EVER.load(Acquire)).unwrap_or(&SLOTS)
}

/// This thread's slot, if it has one.
#[inline(always)]
pub(super) fn mine() -> Option<&'static Slot> {
    MINE.with(Cell::get)
}

/// Leases a slot if this thread never had one; whether it has now.
pub(super) fn begin() -> bool {
    if STAGE.with(Cell::get) != Stage::New {
        return false;
    }
    STAGE.with(|stage| stage.set(Stage::Shares));
    let Some(number) = free_slot() else { return false };
    EVER.fetch_max(number + 1, Release);
    MINE.with(|mine| mine.set(Some(&SLOTS[number])));
    STAGE.with(|stage| stage.set(Stage::Leased(number)));
    // What this may allocate has a slot to be counted in by now. It fails where the thread is
    // in its last moments.
    if LEASE.try_with(|_| ()).is_err() {
        end();
        return false;
    }
    true
}

/// A slot that no other thread has until its bit is cleared again. Its last owner's counts come
/// before ours: clearing the bit releases them, setting it acquires them.
fn free_slot() -> Option<usize> {
    LEASED.iter().enumerate().find_map(|(at, word)| {
        let mut seen = word.load(Relaxed);
        while seen != u64::MAX {
            let bit = seen.trailing_ones();
            match word.compare_exchange_weak(seen, seen | 1 << bit, Acquire, Relaxed) {
                Ok(_) => return Some(at * 64 + bit as usize),
                Err(now) => seen = now,
            }
        }
        None
    })
}

fn end() {
    MINE.with(|mine| mine.set(None));
    if let Stage::Leased(number) = STAGE.with(|stage| stage.replace(Stage::Shares)) {
        LEASED[number / 64].fetch_and(!(1 << (number % 64)), Release);
    }
}

/// The right to a slot.
struct Lease;

impl Drop for Lease {
    fn drop(&mut self) {
        end();
    }
}
