//! The lines of one series.

use super::Dialect;
use super::key::Key;
use std::fmt::Display;
use std::io::Write;

/// Lines, in parts of which each has to arrive as a whole. What was counted is in the first, all else
/// are gauges.
#[derive(Debug)]
pub(super) struct Record {
    dialect: Dialect,
    lines: Vec<u8>,
    /// Where each part ends.
    ends: Vec<usize>,
    counts: bool,
}

/// What has to arrive as a whole.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part<'a> {
    /// Each line with its end.
    pub(super) lines: &'a [u8],
    /// Whether it tells what was counted.
    pub(super) counts: bool,
}

impl Record {
    pub(super) fn new(dialect: Dialect) -> Self {
        Self { dialect, lines: Vec::new(), ends: Vec::new(), counts: false }
    }

    pub(super) fn clear(&mut self) {
        self.lines.clear();
        self.ends.clear();
        self.counts = false;
    }

    /// The gain of a counter; nothing where there is none.
    pub(super) fn count(&mut self, key: &Key, suffix: &str, gained: u64) {
        if gained > 0 {
            self.line(key, suffix, gained, 'c');
            self.counts = true;
        }
    }

    /// The gain of what is not counted in whole numbers.
    pub(super) fn sum(&mut self, key: &Key, suffix: &str, gained: f64) {
        if gained != 0.0 && gained.is_finite() {
            self.line(key, suffix, gained, 'c');
            self.counts = true;
        }
    }

    /// The end of what was counted.
    pub(super) fn end(&mut self) {
        if self.ends.last().copied().unwrap_or(0) < self.lines.len() {
            self.ends.push(self.lines.len());
        }
    }

    pub(super) fn gauge(&mut self, key: &Key, suffix: &str, value: f64) {
        if !value.is_finite() {
            return;
        }
        if self.dialect == Dialect::StatsD && value < 0.0 {
            // A sign makes it a change, here of nothing.
            self.line(key, suffix, 0, 'g');
        }
        // Minus zero has a sign as well.
        self.line(key, suffix, value + 0.0, 'g');
        self.end();
    }

    /// All of it.
    pub(super) fn whole(&self) -> Part<'_> {
        Part { lines: &self.lines, counts: self.counts }
    }

    pub(super) fn parts(&self) -> impl Iterator<Item = Part<'_>> {
        self.ends.iter().enumerate().map(|(at, end)| {
            let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
            Part { lines: &self.lines[start..*end], counts: self.counts && at == 0 }
        })
    }

    /// Numbers are printed without an exponent, in the fewest digits that tell them from all others.
    fn line(&mut self, key: &Key, suffix: &str, value: impl Display, kind: char) {
        self.lines.extend_from_slice(key.head());
        // Nothing that is written to memory fails.
        let _ = write!(self.lines, "{suffix}:{value}|{kind}");
        self.lines.extend_from_slice(key.tail());
        self.lines.push(b'\n');
    }
}
