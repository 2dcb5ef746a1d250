//! What a recording holds and what is missing in it.
//!
//! One pass from front to end with bounded memory, for files of any size and in any state.

mod gaps;
mod table;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::read_error::ReadError;
use super::reader::{Damage, Ending, Entry, RecordedMessage, RecordingReader};
use super::records::{FaultRecord, FrameRecord, LossRecord};
use super::session::{ACCOUNT, Account, RecordedSource, SESSION, Session, SourceAccount, rfc3339};
use crate::model::{Origin, PlainText, SourceId, SourceInfo};
use gaps::Rhythm;

/// What `inspect` says about a file. Times are Unix nanoseconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// The file.
    pub path: PathBuf,
    /// Its size.
    pub size_bytes: u64,
    /// The version of ttyscope that wrote it; `None` if another program did.
    pub version: Option<String>,
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LossSummary {
    /// Whose.
    pub source: String,
    /// In which lane.
    pub lane: String,
    /// Why.
    pub reason: String,
    /// How many items.
    pub count: u64,
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

/// Entries of each list that are kept; a broken file could fill the memory with them.
const MAX_LISTED: usize = 1000;

/// Topics that are told apart; more than a recording of ours ever has.
const MAX_CHANNELS: usize = 10_000;

/// Reads a whole file, finished or not, and says what is in it.
///
/// # Errors
/// The file cannot be read at all or is no MCAP file.
pub fn inspect(path: &Path) -> Result<Summary, ReadError> {
    let mut reader = RecordingReader::open(path)?;
    let mut tally = Tally::default();
    for entry in &mut reader {
        match entry {
            Entry::Message(message) => tally.message(&message),
            Entry::Metadata { name, values } if name == SESSION => {
                tally.session = Some(Session::from_map(&values));
            }
            Entry::Metadata { name, values } if name == ACCOUNT => {
                tally.account = Account::from_map(&values);
            }
            Entry::Metadata { .. } => {}
            Entry::Damage(damage) => tally.damage(damage),
        }
    }
    Ok(tally.into_summary(&reader))
}

/// The sources a recording was made of, as sources of a replay: in the recorded order, with
/// [`Origin::Replay`]. What was not real when it was recorded is said in the caution.
///
/// # Errors
/// The file cannot be read, or was not recorded by ttyscope.
pub fn sources_of(path: &Path) -> Result<Vec<SourceInfo>, ReadError> {
    let session = session_of(path)?;
    Ok(session
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
        .collect())
}

/// The session record of a recording.
///
/// # Errors
/// The file cannot be read, or has none.
pub fn session_of(path: &Path) -> Result<Session, ReadError> {
    // It is the first thing in the file; looking further would read all of a foreign one.
    RecordingReader::open(path)?
        .take(4)
        .find_map(|entry| match entry {
            Entry::Metadata { name, values } if name == SESSION => Some(Session::from_map(&values)),
            _ => None,
        })
        .ok_or_else(|| ReadError::NoSession {
            path: path.to_owned(),
        })
}

#[derive(Default)]
struct Tally {
    session: Option<Session>,
    account: Option<Account>,
    channels: BTreeMap<String, Channel>,
    number_gaps: Vec<Gap>,
    losses: BTreeMap<(String, String, String), u64>,
    faults: BTreeMap<(String, String, String), (u64, String)>,
    damage: Vec<DamageSummary>,
}

struct Channel {
    schema: String,
    messages: u64,
    bytes: u64,
    first_ns: u64,
    last_ns: u64,
    sequence: u32,
    rhythm: Rhythm,
}

impl Tally {
    fn message(&mut self, message: &RecordedMessage) {
        let at = message.log_time_ns;
        let topic = printable(&message.channel.topic);
        if self.channels.len() >= MAX_CHANNELS && !self.channels.contains_key(&topic) {
            return;
        }
        let channel = self
            .channels
            .entry(topic.clone())
            .or_insert_with(|| Channel {
                schema: printable(&message.channel.schema),
                messages: 0,
                bytes: 0,
                first_ns: at,
                last_ns: at,
                sequence: 0,
                rhythm: Rhythm::default(),
            });
        let before = (channel.messages > 0).then_some(channel.last_ns);
        // 0 is "not numbered" in files of other programs.
        let hole = message
            .sequence
            .saturating_sub(channel.sequence)
            .saturating_sub(1);
        if hole > 0 && channel.messages > 0 && channel.sequence > 0 {
            push_bounded(
                &mut self.number_gaps,
                Gap {
                    topic: topic.clone(),
                    kind: GapKind::Sequence,
                    from_unix_ns: channel.last_ns,
                    to_unix_ns: at,
                    missing: u64::from(hole),
                },
            );
        }
        if let Some(before) = before {
            channel.rhythm.interval(before, at);
        }
        channel.sequence = message.sequence;
        channel.messages += 1;
        channel.bytes += message.data.len() as u64;
        channel.first_ns = channel.first_ns.min(at);
        channel.last_ns = channel.last_ns.max(at);
        match channel.schema.as_str() {
            "ttyscope.Frame" => self.frame(message, &topic, before),
            "ttyscope.Loss" => self.loss(message),
            "ttyscope.Fault" => self.fault(message),
            _ => {}
        }
    }

    fn frame(&mut self, message: &RecordedMessage, topic: &str, before: Option<u64>) {
        let Ok(frame) = serde_json::from_slice::<FrameRecord<'_>>(&message.data) else {
            return;
        };
        if frame.lost_before > 0 {
            push_bounded(
                &mut self.number_gaps,
                Gap {
                    topic: topic.to_owned(),
                    kind: GapKind::FrameNumbers,
                    from_unix_ns: before.unwrap_or(message.log_time_ns),
                    to_unix_ns: message.log_time_ns,
                    missing: frame.lost_before,
                },
            );
        }
    }

    fn loss(&mut self, message: &RecordedMessage) {
        let Ok(loss) = serde_json::from_slice::<LossRecord<'_>>(&message.data) else {
            return;
        };
        let source = match &loss.source {
            Some(source) => printable(source),
            None => source_name(message),
        };
        let key = (source, printable(&loss.lane), printable(&loss.reason));
        if self.losses.len() < MAX_LISTED || self.losses.contains_key(&key) {
            let count = self.losses.entry(key).or_default();
            *count = count.saturating_add(loss.count);
        }
    }

    fn fault(&mut self, message: &RecordedMessage) {
        let Ok(fault) = serde_json::from_slice::<FaultRecord<'_>>(&message.data) else {
            return;
        };
        let key = (
            source_name(message),
            printable(&fault.kind),
            printable(&fault.severity),
        );
        if self.faults.len() < MAX_LISTED || self.faults.contains_key(&key) {
            let entry = self
                .faults
                .entry(key)
                .or_insert_with(|| (0, printable(&fault.text)));
            entry.0 += 1;
        }
    }

    fn damage(&mut self, damage: Damage) {
        let damage = DamageSummary {
            at: damage.at,
            skipped_bytes: damage.skipped_bytes,
            what: damage.what,
        };
        push_bounded(&mut self.damage, damage);
    }

    fn into_summary(self, reader: &RecordingReader) -> Summary {
        let ending = reader.ending().cloned().unwrap_or(Ending::Finished);
        let span = self.span();
        let end_ns = span.map_or(0, |span| span.last_unix_ns);
        let mut gaps = Vec::new();
        for (topic, channel) in &self.channels {
            if is_regular(&channel.schema) {
                gaps.extend(channel.rhythm.gaps(topic, channel.last_ns, end_ns));
            }
        }
        gaps.extend(self.number_gaps.iter().cloned());
        let incomplete_because = self.incomplete_because(&ending, span);
        let account = self.account.unwrap_or_default();
        let ended = self.session.is_some() && !account.reason.is_empty();
        Summary {
            path: reader.path().to_owned(),
            size_bytes: reader.size_bytes(),
            version: self.session.as_ref().map(|s| printable(&s.version)),
            started_unix_ns: self.session.as_ref().map(|s| s.started_unix_ns),
            ended_unix_ns: ended.then_some(account.ended_unix_ns),
            ended: ended.then(|| printable(&account.reason)),
            sources: self.session.map(printable_sources).unwrap_or_default(),
            accounts: printable_accounts(account.sources),
            span,
            messages: self.channels.values().map(|c| c.messages).sum(),
            channels: self.channels.into_iter().map(Channel::summary).collect(),
            gaps,
            losses: self
                .losses
                .into_iter()
                .map(|((source, lane, reason), count)| LossSummary {
                    source,
                    lane,
                    reason,
                    count,
                })
                .collect(),
            faults: self
                .faults
                .into_iter()
                .map(|((source, kind, severity), (count, first))| FaultSummary {
                    source,
                    kind,
                    severity,
                    count,
                    first,
                })
                .collect(),
            damage: self.damage,
            finished: ending == Ending::Finished,
            unreadable_tail_bytes: match ending {
                Ending::Finished => 0,
                Ending::Cut {
                    unreadable_bytes, ..
                } => unreadable_bytes,
            },
            complete: incomplete_because.is_empty(),
            incomplete_because,
        }
    }

    fn span(&self) -> Option<Span> {
        Some(Span {
            first_unix_ns: self.channels.values().map(|c| c.first_ns).min()?,
            last_unix_ns: self.channels.values().map(|c| c.last_ns).max()?,
        })
    }

    fn incomplete_because(&self, ending: &Ending, span: Option<Span>) -> Vec<String> {
        let mut because = Vec::new();
        if let Ending::Cut {
            readable_bytes,
            unreadable_bytes,
            why,
        } = ending
        {
            let until = match span {
                Some(span) => format!("readable up to {}", rfc3339(span.last_unix_ns)),
                None => "it has no message yet".to_owned(),
            };
            because.push(format!(
                "not finished: killed or still being written; {until}; at most 1.0 s after that is \
                 missing (byte {readable_bytes}: {why}; {unreadable_bytes} bytes left over)"
            ));
        }
        for damage in &self.damage {
            because.push(format!(
                "damaged: byte {}: {}; {} bytes skipped",
                damage.at, damage.what, damage.skipped_bytes
            ));
        }
        match &self.account {
            Some(account) => {
                for source in account.sources.iter().filter(|s| !s.is_complete()) {
                    let reasons: Vec<String> = source
                        .lost
                        .iter()
                        .map(|(reason, count)| format!("{} {count}", printable(reason)))
                        .collect();
                    because.push(format!(
                        "{}: {} of {} messages are in it; lost: {}",
                        printable(&source.name),
                        source.written,
                        source.accepted,
                        if reasons.is_empty() {
                            "not said why".to_owned()
                        } else {
                            reasons.join(", ")
                        }
                    ));
                }
            }
            // A cut file has no books; nor has a file of another program.
            None if self.session.is_some() && *ending == Ending::Finished => {
                because.push("the recorder's own books are missing in it".to_owned());
            }
            None => {}
        }
        because
    }
}

impl Channel {
    fn summary((topic, channel): (String, Self)) -> ChannelSummary {
        let span = Span {
            first_unix_ns: channel.first_ns,
            last_unix_ns: channel.last_ns,
        };
        let rate_hz = if channel.messages > 1 && span.seconds() > 0.0 {
            (channel.messages - 1) as f64 / span.seconds()
        } else {
            0.0
        };
        ChannelSummary {
            topic,
            schema: channel.schema,
            messages: channel.messages,
            bytes: channel.bytes,
            rate_hz,
            span,
        }
    }
}

/// Whether a silence means something: links, faults, losses and log lines come when they come.
/// The record beside each picture has the picture's own rhythm and would only repeat its gaps.
fn is_regular(schema: &str) -> bool {
    !matches!(
        schema,
        "ttyscope.Link" | "ttyscope.Fault" | "ttyscope.Loss" | "ttyscope.Frame" | "foxglove.Log"
    )
}

fn source_name(message: &RecordedMessage) -> String {
    let name = message.channel.metadata.get("source");
    printable(name.map_or("", String::as_str))
}

fn printable_sources(session: Session) -> Vec<RecordedSource> {
    session
        .sources
        .into_iter()
        .map(|source| RecordedSource {
            name: printable(&source.name),
            address: printable(&source.address),
            origin: printable(&source.origin),
            caution: source.caution.as_deref().map(printable),
        })
        .collect()
}

fn printable_accounts(accounts: Vec<SourceAccount>) -> Vec<SourceAccount> {
    let printable_lost = |lost: BTreeMap<String, u64>| {
        lost.into_iter()
            .map(|(reason, count)| (printable(&reason), count))
            .collect()
    };
    accounts
        .into_iter()
        .map(|account| SourceAccount {
            name: printable(&account.name),
            lost: printable_lost(account.lost),
            ..account
        })
        .collect()
}

/// Files come from outside too.
fn printable(text: &str) -> String {
    crate::model::text::printable(text).into_owned()
}

fn push_bounded<T>(list: &mut Vec<T>, item: T) {
    if list.len() < MAX_LISTED {
        list.push(item);
    }
}
