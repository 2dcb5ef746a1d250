//! One connection to an ImSwitch server, as a viewer sees it.
//!
//! The viewer finds out by itself which of the four dialects the server speaks: the capabilities
//! tell the newest, the form of the first picture tells the others apart.

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
mod tests;

use serde_json::Value;

use super::event::{FrameForm, Incoming, arguments, frame_form, text_argument};
use super::numbers::{Counting, Numbers, Step};
use super::picture::{self, Metadata, PictureError};
use super::readings::{self, Meaning};
use super::signal::{Signal, SignalError};
use crate::model::{
    AckWindow, DropReason, Fault, FaultKind, Frame, LaneKind, Message, Payload, PlainText, Reading,
    Severity, Stamp,
};
use crate::protocol::uc2f::MAX_PIXELS;

/// The version this was written against.
const PROTOCOL_VERSION: &str = "1.0";

/// The wire forms of the server's releases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// Nothing has told yet.
    #[default]
    Unknown,
    /// To 2.1.94: JPEG in JSON signals, nothing to acknowledge.
    Json,
    /// 2.1.95 to 2.1.133: packets alone, what they are follows in a signal.
    Raw,
    /// 2.1.134 to 2.1.141: metadata and packet in one event, acknowledged without a number.
    Pair,
    /// From 2.1.142: MessagePack, pictures numbered and acknowledged by number.
    Modern,
}

impl Dialect {
    /// The name on the screen.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Json => "json",
            Self::Raw => "raw",
            Self::Pair => "pair",
            Self::Modern => "modern",
        }
    }
}

/// What is to be done, in this order.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Hand this on, and wait until it is taken.
    Publish {
        /// When it was received.
        received: Stamp,
        /// What it is.
        payload: Payload,
    },
    /// Count something that could not be used, and tell of it.
    Reject {
        /// The lane it would have travelled in.
        lane: LaneKind,
        /// For the books.
        reason: DropReason,
        /// For people.
        fault: Fault,
    },
    /// Tell of something odd.
    Fault(Fault),
    /// Emit this array, so that the server never runs ahead of our acknowledgements.
    Prime {
        /// The JSON array of the event.
        array: String,
    },
    /// What came before is taken: let the server go on.
    Ack {
        /// The JSON array of the event to emit, if this dialect has one.
        array: Option<String>,
        /// The acknowledgement number to answer with an empty array.
        reply_to: Option<u64>,
    },
    /// The server says that a detector streams, or does no longer.
    Stream {
        /// Which detector.
        detector: PlainText,
        /// Whether pictures are to be expected.
        running: bool,
    },
}

/// The state of one connection. A new connection gets a new viewer: numbers start again.
#[derive(Debug)]
pub struct Viewer {
    max_pixels: u64,
    dialect: Dialect,
    connected: bool,
    primed: bool,
    numbers: Numbers,
    /// Pictures missing before the next one that can be shown.
    lost: u64,
    last_acked: Option<u64>,
    /// A picture of the raw dialect that waits for what is said about it.
    held: Option<Held>,
    /// What was last said in the raw dialect, for pictures about which nothing is.
    last_said: Metadata,
}

#[derive(Debug)]
struct Held {
    received: Stamp,
    frame: Frame,
}

impl Default for Viewer {
    fn default() -> Self {
        Self::new(MAX_PIXELS)
    }
}

impl Viewer {
    /// A viewer before anything was received.
    ///
    /// - `max_pixels`: pictures that claim more are refused
    pub fn new(max_pixels: u64) -> Self {
        Self {
            max_pixels,
            dialect: Dialect::Unknown,
            connected: false,
            primed: false,
            numbers: Numbers::default(),
            lost: 0,
            last_acked: None,
            held: None,
            last_said: Metadata::default(),
        }
    }

    /// The dialect, as far as it is known.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The namespace is connected. The capabilities come before this on the wire, and may be
    /// handed over before or after it.
    pub fn connected(&mut self) -> Vec<Action> {
        self.connected = true;
        self.prime().into_iter().collect()
    }

    /// An event arrived.
    pub fn on_event(&mut self, event: Incoming<'_>) -> Vec<Action> {
        let mut actions = Vec::new();
        match event.name {
            "frame" => self.on_frame(event, &mut actions),
            "signal_msgpack" | "signal" => self.on_signal(event, &mut actions),
            "server_capabilities" => self.on_capabilities(event, &mut actions),
            _ => actions.push(publish(event.received, as_received(event))),
        }
        // Every event that asks is answered, once.
        let answered = actions
            .iter()
            .any(|action| matches!(action, Action::Ack { .. }));
        if event.ack_id.is_some() && !answered {
            actions.push(Action::Ack {
                array: None,
                reply_to: event.ack_id,
            });
        }
        actions
    }

    /// Since when a picture has been waiting for what is said about it. If that does not come
    /// soon, [`Viewer::release`] hands the picture on as it is.
    pub fn holding_since(&self) -> Option<Stamp> {
        self.held.as_ref().map(|held| held.received)
    }

    /// Hands on a picture that waited in vain. To be called at the end of a connection, too.
    pub fn release(&mut self) -> Vec<Action> {
        let mut actions = Vec::new();
        if let Some(mut held) = self.held.take() {
            let said = Metadata {
                detector: self.last_said.detector.clone(),
                ..Metadata::default()
            };
            said.describe(&mut held.frame);
            self.hand_on(held.received, held.frame, &mut actions);
        }
        actions
    }

    /// `count` pictures were received and dropped before they came here, and are counted already.
    pub fn skipped(&mut self, count: u64) {
        self.numbers.skip(count);
    }

    /// The last acknowledgement once more, for a stream that stands still. Harmless.
    pub fn acknowledge_again(&self) -> Option<String> {
        match self.dialect {
            Dialect::Modern => Some(frame_ack(self.last_acked.unwrap_or(255))),
            Dialect::Raw | Dialect::Pair => Some(BARE_ACK.to_owned()),
            Dialect::Unknown | Dialect::Json => None,
        }
    }

    /// The window with `open` pictures received and not yet acknowledged.
    pub fn window(&self, open: u32) -> AckWindow {
        let size = match self.dialect {
            // Four under way in current releases, two in older ones; they do not tell which.
            Dialect::Modern => 4,
            Dialect::Raw | Dialect::Pair => 1,
            Dialect::Unknown | Dialect::Json => 0,
        };
        AckWindow { open, size }
    }

    fn prime(&mut self) -> Option<Action> {
        let due = self.connected && !self.primed && self.dialect == Dialect::Modern;
        due.then(|| {
            self.primed = true;
            Action::Prime {
                array: frame_ack(255),
            }
        })
    }

    fn on_capabilities(&mut self, event: Incoming<'_>, actions: &mut Vec<Action>) {
        let Some(capabilities) = arguments(event.array)
            .ok()
            .and_then(|args| args.into_iter().next())
        else {
            actions.push(publish(event.received, as_received(event)));
            actions.push(Action::Fault(malformed(
                "the server's capabilities cannot be read; going on without",
                event.array,
            )));
            return;
        };
        if capabilities.get("messagepack") == Some(&Value::Bool(true)) {
            self.found(Dialect::Modern, event.received, actions);
        }
        let version = capabilities.get("protocol_version").and_then(Value::as_str);
        if let Some(version) = version {
            let reading = Reading::new("server/protocol_version", version, "");
            actions.push(publish(event.received, Payload::Readings(vec![reading])));
        }
        if let Some(version) = version
            && version != PROTOCOL_VERSION
        {
            let text = format!(
                "the server speaks protocol version {version}, known is {PROTOCOL_VERSION}; going on"
            );
            let fault = Fault::new(FaultKind::Peer, Severity::Warning, text);
            actions.push(Action::Fault(fault));
        }
        actions.extend(self.prime());
    }

    fn on_frame(&mut self, event: Incoming<'_>, actions: &mut Vec<Action>) {
        match frame_form(event) {
            Ok(FrameForm::Modern(message)) => {
                self.found(Dialect::Modern, event.received, actions);
                let (number, picture) = picture::from_msgpack(message, self.max_pixels);
                let number = number.unwrap_or_else(|| self.numbers.expected(Counting::Modulo256));
                let step = self.numbers.enter(number, Counting::Modulo256);
                self.note(step, number, actions);
                self.take(event.received, picture, message, actions);
                // Only ever a number of our own making goes back, in the range the server counts
                // in: text would stop its stream for everybody.
                let number = number & 0xff;
                self.last_acked = Some(number);
                self.primed = true;
                actions.push(Action::Ack {
                    array: Some(frame_ack(number)),
                    reply_to: event.ack_id,
                });
            }
            Ok(FrameForm::Pair(metadata, packet)) => {
                self.found(Dialect::Pair, event.received, actions);
                self.enter_counted(metadata.number, actions);
                let picture = picture::from_packet(packet, Some(&metadata), self.max_pixels);
                self.take(event.received, picture, packet, actions);
                actions.push(bare_ack(event.ack_id));
            }
            Ok(FrameForm::Raw(packet)) => {
                self.found(Dialect::Raw, event.received, actions);
                // The one before goes first, so that no more than one ever waits, and the server
                // is let go on only when the pipeline has taken that.
                actions.extend(self.release());
                match picture::from_packet(packet, None, self.max_pixels) {
                    Ok(frame) => {
                        self.held = Some(Held {
                            received: event.received,
                            frame,
                        });
                    }
                    broken @ Err(_) => self.take(event.received, broken, packet, actions),
                }
                actions.push(bare_ack(event.ack_id));
            }
            Err(error) => {
                let sample = event.attachments.first().unwrap_or(event.array);
                let error = Err(PictureError::Form(error));
                self.take(event.received, error, sample, actions);
                actions.push(self.blind_ack(event.ack_id));
            }
        }
    }

    /// Lets the server go on after a picture of which nothing could be read.
    fn blind_ack(&mut self, reply_to: Option<u64>) -> Action {
        let array = match self.dialect {
            Dialect::Modern => {
                let number = self.numbers.expected(Counting::Modulo256);
                self.numbers.enter(number, Counting::Modulo256);
                self.last_acked = Some(number);
                Some(frame_ack(number))
            }
            Dialect::Unknown | Dialect::Json | Dialect::Raw | Dialect::Pair => {
                Some(BARE_ACK.to_owned())
            }
        };
        Action::Ack { array, reply_to }
    }

    fn on_signal(&mut self, event: Incoming<'_>, actions: &mut Vec<Action>) {
        let signal = if event.name == "signal" {
            text_argument(event.array).and_then(|text| Signal::from_json(&text))
        } else {
            match event.attachments.first() {
                Some(message) => Signal::from_msgpack(message),
                None => Err(SignalError::new("it has no attachment".to_owned())),
            }
        };
        match signal {
            Ok(signal) if signal.name == "frame_meta" => {
                self.on_frame_meta(event, &signal, actions)
            }
            Ok(signal) if signal.old.image.is_some() => self.on_image(event, &signal, actions),
            Ok(signal) => {
                // A signal in MessagePack is as good a sign of the newest dialect as a picture.
                if event.name == "signal_msgpack" {
                    self.found(Dialect::Modern, event.received, actions);
                }
                on_known_or_kept(event.received, signal, actions);
            }
            Err(error) => {
                let sample = event.attachments.first().unwrap_or(event.array);
                let text = format!("a signal was kept unread: {error}");
                // Kept as it came: what cannot be read today may be needed as evidence.
                actions.push(publish(event.received, as_received(event)));
                actions.push(Action::Fault(malformed(text, sample)));
                if self.dialect != Dialect::Modern && holds(event.array, b"\\\"image\\\"") {
                    actions.push(bare_ack(event.ack_id));
                }
            }
        }
    }

    /// A JPEG inside a signal, the older dialects' other way.
    fn on_image(&mut self, event: Incoming<'_>, signal: &Signal, actions: &mut Vec<Action>) {
        let metadata = Metadata::from_signal(&signal.old);
        // Three dialects share this form. Only the oldest does not number its pictures, and only
        // the one after it asks for an answer.
        let dialect = match (self.dialect, event.ack_id, metadata.number) {
            (Dialect::Unknown, Some(_), _) => Dialect::Raw,
            (Dialect::Unknown, None, Some(_)) => Dialect::Pair,
            (Dialect::Unknown, None, None) => Dialect::Json,
            (known, _, _) => known,
        };
        self.found(dialect, event.received, actions);
        self.enter_counted(metadata.number, actions);
        let image = signal.old.image.as_deref().unwrap_or_default();
        let picture = picture::from_base64(image, &metadata);
        self.take(event.received, picture, event.array, actions);
        // Harmless where none is wanted.
        actions.push(bare_ack(event.ack_id));
    }

    /// What belongs to a picture of the raw dialect, found by its time stamp.
    fn on_frame_meta(&mut self, event: Incoming<'_>, signal: &Signal, actions: &mut Vec<Action>) {
        self.found(Dialect::Raw, event.received, actions);
        let said = Metadata::from_signal(&signal.old);
        let belongs =
            |held: &Held| said.timestamp_ns.is_some() && held.frame.device_ns == said.timestamp_ns;
        match self.held.take() {
            Some(mut held) if belongs(&held) => {
                self.enter_counted(said.number, actions);
                said.describe(&mut held.frame);
                self.hand_on(held.received, held.frame, actions);
            }
            other => self.held = other,
        }
        self.last_said = said;
    }

    /// Hands on a picture, or counts it.
    fn take(
        &mut self,
        received: Stamp,
        picture: Result<Frame, PictureError>,
        sample: &[u8],
        actions: &mut Vec<Action>,
    ) {
        match picture {
            Ok(frame) => self.hand_on(received, frame, actions),
            Err(error) => {
                let (reason, kind) = if error.is_too_large() {
                    (DropReason::TooLarge, FaultKind::TooLarge)
                } else {
                    (DropReason::Malformed, FaultKind::Malformed)
                };
                let text = format!("a picture was skipped: {error}");
                actions.push(Action::Reject {
                    lane: LaneKind::Frames,
                    reason,
                    fault: Fault::new(kind, Severity::Error, text).with_sample(sample),
                });
            }
        }
    }

    fn hand_on(&mut self, received: Stamp, mut frame: Frame, actions: &mut Vec<Action>) {
        frame.lost_before = std::mem::take(&mut self.lost);
        actions.push(publish(received, Payload::Frame(frame)));
    }

    fn enter_counted(&mut self, number: Option<u64>, actions: &mut Vec<Action>) {
        if let Some(number) = number {
            let step = self.numbers.enter(number, Counting::Upward);
            self.note(step, number, actions);
        }
    }

    fn note(&mut self, step: Step, number: u64, actions: &mut Vec<Action>) {
        match step {
            Step::Follows => {}
            Step::Gap(missing) => self.lost = self.lost.saturating_add(missing),
            Step::Back { after } => {
                let text = format!("picture {number} came after picture {after}; counting from it");
                let fault = Fault::new(FaultKind::Malformed, Severity::Warning, text);
                actions.push(Action::Fault(fault));
            }
        }
    }

    /// Enters which dialect it is, and tells of it once.
    fn found(&mut self, dialect: Dialect, received: Stamp, actions: &mut Vec<Action>) {
        if self.dialect == dialect {
            return;
        }
        self.dialect = dialect;
        let reading = Reading::new("server/dialect", dialect.as_str(), "");
        actions.push(publish(received, Payload::Readings(vec![reading])));
    }
}

const BARE_ACK: &str = r#"["frame_ack"]"#;

fn frame_ack(number: u64) -> String {
    format!(r#"["frame_ack",{{"frame_id":{number}}}]"#)
}

fn bare_ack(reply_to: Option<u64>) -> Action {
    Action::Ack {
        array: Some(BARE_ACK.to_owned()),
        reply_to,
    }
}

fn publish(received: Stamp, payload: Payload) -> Action {
    Action::Publish { received, payload }
}

fn malformed(text: impl Into<PlainText>, sample: &[u8]) -> Fault {
    Fault::new(FaultKind::Malformed, Severity::Warning, text).with_sample(sample)
}

fn as_received(event: Incoming<'_>) -> Payload {
    Payload::Message(Message {
        name: PlainText::from_peer(event.name),
        json: event.array.clone(),
        attachments: event.attachments.to_vec(),
    })
}

/// Readings if the signal is known and well-formed, else the signal itself.
fn on_known_or_kept(received: Stamp, signal: Signal, actions: &mut Vec<Action>) {
    match readings::meaning(&signal) {
        Some(Meaning::Readings(readings)) => {
            actions.push(publish(received, Payload::Readings(readings)));
        }
        Some(Meaning::Alarm(readings, fault)) => {
            actions.push(publish(received, Payload::Readings(readings)));
            actions.push(Action::Fault(fault));
        }
        Some(Meaning::Stream {
            detector,
            running,
            readings,
        }) => {
            actions.push(publish(received, Payload::Readings(readings)));
            actions.push(Action::Stream { detector, running });
        }
        Some(Meaning::Log(line)) => actions.push(publish(received, Payload::Log(line))),
        None => {
            let message = Message {
                name: PlainText::from_peer(&signal.name),
                json: signal.args.to_string().into(),
                attachments: signal.attachments,
            };
            actions.push(publish(received, Payload::Message(message)));
        }
    }
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
