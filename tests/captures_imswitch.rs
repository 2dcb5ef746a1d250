//! Recorded ImSwitch sessions decode to exactly what their index says, however they are cut.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use bytes::Bytes;
use proptest::prelude::*;
use serde_json::Value;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocket, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error as WsError, Message as WsMessage};
use ttyscope::imaging::unpack;
use ttyscope::model::{Frame, FrameEncoding, Payload, Reading, Stamp, Value as ReadingValue};
use ttyscope::protocol::engineio::{Revision, WireMessage};
use ttyscope::protocol::imswitch::rest::{self, RestError, StartAnswer};
use ttyscope::protocol::imswitch::{Action, Dialect, Incoming, JpegHeader, Signal, Viewer};
use ttyscope::protocol::socketio::{Event, Limits, Output, Session, Wanted};
use ttyscope::protocol::uc2f::{MAX_PIXELS, Packet};

// ---------------------------------------------------------------------------- reading sessions

/// One WebSocket message of a session.
#[derive(Clone, Debug)]
struct Line {
    at: Stamp,
    received: bool,
    text: bool,
    body: Bytes,
}

impl Line {
    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

fn read_session(path: &Path) -> Vec<Line> {
    support::captures::read_text(path)
        .lines()
        .map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            let payload = line["payload"].as_str().unwrap();
            let text = line["kind"] == "text";
            Line {
                at: stamp(line["t_ns"].as_u64().unwrap()),
                received: line["dir"] == "rx",
                text,
                body: if text {
                    Bytes::copy_from_slice(payload.as_bytes())
                } else {
                    base64::prelude::BASE64_STANDARD
                        .decode(payload)
                        .unwrap()
                        .into()
                },
            }
        })
        .collect()
}

fn stamp(ns: u64) -> Stamp {
    Stamp {
        mono_ns: ns,
        unix_ns: ns,
    }
}

/// The sessions and what the index says of each.
fn sessions() -> Vec<(PathBuf, Value)> {
    let Some(dir) = support::captures::folder("imswitch") else {
        return Vec::new();
    };
    let index = support::captures::read_text(&dir.join("index.json"));
    let index: BTreeMap<String, Value> = serde_json::from_str(&index).unwrap();
    index
        .into_iter()
        .map(|(file, said)| (dir.join(file), said))
        .collect()
}

fn vectors() -> Option<Value> {
    let dir = support::captures::folder("imswitch")?;
    let text = support::captures::read_text(&dir.join("vectors.json"));
    Some(serde_json::from_str(&text).unwrap())
}

// ------------------------------------------------------------------------------ running them

/// What a session led to.
#[derive(Debug, Default, PartialEq)]
struct Outcome {
    payloads: Vec<(Stamp, Payload)>,
    /// Rejects and faults, as text.
    troubles: Vec<String>,
    prime: Vec<String>,
    /// Acknowledgements as they go over the wire.
    acks: Vec<String>,
    events: BTreeMap<String, u64>,
    signals: BTreeMap<String, u64>,
    connects: u64,
    pongs: u64,
    dialect: Dialect,
}

impl Outcome {
    fn frames(&self) -> impl Iterator<Item = &Frame> {
        self.payloads
            .iter()
            .filter_map(|(_, payload)| match payload {
                Payload::Frame(frame) => Some(frame),
                _ => None,
            })
    }

    /// The last value of each reading.
    fn readings(&self) -> BTreeMap<String, ReadingValue> {
        let all = self
            .payloads
            .iter()
            .filter_map(|(_, payload)| match payload {
                Payload::Readings(readings) => Some(readings),
                _ => None,
            });
        all.flatten()
            .map(|Reading { name, value, .. }| (name.to_string(), value.clone()))
            .collect()
    }
}

/// A connection: the Socket.IO session and the viewer on top of it.
struct Connection {
    session: Session,
    viewer: Viewer,
    outcome: Outcome,
    /// Every event, for tests that change them.
    seen: Vec<Event>,
}

impl Connection {
    fn new() -> Self {
        Self {
            session: Session::new(
                Revision::V4,
                Limits::default(),
                vec![Wanted::new("/")],
                Stamp::default(),
            ),
            viewer: Viewer::default(),
            outcome: Outcome::default(),
            seen: Vec::new(),
        }
    }

    fn receive(&mut self, text: bool, body: Bytes, at: Stamp) {
        if text {
            self.session.on_text(body, at);
        } else {
            self.session.on_binary(body, at);
        }
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Send(WireMessage::Text(text)) if text == "3" => self.outcome.pongs += 1,
                Output::Connected { .. } => {
                    self.outcome.connects += 1;
                    let actions = self.viewer.connected();
                    self.carry_out(actions);
                }
                Output::Event(event) => self.event(event),
                Output::Fault(fault) => self.outcome.troubles.push(fault.text.to_string()),
                Output::Rejected { fault, .. } => {
                    self.outcome.troubles.push(fault.text.to_string());
                }
                Output::Ended { detail, .. } => self.outcome.troubles.push(detail),
                _ => {}
            }
        }
    }

    fn event(&mut self, event: Event) {
        *self.outcome.events.entry(event.name.clone()).or_default() += 1;
        let signal = match event.name.as_str() {
            "signal_msgpack" => Some(Signal::from_msgpack(&event.attachments[0]).unwrap()),
            "signal" => {
                let (_, text): (String, String) = serde_json::from_slice(&event.array).unwrap();
                Some(Signal::from_json(&text).unwrap())
            }
            _ => None,
        };
        if let Some(signal) = signal {
            *self.outcome.signals.entry(signal.name).or_default() += 1;
        }
        let actions = self.viewer.on_event(incoming(&event));
        self.carry_out(actions);
        self.seen.push(event);
    }

    fn carry_out(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Publish { received, payload } => {
                    self.outcome.payloads.push((received, payload));
                }
                Action::Reject { fault, .. } | Action::Fault(fault) => {
                    self.outcome.troubles.push(fault.text.to_string());
                }
                Action::Prime { array } => self.outcome.prime.push(format!("42{array}")),
                Action::Ack { array, reply_to } => {
                    self.outcome
                        .acks
                        .extend(array.map(|array| format!("42{array}")));
                    self.outcome
                        .acks
                        .extend(reply_to.map(|id| format!("43{id}[]")));
                }
                Action::Stream { .. } => {}
            }
        }
    }

    fn finish(mut self) -> Outcome {
        let actions = self.viewer.release();
        self.carry_out(actions);
        self.outcome.dialect = self.viewer.dialect();
        self.outcome
    }
}

fn incoming(event: &Event) -> Incoming<'_> {
    Incoming {
        received: event.received,
        name: &event.name,
        array: &event.array,
        attachments: &event.attachments,
        ack_id: event.ack_id,
    }
}

/// What the server sent, as a session over a WebSocket alone would have it. A file that begins
/// after an upgrade lacks the open packet and has the packets of the upgrade instead.
fn from_the_server(lines: &[Line]) -> Vec<Line> {
    let mut received: Vec<Line> = lines.iter().filter(|line| line.received).cloned().collect();
    if !received[0].body.starts_with(b"0{") {
        received.retain(|line| line.body != "3probe" && line.body != "6");
        received.insert(
            0,
            Line {
                body: Bytes::from_static(
                    br#"0{"sid":"x","upgrades":[],"pingTimeout":20000,"pingInterval":25000,"maxPayload":1000000}"#,
                ),
                ..received[0].clone()
            },
        );
    }
    received
}

fn run(lines: &[Line]) -> Outcome {
    let mut connection = Connection::new();
    for line in from_the_server(lines) {
        connection.receive(line.text, line.body, line.at);
    }
    connection.finish()
}

/// The events of a session.
fn events(lines: &[Line]) -> Vec<Event> {
    let mut connection = Connection::new();
    for line in from_the_server(lines) {
        connection.receive(line.text, line.body, line.at);
    }
    connection.seen
}

fn count<T: ToString>(items: impl Iterator<Item = T>) -> BTreeMap<String, u64> {
    items.fold(BTreeMap::new(), |mut counts, item| {
        *counts.entry(item.to_string()).or_default() += 1;
        counts
    })
}

fn counts(value: &Value) -> BTreeMap<String, u64> {
    serde_json::from_value(value.clone()).unwrap_or_default()
}

/// The 16-bit picture's bytes.
fn pixels(frame: &Frame) -> Vec<u8> {
    let FrameEncoding::Mono16(compression) = frame.encoding else {
        panic!("{:?} has no 16-bit pixels", frame.encoding);
    };
    let size = frame.width_px.unwrap() as usize * frame.height_px.unwrap() as usize * 2;
    let mut pixels = Vec::new();
    unpack(compression, &frame.body, size, &mut pixels).unwrap();
    pixels
}

fn values(pixels: &[u8]) -> Vec<u16> {
    pixels
        .chunks_exact(2)
        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
        .collect()
}

// ----------------------------------------------------------------------------------- the tests

#[test]
fn every_session_is_what_its_index_says() {
    for (path, said) in sessions() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let lines = read_session(&path);
        check_file(&name, &lines, &said);
        let outcome = run(&lines);
        assert_eq!(outcome.troubles, [""; 0], "{name}");
        check_events(&name, &outcome, &said);
        check_frames(&name, &outcome, &said);
        check_acks(&name, &lines, &outcome, &said);
        check_dialect(&name, &outcome);
    }
}

fn check_file(name: &str, lines: &[Line], said: &Value) {
    assert_eq!(lines.len() as u64, said["messages"], "{name}: messages");
    let kinds = count(lines.iter().map(|line| {
        let dir = if line.received { "rx" } else { "tx" };
        let kind = if line.text { "text" } else { "binary" };
        format!("{dir}_{kind}")
    }));
    assert_eq!(kinds, counts(&said["by_kind"]), "{name}: messages by kind");
}

fn check_events(name: &str, outcome: &Outcome, said: &Value) {
    let received: BTreeMap<String, u64> = counts(&said["events"])
        .into_iter()
        .filter_map(|(event, n)| Some((event.strip_prefix("rx ")?.to_owned(), n)))
        .collect();
    let mut found = outcome.events.clone();
    found.insert("CONNECT".to_owned(), outcome.connects);
    assert_eq!(found, received, "{name}: events");
    assert_eq!(outcome.signals, counts(&said["signals"]), "{name}: signals");
    assert_eq!(outcome.pongs, said["engine_pings_rx"], "{name}: pings");
}

fn check_frames(name: &str, outcome: &Outcome, said: &Value) {
    let frames: Vec<&Frame> = outcome.frames().collect();
    assert_eq!(frames.len() as u64, said["frames"], "{name}: frames");
    if frames.is_empty() {
        return;
    }
    let kinds = count(frames.iter().map(|frame| match frame.encoding {
        FrameEncoding::Jpeg => "jpeg",
        _ => "uc2f",
    }));
    assert_eq!(kinds, counts(&said["frame_kinds"]), "{name}: kinds");
    let sizes = count(
        frames
            .iter()
            .map(|frame| format!("{}x{}", frame.width_px.unwrap(), frame.height_px.unwrap())),
    );
    assert_eq!(sizes, counts(&said["frame_dims"]), "{name}: sizes");
    let compressions = count(frames.iter().filter_map(|frame| match frame.encoding {
        FrameEncoding::Mono16(compression) => Some(compression.as_str()),
        _ => None,
    }));
    assert_eq!(compressions, counts(&said["compressions"]), "{name}");

    // Where the event itself does not tell the camera the index has no name for it.
    let detectors = counts(&said["detectors"]);
    if !detectors.contains_key("") {
        let found = count(frames.iter().map(|frame| &frame.detector));
        assert_eq!(found, detectors, "{name}: detectors");
    }
    let ids: Vec<Option<u64>> = serde_json::from_value(said["frame_ids"].clone()).unwrap();
    if ids.iter().all(Option::is_some) {
        let found: Vec<Option<u64>> = frames.iter().map(|frame| frame.number).collect();
        assert_eq!(found, ids, "{name}: numbers");
        let modulo = outcome.dialect == Dialect::Modern;
        let gaps: u64 = ids
            .windows(2)
            .map(|pair| {
                let step = pair[1].unwrap().wrapping_sub(pair[0].unwrap());
                let step = if modulo { step & 0xff } else { step };
                step.saturating_sub(1)
            })
            .sum();
        let lost: u64 = frames.iter().map(|frame| frame.lost_before).sum();
        assert_eq!(lost, gaps, "{name}: pictures missing between the numbers");
    }
    check_frame(name, frames[0], &said["first_frame"]);
    check_frame(name, frames[frames.len() - 1], &said["last_frame"]);
    // Every picture can be unpacked, not only these two.
    for frame in frames {
        if frame.encoding != FrameEncoding::Jpeg {
            pixels(frame);
        }
    }
}

fn check_frame(name: &str, frame: &Frame, said: &Value) {
    assert_eq!(
        frame.width_px.map(u64::from),
        said["width"].as_u64(),
        "{name}"
    );
    assert_eq!(
        frame.height_px.map(u64::from),
        said["height"].as_u64(),
        "{name}"
    );
    if said["detector"].is_string() {
        assert_eq!(frame.detector.as_str(), said["detector"], "{name}");
    }
    if said["frame_id"].is_u64() {
        assert_eq!(frame.number, said["frame_id"].as_u64(), "{name}");
    }
    if frame.encoding == FrameEncoding::Jpeg {
        assert_eq!(frame.body.len() as u64, said["jpeg_bytes"], "{name}");
        assert_eq!(crc32fast::hash(&frame.body), said["jpeg_crc32"], "{name}");
        let header = JpegHeader::find(&frame.body).unwrap();
        assert_eq!(header.components, said["components"], "{name}");
        return;
    }
    assert_eq!(frame.body.len() as u64, said["body_bytes"], "{name}");
    assert_eq!(frame.device_ns, said["timestamp_ns"].as_u64(), "{name}");
    let pixels = pixels(frame);
    assert_eq!(crc32fast::hash(&pixels), said["pixels_crc32"], "{name}");
    let values = values(&pixels);
    assert_eq!(values.iter().min().copied().unwrap(), said["min"], "{name}");
    assert_eq!(values.iter().max().copied().unwrap(), said["max"], "{name}");
    let sum: u64 = values.iter().map(|value| u64::from(*value)).sum();
    assert_eq!(sum, said["sum"], "{name}");
}

/// What we would have sent against what the recorded client sent. Where that one acknowledged
/// every picture they are equal; where it kept silent on purpose its few acknowledgements are
/// among ours.
fn check_acks(name: &str, lines: &[Line], outcome: &Outcome, said: &Value) {
    let sent: Vec<String> = lines
        .iter()
        .filter(|line| !line.received && line.text)
        .map(|line| line.as_str().to_owned())
        .filter(|text| text.starts_with(r#"42["frame_ack""#) || text.starts_with("43"))
        .collect();
    let in_turn = said["events"]["tx frame_ack"].as_u64().unwrap_or(0);
    if said["frames"] == in_turn {
        assert_eq!(outcome.acks, sent, "{name}: acknowledgements");
    }
    let mut ours = outcome.prime.iter().chain(&outcome.acks);
    for text in &sent {
        assert!(
            ours.any(|own| own == text),
            "{name}: {text} is not among ours"
        );
    }
    let prime: &[&str] = match outcome.dialect {
        Dialect::Modern => &[r#"42["frame_ack",{"frame_id":255}]"#],
        _ => &[],
    };
    assert_eq!(outcome.prime, prime, "{name}: priming");
}

fn check_dialect(name: &str, outcome: &Outcome) {
    let by_release = [
        ("v26", Dialect::Modern),
        ("v2.1.141-", Dialect::Pair),
        ("v2.1.133-", Dialect::Raw),
        ("v2.1.85-", Dialect::Json),
    ];
    if let Some((_, dialect)) = by_release.iter().find(|(of, _)| name.starts_with(of)) {
        assert_eq!(outcome.dialect, *dialect, "{name}");
    }
}

#[test]
fn pictures_of_the_raw_dialect_get_the_name_that_follows_them() {
    for (path, said) in sessions() {
        if counts(&said["signals"]).contains_key("frame_meta") {
            let outcome = run(&read_session(&path));
            for frame in outcome.frames() {
                assert_eq!(frame.detector.as_str(), "WidefieldCamera", "{path:?}");
                assert!(frame.number.is_some(), "{path:?}");
                assert_eq!(
                    frame.pixel_size_um,
                    Some(20.0),
                    "{path:?}: 5 um, every fourth"
                );
            }
        }
    }
}

#[test]
fn the_last_signals_say_how_the_microscope_stands() {
    let Some(dir) = support::captures::folder("imswitch") else {
        return;
    };
    let path = dir.join("v26-signals.jsonl.gz");
    if !path.exists() {
        eprintln!("skipped: {} is not there", path.display());
        return;
    }
    let readings = run(&read_session(&path)).readings();
    let wanted = [
        ("light/LED/value", ReadingValue::Int(3000)),
        ("light/LED/enabled", ReadingValue::Bool(true)),
        ("camera/WidefieldCamera/exposure", ReadingValue::Float(25.0)),
        ("stage/VirtualStage/X", ReadingValue::Float(10.0)),
        ("stage/VirtualStage/Z", ReadingValue::Float(30.0)),
        ("objective/name", "10x".into()),
    ];
    for (name, value) in wanted {
        assert_eq!(readings.get(name), Some(&value), "{name}");
    }
}

// ------------------------------------------------------------------------ cut, changed, random

/// Bytes that arrive in pieces of the given lengths, over and over.
struct Pieces {
    bytes: Vec<u8>,
    at: usize,
    lengths: Vec<usize>,
    turn: usize,
}

impl Read for Pieces {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let length = self.lengths[self.turn % self.lengths.len()];
        self.turn += 1;
        let rest = &self.bytes[self.at..];
        let length = length.min(into.len()).min(rest.len());
        into[..length].copy_from_slice(&rest[..length]);
        self.at += length;
        Ok(length)
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The messages as a server writes them to its socket, one frame each.
fn wire(lines: &[Line]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in lines {
        bytes.push(if line.text { 0x81 } else { 0x82 });
        match line.body.len() {
            length @ 0..=125 => bytes.push(length as u8),
            length @ 126..=0xffff => {
                bytes.push(126);
                bytes.extend((length as u16).to_be_bytes());
            }
            length => {
                bytes.push(127);
                bytes.extend((length as u64).to_be_bytes());
            }
        }
        bytes.extend(&line.body);
    }
    bytes
}

/// Runs a session through a WebSocket whose bytes arrive in pieces.
fn run_in_pieces(lines: &[Line], lengths: Vec<usize>) -> Outcome {
    let received = from_the_server(lines);
    let pieces = Pieces {
        bytes: wire(&received),
        at: 0,
        lengths,
        turn: 0,
    };
    let config = WebSocketConfig::default()
        .max_frame_size(None)
        .max_message_size(None);
    let mut socket = WebSocket::from_raw_socket(pieces, Role::Client, Some(config));
    let mut connection = Connection::new();
    let mut stamps = received.iter().map(|line| line.at);
    loop {
        match socket.read() {
            Ok(WsMessage::Text(text)) => {
                connection.receive(true, text.into(), stamps.next().unwrap());
            }
            Ok(WsMessage::Binary(bytes)) => {
                connection.receive(false, bytes, stamps.next().unwrap());
            }
            Ok(_) => {}
            Err(WsError::Io(_) | WsError::Protocol(_) | WsError::ConnectionClosed) => break,
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(stamps.next(), None, "every message came out again");
    connection.finish()
}

#[test]
fn every_session_survives_being_cut() {
    for (path, _) in sessions() {
        let lines = read_session(&path);
        let whole = run(&lines);
        assert!(
            run_in_pieces(&lines, vec![1, 7, 1000, 3]) == whole,
            "{path:?}"
        );
    }
}

/// Small sessions, one of each dialect.
fn one_of_each() -> Vec<Vec<Line>> {
    let names = [
        "v26-live-params.jsonl.gz",
        "v2.1.141-noack.jsonl.gz",
        "v2.1.133-lz4-sub4.jsonl.gz",
        "v2.1.85-live.jsonl.gz",
    ];
    let Some(dir) = support::captures::folder("imswitch") else {
        return Vec::new();
    };
    names
        .iter()
        .map(|name| dir.join(name))
        .filter(|path| path.exists())
        .map(|path| read_session(&path))
        .collect()
}

#[test]
fn any_cut_gives_the_same() {
    let sessions = one_of_each();
    let whole: Vec<Outcome> = sessions.iter().map(|lines| run(lines)).collect();
    let lengths = proptest::collection::vec(1..5000_usize, 1..40);
    let config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(12)
    };
    proptest!(config, |(lengths in lengths)| {
        for (lines, whole) in sessions.iter().zip(&whole) {
            prop_assert!(run_in_pieces(lines, lengths.clone()) == *whole);
        }
    });
}

#[test]
fn changed_events_never_panic_and_every_picture_is_answered() {
    let sessions: Vec<Vec<Event>> = one_of_each().iter().map(|lines| events(lines)).collect();
    let changes = proptest::collection::vec((any::<u16>(), any::<u32>(), any::<u8>()), 1..60);
    let config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(200)
    };
    proptest!(config, |(changes in changes, cut in any::<bool>())| {
        for events in &sessions {
            let mut events = events.clone();
            for &(which, at, to) in &changes {
                let which = usize::from(which) % events.len();
                let event = &mut events[which];
                // Mostly near the front, where the structure is.
                let part = match event.attachments.first_mut() {
                    Some(attachment) if to & 1 == 0 => attachment,
                    _ => &mut event.array,
                };
                let mut bytes = part.to_vec();
                let near = if at & 0x8000_0000 == 0 { bytes.len().min(600) } else { bytes.len() };
                let at = at as usize % near.max(1);
                if cut {
                    bytes.truncate(at);
                } else if let Some(byte) = bytes.get_mut(at) {
                    *byte = to;
                }
                *part = bytes.into();
            }
            let mut viewer = Viewer::default();
            viewer.connected();
            for event in &events {
                let actions = viewer.on_event(incoming(event));
                let acks = actions.iter().filter(|a| matches!(a, Action::Ack { .. })).count();
                if event.name == "frame" {
                    prop_assert_eq!(acks, 1);
                }
                prop_assert!(acks <= 1);
                for action in &actions {
                    if let Action::Ack { array: Some(array), .. } = action {
                        prop_assert!(is_safe_ack(array), "{}", array);
                    }
                }
            }
            viewer.release();
        }
    });
}

/// `frame_ack` alone or with a whole number below 256. Text in its place stops the stream of all
/// clients of a server.
fn is_safe_ack(array: &str) -> bool {
    let array: Value = serde_json::from_str(array).unwrap();
    let number = array.get(1).and_then(|arg| arg.get("frame_id"));
    array[0] == "frame_ack" && number.is_none_or(|n| n.as_u64().is_some_and(|n| n < 256))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_events_never_panic(
        name in prop_oneof![
            Just("frame"), Just("signal"), Just("signal_msgpack"), Just("server_capabilities"),
        ],
        array in proptest::collection::vec(any::<u8>(), 0..200),
        attachment in proptest::collection::vec(any::<u8>(), 0..200),
        framed in any::<bool>(),
    ) {
        let array = if framed {
            Bytes::from(format!(r#"["{name}",{{"_placeholder":true,"num":0}}]"#))
        } else {
            Bytes::from(array)
        };
        let attachments = [Bytes::from(attachment)];
        let mut viewer = Viewer::default();
        viewer.on_event(Incoming {
            received: Stamp::default(),
            name,
            array: &array,
            attachments: &attachments,
            ack_id: Some(1),
        });
        viewer.release();
    }
}

// ------------------------------------------------------------------------------------- vectors

fn unhex(text: &Value) -> Bytes {
    let text = text.as_str().unwrap();
    (0..text.len() / 2)
        .map(|at| u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).unwrap())
        .collect()
}

/// Unpacks a packet by itself.
fn packet_pixels(message: &Bytes) -> Result<(Packet, Vec<u16>), String> {
    let packet = Packet::parse(message, MAX_PIXELS).map_err(|e| e.to_string())?;
    let compression = packet.compression(None).map_err(|e| e.to_string())?;
    let mut pixels = Vec::new();
    unpack(compression, &packet.body, packet.pixel_bytes(), &mut pixels)
        .map_err(|e| e.to_string())?;
    Ok((packet, values(&pixels)))
}

fn numbers(value: &Value) -> Vec<u16> {
    serde_json::from_value(value.clone()).unwrap()
}

#[test]
fn packets_decode_and_bad_ones_are_refused() {
    let Some(vectors) = vectors() else { return };
    for (name, said) in vectors["packets"].as_object().unwrap() {
        let (packet, pixels) = packet_pixels(&unhex(&said["hex"])).unwrap();
        assert_eq!(pixels, numbers(&said["pixels"]), "{name}");
        assert_eq!(packet.width_px, said["width"], "{name}");
        assert_eq!(packet.height_px, said["height"], "{name}");
        assert_eq!(packet.stated_bit_depth, said["bitdepth"], "{name}");
        assert_eq!(packet.timestamp_ns, said["timestamp_ns"], "{name}");
        assert_eq!(packet.body.len() as u64, said["body_bytes"], "{name}");
    }
    for (name, hex) in vectors["bad_packets"].as_object().unwrap() {
        assert!(packet_pixels(&unhex(hex)).is_err(), "{name}");
    }
    let (_, pixels) = packet_pixels(&unhex(&vectors["trailing_bytes_ok"])).unwrap();
    assert_eq!(pixels, numbers(&vectors["pixels"]));
}

/// A connection that has been through the beginning in the vectors.
fn begun(vectors: &Value) -> Connection {
    let mut connection = Connection::new();
    for name in ["open", "capabilities", "connected"] {
        let text = vectors["text"][name].as_str().unwrap();
        connection.receive(true, Bytes::from(text.to_owned()), Stamp::default());
    }
    connection
}

#[test]
fn frame_events_give_pixels_metadata_and_the_exact_acknowledgement() {
    let Some(vectors) = vectors() else { return };
    for (name, said) in vectors["frames"].as_object().unwrap() {
        let mut connection = begun(&vectors);
        let text = said["text"].as_str().unwrap().to_owned();
        connection.receive(true, text.into(), Stamp::default());
        connection.receive(false, unhex(&said["binary_hex"]), Stamp::default());
        let outcome = connection.finish();
        assert_eq!(outcome.prime, [vectors["text"]["prime"].as_str().unwrap()]);
        assert_eq!(outcome.acks, [said["ack"].as_str().unwrap()], "{name}");
        let frame = outcome
            .frames()
            .next()
            .unwrap_or_else(|| panic!("{name}: {outcome:?}"));
        let metadata = &said["metadata"];
        assert_eq!(frame.number, metadata["frame_id"].as_u64(), "{name}");
        assert_eq!(frame.detector.as_str(), metadata["detector_name"], "{name}");
        if frame.encoding == FrameEncoding::Jpeg {
            assert!(frame.body.starts_with(&[0xff, 0xd8]), "{name}");
            continue;
        }
        assert_eq!(values(&pixels(frame)), numbers(&said["pixels"]), "{name}");
        assert_eq!(frame.device_ns, metadata["timestamp_ns"].as_u64(), "{name}");
        assert_eq!(frame.subsampling, metadata["subsampling_factor"], "{name}");
        let size = metadata["pixel_size"].as_f64().unwrap() * f64::from(frame.subsampling);
        assert_eq!(frame.pixel_size_um, Some(size), "{name}");
    }
}

#[test]
fn bad_packets_are_skipped_and_acknowledged_all_the_same() {
    let Some(vectors) = vectors() else { return };
    let text = Bytes::from_static(br#"451-["frame",{"_placeholder":true,"num":0}]"#);
    let mut connection = begun(&vectors);
    let mut wanted = Vec::new();
    for (number, hex) in vectors["bad_packets"]
        .as_object()
        .unwrap()
        .values()
        .enumerate()
    {
        let packet = unhex(hex);
        let mut message = vec![0x82];
        for (key, value) in [("metadata", None), ("data", Some(&packet))] {
            message.push(0xa0 | key.len() as u8);
            message.extend(key.as_bytes());
            match value {
                None => {
                    message.extend([0x81, 0xa8]);
                    message.extend(b"frame_id");
                    message.extend([0xcc, number as u8]);
                }
                Some(packet) => {
                    message.extend([0xc4, packet.len() as u8]);
                    message.extend(packet.iter());
                }
            }
        }
        connection.receive(true, text.clone(), Stamp::default());
        connection.receive(false, message.into(), Stamp::default());
        wanted.push(format!(r#"42["frame_ack",{{"frame_id":{number}}}]"#));
    }
    let outcome = connection.finish();
    assert_eq!(outcome.acks, wanted);
    // Damage inside the compressed data is found by who unpacks it.
    let compressed = outcome.frames().count();
    assert_eq!(outcome.troubles.len() + compressed, wanted.len());
    assert_eq!(compressed, 2, "{:?}", outcome.troubles);
}

#[test]
fn signals_are_the_same_in_both_encodings() {
    let Some(vectors) = vectors() else { return };
    for (name, said) in vectors["signals"].as_object().unwrap() {
        let packed = Signal::from_msgpack(&unhex(&said["binary_hex"])).unwrap();
        let array = said["json_text"]
            .as_str()
            .unwrap()
            .strip_prefix("42")
            .unwrap();
        let (_, text): (String, String) = serde_json::from_str(array).unwrap();
        assert_eq!(packed, Signal::from_json(&text).unwrap(), "{name}");
        assert_eq!(packed.args, said["message"]["args"], "{name}");
        let message = said["message"].as_object().unwrap();
        let title = message.get("name").or_else(|| message.get("signal"));
        assert_eq!(packed.name, *title.unwrap(), "{name}");

        // And they become the same payloads.
        let mut both = Vec::new();
        for binary in [true, false] {
            let mut connection = begun(&vectors);
            if binary {
                let text = said["text"].as_str().unwrap().to_owned();
                connection.receive(true, text.into(), Stamp::default());
                connection.receive(false, unhex(&said["binary_hex"]), Stamp::default());
            } else {
                let text = said["json_text"].as_str().unwrap().to_owned();
                connection.receive(true, text.into(), Stamp::default());
            }
            let outcome = connection.finish();
            assert_eq!(outcome.troubles, [""; 0], "{name}");
            both.push(outcome.payloads);
        }
        assert_eq!(both[0], both[1], "{name}");
    }
}

#[test]
fn an_event_that_asks_is_answered() {
    let Some(vectors) = vectors() else { return };
    let mut connection = begun(&vectors);
    let text = vectors["text"]["with_ack_id"].as_str().unwrap().to_owned();
    let packet = unhex(&vectors["packets"]["lz4"]["hex"]);
    connection.receive(true, text.into(), Stamp::default());
    connection.receive(false, packet, Stamp::default());
    let texts = &vectors["text"];
    let wanted = [texts["ack_bare"].as_str(), texts["ack_reply"].as_str()].map(Option::unwrap);
    assert_eq!(connection.finish().acks, wanted);
}

// ---------------------------------------------------------------------------------------- REST

#[test]
fn rest_answers_are_read() {
    let Some(dir) = support::captures::folder("imswitch") else {
        return;
    };
    let files = std::fs::read_dir(&dir).unwrap().map(|e| e.unwrap().path());
    let files = files.filter(|path| path.to_string_lossy().ends_with("-rest.jsonl"));
    for file in files {
        for line in support::captures::read_text(&file).lines() {
            let exchange: Value = serde_json::from_str(line).unwrap();
            check_exchange(&exchange);
        }
    }
}

fn check_exchange(exchange: &Value) {
    let path = exchange["path"].as_str().unwrap();
    let response = &exchange["response"];
    let body = match response {
        Value::String(text) if exchange["content_type"] != "application/json" => text.clone(),
        json => json.to_string(),
    };
    let status = exchange["status"].as_u64().unwrap() as u16;
    let outcome = rest::outcome(status, body.as_bytes());
    let answer = match (status, outcome) {
        (200, Err(RestError::Refused(_))) => {
            let refused = response["status"] == "error" || response["accepted"] == false;
            assert!(refused, "{exchange}");
            return;
        }
        (200, Ok(answer)) => {
            assert_ne!(response["status"], "error", "{exchange}");
            assert_ne!(response["accepted"], false, "{exchange}");
            answer
        }
        (404, Err(RestError::NoSuchCall))
        | (405, Err(RestError::WrongMethod))
        | (500, Err(RestError::ServerFault)) => return,
        (422, Err(RestError::Parameter(why))) => {
            assert_ne!(why.as_str(), "no reason given", "{exchange}");
            return;
        }
        (_, other) => panic!("{other:?} from {exchange}"),
    };
    match path {
        "version" | "hostname" => assert!(rest::server_field(&answer, path).is_some()),
        "SettingsController/getDetectorNames" | "LaserController/getLaserNames" => {
            assert_eq!(rest::names(&answer).len(), answer.as_array().unwrap().len());
        }
        "PositionerController/getPositionerPositions" => {
            let axes: usize = answer
                .as_object()
                .unwrap()
                .values()
                .map(|axes| axes.as_object().unwrap().len())
                .sum();
            assert_eq!(rest::positions(&answer).len(), axes);
        }
        "SettingsController/getCameraStatus" => {
            let names: Vec<String> = rest::camera_status("C", &answer)
                .iter()
                .map(|reading| reading.name.to_string())
                .collect();
            for name in [
                "camera/C/exposure",
                "camera/C/model",
                "camera/C/sensor_width",
            ] {
                assert!(names.iter().any(|n| n == name), "{name} in {names:?}");
            }
        }
        "ObjectiveController/getstatus" => assert!(!rest::objective(&answer).is_empty()),
        "LiveViewController/getActiveStreams" => {
            let streams = answer["active_streams"].as_array().unwrap();
            assert_eq!(rest::active_streams(&answer).len(), streams.len());
        }
        "LiveViewController/getStreamDiagnostics" => {
            let running = answer
                .as_object()
                .unwrap()
                .values()
                .any(|s| s["worker"].is_object());
            assert_eq!(!rest::diagnostics(&answer).is_empty(), running, "{answer}");
        }
        "LiveViewController/startLiveView" => {
            let read = rest::start_answer(&answer);
            let right = match answer["status"].as_str().unwrap() {
                "success" => matches!(read, StartAnswer::Started { detector: Some(_) }),
                "already_running" => matches!(read, StartAnswer::AlreadyRunning { .. }),
                "long_exposure" => matches!(read, StartAnswer::LongExposure { .. }),
                _ => matches!(read, StartAnswer::Other(_)),
            };
            assert!(right, "{read:?} from {answer}");
        }
        _ => {}
    }
}
