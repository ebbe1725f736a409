//! A word: a label value as it is compared, in two registers.
//!
//! Text of up to 16 bytes is taken as it is, so that equal words are equal text; integers and
//! variants are not turned into text at all. Of longer text it is the length and a hash, and who
//! finds the same of another text compares the two.

use super::short::Short;
use super::{LabelKey, LabelText};
use crate::hash;
use std::num::NonZeroU64;

/// One label value, as it is compared.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Word {
    /// It is never 0, so that it tells a word from text as well.
    kind: NonZeroU64,
    pub(crate) low: u64,
    pub(crate) high: u64,
}

/// A kind takes so many bits.
pub(crate) const KIND_BITS: u32 = 5;

// What kinds there are; text that fits has the number of its bytes and one.
const LONG: u64 = 18;
const UNSIGNED: u64 = 19;
const SIGNED: u64 = 20;
const VARIANT: u64 = 21;
const NAME: u64 = 22;
const PLACE: u64 = 23;

/// How many bytes of text fit.
pub(super) const SHORT: usize = 16;

impl Word {
    #[inline(always)]
    const fn new(kind: u64, low: u64, high: u64) -> Self {
        Self { kind: NonZeroU64::MIN.saturating_add(kind - 1), low, high }
    }

    /// Any of them.
    pub(crate) const ZERO: Self = Self::new(PLACE, 0, 0);

    /// No text.
    pub(crate) const EMPTY: Self = Self::new(1, 0, 0);

    #[inline(always)]
    pub(crate) fn unsigned(number: u128) -> Self {
        Self::new(UNSIGNED, number as u64, (number >> 64) as u64)
    }

    #[inline(always)]
    pub(crate) fn signed(number: i128) -> Self {
        Self::new(SIGNED, number as u64, (number >> 64) as u64)
    }

    /// One of some texts: which, how many there are, and where.
    #[inline(always)]
    pub(crate) fn variant(index: usize, texts: &'static [&'static str]) -> Self {
        let place = texts.as_ptr().expose_provenance() as u64;
        Self::new(VARIANT, index as u64 | (texts.len() as u64) << 32, place)
    }

    /// The name of a label: it is there for ever, so its place tells it.
    #[inline(always)]
    pub(crate) fn name(name: &'static str) -> Self {
        Self::new(NAME, name.as_ptr().addr() as u64, name.len() as u64)
    }

    /// Something that stays where it is.
    #[inline(always)]
    pub(crate) fn place<T>(of: &'static T) -> Self {
        Self::new(PLACE, std::ptr::from_ref(of).addr() as u64, 0)
    }

    /// Text that was made on the stack: of what is longer than a word, there are only integers.
    #[cold]
    pub(crate) fn short(text: &[u8]) -> Self {
        let number = || std::str::from_utf8(text).unwrap_or_default();
        match (text.len(), number().parse(), number().parse()) {
            (17.., Ok(number), _) => Self::unsigned(number),
            (17.., _, Ok(number)) => Self::signed(number),
            _ => {
                let (low, high) = any(text);
                Self::new(kind_of(text.len()), low, high)
            }
        }
    }

    /// What a key is compared by.
    #[inline(always)]
    pub(crate) fn of(key: &LabelKey<'_>) -> Self {
        match key {
            LabelKey::Word(word) => *word,
            LabelKey::Text(text) => {
                let (low, high) = Short::read([text]).map_or_else(|| any(text.as_bytes()), |[short]| short.halves());
                Self::new(kind_of(text.len()), low, high)
            }
        }
    }

    #[inline(always)]
    pub(crate) fn kind(self) -> u64 {
        self.kind.get()
    }

    /// Whether it tells its text but by a hash.
    #[inline]
    pub(crate) fn is_long(self) -> bool {
        self.kind() == LONG
    }

    /// If it is a variant: which, of how many, and what tells the type from others.
    #[inline(always)]
    pub(crate) fn as_variant(self) -> Option<(usize, usize, u64)> {
        let (index, count) = (self.low as u32 as usize, (self.low >> 32) as usize);
        if self.kind() == VARIANT { Some((index, count, self.high)) } else { None }
    }

    /// The text that it stands for, if it was made of a value and not of text.
    pub(crate) fn text<'a>(self) -> LabelText<'a> {
        let wide = u128::from(self.high) << 64 | u128::from(self.low);
        match self.kind() {
            UNSIGNED => LabelText::short(wide),
            SIGNED => LabelText::short(wide as i128),
            VARIANT => {
                let first: *const &'static str = std::ptr::with_exposed_provenance(self.high as usize);
                let (index, count) = (self.low as u32 as usize, (self.low >> 32) as usize);
                // SAFETY: made by `variant` of a slice with this beginning and length.
                let texts: &'static [&'static str] = unsafe { std::slice::from_raw_parts(first, count) };
                LabelText::borrowed(texts.get(index).copied().unwrap_or_default())
            }
            bytes @ 1..=17 => {
                let text = wide.to_le_bytes();
                LabelText::short(
                    text.get(..bytes as usize - 1).map_or("", |text| std::str::from_utf8(text).unwrap_or_default()),
                )
            }
            // Of what these tell, nobody needs the text.
            _ => LabelText::borrowed(""),
        }
    }
}

/// Whether a text is too long to be a word.
#[inline(always)]
pub(crate) fn is_long(text: &str) -> bool {
    text.len() > SHORT
}

/// The kind of a text of so many bytes, if they fit.
#[inline(always)]
pub(crate) fn kind_of_short(bytes: usize) -> u64 {
    bytes as u64 + 1
}

#[inline(always)]
fn kind_of(bytes: usize) -> u64 {
    if bytes <= SHORT { kind_of_short(bytes) } else { LONG }
}

/// The two halves of a word for any text.
#[inline(never)]
fn any(text: &[u8]) -> (u64, u64) {
    if text.len() <= SHORT { by_parts(text) } else { (hash::bytes(text), text.len() as u64) }
}

/// The two halves of up to 16 bytes: of each its first and its last part, which overlap.
pub(super) fn by_parts(bytes: &[u8]) -> (u64, u64) {
    match bytes.len() {
        0..=8 => (half(bytes), 0),
        _ => (half(&bytes[..8]), half(&bytes[8..])),
    }
}

fn half(bytes: &[u8]) -> u64 {
    let last = |taken: u64, width: usize| taken << (8 * (bytes.len() - width));
    if let Some(all) = bytes.first_chunk() {
        return u64::from_le_bytes(*all);
    }
    if let (Some(first), Some(end)) = (bytes.first_chunk(), bytes.last_chunk()) {
        return u64::from(u32::from_le_bytes(*first)) | last(u64::from(u32::from_le_bytes(*end)), 4);
    }
    if let (Some(first), Some(end)) = (bytes.first_chunk(), bytes.last_chunk()) {
        return u64::from(u16::from_le_bytes(*first)) | last(u64::from(u16::from_le_bytes(*end)), 2);
    }
    bytes.first().copied().unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_equal_where_values_are() {
        let same = |one: &str, other: &str| {
            let [one, other] = [one, other].map(|text| Word::of(&LabelKey::Text(text)));
            (one.kind, one.low, one.high) == (other.kind, other.low, other.high)
        };
        let texts =
            ["", "\0", "\0\0", "a", "ab", "1234567", "12345678", "123456789", "1234567890123456", "12345678901234567"];
        for one in texts {
            for other in texts {
                assert_eq!(same(one, other), one == other, "{one:?} {other:?}");
            }
            assert!(same(one, &String::from(one)));
        }
    }
}
