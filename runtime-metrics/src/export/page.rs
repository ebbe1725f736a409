//! Where text is put together before it goes to its reader.

use super::number;
use crate::digits;
use std::fmt::Write;

/// Room for text under way: small enough to stay in the processor's nearest memory.
#[derive(Debug)]
pub(super) struct Block(Box<[u8]>);

const BLOCK: usize = 16 * 1024;

impl Default for Block {
    fn default() -> Self {
        Self(vec![0; BLOCK].into())
    }
}

/// Text under way to the end of `text`, where all of it is when this is dropped.
#[derive(Debug)]
pub(super) struct Page<'a> {
    text: &'a mut Vec<u8>,
    block: &'a mut [u8],
    /// How much of the block is written.
    len: usize,
}

impl<'a> Page<'a> {
    pub(super) fn new(text: &'a mut Vec<u8>, block: &'a mut Block) -> Self {
        Self { text, block: &mut block.0, len: 0 }
    }

    fn spill(&mut self) {
        self.text.extend_from_slice(&self.block[..self.len]);
        self.len = 0;
    }

    #[inline]
    pub(super) fn push(&mut self, piece: &[u8]) {
        match self.block.get_mut(self.len..self.len + piece.len()) {
            Some(room) => {
                room.copy_from_slice(piece);
                self.len += piece.len();
            }
            None => self.push_far(piece),
        }
    }

    #[cold]
    fn push_far(&mut self, piece: &[u8]) {
        self.spill();
        match self.block.get_mut(..piece.len()) {
            Some(room) => {
                room.copy_from_slice(piece);
                self.len = piece.len();
            }
            None => self.text.extend_from_slice(piece),
        }
    }

    /// Writes a line of short pieces, if it has room for them; or nothing, and returns `false`.
    #[inline(always)]
    pub(super) fn line(&mut self, write: impl FnOnce(&mut Line<'_>)) -> bool {
        if self.len + LINE > self.block.len() {
            self.spill();
        }
        let Some(room) = self.block[self.len..].first_chunk_mut() else { return false };
        let mut line = Line { room, len: 0, fits: true };
        write(&mut line);
        if line.fits {
            self.len += line.len;
        }
        line.fits
    }

    #[inline]
    pub(super) fn count(&mut self, count: u64) {
        let len = digits::len(count);
        if self.len + len > self.block.len() {
            self.spill();
        }
        if let Some(room) = self.block.get_mut(self.len..self.len + len) {
            digits::write(count, room);
            self.len += len;
        }
    }

    /// A number as both dialects want it; whole ones as `1.0`, which is what bounds must look like.
    pub(super) fn number(&mut self, value: f64) {
        if value.is_nan() {
            self.push(b"NaN");
        } else if value.is_infinite() {
            self.push(if value > 0.0 { b"+Inf" } else { b"-Inf" });
        } else if let Some((whole, behind, places)) = number::digits(value) {
            self.push(if value.is_sign_negative() { b"-" } else { b"" });
            self.count(whole);
            self.push(b".");
            let mut room = [0; number::PLACES];
            let room = &mut room[..places];
            digits::write(behind, room);
            self.push(room);
        } else {
            // It fails where the page does, which never does.
            let _ = write!(self, "{value:?}");
        }
    }
}

/// The longest line that is written at once.
const LINE: usize = 1024;

/// A line under way.
#[derive(Debug)]
pub(super) struct Line<'a> {
    room: &'a mut [u8; LINE],
    len: usize,
    fits: bool,
}

impl Line<'_> {
    /// Adds the bytes of `source` from `start` on, so many. A short piece that has something behind
    /// it costs no call: so much is copied as a register or two hold, and what is too much is
    /// written over.
    #[inline(always)]
    pub(super) fn push(&mut self, source: &[u8], start: usize, len: usize) {
        const WIDE: usize = 32;
        let from = source.get(start..).unwrap_or_default();
        let to = &mut self.room[self.len.min(LINE)..];
        if len <= WIDE
            && let Some((from, to)) = from.first_chunk::<WIDE>().zip(to.first_chunk_mut::<WIDE>())
        {
            *to = *from;
        } else if let Some((from, to)) = from.get(..len).zip(to.get_mut(..len)) {
            to.copy_from_slice(from);
        } else {
            self.fits = false;
            return;
        }
        self.len += len;
    }

    /// Adds a count and the end of the line.
    #[inline(always)]
    pub(super) fn end(&mut self, count: u64) {
        let len = digits::len(count);
        match self.room.get_mut(self.len..=self.len + len) {
            Some([room @ .., end]) => {
                digits::write(count, room);
                *end = b'\n';
                self.len += len + 1;
            }
            _ => self.fits = false,
        }
    }
}

impl Write for Page<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.push(text.as_bytes());
        Ok(())
    }
}

impl Drop for Page<'_> {
    fn drop(&mut self) {
        self.spill();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(value: f64) -> String {
        let (mut text, mut block) = (Vec::new(), Block::default());
        Page::new(&mut text, &mut block).number(value);
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn a_number_is_what_rust_shows() {
        let mut values = vec![0.0, -0.0, 1.0, 0.1, 0.3, 1e-4, 9.9e-5, 1e15, 1e16, 1e17, 123.456, 0.1 + 0.2, 5e-324];
        values.extend([f64::MAX, f64::MIN_POSITIVE, 0.000_000_001, 999_999.999_999_999, 999_999.5, 1_000_000.5]);
        let mut random = 88_172_645_463_325_252_u64;
        for _ in 0..200_000 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            values.push(f64::from_bits(random));
            values.push((random >> 20) as f64 / 1e9);
            values.push((random >> 40) as f64 / 1e3);
            values.push((random >> 30) as f64);
        }
        for value in values {
            if value.is_finite() {
                assert_eq!(number(value), format!("{value:?}"));
                assert_eq!(number(-value), format!("{:?}", -value));
            }
        }
        assert_eq!([f64::NAN, f64::INFINITY, f64::NEG_INFINITY].map(number), ["NaN", "+Inf", "-Inf"]);
    }

    #[test]
    fn a_count_is_its_digits() {
        let (mut text, mut block) = (Vec::new(), Block::default());
        let mut page = Page::new(&mut text, &mut block);
        let mut expected = String::new();
        for shift in 0..64 {
            for count in [u64::MAX >> shift, (1 << shift) - 1, (1 << shift) + 99, 10u64.pow(shift % 20)] {
                page.count(count);
                page.push(b" ");
                expected += &count.to_string();
                expected.push(' ');
            }
        }
        drop(page);
        assert_eq!(text, expected.as_bytes());
    }

    #[test]
    fn pieces_of_any_length_come_out_as_they_went_in() {
        let source: Vec<u8> = (0..3 * BLOCK).map(|at| (at % 251) as u8).collect();
        let (mut text, mut block) = (Vec::new(), Block::default());
        let mut expected = Vec::new();
        let mut page = Page::new(&mut text, &mut block);
        for len in (0..200).chain([BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK]).chain(0..100).cycle().take(2_000) {
            let start = source.len() - len;
            let fits = page.line(|line| {
                line.push(&source, start, len);
                line.push(&source, start / 2, len);
                line.end(len as u64);
            });
            assert_eq!(fits, 2 * len < LINE - 2);
            page.push(&source[start / 3..][..len]);
            if fits {
                expected.extend_from_slice(&source[start..]);
                expected.extend_from_slice(&source[start / 2..][..len]);
                expected.extend_from_slice(format!("{len}\n").as_bytes());
            }
            expected.extend_from_slice(&source[start / 3..][..len]);
        }
        drop(page);
        assert!(text == expected);
    }
}
