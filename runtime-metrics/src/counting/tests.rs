use super::*;
use std::collections::HashSet;
use std::hint::black_box;

static COUNTING: CountingAllocator = CountingAllocator::new();

/// Tests of one process count together, so they take turns.
static TURN: crate::lock::Mutex<()> = crate::lock::Mutex::new(());

fn allocate(bytes: usize) -> (usize, Layout) {
    let layout = Layout::from_size_align(bytes, 8).unwrap();
    // SAFETY: the layout has a size.
    (unsafe { COUNTING.alloc(layout) }.expose_provenance(), layout)
}

fn free((pointer, layout): (usize, Layout)) {
    // SAFETY: it comes from `allocate`, and is freed once.
    unsafe { COUNTING.dealloc(std::ptr::with_exposed_provenance_mut(pointer), layout) }
}

/// What was counted while `run` ran: bytes and objects that live, bytes and objects ever allocated.
fn counted(run: impl FnOnce()) -> [i64; 4] {
    let fields = || {
        let heap = HeapCounts::now().unwrap_or_default();
        [heap.live_bytes, heap.live_objects, heap.allocated_bytes, heap.allocations].map(|n| n as i64)
    };
    let before = fields();
    run();
    std::array::from_fn(|at| fields()[at] - before[at])
}

#[test]
fn what_one_thread_allocates_and_another_frees_is_gone() {
    let _turn = TURN.lock();
    let kept = allocate(1000);
    let change = counted(|| {
        let sent: Vec<_> = (0..100).map(|_| allocate(64)).collect();
        std::thread::spawn(move || sent.into_iter().for_each(free)).join().unwrap();
    });
    assert_eq!(change, [0, 0, 6400, 100]);
    free(kept);
}

#[test]
fn growing_is_the_end_of_the_old_size() {
    let _turn = TURN.lock();
    let change = counted(|| {
        let (pointer, layout) = allocate(100);
        // SAFETY: it was allocated with the layout, and the size is not zero.
        let grown = unsafe { COUNTING.realloc(std::ptr::with_exposed_provenance_mut(pointer), layout, 300) };
        assert!(!grown.is_null());
        black_box(grown);
        free((grown.expose_provenance(), Layout::from_size_align(300, 8).unwrap()));
    });
    assert_eq!(change, [0, 0, 400, 2]);
}

#[test]
fn threads_that_end_leave_their_slots_and_their_counts() {
    let _turn = TURN.lock();
    let threads = if cfg!(miri) { 5 } else { 200 };
    let (mut allocated, mut slots) = (Vec::new(), HashSet::new());
    let change = counted(|| {
        for _ in 0..threads {
            let run = || (allocate(10), lease::mine().map(|slot| std::ptr::from_ref(slot).addr()));
            let (made, slot) = std::thread::spawn(run).join().unwrap();
            allocated.push(made);
            slots.insert(slot);
        }
    });
    assert_eq!(change, [threads * 10, threads, threads * 10, threads]);
    allocated.into_iter().for_each(free);
    // One slot after the other is free; a few may be because of the threads of other tests.
    assert!(slots.len() < 10, "{}", slots.len());
}

#[test]
fn what_the_destructors_of_a_thread_do_is_counted() {
    struct Late(Option<(usize, Layout)>);
    impl Drop for Late {
        fn drop(&mut self) {
            free(self.0.take().unwrap());
            free(allocate(7));
        }
    }
    thread_local!(static LATE: std::cell::RefCell<Late> = const { std::cell::RefCell::new(Late(None)) });
    let _turn = TURN.lock();
    let late = |allocates_first: bool| {
        if allocates_first {
            // The lease is older than `LATE`, and ends after it; otherwise it is the other way round.
            free(allocate(1));
        }
        LATE.with(|late| late.borrow_mut().0 = Some(allocate(50)));
    };
    for (allocates_first, ever) in [(false, 57), (true, 58)] {
        let change = counted(|| std::thread::spawn(move || late(allocates_first)).join().unwrap());
        assert_eq!([change[0], change[1], change[2]], [0, 0, ever]);
    }
}

#[test]
fn what_is_shared_is_counted_whichever_slot_the_stack_leads_to() {
    let _turn = TURN.lock();
    let threads = if cfg!(miri) { 3 } else { 50 };
    let change = counted(|| {
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| [Of::Allocation, Of::Allocation, Of::End].map(|of| count_shared(of, 10)));
            }
        });
    });
    assert_eq!(change, [threads * 10, threads, threads * 20, threads * 2]);
    (0..threads).for_each(|_| count_shared(Of::End, 10));
}

#[test]
#[cfg_attr(miri, ignore = "starts more threads than Miri has time for")]
fn more_threads_than_slots_share_some() {
    let _turn = TURN.lock();
    let threads = lease::SLOTS_MOST + 50;
    let barrier = std::sync::Barrier::new(threads);
    let change = counted(|| {
        std::thread::scope(|scope| {
            for _ in 0..threads {
                let run = || {
                    let mine = allocate(16);
                    barrier.wait();
                    free(mine);
                };
                std::thread::Builder::new().stack_size(16 << 10).spawn_scoped(scope, run).unwrap();
            }
        });
    });
    let threads = threads as i64;
    assert_eq!(change, [0, 0, threads * 16, threads]);
}
