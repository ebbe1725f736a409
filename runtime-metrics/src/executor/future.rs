//! `Monitored`: a future whose polls are counted and timed.

use super::polls::Polls;
use super::waker::Wake;
use crate::clock::Moment;
use pin_project_lite::pin_project;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

pin_project! {
    /// A future that adds to the metrics of its executor; [`Monitor::instrument`](super::Monitor::instrument)
    /// makes it.
    ///
    /// ```
    /// use runtime_metrics::executor::{Monitor, Monitored};
    ///
    /// let task: Monitored<std::future::Ready<u8>> = Monitor::new("mine").instrument(std::future::ready(1));
    /// # drop(task);
    /// ```
    #[must_use = "futures do nothing unless polled"]
    pub struct Monitored<F> {
        #[pin]
        inner: F,
        task: Task,
    }
}

/// The task: it is active until this is dropped.
struct Task {
    polls: &'static Polls,
    /// The waker of the last poll, if that was one whose wake is watched.
    wake: Option<Arc<Wake>>,
    /// When the last poll that was timed began.
    timed: Moment,
    /// How many polls will not be timed before the next that is.
    left: u16,
    /// How many were not before it.
    skipped: u16,
}

/// A task that is polled again within so many nanoseconds is polled often.
const OFTEN: u64 = 100_000;
/// Of such a task, so many polls are not timed after one that is.
const SKIPPED: u16 = 15;

impl<F> Monitored<F> {
    #[inline]
    pub(super) fn new(polls: &'static Polls, inner: F) -> Self {
        polls.spawned();
        Self { inner, task: Task { polls, wake: None, timed: Moment::NEVER, left: 0, skipped: 0 } }
    }
}

impl Drop for Task {
    #[inline]
    fn drop(&mut self) {
        self.polls.ended();
    }
}

impl<F> fmt::Debug for Monitored<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitored").finish_non_exhaustive()
    }
}

impl<F: Future> Future for Monitored<F> {
    type Output = F::Output;

    /// A poll that panics is counted, and not timed.
    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        this.task.polls.begin();
        if this.task.left > 0 {
            this.task.left -= 1;
            return this.inner.poll(context);
        }
        timed(this.inner, this.task, context)
    }
}

/// A poll that is timed, and whose wake may be watched.
#[inline(never)]
fn timed<F: Future>(inner: Pin<&mut F>, task: &mut Task, context: &mut Context<'_>) -> Poll<F::Output> {
    let began = Moment::now();
    let alike = 1 + u64::from(task.skipped);
    if let Some(at) = task.wake.take().and_then(|wake| wake.at()) {
        task.polls.delayed(began.nanos_since(at));
    }
    let poll = if task.polls.is_watched() {
        let wake = task.wake.insert(Wake::around(context.waker()));
        let waker = Waker::from(Arc::clone(wake));
        inner.poll(&mut Context::from_waker(&waker))
    } else {
        inner.poll(context)
    };
    task.polls.end(began, alike);
    let often = !task.timed.is_never() && began.nanos_since(task.timed) < OFTEN * alike;
    task.timed = began;
    // The poll after one whose wake is watched tells how late it came.
    task.skipped = if often && task.wake.is_none() { SKIPPED } else { 0 };
    task.left = task.skipped;
    poll
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::mock::MockClock;
    use std::pin::pin;
    use std::time::Duration;

    /// How many polls of a task are timed that is polled at this rate and never waits for itself.
    fn timed_of(polls: usize, each: Duration) -> usize {
        let clock = MockClock::start();
        let monitor = crate::executor::Monitor::new(format!("timed {each:?}"));
        let mut task = pin!(monitor.instrument(std::future::pending::<()>()));
        let mut timed = 0;
        for _ in 0..polls {
            clock.advance(each);
            let before = task.as_mut().project().task.timed;
            assert!(task.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            let after = task.as_mut().project().task.timed;
            timed += usize::from(before.is_never() || after.nanos_since(before) > 0);
        }
        timed
    }

    #[test]
    fn every_poll_is_timed_unless_they_come_often() {
        assert_eq!(timed_of(1_600, Duration::from_micros(150)), 1_600);
        let often = timed_of(1_600, Duration::from_micros(2));
        assert!((90..250).contains(&often), "{often}");
    }

    #[test]
    fn a_task_is_little_larger_than_its_future() {
        assert!(size_of::<Task>() <= 32, "{}", size_of::<Task>());
    }
}
