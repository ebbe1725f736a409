//! Units in UCUM, the code that OpenTelemetry tells them in.

use std::borrow::Cow;

/// Words -> their code. Values stay as they are, so each has its own.
const KNOWN: &[(&str, &[&str])] = &[
    ("s", &["seconds", "second"]),
    ("ms", &["milliseconds", "millisecond"]),
    ("us", &["microseconds", "microsecond"]),
    ("ns", &["nanoseconds", "nanosecond"]),
    ("min", &["minutes", "minute"]),
    ("h", &["hours", "hour"]),
    ("d", &["days", "day"]),
    ("By", &["bytes", "byte"]),
    ("kBy", &["kilobytes", "kilobyte"]),
    ("MBy", &["megabytes", "megabyte"]),
    ("GBy", &["gigabytes", "gigabyte"]),
    ("KiBy", &["kibibytes", "kibibyte"]),
    ("MiBy", &["mebibytes", "mebibyte"]),
    ("GiBy", &["gibibytes", "gibibyte"]),
    ("bit", &["bits"]),
    ("%", &["percent"]),
    ("1", &["ratio"]),
    ("Cel", &["celsius"]),
    ("V", &["volts", "volt"]),
    ("A", &["amperes", "ampere"]),
    ("J", &["joules", "joule"]),
    ("W", &["watts", "watt"]),
    ("Hz", &["hertz"]),
    ("m", &["meters", "meter", "metres", "metre"]),
    ("g", &["grams", "gram"]),
];

/// The code of a unit; a word that has none is an annotation, which counts things.
pub(super) fn ucum(unit: &str) -> Cow<'_, str> {
    if let Some((code, _)) = KNOWN.iter().find(|(code, words)| *code == unit || words.contains(&unit)) {
        return Cow::Borrowed(code);
    }
    let word = unit.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    let allowed = |c: char| c.is_ascii_graphic() && c != '{' && c != '}';
    match word {
        Some(word) if word.chars().all(allowed) => Cow::Borrowed(unit),
        _ if unit.is_empty() => Cow::Borrowed(""),
        _ => Cow::Owned(format!("{{{}}}", unit.replace(|c: char| !allowed(c), "_"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_unit_is_its_code_and_any_other_word_an_annotation() {
        let of = ["seconds", "milliseconds", "bytes", "percent", "ratio", "count", "requests", "", "By", "{item}"];
        assert_eq!(of.map(ucum), ["s", "ms", "By", "%", "1", "{count}", "{requests}", "", "By", "{item}"]);
    }

    #[test]
    fn what_an_annotation_must_not_have_is_left_out() {
        assert_eq!(["two words", "a{b}", "{a{b}", "größe"].map(ucum), ["{two_words}", "{a_b_}", "{_a_b_}", "{gr__e}"]);
    }

    #[test]
    fn no_word_has_two_codes() {
        let mut seen = HashSet::new();
        for (code, words) in KNOWN {
            assert!(words.iter().chain([code]).all(|word| seen.insert(*word)), "{code}");
        }
    }
}
