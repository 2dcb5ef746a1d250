//! Going on in the next file, and what is kept of the files: the manifest.
//!
//! The next file is open, with the state that holds at that point of the lane in it, before the
//! old one is closed; the lane takes what comes the whole time. Every item is in exactly one file.

use std::io;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Closed, End, Open, Parts, Taken, Worker, file_name};
use crate::model::ledger::DiskTicket;
use crate::model::{Fault, FaultKind, PlainText, Sample, Severity, Stamp};
use crate::recorder::archive::Archivist;
use crate::recorder::failure::loss_reason;
use crate::recording::{EndRecord, Manifest, PartRecord};

impl Worker {
    /// Goes on in the next file if this item was received in the time of that.
    pub(super) fn turn_before(&mut self, sample: &Sample, now: Stamp) -> io::Result<()> {
        let (Some(open), Some(parts)) = (&mut self.open, &self.parts) else {
            return Ok(());
        };
        let may_try = parts.may_try(now);
        open.keep_part_size(may_try);
        if may_try && parts.is_over(sample.received.mono_ns) && !open.is_past_limit(sample) {
            self.turn(sample.received, now)?;
        }
        Ok(())
    }

    /// Goes on in the next file if that is due, whether something comes or not.
    pub(super) fn turn_if_due(&mut self, now: Stamp) -> io::Result<()> {
        let until = self.taken_until;
        let due = |parts: &Parts| parts.is_due(until.mono_ns) && parts.may_try(now);
        match self.parts.as_ref().is_some_and(due) {
            true => self.turn(until, now),
            false => Ok(()),
        }
    }

    /// Writes an item that the file has no room for: into the next one, or into this one if the
    /// next cannot be opened.
    pub(super) fn turn_for(
        &mut self,
        sample: &Sample,
        ticket: DiskTicket,
        now: Stamp,
    ) -> io::Result<Taken> {
        let turned = self.turn(sample.received, now);
        let Some(open) = &mut self.open else {
            return Ok(Taken::LeftOut(ticket));
        };
        if let Err(error) = turned {
            open.lose(sample, ticket, loss_reason(&error));
            return Err(error);
        }
        open.keep_part_size(false);
        open.write(sample, Some(ticket), now)
    }

    /// Opens the next file and closes the old one behind it.
    ///
    /// - `until`: everything received before it is in the old one
    ///
    /// # Errors
    /// The old one takes no more. That the next cannot be opened is none: it is said, the old one
    /// goes on, and it is tried again.
    fn turn(&mut self, until: Stamp, now: Stamp) -> io::Result<()> {
        let (Some(open), Some(parts)) = (&mut self.open, &mut self.parts) else {
            return Ok(());
        };
        if !parts.may_try(now) || !open.has_room_for_another() {
            return Ok(());
        }
        // What the recorder itself has to say goes first: the next file counts on from here.
        open.settle(now)?;
        let (storage, sources) = (&*self.storage, &self.context.sources);
        let next = match open.next(storage, parts, sources, &self.latched, until) {
            Ok(next) => next,
            Err((path, error)) => return self.could_not_turn(&path, &error, now),
        };
        let old = mem::replace(open, next);
        let reason = format!("it goes on in part {}", parts.number.saturating_add(1));
        let end = End {
            reason: &reason,
            names: &parts.names,
            part: parts.named_number(false),
            goes_on: true,
        };
        let closed = old.close(storage, now, &end);
        parts.add(&closed);
        open.follow(parts.before());
        self.turned(&closed, until, now, &reason)
    }

    fn turned(
        &mut self,
        closed: &Closed,
        until: Stamp,
        now: Stamp,
        reason: &str,
    ) -> io::Result<()> {
        let Some(parts) = self.parts.take() else {
            return Ok(());
        };
        self.archive_part(&parts, closed, now, reason);
        let parts = self.parts.insert(parts);
        parts.turned(until.mono_ns);
        self.trouble = None;
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        self.status.file = file_name(open.path());
        self.status.part = parts.shown_number();
        tracing::info!(
            "the recording goes on in part {}: {}",
            parts.number,
            open.path().display()
        );
        if let Some(archive) = &self.archive {
            archive.open(parts.number, open.path());
        }
        match &closed.trouble {
            None => {
                self.status.durable_mono_ns = self.status.durable_mono_ns.max(until.mono_ns);
                let newest = closed.newest_unix_ns;
                self.status.durable_unix_ns = newest.or(self.status.durable_unix_ns);
                Ok(())
            }
            Some(error) => {
                let sentence = format!(
                    "part {} of the recording could not be closed: {}: {error}; the recording \
                     goes on in part {}, and `ttyscope verify` says what can be read",
                    parts.number - 1,
                    closed.path.display(),
                    parts.number,
                );
                self.say_trouble(sentence, now)
            }
        }
    }

    fn could_not_turn(&mut self, path: &Path, error: &io::Error, now: Stamp) -> io::Result<()> {
        let Some(parts) = &mut self.parts else {
            return Ok(());
        };
        let next = parts.number.saturating_add(1);
        let again = parts.failed(now);
        let sentence = format!(
            "part {next} of the recording could not be begun: {}: {error}; part {} is written on, \
             and it is tried again in {} s",
            path.display(),
            parts.number,
            again.as_secs()
        );
        self.say_trouble(sentence, now)
    }

    /// Says it on the screen, in the log and in the recording.
    fn say_trouble(&mut self, sentence: String, now: Stamp) -> io::Result<()> {
        tracing::error!("{sentence}");
        let fault = Fault::new(FaultKind::Recorder, Severity::Error, sentence);
        self.trouble = Some(fault.text.clone());
        match &mut self.open {
            Some(open) => open.say(&fault, now),
            None => Ok(()),
        }
    }

    /// What is wrong while the recording goes on.
    pub(super) fn all_trouble(&self) -> Option<PlainText> {
        let manifest = || self.archive.as_ref()?.trouble().map(PlainText::from);
        self.trouble.clone().or_else(manifest)
    }

    pub(super) fn begin_archive(&mut self, parts: &Parts, open: &Open) {
        if self.archive.is_none() {
            match Archivist::spawn(Arc::clone(&self.storage)) {
                Ok(archive) => self.archive = Some(archive),
                Err(error) => {
                    tracing::error!("the recording will have no manifest: no thread: {error}");
                }
            }
        }
        if let Some(archive) = &self.archive {
            let (base, began) = (parts.names.base(), parts.began.unix_ns);
            let manifest = Manifest::new(&parts.id, base, open.sources(), began);
            archive.begin(parts.names.manifest(), manifest);
            archive.open(parts.number, open.path());
        }
    }

    /// Lets the hash follow what is durable.
    pub(super) fn follow_archive(&self) {
        if let (Some(archive), Some(open), Some(parts)) = (&self.archive, &self.open, &self.parts) {
            archive.grown(parts.number, open.synced_bytes());
        }
    }

    pub(super) fn archive_part(&self, parts: &Parts, closed: &Closed, now: Stamp, reason: &str) {
        let Some(archive) = &self.archive else { return };
        let name = closed.path.file_name().unwrap_or_default();
        let record = PartRecord {
            part: parts.number,
            file: name.to_string_lossy().into_owned(),
            size_bytes: closed.size_bytes,
            sha256: None,
            began_unix_ns: closed.began.unix_ns,
            ended_unix_ns: now.unix_ns,
            messages: closed.messages,
            durable: closed.durable,
            complete: closed.complete,
            ended: match &closed.trouble {
                Some(error) => format!("{reason}; {error}"),
                None => reason.to_owned(),
            },
            accounts: closed.accounts.clone(),
        };
        archive.closed(&closed.path, record);
    }

    /// Ends the manifest; returns where it is.
    pub(super) fn end_manifest(&self, parts: &Parts, now: Stamp, reason: &str) -> Option<PathBuf> {
        let totals = parts.totals();
        self.archive.as_ref()?.finish(EndRecord {
            ended_unix_ns: now.unix_ns,
            reason: reason.to_owned(),
            complete: totals.incomplete == 0,
            messages: totals.messages,
            accounts: totals.accounts.clone(),
        });
        Some(parts.names.manifest())
    }

    /// Waits for the manifest, not for long. What went wrong with it is told with the recording it
    /// belongs to.
    pub(super) fn end_archive(&mut self) {
        if let Some(archive) = self.archive.take()
            && let Some(trouble) = archive.end()
            && let Some(last) = self.shared().outcomes.last_mut()
        {
            last.manifest = None;
            last.ended = format!("{}; {trouble}", last.ended);
        }
    }
}
