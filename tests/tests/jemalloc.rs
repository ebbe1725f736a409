//! A program that uses jemalloc is told what jemalloc has.

use runtime_metrics_tests::heap::{grown, told};
use std::hint::black_box;
use tikv_jemallocator::Jemalloc;

#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

#[test]
fn the_heap_is_what_jemalloc_has() {
    let megabytes = || black_box(vec![1_u8; 20_000_000]);
    for name in ["heap_used", "heap_allocated", "heap_sys"] {
        let grown = grown(&format!("runtime.memory.{name}"), megabytes) / 1e6;
        // The thread that runs the tests may give back some kilobytes meanwhile.
        assert!((19.9..26.0).contains(&grown), "{name}: {grown}");
    }
    let fragmentation = told("runtime.memory.fragmentation").unwrap();
    assert!((0.0..1.0).contains(&fragmentation), "{fragmentation}");
    // Nobody counts.
    assert_eq!(told("runtime.memory.heap_objects"), None);
}
