//! Escaping as the text formats have it, and back.

use std::borrow::Cow;

/// Appends `raw`, with its quotes escaped if it is to stand between quotes.
pub(crate) fn escape(raw: &str, quotes: bool, text: &mut Vec<u8>) {
    let special = |byte: &u8| matches!(byte, b'\\' | b'\n') || (quotes && *byte == b'"');
    let mut rest = raw.as_bytes();
    while let Some(at) = rest.iter().position(special) {
        text.extend_from_slice(&rest[..at]);
        text.extend_from_slice(match rest[at] {
            b'\n' => br"\n",
            b'"' => br#"\""#,
            _ => br"\\",
        });
        rest = &rest[at + 1..];
    }
    text.extend_from_slice(rest);
}

/// What was escaped with its quotes.
pub(crate) fn unescape(text: &[u8]) -> Cow<'_, str> {
    // What was text before it was escaped is text after it.
    let text = std::str::from_utf8(text).unwrap_or_default();
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut chars = text.chars();
    let next = || match chars.next()? {
        '\\' => chars.next().map(|escaped| if escaped == 'n' { '\n' } else { escaped }),
        plain => Some(plain),
    };
    Cow::Owned(std::iter::from_fn(next).collect())
}

/// Appends what was escaped with its quotes, as the text it was.
#[cfg(feature = "protobuf")]
pub(crate) fn unescape_to(text: &[u8], raw: &mut Vec<u8>) {
    // What is escaped is of one byte each, and no part of a longer character is such a byte.
    let mut bytes = text.iter().copied();
    let next = || match bytes.next()? {
        b'\\' => bytes.next().map(|escaped| if escaped == b'n' { b'\n' } else { escaped }),
        plain => Some(plain),
    };
    raw.extend(std::iter::from_fn(next));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_escaped_comes_back() {
        for (raw, escaped) in [
            ("", ""),
            ("plain é", "plain é"),
            ("a\"b\\c\nd", r#"a\"b\\c\nd"#),
            ("\\n", r"\\n"),
            ("\n\n\"", r#"\n\n\""#),
        ] {
            let mut text = Vec::new();
            escape(raw, true, &mut text);
            assert_eq!(std::str::from_utf8(&text).unwrap(), escaped);
            assert_eq!(unescape(&text), raw);
            #[cfg(feature = "protobuf")]
            {
                let mut bytes = b"before".to_vec();
                unescape_to(&text, &mut bytes);
                assert_eq!(bytes, ["before", raw].concat().as_bytes());
            }
        }
        let mut help = Vec::new();
        escape("a \"b\"\n", false, &mut help);
        assert_eq!(help, b"a \"b\"\\n");
    }
}
