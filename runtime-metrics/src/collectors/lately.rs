//! What something that only grows has grown by lately, however often anybody asks.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// What was read at recent collections, oldest first.
#[derive(Debug)]
pub(super) struct Lately<T>(VecDeque<(Instant, T)>);

/// A share is told over at least this long, once there has been as much.
const WINDOW: Duration = Duration::from_secs(1);
/// Over less than this, a share is noise.
const LEAST: Duration = Duration::from_millis(100);

impl<T> Default for Lately<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T: Clone> Lately<T> {
    /// The newest reading that is at least `WINDOW` old, or the oldest there is, and how long ago
    /// it was; nothing at the very first.
    pub(super) fn before(&mut self, now: Instant, read: T) -> Option<(Duration, T)> {
        while self.0.get(1).is_some_and(|(when, _)| now.duration_since(*when) >= WINDOW) {
            self.0.pop_front();
        }
        let base = self.0.front().cloned();
        // Asked again and again within the window, one reading per tenth of it is enough.
        if self.0.back().is_none_or(|(when, _)| now.duration_since(*when) >= WINDOW / 10) {
            self.0.push_back((now, read));
        }
        let (when, before) = base?;
        let passed = now.duration_since(when);
        (passed >= LEAST).then_some((passed, before))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_told_over_a_window_however_often_it_is_asked() {
        let mut lately = Lately::default();
        let start = Instant::now();
        let mut share = |millis: u64, grown: Duration| {
            let (passed, before) = lately.before(start + Duration::from_millis(millis), grown)?;
            Some(grown.checked_sub(before)?.as_secs_f64() / passed.as_secs_f64())
        };
        assert_eq!(share(0, Duration::ZERO), None);
        // Half of the time, asked every 200 ms and twice within a millisecond.
        for step in 1..=20 {
            let grown = Duration::from_millis(step * 100);
            let asked = share(step * 200, grown).unwrap();
            assert!((asked - 0.5).abs() < 1e-9, "{asked}");
            let again = share(step * 200 + 1, grown).unwrap();
            assert!((again - 0.5).abs() < 0.01, "{again}");
        }
    }
}
