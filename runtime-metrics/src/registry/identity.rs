//! Who is measuring: the service and the node that every exported metric is labelled with.

use crate::label::LabelSet;
use std::borrow::Cow;
use std::sync::Arc;

/// The service and the node of this process. Every exported metric carries both as the labels
/// `service` and `node`; a label of the same name that the metric has itself wins.
///
/// Unless set, the service is `RUNTIME_METRICS_SERVICE`, else `OTEL_SERVICE_NAME`, else the name of
/// the executable; the node is `RUNTIME_METRICS_NODE`, else `HOSTNAME`, else the host's name.
///
/// ```
/// use runtime_metrics::Identity;
///
/// let identity = Identity::new("checkout", "node-7");
/// assert_eq!(identity.node, "node-7");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Identity {
    /// The name of the service; no label where it is empty.
    pub service: String,
    /// The name of the instance; no label where it is empty.
    pub node: String,
}

impl Identity {
    /// An identity of these names; an empty one leaves its label out.
    ///
    /// ```
    /// assert_eq!(runtime_metrics::Identity::new("checkout", "").service, "checkout");
    /// ```
    pub fn new(service: impl Into<String>, node: impl Into<String>) -> Self {
        Self { service: service.into(), node: node.into() }
    }

    pub(crate) fn detect() -> Self {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let executable = || Some(std::env::current_exe().ok()?.file_stem()?.to_str()?.to_owned());
        let host = || std::fs::read_to_string("/proc/sys/kernel/hostname").ok().map(|name| name.trim().to_owned());
        Self {
            service: variable("RUNTIME_METRICS_SERVICE")
                .or_else(|| variable("OTEL_SERVICE_NAME"))
                .or_else(executable)
                .unwrap_or_default(),
            node: variable("RUNTIME_METRICS_NODE")
                .or_else(|| variable("HOSTNAME"))
                .or_else(|| variable("COMPUTERNAME"))
                .or_else(host)
                .unwrap_or_default(),
        }
    }

    /// The labels of the identity that `has` says are not there, sorted by name.
    pub(crate) fn missing_in(&self, has: impl Fn(&str) -> bool) -> impl Iterator<Item = (&'static str, &str)> {
        let mine = [("node", &*self.node), ("service", &*self.service)];
        mine.into_iter().filter(move |(name, value)| !value.is_empty() && !has(name))
    }

    /// `labels` with those of the identity that they lack.
    pub(crate) fn complete(&self, labels: &LabelSet) -> LabelSet {
        let missing = self.missing_in(|name| labels.get(name).is_some());
        labels.with(missing.map(|(name, value)| (Cow::Borrowed(name), Arc::from(value))))
    }
}
