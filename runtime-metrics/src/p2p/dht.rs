//! What a node asks of its hash table: the few kinds that there are, and the metrics of each.

use super::{Labels, labelled};
use crate::LabelValue;
use crate::metric::{Counter, Histogram};
use std::time::Duration;

/// A kind of operation on a distributed hash table; the label `type`.
///
/// Made from its name; a name that is not known is `Other`, so that text from anywhere can't make
/// series without end.
///
/// ```
/// use runtime_metrics::LabelValue;
/// use runtime_metrics::p2p::DhtOperation;
///
/// assert_eq!(DhtOperation::from("put"), DhtOperation::Put);
/// assert_eq!(DhtOperation::from("no such thing"), DhtOperation::Other);
/// assert_eq!(&*DhtOperation::FindProviders.label_text(), "find_providers");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, LabelValue)]
#[non_exhaustive]
pub enum DhtOperation {
    /// A value is stored with the peers that are nearest to its key.
    Put,
    /// A value is looked for.
    Get,
    /// The node tells that it has something.
    Provide,
    /// Who has something is looked for.
    FindProviders,
    /// The peers that are nearest to a key are looked for.
    FindPeer,
    /// The table of known peers is filled.
    Bootstrap,
    /// Anything else.
    Other,
}

impl DhtOperation {
    const ALL: [Self; 7] =
        [Self::Put, Self::Get, Self::Provide, Self::FindProviders, Self::FindPeer, Self::Bootstrap, Self::Other];
}

impl From<&str> for DhtOperation {
    #[inline]
    fn from(name: &str) -> Self {
        match name {
            "put" => Self::Put,
            "get" => Self::Get,
            "provide" => Self::Provide,
            "find_providers" => Self::FindProviders,
            "find_peer" => Self::FindPeer,
            "bootstrap" => Self::Bootstrap,
            _ => Self::Other,
        }
    }
}

/// The metrics of each kind of operation. All are there from the start, so that the first failure is
/// a step from 0 for whoever watches the rate.
#[derive(Clone, Debug)]
pub(super) struct DhtHandles([OfKind; DhtOperation::ALL.len()]);

#[derive(Clone, Debug)]
struct OfKind {
    operations: Counter,
    failures: Counter,
    latency: Histogram,
}

impl DhtHandles {
    pub(super) fn new(labels: Labels<'_>) -> Self {
        Self(DhtOperation::ALL.map(|kind| {
            OfKind {
                operations: labelled(
                    Counter::new("p2p_dht_operations_total", "Operations on the hash table that ended, well or badly."),
                    labels,
                )
                .with_label("type", kind)
                .register(),
                failures: labelled(
                    Counter::new("p2p_dht_operation_failures_total", "Operations on the hash table that failed."),
                    labels,
                )
                .with_label("type", kind)
                .register(),
                latency: labelled(
                    Histogram::new("p2p_dht_latency_seconds", "Time of an operation on the hash table to its end."),
                    labels,
                )
                .with_label("type", kind)
                .register(),
            }
        }))
    }

    #[inline]
    pub(super) fn record(&self, kind: DhtOperation, duration: Duration, success: bool) {
        let of_kind = &self.0[kind as usize];
        of_kind.operations.increment();
        of_kind.latency.observe(duration);
        if !success {
            of_kind.failures.increment();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_at_its_place_and_has_its_name() {
        for (place, kind) in DhtOperation::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, place);
            assert_eq!(DhtOperation::from(&*kind.label_text()), kind);
        }
    }
}
