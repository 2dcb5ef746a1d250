//! A recording whose disk takes nothing: what is missing so far, and when it is tried again. Knows no disk and no clock.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::ledger::DiskTicket;
use crate::model::{DropReason, LaneKind, PlainText, Sample, SourceId, Stamp};
use crate::recording::Numbering;

/// The first wait before another try; each that comes to nothing doubles it.
const FIRST_WAIT_NS: u64 = 1_000_000_000;
/// The longest wait. A disk that was repaired or remounted is noticed within it.
const MOST_WAIT_NS: u64 = 60_000_000_000;
/// A disk that says it is full is asked this often.
const ASK_EVERY_NS: u64 = 2_000_000_000;
/// A file that has lived this long was no failed try.
pub const SOUND: Duration = Duration::from_secs(60);

/// A recording that waits for its disk.
#[derive(Debug)]
pub struct Stalled {
    numbering: Numbering,
    since: Stamp,
    why: PlainText,
    reason: DropReason,
    missing: BTreeMap<(SourceId, LaneKind), u64>,
    tries: u32,
    next_try_ns: u64,
}

impl Stalled {
    /// Nothing is written from now on.
    ///
    /// - `numbering`: of the file that took no more
    /// - `tries`: files that were begun in vain right before
    pub fn new(
        numbering: Numbering,
        why: PlainText,
        reason: DropReason,
        tries: u32,
        now: Stamp,
    ) -> Self {
        Self {
            numbering,
            since: now,
            why,
            reason,
            missing: BTreeMap::new(),
            tries,
            next_try_ns: now.mono_ns.saturating_add(wait_ns(tries)),
        }
    }

    /// Since when.
    pub fn since(&self) -> Stamp {
        self.since
    }

    /// Why, for people.
    pub fn why(&self) -> &PlainText {
        &self.why
    }

    /// Why, for the books.
    pub fn reason(&self) -> DropReason {
        self.reason
    }

    /// How far the channels of the recording have counted.
    pub fn numbering(&self) -> Numbering {
        self.numbering.clone()
    }

    /// An item is lost.
    pub fn lose(&mut self, sample: &Sample, ticket: DiskTicket) {
        let lane = sample.payload.lane();
        *self.missing.entry((sample.source, lane)).or_default() += 1;
        ticket.lost(self.reason);
    }

    /// Items lost so far.
    pub fn missing_total(&self) -> u64 {
        self.missing.values().sum()
    }

    /// The same by source and lane.
    pub fn missing(&self) -> impl Iterator<Item = (SourceId, LaneKind, DropReason, u64)> {
        self.missing
            .iter()
            .map(|((source, lane), count)| (*source, *lane, self.reason, *count))
    }

    /// Whether it is time for another try.
    pub fn is_due(&self, now: Stamp) -> bool {
        now.mono_ns >= self.next_try_ns
    }

    /// It is tried at once.
    pub fn hurry(&mut self) {
        self.next_try_ns = 0;
    }

    /// There is still no room, by the disk's own word.
    pub fn wait_for_room(&mut self, now: Stamp) {
        self.next_try_ns = now.mono_ns.saturating_add(ASK_EVERY_NS);
    }

    /// A try came to nothing.
    pub fn failed(&mut self, now: Stamp) {
        self.tries = self.tries.saturating_add(1);
        self.next_try_ns = now.mono_ns.saturating_add(wait_ns(self.tries));
    }

    /// Tries in vain, the one that is being made included.
    pub fn tries(&self) -> u32 {
        self.tries.saturating_add(1)
    }
}

fn wait_ns(tries: u32) -> u64 {
    FIRST_WAIT_NS
        .saturating_mul(1 << tries.min(16))
        .min(MOST_WAIT_NS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_become_rarer_and_never_end() {
        let waits: Vec<u64> = (0..9).map(|tries| wait_ns(tries) / 1_000_000_000).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(wait_ns(u32::MAX), MOST_WAIT_NS);
    }
}
