//! What jemalloc tells of the heap.

use super::heap::Allocator;
use std::hint::black_box;
use std::sync::OnceLock;
use tikv_jemalloc_ctl::{Error, epoch, stats, thread};

/// It tells 13 µs after it was asked, most of which it takes to add up its arenas.
#[derive(Debug, Default)]
pub(super) struct Jemalloc {
    /// Whether the program allocates with it: the feature may be on for other reasons.
    used: OnceLock<Result<bool, Error>>,
}

impl Jemalloc {
    pub(super) fn read(&self) -> Option<Allocator> {
        let told = match self.used.get_or_init(serves) {
            Ok(true) => told().map_err(|error| error.to_string()),
            // With both features, as in `full`, one of them is not used in any case.
            Ok(false) if cfg!(feature = "mimalloc") => return None,
            Ok(false) => Err("the program's global allocator is not jemalloc".to_owned()),
            Err(error) => Err(error.to_string()),
        };
        told.map_err(|why| super::missing("jemalloc", why)).ok()
    }
}

/// Whether what this thread allocates comes from jemalloc.
fn serves() -> Result<bool, Error> {
    let allocated = thread::allocatedp::read()?;
    let before = allocated.get();
    drop(black_box(Box::new([0_u8; 64])));
    Ok(allocated.get() != before)
}

fn told() -> Result<Allocator, Error> {
    epoch::advance()?;
    let bytes = |read: Result<usize, Error>| read.map(|bytes| bytes as u64);
    let (allocated, mapped) = (bytes(stats::allocated::read())?, bytes(stats::mapped::read())?);
    let (resident, metadata) = (bytes(stats::resident::read())?, bytes(stats::metadata::read())?);
    let lost = resident.saturating_sub(allocated + metadata);
    Ok(Allocator {
        used: Some(allocated),
        allocated: Some(allocated),
        system: Some(mapped),
        fragmentation: (resident > 0).then(|| lost as f64 / resident as f64),
    })
}
