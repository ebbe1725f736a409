//! `Wake`: a waker that remembers when it was used.

use crate::clock::Moment;
use crate::lock::Mutex;
use std::sync::Arc;
use std::task::Waker;

/// Passes a wake on, and remembers when the first one came.
#[derive(Debug)]
pub(super) struct Wake {
    inner: Waker,
    at: Mutex<Moment>,
}

impl Wake {
    pub(super) fn around(inner: &Waker) -> Arc<Self> {
        Arc::new(Self { inner: inner.clone(), at: Mutex::new(Moment::NEVER) })
    }

    /// When it was first used.
    pub(super) fn at(&self) -> Option<Moment> {
        let at = *self.at.lock();
        (!at.is_never()).then_some(at)
    }

    fn used(&self) {
        let mut at = self.at.lock();
        if at.is_never() {
            *at = Moment::now();
        }
    }
}

impl std::task::Wake for Wake {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Before: once it is passed on, the task may be polled.
        self.used();
        self.inner.wake_by_ref();
    }
}
