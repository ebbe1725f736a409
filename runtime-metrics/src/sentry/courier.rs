//! The thread that waits for the server, so that nobody else has to: it has one delivery in hand
//! and at most one waiting.

use super::ledger::{self, What, reason};
use crate::collect::text_of;
use crate::lock::Mutex;
use crate::status::report;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, PoisonError};
use std::time::{Duration, Instant};

/// What the thread does with a delivery; dropped on that thread.
pub(super) trait Deliver: Send + 'static {
    /// One collection.
    type Load: Send + 'static;

    /// Delivers some; may take as long as the server does.
    fn deliver(&mut self, load: Vec<Self::Load>);
}

/// The thread, as others see it. Dropping it ends the thread after what is in its hands.
pub(super) struct Courier<L>(Arc<Shared<L>>);

struct Shared<L> {
    state: Mutex<State<L>>,
    changed: Condvar,
}

struct State<L> {
    waiting: Option<Vec<L>>,
    /// How many collections are being delivered.
    in_hand: usize,
    closing: bool,
}

impl<L: Send + 'static> Courier<L> {
    pub(super) fn start(name: &str, mut work: impl Deliver<Load = L>) -> std::io::Result<Self> {
        let state = State { waiting: None, in_hand: 0, closing: false };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let theirs = Arc::clone(&shared);
        std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            super::spans::never_ask();
            while let Some(load) = theirs.next() {
                let count = load.len();
                if let Err(panic) = catch_unwind(AssertUnwindSafe(|| work.deliver(load))) {
                    ledger::lost(What::Collection, reason::UNWRITABLE, count);
                    report("sentry", format!("a delivery panicked: {}; the next is tried", text_of(&*panic)));
                }
                theirs.done();
            }
        })?;
        Ok(Self(shared))
    }

    /// Leaves a delivery to the thread. One that is still waiting makes way for it, for what is
    /// newer says all that it said; how many collections were in that one.
    pub(super) fn hand_over(&self, load: Vec<L>) -> usize {
        let old = self.0.state.lock().waiting.replace(load);
        self.0.changed.notify_all();
        old.map_or(0, |old| old.len())
    }

    /// Waits until everything is delivered, but no longer than this, and ends the thread; how many
    /// collections were not.
    pub(super) fn close(&self, patience: Duration) -> usize {
        let end = Instant::now() + patience;
        let mut state = self.0.state.lock();
        state.closing = true;
        self.0.changed.notify_all();
        while state.waiting.is_some() || state.in_hand > 0 {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.0.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        // What is told as lost is not sent after all when the server comes back.
        state.waiting.take().map_or(0, |waiting| waiting.len()) + state.in_hand
    }
}

impl<L> Drop for Courier<L> {
    fn drop(&mut self) {
        self.0.state.lock().closing = true;
        self.0.changed.notify_all();
    }
}

impl<L> Shared<L> {
    /// The next delivery, once there is one; none when there will be no more.
    fn next(&self) -> Option<Vec<L>> {
        let mut state = self.state.lock();
        loop {
            if let Some(load) = state.waiting.take() {
                state.in_hand = load.len();
                return Some(load);
            }
            if state.closing {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn done(&self) {
        self.state.lock().in_hand = 0;
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, Sender, channel};

    struct Slow {
        started: Sender<Vec<u32>>,
        go: Receiver<()>,
    }

    impl Deliver for Slow {
        type Load = u32;

        fn deliver(&mut self, load: Vec<u32>) {
            let _ = self.started.send(load);
            let _ = self.go.recv();
        }
    }

    #[test]
    fn one_is_in_hand_one_waits_and_newer_ones_take_its_place() {
        let (started, starts) = channel();
        let (go, gone) = channel();
        let courier = Courier::start("slow", Slow { started, go: gone }).unwrap();
        assert_eq!(courier.hand_over(vec![1]), 0);
        assert_eq!(starts.recv().unwrap(), [1]);
        assert_eq!(courier.hand_over(vec![2, 3]), 0);
        assert_eq!(courier.hand_over(vec![4]), 2);
        go.send(()).unwrap();
        assert_eq!(starts.recv().unwrap(), [4]);
        go.send(()).unwrap();
        assert_eq!(courier.close(Duration::from_secs(20)), 0);
    }

    #[test]
    fn a_close_waits_no_longer_than_it_is_told_and_says_what_is_left() {
        let (started, starts) = channel();
        let (_go, gone) = channel();
        let courier = Courier::start("stuck", Slow { started, go: gone }).unwrap();
        courier.hand_over(vec![1]);
        assert_eq!(starts.recv().unwrap(), [1]);
        courier.hand_over(vec![2, 3]);
        assert_eq!(courier.close(Duration::from_millis(10)), 3);
    }
}
