//! A value as it is written, and what it can be read as.

use std::time::Duration;
use toml::de::DeValue;

/// A value as it is written.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Text(String),
    Number(f64),
    Bool(bool),
    List(Vec<Self>),
    /// A table, or a date.
    Other(&'static str),
}

impl Value {
    pub(super) fn of(value: &DeValue<'_>) -> Self {
        match value {
            DeValue::String(text) => Self::Text(text.to_string()),
            DeValue::Integer(number) => {
                let digits = number.as_str();
                i64::from_str_radix(digits, number.radix())
                    .map_or_else(|_| Self::Text(digits.to_owned()), |n| Self::Number(n as f64))
            }
            DeValue::Float(number) => {
                let digits = number.as_str();
                digits.parse().map_or_else(|_| Self::Text(digits.to_owned()), Self::Number)
            }
            DeValue::Boolean(value) => Self::Bool(*value),
            DeValue::Array(all) => Self::List(all.iter().map(|one| Self::of(one.get_ref())).collect()),
            DeValue::Table(_) => Self::Other("a table"),
            DeValue::Datetime(_) => Self::Other("a date"),
        }
    }

    /// As it is written in the environment: without quotation marks it is text, if it is nothing else.
    pub(super) fn of_text(text: &str) -> Self {
        DeValue::parse(text).map_or_else(|_| Self::Text(text.to_owned()), |value| Self::of(value.get_ref()))
    }

    /// Text as it is written in the environment, with quotation marks or without.
    pub(super) fn text_of(text: &str) -> Self {
        match Self::of_text(text) {
            Self::Text(inner) => Self::Text(inner),
            _ => Self::Text(text.to_owned()),
        }
    }

    fn is_not(&self, what: &str) -> String {
        let found = match self {
            Self::Text(text) => format!("\"{text}\""),
            Self::Number(number) => number.to_string(),
            Self::Bool(value) => value.to_string(),
            Self::List(_) => "a list".to_owned(),
            Self::Other(other) => (*other).to_owned(),
        };
        format!("{found} can't be used: write {what}")
    }

    pub(super) fn bool(&self) -> Result<bool, String> {
        match self {
            Self::Bool(value) => Ok(*value),
            Self::Number(number) if *number == 0.0 || *number == 1.0 => Ok(*number == 1.0),
            _ => Err(self.is_not("true or false")),
        }
    }

    pub(super) fn whole(&self) -> Result<u64, String> {
        match self {
            Self::Number(number) if *number >= 0.0 && number.fract() == 0.0 && *number < 9e15 => Ok(*number as u64),
            _ => Err(self.is_not("a whole number that is not negative")),
        }
    }

    /// Text; what looks like a number or a switch may be meant as text.
    pub(super) fn text(&self) -> Result<String, String> {
        match self {
            Self::Text(text) => Ok(text.clone()),
            Self::Number(number) => Ok(number.to_string()),
            Self::Bool(value) => Ok(value.to_string()),
            _ => Err(self.is_not("a text")),
        }
    }

    pub(super) fn texts(&self) -> Result<Vec<String>, String> {
        match self {
            Self::List(all) => all.iter().map(Self::text).collect(),
            // As in a variable.
            Self::Text(text) => {
                Ok(text.split(',').map(|one| one.trim().to_owned()).filter(|one| !one.is_empty()).collect())
            }
            _ => Err(self.is_not("a list of texts, such as [\"method\", \"status\"]")),
        }
    }

    pub(super) fn numbers(&self) -> Result<Vec<f64>, String> {
        let wrong = || self.is_not("a list of numbers, such as [0.1, 1, 10]");
        let Self::List(all) = self else { return Err(wrong()) };
        all.iter().map(|one| if let Self::Number(number) = one { Ok(*number) } else { Err(wrong()) }).collect()
    }

    pub(super) fn duration(&self) -> Result<Duration, String> {
        let wrong = || self.is_not("a time with its unit, such as \"500ms\", \"30s\" or \"10m\"");
        match self {
            Self::Text(text) => humantime::parse_duration(text).map_err(|_| wrong()),
            _ => Err(wrong()),
        }
    }

    /// One of these words.
    pub(super) fn one_of<T: Copy>(&self, words: &[(&str, T)]) -> Result<T, String> {
        let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let wrong = || self.is_not(&format!("one of {}", all.join(", ")));
        let Self::Text(text) = self else { return Err(wrong()) };
        if let Some((_, value)) = words.iter().find(|(word, _)| word == text) {
            return Ok(*value);
        }
        Err(match nearest(text, all.iter().copied()) {
            Some(near) => format!("{}; the nearest is \"{near}\"", wrong()),
            None => wrong(),
        })
    }
}

/// What is spelled most like it, if anything is at all like it.
pub(super) fn nearest<'a>(name: &str, all: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let likeness = |other: &str| strsim::jaro_winkler(&name.to_lowercase(), &other.to_lowercase());
    all.map(|other| (likeness(other), other))
        .filter(|(likeness, _)| *likeness > 0.7)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, other)| other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_needs_no_quotation_marks() {
        assert_eq!(Value::of_text("10m").duration(), Ok(Duration::from_secs(600)));
        assert_eq!(Value::of_text("\"10m\"").duration(), Ok(Duration::from_secs(600)));
        assert_eq!(Value::of_text("16").whole(), Ok(16));
        assert_eq!(Value::of_text("true").bool(), Ok(true));
        assert_eq!(Value::of_text("a, b").texts().unwrap(), ["a", "b"]);
        assert_eq!(Value::of_text("[0.5, 1]").numbers().unwrap(), [0.5, 1.0]);
    }

    #[test]
    fn what_is_meant_is_guessed_where_it_can_be() {
        let keys = ["series", "series_per_metric", "sample", "labels"];
        assert_eq!(nearest("serie", keys.into_iter()), Some("series"));
        assert_eq!(nearest("series_per_metrics", keys.into_iter()), Some("series_per_metric"));
        assert_eq!(nearest("zzz", keys.into_iter()), None);
        let words = [("drop", 1), ("mask", 2)];
        let error = Value::Text("drp".to_owned()).one_of(&words).unwrap_err();
        assert_eq!(error, "\"drp\" can't be used: write one of drop, mask; the nearest is \"drop\"");
    }
}
