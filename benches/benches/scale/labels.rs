//! Label sets, as text that is only known at run time.

use std::fmt::Write;

/// The most labels that a series has here.
pub const MOST: usize = 5;
pub const NAMES: [&str; MOST] = ["first", "second", "third", "fourth", "fifth"];

/// What label sets look like.
#[derive(Clone, Copy)]
pub struct Form {
    /// How many labels there are.
    pub width: usize,
    /// How many bytes each value has.
    pub length: usize,
}

/// The label sets of series, one after the other in memory: to read on costs next to nothing.
pub struct Labels {
    text: String,
    form: Form,
}

impl Labels {
    /// Those of the series with these numbers. The first value tells them apart, the others take turns of eight.
    pub fn new(form: Form, numbers: impl Iterator<Item = usize>) -> Self {
        let Form { width, length } = form;
        let mut text = String::new();
        for number in numbers {
            let _ = write!(text, "{number:v>length$}");
            for place in 1..width {
                let _ = write!(text, "{:v>length$}", (number + place) % 8);
            }
        }
        Self { text, form }
    }

    /// Of series at random, the same each time.
    pub fn random(form: Form, series: usize, count: usize) -> Self {
        let mut state = 1_u64;
        let numbers = (0..count).map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((state >> 33) as usize) % series
        });
        Self::new(form, numbers)
    }

    pub fn len(&self) -> usize {
        self.text.len() / (self.form.width * self.form.length)
    }

    /// Visits them; what is beyond the width is empty.
    #[inline(always)]
    pub fn each<'a>(&'a self, mut visit: impl FnMut([&'a str; MOST])) {
        let Form { width, length } = self.form;
        let mut at = 0;
        while at < self.text.len() {
            let mut values = [""; MOST];
            for value in &mut values[..width] {
                *value = &self.text[at..at + length];
                at += length;
            }
            visit(values);
        }
    }
}
