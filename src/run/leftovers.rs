//! The repair report: what recorders that did not end orderly have left in the folder for
//! recordings. Looked for at every start, on a thread of its own, and told as warnings; nothing is
//! changed.
//!
//! What a living recorder writes is not left over: it holds a lock on its file. Nor is what was
//! recovered already.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use crate::model::size_text;
use crate::model::text::printable;
use crate::recorder::is_being_written;
use crate::recording::{Ending, Entry, ReadError, RecordingReader, SESSION, Session, rfc3339};

/// Files that are reported one by one, the newest first.
const MAX_FILES: usize = 16;
/// Bytes that are read for all of them: the disk belongs to who records now.
const MAX_READ_BYTES: u64 = 2 * 1024 * 1024 * 1024;
/// On a file system without locks, a file that was written to within this time may still be.
const AT_REST: Duration = Duration::from_secs(60);
/// The ending of a recording that is not finished.
const PARTIAL: &str = ".partial.mcap";
/// What `recover` puts behind the name.
const RECOVERED: &str = ".recovered";
/// Sources that are named.
const MAX_NAMED: usize = 8;

/// Looks until it is dropped, or has said all.
#[derive(Debug)]
pub struct Leftovers {
    stop: Arc<AtomicBool>,
}

impl Leftovers {
    /// Begins to look into `dir`. Nobody waits for it: a disk that does not answer holds its thread
    /// alone.
    pub fn look(dir: PathBuf) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let work = move || {
            for sentence in report(&dir, &stopped) {
                tracing::warn!("{sentence}");
            }
        };
        let started = std::thread::Builder::new()
            .name("leftovers".to_owned())
            .spawn(work);
        if let Err(error) = started {
            tracing::warn!("unfinished recordings are not looked for: no thread: {error}");
        }
        Self { stop }
    }
}

impl Drop for Leftovers {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// A sentence for each unfinished recording in `dir`, as they are read.
fn report(dir: &Path, stop: &AtomicBool) -> impl Iterator<Item = String> {
    let (files, more) = unfinished(dir).unwrap_or_default();
    let mut left_bytes = MAX_READ_BYTES;
    let each = files.into_iter().map_while(move |file| {
        let left = examine(&file, &mut left_bytes, stop)?;
        Some(sentence(&file, &left))
    });
    let more = (more > 0).then(|| {
        format!(
            "{more} more recordings in {} were not finished",
            printable(&dir.display().to_string())
        )
    });
    each.chain(more)
}

/// The newest unfinished recordings in a folder that nobody writes and nobody has recovered, and
/// how many more there are.
fn unfinished(dir: &Path) -> io::Result<(Vec<PathBuf>, usize)> {
    let mut newest: Vec<(SystemTime, PathBuf)> = Vec::new();
    let mut more = 0;
    for entry in fs::read_dir(dir)? {
        let Ok(entry) = entry else { continue };
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(stem) = name.strip_suffix(PARTIAL) else {
            continue;
        };
        // What a recovery that was ended has left is in the file that it read.
        if stem.ends_with(RECOVERED) {
            continue;
        }
        let recovered = dir.join(format!("{stem}{RECOVERED}.mcap"));
        // A link is not followed.
        let Ok(about) = entry.metadata() else {
            continue;
        };
        let changed = about.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        let path = entry.path();
        if !about.is_file() || recovered.exists() || is_in_use(&path, changed) {
            continue;
        }
        newest.push((changed, path));
        if newest.len() > 2 * MAX_FILES {
            more += keep_newest(&mut newest);
        }
    }
    more += keep_newest(&mut newest);
    Ok((newest.into_iter().map(|(_, path)| path).collect(), more))
}

/// Leaves the newest [`MAX_FILES`], in that order, and says how many were more.
fn keep_newest(files: &mut Vec<(SystemTime, PathBuf)>) -> usize {
    files.sort_by(|a, b| b.cmp(a));
    let more = files.len().saturating_sub(MAX_FILES);
    files.truncate(MAX_FILES);
    more
}

fn is_in_use(path: &Path, changed: SystemTime) -> bool {
    is_being_written(path).unwrap_or_else(|_| changed.elapsed().is_ok_and(|since| since < AT_REST))
}

/// What is left of a recording.
enum Left {
    /// Nothing: its recorder was ended before it had written anything.
    Nothing,
    /// It cannot be read; why.
    Unreadable(String),
    /// More than is read at a start.
    TooLarge { size_bytes: u64 },
    /// So much.
    Messages(State),
}

#[derive(Default)]
struct State {
    size_bytes: u64,
    messages: u64,
    sources: Vec<String>,
    span_ns: Option<(u64, u64)>,
    damaged: u64,
    lost_bytes: u64,
    is_finished: bool,
}

/// Reads a file as far as `left_bytes` allow. `None` when stopped.
fn examine(path: &Path, left_bytes: &mut u64, stop: &AtomicBool) -> Option<Left> {
    let mut reader = match RecordingReader::open(path) {
        Ok(reader) => reader,
        Err(ReadError::Empty { .. }) => return Some(Left::Nothing),
        // The path is part of the sentence already.
        Err(ReadError::Io { error, .. }) => return Some(Left::Unreadable(error.to_string())),
        Err(_) => return Some(Left::Unreadable("it is no MCAP file".to_owned())),
    };
    let size_bytes = reader.size_bytes();
    let Some(rest) = left_bytes.checked_sub(size_bytes) else {
        return Some(Left::TooLarge { size_bytes });
    };
    *left_bytes = rest;
    let mut state = State {
        size_bytes,
        ..State::default()
    };
    for entry in &mut reader {
        if stop.load(Ordering::Relaxed) {
            return None;
        }
        match entry {
            Entry::Message(message) => {
                state.messages += 1;
                let at = message.log_time_ns;
                let (first, last) = state.span_ns.unwrap_or((at, at));
                state.span_ns = Some((first.min(at), last.max(at)));
            }
            Entry::Metadata { name, values } if name == SESSION => {
                let session = Session::from_map(&values);
                state.sources = session.sources.into_iter().map(|s| s.name).collect();
            }
            Entry::Damage(damage) => {
                state.damaged += 1;
                state.lost_bytes += damage.skipped_bytes;
            }
            Entry::Metadata { .. } | Entry::Attachment(_) => {}
        }
    }
    match reader.ending() {
        Some(Ending::Cut {
            unreadable_bytes, ..
        }) => state.lost_bytes += unreadable_bytes,
        _ => state.is_finished = true,
    }
    Some(Left::Messages(state))
}

/// What it is, how far it can be read, what is missing and what to do: for one file.
fn sentence(path: &Path, left: &Left) -> String {
    let path = printable(&path.display().to_string()).into_owned();
    let recover = format!("`ttyscope recover {}`", quoted(&path));
    match left {
        Left::Nothing => format!(
            "{path} is empty: its recorder was ended before it had written anything; it can be \
             deleted"
        ),
        Left::Unreadable(why) => {
            format!("{path} was not finished, and cannot be read: {why}")
        }
        Left::TooLarge { size_bytes } => format!(
            "{path} was not finished by its recorder: {}, which are not read now; {recover} says \
             what is in it and makes a finished file of it",
            size_text(*size_bytes)
        ),
        Left::Messages(state) => format!(
            "{path} was not finished by its recorder: {}; {recover} makes a finished file of it",
            state.words()
        ),
    }
}

impl State {
    fn words(&self) -> String {
        let mut words = format!(
            "{} with {} messages",
            size_text(self.size_bytes),
            self.messages
        );
        if let Some(named) = self.sources.get(..self.sources.len().min(MAX_NAMED))
            && !named.is_empty()
        {
            words.push_str(&format!(" of {}", printable(&named.join(", "))));
            let more = self.sources.len() - named.len();
            if more > 0 {
                words.push_str(&format!(" and {more} more"));
            }
        }
        if let Some((first, last)) = self.span_ns {
            let (first, last) = (rfc3339(first), rfc3339(last));
            words.push_str(&format!(" can be read, from {first} to {last}"));
        }
        if self.damaged > 0 {
            words.push_str(&format!("; {} places in it are damaged", self.damaged));
        }
        if self.lost_bytes > 0 {
            let lost = size_text(self.lost_bytes);
            words.push_str(&format!("; {lost} cannot be read"));
        }
        words.push_str(match self.is_finished {
            // Closed, and then not given its name.
            true => "; nothing but its name is missing",
            false => "; at most 1.0 s after that is missing, and the recorder's books",
        });
        words
    }
}

/// A path as a shell takes it.
fn quoted(path: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:,@%".contains(c);
    match !path.is_empty() && path.chars().all(is_plain) {
        true => path.to_owned(),
        false => format!("'{}'", path.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests;
