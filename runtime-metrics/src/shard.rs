//! Per-thread slots: where every count lives, and the only unsafe code on the hot path.
//!
//! A *slot* is a 64-bit cell with a number that is the same in every thread. Each thread leases a
//! *block*, a directory of pages of slots, and is the only one that ever writes to it; so recording
//! is a plain load, add and store, with no lock prefix and no contention. A reader sums one slot
//! over all blocks.
//!
//! * Pages come into being on first touch: a thread pays for what it records.
//! * The call site of an `increment!` remembers, in each thread, where its cell is: a pointer to
//!   load and to test, then the add. Nothing can be shorter, and it costs what `x += 1` costs.
//! * A thread that ends gives its block back *with its values*, and the next thread leases it.
//!   Totals stay exact, nothing is ever reset, and memory follows the peak number of threads.
//! * A record made while thread-locals are being torn down goes to one shared block with
//!   `fetch_add`: it is never lost.
//! * Slot 0 belongs to a page that no block ever has. What has no slot yet holds 0, and so takes the
//!   cold path of a page not yet touched: one branch serves both.
//!
//! A signal handler must not record into a slot that the code it interrupts records into: the
//! load, add and store of one of the two would be lost.

use crate::sync::Ordering::{Acquire, Relaxed, Release};
use crate::sync::{Arc, AtomicPtr, AtomicU64, Mutex};
use std::ptr::{self, NonNull};

#[cfg(not(loom))]
mod size {
    /// Slots in a page: 1 KiB, which holds a metered function or a classic histogram whole.
    pub(crate) const PAGE: u32 = 128;
    /// Pages a block can hold: 8.4 million slots. The directory is lazily zeroed memory, so what
    /// is not used costs address space only. Miri looks at all of it each time.
    pub(crate) const PAGES: usize = if cfg!(miri) { 128 } else { 65_536 };
}
#[cfg(loom)]
mod size {
    pub(crate) const PAGE: u32 = 2;
    pub(crate) const PAGES: usize = 3;
}
pub(crate) use size::{PAGE, PAGES};

/// The slot of a site that has none yet.
pub(crate) const UNBOUND: u32 = 0;
/// The slot of a site whose metric is turned off: like `UNBOUND` in a page that is never there.
pub(crate) const OFF: u32 = 1;
/// The first slot that can be handed out: page 0 stays empty for ever.
pub(crate) const FIRST: u32 = PAGE;
/// One past the last slot there is.
pub(crate) const END: u32 = PAGE * PAGES as u32;

/// Aligned, so that no two threads write to one line of the processor's memory.
#[repr(C, align(64))]
struct Page([AtomicU64; PAGE as usize]);

impl Page {
    fn new() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::new(0)))
    }
}

/// One thread's slots, or the shared block's.
///
/// The directory holds for each page where its slot 0 would be, if the page reached down to it: the
/// cell of a slot is then simply that far on, without taking the slot's number apart once more.
pub(crate) struct Block {
    origins: [AtomicPtr<AtomicU64>; PAGES],
}

impl std::fmt::Debug for Block {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Block")
    }
}

/// Where a block lives: boxed, for moving the directory itself would touch all of its lazily
/// zeroed memory.
#[derive(Debug)]
pub(crate) struct Home(Box<Block>);

impl Block {
    #[cfg(not(loom))]
    #[allow(clippy::large_stack_arrays)] // it is only ever a static
    const fn empty() -> Self {
        Self { origins: [const { AtomicPtr::new(ptr::null_mut()) }; PAGES] }
    }

    #[cfg(not(loom))]
    #[allow(clippy::cast_ptr_alignment)] // the layout asks for the alignment
    fn boxed() -> Box<Self> {
        let layout = std::alloc::Layout::new::<Self>();
        // SAFETY: `Self` has a size, and all-zero bytes are a valid `Self`: an array of null
        // pointers. The pointer comes from the global allocator with the layout `Box` frees with.
        unsafe {
            let block = std::alloc::alloc_zeroed(layout).cast::<Self>();
            if block.is_null() {
                std::alloc::handle_alloc_error(layout);
            }
            Box::from_raw(block)
        }
    }

    #[cfg(loom)]
    fn empty() -> Self {
        Self { origins: std::array::from_fn(|_| AtomicPtr::new(ptr::null_mut())) }
    }

    #[cfg(loom)]
    fn boxed() -> Box<Self> {
        Box::new(Self::empty())
    }

    /// The entry of the page that `slot` lies in.
    #[inline(always)]
    fn entry(&self, slot: u32) -> &AtomicPtr<AtomicU64> {
        debug_assert!(slot < END);
        // SAFETY: slots come from `Registry::allocate`, which ends at `END`, and from adding to one
        // what was allocated with it; so the page of each is below `PAGES`.
        unsafe { self.origins.get_unchecked((slot / PAGE) as usize) }
    }

    /// Where the cell of `slot` is, if its page has been touched; from there the whole page can be
    /// reached.
    #[inline(always)]
    fn place(&self, slot: u32) -> Option<NonNull<AtomicU64>> {
        let origin = self.entry(slot).load(Acquire);
        if origin.is_null() {
            return None;
        }
        let cell = origin.wrapping_add(slot as usize);
        // SAFETY: an origin that is not null leads from a slot of its page to that slot's cell, which
        // is not null.
        Some(unsafe { NonNull::new_unchecked(cell) })
    }

    /// The cell of `slot`, if its page has been touched.
    #[inline(always)]
    fn get(&self, slot: u32) -> Option<&AtomicU64> {
        // SAFETY: the page was published with Release, and is freed only with the block.
        self.place(slot).map(|cell| unsafe { cell.as_ref() })
    }

    /// `slot` and the `N - 1` after it, if their page has been touched. They must lie in one page.
    #[inline(always)]
    fn run<const N: usize>(&self, slot: u32) -> Option<&[AtomicU64; N]> {
        assert!((slot % PAGE) as usize + N <= PAGE as usize);
        let origin = self.entry(slot).load(Acquire);
        if origin.is_null() {
            return None;
        }
        // SAFETY: as in `get`, and the page's array goes on for `N` cells.
        Some(unsafe { &*origin.wrapping_add(slot as usize).cast() })
    }

    /// The cell of `slot`; its page is made if need be.
    #[cold]
    #[inline(never)]
    fn touch(&self, slot: u32) -> &AtomicU64 {
        let entry = self.entry(slot);
        while entry.load(Acquire).is_null() {
            let page: *mut Page = Box::into_raw(Box::new(Page::new()));
            let origin = page.cast::<AtomicU64>().wrapping_sub((slot / PAGE * PAGE) as usize);
            if entry.compare_exchange(ptr::null_mut(), origin, Release, Acquire).is_err() {
                // SAFETY: the exchange failed, so nobody else has seen the page.
                drop(unsafe { Box::from_raw(page) });
            }
        }
        match self.get(slot) {
            Some(cell) => cell,
            None => unreachable!("a touched page stays"),
        }
    }
}

impl Drop for Block {
    #[allow(clippy::cast_ptr_alignment)] // it was one
    fn drop(&mut self) {
        for (page, origin) in self.origins.iter().enumerate() {
            let origin = origin.load(Acquire);
            if !origin.is_null() {
                // SAFETY: the way back to what `Box::into_raw` gave in `touch`; dropping means that
                // nobody else has the block.
                drop(unsafe { Box::from_raw(origin.wrapping_add(page * PAGE as usize).cast::<Page>()) });
            }
        }
    }
}

/// All threads' cells. One per process; the model checker makes its own.
#[derive(Debug)]
pub(crate) struct Arena {
    threads: Mutex<Threads>,
    /// The block that no thread owns: gauges, and records made during thread teardown.
    shared: Block,
}

#[derive(Debug)]
struct Threads {
    blocks: Vec<Arc<Home>>,
    free: Vec<Arc<Home>>,
}

impl Threads {
    const fn none() -> Self {
        Self { blocks: Vec::new(), free: Vec::new() }
    }
}

impl Arena {
    #[cfg(not(loom))]
    pub(crate) const fn new() -> Self {
        Self { threads: Mutex::new(Threads::none()), shared: Block::empty() }
    }

    #[cfg(loom)]
    pub(crate) fn new() -> Self {
        Self { threads: Mutex::new(Threads::none()), shared: Block::empty() }
    }

    /// A block for the calling thread alone, until it is given back. The lock orders the last write
    /// of the previous owner before the first read of the next.
    fn lease(&self) -> Arc<Home> {
        let mut threads = self.threads.lock();
        if let Some(block) = threads.free.pop() {
            return block;
        }
        let block = Arc::new(Home(Block::boxed()));
        threads.blocks.push(Arc::clone(&block));
        block
    }

    /// Takes a block back, values and all.
    fn give_back(&self, block: Arc<Home>) {
        self.threads.lock().free.push(block);
    }

    /// Adds to the shared block, from whichever thread; `touch` does the same for a real thread.
    #[cfg(loom)]
    pub(crate) fn add_shared(&self, slot: u32, n: u64) {
        Slot::Shared(self.shared_cell(slot)).add(n);
    }

    /// A cell that all threads share; its page is made if need be.
    #[inline(always)]
    fn shared_cell(&self, slot: u32) -> &AtomicU64 {
        self.shared.get(slot).unwrap_or_else(|| self.shared.touch(slot))
    }

    /// A view of every block there is now.
    pub(crate) fn view(&self) -> View<'_> {
        View { blocks: self.threads.lock().blocks.clone(), ..View::of(self) }
    }
}

/// How many pages of a block are added up before those of the next.
const AT_A_TIME: usize = 8;

/// The readers' side: sums slots over the blocks that existed when it was made. Cells are read one
/// by one, so a view is monotonic in each cell but not one instant across them.
pub(crate) struct View<'a> {
    arena: &'a Arena,
    blocks: Vec<Arc<Home>>,
    /// The total of each slot, as far as `add_up` has added them up.
    totals: Vec<u64>,
}

impl std::fmt::Debug for View<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("View").field("blocks", &self.blocks.len()).finish_non_exhaustive()
    }
}

impl<'a> View<'a> {
    /// A view of no block but the shared one, to add up with.
    pub(crate) fn of(arena: &'a Arena) -> Self {
        Self { arena, blocks: Vec::new(), totals: Vec::new() }
    }

    fn blocks(&self) -> impl Iterator<Item = &Block> {
        self.blocks.iter().map(|block| &*block.0).chain([&self.arena.shared])
    }

    fn cells(&self, slot: u32) -> impl Iterator<Item = u64> {
        self.blocks().filter_map(move |block| block.get(slot)).map(|cell| cell.load(Relaxed))
    }

    /// Adds up all slots below `end`, over the blocks that there are now: page by page, which is
    /// the order they lie in, so that a slot costs a fraction of what `sum` takes to find it.
    /// Nothing is allocated where it has been done before and there are no more slots than then.
    pub(crate) fn add_up(&mut self, end: u32) {
        {
            let threads = self.arena.threads.lock();
            // Blocks are only ever added.
            self.blocks.extend(threads.blocks.iter().skip(self.blocks.len()).cloned());
        }
        let mut totals = std::mem::take(&mut self.totals);
        totals.clear();
        totals.resize((end.div_ceil(PAGE) * PAGE) as usize, 0);
        // A few pages of one block, then those of the next: what is read lies in a row as far as
        // it can, and what is written stays at hand.
        for (group, totals) in totals.chunks_mut(AT_A_TIME * PAGE as usize).enumerate() {
            let first = (group * AT_A_TIME) as u32;
            for block in self.blocks() {
                for (page, totals) in (first..).zip(totals.chunks_exact_mut(PAGE as usize)) {
                    let Some(cells) = block.run::<{ PAGE as usize }>(page * PAGE) else { continue };
                    for (total, cell) in totals.iter_mut().zip(cells) {
                        *total = total.wrapping_add(cell.load(Relaxed));
                    }
                }
            }
        }
        self.totals = totals;
    }

    /// The totals of `slots`, if they have been added up.
    pub(crate) fn totals(&self, slots: std::ops::Range<u32>) -> Option<&[u64]> {
        self.totals.get(slots.start as usize..slots.end as usize)
    }

    /// The total of a slot: as it was added up, or as it is now.
    #[inline]
    pub(crate) fn sum(&self, slot: u32) -> u64 {
        self.totals.get(slot as usize).copied().unwrap_or_else(|| self.sum_now(slot))
    }

    /// The total of a slot at this moment.
    pub(crate) fn sum_now(&self, slot: u32) -> u64 {
        self.cells(slot).fold(0, u64::wrapping_add)
    }

    /// The total of a slot that holds floats.
    pub(crate) fn sum_float(&self, slot: u32) -> f64 {
        // From 0.0 on: the sum of none would be -0.0.
        self.cells(slot).map(f64::from_bits).fold(0.0, |sum, cell| sum + cell)
    }

    /// The largest value of a slot; 0 where nothing was recorded.
    pub(crate) fn max(&self, slot: u32) -> u64 {
        self.cells(slot).max().unwrap_or(0)
    }
}

/// What can be done to a slot. One implementation is the owner's, the other everybody's.
pub(crate) trait Sink: Copy {
    /// Adds, wrapping.
    fn add(self, n: u64);
    /// Makes the value at least `to`.
    fn raise(self, to: u64);
    /// Adds to a slot that holds the bits of a float.
    fn add_float(self, x: f64);
}

/// A cell that only the current thread writes to: neither `Send` nor `Sync`. There is one writer,
/// so a load and a store do what an atomic read-modify-write does, without the lock prefix.
#[derive(Clone, Copy)]
pub(crate) struct Cell<'a> {
    cell: &'a AtomicU64,
    not_send: std::marker::PhantomData<*const ()>,
}

impl<'a> Cell<'a> {
    #[inline(always)]
    fn new(cell: &'a AtomicU64) -> Self {
        Self { cell, not_send: std::marker::PhantomData }
    }

    #[inline(always)]
    pub(crate) fn get(self) -> u64 {
        self.cell.load(Relaxed)
    }

    /// For what a thread remembers in its own block, and nobody sums.
    #[inline(always)]
    pub(crate) fn set(self, to: u64) {
        self.cell.store(to, Relaxed);
    }
}

impl Sink for Cell<'_> {
    #[inline(always)]
    fn add(self, n: u64) {
        self.cell.store(self.cell.load(Relaxed).wrapping_add(n), Relaxed);
    }

    #[inline(always)]
    fn raise(self, to: u64) {
        if self.cell.load(Relaxed) < to {
            self.cell.store(to, Relaxed);
        }
    }

    #[inline(always)]
    fn add_float(self, x: f64) {
        self.cell.store((f64::from_bits(self.cell.load(Relaxed)) + x).to_bits(), Relaxed);
    }
}

/// A slot as the cold path finds it: this thread's, or the shared block's where the thread has
/// none any more.
#[derive(Clone, Copy)]
pub(crate) enum Slot<'a> {
    Mine(Cell<'a>),
    Shared(&'a AtomicU64),
}

impl Sink for Slot<'_> {
    fn add(self, n: u64) {
        match self {
            Self::Mine(cell) => cell.add(n),
            Self::Shared(cell) => drop(cell.fetch_add(n, Relaxed)),
        }
    }

    fn raise(self, to: u64) {
        match self {
            Self::Mine(cell) => cell.raise(to),
            Self::Shared(cell) => drop(cell.fetch_max(to, Relaxed)),
        }
    }

    fn add_float(self, x: f64) {
        match self {
            Self::Mine(cell) => cell.add_float(x),
            Self::Shared(cell) => add_float(cell, x),
        }
    }
}

/// Adds to the float in a cell that several threads write to.
pub(crate) fn add_float(cell: &AtomicU64, x: f64) {
    let mut seen = cell.load(Relaxed);
    while let Err(now) = cell.compare_exchange_weak(seen, (f64::from_bits(seen) + x).to_bits(), Relaxed, Relaxed) {
        seen = now;
    }
}

#[cfg(loom)]
pub use model::Remembered;
#[cfg(loom)]
pub(crate) use model::{ARENA, Cells, add_here, cell, cells, gauge, touch};
#[cfg(not(loom))]
pub use process::Remembered;
#[cfg(not(loom))]
pub(crate) use process::{ARENA, Cells, add_here, cell, cells, gauge, touch};

/// The arena of this process, and each thread's way to its cells.
#[cfg(not(loom))]
mod process {
    use super::{Arc, Arena, AtomicU64, Block, Cell, END, Home, Sink, Slot};
    use std::cell::{Cell as StdCell, RefCell};
    use std::ptr::NonNull;
    use std::thread::LocalKey;

    pub(crate) static ARENA: Arena = Arena::new();

    /// What a thread without a lease points at: it has no pages, so everything is a cold path.
    static EMPTY: Block = Block::empty();

    /// What the hot path needs of a thread.
    struct Local {
        block: StdCell<*const Block>,
        /// The call sites that know their cells, newest first.
        remembered: StdCell<*const Remembered>,
    }

    thread_local! {
        /// Const and without a destructor: it is simply there.
        static LOCAL: Local =
            const {
                Local {
                    block: StdCell::new(&raw const EMPTY),
                    remembered: StdCell::new(std::ptr::null()),
                }
            };
        /// The lease, with the destructor that ends it. Only the cold path sees it.
        static LEASE: Lease = const { Lease(RefCell::new(None)) };
    }

    struct Lease(RefCell<Option<Arc<Home>>>);

    /// Where one call site's cell is in one thread, once the site has been reached there. A
    /// thread-local of the site, const and without a destructor.
    #[doc(hidden)]
    #[derive(Debug)]
    pub struct Remembered {
        cell: StdCell<*const AtomicU64>,
        /// The one that the thread remembered before this.
        before: StdCell<*const Remembered>,
    }

    impl Remembered {
        pub const fn nothing() -> Self {
            Self { cell: StdCell::new(std::ptr::null()), before: StdCell::new(std::ptr::null()) }
        }

        /// Finds the slot, and remembers it if it is this thread's.
        pub(crate) fn touch(here: &'static LocalKey<Self>, slot: u32) -> Slot<'static> {
            let slot = touch(slot);
            here.with(|this| {
                if let (Slot::Mine(cell), true) = (slot, this.cell.get().is_null()) {
                    this.cell.set(std::ptr::from_ref(cell.cell));
                    this.before.set(LOCAL.with(|local| local.remembered.replace(this)));
                }
            });
            slot
        }

        /// Makes every call site of this thread look anew.
        fn forget_all(local: &Local) {
            let mut next = local.remembered.replace(std::ptr::null());
            // SAFETY: null, or what `touch` linked: a thread-local of a type without a destructor,
            // which is there until its thread ends.
            while let Some(remembered) = unsafe { next.as_ref() } {
                remembered.cell.set(std::ptr::null());
                next = remembered.before.get();
            }
        }
    }

    impl Drop for Lease {
        fn drop(&mut self) {
            LOCAL.with(|local| {
                // From here on this thread records into the shared block.
                Remembered::forget_all(local);
                local.block.set(&raw const EMPTY);
                if let Some(block) = self.0.get_mut().take() {
                    ARENA.give_back(block);
                }
            });
        }
    }

    /// Adds to the cell that the call site remembers in this thread. `false`, and nothing added, if
    /// it remembers none.
    #[inline(always)]
    pub(crate) fn add_here(here: &'static LocalKey<Remembered>, n: u64) -> bool {
        here.with(|remembered| {
            // SAFETY: null, or a cell of this thread's, which is its alone while it has the lease:
            // before that ends, `forget_all` has made it null.
            let cell = unsafe { remembered.cell.get().as_ref() };
            if let Some(cell) = cell {
                Cell::new(cell).add(n);
            }
            cell.is_some()
        })
    }

    /// This thread's block, or the empty one.
    #[inline(always)]
    fn block() -> &'static Block {
        // SAFETY: it points at `EMPTY` or at the block that `LEASE` holds; the arena keeps every
        // block for the life of the process.
        unsafe { &*LOCAL.with(|local| local.block.get()) }
    }

    /// This thread's cell of `slot`, if the thread has touched its page. Only this thread has the
    /// lease, so it alone makes a `Cell` of this block.
    #[inline(always)]
    pub(crate) fn cell(slot: u32) -> Option<Cell<'static>> {
        block().get(slot).map(Cell::new)
    }

    /// This thread's cell of `slot`, and with it those after it in its page.
    #[inline(always)]
    pub(crate) fn cells(slot: u32) -> Option<Cells> {
        let first = block().place(slot)?;
        Some(Cells { first, left: super::PAGE - slot % super::PAGE })
    }

    /// Cells in a row, in one page.
    #[derive(Clone, Copy)]
    pub(crate) struct Cells {
        /// No reference: that would reach no further than one cell.
        first: NonNull<AtomicU64>,
        /// For debug builds; nothing else asks.
        left: u32,
    }

    impl Cells {
        /// The cell `on` slots further, which was allocated to be in the same page.
        #[inline(always)]
        pub(crate) fn at(self, on: u32) -> Cell<'static> {
            debug_assert!(on < self.left);
            // SAFETY: what `Registry::allocate` gives as the head of a series is in one page, and
            // nobody asks beyond it; the page is an array, and lives as long as its block.
            Cell::new(unsafe { self.first.add(on as usize).as_ref() })
        }

        /// The cell of `slot`, where these begin at `from`; if it is in another page, that must
        /// have been touched.
        #[inline(always)]
        pub(crate) fn reach(self, from: u32, slot: u32) -> Option<Cell<'static>> {
            if (from ^ slot) < super::PAGE { Some(self.at(slot - from)) } else { cell(slot) }
        }
    }

    /// The slot, whatever it takes: leases a block and makes the page first. Without thread-locals
    /// (the thread is being torn down) it is the shared block's.
    #[cold]
    #[inline(never)]
    pub(crate) fn touch(slot: u32) -> Slot<'static> {
        debug_assert!(slot < END);
        if !ensure_lease() {
            return Slot::Shared(gauge(slot));
        }
        // `ensure_lease` has just made it a leased one.
        Slot::Mine(Cell::new(block().touch(slot)))
    }

    fn ensure_lease() -> bool {
        let mut first = false;
        let leased = LEASE.try_with(|lease| {
            // Already borrowed: leasing allocates, and the allocator itself records.
            let Ok(mut lease) = lease.0.try_borrow_mut() else { return false };
            if lease.is_none() {
                let block = ARENA.lease();
                LOCAL.with(|local| local.block.set(&raw const *block.0));
                *lease = Some(block);
                first = true;
            }
            true
        });
        if first {
            crate::collectors::thread_seen();
        }
        leased.unwrap_or(false)
    }

    /// The one cell that all threads share for a gauge.
    #[inline(always)]
    pub(crate) fn gauge(slot: u32) -> &'static AtomicU64 {
        ARENA.shared_cell(slot)
    }
}

/// A thread as the model checker and the tests make it.
#[cfg(any(loom, test))]
pub(crate) struct Lease<'a> {
    arena: &'a Arena,
    block: Option<Arc<Home>>,
}

#[cfg(any(loom, test))]
impl<'a> Lease<'a> {
    pub(crate) fn of(arena: &'a Arena) -> Self {
        Self { arena, block: Some(arena.lease()) }
    }

    pub(crate) fn add(&self, slot: u32, n: u64) {
        let Some(Home(block)) = self.block.as_deref() else { return };
        Slot::Mine(Cell::new(block.get(slot).unwrap_or_else(|| block.touch(slot)))).add(n);
    }
}

#[cfg(any(loom, test))]
impl Drop for Lease<'_> {
    fn drop(&mut self) {
        if let Some(block) = self.block.take() {
            self.arena.give_back(block);
        }
    }
}

/// Under the model checker only `Arena` and `Lease` are exercised; the rest has to compile.
#[cfg(loom)]
mod model {
    use super::{Arena, AtomicU64, Cell, Slot};

    loom::lazy_static! {
        pub(crate) static ref ARENA: Arena = Arena::new();
    }

    #[doc(hidden)]
    #[derive(Debug)]
    pub struct Remembered;

    impl Remembered {
        pub const fn nothing() -> Self {
            Self
        }

        pub(crate) fn touch(_: &'static std::thread::LocalKey<Self>, slot: u32) -> Slot<'static> {
            touch(slot)
        }
    }

    pub(crate) fn add_here(_: &'static std::thread::LocalKey<Remembered>, _: u64) -> bool {
        false
    }

    pub(crate) fn cell(_: u32) -> Option<Cell<'static>> {
        None
    }

    pub(crate) fn cells(_: u32) -> Option<Cells> {
        None
    }

    /// There are none.
    #[derive(Clone, Copy)]
    pub(crate) enum Cells {}

    impl Cells {
        pub(crate) fn at(self, _: u32) -> Cell<'static> {
            match self {}
        }

        pub(crate) fn reach(self, _: u32, _: u32) -> Option<Cell<'static>> {
            match self {}
        }
    }

    pub(crate) fn touch(slot: u32) -> Slot<'static> {
        Slot::Shared(gauge(slot))
    }

    pub(crate) fn gauge(slot: u32) -> &'static AtomicU64 {
        ARENA.shared_cell(slot)
    }
}

#[cfg(test)]
mod tests;
