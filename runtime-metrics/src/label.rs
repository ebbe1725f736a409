//! Label values and label sets: turning what a caller passes into what identifies a series.

use std::borrow::Cow;
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

    fn short(text: &str) -> Self {
        let mut bytes = [0; SHORT];
        let len = text.len().min(SHORT);
        bytes[..len].copy_from_slice(&text.as_bytes()[..len]);
        Self(Text::Short(bytes, len as u8))
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
        }
    )*};
}
borrowed!(str, String, Cow<'_, str>, Box<str>, Arc<str>, Rc<str>);

macro_rules! integer {
    ($($kind:ty),*) => {$(
        impl LabelValue for $kind {
            #[inline]
            fn label_text(&self) -> LabelText<'_> {
                LabelText::short(itoa::Buffer::new().format(*self))
            }
        }
    )*};
}
integer!(u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize);

impl LabelValue for bool {
    #[inline]
    fn label_text(&self) -> LabelText<'_> {
        LabelText::borrowed(if *self { "true" } else { "false" })
    }
}

impl LabelValue for char {
    fn label_text(&self) -> LabelText<'_> {
        LabelText::short(self.encode_utf8(&mut [0; 4]))
    }
}

impl<T: LabelValue + ?Sized> LabelValue for &T {
    #[inline]
    fn label_text(&self) -> LabelText<'_> {
        (**self).label_text()
    }
}

impl<T: LabelValue + ?Sized> LabelValue for &mut T {
    #[inline]
    fn label_text(&self) -> LabelText<'_> {
        (**self).label_text()
    }
}

/// A label: its name and its value.
pub(crate) type Label = (Cow<'static, str>, Arc<str>);

/// The labels of one series, sorted by name and without repetition.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct LabelSet(Arc<[Label]>);

impl LabelSet {
    /// From names and values in any order; of a repeated name the last value counts.
    pub(crate) fn new(labels: impl IntoIterator<Item = (Cow<'static, str>, Arc<str>)>) -> Self {
        let mut sorted: Vec<Label> = Vec::new();
        for (name, value) in labels {
            match sorted.binary_search_by(|(other, _)| other.cmp(&name)) {
                Ok(at) => sorted[at].1 = value,
                Err(at) => sorted.insert(at, (name, value)),
            }
        }
        Self(sorted.into())
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
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
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
