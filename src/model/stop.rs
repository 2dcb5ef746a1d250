//! The stop: what was pressed, what was sent, and what came back.

use std::fmt;

use super::text::PlainText;

/// How much a stop ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StopLevel {
    /// All motion.
    Halt,
    /// All motion, all light and every workflow.
    Safe,
}

impl StopLevel {
    /// The word on the screen, in the audit log and in recordings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Halt => "halt",
            Self::Safe => "safe",
        }
    }

    /// The level of that word.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Halt, Self::Safe]
            .into_iter()
            .find(|level| level.as_str() == name)
    }
}

/// Who pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StopOrigin {
    /// The keyboard of this terminal.
    Key,
    /// SIGUSR1.
    Signal,
    /// `ttyscope stop` from outside.
    Outside,
    /// The end of the program, where the configuration wants it.
    Exit,
}

impl StopOrigin {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Key, Self::Signal, Self::Outside, Self::Exit];

    /// The word in the audit log and in recordings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Signal => "signal",
            Self::Outside => "outside",
            Self::Exit => "exit",
        }
    }

    /// The origin of that word.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == name)
    }
}

/// One press.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StopPress {
    /// Which press of this run, counting from 1.
    pub number: u64,
    /// What it ends.
    pub level: StopLevel,
    /// Who pressed.
    pub origin: StopOrigin,
    /// When, on the process's monotonic clock.
    pub mono_ns: u64,
}

/// What an instrument's stop path says.
#[derive(Clone, Debug, PartialEq)]
pub enum StopEvent {
    /// How the way stands on which a stop would go.
    Path(StopPath),
    /// What became of a press.
    Report(StopReport),
}

/// The way that a stop would take.
#[derive(Clone, Debug, PartialEq)]
pub enum StopPath {
    /// Nothing is known yet.
    Opening,
    /// Connected and answering.
    Ready {
        /// How long the last question took.
        round_trip_ns: u64,
    },
    /// It would not work now. An alarm.
    Down {
        /// Why.
        why: PlainText,
    },
}

/// What became of a press at one instrument.
#[derive(Clone, Debug, PartialEq)]
pub struct StopReport {
    /// The press.
    pub press: StopPress,
    /// How far it has come.
    pub state: StopState,
    /// What else there is to say.
    pub detail: Option<PlainText>,
}

/// How far a press has come at one instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopState {
    /// The bytes were handed to the connection.
    Sent {
        /// How long after the press.
        after_ns: u64,
    },
    /// The instrument has answered that it stops.
    Acknowledged {
        /// How long after the press.
        after_ns: u64,
    },
    /// Sent, and no answer came in time: assume that it is still moving.
    NoAnswer,
    /// It could not be sent: assume that it is still moving.
    NotSent,
    /// The instrument answered that it does not stop.
    Refused,
}

impl StopState {
    /// The word in the audit log and in recordings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sent { .. } => "sent",
            Self::Acknowledged { .. } => "acknowledged",
            Self::NoAnswer => "no answer",
            Self::NotSent => "not sent",
            Self::Refused => "refused",
        }
    }

    /// Whether one has to assume that the instrument is still moving.
    pub fn is_alarm(self) -> bool {
        matches!(self, Self::NoAnswer | Self::NotSent | Self::Refused)
    }
}

impl fmt::Display for StopState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |ns: u64| ns as f64 / 1e6;
        match self {
            Self::Sent { after_ns } => write!(f, "sent after {:.1} ms", ms(*after_ns)),
            Self::Acknowledged { after_ns } => {
                write!(f, "acknowledged after {:.1} ms", ms(*after_ns))
            }
            Self::NoAnswer => f.write_str("no answer: assume it is still moving"),
            Self::NotSent => f.write_str("not sent: assume it is still moving"),
            Self::Refused => f.write_str("refused: assume it is still moving"),
        }
    }
}
