//! What these tests and others share: patience.

use std::time::{Duration, Instant};

/// Longer than anything that works takes, so that a test that waits for it fails in the end.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until a condition holds.
///
/// # Panics
///
/// If it does not in time.
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < end, "{what} did not come about");
        std::thread::yield_now();
    }
}
