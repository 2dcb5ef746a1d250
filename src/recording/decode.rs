//! From the records of a file back to what a source said.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use prost::Message as _;

use super::foxglove::{self, CompressedImage, Level, Log, RawImage};
use super::reader::{RecordedChannel, RecordedMessage};
use super::records::{
    FaultRecord, FrameRecord, LinkRecord, LossRecord, MessageRecord, ReadingsRecord, special_value,
};
use super::session::Session;
use crate::model::{
    Compression, DropReason, EndReason, Fault, FaultKind, Frame, FrameEncoding, LaneKind,
    LinkState, LogLine, Loss, Message, Payload, PlainText, Reading, Severity, Stamp, Value,
};

mod control;
mod fleet;
mod market;

/// Something a source said, read from a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Played {
    /// The source's place in the recording's session.
    pub source: usize,
    /// When it was received, Unix nanoseconds.
    pub received_ns: u64,
    /// What it said.
    pub payload: Payload,
}

/// Turns messages of a recording into payloads again, in file order.
#[derive(Debug)]
pub struct Decoder {
    session: Session,
    moments: Moments,
    /// By channel source and camera: what stands before the picture it belongs to.
    frames: BTreeMap<(usize, String), (u64, FrameParts)>,
    units: Units,
}

/// What is kept of a frame record until its picture comes.
#[derive(Debug)]
struct FrameParts {
    detector: PlainText,
    number: Option<u64>,
    width_px: Option<u32>,
    height_px: Option<u32>,
    pixel_size_um: Option<f64>,
    subsampling: u32,
    bit_depth: Option<u8>,
    device_ns: Option<u64>,
    lost_before: u64,
}

/// Where recorded wall-clock times lie on our own clocks.
#[derive(Clone, Copy, Debug)]
struct Moments {
    started_ns: u64,
    began_mono_ns: u64,
}

impl Moments {
    /// The stamp of a recorded time. What was before the recording keeps its distance as far as
    /// the monotonic clock reaches back.
    fn at(self, unix_ns: u64) -> Stamp {
        let mono_ns = match unix_ns.checked_sub(self.started_ns) {
            Some(since_ns) => self.began_mono_ns.saturating_add(since_ns),
            None => self
                .began_mono_ns
                .saturating_sub(self.started_ns.saturating_sub(unix_ns)),
        };
        Stamp { mono_ns, unix_ns }
    }
}

impl Decoder {
    /// A decoder for the recording with this session record.
    pub fn new(session: Session) -> Self {
        let moments = Moments {
            started_ns: session.started_unix_ns,
            began_mono_ns: 0,
        };
        Self {
            session,
            moments,
            frames: BTreeMap::new(),
            units: Units::default(),
        }
    }

    /// The beginning of the recording is this moment of the monotonic clock: stamps inside what is
    /// said are counted from it. Zero unless it is set.
    pub fn beginning_at(mut self, mono_ns: u64) -> Self {
        self.moments.began_mono_ns = mono_ns;
        self
    }

    /// The moment `unix_ns` of the recording is this moment of the monotonic clock, from now on.
    pub fn set_moment(&mut self, unix_ns: u64, mono_ns: u64) {
        self.moments = Moments {
            started_ns: unix_ns,
            began_mono_ns: mono_ns,
        };
    }

    /// What the message says; `Ok(None)` if it is no message of a source or only a part of one.
    ///
    /// # Errors
    /// What is wrong with it. The next message can be decoded all the same.
    pub fn decode(&mut self, message: &RecordedMessage) -> Result<Option<Played>, String> {
        let wrong = |detail: String| format!("{}: {detail}", message.channel.topic);
        let metadata = &message.channel.metadata;
        if message.channel.topic == OWN_LOSS {
            return self.own_loss(message).map_err(wrong);
        }
        if message.channel.topic == "/ttyscope/fault" && !self.session.sources.is_empty() {
            // The recorder's own: it is nobody's, and the first source is always there to tell it.
            return Ok(Some(Played {
                source: 0,
                received_ns: message.log_time_ns,
                payload: fault(message).map_err(wrong)?,
            }));
        }
        let source = metadata
            .get("source_index")
            .and_then(|index| index.parse::<usize>().ok())
            .filter(|index| *index < self.session.sources.len());
        let Some(source) = source else {
            return Ok(None);
        };
        let camera = metadata.get("camera").cloned().unwrap_or_default();
        let payload = match message.channel.schema.as_str() {
            "ttyscope.Frame" => {
                let parts = frame_parts(&message.data).map_err(wrong)?;
                self.frames
                    .insert((source, camera), (message.log_time_ns, parts));
                return Ok(None);
            }
            "foxglove.RawImage" | "foxglove.CompressedImage" => {
                let parts = self
                    .frames
                    .remove(&(source, camera))
                    .filter(|(log_time_ns, _)| *log_time_ns == message.log_time_ns)
                    .map(|(_, parts)| parts);
                if message.channel.schema == "foxglove.RawImage" {
                    raw_frame(message, parts)
                } else {
                    jpeg_frame(message, parts)
                }
            }
            "foxglove.Log" => log_line(message),
            "ttyscope.Readings" => self.readings(message),
            "ttyscope.Message" => event(message),
            "ttyscope.Link" => link(message),
            "ttyscope.Fault" => fault(message),
            "ttyscope.Loss" => loss(message).map(|(_, loss)| Payload::Loss(loss)),
            "ttyscope.Instrument" => control::instrument(&message.data),
            "ttyscope.Command" => control::command(&message.data),
            "ttyscope.Stop" => control::stop(&message.data),
            "ttyscope.Book" => market::book(&message.data),
            "ttyscope.Trade" => market::trade(&message.data),
            "ttyscope.Feed" => market::feed(&message.data, self.moments),
            "ttyscope.Fleet" => fleet::fleet(&message.data, self.moments),
            "ttyscope.Rows" => fleet::rows(&message.data),
            _ => return Ok(None),
        };
        Ok(Some(Played {
            source,
            received_ns: message.log_time_ns,
            payload: payload.map_err(wrong)?,
        }))
    }

    fn own_loss(&self, message: &RecordedMessage) -> Result<Option<Played>, String> {
        let (name, loss) = loss(message)?;
        let source = self
            .session
            .sources
            .iter()
            .position(|source| Some(source.name.as_str()) == name.as_deref());
        Ok(source.map(|source| Played {
            source,
            received_ns: message.log_time_ns,
            payload: Payload::Loss(loss),
        }))
    }

    fn readings(&mut self, message: &RecordedMessage) -> Result<Payload, String> {
        let record: ReadingsRecord<'_> = json(&message.data)?;
        let readings = record
            .readings
            .into_iter()
            .map(|reading| Reading {
                name: PlainText::from_peer(&reading.name),
                value: match reading.special {
                    Some(name) => Value::Float(special_value(&name)),
                    None => reading.value.0,
                },
                unit: self.units.of(&reading.unit),
            })
            .collect();
        Ok(Payload::Readings(readings))
    }
}

/// Whether the messages of a channel are what a source said, each of them.
pub fn is_said(channel: &RecordedChannel) -> bool {
    let is_of_a_source = channel.metadata.contains_key("source_index");
    match channel.schema.as_str() {
        // It belongs to the picture behind it.
        "ttyscope.Frame" => false,
        "ttyscope.Loss" if channel.topic == OWN_LOSS => true,
        schema => is_of_a_source && SAID.contains(&schema),
    }
}

/// The losses that the recorder itself has counted, of all sources.
const OWN_LOSS: &str = "/ttyscope/loss";

const SAID: [&str; 16] = [
    "foxglove.RawImage",
    "foxglove.CompressedImage",
    "foxglove.Log",
    "ttyscope.Readings",
    "ttyscope.Message",
    "ttyscope.Link",
    "ttyscope.Fault",
    "ttyscope.Loss",
    "ttyscope.Instrument",
    "ttyscope.Command",
    "ttyscope.Stop",
    "ttyscope.Book",
    "ttyscope.Trade",
    "ttyscope.Feed",
    "ttyscope.Fleet",
    "ttyscope.Rows",
];

/// Since when the state that a message tells of was there already, if it was there before its file
/// was begun, Unix nanoseconds. Of several values the earliest.
pub fn held_since(message: &RecordedMessage) -> Option<u64> {
    #[derive(serde::Deserialize)]
    struct Held {
        since_ns: Option<u64>,
        #[serde(default)]
        readings: Vec<HeldReading>,
    }
    #[derive(serde::Deserialize)]
    struct HeldReading {
        since_ns: Option<u64>,
    }
    if !message.channel.schema.starts_with("ttyscope.") {
        return None;
    }
    let held: Held = serde_json::from_slice(&message.data).ok()?;
    let of_readings = held.readings.iter().filter_map(|reading| reading.since_ns);
    held.since_ns.or_else(|| of_readings.min())
}

fn json<'a, T: serde::Deserialize<'a>>(data: &'a [u8]) -> Result<T, String> {
    serde_json::from_slice(data).map_err(|error| error.to_string())
}

fn frame_parts(data: &[u8]) -> Result<FrameParts, String> {
    let record: FrameRecord<'_> = json(data)?;
    Ok(FrameParts {
        detector: PlainText::from_peer(&record.detector),
        number: record.number,
        width_px: record.width_px,
        height_px: record.height_px,
        pixel_size_um: record.pixel_size_um,
        subsampling: record.subsampling,
        bit_depth: record.bit_depth,
        device_ns: record.device_ns,
        lost_before: record.lost_before,
    })
}

fn raw_frame(message: &RecordedMessage, parts: Option<FrameParts>) -> Result<Payload, String> {
    let image = RawImage::decode(message.data.clone()).map_err(|error| error.to_string())?;
    let encoding = match image.encoding.as_str() {
        "mono8" => FrameEncoding::Mono8,
        "mono16" => FrameEncoding::Mono16(Compression::None),
        "rgb8" => FrameEncoding::Rgb8,
        "yuyv" | "yuv422_yuy2" => FrameEncoding::Yuyv,
        "nv12" => FrameEncoding::Nv12,
        other => return Err(format!("a picture in \"{}\"", PlainText::from_peer(other))),
    };
    let mut frame = frame(parts, &image.frame_id, encoding, image.data);
    frame.width_px = Some(image.width);
    frame.height_px = Some(image.height);
    Ok(Payload::Frame(frame))
}

fn jpeg_frame(message: &RecordedMessage, parts: Option<FrameParts>) -> Result<Payload, String> {
    let image = CompressedImage::decode(message.data.clone()).map_err(|error| error.to_string())?;
    if image.format != "jpeg" {
        let format = PlainText::from_peer(&image.format);
        return Err(format!("a picture in \"{format}\""));
    }
    let frame = frame(parts, &image.frame_id, FrameEncoding::Jpeg, image.data);
    Ok(Payload::Frame(frame))
}

fn frame(parts: Option<FrameParts>, frame_id: &str, encoding: FrameEncoding, body: Bytes) -> Frame {
    // The record before the picture may be lost with a damaged chunk.
    let parts = parts.unwrap_or_else(|| FrameParts {
        detector: PlainText::from_peer(frame_id),
        number: None,
        width_px: None,
        height_px: None,
        pixel_size_um: None,
        subsampling: 1,
        bit_depth: None,
        device_ns: None,
        lost_before: 0,
    });
    Frame {
        detector: parts.detector,
        number: parts.number,
        width_px: parts.width_px,
        height_px: parts.height_px,
        encoding,
        body,
        pixel_size_um: parts.pixel_size_um,
        subsampling: parts.subsampling,
        bit_depth: parts.bit_depth,
        device_ns: parts.device_ns,
        lost_before: parts.lost_before,
    }
}

fn log_line(message: &RecordedMessage) -> Result<Payload, String> {
    let log = Log::decode(message.data.clone()).map_err(|error| error.to_string())?;
    let level = Level::try_from(log.level).unwrap_or(Level::Unknown);
    Ok(Payload::Log(LogLine {
        severity: foxglove::severity_of(level),
        origin: PlainText::from_peer(&log.name),
        text: PlainText::from_peer(&log.message),
    }))
}

fn event(message: &RecordedMessage) -> Result<Payload, String> {
    let record: MessageRecord<'_> = json(&message.data)?;
    let json = match (record.args, record.raw_base64) {
        (Some(args), _) => message.data.slice_ref(args.get().as_bytes()),
        (None, Some(raw)) => owned(raw.0),
        // As an argument, `null` looks like none.
        (None, None) => Bytes::from_static(b"null"),
    };
    Ok(Payload::Message(Message {
        name: PlainText::from_peer(&record.name),
        json,
        attachments: record
            .attachments_base64
            .into_iter()
            .map(|attachment| owned(attachment.0))
            .collect(),
    }))
}

fn owned(bytes: Cow<'_, [u8]>) -> Bytes {
    Bytes::from(bytes.into_owned())
}

fn link(message: &RecordedMessage) -> Result<Payload, String> {
    let record: LinkRecord<'_> = json(&message.data)?;
    let plain = |text: Option<Cow<'_, str>>| PlainText::from_peer(&text.unwrap_or_default());
    let state = match &*record.state {
        "connecting" => LinkState::Connecting {
            attempt: record.attempt.unwrap_or(1),
        },
        "connected" => LinkState::Connected,
        "live" => LinkState::Live,
        "ended" => LinkState::Ended,
        "stale" => LinkState::Stale {
            missing: plain(record.missing),
        },
        "down" => {
            let reason = record.reason.unwrap_or_default();
            LinkState::Down {
                reason: find(&END_REASONS, EndReason::as_str, &reason)?,
                detail: plain(record.detail),
                retry_in: record.retry_in_ns.map(Duration::from_nanos),
            }
        }
        other => return Err(unknown(other)),
    };
    Ok(Payload::Link(state))
}

fn fault(message: &RecordedMessage) -> Result<Payload, String> {
    let record: FaultRecord<'_> = json(&message.data)?;
    Ok(Payload::Fault(Fault {
        kind: find(&FAULT_KINDS, FaultKind::as_str, &record.kind)?,
        severity: find(&SEVERITIES, Severity::as_str, &record.severity)?,
        text: PlainText::from_peer(&record.text),
        sample: owned(record.sample_base64.0),
    }))
}

fn loss(message: &RecordedMessage) -> Result<(Option<String>, Loss), String> {
    let record: LossRecord<'_> = json(&message.data)?;
    let loss = Loss {
        lane: find(&LaneKind::ALL, LaneKind::as_str, &record.lane)?,
        reason: find(&DropReason::ALL, DropReason::as_str, &record.reason)?,
        count: record.count,
    };
    Ok((record.source.map(Cow::into_owned), loss))
}

const END_REASONS: [EndReason; 7] = [
    EndReason::ServerDisconnect,
    EndReason::ClientDisconnect,
    EndReason::PingTimeout,
    EndReason::TransportClose,
    EndReason::TransportError,
    EndReason::Refused,
    EndReason::HandshakeFailed,
];

const FAULT_KINDS: [FaultKind; 10] = [
    FaultKind::Malformed,
    FaultKind::TooLarge,
    FaultKind::Undecodable,
    FaultKind::Link,
    FaultKind::Timeout,
    FaultKind::Peer,
    FaultKind::Overflow,
    FaultKind::Recorder,
    FaultKind::Residue,
    FaultKind::Local,
];

const SEVERITIES: [Severity; 4] = [
    Severity::Debug,
    Severity::Info,
    Severity::Warning,
    Severity::Error,
];

fn find<T: Copy>(all: &[T], name_of: fn(T) -> &'static str, name: &str) -> Result<T, String> {
    all.iter()
        .copied()
        .find(|item| name_of(*item) == name)
        .ok_or_else(|| unknown(name))
}

fn unknown(word: &str) -> String {
    format!("\"{}\" is not known", PlainText::from_peer(word))
}

/// Units are static text in the model. Those that the sources use are known here; others are made
/// static once each, up to a bound that no real recording reaches.
#[derive(Debug, Default)]
struct Units {
    learned: Vec<&'static str>,
}

impl Units {
    const KNOWN: [&'static str; 19] = [
        "", "um", "mm", "nm", "ms", "us", "s", "1/s", "fps", "Hz", "px", "%", "mW", "V", "mA",
        "°C", "B", "B/s", "MB/s",
    ];
    const MAX_LEARNED: usize = 64;
    const MAX_LEN: usize = 16;

    fn of(&mut self, unit: &str) -> &'static str {
        let known = Self::KNOWN.iter().chain(&self.learned);
        if let Some(same) = known.copied().find(|known| *known == unit) {
            return same;
        }
        if self.learned.len() >= Self::MAX_LEARNED || unit.len() > Self::MAX_LEN {
            return "";
        }
        let unit: &'static str = crate::model::text::printable(unit).into_owned().leak();
        self.learned.push(unit);
        unit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_keep_their_text_within_bounds() {
        let mut units = Units::default();
        assert_eq!(units.of("um"), "um");
        assert_eq!(units.of("counts"), "counts");
        assert_eq!(units.of("\u{1b}[2J"), "␛[2J");
        assert_eq!(units.of("a unit far too long to be one"), "");
        for n in 0..200 {
            units.of(&format!("u{n}"));
        }
        assert_eq!(units.learned.len(), Units::MAX_LEARNED);
    }
}
