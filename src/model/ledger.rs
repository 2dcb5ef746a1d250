//! The ledger: every item received ends in exactly one column, or the books do not balance.
//!
//! Taking an item in yields a [`Ticket`] that must be settled. `in_flight` is the number of
//! tickets alive, counted on its own; so an item that some path forgets shows up as a residue:
//! `received = shown + recorded only + coalesced + dropped + in flight + residue`.
//! The recorder keeps a second account of the same form for what it accepted.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::sample::SourceId;

/// The lanes of the way to the screen, in order of importance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LaneKind {
    /// Links, faults, losses: bounded, never dropped, served first.
    Control,
    /// Readings, messages, log lines: bounded, the oldest gives way.
    Samples,
    /// Order books: changes are folded into views, one place per book, and the newest view wins.
    Books,
    /// Pictures: one place per camera, the newest wins.
    Frames,
}

impl LaneKind {
    /// All lanes, most important first.
    pub const ALL: [Self; 4] = [Self::Control, Self::Samples, Self::Books, Self::Frames];

    /// The name in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Control => "control",
            Self::Samples => "samples",
            Self::Books => "books",
            Self::Frames => "frames",
        }
    }
}

/// Why an item was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DropReason {
    /// It does not follow the protocol.
    Malformed,
    /// It is over a limit.
    TooLarge,
    /// Its pixels cannot be read.
    Undecodable,
    /// The screen's samples lane was full and it was the oldest.
    ScreenLaneFull,
    /// The reader went on while the pipeline was not taking, and it was the oldest.
    ReaderBehind,
    /// Neither screen nor recorder was there to take it.
    NoOutlet,
    /// The recorder ended before it was written.
    RecorderGone,
    /// The disk took no more.
    DiskFull,
    /// It was still waiting when the program ended.
    Shutdown,
}

impl DropReason {
    /// All reasons, in the order of the tables.
    pub const ALL: [Self; 9] = [
        Self::Malformed,
        Self::TooLarge,
        Self::Undecodable,
        Self::ScreenLaneFull,
        Self::ReaderBehind,
        Self::NoOutlet,
        Self::RecorderGone,
        Self::DiskFull,
        Self::Shutdown,
    ];

    /// The words on the screen and in recordings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::TooLarge => "too large",
            Self::Undecodable => "undecodable",
            Self::ScreenLaneFull => "screen lane full",
            Self::ReaderBehind => "reader behind",
            Self::NoOutlet => "no outlet",
            Self::RecorderGone => "recorder gone",
            Self::DiskFull => "disk full",
            Self::Shutdown => "shutdown",
        }
    }

    /// Whether somebody misses it: not what came when a recording had reached its limit, or was on
    /// its way when the run ended, which nobody had asked for. Whether a file lacks something the
    /// recorder says itself.
    pub fn is_loss(self) -> bool {
        !matches!(self, Self::Shutdown | Self::NoOutlet)
    }

    /// The reason of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name)
    }
}

/// What became of an item on its way to the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// A frame was drawn; a sample was taken into what the next picture shows.
    Shown,
    /// A newer one took its place, or it was folded into running numbers without being drawn.
    Coalesced,
    /// The screen did not get it: it is `recorded only` if the recorder took it, else dropped for
    /// this reason.
    NotShown(DropReason),
    /// It is of no use to anybody, recorded or not.
    Dropped(DropReason),
}

/// One account: a source's lane.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Taken in.
    pub received: u64,
    /// Reached the screen.
    pub shown: u64,
    /// Reached the recorder and not the screen.
    pub recorded_only: u64,
    /// Gave way to a newer one.
    pub coalesced: u64,
    /// Lost, by [`DropReason::ALL`].
    pub dropped: [u64; DropReason::ALL.len()],
    /// Tickets alive.
    pub in_flight: u64,
    /// Of all received, those the recorder accepted, whatever became of them on the screen.
    pub recorded: u64,
}

impl Counts {
    /// All drops.
    pub fn dropped_total(&self) -> u64 {
        self.dropped.iter().sum()
    }

    /// What the books cannot explain; anything but zero is a bug to be shown.
    pub fn residue(&self) -> i64 {
        let explained = self.shown
            + self.recorded_only
            + self.coalesced
            + self.dropped_total()
            + self.in_flight;
        self.received as i64 - explained as i64
    }

    /// Adds another account to this one.
    pub fn add(&mut self, other: &Counts) {
        self.received += other.received;
        self.shown += other.shown;
        self.recorded_only += other.recorded_only;
        self.coalesced += other.coalesced;
        for (sum, more) in self.dropped.iter_mut().zip(other.dropped) {
            *sum += more;
        }
        self.in_flight += other.in_flight;
        self.recorded += other.recorded;
    }
}

/// The recorder's account of one source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DiskCounts {
    /// Accepted into the recorder's lane.
    pub accepted: u64,
    /// Handed to the file.
    pub written: u64,
    /// Accepted and not written, by [`DropReason::ALL`].
    pub lost: [u64; DropReason::ALL.len()],
    /// Waiting in the lane or being written.
    pub in_flight: u64,
}

impl DiskCounts {
    /// All losses.
    pub fn lost_total(&self) -> u64 {
        self.lost.iter().sum()
    }

    /// What the books cannot explain.
    pub fn residue(&self) -> i64 {
        self.accepted as i64 - (self.written + self.lost_total() + self.in_flight) as i64
    }
}

/// The accounts of one source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceBook {
    /// By [`LaneKind::ALL`].
    pub lanes: [Counts; LaneKind::ALL.len()],
    /// The recorder's side.
    pub disk: DiskCounts,
}

impl SourceBook {
    /// All lanes together.
    pub fn total(&self) -> Counts {
        let mut sum = Counts::default();
        for lane in &self.lanes {
            sum.add(lane);
        }
        sum
    }

    /// What neither side's books can explain.
    pub fn residue(&self) -> i64 {
        self.total().residue() + self.disk.residue()
    }
}

/// All accounts at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LedgerSnapshot {
    /// By [`SourceId`].
    pub sources: Vec<SourceBook>,
}

impl LedgerSnapshot {
    /// The accounts of a source; empty ones if it never received anything.
    pub fn source(&self, id: SourceId) -> SourceBook {
        self.sources
            .get(usize::from(id.0))
            .cloned()
            .unwrap_or_default()
    }
}

/// The books, shared by everybody who takes items in or settles them.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    // One lock for all accounts: a transition moves an item between two columns at once, so a
    // snapshot balances at every moment and not only at rest. Held for a few additions.
    books: Arc<Mutex<LedgerSnapshot>>,
}

impl Ledger {
    /// Empty books.
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, LedgerSnapshot> {
        // Counters have no invariant that a panic elsewhere could break half-way.
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, source: SourceId, change: impl FnOnce(&mut SourceBook) -> T) -> T {
        let mut books = self.lock();
        let index = usize::from(source.0);
        if books.sources.len() <= index {
            books.sources.resize_with(index + 1, SourceBook::default);
        }
        change(&mut books.sources[index])
    }

    /// Takes an item in.
    pub fn receive(&self, source: SourceId, lane: LaneKind) -> Ticket {
        self.with(source, |book| {
            let counts = &mut book.lanes[lane as usize];
            counts.received += 1;
            counts.in_flight += 1;
        });
        Ticket {
            ledger: self.clone(),
            source,
            lane,
            recorded: false,
            settled: false,
            if_cancelled: None,
        }
    }

    /// Takes in `count` items that are lost already, e.g. a message that could not be read.
    pub fn reject(&self, source: SourceId, lane: LaneKind, reason: DropReason, count: u64) {
        self.with(source, |book| {
            let counts = &mut book.lanes[lane as usize];
            counts.received += count;
            counts.dropped[reason as usize] += count;
        });
    }

    /// Notes that the recorder's lane accepted an item of `source`.
    pub fn accept_for_disk(&self, source: SourceId) -> DiskTicket {
        self.with(source, |book| {
            book.disk.accepted += 1;
            book.disk.in_flight += 1;
        });
        DiskTicket {
            ledger: self.clone(),
            source,
            settled: false,
        }
    }

    /// All accounts now.
    pub fn snapshot(&self) -> LedgerSnapshot {
        self.lock().clone()
    }
}

/// One item on its way to the screen. Settle it; one that is dropped unsettled leaves a residue.
#[derive(Debug)]
#[must_use = "an item that is not settled leaves a residue in the ledger"]
pub struct Ticket {
    ledger: Ledger,
    source: SourceId,
    lane: LaneKind,
    recorded: bool,
    settled: bool,
    if_cancelled: Option<DropReason>,
}

impl Ticket {
    /// Whose item it is.
    pub fn source(&self) -> SourceId {
        self.source
    }

    /// Notes that the recorder accepted the item.
    pub fn mark_recorded(&mut self) {
        self.recorded = true;
        self.ledger.with(self.source, |book| {
            book.lanes[self.lane as usize].recorded += 1;
        });
    }

    /// What it means if the item is dropped from now on: whoever hands it over may be cancelled
    /// while it waits. `None` again once it is in a lane, where it must not be forgotten.
    pub fn if_cancelled(&mut self, reason: Option<DropReason>) {
        self.if_cancelled = reason;
    }

    /// Enters what became of the item.
    pub fn settle(mut self, fate: Fate) {
        self.enter(fate);
    }

    fn enter(&mut self, fate: Fate) {
        self.settled = true;
        self.ledger.with(self.source, |book| {
            let counts = &mut book.lanes[self.lane as usize];
            counts.in_flight -= 1;
            match fate {
                Fate::Shown => counts.shown += 1,
                Fate::Coalesced => counts.coalesced += 1,
                Fate::NotShown(_) if self.recorded => counts.recorded_only += 1,
                Fate::NotShown(reason) | Fate::Dropped(reason) => {
                    counts.dropped[reason as usize] += 1;
                }
            }
        });
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.settled {
            return;
        }
        if let Some(reason) = self.if_cancelled {
            self.enter(Fate::NotShown(reason));
        } else {
            self.ledger.with(self.source, |book| {
                book.lanes[self.lane as usize].in_flight -= 1;
            });
        }
    }
}

/// One item on its way to the disk. Settle it; one that is dropped unsettled leaves a residue.
#[derive(Debug)]
#[must_use = "an item that is not settled leaves a residue in the ledger"]
pub struct DiskTicket {
    ledger: Ledger,
    source: SourceId,
    settled: bool,
}

impl DiskTicket {
    /// The item is in the file (or in its writer's buffer, to be flushed on the clock).
    pub fn written(mut self) {
        self.settled = true;
        self.ledger.with(self.source, |book| {
            book.disk.in_flight -= 1;
            book.disk.written += 1;
        });
    }

    /// The item will not be in the file.
    pub fn lost(mut self, reason: DropReason) {
        self.settled = true;
        self.ledger.with(self.source, |book| {
            book.disk.in_flight -= 1;
            book.disk.lost[reason as usize] += 1;
        });
    }
}

impl Drop for DiskTicket {
    fn drop(&mut self) {
        if !self.settled {
            self.ledger
                .with(self.source, |book| book.disk.in_flight -= 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: SourceId = SourceId(2);

    #[test]
    fn every_fate_has_its_column() {
        let ledger = Ledger::new();
        let ticket = |recorded: bool| {
            let mut ticket = ledger.receive(A, LaneKind::Frames);
            if recorded {
                ticket.mark_recorded();
            }
            ticket
        };
        ticket(true).settle(Fate::Shown);
        ticket(false).settle(Fate::Coalesced);
        ticket(true).settle(Fate::NotShown(DropReason::NoOutlet));
        ticket(false).settle(Fate::NotShown(DropReason::NoOutlet));
        ticket(true).settle(Fate::Dropped(DropReason::Undecodable));
        let open = ticket(false);
        ledger.reject(A, LaneKind::Frames, DropReason::Malformed, 3);

        let counts = ledger.snapshot().source(A).total();
        assert_eq!(counts.received, 9);
        assert_eq!(
            (counts.shown, counts.coalesced, counts.recorded_only),
            (1, 1, 1)
        );
        assert_eq!(
            (counts.dropped_total(), counts.in_flight, counts.recorded),
            (5, 1, 3)
        );
        assert_eq!(counts.residue(), 0);
        open.settle(Fate::Shown);
        assert_eq!(ledger.snapshot().source(A).total().in_flight, 0);
    }

    #[test]
    fn a_forgotten_item_is_a_residue() {
        let ledger = Ledger::new();
        drop(ledger.receive(A, LaneKind::Samples));
        drop(ledger.accept_for_disk(A));
        let book = ledger.snapshot().source(A);
        assert_eq!(book.total().residue(), 1);
        assert_eq!(book.disk.residue(), 1);
    }

    #[test]
    fn the_recorders_account_balances() {
        let ledger = Ledger::new();
        ledger.accept_for_disk(A).written();
        ledger.accept_for_disk(A).lost(DropReason::DiskFull);
        let waiting = ledger.accept_for_disk(A);
        let disk = ledger.snapshot().source(A).disk;
        assert_eq!(
            (
                disk.accepted,
                disk.written,
                disk.lost_total(),
                disk.in_flight
            ),
            (3, 1, 1, 1)
        );
        assert_eq!(disk.residue(), 0);
        waiting.written();
    }
}
