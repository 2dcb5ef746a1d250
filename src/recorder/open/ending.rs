//! How a file ends: with its books and its index under its last name, or, where the disk takes no
//! more, with its books alone.

use std::io;
use std::path::PathBuf;

use super::Open;
use crate::model::Stamp;
use crate::recorder::failure::reason;
use crate::recorder::naming::Names;
use crate::recorder::shared_file::SharedFile;
use crate::recorder::storage::Storage;
use crate::recording::{Account, SourceAccount, last_words};

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

impl Open {
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
