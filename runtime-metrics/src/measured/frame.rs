//! Labels that a measured call is given while it runs, from wherever `add_label!` is called.

use crate::label::{LabelKey, LabelValue, Word};
use crate::registry::observer::OwnSpan;
use crate::settings;
use crate::status::report;
use std::cell::RefCell;

/// The labels of one running call. While the call runs on a thread its frame is on that thread's
/// stack; while its future waits, the future keeps it.
#[derive(Debug)]
pub(crate) struct Frame {
    keys: &'static [&'static str],
    /// One for each key, and what is left of an earlier call that had more.
    values: Vec<Given>,
    /// The span that the call is.
    span: Option<Box<dyn OwnSpan>>,
}

/// A value that a call was given.
#[derive(Debug)]
struct Given {
    word: Word,
    /// What the word stands for, if it is too long to be one.
    text: String,
}

/// The frames of a thread; boxed, for they move between here and the futures.
#[derive(Debug)]
#[allow(clippy::vec_box)]
struct Frames {
    /// Of the calls that run on it, which nest.
    running: Vec<Box<Frame>>,
    /// Of calls that are over, for the next.
    spare: Vec<Box<Frame>>,
}

/// How many frames are kept: more calls than that seldom end before as many have begun.
const SPARE: usize = 64;

thread_local! {
    static FRAMES: RefCell<Frames> = const { RefCell::new(Frames { running: Vec::new(), spare: Vec::new() }) };
}

impl Frame {
    /// A frame without values.
    #[allow(clippy::unnecessary_box_returns)] // it is one of those that are kept, if there is one
    pub(crate) fn new(keys: &'static [&'static str]) -> Box<Self> {
        let spare = FRAMES.try_with(|frames| frames.borrow_mut().spare.pop()).ok().flatten();
        let mut frame = spare.unwrap_or_else(|| Box::new(Self { keys, values: Vec::new(), span: None }));
        frame.keys = keys;
        for given in &mut frame.values {
            given.word = Word::EMPTY;
        }
        while frame.values.len() < keys.len() {
            frame.values.push(Given { word: Word::EMPTY, text: String::new() });
        }
        frame
    }

    /// Keeps what the frame has allocated, now that its call is over.
    pub(crate) fn keep(mut self: Box<Self>) {
        self.span = None;
        let _ = FRAMES.try_with(|frames| {
            let spare = &mut frames.borrow_mut().spare;
            if spare.len() < SPARE {
                spare.push(self);
            }
        });
    }

    /// The value of a declared label by its number; empty where none was given.
    #[inline]
    pub(crate) fn value(&self, at: usize) -> LabelKey<'_> {
        match self.values.get(at) {
            Some(Given { word, text }) if word.is_long() => LabelKey::Text(text),
            Some(Given { word, .. }) => LabelKey::Word(*word),
            None => LabelKey::Word(Word::EMPTY),
        }
    }

    fn set(&mut self, name: &str, key: LabelKey<'_>) -> bool {
        let at = self.keys.iter().position(|key| *key == name);
        let Some(given) = at.and_then(|at| self.values.get_mut(at)) else { return false };
        given.word = Word::of(&key);
        if let (true, LabelKey::Text(text)) = (given.word.is_long(), key) {
            given.text.clear();
            given.text.push_str(text);
        }
        true
    }

    /// Makes the call a span.
    pub(crate) fn set_span(&mut self, span: Option<Box<dyn OwnSpan>>) {
        self.span = span;
    }

    /// The span that the call is, if it is one; its end is then up to the caller.
    pub(crate) fn take_span(&mut self) -> Option<Box<dyn OwnSpan>> {
        self.span.take()
    }

    /// Makes this the innermost frame of the thread.
    pub(crate) fn push(self: Box<Self>) {
        if let Some(span) = &self.span {
            span.enter();
        }
        let _ = FRAMES.try_with(|frames| frames.borrow_mut().running.push(self));
    }

    /// Takes the innermost frame back. Calls nest, so it is the one that was pushed last.
    pub(crate) fn pop() -> Option<Box<Self>> {
        let frame = FRAMES.try_with(|frames| frames.borrow_mut().running.pop()).ok().flatten()?;
        if let Some(span) = &frame.span {
            span.leave();
        }
        Some(frame)
    }
}

/// `add_label!`: gives the label to the innermost running call that declares it.
#[doc(hidden)]
pub fn add_label(name: &'static str, value: &impl LabelValue, place: &'static str) {
    let key = value.label_key();
    let found =
        FRAMES.try_with(|frames| frames.borrow_mut().running.iter_mut().rev().any(|frame| frame.set(name, key)));
    // A call that is turned off has no labels.
    if found != Ok(true) && settings::current().says_nothing() {
        report(
            name,
            format!(
                "add_label! at {place} is not inside a call that declares this label; write #[metered(labels = [\"{name}\"])] on the function that is to have it"
            ),
        );
    }
}
