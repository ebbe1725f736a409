//! Label values and label sets: turning what a caller passes into what identifies a series.

mod short;
mod word;

pub(crate) use short::{Short, mix, mixed};
pub use word::Word;
pub(crate) use word::{KIND_BITS, is_long, kind_of_short};

use std::borrow::Cow;
use std::fmt::Display;
use std::io::Write;
use std::rc::Rc;
use std::sync::Arc;

/// A value that a label can take: strings, integers, `bool`, `char`, and references to them.
///
/// Strings are borrowed and numbers are written to the stack, so looking up a series that exists
/// allocates nothing. For other types pass `value.as_str()` or `value.to_string()`.
///
/// ```
/// use runtime_metrics::LabelValue;
///
/// assert_eq!(&*"free".label_text(), "free");
/// assert_eq!(&*404u16.label_text(), "404");
/// assert_eq!(&*true.label_text(), "true");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be the value of a label",
    label = "not a string, integer, bool or char",
    note = "pass a string: `value.as_str()`, or `value.to_string()` for a type that implements `Display`"
)]
pub trait LabelValue {
    /// The text that identifies the series.
    fn label_text(&self) -> LabelText<'_>;

    /// What stands for the text where a series is looked up that is known already.
    #[doc(hidden)]
    #[inline]
    fn label_key(&self) -> LabelKey<'_> {
        match self.label_text().0 {
            Text::Borrowed(text) => LabelKey::Text(text),
            Text::Short(bytes, len) => LabelKey::Word(Word::short(bytes.get(..usize::from(len)).unwrap_or_default())),
        }
    }
}

/// A label value as it is looked up: without making text of what is none.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub enum LabelKey<'a> {
    Text(&'a str),
    Word(Word),
}

impl LabelKey<'_> {
    /// One of a few texts that are known when the program is compiled: a static of the type's own.
    #[inline(always)]
    pub fn variant(index: usize, texts: &'static [&'static str]) -> Self {
        Self::Word(Word::variant(index, texts))
    }
}

impl<'a> From<LabelKey<'a>> for LabelText<'a> {
    fn from(key: LabelKey<'a>) -> Self {
        match key {
            LabelKey::Text(text) => Self::borrowed(text),
            LabelKey::Word(word) => word.text(),
        }
    }
}

/// The text of a label value: borrowed, or short and on the stack.
///
/// ```
/// use runtime_metrics::LabelValue;
///
/// let text = 42.label_text();
/// assert_eq!(text.len(), 2);
/// ```
#[derive(Debug, Clone)]
pub struct LabelText<'a>(Text<'a>);

/// Room for the longest integer there is: 39 digits and a sign.
const SHORT: usize = 40;

#[derive(Debug, Clone)]
enum Text<'a> {
    Borrowed(&'a str),
    Short([u8; SHORT], u8),
}

impl<'a> LabelText<'a> {
    /// Text that lives elsewhere; what an implementation for an enum or a newtype returns.
    #[inline]
    pub const fn borrowed(text: &'a str) -> Self {
        Self(Text::Borrowed(text))
    }

    fn short(value: impl Display) -> Self {
        let mut room = [0; SHORT];
        let mut rest = &mut room[..];
        // What is too long is cut off; nothing that comes here is.
        let _ = write!(rest, "{value}");
        let len = SHORT - rest.len();
        Self(Text::Short(room, len as u8))
    }
}

impl std::ops::Deref for LabelText<'_> {
    type Target = str;

    #[inline]
    fn deref(&self) -> &str {
        match &self.0 {
            Text::Borrowed(text) => text,
            Text::Short(bytes, len) => std::str::from_utf8(&bytes[..usize::from(*len)]).unwrap_or_default(),
        }
    }
}

macro_rules! borrowed {
    ($($kind:ty),*) => {$(
        impl LabelValue for $kind {
            #[inline]
            fn label_text(&self) -> LabelText<'_> {
                LabelText::borrowed(self)
            }

            #[inline]
            fn label_key(&self) -> LabelKey<'_> {
                LabelKey::Text(self)
            }
        }
    )*};
}
borrowed!(str, String, Cow<'_, str>, Box<str>, Arc<str>, Rc<str>);

macro_rules! integer {
    ($word:ident as $wide:ty: $($kind:ty),*) => {$(
        impl LabelValue for $kind {
            fn label_text(&self) -> LabelText<'_> {
                LabelText::short(self)
            }

            #[inline]
            #[allow(clippy::cast_lossless)] // `usize` is as wide as the machine's addresses
            fn label_key(&self) -> LabelKey<'_> {
                LabelKey::Word(Word::$word(*self as $wide))
            }
        }
    )*};
}
integer!(unsigned as u128: u8, u16, u32, u64, u128, usize);
integer!(signed as i128: i8, i16, i32, i64, i128, isize);

impl LabelValue for bool {
    #[inline]
    fn label_text(&self) -> LabelText<'_> {
        LabelText::borrowed(if *self { "true" } else { "false" })
    }

    #[inline]
    fn label_key(&self) -> LabelKey<'_> {
        static TEXTS: [&str; 2] = ["false", "true"];
        LabelKey::variant(usize::from(*self), &TEXTS)
    }
}

impl LabelValue for char {
    fn label_text(&self) -> LabelText<'_> {
        LabelText::short(self)
    }
}

impl<T: LabelValue + ?Sized> LabelValue for &T {
    #[inline]
    fn label_text(&self) -> LabelText<'_> {
        (**self).label_text()
    }

    #[inline]
    fn label_key(&self) -> LabelKey<'_> {
        (**self).label_key()
    }
}

impl<T: LabelValue + ?Sized> LabelValue for &mut T {
    #[inline]
    fn label_text(&self) -> LabelText<'_> {
        (**self).label_text()
    }

    #[inline]
    fn label_key(&self) -> LabelKey<'_> {
        (**self).label_key()
    }
}

/// A label: its name and its value.
pub(crate) type Label = (Cow<'static, str>, Arc<str>);

/// The labels of one series, sorted by name and without repetition.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct LabelSet(Arc<[Label]>);

impl LabelSet {
    /// From names and values in any order; of a repeated name the last value counts.
    pub(crate) fn new(labels: impl IntoIterator<Item = Label>) -> Self {
        Self::sorted(labels.into_iter().collect())
    }

    /// Not generic, for it is the larger part of `new`.
    fn sorted(mut labels: Vec<Label>) -> Self {
        labels.sort_by(|(one, _), (other, _)| one.cmp(other));
        // The sort keeps the order of equal names, so the last of them goes where the first is.
        labels.dedup_by(|later, kept| {
            let same = later.0 == kept.0;
            if same {
                std::mem::swap(later, kept);
            }
            same
        });
        Self(labels.into())
    }

    /// The value of a label.
    ///
    /// ```
    /// use runtime_metrics::{Counter, registry};
    ///
    /// Counter::new("label_set_example", "Shows labels.").with_label("tier", "free").register().increment();
    /// let snapshot = registry().snapshot();
    /// let series = &snapshot.family("label_set_example").unwrap().series[0];
    /// assert_eq!(series.labels.get("tier"), Some("free"));
    /// assert_eq!(series.labels.get("zone"), None);
    /// ```
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| &**value)
    }

    /// Names and values, sorted by name.
    ///
    /// ```
    /// let none = runtime_metrics::LabelSet::default();
    /// assert_eq!(none.iter().count(), 0);
    /// ```
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> + Clone {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// The same as labels.
    pub(crate) fn to_labels(&self) -> impl Iterator<Item = Label> {
        self.0.iter().cloned()
    }

    /// Whether these are exactly the given labels, in whatever order.
    pub(crate) fn is(&self, labels: &[(&str, &str)]) -> bool {
        self.0.len() == labels.len() && labels.iter().all(|(name, value)| self.get(name) == Some(value))
    }

    pub(crate) fn with(&self, more: impl IntoIterator<Item = (Cow<'static, str>, Arc<str>)>) -> Self {
        Self::new(self.0.iter().cloned().chain(more))
    }
}

/// Whether `name` can name a label: a letter or `_`, then letters, digits or `_`; not one of the
/// names that formats keep for themselves.
///
/// # Errors
///
/// Says what is wrong and how to mend it.
pub(crate) fn check_name(name: &str) -> Result<(), String> {
    let mut chars = name.chars();
    let starts_well = chars.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_');
    if !starts_well || !chars.all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err(format!(
            "label `{name}` is not a valid name; use letters, digits and `_`, not starting with a digit"
        ));
    }
    if name.starts_with("__") || matches!(name, "le" | "quantile") {
        return Err(format!("label `{name}` is reserved by the exposition formats; choose another name"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_value_becomes_its_text() {
        let text = |value: &dyn LabelValue| value.label_text().to_string();
        assert_eq!(text(&"a"), "a");
        assert_eq!(text(&String::from("b")), "b");
        assert_eq!(text(&Cow::Borrowed("c")), "c");
        assert_eq!(text(&Arc::<str>::from("d")), "d");
        assert_eq!(text(&i128::MIN), i128::MIN.to_string());
        assert_eq!(text(&u64::MAX), u64::MAX.to_string());
        assert_eq!(text(&'é'), "é");
        assert_eq!(text(&false), "false");
    }

    #[test]
    fn a_label_set_is_sorted_and_the_last_value_of_a_name_counts() {
        let set = LabelSet::new([("b".into(), "1".into()), ("a".into(), "2".into()), ("b".into(), "3".into())]);
        assert_eq!(set.iter().collect::<Vec<_>>(), [("a", "2"), ("b", "3")]);
        assert!(set.is(&[("b", "3"), ("a", "2")]));
        assert!(!set.is(&[("a", "2")]));
    }

    #[test]
    fn bad_names_are_told_apart() {
        assert!(check_name("tier_2").is_ok());
        for bad in ["", "2nd", "a b", "a-b", "é"] {
            assert!(check_name(bad).is_err_and(|error| error.contains("letters")), "{bad}");
        }
        for reserved in ["le", "quantile", "__name__"] {
            assert!(check_name(reserved).is_err_and(|error| error.contains("reserved")), "{reserved}");
        }
    }
}
