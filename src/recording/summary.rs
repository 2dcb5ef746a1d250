//! What a recording holds and what is missing in it.
//!
//! One pass from front to end with bounded memory, for files of any size and in any state.

mod books;
mod control;
mod gaps;
mod table;
mod tally;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::read_error::ReadError;
use super::reader::{Entry, RecordingReader};
use super::recover::RECOVERY;
use super::session::{
    ACCOUNT, Account, BLACK_BOX, BlackBoxCause, RecordedSource, SESSION, Session, SourceAccount,
};
use crate::model::{Origin, PlainText, SourceId, SourceInfo};
use tally::Tally;

/// What `inspect` says about a file. Times are Unix nanoseconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// The file.
    pub path: PathBuf,
    /// Its size.
    pub size_bytes: u64,
    /// The version of ttyscope that wrote it; `None` if another program did.
    pub version: Option<String>,
    /// What all files of its recording share; `None` if it does not say that.
    pub session: Option<String>,
    /// Which file of its recording it is, from 1.
    pub part: u32,
    /// It says that its recording goes on in the next part.
    pub goes_on: bool,
    /// When the recording began, by its own word.
    pub started_unix_ns: Option<u64>,
    /// When the recording ended and why, by its own word.
    pub ended_unix_ns: Option<u64>,
    /// Why it ended.
    pub ended: Option<String>,
    /// Whom it was recorded from.
    pub sources: Vec<RecordedSource>,
    /// The recorder's books of this file; empty if it was not finished.
    pub accounts: Vec<SourceAccount>,
    /// What it was saved for, if it is a black box.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub black_box: Vec<BlackBoxCause>,
    /// First and last time of a message.
    pub span: Option<Span>,
    /// Messages, all channels.
    pub messages: u64,
    /// By topic.
    pub channels: Vec<ChannelSummary>,
    /// Silences and missing numbers, the longest first within each channel.
    pub gaps: Vec<Gap>,
    /// What it says was lost, by source, lane and reason.
    pub losses: Vec<LossSummary>,
    /// Faults it tells of, by source, kind and severity.
    pub faults: Vec<FaultSummary>,
    /// What became of commands, by source.
    pub commands: Vec<CommandsSummary>,
    /// What became of stops, by source.
    pub stops: Vec<StopsSummary>,
    /// What became of order books, by source, venue and symbol.
    pub books: Vec<BookSummary>,
    /// Places that could not be read.
    pub damage: Vec<DamageSummary>,
    /// It was closed properly.
    pub finished: bool,
    /// Bytes at the end that could not be read.
    pub unreadable_tail_bytes: u64,
    /// It was closed properly, is undamaged, and everything that the recorder accepted is in it.
    pub complete: bool,
    /// Why it is not complete, as sentences.
    pub incomplete_because: Vec<String>,
}

/// From the first to the last message.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Span {
    /// The first message's time.
    pub first_unix_ns: u64,
    /// The last message's time.
    pub last_unix_ns: u64,
}

impl Span {
    /// Its length in seconds.
    pub fn seconds(&self) -> f64 {
        self.last_unix_ns.saturating_sub(self.first_unix_ns) as f64 / 1e9
    }
}

/// One channel.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ChannelSummary {
    /// Its topic.
    pub topic: String,
    /// Its schema's name.
    pub schema: String,
    /// Messages in it.
    pub messages: u64,
    /// Their bytes, without the file's own overhead.
    pub bytes: u64,
    /// Messages per second between its first and last; 0 for fewer than two.
    pub rate_hz: f64,
    /// Its first and last message.
    pub span: Span,
    /// The numbers of its first and last message; they count on over the files of a recording. 0
    /// for "not numbered".
    pub sequences: [u32; 2],
}

/// Something missing in a channel.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Gap {
    /// The channel.
    pub topic: String,
    /// What is missing.
    pub kind: GapKind,
    /// The last message before it.
    pub from_unix_ns: u64,
    /// The first message after it, or the end of the recording.
    pub to_unix_ns: u64,
    /// How many messages or pictures are missing; 0 for a silence.
    pub missing: u64,
}

/// Kinds of gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GapKind {
    /// Nothing came for far longer than usual.
    Silence,
    /// Nothing came any more until the recording ended.
    SilenceToEnd,
    /// Messages are missing in the file.
    Sequence,
    /// Pictures that their numbers say were never received.
    FrameNumbers,
}

/// Losses of one kind.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LossSummary {
    /// Whose.
    pub source: String,
    /// In which lane.
    pub lane: String,
    /// Why.
    pub reason: String,
    /// How many items.
    pub count: u64,
    /// When that was first and last said.
    pub said: Span,
}

/// Faults of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FaultSummary {
    /// Whose.
    pub source: String,
    /// What kind.
    pub kind: String,
    /// How bad.
    pub severity: String,
    /// How many.
    pub count: u64,
    /// The first one's sentence.
    pub first: String,
}

/// The commands to one source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CommandsSummary {
    /// Whose.
    pub source: String,
    /// How many.
    pub commands: u64,
    /// How many ended in each state. One that has no answer ends as `sent`.
    pub outcomes: BTreeMap<String, u64>,
    /// How many had not ended when the recording did.
    pub open: u64,
}

/// The changes of one order book.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BookSummary {
    /// Whose.
    pub source: String,
    /// The venue.
    pub venue: String,
    /// The symbol.
    pub symbol: String,
    /// How many whole books, those that a file begins with included.
    pub snapshots: u64,
    /// How many changes of some levels.
    pub deltas: u64,
    /// How many pictures of the top levels that took the place of the one before.
    pub replacements: u64,
    /// How many trades.
    pub trades: u64,
    /// How often it was not to be trusted any more, by reason.
    pub clears: BTreeMap<String, u64>,
    /// How long it was not to be trusted, all in all.
    pub untrusted_ns: u64,
    /// Since when, if it was so at the end.
    pub untrusted_since_ns: Option<u64>,
}

/// The stops of one source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StopsSummary {
    /// Whose.
    pub source: String,
    /// How often was pressed.
    pub presses: u64,
    /// Presses that the instrument answered at least once.
    pub acknowledged: u64,
    /// The longest time from a press to its first answer.
    pub slowest_ns: Option<u64>,
    /// The worst of the last words on the presses: `acknowledged`, `sent`, `no answer`, `not sent`
    /// or `refused`, from the best to the worst. A stop goes more than one way, so this may be bad
    /// where every press was acknowledged.
    pub worst: String,
}

/// A place that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DamageSummary {
    /// Bytes from the start of the file.
    pub at: u64,
    /// Bytes skipped because of it.
    pub skipped_bytes: u64,
    /// What is wrong.
    pub what: String,
}

/// Reads a whole file, finished or not, and says what is in it.
///
/// # Errors
/// The file cannot be read at all or is no MCAP file.
pub fn inspect(path: &Path) -> Result<Summary, ReadError> {
    Ok(inspect_with(path, &mut |_, _| {})?.0)
}

/// The same of a file that may take its time.
///
/// - `progress`: is told bytes read and bytes in all, now and then
///
/// # Errors
/// As [`inspect`].
pub fn inspect_telling(
    path: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Summary, ReadError> {
    let mut tell = |reader: &RecordingReader, _: &Entry| {
        progress(reader.position_bytes(), reader.size_bytes());
    };
    Ok(inspect_with(path, &mut tell)?.0)
}

/// The same, with somebody who looks at every entry; the reader comes back with what it knows of
/// the whole file.
///
/// # Errors
/// As [`inspect`].
pub(super) fn inspect_with(
    path: &Path,
    look: &mut dyn FnMut(&RecordingReader, &Entry),
) -> Result<(Summary, RecordingReader), ReadError> {
    let mut reader = RecordingReader::open(path)?;
    let mut tally = Tally::default();
    while let Some(entry) = reader.next() {
        look(&reader, &entry);
        match entry {
            Entry::Message(message) => tally.message(&message),
            Entry::Metadata { name, values } if name == SESSION => {
                tally.session = Some(Session::from_map(&values));
            }
            Entry::Metadata { name, values } if name == ACCOUNT => {
                tally.account = Account::from_map(&values);
            }
            Entry::Metadata { name, values } if name == RECOVERY => {
                tally.recovered = Some(values);
            }
            Entry::Metadata { name, values } if name == BLACK_BOX => tally.black_box(&values),
            Entry::Metadata { .. } | Entry::Attachment(_) => {}
            Entry::Damage(damage) => tally.damage(damage),
        }
    }
    Ok((tally.into_summary(&reader), reader))
}

/// The sources a recording was made of, as sources of a replay: in the recorded order, with
/// [`Origin::Replay`]. What was not real when it was recorded is said in the caution.
///
/// # Errors
/// The file cannot be read, or was not recorded by ttyscope.
pub fn sources_of(path: &Path) -> Result<Vec<SourceInfo>, ReadError> {
    Ok(replayed(&session_of(path)?))
}

/// The sources of a session, as they are when it is played: what was not real when it was recorded
/// is said in the caution.
pub fn replayed(session: &Session) -> Vec<SourceInfo> {
    session
        .sources
        .iter()
        .zip(0..)
        .map(|(source, index)| {
            let simulated = (source.origin == "simulated").then(|| "SIMULATED".to_owned());
            let cautions: Vec<String> = simulated
                .into_iter()
                .chain(source.caution.clone())
                .collect();
            SourceInfo {
                id: SourceId(index),
                name: PlainText::from_peer(&source.name),
                address: PlainText::from_peer(&source.address),
                origin: Origin::Replay,
                caution: (!cautions.is_empty()).then(|| PlainText::from(cautions.join(", "))),
            }
        })
        .collect()
}

/// The session record of a recording.
///
/// # Errors
/// The file cannot be read, or has none.
pub fn session_of(path: &Path) -> Result<Session, ReadError> {
    Ok(Session::from_map(&session_record(path)?))
}

/// The same as it is written.
///
/// # Errors
/// As [`session_of`].
pub fn session_record(path: &Path) -> Result<BTreeMap<String, String>, ReadError> {
    // It is the first thing in the file; looking further would read all of a foreign one.
    RecordingReader::open(path)?
        .take(4)
        .find_map(|entry| match entry {
            Entry::Metadata { name, values } if name == SESSION => Some(values),
            _ => None,
        })
        .ok_or_else(|| ReadError::NoSession {
            path: path.to_owned(),
        })
}
