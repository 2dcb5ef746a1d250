//! One recording while it is open: what goes into it, when that is flushed and made durable, and
//! when it has reached a limit.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::books::Books;
use super::failure::{loss_reason, reason};
use super::naming::{create, name_finished};
use super::pixels;
use super::shared_file::SharedFile;
use super::storage::Storage;
use crate::model::ledger::DiskTicket;
use crate::model::{
    DropReason, Fault, FaultKind, Latched, Payload, Sample, Severity, SourceId, SourceInfo, Stamp,
    StopEvent, StopPath, size_text,
};
use crate::pipeline::RecordingPlan;
use crate::recording::{Account, RecordingWriter, Session, SourceAccount, last_words};

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
}

/// One recording being written.
pub struct Open {
    plan: RecordingPlan,
    began: Stamp,
    partial: PathBuf,
    session: Session,
    writer: RecordingWriter<SharedFile>,
    file: SharedFile,
    books: Books,
    pixels: Vec<u8>,
    messages: u64,
    size_reached: bool,
    unflushed_since_ns: Option<u64>,
    synced_ns: u64,
    unsynced: bool,
    urgent: bool,
    described: BTreeMap<SourceId, u64>,
}

impl Open {
    /// Makes the file and writes what holds already.
    ///
    /// # Errors
    /// The folder or the file could not be made or written; the path is what was tried.
    pub fn begin(
        storage: &dyn Storage,
        plan: RecordingPlan,
        sources: &[SourceInfo],
        latched: &Latched,
        began: Stamp,
    ) -> Result<Self, (PathBuf, io::Error)> {
        let dir = plan.dir.clone();
        storage
            .make_dir(&dir)
            .map_err(|error| (dir.clone(), error))?;
        let (partial, file) = create(storage, &dir, &plan.stem, began.unix_ns)?;
        let failed = |error| (partial.clone(), error);
        let file = SharedFile::new(file);
        let session = Session::new(sources, began.unix_ns);
        let writer = RecordingWriter::new(file.clone(), &session).map_err(failed)?;
        let mut open = Self {
            plan,
            began,
            session,
            writer,
            file,
            books: Books::new(sources.len()),
            pixels: Vec::new(),
            messages: 0,
            size_reached: false,
            unflushed_since_ns: None,
            synced_ns: began.mono_ns,
            unsynced: true,
            urgent: false,
            described: BTreeMap::new(),
            partial: partial.clone(),
        };
        open.write_held(latched).map_err(failed)?;
        open.flush().map_err(failed)?;
        Ok(open)
    }

    fn write_held(&mut self, latched: &Latched) -> io::Result<()> {
        let now_ns = self.began.unix_ns;
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
            .is_some_and(|limit| self.writer.size_with_staged() > limit)
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
        self.books
            .lose(sample.source, sample.payload.lane(), ticket, reason);
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

    fn is_past_limit(&self, sample: &Sample) -> bool {
        let limits = &self.plan.limits;
        self.size_reached
            || limits.messages.is_some_and(|most| self.messages >= most)
            || limits
                .duration
                .is_some_and(|most| sample.received.since(self.began) >= most)
    }

    /// The sentence of the limit that was reached, if one was.
    pub fn limit_reached(&self, now: Stamp) -> Option<String> {
        let limits = &self.plan.limits;
        if let Some(most) = limits.messages
            && self.messages >= most
        {
            return Some(format!("all {most} messages asked for are recorded"));
        }
        if let Some(most) = limits.duration
            && now.since(self.began) >= most
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
        let urgent = (self.urgent || self.books.has_unsaid())
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
            self.unsynced = false;
            self.urgent = false;
        }
        Ok(!self.unsynced && !self.writer.has_unflushed())
    }

    fn say_losses(&mut self, now: Stamp) -> io::Result<()> {
        for (source, loss) in self.books.take_unsaid() {
            self.writer.stage_own_loss(source, &loss, now.unix_ns);
            self.commit_if_it_fits(now)?;
            self.urgent = true;
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
        self.say_losses(now)
            .and_then(|()| self.flush())
            .map_err(|error| self.give_up(error))
    }

    /// Closes the file, which was settled, and gives it its last name.
    pub fn close(self, storage: &dyn Storage, now: Stamp, reason: &str) -> Closed {
        let account = self.account(now, reason);
        let (accepted, written, lost) = self.books.totals();
        let mut closed = Closed {
            path: self.partial,
            size_bytes: self.writer.size(),
            channels: self.writer.channels(),
            messages: self.messages,
            newest_unix_ns: self.writer.newest_unix_ns(),
            complete: false,
            trouble: None,
            accepted,
            written,
            lost,
        };
        let mut file = self.file;
        let named = self
            .writer
            .finish(&account)
            .and_then(|size| {
                closed.size_bytes = size;
                file.sync()
            })
            .and_then(|()| name_finished(storage, &closed.path, &self.plan, self.began.unix_ns));
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
    /// of the torn chunk allows, and the file says itself why it ended and what it lacks. Returns
    /// its size.
    pub fn abandon(mut self, now: Stamp, error: &io::Error) -> u64 {
        let whole_bytes = self.writer.flushed_bytes();
        let words = last_words(&self.account(now, &reason(error)));
        match self.file.end_with(whole_bytes, &words) {
            Ok(()) => whole_bytes + words.len() as u64,
            // Then it reads like the file of a killed recorder.
            Err(_) => whole_bytes,
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

    /// When it began.
    pub fn began(&self) -> Stamp {
        self.began
    }

    /// Where and how it is recorded.
    pub fn plan(&self) -> &RecordingPlan {
        &self.plan
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
            self.began.mono_ns.saturating_add(most)
        });
        flush
            .into_iter()
            .chain(end)
            .min()
            .map_or(u64::MAX, |due| due.saturating_sub(now.mono_ns))
    }
}

/// A recording that was closed.
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
    /// What went wrong at the very end.
    pub trouble: Option<io::Error>,
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
