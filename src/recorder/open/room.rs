//! What a file does on a disk that fills: it says what is not written any more, and holds the room
//! that it needs to end.

use std::io;

use super::Open;
use crate::model::{DiskRoom, DropReason, Fault, LaneKind, Latched, SourceId, Stamp};
use crate::recorder::room::Extent;

/// What is missing for want of room is said this often while it goes on, and this often where every
/// record counts.
const WITHHELD_EVERY_NS: u64 = 10_000_000_000;
const WITHHELD_SELDOM_NS: u64 = 60_000_000_000;
/// Room that is held in hand on a disk that fills, beside what the file needs to end.
const HELD_BYTES: u64 = 1024 * 1024;

impl Open {
    /// Writes down what the room on the disk leaves to be written from now on, and what is missing
    /// so far. Where there was none for states, those that hold now are written.
    ///
    /// # Errors
    /// The disk takes no more; everything not yet flushed is settled as lost.
    pub fn say_room(
        &mut self,
        room: DiskRoom,
        fault: &Fault,
        latched: &Latched,
        now: Stamp,
    ) -> io::Result<()> {
        let before = std::mem::replace(&mut self.room_said, room);
        let states_again = before >= DiskRoom::OnlyControl && room < DiskRoom::OnlyControl;
        self.say(fault, now)?;
        let states = match states_again {
            true => self.write_held(latched, now),
            false => Ok(()),
        };
        states.map_err(|error| self.give_up(error))?;
        self.settle(now)
    }

    /// What the file says of the room there is.
    pub fn room_said(&self) -> DiskRoom {
        self.room_said
    }

    /// Writes down that nothing was recorded before this file for a while, and what is missing
    /// because of it.
    ///
    /// # Errors
    /// The disk takes no more.
    pub fn say_missing(
        &mut self,
        fault: &Fault,
        missing: impl Iterator<Item = (SourceId, LaneKind, DropReason, u64)>,
        now: Stamp,
    ) -> io::Result<()> {
        for (source, lane, reason, count) in missing {
            self.books.lost_before(source, lane, reason, count);
        }
        self.say(fault, now)?;
        self.settle(now)
    }

    /// How far the file has come.
    pub fn extent(&self) -> Extent {
        Extent {
            written: self.writer.size(),
            to_come: self.writer.to_come(),
        }
    }

    /// Bytes behind the end of the file that nobody else can take.
    pub fn held_bytes(&self) -> u64 {
        self.held_until.saturating_sub(self.writer.size())
    }

    /// Holds what the file needs to end, and some more, so that it can be closed properly whoever
    /// fills the disk. Where that cannot be done it is as it was.
    pub fn hold_room(&mut self) {
        let Extent { written, to_come } = self.extent();
        if self.held_bytes() < to_come + HELD_BYTES / 2 {
            let bytes = to_come + HELD_BYTES;
            if self.file.hold(written, bytes).is_ok() {
                self.held_until = written + bytes;
            }
        }
    }

    /// Asks the disk for `bytes` behind the end of the file, and gives them back.
    ///
    /// # Errors
    /// It has no such room, whatever it says of its room. A disk that cannot be asked has.
    pub fn prove_room(&mut self, bytes: u64) -> io::Result<()> {
        let written = self.writer.size();
        match self.file.hold(written, bytes) {
            Ok(()) => self.file.release(written),
            Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The losses that need not be said yet: on a disk that fills, saying them takes room.
    pub(super) fn said_later(&self, now: Stamp) -> Option<DropReason> {
        let every_ns = match self.room_said {
            DiskRoom::Roomy => return None,
            DiskRoom::FramesHeld => WITHHELD_EVERY_NS,
            DiskRoom::OnlyControl | DiskRoom::Full => WITHHELD_SELDOM_NS,
        };
        let is_said = self
            .withheld_said_ns
            .is_some_and(|then| now.mono_ns.saturating_sub(then) < every_ns);
        is_said.then_some(DropReason::DiskFull)
    }
}
