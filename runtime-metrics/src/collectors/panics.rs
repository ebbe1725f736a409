//! How often the program panicked.

use super::own;
use std::panic;
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The number of the process, and below it how often it panicked: a fork begins at zero, and there is no lock
/// that another thread of the parent could have held.
static PANICS: AtomicU64 = AtomicU64::new(0);

/// Counts from now on: puts a hook before the one that is there, which is called as ever. Who sets another hook
/// later and does not call the one before it ends the counting.
///
/// The hook that is there is taken out before ours can be put in its place. A panic of another thread in
/// between is told by Rust's own hook and not counted, and a hook that another thread sets in between is lost.
/// So this is called as soon as anybody wants to know, where an exporter or the Sentry integration starts: there
/// are few threads yet. It is not called before, for the program's own hook has to be there first.
pub(super) fn watch() {
    static WATCHED: Once = Once::new();
    // A thread that panics may not touch the hook; the next collection will.
    if std::thread::panicking() {
        return;
    }
    WATCHED.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let one_more = |word| Some(with_one_more(word, own::process()));
            // It always has a next value.
            let _ = PANICS.fetch_update(Relaxed, Relaxed, one_more);
            previous(info);
        }));
    });
}

/// Panics since `watch`, whoever caught them.
pub(super) fn count() -> u64 {
    of(PANICS.load(Relaxed), own::process())
}

fn of(word: u64, process: u32) -> u64 {
    if word >> 32 == u64::from(process) { word & u64::from(u32::MAX) } else { 0 }
}

fn with_one_more(word: u64, process: u32) -> u64 {
    u64::from(process) << 32 | (of(word, process) + 1).min(u32::MAX.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fork_has_not_panicked_yet() {
        let parent = with_one_more(with_one_more(0, 7), 7);
        assert_eq!((of(parent, 7), of(parent, 8)), (2, 0));
        assert_eq!(of(with_one_more(parent, 8), 8), 1);
        let most = 7 << 32 | u64::from(u32::MAX);
        assert_eq!(with_one_more(most, 7), most);
    }
}
