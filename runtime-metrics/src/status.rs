//! What went wrong inside the library, for people: kept, and logged once (feature `log`).

use crate::lock::Mutex;
use std::fmt;

/// One thing that is wrong, where it is, and how to mend it.
///
/// ```
/// for problem in runtime_metrics::status().problems {
///     eprintln!("{problem}");
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// Which part is concerned: the name of a metric, a collector, a setting or an exporter.
    pub subject: String,
    /// What is wrong, where, and what to do.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.subject, self.message)
    }
}

/// How the library itself is doing; see [`status`].
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Status {
    /// Everything reported since start, oldest first.
    pub problems: Vec<Problem>,
}

/// Enough to see what is wrong; a fault that repeats for ever must not fill the memory.
const KEPT: usize = 256;

static PROBLEMS: Mutex<Vec<Problem>> = Mutex::new(Vec::new());

/// What the library has to say of itself: definitions that disagree, collectors that panicked,
/// settings it could not use, labels it folded. With the feature `log`, each is also logged once: a
/// warning whose target is `runtime_metrics`.
///
/// ```
/// let status = runtime_metrics::status();
/// assert!(status.problems.iter().all(|problem| !problem.message.is_empty()));
/// ```
pub fn status() -> Status {
    crate::registry(); // definitions that disagree are found when the catalogue is read
    Status { problems: PROBLEMS.lock().clone() }
}

/// Keeps and logs a problem, unless the very same has been reported before.
pub(crate) fn report(subject: impl Into<String>, message: impl Into<String>) {
    let problem = Problem { subject: subject.into(), message: message.into() };
    {
        let mut problems = PROBLEMS.lock();
        if problems.contains(&problem) || problems.len() >= KEPT {
            return;
        }
        problems.push(problem.clone());
    }
    // Not under the lock: a logger may itself record metrics.
    #[cfg(feature = "log")]
    log::warn!(target: "runtime_metrics", "{problem}");
}
