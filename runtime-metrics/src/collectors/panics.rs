//! How often the program panicked.

use std::panic;
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

static PANICS: AtomicU64 = AtomicU64::new(0);

/// Counts from now on: puts a hook before the one that is there, which is called as ever. Who sets another hook
/// later and does not call the one before it ends the counting.
pub(super) fn watch() {
    static WATCHED: Once = Once::new();
    // A thread that panics may not touch the hook; the next collection will.
    if std::thread::panicking() {
        return;
    }
    WATCHED.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            PANICS.fetch_add(1, Relaxed);
            previous(info);
        }));
    });
}

/// Panics since `watch`, whoever caught them.
pub(super) fn count() -> u64 {
    PANICS.load(Relaxed)
}
