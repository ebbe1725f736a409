//! The heap: what the allocator of the program tells of it.

use super::found::Found;
use crate::HeapCounts;

/// What an allocator tells beside what is counted. What it does not know is absent.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Allocator {
    pub(super) used: Option<u64>,
    pub(super) allocated: Option<u64>,
    pub(super) system: Option<u64>,
    pub(super) fragmentation: Option<f64>,
}

/// The allocator of the program, as far as it can be asked.
#[derive(Debug, Default)]
pub(super) struct Heap {
    #[cfg(all(feature = "jemalloc", not(target_env = "msvc")))]
    jemalloc: super::jemalloc::Jemalloc,
    #[cfg(feature = "mimalloc")]
    mimalloc: super::mimalloc::Mimalloc,
}

impl Heap {
    /// The counting allocator knows what was asked for, and the one below it what that takes; either
    /// may be there or not.
    pub(super) fn tell(&self, found: &mut Found) {
        let counted = HeapCounts::now();
        let told = self.allocator().unwrap_or_default();
        let used = counted.map(|heap| heap.live_bytes).or(told.used);
        found.tell_if("runtime.memory.heap_used", used);
        found.tell_if("runtime.memory.heap_allocated", told.allocated.or(used));
        found.tell_if("runtime.memory.heap_sys", told.system);
        found.tell_if("runtime.memory.fragmentation", told.fragmentation);
        if let Some(heap) = counted {
            found.tell("runtime.memory.heap_objects", heap.live_objects);
            found.tell("runtime.memory.allocated_bytes", heap.allocated_bytes);
            found.tell("runtime.memory.allocations", heap.allocations);
        }
    }

    #[allow(clippy::unused_self)] // without those features
    fn allocator(&self) -> Option<Allocator> {
        let told: Option<Allocator> = None;
        #[cfg(all(feature = "jemalloc", not(target_env = "msvc")))]
        let told = told.or_else(|| self.jemalloc.read());
        #[cfg(feature = "mimalloc")]
        let told = told.or_else(|| self.mimalloc.read());
        told
    }
}
