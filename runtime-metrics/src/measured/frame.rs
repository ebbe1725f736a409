//! Labels that a measured call is given while it runs, from wherever `add_label!` is called.

use crate::label::LabelValue;
use crate::status::report;
use std::cell::RefCell;

/// The labels of one running call. While the call runs on a thread its frame is on that thread's
/// stack; while its future waits, the future keeps it.
#[derive(Debug)]
pub(crate) struct Frame {
    keys: &'static [&'static str],
    values: Vec<Box<str>>,
}

thread_local! {
    #[allow(clippy::vec_box)] // they move between here and the futures
    static FRAMES: RefCell<Vec<Box<Frame>>> = const { RefCell::new(Vec::new()) };
}

impl Frame {
    pub(crate) fn new(keys: &'static [&'static str]) -> Self {
        Self { keys, values: vec![Box::default(); keys.len()] }
    }

    /// One value for each declared label, empty where none was given.
    pub(crate) fn values(&self) -> &[Box<str>] {
        &self.values
    }

    /// Makes this the innermost frame of the thread.
    pub(crate) fn push(self: Box<Self>) {
        let _ = FRAMES.try_with(|frames| frames.borrow_mut().push(self));
    }

    /// Takes the innermost frame back. Calls nest, so it is the one that was pushed last.
    pub(crate) fn pop() -> Option<Box<Self>> {
        FRAMES.try_with(|frames| frames.borrow_mut().pop()).ok().flatten()
    }
}

/// `add_label!`: gives the label to the innermost running call that declares it.
#[doc(hidden)]
pub fn add_label(name: &'static str, value: &impl LabelValue, place: &'static str) {
    let text = value.label_text();
    let found = FRAMES.try_with(|frames| {
        let mut frames = frames.borrow_mut();
        let slot = frames.iter_mut().rev().find_map(|frame| {
            let at = frame.keys.iter().position(|key| *key == name)?;
            frame.values.get_mut(at)
        });
        slot.map(|slot| *slot = (*text).into()).is_some()
    });
    if found != Ok(true) {
        report(
            name,
            format!(
                "add_label! at {place} is not inside a call that declares this label; write #[metered(labels = [\"{name}\"])] on the function that is to have it"
            ),
        );
    }
}
