//! Which metrics an exporter wants.

use crate::snapshot::Snapshot;
use std::fmt;
use std::sync::Arc;

/// Whether a name is wanted.
type Wanted = dyn Fn(&str) -> bool + Send + Sync;

/// All of them, or those whose names are wanted.
#[derive(Clone, Default)]
pub(super) struct Filter(Option<Arc<Wanted>>);

impl Filter {
    pub(super) fn of(wanted: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(wanted)))
    }

    /// Whether it wants all.
    #[cfg(feature = "http")]
    pub(super) fn is_none(&self) -> bool {
        self.0.is_none()
    }

    /// Everything that is wanted.
    pub(super) fn take(&self) -> Snapshot {
        let mut snapshot = Snapshot::take();
        if let Some(wanted) = &self.0 {
            snapshot.families.retain(|family| wanted(&family.name));
        }
        snapshot
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Filter(..)" } else { "Filter(all)" })
    }
}
