//! What daemons of `StatsD` and `DogStatsD` are told: datagrams of what was gained since the last one
//! that was delivered.
//!
//! A daemon adds up what it is told, so a counter is told by its gain. A series counts as told when the
//! datagram that carries its gain was delivered, and not before: what is lost is part of the next
//! collection, and what was delivered adds up to the total. Gauges are told in each collection, since a
//! daemon may forget them after each of its own.
//!
//! **Names** are those of their authors, with their dots and without a unit, and values are in the unit
//! of the metric. Whoever knows a metric from the code finds it under the same name.
//!
//! **Histograms** are no timers (`ms`, `h`, `d`): a daemon would need every single value, and here they
//! are counted in buckets already. So there are the counters `.count` and `.sum`, which are exact, and
//! the gauges `.p50`, `.p95`, `.p99` and `.max` of what was observed since the last delivery, if
//! anything was. A summary has its own quantiles as gauges, such as `.p99_9`, of its window. A sum may
//! fall where values are negative: then the counter is told a negative gain, as by a client that
//! decrements, so that it remains exact.
//!
//! **Labels** are tags in `DogStatsD`, and so are the service and the node. `StatsD` has no tags. There
//! the name is a path, from what is shared to what is special, and so that of a series is
//! `service.node.name.label.value`: the service and the node come first, where clients of `StatsD` have
//! their prefix, and without the node the gauges of two nodes would overwrite each other. They stay
//! there when the series has a label of that name, so that a metric is always equally deep.
//!
//! What the formats keep for themselves becomes `_`, in a path also the dots of values. So two series
//! can get one name, such as those of the values `a.b` and `a_b`, or a histogram `x` and a counter
//! `x.count`. Their counters then add up; of their gauges the daemon keeps the last. In `DogStatsD`,
//! where little is replaced in values, it is rare.

mod key;
mod known;
mod outgoing;
mod record;
#[cfg(test)]
mod tests;

use crate::snapshot::{FamilySnapshot, Gain, Reading, Snapshot, since};
use key::Key;
use known::Known;
use outgoing::Outgoing;
use record::Record;

/// Which daemon listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Etsy's: labels are parts of the name, and a gauge with a sign is a change.
    StatsD,
    /// Datadog's: labels are tags, and a gauge is what it says. Other daemons that know tags may take
    /// a sign for a change even so.
    DogStatsD,
}

/// What became of a collection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sent {
    /// Datagrams that were delivered.
    pub(super) delivered: u64,
    /// Datagrams that were not.
    pub(super) lost: u64,
    /// Lines that no datagram has room for. They were not sent, since part of a line is a wrong line.
    pub(super) too_long: u64,
}

/// Makes datagrams of snapshots, and remembers what was delivered.
#[derive(Debug)]
pub(super) struct Lines {
    mtu: usize,
    key: Key,
    record: Record,
    known: Known,
}

impl Lines {
    /// Datagrams of at most `mtu` bytes.
    pub(super) fn new(dialect: Dialect, mtu: usize) -> Self {
        Self { mtu, key: Key::new(dialect), record: Record::new(dialect), known: Known::default() }
    }

    /// The series of this family that are not known yet start from what they are now, which is not
    /// told. For counters that may have counted before the program started: the daemon would take all
    /// of that for a gain of the last seconds.
    pub(super) fn start_from(&mut self, family: &FamilySnapshot) {
        self.known.start_from(family);
    }

    /// Gives each datagram of a snapshot to `send`, which says whether it was delivered. What was not is
    /// told with the next collection.
    pub(super) fn each(&mut self, snapshot: &Snapshot, send: impl FnMut(&[u8]) -> bool) -> Sent {
        let Self { mtu, key, record, known } = self;
        known.begin();
        let mut outgoing = Outgoing::new(*mtu, known, snapshot, send);
        for (at, family) in snapshot.families.iter().enumerate() {
            key.family(&snapshot.identity, &family.name);
            for (which, series) in family.series.iter().enumerate() {
                key.series(&snapshot.identity, &series.labels);
                record.clear();
                let before = outgoing.known.before(&family.name, &series.labels);
                if tell(record, key, before, &series.value) {
                    outgoing.known.forget(&family.name, &series.labels);
                }
                outgoing.add(record, (at, which));
            }
        }
        outgoing.leave();
        let result = outgoing.sent;
        known.forget_gone();
        result
    }
}

/// The quantiles of a histogram: what its users ask for, and what its buckets tell well.
const QUANTILES: [(&str, f64); 3] = [(".p50", 0.5), (".p95", 0.95), (".p99", 0.99)];

/// What there is to tell of a series. Whether it has begun anew: then nothing of it is known, also if
/// this is not delivered.
fn tell(record: &mut Record, key: &Key, before: Option<&Reading>, now: &Reading) -> bool {
    if let Reading::Counter(now) = now {
        // Exactly, as a gain in floating point is not where it is large.
        let before = before.map(|before| if let Reading::Counter(before) = before { *before } else { 0 });
        let gained = now.checked_sub(before.unwrap_or(0));
        record.count(key, "", gained.unwrap_or(*now));
        record.end();
        return gained.is_none();
    }
    if before == Some(now) && matches!(now, Reading::Distribution(_)) {
        return false;
    }
    match (since(before, now), now) {
        (Gain::Gauge(value), _) => {
            record.gauge(key, "", value);
            false
        }
        // A gain from what is not a number, or to it, says nothing; it waits for a number.
        (Gain::Counter(gained), Reading::CounterFloat(total)) => {
            record.sum(key, "", gained);
            record.end();
            gained.is_finite() && gained == *total
        }
        (Gain::Distribution(gained), Reading::Distribution(total)) => {
            record.count(key, ".count", gained.count);
            record.sum(key, ".sum", gained.sum);
            record.end();
            if gained.count > 0 {
                for (suffix, share) in QUANTILES {
                    record.gauge(key, suffix, gained.quantile(share).unwrap_or(f64::NAN));
                }
                record.gauge(key, ".max", gained.max.unwrap_or(f64::NAN));
            }
            (gained.count, gained.sum) == (total.count, total.sum)
        }
        (Gain::Summary { count, sum }, Reading::Summary(total)) => {
            record.count(key, ".count", count);
            record.sum(key, ".sum", sum);
            record.end();
            for (share, value) in &total.quantiles {
                record.gauge(key, &key::quantile(*share), value.unwrap_or(f64::NAN));
            }
            (count, sum) == (total.count, total.sum)
        }
        _ => false,
    }
}
