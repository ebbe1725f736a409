//! What is counted.

use crate::{functions, off, scrapes, values};
use std::arch::asm;
use std::hint::black_box;

/// One thing to be done many times.
pub struct Case {
    /// What its limit is called.
    pub key: &'static str,
    /// What it is, for people.
    pub what: &'static str,
    /// The case that is this one without what is to be counted; without it the case is such a one, and has no limit.
    pub less: Option<&'static str>,
    /// How many operations are worth counting.
    pub operations: u64,
    /// How many things an operation does; a count is for one of them.
    pub things: u64,
    /// Makes it.
    pub make: fn() -> Box<dyn Run>,
}

/// A case at work.
pub trait Run {
    /// So many operations.
    fn run(&mut self, operations: u64);
    /// How many operations can be read back, if any can.
    fn seen(&self) -> Option<f64>;
}

/// The keys of what is subtracted.
pub const LOOP: &str = "loop";
pub const TEXTS: &str = "texts";
pub const KINDS: &str = "kinds";
pub const NUMBERS: &str = "numbers";

/// Two pairs of texts by turns, which a memory of the last one alone would not help. There are no more of them, for they
/// could meet in one place of a cache.
#[inline(always)]
pub fn texts(at: u64) -> (&'static str, &'static str) {
    static PAIRS: [(&str, &str); 2] = pairs(0);
    PAIRS[at as usize % PAIRS.len()]
}

/// The same where a page of memory ends.
#[inline(always)]
pub fn texts_at_end(at: u64) -> (&'static str, &'static str) {
    static PAIRS: [(&str, &str); 2] = pairs(PAGE.0.len() - 16);
    PAIRS[at as usize % PAIRS.len()]
}

/// The first pair.
pub const METHOD: &str = pairs(0)[0].0;
pub const STATUS: &str = pairs(0)[0].1;

/// Where in a page of memory a text lies has a part in what it takes to read it, and shall not be chance.
#[repr(align(4096))]
struct Page([u8; 4096]);

static PAGE: Page = {
    let mut page = [b' '; 4096];
    let texts = b"GET200DELETE404 ";
    *page.first_chunk_mut().unwrap() = *texts;
    *page.last_chunk_mut().unwrap() = *texts;
    Page(page)
};

/// Both pairs of the page's texts from here on.
const fn pairs(start: usize) -> [(&'static str, &'static str); 2] {
    const fn text(at: usize, bytes: usize) -> &'static str {
        match str::from_utf8(PAGE.0.split_at(at).1.split_at(bytes).0) {
            Ok(text) => text,
            Err(_) => panic!("the page is ASCII"),
        }
    }
    [(text(start, 3), text(start + 3, 3)), (text(start + 6, 6), text(start + 12, 3))]
}

/// Two values of a type by turns.
#[inline(always)]
pub fn kind(at: u64) -> Method {
    static METHODS: [Method; 2] = [Method::Get, Method::Delete];
    METHODS[at as usize % METHODS.len()]
}

/// Latencies, in seconds.
#[inline(always)]
pub fn number(at: u64) -> f64 {
    static LATENCIES: [f64; 8] = [0.004, 0.09, 0.02, 0.9, 0.03, 0.2, 0.007, 0.04];
    LATENCIES[at as usize % LATENCIES.len()]
}

/// A label value that is a type.
#[derive(Clone, Copy, Debug, runtime_metrics::LabelValue)]
pub enum Method {
    Get,
    Delete,
}

pub fn all() -> Vec<Case> {
    references()
        .into_iter()
        .chain(values::cases())
        .chain(functions::cases())
        .chain(off::cases())
        .chain(scrapes::cases())
        .collect()
}

fn references() -> [Case; 5] {
    let without = |key, what, make| Case { less: None, ..Case::new(key, what, make) };
    [
        without(LOOP, "nothing: the loop itself", || repeat(None, |_| ())),
        without(TEXTS, "nothing: the choice of two texts", || repeat(None, |at| _ = black_box(texts(at)))),
        without(KINDS, "nothing: the choice of an enum", || repeat(None, |at| _ = black_box(kind(at)))),
        without(NUMBERS, "nothing: the choice of a number", || repeat(None, |at| _ = black_box(number(at)))),
        without("clock", "nothing: two readings of the clock", || {
            let clock = quanta::Clock::new();
            repeat(None, move |_| _ = black_box((clock.raw(), clock.raw())))
        }),
    ]
}

impl Case {
    pub fn new(key: &'static str, what: &'static str, make: fn() -> Box<dyn Run>) -> Self {
        Self { key, what, less: Some(LOOP), operations: 10_000, things: 1, make }
    }

    pub fn less(mut self, key: &'static str) -> Self {
        self.less = Some(key);
        self
    }
}

/// A case that does `operation`, and is read back as the sum of all samples of this name.
pub fn repeat(sample: Option<&'static str>, operation: impl FnMut(u64) + 'static) -> Box<dyn Run> {
    Box::new(Repeat { sample, operation })
}

struct Repeat<F> {
    sample: Option<&'static str>,
    operation: F,
}

impl<F: FnMut(u64)> Run for Repeat<F> {
    #[inline(never)]
    fn run(&mut self, operations: u64) {
        for at in 0..operations {
            (self.operation)(at);
            apart();
        }
    }

    fn seen(&self) -> Option<f64> {
        self.sample.map(sum)
    }
}

fn sum(name: &str) -> f64 {
    let text = runtime_metrics::export::openmetrics(&runtime_metrics::registry().snapshot());
    let samples = text.lines().filter_map(|line| line.rsplit_once(' '));
    let of_name = samples.filter(|(sample, _)| sample.split('{').next() == Some(name));
    of_name.map(|(_, value)| value.parse().unwrap_or(f64::NAN)).sum()
}

/// Keeps two operations from being merged into one, and emits no instruction.
#[inline(always)]
fn apart() {
    // SAFETY: it is empty. That it may touch memory is only what the compiler has to assume.
    unsafe { asm!("", options(nostack, preserves_flags)) }
}
