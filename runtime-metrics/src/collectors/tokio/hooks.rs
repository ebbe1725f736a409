//! What is put into a runtime when it is built: hooks that count its threads, and its polls where Tokio lets us.

use super::{Known, known};
use crate::executor::Polls;
use crate::lock::Mutex;
use std::borrow::BorrowMut;
use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use tokio::runtime::{Builder, Handle};

/// Puts the hooks of this library into a runtime.
///
/// ```
/// use runtime_metrics::RuntimeBuilderExt;
///
/// let runtime = tokio::runtime::Builder::new_current_thread().enable_all().with_metrics().build().unwrap();
/// runtime.block_on(async {
///     tokio::task::yield_now().await;
/// });
/// ```
pub trait RuntimeBuilderExt: sealed::Sealed {
    /// The runtime is known from its start, the threads of its blocking pool are counted, and its timer, which is
    /// turned on, is watched. Under `tokio_unstable` its polls are counted and timed, two readings of the clock for
    /// each, about 20 ns.
    ///
    /// A builder has one hook of each kind: those of one's own for the start, the stop and the parking of threads,
    /// and for polls under `tokio_unstable`, are replaced, and replace these if they are set later.
    ///
    /// ```
    /// use runtime_metrics::RuntimeBuilderExt;
    /// use tokio::runtime::Builder;
    ///
    /// let runtime = Builder::new_current_thread().name("jobs").with_metrics().build();
    /// # drop(runtime);
    /// ```
    fn with_metrics(&mut self) -> &mut Self;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for tokio::runtime::Builder {}
}

impl RuntimeBuilderExt for Builder {
    fn with_metrics(&mut self) -> &mut Self {
        #[cfg(tokio_unstable)]
        let polls = {
            let polls = Arc::new(Polls::new());
            let (begins, ends) = (Arc::clone(&polls), Arc::clone(&polls));
            self.on_before_task_poll(move |_| poll::begins(&begins)).on_after_task_poll(move |_| poll::ends(&ends));
            Some(Arc::new(Mutex::new(Some(polls))))
        };
        #[cfg(not(tokio_unstable))]
        let polls = None;
        let parking = polls.clone();
        self.enable_time()
            .on_thread_start(move || thread_starts(polls.as_ref()))
            .on_thread_stop(thread_stops)
            .on_thread_park(move || parks(parking.as_ref()))
    }
}

thread_local! {
    /// The runtime whose pool this thread belongs to, where it is counted.
    static POOL: RefCell<Option<Arc<Known>>> = const { RefCell::new(None) };
    /// The runtime that this thread last drove without belonging to it.
    static DRIVEN: Cell<Option<tokio::runtime::Id>> = const { Cell::new(None) };
}

/// What the hooks of a builder count, until a runtime has it. All runtimes of the builder are counted together, and
/// told by the first.
type Unclaimed = Arc<Mutex<Option<Arc<Polls>>>>;

/// The runtime of this thread, whose hooks are installed.
fn installed(polls: Option<&Unclaimed>) -> Option<Arc<Known>> {
    let known = known(&Handle::try_current().ok()?)?;
    known.hooks().installed.store(true, Relaxed);
    if let Some(polls) = polls.and_then(|polls| polls.lock().take()) {
        let _ = known.hooks().polls.set(polls);
    }
    Some(known)
}

fn thread_starts(polls: Option<&Unclaimed>) {
    let Some(known) = installed(polls) else { return };
    known.hooks().threads.fetch_add(1, Relaxed);
    POOL.set(Some(known));
}

fn thread_stops() {
    if let Some(known) = POOL.take() {
        known.hooks().threads.fetch_sub(1, Relaxed);
    }
}

/// A current-thread runtime runs on a thread that it has not started; the first time that one goes to sleep, the
/// runtime is known.
fn parks(polls: Option<&Unclaimed>) {
    if POOL.with_borrow(Option::is_some) {
        return;
    }
    let Ok(handle) = Handle::try_current() else { return };
    if DRIVEN.replace(Some(handle.id())) != Some(handle.id()) {
        installed(polls);
    }
}

/// The hooks around each poll of a task.
#[cfg(tokio_unstable)]
mod poll {
    use crate::clock::Moment;
    use crate::executor::Polls;
    use std::cell::Cell;

    thread_local! {
        /// When the poll began that this thread is in.
        static BEGAN: Cell<Moment> = const { Cell::new(Moment::NEVER) };
    }

    #[inline]
    pub(super) fn begins(polls: &Polls) {
        polls.begin();
        BEGAN.set(Moment::now());
    }

    #[inline]
    pub(super) fn ends(polls: &Polls) {
        // A poll inside of a poll, of another runtime, has taken it.
        let began = BEGAN.replace(Moment::NEVER);
        if !began.is_never() {
            polls.end(began, 1);
        }
    }
}

/// Builds a runtime with everything on, and runs a future on it; what `#[runtime_metrics::main]` calls.
///
/// # Panics
///
/// If the system has no thread or no descriptor for it, as `#[tokio::main]`.
#[doc(hidden)]
pub fn run<F: Future>(mut builder: impl BorrowMut<Builder>, future: F) -> F::Output {
    let runtime = match builder.borrow_mut().enable_all().with_metrics().build() {
        Ok(runtime) => runtime,
        Err(error) => panic!("the runtime can't be built: {error}"),
    };
    let known = known(runtime.handle());
    if let Some(known) = &known {
        known.hooks().installed.store(true, Relaxed);
        known.runs_always(true);
    }
    let output = runtime.block_on(future);
    if let Some(known) = &known {
        known.runs_always(false);
    }
    output
}
