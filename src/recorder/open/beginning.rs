//! How a file begins: under a name that is free, as the first of its recording or behind the one
//! before it, and with the state that holds at that point.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use super::Open;
use crate::model::{DiskRoom, Latched, SourceInfo, Stamp};
use crate::pipeline::RecordingPlan;
use crate::recorder::books::Books;
use crate::recorder::naming::{Made, Names};
use crate::recorder::rotation::{Parts, session_id};
use crate::recorder::shared_file::SharedFile;
use crate::recorder::storage::Storage;
use crate::recording::{Numbering, RecordingWriter, Session};

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

    pub(super) fn write_held(&mut self, latched: &Latched, now: Stamp) -> io::Result<()> {
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
}
