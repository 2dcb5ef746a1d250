//! States of links and of the recorder, and faults: what the operator must be told.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;

use super::size::size_text;
use super::text::PlainText;

/// The state of a source's connection.
#[derive(Clone, Debug, PartialEq)]
pub enum LinkState {
    /// Trying for the first time or again; `attempt` counts from 1 since the last success.
    Connecting {
        /// Which try this is.
        attempt: u32,
    },
    /// Connected, nothing has arrived yet that the source exists for.
    Connected,
    /// Connected and receiving.
    Live,
    /// Connected, and what should arrive does not.
    Stale {
        /// What is missing, e.g. "no frame for 3 s, stream is running".
        missing: PlainText,
    },
    /// Lost; another attempt follows.
    Down {
        /// How it ended.
        reason: EndReason,
        /// The sentence for people.
        detail: PlainText,
        /// When the next attempt starts; `None` if none will.
        retry_in: Option<Duration>,
    },
    /// Ended for good, as asked (or the file is played to its end).
    Ended,
}

impl LinkState {
    /// One word for tables.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Connecting { .. } => "connecting",
            Self::Connected => "connected",
            Self::Live => "live",
            Self::Stale { .. } => "stale",
            Self::Down { .. } => "down",
            Self::Ended => "ended",
        }
    }

    /// How bad it is.
    pub fn severity(&self) -> Severity {
        match self {
            Self::Live | Self::Connected | Self::Ended => Severity::Info,
            Self::Connecting { .. } | Self::Stale { .. } => Severity::Warning,
            Self::Down { .. } => Severity::Error,
        }
    }
}

/// How a connection ended. Source of the names: Socket.IO's own disconnect reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EndReason {
    /// The server ended the namespace.
    ServerDisconnect,
    /// We ended it.
    ClientDisconnect,
    /// Nothing arrived for longer than the heart-beat allows.
    PingTimeout,
    /// A close frame or the end of the stream.
    TransportClose,
    /// A reset or a broken rule of the protocol.
    TransportError,
    /// The server refused the namespace.
    Refused,
    /// It never came to a session.
    HandshakeFailed,
}

impl EndReason {
    /// The name in the journal and in recordings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ServerDisconnect => "server disconnect",
            Self::ClientDisconnect => "client disconnect",
            Self::PingTimeout => "ping timeout",
            Self::TransportClose => "transport close",
            Self::TransportError => "transport error",
            Self::Refused => "refused",
            Self::HandshakeFailed => "handshake failed",
        }
    }
}

impl fmt::Display for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How bad something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// For who looks for it.
    Debug,
    /// As it should be.
    Info,
    /// Worth a look.
    Warning,
    /// Something is lost or does not work.
    Error,
}

impl Severity {
    /// One word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Something went wrong and is worth showing; the reader went on.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// What kind, for counting.
    pub kind: FaultKind,
    /// How bad.
    pub severity: Severity,
    /// What happened, where, what follows: one sentence.
    pub text: PlainText,
    /// The first bytes of what was wrong, at most [`Fault::SAMPLE_BYTES`]; empty if there are none.
    pub sample: Bytes,
}

impl Fault {
    /// How much of a broken message is kept.
    pub const SAMPLE_BYTES: usize = 256;

    /// A fault without a sample.
    pub fn new(kind: FaultKind, severity: Severity, text: impl Into<PlainText>) -> Self {
        Self {
            kind,
            severity,
            text: text.into(),
            sample: Bytes::new(),
        }
    }

    /// The same fault with the head of the bytes that caused it.
    pub fn with_sample(mut self, bytes: &[u8]) -> Self {
        let head = bytes.get(..Self::SAMPLE_BYTES).unwrap_or(bytes);
        self.sample = Bytes::copy_from_slice(head);
        self
    }
}

/// Kinds of faults, for counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FaultKind {
    /// Bytes that do not follow the protocol; the message was skipped or the connection renewed.
    Malformed,
    /// More than a limit allows.
    TooLarge,
    /// A picture whose pixels cannot be read.
    Undecodable,
    /// The connection failed or ended.
    Link,
    /// The peer did not answer in time.
    Timeout,
    /// The peer refused or reported an error.
    Peer,
    /// Something did not fit into a queue.
    Overflow,
    /// The recorder could not do its work.
    Recorder,
    /// The ledger does not balance.
    Residue,
    /// Our own terminal or process.
    Local,
}

impl FaultKind {
    /// The name in the journal and in recordings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::TooLarge => "too large",
            Self::Undecodable => "undecodable",
            Self::Link => "link",
            Self::Timeout => "timeout",
            Self::Peer => "peer",
            Self::Overflow => "overflow",
            Self::Recorder => "recorder",
            Self::Residue => "residue",
            Self::Local => "local",
        }
    }
}

/// What the recorder is doing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecorderStatus {
    /// Off, writing, finished or failed.
    pub state: RecorderState,
    /// The file's name without its folder.
    pub file: Option<PlainText>,
    /// Which file of the recording it is, from 1; 0 for one that is not made in parts.
    pub part: u32,
    /// What it could not do and tries again, while the recording goes on.
    pub trouble: Option<PlainText>,
    /// When this recording began, monotonic nanoseconds.
    pub began_mono_ns: u64,
    /// Bytes written to its files.
    pub written_bytes: u64,
    /// Messages written, all channels.
    pub messages: u64,
    /// Channels opened.
    pub channels: u32,
    /// Messages the recorder was given and could not write.
    pub not_taken: u64,
    /// Messages waiting in its lane, and their bytes.
    pub waiting: u64,
    /// Bytes waiting in its lane.
    pub waiting_bytes: u64,
    /// Everything received before this is on the disk, monotonic nanoseconds.
    pub durable_mono_ns: u64,
    /// The newest time in the file that is on the disk, Unix nanoseconds as they stand in it;
    /// `None` while nothing is.
    pub durable_unix_ns: Option<u64>,
    /// Free space on its disk, if it could be asked.
    pub free_bytes: Option<u64>,
    /// Pictures are written no more when less than this is free.
    pub reserve_bytes: u64,
    /// What the room on its disk leaves to be written.
    pub disk: DiskRoom,
    /// Since when it is not all, Unix nanoseconds.
    pub disk_since_unix_ns: u64,
    /// Messages that were not written since then for want of room.
    pub disk_missing: u64,
    /// Time from receipt to being written, over the last messages.
    pub latency: super::metrics::Percentiles,
    /// What is kept of the last seconds; `None` if nothing is.
    pub black_box: Option<BlackBoxStatus>,
}

/// The last seconds of everything, kept in memory.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BlackBoxStatus {
    /// How old the oldest item is.
    pub held: Duration,
    /// What is held, by its size in a lane.
    pub held_bytes: u64,
    /// How old an item may become.
    pub most: Duration,
    /// How much may be held.
    pub most_bytes: u64,
    /// Items that came so far, the losses that it tells of included.
    pub taken: u64,
    /// A file is being written.
    pub is_saving: bool,
    /// Files written, or tried, so far.
    pub saves: u64,
    /// How often a rule asked for a file too soon after the one before.
    pub held_back: u64,
    /// The newest file.
    pub last: Option<SavedBlackBox>,
}

/// A file of the last seconds.
#[derive(Clone, Debug, PartialEq)]
pub struct SavedBlackBox {
    /// Where it is.
    pub path: PlainText,
    /// What it was saved for, the first thing first.
    pub because: PlainText,
    /// How much time is in it.
    pub span: Duration,
    /// Its size.
    pub size_bytes: u64,
    /// Items that should be in it and are not.
    pub missing: u64,
    /// Why it could not be written, or not to its end.
    pub trouble: Option<PlainText>,
}

impl SavedBlackBox {
    /// The sentence for people.
    pub fn sentence(&self) -> String {
        let (path, because) = (&self.path, &self.because);
        match &self.trouble {
            Some(why) => format!("black box not saved: {why} (wanted because {because})"),
            None => {
                let missing = match self.missing {
                    0 => String::new(),
                    missing => format!(", {missing} items are missing in it"),
                };
                format!(
                    "black box saved: {path}, {:.1} s, {}{missing}, because {because}",
                    self.span.as_secs_f64(),
                    size_text(self.size_bytes)
                )
            }
        }
    }
}

/// What the recorder is doing, in a word.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RecorderState {
    /// Nothing is being written.
    #[default]
    Off,
    /// Writing.
    Recording,
    /// Stopping: what waits is being written.
    Draining,
    /// The disk takes nothing, because of this. What comes is counted as lost, and the recording
    /// goes on by itself in another file as soon as that can be made.
    Waiting(PlainText),
    /// It ended because of this.
    Failed(PlainText),
}

impl RecorderState {
    /// One word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Recording => "recording",
            Self::Draining => "draining",
            Self::Waiting(_) => "waiting",
            Self::Failed(_) => "failed",
        }
    }

    /// Whether a recording was begun that nobody has ended.
    pub fn is_under_way(&self) -> bool {
        matches!(self, Self::Recording | Self::Waiting(_))
    }
}

/// What is still written while a disk fills: what takes the most room and can best be done without
/// stops first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DiskRoom {
    /// Everything.
    #[default]
    Roomy,
    /// Everything but pictures.
    FramesHeld,
    /// Commands, stops, faults, links and losses.
    OnlyControl,
    /// Nothing.
    Full,
}

impl DiskRoom {
    /// The word in status lines for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Roomy => "roomy",
            Self::FramesHeld => "frames held",
            Self::OnlyControl => "only control",
            Self::Full => "full",
        }
    }

    /// What is not recorded, in words; empty if everything is.
    pub fn withheld(self) -> &'static str {
        match self {
            Self::Roomy => "",
            Self::FramesHeld => "frames not recorded",
            Self::OnlyControl => "only commands, stops, faults and links recorded",
            Self::Full => "nothing recorded",
        }
    }
}
