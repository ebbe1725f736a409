//! The settings in force, where they come from, and how others take their place.

use super::rules::HashKey;
use super::{OfMetric, Settings, SettingsError};
use crate::lock::{Mutex, RwLock};
use crate::registry::registry;
use crate::status::report;
use std::sync::{Arc, OnceLock};

/// The settings in force.
#[derive(Debug)]
pub(crate) struct Current {
    pub(crate) settings: Settings,
    key: HashKey,
}

impl Current {
    fn new(settings: Settings) -> Self {
        Self { key: HashKey::new(settings.hash_key.as_deref()), settings }
    }

    /// What holds for a metric of these names.
    pub(crate) fn of(&self, names: &[impl AsRef<str>]) -> OfMetric {
        self.settings.of(names)
    }

    /// Whether nothing was said of any metric, and of no label.
    pub(crate) fn says_nothing(&self) -> bool {
        let Settings { enabled, keep_labels, labels, metrics, .. } = &self.settings;
        *enabled && keep_labels.is_none() && labels.is_empty() && metrics.is_empty()
    }

    pub(super) fn hash(&self, value: &str) -> String {
        self.key.hash(value)
    }
}

/// What is in force, and what the code has said, upon which file and environment build.
#[derive(Debug)]
struct State {
    current: RwLock<Arc<Current>>,
    code: Mutex<Settings>,
    /// What was wrong when it was first read, until it can be told.
    untold: Mutex<Vec<SettingsError>>,
}

fn state() -> &'static State {
    static STATE: OnceLock<State> = OnceLock::new();
    STATE.get_or_init(|| {
        let code = Settings::default();
        let Completed { settings, in_environment, in_file } = completed(&code);
        State {
            current: RwLock::new(Arc::new(Current::new(settings))),
            code: Mutex::new(code),
            untold: Mutex::new(vec![in_environment, in_file]),
        }
    })
}

/// The settings in force.
pub(crate) fn current() -> Arc<Current> {
    state().current.read().clone()
}

/// Tells what was wrong with the settings that were found at the start. Not while they are being read: a logger
/// may itself record.
pub(crate) fn tell_problems() {
    let untold = std::mem::take(&mut *state().untold.lock());
    untold.iter().for_each(tell);
}

fn tell(error: &SettingsError) {
    for (place, message) in error.pairs() {
        report(place.clone(), message.clone());
    }
}

/// Settings of the code with what file and environment say besides. Of these each thing that can't be used is left
/// out.
#[derive(Debug)]
pub(super) struct Completed {
    pub(super) settings: Settings,
    /// What is wrong with the environment, which stays as it is while the program runs,
    pub(super) in_environment: SettingsError,
    /// and with the file.
    pub(super) in_file: SettingsError,
}

fn completed(code: &Settings) -> Completed {
    #[cfg(feature = "config")]
    return super::read::completed(code.clone());
    #[cfg(not(feature = "config"))]
    {
        let mut in_environment = SettingsError::default();
        if std::env::var_os("RUNTIME_METRICS_CONFIG").is_some() {
            in_environment.add(
                "RUNTIME_METRICS_CONFIG",
                "settings are read from a file only with the feature `config`, which is off; turn it on",
            );
        }
        Completed { settings: code.clone(), in_environment, in_file: SettingsError::default() }
    }
}

/// What came of new settings.
///
/// ```
/// use runtime_metrics::{Settings, reload};
///
/// let applied = reload()?;
/// assert!(applied.after_restart().is_empty());
/// # Ok::<(), runtime_metrics::SettingsError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "it tells what needs a restart"]
pub struct Applied {
    pub(crate) after_restart: Vec<String>,
    pub(crate) unknown: Vec<String>,
}

impl Applied {
    /// What holds only from the next start on: buckets of histograms that there are, and rules for labels that are
    /// written out in the program.
    ///
    /// ```
    /// assert!(runtime_metrics::configure(Default::default())?.after_restart().is_empty());
    /// # Ok::<(), runtime_metrics::SettingsError>(())
    /// ```
    pub fn after_restart(&self) -> &[String] {
        &self.after_restart
    }

    /// Names in [`Settings::metrics`] that no metric has so far. It may still come.
    ///
    /// ```
    /// use runtime_metrics::{MetricSettings, Settings, configure};
    ///
    /// let mut settings = Settings::default();
    /// settings.metrics.insert("no_such_metric".to_owned(), MetricSettings::default());
    /// assert!(configure(settings)?.unknown_metrics()[0].contains("no_such_metric"));
    /// # Ok::<(), runtime_metrics::SettingsError>(())
    /// ```
    pub fn unknown_metrics(&self) -> &[String] {
        &self.unknown
    }
}

/// Sets what holds from now on, with what the file and the environment say besides; at the beginning of `main`, and
/// again whenever it is to change.
///
/// What changes while the program runs, and how, is told in [settings](crate::configuring); what can't is named in
/// the result.
///
/// # Errors
///
/// Names each of these settings that can't be used, and what it can be; nothing has changed then. What is wrong with
/// file or environment is told by [`status`](crate::status), and the rest of them is used.
///
/// ```
/// use runtime_metrics::{MetricSettings, Settings, configure, increment, registry};
///
/// let mut settings = Settings::default();
/// let off = MetricSettings { enabled: Some(false), ..Default::default() };
/// settings.metrics.insert("noisy".to_owned(), off);
/// let _ = configure(settings)?;
///
/// increment!("noisy");
/// assert!(registry().snapshot().family("noisy").is_none());
/// # Ok::<(), runtime_metrics::SettingsError>(())
/// ```
pub fn configure(settings: Settings) -> Result<Applied, SettingsError> {
    settings.validate()?;
    let mut completed = completed(&settings);
    let in_file = std::mem::take(&mut completed.in_file);
    let applied = apply(settings, completed);
    // Not before: a logger may itself record, and then with what was set.
    tell(&in_file);
    Ok(applied)
}

/// Reads the file again, and sets what holds from now on as [`configure`] does.
///
/// # Errors
///
/// Names each key in the file that there is not, and each value that can't be used, with its line; nothing has changed
/// then.
///
/// ```
/// let applied = runtime_metrics::reload()?;
/// # let _ = applied;
/// # Ok::<(), runtime_metrics::SettingsError>(())
/// ```
pub fn reload() -> Result<Applied, SettingsError> {
    let code = state().code.lock().clone();
    let mut completed = completed(&code);
    std::mem::take(&mut completed.in_file).or(())?;
    Ok(apply(code, completed))
}

fn apply(code: Settings, Completed { settings, in_environment, .. }: Completed) -> Applied {
    /// One after the other, each as a whole.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let one = ONE_AT_A_TIME.lock();
    let state = state();
    *state.code.lock() = code;
    // What was wrong with the file at the start may not be any more.
    *state.untold.lock() = vec![in_environment];
    let new = Arc::new(Current::new(settings));
    let old = std::mem::replace(&mut *state.current.write(), Arc::clone(&new));
    // If there is no registry yet, it begins with these.
    let applied = registry().configure(&old.settings, &new);
    drop(one);
    tell_problems();
    for what in &applied.after_restart {
        report("settings", format!("{what}: it holds from the next start on"));
    }
    applied
}
