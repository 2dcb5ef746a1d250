//! Whether a recording is whole: everything read, every checksum compared, and what the file says
//! of itself held against what is in it.
//!
//! `inspect` describes a file; this judges it. Whatever is missing is said once, with its place, its
//! time and its cause, as far as the file knows them.

mod missed;

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::read_error::ReadError;
use super::reader::{Entry, RecordedMessage, RecordingReader, Statistics};
use super::summary::{self, GapKind, Summary};
use crate::model::text::printable;
use missed::Missed;

pub use missed::SET_BACK_NS;

/// Findings that are kept; a broken file could fill the memory with them.
const MAX_FINDINGS: usize = 10_000;

/// What `verify` says about a file. Times are Unix nanoseconds.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    /// Nothing was found that is missing or wrong.
    pub whole: bool,
    /// What is missing or wrong, in the order of its times.
    pub findings: Vec<Finding>,
    /// What never reached the recorder, was told to it as lost or came in doubt, in the order of its
    /// times: no fault of the file.
    pub notes: Vec<Finding>,
    /// Findings that were not listed because there are too many.
    pub more: u64,
    /// Notes that were not listed because there are too many.
    pub more_notes: u64,
    /// Whole chunks.
    pub chunks: u64,
    /// Those of them that have no checksum to compare; ours all have one.
    pub unchecked_chunks: u64,
    /// Its bytes have the hash that a manifest names for it; `None` if none does.
    pub hash_matches: Option<bool>,
    /// What else is known of the file.
    pub summary: Summary,
}

/// One thing that is missing or wrong.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// The last message before it; `None` if there is none, or if it has no place in time.
    pub from_unix_ns: Option<u64>,
    /// The first message after it.
    pub to_unix_ns: Option<u64>,
    /// Where in the file, in bytes from its start.
    pub at_byte: Option<u64>,
    /// The source or topic it concerns; empty where that is the whole file.
    pub of: String,
    /// What, and why, as a sentence.
    pub what: String,
}

impl Finding {
    pub(super) fn of(of: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            from_unix_ns: None,
            to_unix_ns: None,
            at_byte: None,
            of: of.into(),
            what: what.into(),
        }
    }
}

/// Reads a whole file and judges it.
///
/// - `progress`: is told bytes read and bytes in all, now and then
///
/// # Errors
/// The file cannot be read at all or is no MCAP file.
pub fn verify(path: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<Verdict, ReadError> {
    let mut seen = Seen::default();
    let (summary, reader) = summary::inspect_with(path, &mut |reader, entry| {
        progress(reader.position_bytes(), reader.size_bytes());
        seen.take(entry);
    })?;
    Ok(seen.into_verdict(summary, &reader))
}

impl Verdict {
    /// Adds what was found beside the file itself.
    pub fn add(&mut self, finding: Finding) {
        self.whole = false;
        self.findings.push(finding);
    }
}

/// What is noted on the way.
#[derive(Default)]
struct Seen {
    last_ns: Option<u64>,
    damage: Vec<Finding>,
    more: u64,
    /// Damage behind which no message has come yet.
    open: usize,
    by_channel: BTreeMap<u16, u64>,
    metadata: u64,
    attachments: u64,
    /// Messages of each source that the recorder counted as items.
    items: BTreeMap<String, u64>,
    missed: Missed,
}

impl Seen {
    fn take(&mut self, entry: &Entry) {
        match entry {
            Entry::Message(message) => {
                let at = message.log_time_ns;
                for finding in self.damage.iter_mut().skip(self.open) {
                    finding.to_unix_ns = Some(at);
                }
                self.open = self.damage.len();
                self.last_ns = Some(at);
                self.missed.take(message);
                *self.by_channel.entry(message.channel.id).or_default() += 1;
                if let Some(source) = message.channel.metadata.get("source")
                    && is_item(message)
                {
                    *self
                        .items
                        .entry(printable(source).into_owned())
                        .or_default() += 1;
                }
            }
            Entry::Metadata { .. } => self.metadata += 1,
            Entry::Attachment(_) => self.attachments += 1,
            Entry::Damage(_) if self.damage.len() >= MAX_FINDINGS => self.more += 1,
            Entry::Damage(damage) => self.damage.push(Finding {
                from_unix_ns: self.last_ns,
                to_unix_ns: None,
                at_byte: Some(damage.at),
                of: String::new(),
                what: match damage.skipped_bytes {
                    0 => damage.what.clone(),
                    bytes => format!("{}; {bytes} bytes could not be read", damage.what),
                },
            }),
        }
    }

    fn into_verdict(mut self, summary: Summary, reader: &RecordingReader) -> Verdict {
        let mut findings = self.damage.clone();
        let (mut notes, more_notes) = std::mem::take(&mut self.missed).into_notes();
        if !summary.finished {
            let because = summary.incomplete_because.first();
            findings.push(Finding {
                from_unix_ns: self.last_ns,
                at_byte: Some(summary.size_bytes - summary.unreadable_tail_bytes),
                ..Finding::of("", because.map_or("not finished", String::as_str))
            });
        } else if self.damage.is_empty() {
            // With damage these would only say again what is missing because of it.
            findings.extend(self.against_index(reader.statistics(), reader.chunks()));
            findings.extend(self.against_books(&summary));
        }
        for gap in &summary.gaps {
            let (missing, is_ours) = match gap.kind {
                // Other programs number as they like.
                GapKind::Sequence if summary.version.is_none() => continue,
                GapKind::Sequence => (
                    format!("{} messages are not in the file", gap.missing),
                    true,
                ),
                GapKind::FrameNumbers => (format!("{} pictures never came", gap.missing), false),
                GapKind::Silence | GapKind::SilenceToEnd => continue,
            };
            let finding = Finding {
                from_unix_ns: Some(gap.from_unix_ns),
                to_unix_ns: Some(gap.to_unix_ns),
                ..Finding::of(gap.topic.clone(), missing)
            };
            if is_ours { &mut findings } else { &mut notes }.push(finding);
        }
        // Damage and the missing end have their own findings, with their times.
        let said = usize::from(!summary.finished) + summary.damage.len();
        for because in summary.incomplete_because.iter().skip(said) {
            findings.push(Finding::of("", because.clone()));
        }
        let in_time = |finding: &Finding| (finding.from_unix_ns, finding.at_byte);
        findings.sort_by_key(in_time);
        notes.sort_by_key(in_time);
        Verdict {
            whole: findings.is_empty() && summary.complete,
            findings,
            notes,
            more: self.more,
            more_notes,
            chunks: reader.chunks(),
            unchecked_chunks: reader.unchecked_chunks(),
            hash_matches: None,
            summary,
        }
    }

    /// What the index counts and was not found.
    fn against_index(&self, index: Option<&Statistics>, chunks: u64) -> Vec<Finding> {
        // A file without an index says nothing.
        let Some(index) = index else {
            return Vec::new();
        };
        let messages = self.by_channel.values().sum::<u64>();
        let counts = [
            ("messages", index.messages, messages),
            ("chunks", index.chunks.into(), chunks),
            ("metadata records", index.metadata.into(), self.metadata),
            ("attachments", index.attachments.into(), self.attachments),
        ];
        let mut wrong: Vec<Finding> = counts
            .into_iter()
            .filter(|(_, said, found)| said != found)
            .map(|(what, said, found)| {
                Finding::of(
                    "",
                    format!("its index counts {said} {what}, and there are {found}"),
                )
            })
            .collect();
        if wrong.is_empty() && index.by_channel != self.by_channel {
            wrong.push(Finding::of(
                "",
                "its index counts other messages in its channels",
            ));
        }
        wrong
    }

    /// What the recorder's books say was written, and is not there.
    fn against_books(&self, summary: &Summary) -> Vec<Finding> {
        let accounts = summary.accounts.iter();
        accounts
            .filter_map(|account| {
                let found = self.items.get(&account.name).copied().unwrap_or(0);
                (found < account.written).then(|| {
                    let what = format!(
                        "the recorder wrote {} items, and {found} are in it",
                        account.written
                    );
                    Finding::of(account.name.clone(), what)
                })
            })
            .collect()
    }
}

/// Whether a message is one that the recorder counts: of a picture's two only the record beside it,
/// and not the states that a file begins with.
fn is_item(message: &RecordedMessage) -> bool {
    match message.channel.schema.as_str() {
        "foxglove.RawImage" | "foxglove.CompressedImage" => false,
        "ttyscope.Readings" => serde_json::from_slice::<HeldReadings>(&message.data)
            .map_or(true, |held| {
                held.readings.iter().all(|one| one.since_ns.is_none())
            }),
        "ttyscope.Link"
        | "ttyscope.Instrument"
        | "ttyscope.Stop"
        | "ttyscope.Book"
        | "ttyscope.Feed"
        | "ttyscope.Fleet"
        | "ttyscope.Rows" => serde_json::from_slice::<Held>(&message.data)
            .map_or(true, |held| held.since_ns.is_none()),
        _ => true,
    }
}

/// What tells a state that held when the file began from one that came later.
#[derive(Deserialize)]
struct Held {
    since_ns: Option<u64>,
}

#[derive(Deserialize)]
struct HeldReadings {
    readings: Vec<Held>,
}
