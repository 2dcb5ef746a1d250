//! The recorder's books for one file: what was accepted for it, what is in it, what is not.

use std::collections::BTreeMap;

use crate::model::ledger::{DiskCounts, DiskTicket};
use crate::model::{DropReason, LaneKind, Loss, SourceId};

/// Accounts by source, and the tickets of what was handed to the writer and is not yet in the
/// file. A ticket is settled as written only when its chunk is: an item in a buffer may still be
/// lost.
#[derive(Debug, Default)]
pub struct Books {
    sources: Vec<DiskCounts>,
    pending: Vec<(SourceId, LaneKind, DiskTicket)>,
    /// Losses that the file does not say yet.
    unsaid: BTreeMap<(SourceId, LaneKind, DropReason), u64>,
}

impl Books {
    /// Books for `sources` sources.
    pub fn new(sources: usize) -> Self {
        Self {
            sources: vec![DiskCounts::default(); sources],
            ..Self::default()
        }
    }

    fn source(&mut self, source: SourceId) -> &mut DiskCounts {
        let index = usize::from(source.0);
        if self.sources.len() <= index {
            self.sources.resize_with(index + 1, DiskCounts::default);
        }
        &mut self.sources[index]
    }

    /// An item was handed to the writer.
    pub fn hand_on(&mut self, source: SourceId, lane: LaneKind, ticket: DiskTicket) {
        self.source(source).accepted += 1;
        self.pending.push((source, lane, ticket));
    }

    /// Everything handed on is in the file.
    pub fn settle_written(&mut self) {
        let mut pending = std::mem::take(&mut self.pending);
        for (source, _, ticket) in pending.drain(..) {
            self.source(source).written += 1;
            ticket.written();
        }
        // Kept for its room.
        self.pending = pending;
    }

    /// Nothing handed on since it was last settled is in the file, nor will be.
    pub fn settle_lost(&mut self, reason: DropReason) {
        for (source, lane, ticket) in std::mem::take(&mut self.pending) {
            self.note_loss(source, lane, reason);
            ticket.lost(reason);
        }
    }

    /// An item that was accepted will not be in the file.
    pub fn lose(
        &mut self,
        source: SourceId,
        lane: LaneKind,
        ticket: DiskTicket,
        reason: DropReason,
    ) {
        self.source(source).accepted += 1;
        self.note_loss(source, lane, reason);
        ticket.lost(reason);
    }

    /// Items were lost before there was this file, and are accounted for in it: no other file has
    /// them. Their tickets are settled.
    pub fn lost_before(
        &mut self,
        source: SourceId,
        lane: LaneKind,
        reason: DropReason,
        count: u64,
    ) {
        let account = self.source(source);
        account.accepted += count;
        account.lost[reason as usize] += count;
        *self.unsaid.entry((source, lane, reason)).or_default() += count;
    }

    fn note_loss(&mut self, source: SourceId, lane: LaneKind, reason: DropReason) {
        self.source(source).lost[reason as usize] += 1;
        *self.unsaid.entry((source, lane, reason)).or_default() += 1;
    }

    /// Whether there are losses that the file does not say yet, but for those of a reason that is
    /// said later.
    pub fn has_unsaid(&self, later: Option<DropReason>) -> bool {
        self.unsaid
            .keys()
            .any(|(_, _, reason)| Some(*reason) != later)
    }

    /// The losses that [`Books::has_unsaid`] tells of; they count as said from now on.
    pub fn take_unsaid(&mut self, later: Option<DropReason>) -> Vec<(SourceId, Loss)> {
        let (now, then) = std::mem::take(&mut self.unsaid)
            .into_iter()
            .partition(|((_, _, reason), _)| Some(*reason) != later);
        self.unsaid = then;
        let now: BTreeMap<_, _> = now;
        now.into_iter()
            .map(|((source, lane, reason), count)| {
                let loss = Loss {
                    lane,
                    reason,
                    count,
                };
                (source, loss)
            })
            .collect()
    }

    /// The accounts, by source.
    pub fn sources(&self) -> &[DiskCounts] {
        &self.sources
    }

    /// Accepted, written and lost, all sources together.
    pub fn totals(&self) -> (u64, u64, u64) {
        self.sources.iter().fold((0, 0, 0), |sum, source| {
            (
                sum.0 + source.accepted,
                sum.1 + source.written,
                sum.2 + source.lost_total(),
            )
        })
    }
}
