//! One recording while it is open: what goes into it, when that is flushed and made durable, and
//! when it has reached a limit.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::books::Books;
use super::failure::{loss_reason, reason};
use super::naming::{Made, Names};
use super::pixels;
use super::room::Extent;
use super::rotation::{Parts, session_id};
use super::shared_file::SharedFile;
use super::storage::Storage;
use crate::model::ledger::DiskTicket;
use crate::model::{
    DiskRoom, DropReason, Fault, FaultKind, LaneKind, Latched, Payload, Sample, Severity, SourceId,
    SourceInfo, Stamp, StopEvent, StopPath, size_text,
};
use crate::pipeline::{RecordingPlan, Rotation};
use crate::recording::{
    Account, BlackBoxCause, Numbering, RecordedSource, RecordingWriter, Session, SourceAccount,
    last_words,
};

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
/// What is missing for want of room is said this often while it goes on, and this often where every
/// record counts.
const WITHHELD_EVERY_NS: u64 = 10_000_000_000;
const WITHHELD_SELDOM_NS: u64 = 60_000_000_000;
/// Room that is held in hand on a disk that fills, beside what the file needs to end.
const HELD_BYTES: u64 = 1024 * 1024;

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

/// What a file has to know of those before it in its recording: limits count over all of them.
#[derive(Clone, Copy, Debug)]
pub struct Before {
    /// When the recording began.
    pub began: Stamp,
    /// Items in them.
    pub messages: u64,
    /// Their bytes.
    pub size_bytes: u64,
}

/// How a file ends.
pub struct End<'a> {
    /// Why, as a sentence.
    pub reason: &'a str,
    /// What the files of the recording are called.
    pub names: &'a Names,
    /// Which part it is named after, if its recording has several.
    pub part: Option<u32>,
    /// The recording goes on in the next part.
    pub goes_on: bool,
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
    /// Makes the first file of a recording and writes what holds already.
    ///
    /// # Errors
    /// The folder or the file could not be made or written; the path is what was tried.
    pub fn first(
        storage: &dyn Storage,
        plan: RecordingPlan,
        sources: &[SourceInfo],
        latched: &Latched,
        began: Stamp,
    ) -> Result<(Self, Parts), (PathBuf, io::Error)> {
        Self::first_marked(storage, plan, "", sources, latched, began)
    }

    /// As [`Open::first`], with a mark in the file's name.
    ///
    /// # Errors
    /// As [`Open::first`].
    pub fn first_marked(
        storage: &dyn Storage,
        plan: RecordingPlan,
        mark: &str,
        sources: &[SourceInfo],
        latched: &Latched,
        began: Stamp,
    ) -> Result<(Self, Parts), (PathBuf, io::Error)> {
        let dir = &plan.dir;
        storage
            .make_dir(dir)
            .map_err(|error| (dir.clone(), error))?;
        let (names, (partial, file)) = Names::claim(storage, dir, &plan.stem, mark, began.unix_ns)?;
        let parts = Parts::new(session_id(began), names, plan, began);
        let session = Session::new(sources, began.unix_ns).as_part(&parts.id, 1);
        let file = SharedFile::new(file);
        let open = RecordingWriter::new(file.clone(), &session)
            .and_then(|writer| {
                let made = (partial.clone(), file, writer);
                Self::begin(made, session, &parts.plan, parts.before(), began, latched)
            })
            .map_err(|error| {
                // Ours, and nothing of anybody is in it.
                let _ = storage.remove(&partial);
                (partial, error)
            })?;
        Ok((open, parts))
    }

    /// Makes the file that goes on where this one ends, which was settled, and writes what holds
    /// at that point. Nothing may be written into this one afterwards.
    ///
    /// - `until`: everything received before it is in this one
    ///
    /// # Errors
    /// As [`Open::first`]; then nothing of it is left, and this one may be written on.
    pub fn next(
        &self,
        storage: &dyn Storage,
        parts: &Parts,
        sources: &[SourceInfo],
        latched: &Latched,
        until: Stamp,
    ) -> Result<Self, (PathBuf, io::Error)> {
        let come = (self.numbering(), self.before_next());
        Self::behind(come, storage, parts, sources, latched, until)
    }

    /// Makes the file that goes on with a recording whose last file takes no more.
    ///
    /// - `come`: how far its channels have counted, and what its files hold
    ///
    /// # Errors
    /// As [`Open::first`]; then nothing of it is left.
    pub fn behind(
        (numbering, before): (Numbering, Before),
        storage: &dyn Storage,
        parts: &Parts,
        sources: &[SourceInfo],
        latched: &Latched,
        until: Stamp,
    ) -> Result<Self, (PathBuf, io::Error)> {
        let number = parts.number.saturating_add(1);
        let dir = &parts.plan.dir;
        storage
            .make_dir(dir)
            .map_err(|error| (dir.clone(), error))?;
        let (partial, file): Made = parts.names.next(storage, number)?;
        let session = Session::new(sources, until.unix_ns).as_part(&parts.id, number);
        let file = SharedFile::new(file);
        RecordingWriter::going_on(file.clone(), &session, numbering)
            .and_then(|writer| {
                let made = (partial.clone(), file, writer);
                Self::begin(made, session, &parts.plan, before, until, latched)
            })
            .map_err(|error| {
                // It holds nothing that this one does not.
                let _ = storage.remove(&partial);
                (partial, error)
            })
    }

    fn begin(
        (partial, file, writer): (PathBuf, SharedFile, RecordingWriter<SharedFile>),
        session: Session,
        plan: &RecordingPlan,
        before: Before,
        began: Stamp,
        latched: &Latched,
    ) -> io::Result<Self> {
        let mut open = Self {
            plan: plan.clone(),
            before,
            began,
            books: Books::new(session.sources.len()),
            session,
            writer,
            file,
            pixels: Vec::new(),
            messages: 0,
            size_reached: false,
            keeps_part_size: false,
            synced_bytes: 0,
            unflushed_since_ns: None,
            synced_ns: began.mono_ns,
            unsynced: true,
            urgent: false,
            described: BTreeMap::new(),
            room_said: DiskRoom::Roomy,
            withheld_said_ns: None,
            held_until: 0,
            partial,
        };
        open.write_held(latched, began)?;
        open.flush()?;
        Ok(open)
    }

    /// How far the channels have counted, for the next file.
    pub fn numbering(&self) -> Numbering {
        self.writer.numbering()
    }

    /// What the next file has to know of this one and those before it, whose own size is not
    /// final.
    fn before_next(&self) -> Before {
        Before {
            began: self.before.began,
            messages: self.before.messages + self.messages,
            size_bytes: self.before.size_bytes + self.writer.size_with_staged(),
        }
    }

    /// What the files before this one really hold, now that they are closed.
    pub fn follow(&mut self, before: Before) {
        self.before = before;
    }

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

    fn write_held(&mut self, latched: &Latched, now: Stamp) -> io::Result<()> {
        let now_ns = now.unix_ns;
        for (source, held) in latched.iter() {
            if let Some((state, since)) = &held.link {
                self.writer.stage_held_link(source, state, *since, now_ns);
            }
            if held.readings().len() > 0 {
                self.writer
                    .stage_held_readings(source, held.readings(), now_ns);
            }
            if let Some((instrument, since)) = &held.instrument {
                self.writer
                    .stage_held_instrument(source, instrument, *since, now_ns);
            }
            if let Some((path, since)) = &held.stop_path {
                self.writer
                    .stage_held_stop_path(source, path, *since, now_ns);
            }
            self.commit_if_it_fits(self.began)?;
            for (feed, since) in held.feeds() {
                self.writer.stage_held_feed(source, feed, since, now_ns);
                self.commit_if_it_fits(self.began)?;
            }
            // Each on its own: one may be too large for what is left of the size asked for.
            for (book, since) in held.books() {
                self.writer.stage_held_book(source, &book, since, now_ns);
                self.commit_if_it_fits(self.began)?;
            }
            if let Some((fleet, since)) = &held.fleet {
                self.writer.stage_held_fleet(source, fleet, *since, now_ns);
                self.commit_if_it_fits(self.began)?;
            }
            for (rows, since) in held.tables() {
                self.writer.stage_held_rows(source, &rows, since, now_ns);
                self.commit_if_it_fits(self.began)?;
            }
        }
        Ok(())
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

    /// The losses that need not be said yet: on a disk that fills, saying them takes room.
    fn said_later(&self, now: Stamp) -> Option<DropReason> {
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

    /// Closes the file, which was settled, and gives it its last name.
    ///
    /// The thread that writes does this itself: the file is made durable every few seconds anyway,
    /// so closing it has to sync no more than any of those times, and what comes meanwhile has
    /// room in the lane. In return nothing is called durable before it is.
    pub fn close(self, storage: &dyn Storage, now: Stamp, end: &End<'_>) -> Closed {
        let account = Account {
            goes_on: end.goes_on,
            ..self.account(now, end.reason)
        };
        let (accepted, written, lost) = self.books.totals();
        let mut closed = Closed {
            path: self.partial,
            size_bytes: self.writer.size(),
            channels: self.writer.channels(),
            messages: self.messages,
            newest_unix_ns: self.writer.newest_unix_ns(),
            complete: false,
            durable: false,
            began: self.began,
            trouble: None,
            accounts: account.sources.clone(),
            accepted,
            written,
            lost,
        };
        let mut file = self.file;
        let whole_bytes = self.writer.flushed_bytes();
        let held = self.held_until > 0;
        let finished = self.writer.finish(&account).and_then(|size| {
            closed.size_bytes = size;
            if held {
                // What was not needed is not lost: at worst it is given back with the file.
                let _ = file.release(size);
            }
            file.sync()
        });
        if finished.is_err() {
            (closed.size_bytes, _) = end_without_index(&mut file, whole_bytes, &account);
        }
        let named = finished.and_then(|()| {
            closed.durable = true;
            end.names.finish(storage, &closed.path, end.part)
        });
        match named {
            Ok(path) => {
                closed.path = path;
                closed.complete = account.is_complete();
            }
            Err(error) => closed.trouble = Some(error),
        }
        closed
    }

    /// Ends a file that takes no more: behind what was flushed stand the books, as far as the room
    /// of the torn chunk allows, and the file says itself why it ended and what it lacks.
    ///
    /// - `goes_on`: the recording does, in another file
    pub fn abandon(mut self, now: Stamp, error: io::Error, goes_on: bool) -> Closed {
        let whole_bytes = self.writer.flushed_bytes();
        let account = Account {
            goes_on,
            ..self.account(now, &reason(&error))
        };
        let (size_bytes, durable) = end_without_index(&mut self.file, whole_bytes, &account);
        let (accepted, written, lost) = self.books.totals();
        Closed {
            size_bytes,
            path: self.partial,
            channels: self.writer.channels(),
            messages: written,
            // Part of what the writer knows of went with the torn chunk.
            newest_unix_ns: None,
            complete: false,
            durable,
            began: self.began,
            trouble: Some(error),
            accounts: account.sources,
            accepted,
            written,
            lost,
        }
    }

    fn account(&self, now: Stamp, reason: &str) -> Account {
        Account {
            ended_unix_ns: now.unix_ns,
            reason: reason.to_owned(),
            sources: self
                .session
                .sources
                .iter()
                .zip(self.books.sources())
                .map(|(source, counts)| SourceAccount::new(&source.name, counts))
                .collect(),
            goes_on: false,
        }
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

/// Ends a file that takes no more behind its first `whole_bytes` with its books alone, if it takes
/// even those. Returns its size, and whether that survives a loss of power.
fn end_without_index(file: &mut SharedFile, whole_bytes: u64, account: &Account) -> (u64, bool) {
    let words = last_words(account);
    match file.end_with(whole_bytes, &words) {
        Ok(()) => (whole_bytes + words.len() as u64, true),
        // Then it reads like the file of a killed recorder.
        Err(_) => (whole_bytes, false),
    }
}

/// A file that was closed.
#[derive(Debug)]
pub struct Closed {
    /// Where it is.
    pub path: PathBuf,
    /// Its size.
    pub size_bytes: u64,
    /// Channels in it.
    pub channels: usize,
    /// Items in it.
    pub messages: u64,
    /// The newest time in it, Unix nanoseconds.
    pub newest_unix_ns: Option<u64>,
    /// Everything accepted for it is in it, and it has its last name.
    pub complete: bool,
    /// It survives a loss of power as it is.
    pub durable: bool,
    /// When it began.
    pub began: Stamp,
    /// What went wrong at the very end.
    pub trouble: Option<io::Error>,
    /// The books by source.
    pub accounts: Vec<SourceAccount>,
    /// Items accepted for it.
    pub accepted: u64,
    /// Of these, in it.
    pub written: u64,
    /// Of these, not in it.
    pub lost: u64,
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
