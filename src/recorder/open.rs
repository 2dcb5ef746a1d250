//! One recording while it is open: what goes into it, when that is flushed and made durable, and
//! when it has reached a limit.

mod beginning;
mod ending;
mod room;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::books::Books;
use super::failure::loss_reason;
use super::pixels;
use super::shared_file::SharedFile;
use crate::model::ledger::DiskTicket;
use crate::model::{
    DiskRoom, DropReason, Fault, FaultKind, LaneKind, Payload, Sample, Severity, SourceId, Stamp,
    StopEvent, StopPath, size_text,
};
use crate::pipeline::{RecordingPlan, Rotation};
use crate::recording::{BlackBoxCause, RecordedSource, RecordingWriter, Session};

pub use beginning::Before;
pub use ending::{Closed, End};

/// A chunk ends when its first record is this old. Half of the one second that a killed recording
/// may lack: the other half is for a machine too busy to wake this thread or to write at once.
const FLUSH_AFTER_NS: u64 = 500_000_000;
/// What was flushed is made durable this often.
const SYNC_EVERY_NS: u64 = 3_000_000_000;
/// Errors, stops and ends of commands are made durable at once, but a flood of them not more often
/// than this.
const URGENT_SYNC_EVERY_NS: u64 = 100_000_000;
/// Pictures that cannot be read are described one by one this often for each source; the books
/// count them all.
const UNREADABLE_EVERY_NS: u64 = 1_000_000_000;

/// What became of an item.
#[derive(Debug)]
pub enum Taken {
    /// Handed to the writer.
    Written,
    /// Lost, and counted.
    Lost,
    /// Past a limit of this recording: not part of it, and not missing in it.
    LeftOut(DiskTicket),
    /// The file would grow past the size of a part: it belongs into the next one.
    PartFull(DiskTicket),
}

/// What another part takes at least, and what each source adds to that: none is begun in the last
/// bytes that a recording may have.
const PART_BYTES: u64 = 64 * 1024;
const PART_SOURCE_BYTES: u64 = 4 * 1024;

/// One file being written.
pub struct Open {
    plan: RecordingPlan,
    before: Before,
    began: Stamp,
    partial: PathBuf,
    session: Session,
    writer: RecordingWriter<SharedFile>,
    file: SharedFile,
    books: Books,
    pixels: Vec<u8>,
    messages: u64,
    size_reached: bool,
    /// It ends before it grows past the size of a part.
    keeps_part_size: bool,
    synced_bytes: u64,
    unflushed_since_ns: Option<u64>,
    synced_ns: u64,
    unsynced: bool,
    urgent: bool,
    described: BTreeMap<SourceId, u64>,
    /// What the file says of the room there is.
    room_said: DiskRoom,
    /// When it last said what is missing for want of room.
    withheld_said_ns: Option<u64>,
    /// Up to where room on the disk is held.
    held_until: u64,
}

impl Open {
    /// Whether it hands an item back that would make it larger than a part.
    pub fn keep_part_size(&mut self, keeps: bool) {
        self.keeps_part_size = keeps;
    }

    /// Changes how large its parts may become.
    pub fn set_rotation(&mut self, rotation: Rotation) {
        self.plan.rotation = rotation;
    }

    /// Whether another part can be begun before the recording reaches its size.
    pub fn has_room_for_another(&self) -> bool {
        let part = PART_BYTES + PART_SOURCE_BYTES * self.session.sources.len() as u64;
        self.plan.limits.size_bytes.is_none_or(|most| {
            let all = self.before.size_bytes + self.writer.size_with_staged();
            all.saturating_add(part) <= most
        })
    }

    /// Writes what is staged unless the file would grow past its limit: what the recorder adds on
    /// its own never ends a recording.
    fn commit_if_it_fits(&mut self, now: Stamp) -> io::Result<()> {
        if self.exceeds_size() {
            self.writer.discard();
            return Ok(());
        }
        if self.writer.commit()? {
            self.books.settle_written();
        }
        self.unflushed_since_ns.get_or_insert(now.mono_ns);
        Ok(())
    }

    fn exceeds_size(&self) -> bool {
        self.plan
            .limits
            .size_bytes
            .is_some_and(|limit| self.before.size_bytes + self.writer.size_with_staged() > limit)
    }

    /// Whether what is staged would make it larger than a part. What is too large for any part is
    /// one of its own.
    fn exceeds_part(&self) -> bool {
        let most = self.plan.rotation.size_bytes;
        self.keeps_part_size
            && self.messages > 0
            && most.is_some_and(|most| self.writer.size_with_staged() > most)
    }

    /// Writes an item. Without a ticket it is state that came while the file was being made, which
    /// nobody counts.
    ///
    /// # Errors
    /// The file takes no more. Everything not yet flushed is settled as lost, this item too.
    pub fn write(
        &mut self,
        sample: &Sample,
        ticket: Option<DiskTicket>,
        now: Stamp,
    ) -> io::Result<Taken> {
        let Some(ticket) = ticket else {
            self.writer.stage(sample, None);
            return match self.commit_if_it_fits(now) {
                Ok(()) => Ok(Taken::Written),
                Err(error) => Err(self.give_up(error)),
            };
        };
        if self.is_past_limit(sample) {
            return Ok(Taken::LeftOut(ticket));
        }
        let lane = sample.payload.lane();
        let unpacked = match &sample.payload {
            Payload::Frame(frame) => match pixels::readable(frame, &mut self.pixels) {
                Ok(unpacked) => unpacked,
                Err(why) => {
                    self.books
                        .lose(sample.source, lane, ticket, DropReason::Undecodable);
                    return match self.describe_unreadable(sample, &why, now) {
                        Ok(()) => Ok(Taken::Lost),
                        Err(error) => Err(self.give_up(error)),
                    };
                }
            },
            _ => None,
        };
        self.writer.stage(sample, unpacked.clone());
        if let Some(unpacked) = unpacked {
            pixels::give_back(unpacked, &mut self.pixels);
        }
        if self.exceeds_size() {
            self.writer.discard();
            self.size_reached = true;
            return Ok(Taken::LeftOut(ticket));
        }
        if self.exceeds_part() {
            self.writer.discard();
            return Ok(Taken::PartFull(ticket));
        }
        match self.writer.commit() {
            Ok(chunk_ended) => {
                if chunk_ended {
                    self.books.settle_written();
                    self.unflushed_since_ns = None;
                    self.unsynced = true;
                }
                self.books.hand_on(sample.source, lane, ticket);
            }
            Err(error) => {
                self.books.hand_on(sample.source, lane, ticket);
                return Err(self.give_up(error));
            }
        }
        self.messages += 1;
        self.unflushed_since_ns.get_or_insert(now.mono_ns);
        self.urgent |= is_urgent(&sample.payload);
        Ok(Taken::Written)
    }

    /// An item that comes too late to be written.
    pub fn lose(&mut self, sample: &Sample, ticket: DiskTicket, reason: DropReason) {
        self.lose_of(sample.source, sample.payload.lane(), ticket, reason);
    }

    /// An item that will not be written, of which only this is known.
    pub fn lose_of(
        &mut self,
        source: SourceId,
        lane: LaneKind,
        ticket: DiskTicket,
        reason: DropReason,
    ) {
        self.books.lose(source, lane, ticket, reason);
    }

    /// Writes down what a black box is saved for, to be durable at once.
    ///
    /// # Errors
    /// As [`Open::keep_up`].
    pub fn note(&mut self, cause: &BlackBoxCause) -> io::Result<()> {
        let noted = self.flush().and_then(|()| self.writer.note(cause));
        (self.unsynced, self.urgent) = (true, true);
        noted.map_err(|error| self.give_up(error))
    }

    /// Writes down what went wrong with the recorder itself.
    ///
    /// # Errors
    /// The file takes no more. Everything not yet flushed is settled as lost.
    pub fn say(&mut self, fault: &Fault, now: Stamp) -> io::Result<()> {
        self.writer.stage_own_fault(fault, now.unix_ns);
        self.urgent = true;
        self.commit_if_it_fits(now)
            .map_err(|error| self.give_up(error))
    }

    fn describe_unreadable(&mut self, sample: &Sample, why: &str, now: Stamp) -> io::Result<()> {
        let Payload::Frame(frame) = &sample.payload else {
            return Ok(());
        };
        if let Some(last_ns) = self.described.get(&sample.source)
            && now.mono_ns.saturating_sub(*last_ns) < UNREADABLE_EVERY_NS
        {
            return Ok(());
        }
        self.described.insert(sample.source, now.mono_ns);
        let number = frame.number.map_or_else(String::new, |n| format!(" {n}"));
        let text = format!(
            "picture{number} of {} was not recorded, its pixels cannot be read: {why}",
            frame.detector
        );
        let fault =
            Fault::new(FaultKind::Undecodable, Severity::Error, text).with_sample(&frame.body);
        self.writer.stage(
            &Sample {
                source: sample.source,
                received: sample.received,
                payload: Payload::Fault(fault),
            },
            None,
        );
        self.urgent = true;
        self.commit_if_it_fits(now)
    }

    /// Whether the recording ends before this item.
    pub fn is_past_limit(&self, sample: &Sample) -> bool {
        let limits = &self.plan.limits;
        self.size_reached
            || limits
                .messages
                .is_some_and(|most| self.all_messages() >= most)
            || limits
                .duration
                .is_some_and(|most| sample.received.since(self.before.began) >= most)
    }

    /// The sentence of the limit that was reached, if one was.
    pub fn limit_reached(&self, now: Stamp) -> Option<String> {
        let limits = &self.plan.limits;
        if let Some(most) = limits.messages
            && self.all_messages() >= most
        {
            return Some(format!("all {most} messages asked for are recorded"));
        }
        if let Some(most) = limits.duration
            && now.since(self.before.began) >= most
        {
            return Some(format!(
                "all {:.1} s asked for are recorded",
                most.as_secs_f64()
            ));
        }
        let most = limits.size_bytes.filter(|_| self.size_reached)?;
        Some(format!(
            "the next message would not have fitted into the {} asked for",
            size_text(most)
        ))
    }

    /// Flushes and makes durable what is due. `true` if everything handed on is durable now.
    ///
    /// # Errors
    /// The disk takes no more; everything not yet flushed is settled as lost.
    pub fn keep_up(&mut self, now: Stamp) -> io::Result<bool> {
        let since = |then: u64| now.mono_ns.saturating_sub(then);
        let urgent = (self.urgent || self.books.has_unsaid(self.said_later(now)))
            && since(self.synced_ns) >= URGENT_SYNC_EVERY_NS;
        let sync_due = urgent || (self.unsynced && since(self.synced_ns) >= SYNC_EVERY_NS);
        let flush_due = self
            .unflushed_since_ns
            .is_some_and(|then| since(then) >= FLUSH_AFTER_NS);
        if flush_due || sync_due {
            self.say_losses(now)
                .and_then(|()| self.flush())
                .map_err(|error| self.give_up(error))?;
        }
        if sync_due {
            if let Err(error) = self.file.sync() {
                return Err(self.give_up(error));
            }
            self.synced_ns = now.mono_ns;
            self.synced_bytes = self.writer.flushed_bytes();
            self.unsynced = false;
            self.urgent = false;
        }
        Ok(!self.unsynced && !self.writer.has_unflushed())
    }

    fn say_losses(&mut self, now: Stamp) -> io::Result<()> {
        for (source, loss) in self.books.take_unsaid(self.said_later(now)) {
            self.writer.stage_own_loss(source, &loss, now.unix_ns);
            self.commit_if_it_fits(now)?;
            self.urgent = true;
            if loss.reason == DropReason::DiskFull {
                self.withheld_said_ns = Some(now.mono_ns);
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.writer.has_unflushed() {
            self.writer.flush()?;
            self.unsynced = true;
        }
        self.unflushed_since_ns = None;
        self.books.settle_written();
        Ok(())
    }

    /// Settles as lost what is not in the file, and hands the error back.
    fn give_up(&mut self, error: io::Error) -> io::Error {
        self.books.settle_lost(loss_reason(&error));
        error
    }

    /// Writes and flushes all there is to say; only closing remains.
    ///
    /// # Errors
    /// The disk takes no more; what was flushed before stays readable.
    pub fn settle(&mut self, now: Stamp) -> io::Result<()> {
        self.withheld_said_ns = None;
        self.say_losses(now)
            .and_then(|()| self.flush())
            .map_err(|error| self.give_up(error))
    }

    /// What of it survives a loss of power, and is not taken back.
    pub fn synced_bytes(&self) -> u64 {
        self.synced_bytes
    }

    /// Whom it is recorded from.
    pub fn sources(&self) -> &[RecordedSource] {
        &self.session.sources
    }

    /// Items handed to the writers of the recording's files.
    fn all_messages(&self) -> u64 {
        self.before.messages + self.messages
    }

    /// The newest time in it, Unix nanoseconds.
    pub fn newest_unix_ns(&self) -> Option<u64> {
        self.writer.newest_unix_ns()
    }

    /// Items handed to the writer.
    pub fn messages(&self) -> u64 {
        self.messages
    }

    /// Channels opened.
    pub fn channels(&self) -> usize {
        self.writer.channels()
    }

    /// Bytes handed to the file.
    pub fn size(&self) -> u64 {
        self.writer.size()
    }

    /// The path it is being written at.
    pub fn path(&self) -> &Path {
        &self.partial
    }

    /// Accepted, written and lost so far.
    pub fn totals(&self) -> (u64, u64, u64) {
        self.books.totals()
    }

    /// How long from `now` until something is due, in nanoseconds.
    pub fn next_due_ns(&self, now: Stamp) -> u64 {
        let flush = self
            .unflushed_since_ns
            .map(|then| then.saturating_add(FLUSH_AFTER_NS));
        let end = self.plan.limits.duration.map(|most| {
            let most = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
            self.before.began.mono_ns.saturating_add(most)
        });
        flush
            .into_iter()
            .chain(end)
            .min()
            .map_or(u64::MAX, |due| due.saturating_sub(now.mono_ns))
    }
}

fn is_urgent(payload: &Payload) -> bool {
    match payload {
        Payload::Fault(fault) => fault.severity >= Severity::Error,
        Payload::Link(state) => state.severity() >= Severity::Error,
        Payload::Loss(_) => true,
        Payload::Command(report) => report.is_final,
        Payload::Stop(StopEvent::Report(_)) => true,
        Payload::Stop(StopEvent::Path(path)) => matches!(path, StopPath::Down { .. }),
        _ => false,
    }
}
