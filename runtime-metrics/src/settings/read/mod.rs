//! Settings as an operator writes them: in a file and in the environment, under the names they have in code.

mod environment;
mod file;
mod keys;
mod value;

use super::current::Completed;
use super::{Settings, SettingsError};
use keys::Written;

/// The settings of the code, with what file and environment say besides.
pub(super) fn completed(mut settings: Settings) -> Completed {
    let (mut in_environment, mut in_file) = (SettingsError::default(), SettingsError::default());
    let environment = environment::Environment::read(&mut in_environment);
    if let Some(path) = &environment.file {
        take(&mut settings, file::read(path, &mut in_file), &mut in_file);
    }
    take(&mut settings, environment.settings, &mut in_environment);
    Completed { settings, in_environment, in_file }
}

/// Sets what is written, as far as it can be used.
fn take(settings: &mut Settings, written: Vec<Written>, error: &mut SettingsError) {
    for one in written {
        let mut changed = settings.clone();
        let result = keys::set(&mut changed, &one.key, &one.value).and_then(|()| {
            // What is wrong with it alone: all else is as it was.
            changed
                .validate()
                .map_err(|error| error.pairs().map(|(_, what)| what.as_str()).collect::<Vec<_>>().join("; "))
        });
        match result {
            Ok(()) => *settings = changed,
            Err(message) => error.add(one.place, message),
        }
    }
}

impl Settings {
    /// The defaults, with what a TOML file says besides.
    ///
    /// # Errors
    ///
    /// Names each key that there is not and each value that can't be used: with its line, and with the nearest that
    /// there is.
    ///
    /// ```
    /// use runtime_metrics::{Sampling, Settings};
    ///
    /// let settings = Settings::from_toml("sample = 16\n[labels]\nemail = \"drop\"")?;
    /// assert_eq!(settings.sample, Sampling::OneIn(16));
    ///
    /// let error = Settings::from_toml("[labels]\nemail = \"drob\"").unwrap_err();
    /// assert!(error.to_string().starts_with("line 2, labels.email:"), "{error}");
    /// # Ok::<(), runtime_metrics::SettingsError>(())
    /// ```
    pub fn from_toml(text: &str) -> Result<Self, SettingsError> {
        let (mut settings, mut error) = (Self::default(), SettingsError::default());
        let written = file::parse(text, "", &mut error);
        take(&mut settings, written, &mut error);
        error.or(settings)
    }

    /// The same of a file.
    ///
    /// # Errors
    ///
    /// As [`from_toml`](Self::from_toml), and says why the file can't be read.
    ///
    /// ```
    /// let error = runtime_metrics::Settings::from_file("no-such-file.toml").unwrap_err();
    /// assert!(error.to_string().contains("no-such-file.toml"));
    /// ```
    pub fn from_file(path: impl AsRef<std::path::Path>) -> Result<Self, SettingsError> {
        let (mut settings, mut error) = (Self::default(), SettingsError::default());
        let written = file::read(path.as_ref(), &mut error);
        take(&mut settings, written, &mut error);
        error.or(settings)
    }

    /// The defaults, with what the environment says besides, and the file that it names. A program needs it only to
    /// look at the result: settings are completed by themselves.
    ///
    /// # Errors
    ///
    /// As [`from_toml`](Self::from_toml), with the variable as the place.
    ///
    /// ```
    /// let settings = runtime_metrics::Settings::from_env()?;
    /// assert!(settings.enabled);
    /// # Ok::<(), runtime_metrics::SettingsError>(())
    /// ```
    pub fn from_env() -> Result<Self, SettingsError> {
        let Completed { settings, mut in_environment, in_file } = completed(Self::default());
        in_environment.extend(in_file);
        in_environment.or(settings)
    }
}
