//! What sources say: one [`Sample`] at a time, every kind of it in one closed [`Payload`].

use std::sync::Arc;

use bytes::Bytes;

use super::command::CommandReport;
use super::fleet::Fleet;
use super::frame::{CameraKey, Frame};
use super::instrument::Instrument;
use super::ledger::{DropReason, LaneKind};
use super::market::{BookView, FeedHealth};
use super::order_book::{BookEvent, BookId, Trade};
use super::rows::Rows;
use super::stamp::Stamp;
use super::status::{Fault, LinkState, Severity};
use super::stop::StopEvent;
use super::text::PlainText;

/// A source's place in the list of sources of this run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceId(pub u16);

/// What is known of a source before it says anything.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceInfo {
    /// Its index in the list.
    pub id: SourceId,
    /// Short unique name, as written in the configuration.
    pub name: PlainText,
    /// Where it is, without secrets: for people.
    pub address: PlainText,
    /// Whether what it says is real.
    pub origin: Origin,
    /// A caution that stays on the screen as long as the source does, e.g. "TLS NOT VERIFIED".
    pub caution: Option<PlainText>,
}

/// Whether what a source says is real. Written on every screen unless it is [`Origin::Live`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// A real instrument or server.
    Live,
    /// One of our own simulators.
    Simulated,
    /// Played from a file.
    Replay,
}

/// One thing a source said.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Who said it.
    pub source: SourceId,
    /// When it was received.
    pub received: Stamp,
    /// What.
    pub payload: Payload,
}

/// The host name that our simulators answer with, so that one started elsewhere is known too.
pub const SIMULATOR_HOSTNAME: &str = "ttyscope-simulator";

impl Payload {
    /// Whether this gives the peer away as one of our simulators.
    pub fn tells_simulated(&self) -> bool {
        let Self::Readings(readings) = self else {
            return false;
        };
        readings.iter().any(|reading| {
            &*reading.name == "server/hostname"
                && matches!(&reading.value, Value::Text(name) if name.starts_with(SIMULATOR_HOSTNAME))
        })
    }
}

/// Everything a source can say.
#[derive(Clone, Debug, PartialEq)]
pub enum Payload {
    /// A camera picture.
    Frame(Frame),
    /// Values of the instrument; each replaces the earlier one of its name.
    Readings(Vec<Reading>),
    /// A named event with its arguments, kept as it was received.
    Message(Message),
    /// A line of the peer's own log.
    Log(LogLine),
    /// The state of the connection changed.
    Link(LinkState),
    /// Something went wrong and is worth showing.
    Fault(Fault),
    /// Something is missing from here on.
    Loss(Loss),
    /// The state of an instrument that can be commanded; replaces the one before.
    Instrument(Arc<Instrument>),
    /// A command came to another state.
    Command(Arc<CommandReport>),
    /// The stop path, or what became of a stop.
    Stop(StopEvent),
    /// A change of an order book. The screen sees it folded into the next view.
    BookEvent(Arc<BookEvent>),
    /// An order book as it is now; replaces the view before. Not recorded: the events are.
    Book(Arc<BookView>),
    /// Somebody bought and somebody sold.
    Trade(Arc<Trade>),
    /// How a venue's connections stand; replaces what was said before.
    Feed(Arc<FeedHealth>),
    /// Everything known of a fleet; replaces what was known before.
    Fleet(Arc<Fleet>),
    /// Rows of a live table.
    Rows(Arc<Rows>),
}

impl Payload {
    /// The lane it travels in.
    pub fn lane(&self) -> LaneKind {
        match self {
            Self::Link(_) | Self::Fault(_) | Self::Loss(_) | Self::Command(_) | Self::Stop(_) => {
                LaneKind::Control
            }
            Self::Readings(_)
            | Self::Message(_)
            | Self::Log(_)
            | Self::Instrument(_)
            | Self::Trade(_)
            | Self::Feed(_)
            | Self::Fleet(_)
            | Self::Rows(_) => LaneKind::Samples,
            Self::BookEvent(_) | Self::Book(_) => LaneKind::Books,
            Self::Frame(_) => LaneKind::Frames,
        }
    }

    /// Whether it is a state that holds until the next of its kind, so that a recording begun later
    /// has to start with it.
    pub fn is_latched(&self) -> bool {
        matches!(
            self,
            Self::Link(_)
                | Self::Readings(_)
                | Self::Instrument(_)
                | Self::Stop(StopEvent::Path(_))
                | Self::BookEvent(_)
                | Self::Feed(_)
                | Self::Fleet(_)
                | Self::Rows(_)
        )
    }

    /// Whether it only sums up what has arrived: it is handed on like everything else, but says
    /// nothing of how much or when a peer has sent.
    pub fn is_summary(&self) -> bool {
        matches!(
            self,
            Self::Book(_) | Self::Feed(_) | Self::Fleet(_) | Self::Rows(_)
        )
    }

    /// Whether it is written down at all. A view is not: the events it was made of are.
    pub fn is_evidence(&self) -> bool {
        !matches!(self, Self::Book(_))
    }

    /// What it costs in a lane that is bounded in bytes: what it holds plus a fixed overhead.
    pub fn size_bytes(&self) -> usize {
        const OVERHEAD: usize = 256;
        OVERHEAD
            + match self {
                Self::Frame(frame) => frame.body.len(),
                Self::Readings(readings) => readings.len() * 96,
                Self::Message(message) => {
                    message.json.len() + message.attachments.iter().map(Bytes::len).sum::<usize>()
                }
                Self::Log(line) => line.text.len(),
                Self::Link(_) | Self::Loss(_) | Self::Stop(_) => 0,
                Self::Instrument(instrument) => {
                    let parts =
                        instrument.axes.len() + instrument.lights.len() + instrument.cameras.len();
                    let controls = instrument
                        .cameras
                        .iter()
                        .map(|camera| camera.controls.len());
                    (parts + controls.sum::<usize>()) * 128
                }
                Self::Command(report) => {
                    report.command.len() + (report.before.len() + report.after.len()) * 64
                }
                Self::Fault(fault) => fault.sample.len(),
                Self::BookEvent(event) => (event.bids.len() + event.asks.len()) * 32,
                Self::Book(view) => (view.bids.len() + view.asks.len()) * 32,
                Self::Trade(_) | Self::Feed(_) => 0,
                Self::Fleet(fleet) => fleet.workers.as_ref().map_or(0, Vec::len) * 256,
                Self::Rows(rows) => {
                    let cells = rows.rows.iter().map(|row| row.cells.len());
                    cells.sum::<usize>() * 96
                }
            }
    }
}

impl Sample {
    /// The camera this is a picture of, if it is one.
    pub fn camera(&self) -> Option<CameraKey> {
        match &self.payload {
            Payload::Frame(frame) => Some(CameraKey {
                source: self.source,
                detector: frame.detector.clone(),
            }),
            _ => None,
        }
    }

    /// The book this is a view of, if it is one.
    pub fn view_of(&self) -> Option<&BookId> {
        match &self.payload {
            Payload::Book(view) => Some(&view.book),
            _ => None,
        }
    }
}

/// One value of an instrument, e.g. `stage/VirtualStage/X = 100.0 um`.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// Path of the value inside its source, segments joined by `/`.
    pub name: PlainText,
    /// The value.
    pub value: Value,
    /// Its unit as printed (`um`, `ms`, `1/s`), empty if it has none.
    pub unit: &'static str,
}

impl Reading {
    /// A reading of `value` in `unit`.
    pub fn new(name: impl Into<PlainText>, value: impl Into<Value>, unit: &'static str) -> Self {
        Self {
            name: name.into(),
            value: value.into(),
            unit,
        }
    }
}

/// The value of a reading.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A measured number.
    Float(f64),
    /// A count or a code.
    Int(i64),
    /// On or off.
    Bool(bool),
    /// Anything else, printable.
    Text(PlainText),
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(PlainText::from_peer(value))
    }
}

impl From<PlainText> for Value {
    fn from(value: PlainText) -> Self {
        Self::Text(value)
    }
}

/// A named event of a peer, kept whole: this is evidence.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// The event's name, printable.
    pub name: PlainText,
    /// Its arguments as one JSON value, in UTF-8. Attachments stand in it as the wire's
    /// placeholder objects, `{"_placeholder":true,"num":n}`.
    pub json: Bytes,
    /// Binary attachments, by placeholder number.
    pub attachments: Vec<Bytes>,
}

/// A line of a log, the peer's or our own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// How bad it is.
    pub severity: Severity,
    /// Who wrote it, e.g. `sigLog`.
    pub origin: PlainText,
    /// What it says.
    pub text: PlainText,
}

/// Something that was received and is not where it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// The lane it travelled in.
    pub lane: LaneKind,
    /// Why it was lost.
    pub reason: DropReason,
    /// How many items since the last loss record of this lane and reason.
    pub count: u64,
}
