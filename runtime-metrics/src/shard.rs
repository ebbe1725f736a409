//! Per-thread slots: where every count lives, and the only unsafe code on the hot path.
//!
//! A *slot* is a 64-bit cell with a number that is the same in every thread. Each thread owns one
//! *block*, a directory of pages of slots, and is the only one that ever writes to it; so
//! recording is a plain load, add and store, with no lock prefix and no contention. A reader sums
//! one slot over all blocks.
//!
//! * Pages come into being on first touch: a thread pays for what it records.
//! * A thread that ends gives its block back *with its values*, and the next thread leases it.
//!   Totals stay exact, nothing is ever reset, and memory follows the peak number of threads.
//! * A record made while thread-locals are being torn down goes to one shared block with
//!   `fetch_add`: it is never lost.
//! * Slot 0 belongs to a page that no block ever has. A site that has not been given its slot yet
//!   holds 0 and so takes the same cold path as a page not yet touched: one branch serves both.
//!
//! A signal handler must not record into a slot that the code it interrupts records into: the
//! load, add and store of one of the two would be lost.

use crate::sync::Ordering::{Acquire, Relaxed, Release};
use crate::sync::{Arc, AtomicPtr, AtomicU64, Mutex};
use std::ptr;

#[cfg(not(loom))]
mod size {
    /// Slots in a page: 1 KiB, which holds a metered function or a classic histogram whole.
    pub(crate) const PAGE: u32 = 128;
    /// Pages a block can hold: 8.4 million slots. The directory is lazily zeroed memory, so what
    /// is not used costs address space only.
    pub(crate) const PAGES: usize = 65_536;
}
#[cfg(loom)]
mod size {
    pub(crate) const PAGE: u32 = 2;
    pub(crate) const PAGES: usize = 3;
}
pub(crate) use size::{PAGE, PAGES};

/// The slot of a site that has none yet.
pub(crate) const UNBOUND: u32 = 0;
/// The first slot that can be handed out: page 0 stays empty for ever.
pub(crate) const FIRST: u32 = PAGE;
/// One past the last slot there is.
pub(crate) const END: u32 = PAGE * PAGES as u32;

struct Page([AtomicU64; PAGE as usize]);

impl Page {
    fn new() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::new(0)))
    }
}

/// One thread's slots, or the shared block's.
pub(crate) struct Block {
    pages: [AtomicPtr<Page>; PAGES],
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
        Self { pages: [const { AtomicPtr::new(ptr::null_mut()) }; PAGES] }
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
    fn boxed() -> Box<Self> {
        Box::new(Self { pages: std::array::from_fn(|_| AtomicPtr::new(ptr::null_mut())) })
    }

    /// The cell of `slot`, if its page has been touched.
    #[inline(always)]
    fn get(&self, slot: u32) -> Option<&AtomicU64> {
        debug_assert!(slot < END);
        // The modulo is free (both are powers of two) and lets the compiler drop the bounds check.
        let page = self.pages[(slot / PAGE) as usize % PAGES].load(Acquire);
        if page.is_null() {
            return None;
        }
        // SAFETY: a page pointer that is not null came from `Box::into_raw` in `touch`, was
        // published with Release, and is freed only when the block is dropped.
        Some(unsafe { &(&(*page).0)[(slot % PAGE) as usize] })
    }

    /// `slot` and the `N - 1` after it, if their page has been touched.
    #[cfg(not(loom))]
    #[inline(always)]
    fn run<const N: usize>(&self, slot: u32) -> Option<&[AtomicU64; N]> {
        let page = self.pages[(slot / PAGE) as usize % PAGES].load(Acquire);
        if page.is_null() {
            return None;
        }
        // SAFETY: as in `get`.
        let page: &Page = unsafe { &*page };
        page.0[(slot % PAGE) as usize..].first_chunk()
    }

    /// The cell of `slot`; its page is made if need be.
    #[cold]
    fn touch(&self, slot: u32) -> &AtomicU64 {
        let entry = &self.pages[(slot / PAGE) as usize % PAGES];
        if entry.load(Acquire).is_null() {
            let fresh = Box::into_raw(Box::new(Page::new()));
            if entry.compare_exchange(ptr::null_mut(), fresh, Release, Acquire).is_err() {
                // SAFETY: the exchange failed, so nobody else has seen `fresh`.
                drop(unsafe { Box::from_raw(fresh) });
            }
        }
        match self.get(slot) {
            Some(cell) => cell,
            None => unreachable!("a touched page stays"),
        }
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        for page in &self.pages {
            let page = page.load(Acquire);
            if !page.is_null() {
                // SAFETY: from `Box::into_raw` in `touch`; dropping means nobody else has the block.
                drop(unsafe { Box::from_raw(page) });
            }
        }
    }
}

/// All blocks there are. One per process; the model checker makes its own.
#[derive(Debug)]
pub(crate) struct Arena {
    blocks: Mutex<Blocks>,
    shared: std::sync::OnceLock<Box<Block>>,
}

#[derive(Debug)]
struct Blocks {
    all: Vec<Arc<Home>>,
    free: Vec<Arc<Home>>,
}

impl Arena {
    #[cfg(not(loom))]
    pub(crate) const fn new() -> Self {
        Self { blocks: Mutex::new(Blocks { all: Vec::new(), free: Vec::new() }), shared: std::sync::OnceLock::new() }
    }

    #[cfg(loom)]
    pub(crate) fn new() -> Self {
        let shared = std::sync::OnceLock::new();
        let _ = shared.set(Block::boxed());
        Self { blocks: Mutex::new(Blocks { all: Vec::new(), free: Vec::new() }), shared }
    }

    /// A block for the calling thread alone, until it is given back. The lock orders the last
    /// write of the previous owner before the first read of the next.
    pub(crate) fn lease(&self) -> Arc<Home> {
        let mut blocks = self.blocks.lock();
        if let Some(block) = blocks.free.pop() {
            return block;
        }
        let block = Arc::new(Home(Block::boxed()));
        blocks.all.push(Arc::clone(&block));
        block
    }

    /// Takes a block back, values and all.
    pub(crate) fn give_back(&self, block: Arc<Home>) {
        self.blocks.lock().free.push(block);
    }

    /// The block that no thread owns: gauges, and records made during thread teardown.
    #[inline]
    fn shared(&self) -> &Block {
        self.shared.get_or_init(Block::boxed)
    }

    /// Adds to the shared block, from whichever thread; `touch` does the same for a real thread.
    #[cfg(loom)]
    pub(crate) fn add_shared(&self, slot: u32, n: u64) {
        Slot::Shared(self.shared_cell(slot)).add(n);
    }

    /// A cell that all threads share; its page is made if need be.
    fn shared_cell(&self, slot: u32) -> &AtomicU64 {
        let block = self.shared();
        block.get(slot).unwrap_or_else(|| block.touch(slot))
    }

    /// A view of every block there is now.
    pub(crate) fn view(&self) -> View<'_> {
        View { blocks: self.blocks.lock().all.clone(), shared: self.shared.get().map(|block| &**block) }
    }
}

/// The readers' side: sums slots over the blocks that existed when it was made. Cells are read one
/// by one, so a view is monotonic in each cell but not one instant across them.
pub(crate) struct View<'a> {
    blocks: Vec<Arc<Home>>,
    shared: Option<&'a Block>,
}

impl View<'_> {
    fn cells(&self, slot: u32) -> impl Iterator<Item = u64> {
        let blocks = self.blocks.iter().map(|block| &*block.0).chain(self.shared);
        blocks.filter_map(move |block| block.get(slot)).map(|cell| cell.load(Relaxed))
    }

    /// The total of a slot.
    pub(crate) fn sum(&self, slot: u32) -> u64 {
        self.cells(slot).fold(0, u64::wrapping_add)
    }

    /// The total of a slot that holds floats.
    pub(crate) fn sum_float(&self, slot: u32) -> f64 {
        self.cells(slot).map(f64::from_bits).sum()
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

/// A lease that one thread holds: the owner's view of a block.
#[derive(Debug)]
pub(crate) struct Lease(Option<Arc<Home>>);

impl Lease {
    #[cfg(any(loom, test))]
    pub(crate) fn of(arena: &Arena) -> Self {
        Self(Some(arena.lease()))
    }

    #[cfg(any(loom, test))]
    pub(crate) fn add(&self, slot: u32, n: u64) {
        if let Some(Home(block)) = self.0.as_deref() {
            Slot::Mine(Cell::new(block.get(slot).unwrap_or_else(|| block.touch(slot)))).add(n);
        }
    }

    #[cfg(any(loom, test))]
    pub(crate) fn end(mut self, arena: &Arena) {
        if let Some(block) = self.0.take() {
            arena.give_back(block);
        }
    }
}

#[cfg(loom)]
pub(crate) use model::{ARENA, cell, cells, gauge, touch};
#[cfg(not(loom))]
pub(crate) use process::{ARENA, cell, cells, gauge, touch};

/// The arena of this process, and each thread's way to its block.
#[cfg(not(loom))]
mod process {
    use super::{Arena, AtomicU64, Block, Cell, END, Lease, Slot};
    use std::cell::Cell as StdCell;

    pub(crate) static ARENA: Arena = Arena::new();

    /// What a thread without a lease points at: it has no pages, so everything is a cold path.
    static EMPTY: Block = Block::empty();

    thread_local! {
        /// Const and without a destructor: reading it is one instruction.
        static BLOCK: StdCell<*const Block> = const { StdCell::new(&raw const EMPTY) };
        /// The same lease, with the destructor that gives it back. Only the cold path sees it.
        static LEASE: LeaseSlot = const { LeaseSlot(std::cell::RefCell::new(Lease(None))) };
    }

    struct LeaseSlot(std::cell::RefCell<Lease>);

    impl Drop for LeaseSlot {
        fn drop(&mut self) {
            // From here on this thread records into the shared block.
            BLOCK.set(&raw const EMPTY);
            if let Some(block) = self.0.get_mut().0.take() {
                ARENA.give_back(block);
            }
        }
    }

    /// This thread's cell of `slot`, if the thread has touched its page.
    #[inline(always)]
    pub(crate) fn cell(slot: u32) -> Option<Cell<'static>> {
        let block = BLOCK.get();
        // SAFETY: `BLOCK` points at `EMPTY` or at the block that `LEASE` holds; the arena keeps
        // every block for the life of the process. Only this thread has the lease, so it alone
        // makes a `Cell` of this block.
        unsafe { &*block }.get(slot).map(Cell::new)
    }

    /// This thread's cells of `slot` and the `N - 1` after it, which lie in one page.
    #[inline(always)]
    pub(crate) fn cells<const N: usize>(slot: u32) -> Option<[Cell<'static>; N]> {
        debug_assert!(slot % super::PAGE + N as u32 <= super::PAGE);
        let block = BLOCK.get();
        // SAFETY: as in `cell`.
        let run: &'static [AtomicU64; N] = unsafe { &*block }.run(slot)?;
        Some(std::array::from_fn(|at| Cell::new(&run[at])))
    }

    /// `slot`, whatever it takes: leases a block and makes the page first. Without thread-locals
    /// (the thread is being torn down) it is the shared block's.
    #[cold]
    #[inline(never)]
    pub(crate) fn touch(slot: u32) -> Slot<'static> {
        debug_assert!(slot < END);
        if !ensure_lease() {
            return Slot::Shared(gauge(slot));
        }
        // SAFETY: as in `cell`; `ensure_lease` has just pointed `BLOCK` at the leased block.
        let block: &'static Block = unsafe { &*BLOCK.get() };
        Slot::Mine(Cell::new(block.touch(slot)))
    }

    fn ensure_lease() -> bool {
        let mut first = false;
        let leased = LEASE.try_with(|slot| {
            // Already borrowed: leasing allocates, and the allocator itself records.
            let Ok(mut lease) = slot.0.try_borrow_mut() else { return false };
            if lease.0.is_none() {
                let block = ARENA.lease();
                BLOCK.set(&raw const *block.0);
                lease.0 = Some(block);
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
    #[inline]
    pub(crate) fn gauge(slot: u32) -> &'static AtomicU64 {
        ARENA.shared_cell(slot)
    }
}

/// Under the model checker only `Arena` and `Lease` are exercised; the rest has to compile.
#[cfg(loom)]
mod model {
    use super::{Arena, AtomicU64, Cell, Slot};

    loom::lazy_static! {
        pub(crate) static ref ARENA: Arena = Arena::new();
    }

    pub(crate) fn cell(_: u32) -> Option<Cell<'static>> {
        None
    }

    pub(crate) fn cells<const N: usize>(_: u32) -> Option<[Cell<'static>; N]> {
        None
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
