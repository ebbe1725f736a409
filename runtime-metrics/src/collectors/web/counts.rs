//! What is counted of one server, in per-thread slots: no two threads write to one of them.

use crate::metric::{Kind, add_to_counter};
use crate::registry::registry;
use crate::shard::ARENA;

/// Each number that goes up and down is two slots that only grow, so that it is exact whichever
/// threads a request wanders through.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counts {
    base: u32,
}

/// What goes up and down.
#[derive(Clone, Copy, Debug)]
pub(super) enum Count {
    /// Connections that are open.
    Open = 0,
    /// Connections on which a request is being answered.
    Active = 2,
    /// Requests that wait to be let in.
    Queued = 4,
}

const SLOTS: u32 = 6;

impl Counts {
    pub(super) fn new() -> Self {
        // Slots run out only after millions; what leads nowhere has room for all of ours.
        let base = registry().allocate(SLOTS, SLOTS).unwrap_or_else(|| registry().nowhere(Kind::Histogram).slot());
        Self { base }
    }

    #[inline]
    pub(super) fn up(self, count: Count) {
        add_to_counter(self.base + count as u32, 1);
    }

    #[inline]
    pub(super) fn down(self, count: Count) {
        add_to_counter(self.base + count as u32 + 1, 1);
    }

    /// The number now. What goes on meanwhile may be counted on one side only, so it never falls
    /// below zero by that.
    pub(super) fn now(self, count: Count) -> u64 {
        let view = ARENA.view();
        let slot = self.base + count as u32;
        // What went down is read first: it went up before.
        let down = view.sum_now(slot + 1);
        view.sum_now(slot).saturating_sub(down)
    }
}
