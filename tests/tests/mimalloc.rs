//! A program that uses mimalloc under the counting allocator is told what mimalloc has, and what was asked for.

use mimalloc::MiMalloc;
use runtime_metrics::CountingAllocator;
use runtime_metrics_tests::heap::{grown, told};
use std::hint::black_box;

#[global_allocator]
static ALLOCATOR: CountingAllocator<MiMalloc> = CountingAllocator::over(MiMalloc);

#[test]
fn the_heap_is_what_mimalloc_has_and_what_is_counted() {
    let megabytes = || black_box(vec![1_u8; 100_000_000]);
    let used = grown("runtime.memory.heap_used", megabytes) / 1e6;
    assert!((100.0..100.1).contains(&used), "{used}");
    // More than what it kept of that.
    let system = grown("runtime.memory.heap_sys", || [megabytes(), megabytes(), megabytes()]) / 1e6;
    assert!((190.0..320.0).contains(&system), "{system}");
    assert_eq!(told("runtime.memory.heap_allocated"), told("runtime.memory.heap_sys"));
}
