//! What the shards promise: exact totals through threads that come and go; under `cfg(loom)`, in
//! every order of events there can be.

use super::{Arena, FIRST, Lease};

#[cfg(not(loom))]
mod process {
    use super::super::{ARENA, PAGE, Sink, cell, cells, gauge, touch};
    use super::*;
    use std::cell::RefCell;
    use std::sync::Arc;

    /// How often something is tried: seldom under Miri, which takes a thousand times as long.
    const fn often(times: u64) -> u64 {
        if cfg!(miri) { times.div_ceil(500) } else { times }
    }

    /// Slots of our own, far from those that the registry hands out.
    const OURS: u32 = super::super::END - 64 * PAGE;

    fn add(slot: u32, n: u64) {
        match cell(slot) {
            Some(cell) => cell.add(n),
            None => touch(slot).add(n),
        }
    }

    #[test]
    fn thousands_of_short_threads_end_with_the_exact_sum() {
        const THREADS: u64 = often(4_000);
        const EACH: u64 = often(1_000);
        let blocks_before = ARENA.threads.lock().blocks.len();
        for _ in 0..THREADS / 8 {
            std::thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| {
                        for _ in 0..EACH {
                            add(OURS, 1);
                        }
                    });
                }
            });
        }
        assert_eq!(ARENA.view().sum(OURS), THREADS * EACH);
        // Blocks follow the peak number of threads (this test's 8, and the other tests'), not all.
        assert!(ARENA.threads.lock().blocks.len() - blocks_before < 200);
    }

    #[test]
    fn a_thread_pays_for_the_pages_it_touches() {
        let slot = OURS + 8 * PAGE;
        std::thread::spawn(move || {
            assert!(cell(slot).is_none());
            add(slot, 1);
            assert!(cell(slot).is_some() && cells(slot).is_some());
            assert!(cell(slot + PAGE).is_none());
        })
        .join()
        .unwrap();
    }

    #[test]
    fn what_is_recorded_while_thread_locals_go_is_not_lost() {
        struct RecordsLate(u32);
        impl Drop for RecordsLate {
            fn drop(&mut self) {
                add(self.0, 5);
            }
        }
        thread_local! {
            static LATE: RefCell<Option<RecordsLate>> = const { RefCell::new(None) };
        }
        let slot = OURS + 16 * PAGE;
        for round in 1..=often(50) + 1 {
            std::thread::spawn(move || {
                // Registered before the lease, so it is dropped after it.
                LATE.with(|late| *late.borrow_mut() = Some(RecordsLate(slot)));
                add(slot, 1);
            })
            .join()
            .unwrap();
            assert_eq!(ARENA.view().sum(slot), round * 6);
        }
    }

    /// A call site that is reached before, while and after its thread is enrolled.
    #[test]
    fn what_a_call_site_remembers_ends_with_the_lease() {
        use super::super::{Remembered, add_here};
        const SLOT: u32 = OURS + 48 * PAGE;
        thread_local! {
            static HERE: Remembered = const { Remembered::nothing() };
            static LATE: RefCell<Option<Late>> = const { RefCell::new(None) };
        }
        struct Late;
        fn record() {
            if !add_here(&HERE, 1) {
                Remembered::touch(&HERE, SLOT).add(1);
            }
        }
        impl Drop for Late {
            fn drop(&mut self) {
                record();
            }
        }
        for round in 1..=often(50) + 1 {
            std::thread::spawn(|| {
                LATE.with(|late| *late.borrow_mut() = Some(Late));
                record();
                record();
                assert!(add_here(&HERE, 1));
            })
            .join()
            .unwrap();
            assert_eq!(ARENA.view().sum(SLOT), round * 4);
        }
    }

    #[test]
    fn all_threads_share_the_cell_of_a_gauge() {
        let slot = OURS + 24 * PAGE;
        gauge(slot).store(7, crate::sync::Ordering::Relaxed);
        let seen = std::thread::spawn(move || gauge(slot).load(crate::sync::Ordering::Relaxed)).join().unwrap();
        assert_eq!(seen, 7);
    }

    #[test]
    fn a_reader_never_sees_a_count_go_back() {
        let slot = OURS + 32 * PAGE;
        let done = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let reader = std::thread::spawn({
            let done = Arc::clone(&done);
            move || {
                let mut last = 0;
                while !done.load(std::sync::atomic::Ordering::Acquire) {
                    let now = ARENA.view().sum(slot);
                    assert!(now >= last, "{now} after {last}");
                    last = now;
                }
            }
        });
        for _ in 0..often(200) {
            std::thread::scope(|scope| {
                scope.spawn(|| (0..often(2_000)).for_each(|_| add(slot, 1)));
            });
        }
        done.store(true, std::sync::atomic::Ordering::Release);
        reader.join().unwrap();
        assert_eq!(ARENA.view().sum(slot), often(200) * often(2_000));
    }

    #[test]
    fn floats_and_extremes_add_up_over_blocks() {
        let slot = OURS + 40 * PAGE;
        for value in [1.5, 2.5] {
            std::thread::spawn(move || {
                touch(slot).add_float(value);
                touch(slot + 1).raise(value as u64);
            })
            .join()
            .unwrap();
        }
        let view = ARENA.view();
        assert_eq!((view.sum_float(slot), view.max(slot + 1)), (4.0, 2));
    }

    #[test]
    fn an_arena_of_its_own_works_alike() {
        static ARENA: Arena = Arena::new();
        let arena = &ARENA;
        for n in [3, 4] {
            Lease::of(arena).add(FIRST, n);
        }
        assert_eq!(arena.view().sum(FIRST), 7);
        assert_eq!(arena.threads.lock().blocks.len(), 1);
    }
}

#[cfg(loom)]
mod model {
    use super::super::{PAGE, UNBOUND};
    use super::*;
    use loom::sync::Arc;
    use loom::sync::atomic::{AtomicU32, Ordering::Relaxed};
    use loom::thread;

    /// A thread that leases a block, records, and gives it back.
    fn recorder(arena: &Arc<Arena>, slot: u32, times: u64) -> thread::JoinHandle<()> {
        let arena = Arc::clone(arena);
        thread::spawn(move || {
            let lease = Lease::of(&arena);
            for _ in 0..times {
                lease.add(slot, 1);
            }
        })
    }

    #[test]
    fn two_recorders_and_a_snapshot() {
        loom::model(|| {
            let arena = Arc::new(Arena::new());
            let one = recorder(&arena, FIRST, 2);
            let two = recorder(&arena, FIRST, 1);
            let seen = arena.view().sum(FIRST);
            assert!(seen <= 3);
            one.join().unwrap();
            two.join().unwrap();
            assert_eq!(arena.view().sum(FIRST), 3);
        });
    }

    #[test]
    fn a_block_is_leased_again_with_its_values() {
        loom::model(|| {
            let arena = Arc::new(Arena::new());
            recorder(&arena, FIRST, 1).join().unwrap();
            let one = recorder(&arena, FIRST, 1);
            let two = recorder(&arena, FIRST + PAGE, 1);
            one.join().unwrap();
            two.join().unwrap();
            let view = arena.view();
            assert_eq!((view.sum(FIRST), view.sum(FIRST + PAGE)), (2, 1));
            assert!(arena.threads.lock().blocks.len() <= 2);
        });
    }

    #[test]
    fn a_snapshot_only_ever_grows() {
        loom::model(|| {
            let arena = Arc::new(Arena::new());
            let one = recorder(&arena, FIRST, 2);
            let first = arena.view().sum(FIRST);
            let second = arena.view().sum(FIRST);
            assert!(first <= second && second <= 2);
            one.join().unwrap();
        });
    }

    #[test]
    fn a_late_record_in_the_shared_block_is_never_lost() {
        loom::model(|| {
            let arena = Arc::new(Arena::new());
            let late = {
                let arena = Arc::clone(&arena);
                thread::spawn(move || arena.add_shared(FIRST, 1))
            };
            arena.add_shared(FIRST, 1);
            late.join().unwrap();
            assert_eq!(arena.view().sum(FIRST), 2);
        });
    }

    /// Registration: a site's slot goes from unbound to bound while another thread records.
    #[test]
    fn a_site_is_bound_while_it_is_recorded_into() {
        loom::model(|| {
            let arena = Arc::new(Arena::new());
            let site = Arc::new(AtomicU32::new(UNBOUND));
            let binder = {
                let (arena, site) = (Arc::clone(&arena), Arc::clone(&site));
                thread::spawn(move || {
                    site.store(FIRST, Relaxed);
                    recorder(&arena, FIRST, 1).join().unwrap();
                })
            };
            let lease = Lease::of(&arena);
            // The cold path: whoever sees no slot binds the site, to the same slot.
            let slot = match site.load(Relaxed) {
                UNBOUND => {
                    site.store(FIRST, Relaxed);
                    FIRST
                }
                bound => bound,
            };
            lease.add(slot, 1);
            drop(lease);
            binder.join().unwrap();
            assert_eq!(arena.view().sum(FIRST), 2);
        });
    }
}
