//! `SettingsError`: every setting that can't be used, where it is, and what to do.

use std::fmt;

/// What is wrong with settings: of each that can't be used its place, its name, and what it can be.
///
/// ```
/// use runtime_metrics::{Settings, configure};
///
/// let error = configure(Settings { samples_per_second: 0, ..Default::default() }).unwrap_err();
/// assert!(error.problems().next().unwrap().contains("samples_per_second"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SettingsError(Vec<(String, String)>);

impl SettingsError {
    /// Each problem by itself: where, and what.
    ///
    /// ```
    /// assert_eq!(runtime_metrics::Settings::default().validate(), Ok(()));
    /// ```
    pub fn problems(&self) -> impl Iterator<Item = String> + '_ {
        self.0.iter().map(|(place, message)| format!("{place}: {message}"))
    }

    /// The same as places and messages.
    pub(super) fn pairs(&self) -> impl Iterator<Item = &(String, String)> {
        self.0.iter()
    }

    pub(super) fn add(&mut self, place: impl Into<String>, message: impl Into<String>) {
        self.0.push((place.into(), message.into()));
    }

    #[cfg(feature = "config")]
    pub(super) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(super) fn check(&mut self, place: &str, result: Result<(), String>) {
        if let Err(message) = result {
            self.add(place, message);
        }
    }

    /// The value, if nothing is wrong.
    pub(super) fn or<T>(self, value: T) -> Result<T, Self> {
        if self.0.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.problems().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            f.write_str(&problem)?;
        }
        Ok(())
    }
}

impl std::error::Error for SettingsError {}
