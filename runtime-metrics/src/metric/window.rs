//! `Window`: a sketch of the values of the last while, from which quantiles are told.
//!
//! Time is divided into parts, a sixth of the window each. Every group of threads fills a sketch of
//! its own for the part it is in; when the next part begins, what it has goes to the past, where
//! the groups meet. A reader merges the past parts that are young enough with what the groups have
//! now.

use super::stripes::Stripes;
use crate::clock::Moment;
use crate::lock::Mutex;
use sketches_ddsketch::{Config, DDSketch};
use std::time::Duration;

/// Parts of a window: what is older than the window is forgotten in steps of one.
const PARTS: usize = 6;
/// A quantile is at most this share of its value off.
const ERROR: f64 = 0.01;
/// Bins of a sketch: values that differ by 17 orders of magnitude have bins of their own; beyond
/// that, the smallest share one.
const BINS: u32 = 2048;
/// Values nearer to zero than this count as zero.
const SMALLEST: f64 = 1e-12;

pub(crate) struct Window {
    began: Moment,
    /// Length of a part, in nanoseconds.
    part: u64,
    present: Stripes<Mutex<Part>>,
    past: Mutex<Past>,
}

/// The values of one part: of one group of threads, or of all.
struct Part {
    number: u64,
    values: DDSketch,
}

#[derive(Default)]
struct Past {
    /// Part `n` is at `n % PARTS`.
    parts: [Option<Part>; PARTS],
    /// How often something was moved here.
    moves: u64,
}

impl Part {
    fn new(number: u64) -> Self {
        Self { number, values: empty() }
    }
}

fn empty() -> DDSketch {
    DDSketch::new(Config::new(ERROR, BINS, SMALLEST))
}

fn add(to: &mut DDSketch, values: &DDSketch) {
    // It fails where the two are made differently, and `empty` makes all of them.
    let _ = to.merge(values);
}

impl std::fmt::Debug for Window {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Window").field("part", &self.part).finish_non_exhaustive()
    }
}

impl Window {
    pub(crate) fn new(length: Duration) -> Self {
        let part = u64::try_from(length.as_nanos()).unwrap_or(u64::MAX) / PARTS as u64;
        Self { began: Moment::now(), part: part.max(1), present: Stripes::new(), past: Mutex::default() }
    }

    /// Adds a value, which must be finite.
    #[inline]
    pub(crate) fn add(&self, value: f64) {
        self.add_at(self.began.elapsed_nanos(), value);
    }

    /// The values at these shares, of what is young enough; none where there is nothing.
    pub(crate) fn quantiles(&self, shares: &[f64]) -> Vec<(f64, Option<f64>)> {
        self.quantiles_at(self.began.elapsed_nanos(), shares)
    }

    fn add_at(&self, nanos: u64, value: f64) {
        let now = nanos / self.part;
        let mut present = self.present.mine(|| Mutex::new(Part::new(now))).lock();
        // Of two threads of a group, one may have read the clock just before the other moved on.
        if present.number < now {
            let before = std::mem::replace(&mut *present, Part::new(now));
            self.keep(&before, now);
        }
        present.values.add(value);
    }

    /// Adds a part that is over to the past. The caller holds the lock of the group it is from,
    /// and readers hold but one lock at a time, so nobody waits for another in a circle.
    fn keep(&self, part: &Part, now: u64) {
        if !in_window(part.number, now) {
            return;
        }
        let mut kept = self.past.lock();
        kept.moves += 1;
        let Some(place) = kept.parts.get_mut((part.number % PARTS as u64) as usize) else { return };
        match place {
            Some(known) if known.number == part.number => add(&mut known.values, &part.values),
            Some(known) if known.number > part.number => {}
            // A copy: what has grown has room to spare, and this will not grow any more.
            _ => *place = Some(Part { number: part.number, values: part.values.clone() }),
        }
    }

    fn quantiles_at(&self, nanos: u64, shares: &[f64]) -> Vec<(f64, Option<f64>)> {
        let values = self.merged(nanos / self.part);
        shares.iter().map(|share| (*share, quantile(&values, *share))).collect()
    }

    /// Everything in the window. No lock is held for longer than one sketch, or the past, takes to
    /// be added: a microsecond or so.
    fn merged(&self, now: u64) -> DDSketch {
        let mut merged = empty();
        // What moves to the past while it is being read would be seen twice or not at all: then
        // all is read anew. It moves once in a part, so that the first reading nearly always is it.
        for _ in 0..4 {
            merged = empty();
            let moves = {
                let past = self.past.lock();
                for part in past.parts.iter().flatten().filter(|part| in_window(part.number, now)) {
                    add(&mut merged, &part.values);
                }
                past.moves
            };
            for group in self.present.iter() {
                let part = group.lock();
                if in_window(part.number, now) {
                    add(&mut merged, &part.values);
                }
            }
            if self.past.lock().moves == moves {
                break;
            }
        }
        merged
    }
}

/// Whether a part belongs to the window that ends with the part `now`.
fn in_window(part: u64, now: u64) -> bool {
    part.saturating_add(PARTS as u64) > now
}

/// Never outside what was seen: the sketch itself tells the middle of a bin.
fn quantile(values: &DDSketch, share: f64) -> Option<f64> {
    let (min, max) = (values.min()?, values.max()?);
    let value = values.quantile(share).ok().flatten()?;
    Some(value.max(min).min(max))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn median(window: &Window, seconds: u64) -> Option<f64> {
        window.quantiles_at(seconds * SECOND, &[0.5])[0].1
    }

    fn is_near(found: Option<f64>, value: f64) -> bool {
        found.is_some_and(|found| (found / value - 1.0).abs() <= ERROR + 1e-9)
    }

    #[test]
    fn what_is_older_than_the_window_is_forgotten_and_nothing_younger_than_five_sixths_of_it() {
        let window = Window::new(Duration::from_secs(60));
        for second in 0..10 {
            window.add_at(second * SECOND, 100.0);
        }
        assert!(is_near(median(&window, 9), 100.0));
        assert!(is_near(median(&window, 59), 100.0));
        assert_eq!(median(&window, 60), None);

        // A value a second, the number of the second: the window moves along.
        for second in 60..300 {
            window.add_at(second * SECOND, second as f64);
            let least = window.quantiles_at(second * SECOND, &[0.0])[0].1.unwrap();
            let oldest = second as f64 - least;
            assert!(oldest < 60.0 && (oldest >= 50.0 || second < 110), "{oldest} at {second}");
        }
    }

    #[test]
    fn a_long_silence_leaves_nothing_behind() {
        let window = Window::new(Duration::from_secs(6));
        window.add_at(0, 1.0);
        window.add_at(3600 * SECOND, 7.0);
        assert_eq!(median(&window, 3600), Some(7.0));
        assert_eq!(median(&window, 7200), None);
    }

    #[test]
    fn a_clock_that_was_read_early_adds_to_what_is_newer() {
        let window = Window::new(Duration::from_secs(6));
        window.add_at(2 * SECOND, 1.0);
        window.add_at(SECOND, 3.0);
        assert_eq!(window.quantiles_at(2 * SECOND, &[0.0, 1.0]), [(0.0, Some(1.0)), (1.0, Some(3.0))]);
    }

    #[test]
    fn threads_that_move_on_at_different_times_lose_nothing_to_a_reader() {
        let window = Window::new(Duration::from_secs(600));
        let threads = 4;
        std::thread::scope(|scope| {
            for thread in 0..threads {
                let window = &window;
                // Each moves on four times, and the window holds all of it at the end.
                scope.spawn(move || {
                    for at in 0..100_000u64 {
                        window.add_at(at * SECOND / 200 + thread, 1.0);
                    }
                });
            }
            scope.spawn(|| {
                let mut seen = 0;
                for _ in 0..200 {
                    let now = window.merged(5).count();
                    assert!(now >= seen, "{now} after {seen}");
                    seen = now;
                }
            });
        });
        assert_eq!(window.merged(5).count(), 400_000);
    }

    #[test]
    fn any_finite_value_can_be_added_and_memory_stays_bounded() {
        let window = Window::new(Duration::from_secs(6));
        let mut value = f64::from_bits(1);
        let mut second = 0;
        while value < f64::MAX / 4.0 {
            for value in [value, -value, 0.0, f64::MAX, f64::MIN] {
                window.add_at(second * SECOND / 100, value);
            }
            value *= 3.7;
            second += 1;
        }
        let merged = window.merged(second / 100);
        assert!(merged.length() <= 2 * BINS as usize);
        for share in [0.0, 0.1, 0.5, 0.9, 1.0] {
            assert!(quantile(&merged, share).unwrap().is_finite());
        }
        for group in window.present.iter() {
            assert!(group.lock().values.length() <= 2 * BINS as usize);
        }
    }
}
