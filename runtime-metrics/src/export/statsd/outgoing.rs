//! Lines on their way: packed into datagrams, and known as soon as those are delivered.

use super::Sent;
use super::known::Known;
use super::record::{Part, Record};
use crate::snapshot::Snapshot;

pub(super) struct Outgoing<'a, S> {
    pub(super) known: &'a mut Known,
    pub(super) sent: Sent,
    mtu: usize,
    snapshot: &'a Snapshot,
    send: S,
    /// Each line with its end.
    datagram: Vec<u8>,
    /// Of which series it tells what they counted: the family and the series, as the snapshot has them.
    carried: Vec<(usize, usize)>,
}

impl<'a, S: FnMut(&[u8]) -> bool> Outgoing<'a, S> {
    pub(super) fn new(mtu: usize, known: &'a mut Known, snapshot: &'a Snapshot, send: S) -> Self {
        Self { known, sent: Sent::default(), mtu, snapshot, send, datagram: Vec::new(), carried: Vec::new() }
    }

    /// The lines of a series, in one datagram if any has room for them: the quantiles of an interval
    /// are not told again once its count was delivered.
    pub(super) fn add(&mut self, record: &Record, series: (usize, usize)) {
        if self.fits(record.whole()) {
            self.push(record.whole(), series);
            return;
        }
        for part in record.parts() {
            if self.fits(part) {
                self.push(part, series);
            } else {
                self.sent.too_long += part.lines.split_inclusive(|byte| *byte == b'\n').count() as u64;
            }
        }
    }

    /// Whether a datagram has room for this. The last line of one does not end.
    fn fits(&self, part: Part<'_>) -> bool {
        part.lines.len() <= self.mtu.saturating_add(1)
    }

    fn push(&mut self, part: Part<'_>, series: (usize, usize)) {
        if self.datagram.len() + part.lines.len() > self.mtu.saturating_add(1) {
            self.leave();
        }
        self.datagram.extend_from_slice(part.lines);
        if part.counts {
            self.carried.push(series);
        }
    }

    /// Sends what there is.
    pub(super) fn leave(&mut self) {
        let Some(bytes) = self.datagram.strip_suffix(b"\n") else { return };
        if (self.send)(bytes) {
            self.sent.delivered += 1;
            for (family, series) in self.carried.drain(..) {
                let family = &self.snapshot.families[family];
                self.known.deliver(&family.name, &family.series[series]);
            }
        } else {
            self.sent.lost += 1;
        }
        self.carried.clear();
        self.datagram.clear();
    }
}
