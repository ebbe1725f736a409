//! A global allocator that counts: what is allocated and not freed, and all that ever was.
//!
//! Each thread leases a slot of a static table and is the only one that writes to it, as in
//! [`shard`](crate::shard); so counting takes no lock prefix, and nothing is ever allocated for it. A
//! thread that ends leaves its slot, with its counts, to the next. What one thread allocates and
//! another frees makes the slot of the other fall below zero: the sum over all is right.
//!
//! A lease ends in the destructor of a thread-local, which an allocator may only have where the
//! system itself keeps the list of destructors: that is so with glibc. Elsewhere, in the last
//! moments of a thread, and beyond `SLOTS_MOST` threads, counts go to a few slots that threads share. No
//! thread-local is touched there: where the target has none of its own, older versions of Rust's
//! library allocate what stands in for it, which would lead here again without end.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// The program's allocator, and what it is asked for counted: by far the surest way to see a leak.
///
/// The built-in collector then tells `runtime.memory.heap_used`, `.heap_objects`,
/// `.allocated_bytes` and `.allocations`. With glibc it costs about a nanosecond for an allocation and its
/// end, from any number of threads; elsewhere some 15, and more where threads contend.
///
/// Bytes are those that were asked for; what the allocator rounds up is not known here. Growing or
/// shrinking in place counts as an allocation of the new size and the end of the old.
///
/// ```
/// use runtime_metrics::{CountingAllocator, HeapCounts};
///
/// #[global_allocator]
/// static ALLOCATOR: CountingAllocator = CountingAllocator::new();
///
/// let before = HeapCounts::now().unwrap();
/// let buffer = vec![1_u8; 10_000_000];
/// let with = HeapCounts::now().unwrap();
/// assert!(with.live_bytes - before.live_bytes >= 10_000_000);
/// drop(buffer);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct CountingAllocator<A = System> {
    inner: A,
}

impl CountingAllocator {
    /// Counts what the system's allocator is asked for.
    ///
    /// ```
    /// static ALLOCATOR: runtime_metrics::CountingAllocator = runtime_metrics::CountingAllocator::new();
    /// ```
    pub const fn new() -> Self {
        Self::over(System)
    }
}

impl<A> CountingAllocator<A> {
    /// Counts what another allocator is asked for. All such allocators of a program count together.
    ///
    /// ```
    /// use runtime_metrics::CountingAllocator;
    /// use std::alloc::System; // or `MiMalloc`, or `Jemalloc`
    ///
    /// #[global_allocator]
    /// static ALLOCATOR: CountingAllocator<System> = CountingAllocator::over(System);
    /// # fn main() {}
    /// ```
    pub const fn over(inner: A) -> Self {
        Self { inner }
    }
}

/// What a [`CountingAllocator`] has counted in this process.
///
/// ```
/// // This program has another allocator.
/// assert_eq!(runtime_metrics::HeapCounts::now(), None);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeapCounts {
    /// Bytes that are allocated and not freed.
    pub live_bytes: u64,
    /// Allocations that are not freed.
    pub live_objects: u64,
    /// Bytes allocated since start.
    pub allocated_bytes: u64,
    /// Allocations since start.
    pub allocations: u64,
}

impl HeapCounts {
    /// The counts now; `None` where nothing has been allocated through a [`CountingAllocator`].
    /// Costs a cache line for each thread of the peak. While other threads allocate, it is not one
    /// instant across them.
    ///
    /// ```
    /// if let Some(heap) = runtime_metrics::HeapCounts::now() {
    ///     println!("{} bytes in {} allocations", heap.live_bytes, heap.live_objects);
    /// }
    /// ```
    pub fn now() -> Option<Self> {
        let leased = lease::slots();
        let sum = |of: fn(&Slot) -> &AtomicU64| {
            leased.iter().chain(&SHARED).fold(0, |sum: u64, slot| sum.wrapping_add(of(slot).load(Relaxed)))
        };
        // What is freed first: what is freed meanwhile was allocated before it.
        let (freed_bytes, frees) = (sum(|slot| &slot.freed_bytes), sum(|slot| &slot.frees));
        let (allocated_bytes, allocations) = (sum(|slot| &slot.allocated_bytes), sum(|slot| &slot.allocations));
        (allocations > 0).then(|| Self {
            live_bytes: allocated_bytes.saturating_sub(freed_bytes),
            live_objects: allocations.saturating_sub(frees),
            allocated_bytes,
            allocations,
        })
    }
}

/// One thread's counts. Aligned, so that no two threads write to one line of the processor's memory.
#[repr(align(64))]
struct Slot {
    allocated_bytes: AtomicU64,
    allocations: AtomicU64,
    freed_bytes: AtomicU64,
    frees: AtomicU64,
}

/// Slots of the threads that have none of their own.
const SHARED_SLOTS: usize = 16;

static SHARED: [Slot; SHARED_SLOTS] = [const { Slot::zero() }; SHARED_SLOTS];

impl Slot {
    const fn zero() -> Self {
        Self {
            allocated_bytes: AtomicU64::new(0),
            allocations: AtomicU64::new(0),
            freed_bytes: AtomicU64::new(0),
            frees: AtomicU64::new(0),
        }
    }
}

/// What the count of an allocation, or of its end, adds to.
#[derive(Clone, Copy)]
enum Of {
    Allocation,
    End,
}

impl Of {
    #[inline(always)]
    fn cells(self, slot: &Slot) -> (&AtomicU64, &AtomicU64) {
        match self {
            Self::Allocation => (&slot.allocated_bytes, &slot.allocations),
            Self::End => (&slot.freed_bytes, &slot.frees),
        }
    }
}

/// Counts one allocation, or one end.
#[inline(always)]
fn count(of: Of, bytes: usize) {
    match lease::mine() {
        Some(slot) => {
            // There is one writer, so a load and a store do what an atomic addition does.
            let add = |cell: &AtomicU64, n: u64| cell.store(cell.load(Relaxed).wrapping_add(n), Relaxed);
            let (sum, number) = of.cells(slot);
            add(sum, bytes as u64);
            add(number, 1);
        }
        None => count_without(of, bytes),
    }
}

/// The same, where this thread has no slot: leases one first, or adds to a shared one.
#[cold]
#[inline(never)]
fn count_without(of: Of, bytes: usize) {
    if lease::begin() { count(of, bytes) } else { count_shared(of, bytes) }
}

fn count_shared(of: Of, bytes: usize) {
    // Threads are told apart by where their stacks are, as far as is of use.
    let place = std::ptr::from_ref(&of).addr() >> 14;
    let shared = &SHARED[(place.wrapping_mul(0x9E37_79B9) >> 16) % SHARED_SLOTS];
    let (sum, number) = of.cells(shared);
    sum.fetch_add(bytes as u64, Relaxed);
    number.fetch_add(1, Relaxed);
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod lease;

/// Where nothing is leased.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
mod lease {
    use super::Slot;

    #[cfg(test)]
    pub(super) const SLOTS_MOST: usize = 0;

    pub(super) fn slots() -> &'static [Slot] {
        &[]
    }

    #[inline(always)]
    pub(super) fn mine() -> Option<&'static Slot> {
        None
    }

    pub(super) fn begin() -> bool {
        false
    }
}

// SAFETY: each call goes to the inner allocator as it came, and its answer comes back as it is; so what the
// inner one promises, this one does. Counting neither unwinds nor allocates by way of this allocator
// without end: it writes to statics and, with glibc, to thread-locals that are simply there; and a thread is no
// longer `New` when it asks the system for a destructor.
unsafe impl<A: GlobalAlloc> GlobalAlloc for CountingAllocator<A> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller promises of `layout` what the inner allocator asks for.
        let pointer = unsafe { self.inner.alloc(layout) };
        if !pointer.is_null() {
            count(Of::Allocation, layout.size());
        }
        pointer
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as in `alloc`.
        let pointer = unsafe { self.inner.alloc_zeroed(layout) };
        if !pointer.is_null() {
            count(Of::Allocation, layout.size());
        }
        pointer
    }

    #[inline]
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(Of::End, layout.size());
        // SAFETY: the caller has the pointer from this allocator, which has it from the inner one.
        unsafe { self.inner.dealloc(pointer, layout) }
    }

    #[inline]
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: as in `dealloc`, and the caller promises of `new_size` what the inner one asks for.
        let moved = unsafe { self.inner.realloc(pointer, layout, new_size) };
        if !moved.is_null() {
            count(Of::Allocation, new_size);
            count(Of::End, layout.size());
        }
        moved
    }
}

#[cfg(test)]
mod tests;
