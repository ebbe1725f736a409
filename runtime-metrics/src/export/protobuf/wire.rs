//! Fields that tell their length, as they lie on the wire.

use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint};

/// Begins a field of so many bytes.
#[inline]
pub(super) fn begin(out: &mut Vec<u8>, tag: u32, len: usize) {
    // Nearly all texts are this short, and there are more of them than of anything else.
    if tag < 16 && len < 128 {
        out.extend_from_slice(&[(tag as u8) << 3 | WireType::LengthDelimited as u8, len as u8]);
    } else {
        open(out, tag);
        encode_varint(len as u64, out);
    }
}

/// Begins a field whose length is not known yet: `close` tells it.
pub(super) fn open(out: &mut Vec<u8>, tag: u32) {
    encode_key(tag, WireType::LengthDelimited, out);
}

/// Puts the length of all from `start` on before it. To move it by a few bytes costs less than to
/// find out its length first, or to keep it elsewhere meanwhile.
pub(super) fn close(out: &mut Vec<u8>, start: usize) {
    let end = out.len();
    encode_varint((end - start) as u64, out);
    let moved = out.len() - end;
    out[start..].rotate_right(moved);
}

/// Writes a text.
pub(super) fn text(out: &mut Vec<u8>, tag: u32, text: &[u8]) {
    begin(out, tag, text.len());
    out.extend_from_slice(text);
}

/// How long a text is as a field of a tag below 16.
pub(super) fn text_len(text: &[u8]) -> usize {
    1 + encoded_len_varint(text.len() as u64) + text.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost::Message;

    #[derive(Clone, PartialEq, prost::Message)]
    struct Texts {
        #[prost(string, repeated, tag = "1")]
        texts: Vec<String>,
        #[prost(message, repeated, tag = "2")]
        inner: Vec<Texts>,
    }

    #[test]
    fn a_field_is_as_long_as_it_says_however_long_it_is() {
        for len in [0, 1, 127, 128, 16_383, 16_384, 3_000_000] {
            let one = "x".repeat(len);
            let mut out = b"before".to_vec();
            open(&mut out, 2);
            let start = out.len();
            text(&mut out, 1, one.as_bytes());
            assert_eq!(out.len() - start, text_len(one.as_bytes()));
            text(&mut out, 1, b"y");
            close(&mut out, start);
            let inner = Texts { texts: vec![one, "y".to_owned()], inner: Vec::new() };
            let expected = Texts { texts: Vec::new(), inner: vec![inner] };
            assert!(out.starts_with(b"before") && out[6..] == expected.encode_to_vec(), "{len}");
        }
    }
}
