//! Every recorded Socket.IO session decodes to what its manifest says, however it is cut.
//!
//! Sessions are found by listing the folder, expectations are those of `manifest.json`: a file
//! added to both is covered without a change here. Each session is also lived through again: the
//! recorded client's messages become calls, and what our session sends must be what it sent.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use proptest::prelude::*;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use tokio_tungstenite::tungstenite;
use ttyscope::model::{EndReason, Stamp};
use ttyscope::protocol::engineio::payload::{encoded_len, next_post, split};
use ttyscope::protocol::engineio::{
    Packet as EnginePacket, PacketKind as EngineKind, Revision, WireMessage,
};
use ttyscope::protocol::socketio::{
    Event, Limits, Oddity, Output, Packet, PacketKind, Recovery, Session, Wanted,
};

#[derive(Deserialize)]
struct Expected {
    lines: usize,
    /// `<dir>.<name>`; absent for answers of a REST interface.
    packets: Option<BTreeMap<String, usize>>,
    events: Option<BTreeMap<String, usize>>,
    end: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Direction {
    In,
    Out,
}

impl Direction {
    fn as_str(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
        }
    }
}

#[derive(Deserialize)]
struct Line {
    t_ns: u64,
    dir: Direction,
    kind: String,
    payload: String,
    method: Option<String>,
    status: Option<u16>,
}

impl Line {
    /// The WebSocket message of the line; `None` for HTTP.
    fn message(&self) -> Option<WireMessage> {
        match &*self.kind {
            "text" => Some(WireMessage::Text(self.payload.clone().into())),
            "binary" => Some(WireMessage::Binary(
                STANDARD.decode(&self.payload).unwrap().into(),
            )),
            "http" => None,
            kind => panic!("a line of kind {kind:?}"),
        }
    }

    /// The packets of the line, also those in the body of a polling request or answer.
    fn packets(&self) -> Vec<WireMessage> {
        if let Some(message) = self.message() {
            return vec![message];
        }
        let is_request = self.method.as_deref() == Some("POST");
        // A POST is answered `ok`; anything but 200 explains why there are no packets.
        let is_answer = self.status == Some(200) && !self.payload.eq_ignore_ascii_case("ok");
        if !is_request && !is_answer {
            return Vec::new();
        }
        let limits = Limits::default();
        let body = Bytes::from(self.payload.clone());
        let packets = split(&body, limits.polling_bytes, limits.polling_packets).unwrap();
        // What was taken apart can be put together to the same bytes.
        let mut queue = VecDeque::from(packets.clone());
        assert_eq!(next_post(&mut queue, u64::MAX).unwrap(), Some(body));
        packets
    }

    fn at(&self) -> Stamp {
        Stamp {
            mono_ns: self.t_ns,
            unix_ns: 0,
        }
    }
}

struct Capture {
    name: String,
    lines: Vec<Line>,
    expected: Expected,
}

impl Capture {
    /// Revision 3 connects the default namespace with a bare `40`.
    fn revision(&self) -> Revision {
        let bare = |line: &Line| line.dir == Direction::In && line.payload == "40";
        if self.lines.iter().any(bare) {
            Revision::V3
        } else {
            Revision::V4
        }
    }

    fn is_session(&self) -> bool {
        self.expected.packets.is_some()
    }

    /// Whether the recorded client broke a rule and the server hung up on it.
    fn was_hung_up(&self) -> bool {
        let end = self.expected.end.as_deref().unwrap_or_default();
        end.starts_with("server closed")
    }
}

/// All sessions of the folder, or none with a line that says so.
fn captures() -> &'static [Capture] {
    static CAPTURES: LazyLock<Vec<Capture>> = LazyLock::new(read_all);
    &CAPTURES
}

fn read_all() -> Vec<Capture> {
    let Some(dir) = support::captures::folder("socketio") else {
        return Vec::new();
    };
    let manifest = support::captures::read_text(&dir.join("manifest.json"));
    let mut manifest: BTreeMap<String, Expected> = serde_json::from_str(&manifest).unwrap();
    let mut files: Vec<_> = std::fs::read_dir(&dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with(".jsonl.gz"))
        .collect();
    files.sort();
    let captures: Vec<_> = files.iter().map(|path| read(path, &mut manifest)).collect();
    assert!(
        manifest.is_empty(),
        "no file for {:?}",
        manifest.keys().collect::<Vec<_>>()
    );
    captures
}

fn read(path: &Path, manifest: &mut BTreeMap<String, Expected>) -> Capture {
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    let expected = manifest
        .remove(&name)
        .unwrap_or_else(|| panic!("{name} is not in manifest.json"));
    let text = support::captures::read_text(path);
    // Answers of a REST interface have other fields, and nothing for this decoder.
    let lines: Vec<Line> = if expected.packets.is_some() {
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{name}: {e}")))
            .collect()
    } else {
        Vec::new()
    };
    assert_eq!(text.lines().count(), expected.lines, "lines of {name}");
    Capture {
        name,
        lines,
        expected,
    }
}

/// The first element of an event's array, as the recording names it.
fn event_name(array: &[u8]) -> String {
    serde_json::from_slice::<Vec<serde_json::Value>>(array).map_or_else(
        |_| "<unparsable>".to_owned(),
        |array| array.first().unwrap().as_str().unwrap().to_owned(),
    )
}

fn socketio_packet(message: &WireMessage) -> Option<Packet> {
    let WireMessage::Text(text) = message else {
        return None;
    };
    let packet = EnginePacket::decode(text).unwrap();
    (packet.kind == EngineKind::Message).then(|| Packet::decode(&packet.body, 64).unwrap())
}

fn packet_name(message: &WireMessage) -> &'static str {
    let WireMessage::Text(text) = message else {
        return "attachment";
    };
    match EnginePacket::decode(text).unwrap().kind {
        EngineKind::Open => "open",
        EngineKind::Close => "close",
        EngineKind::Ping => "ping",
        EngineKind::Pong => "pong",
        EngineKind::Upgrade => "upgrade",
        EngineKind::Noop => "noop",
        EngineKind::Message => socketio_packet(message).unwrap().kind.as_str(),
    }
}

fn is_event(kind: PacketKind) -> bool {
    matches!(kind, PacketKind::Event | PacketKind::BinaryEvent)
}

type Counts = BTreeMap<String, usize>;

fn add(counts: &mut Counts, dir: Direction, name: &str) {
    *counts
        .entry(format!("{}.{name}", dir.as_str()))
        .or_default() += 1;
}

#[test]
fn packets_and_events_are_as_many_as_the_manifest_says() {
    for capture in captures() {
        let (Some(want_packets), Some(want_events)) =
            (&capture.expected.packets, &capture.expected.events)
        else {
            continue;
        };
        let mut packets = Counts::new();
        let mut events = Counts::new();
        for line in &capture.lines {
            let Some(message) = line.message() else {
                add(&mut packets, line.dir, "http");
                continue;
            };
            add(&mut packets, line.dir, packet_name(&message));
            if let Some(packet) = socketio_packet(&message).filter(|p| is_event(p.kind)) {
                add(&mut events, line.dir, &event_name(&packet.payload));
            }
        }
        assert_eq!(&packets, want_packets, "packets of {}", capture.name);
        assert_eq!(&events, want_events, "events of {}", capture.name);
    }
}

/// No recorded client asks for it.
const NEVER_ANSWERED: &str = "/never-answered";

fn is_for(text: &Bytes, namespace: &str) -> bool {
    socketio_packet(&WireMessage::Text(text.clone())).is_some_and(|p| p.namespace == namespace)
}

/// A recorded client lived through again.
struct Replay<'a> {
    capture: &'a Capture,
    session: Session,
    /// The numbers the recorded client gave its acknowledgements, and ours.
    ack_ids: BTreeMap<(String, u64), u64>,
    /// What our session wants sent, without pings and pongs.
    sent: Vec<WireMessage>,
    /// What the recorded client sent, with our numbers.
    to_be_sent: Vec<WireMessage>,
    pongs: usize,
    outputs: Vec<Output>,
}

impl<'a> Replay<'a> {
    fn new(capture: &'a Capture) -> Self {
        // Revision 3 connects the default namespace unasked; everything else is asked for where
        // the recorded client did. Recorded clients stay when their only namespace is refused;
        // ours leaves, unless there is one more whose answer it waits for.
        let wanted = match capture.revision() {
            Revision::V3 => vec![Wanted::new("/")],
            Revision::V4 => vec![Wanted::new(NEVER_ANSWERED)],
        };
        let limits = Limits {
            connect_answer: Duration::from_secs(3600),
            ..Limits::default()
        };
        Self {
            capture,
            session: Session::new(capture.revision(), limits, wanted, Stamp::default()),
            ack_ids: BTreeMap::new(),
            sent: Vec::new(),
            to_be_sent: Vec::new(),
            pongs: 0,
            outputs: Vec::new(),
        }
    }

    fn run(mut self) -> Self {
        for (index, line) in self.capture.lines.iter().enumerate() {
            self.session.on_tick(line.t_ns);
            self.drain();
            let mut packets = VecDeque::from(line.packets());
            while let Some(packet) = packets.pop_front() {
                match line.dir {
                    Direction::In => self.receive(packet, line.at()),
                    Direction::Out => {
                        let attachments = if line.kind == "http" {
                            packets.iter().cloned().collect()
                        } else {
                            self.following(index)
                        };
                        self.send(&packet, attachments, line.at());
                    }
                }
                self.drain();
            }
        }
        self
    }

    /// The binary messages that the recorded client sent right behind line `index`.
    fn following(&self, index: usize) -> Vec<WireMessage> {
        self.capture.lines[index + 1..]
            .iter()
            .filter(|line| line.dir == Direction::Out)
            .map_while(Line::message)
            .take_while(|message| matches!(message, WireMessage::Binary(_)))
            .collect()
    }

    fn receive(&mut self, message: WireMessage, at: Stamp) {
        match message {
            WireMessage::Binary(bytes) => self.session.on_binary(bytes, at),
            // Part of moving a polling session, which the transport does.
            WireMessage::Text(text) if text == "3probe" => {}
            WireMessage::Text(text) => {
                let text = self.with_our_ack_id(text);
                self.session.on_text(text, at);
            }
        }
    }

    fn with_our_ack_id(&self, text: Bytes) -> Bytes {
        let Some(mut packet) = socketio_packet(&WireMessage::Text(text.clone())) else {
            return text;
        };
        assert_eq!(packet.encode(), text, "{}", self.capture.name);
        if !is_event(packet.kind) && packet.ack_id.is_some() {
            let theirs = (packet.namespace.clone(), packet.ack_id.unwrap());
            packet.ack_id = Some(self.ack_ids[&theirs]);
        }
        packet.encode()
    }

    /// Does through our session what the recorded client did.
    fn send(&mut self, message: &WireMessage, mut following: Vec<WireMessage>, at: Stamp) {
        let Some(packet) = socketio_packet(message) else {
            return;
        };
        following.truncate(packet.attachments);
        let attachments: Vec<Bytes> = following.iter().map(|m| self.without_prefix(m)).collect();
        let array = std::str::from_utf8(&packet.payload).unwrap();
        let name = &packet.namespace;
        let mut want = packet.clone();
        let done = match packet.kind {
            PacketKind::Connect => {
                self.session.connect(wanted(&packet), at);
                Ok(())
            }
            PacketKind::Disconnect => {
                self.session.leave(name);
                Ok(())
            }
            PacketKind::Ack | PacketKind::BinaryAck => {
                let id = packet.ack_id.unwrap();
                self.session.ack(name, id, array, &attachments)
            }
            PacketKind::ConnectError => panic!("a client refuses nothing"),
            PacketKind::Event | PacketKind::BinaryEvent => match packet.ack_id {
                None => self.session.emit(name, array, &attachments),
                Some(theirs) => self
                    .session
                    .emit_with_ack(name, array, &attachments, at)
                    .map(|ours| {
                        self.ack_ids.insert((name.clone(), theirs), ours);
                        want.ack_id = Some(ours);
                    }),
            },
        };
        if let Err(error) = done {
            // We refuse what the server hung up on, and nothing else.
            assert!(
                self.capture.was_hung_up(),
                "{}: {error}: {message:?}",
                self.capture.name
            );
            return;
        }
        self.to_be_sent.push(WireMessage::Text(want.encode()));
        self.to_be_sent.extend(following);
    }

    fn without_prefix(&self, message: &WireMessage) -> Bytes {
        let WireMessage::Binary(bytes) = message else {
            panic!("not an attachment: {message:?}");
        };
        match self.capture.revision() {
            Revision::V3 => bytes.slice(1..),
            Revision::V4 => bytes.clone(),
        }
    }

    fn drain(&mut self) {
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Send(WireMessage::Text(text)) if text.starts_with(b"3") => self.pongs += 1,
                Output::Send(WireMessage::Text(text)) if text == "2" => {}
                Output::Send(WireMessage::Text(text)) if is_for(&text, NEVER_ANSWERED) => {}
                Output::Send(message) => self.sent.push(message),
                output => self.outputs.push(output),
            }
        }
    }

    fn events(&self) -> impl Iterator<Item = &Event> {
        self.outputs.iter().filter_map(|output| match output {
            Output::Event(event) => Some(event),
            _ => None,
        })
    }
}

/// What the recorded CONNECT asked for: a recovery if it names one, else credentials.
fn wanted(packet: &Packet) -> Wanted {
    #[derive(Deserialize)]
    struct Asked {
        pid: String,
        offset: String,
    }
    let mut wanted = Wanted::new(packet.namespace.clone());
    if let Ok(Asked { pid, offset }) = serde_json::from_slice(&packet.payload) {
        wanted.recovery = Some(Recovery { pid, offset });
    } else if !packet.payload.is_empty() {
        wanted.auth = Some(String::from_utf8(packet.payload.to_vec()).unwrap());
    }
    wanted
}

#[test]
fn our_session_says_and_hears_what_the_recorded_client_did() {
    for capture in captures().iter().filter(|c| c.is_session()) {
        let name = &capture.name;
        let replay = Replay::new(capture).run();
        assert_eq!(replay.sent, replay.to_be_sent, "{name}");

        // Expected are the packets in polling bodies too.
        let mut want = Counts::new();
        for line in capture
            .lines
            .iter()
            .filter(|line| line.dir == Direction::In)
        {
            for message in line.packets() {
                *want.entry(packet_name(&message).to_owned()).or_default() += 1;
                if let Some(packet) = socketio_packet(&message).filter(|p| is_event(p.kind)) {
                    let event = format!("event {}", event_name(&packet.payload));
                    *want.entry(event).or_default() += 1;
                }
            }
        }
        for ignored in ["noop", "EVENT", "BINARY_EVENT"] {
            want.remove(ignored);
        }
        let binary_acks = want.remove("BINARY_ACK").unwrap_or(0);
        if binary_acks > 0 {
            *want.entry("ACK".to_owned()).or_default() += binary_acks;
        }
        if capture.revision() == Revision::V3 || want.get("pong") == Some(&1) {
            // The answer to a probe, or to a ping of revision 3.
            want.remove("pong");
        }

        let mut got = Counts::new();
        let mut count = |name: &str, n: usize| *got.entry(name.to_owned()).or_default() += n;
        count("ping", replay.pongs);
        for output in &replay.outputs {
            match output {
                Output::Opened(_) => count("open", 1),
                Output::Connected { .. } => count("CONNECT", 1),
                Output::Refused { .. } => count("CONNECT_ERROR", 1),
                Output::NamespaceGone { .. } => count("DISCONNECT", 1),
                Output::Event(event) => {
                    count(&format!("event {}", event.name), 1);
                    count("attachment", event.attachments.len());
                }
                Output::Acked { attachments, .. } => {
                    count("ACK", 1);
                    count("attachment", attachments.len());
                }
                // The recorded client left the namespace or the server never answered.
                Output::AckFailed { .. } => {}
                other => panic!("{name}: {other:?}"),
            }
        }
        got.retain(|_, count| *count > 0);
        assert_eq!(got, want, "{name}");
        for oddity in Oddity::ALL {
            assert_eq!(replay.session.oddity_count(oddity), 0, "{name}: {oddity:?}");
        }
    }
}

#[test]
fn events_that_came_before_the_answer_follow_it_in_order() {
    let mut early = 0;
    for capture in captures().iter().filter(|c| c.is_session()) {
        let replay = Replay::new(capture).run();
        // In the order of the wire, without the answers.
        let mut arrived: Vec<(String, Bytes)> = Vec::new();
        let mut answered = Vec::new();
        for line in capture
            .lines
            .iter()
            .filter(|line| line.dir == Direction::In)
        {
            for packet in line.packets().iter().filter_map(socketio_packet) {
                if packet.kind == PacketKind::Connect {
                    answered.push(packet.namespace.clone());
                }
                if is_event(packet.kind) {
                    early += usize::from(!answered.contains(&packet.namespace));
                    arrived.push((packet.namespace, packet.payload));
                }
            }
        }
        let mut connected = Vec::new();
        for output in &replay.outputs {
            match output {
                Output::Connected { namespace, .. } => connected.push(namespace),
                Output::Event(event) => {
                    assert!(connected.contains(&&event.namespace), "{}", capture.name);
                }
                _ => {}
            }
        }
        // Held events change places with those of other namespaces only.
        for namespace in &answered {
            let of_namespace = arrived.iter().filter(|(name, _)| name == namespace);
            let want: Vec<_> = of_namespace.map(|(_, array)| array).collect();
            let got: Vec<_> = replay
                .events()
                .filter(|event| event.namespace == *namespace)
                .map(|event| &event.array)
                .collect();
            assert_eq!(got, want, "{}", capture.name);
        }
    }
    assert!(
        early > 0 || captures().is_empty(),
        "no recording has an early event"
    );
}

#[derive(Deserialize)]
struct FrameHeader {
    seq: u32,
    size: Option<usize>,
}

#[derive(Deserialize)]
struct Done {
    sha256: String,
}

fn argument<T: for<'de> Deserialize<'de>>(event: &Event) -> Option<T> {
    let array: Vec<serde_json::Value> = serde_json::from_slice(&event.array).ok()?;
    serde_json::from_value(array.get(1)?.clone()).ok()
}

#[test]
fn frames_are_whole_and_in_order() {
    for capture in captures().iter().filter(|c| c.is_session()) {
        let name = &capture.name;
        // In these the sequence number stands in the picture too, which changes its hash.
        let numbered = name.ends_with("-frames.jsonl.gz");
        let replay = Replay::new(capture).run();
        let mut next = 0;
        let mut hashes = Vec::new();
        for event in replay.events() {
            if event.name == "frame" {
                let header: FrameHeader = argument(event).unwrap();
                let body = event.attachments.concat();
                assert_eq!(header.size.unwrap(), body.len(), "{name}");
                assert_eq!(body[..2], [0xff, 0xd8], "{name}");
                assert_eq!(body[body.len() - 2..], [0xff, 0xd9], "{name}");
                if numbered {
                    assert_eq!(header.seq, next, "{name}");
                    assert_eq!(body[2..6], next.to_be_bytes(), "{name}");
                    next += 1;
                }
                hashes.push(hex(&Sha256::digest(&body)));
            }
            if event.name == "done" {
                let done: Done = argument(event).unwrap();
                assert!(!hashes.is_empty(), "{name}");
                let all_match = hashes.iter().all(|hash| *hash == done.sha256);
                assert!(numbered || all_match, "{name}: {hashes:?}, {}", done.sha256);
                hashes.clear();
            }
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_recovery_goes_on_exactly_where_the_pid_is_the_same() {
    for capture in captures().iter().filter(|c| c.is_session()) {
        let asked = capture
            .lines
            .iter()
            .filter(|line| line.dir == Direction::Out)
            .flat_map(Line::packets)
            .filter_map(|message| socketio_packet(&message))
            .filter(|packet| packet.kind == PacketKind::Connect)
            .find_map(|packet| wanted(&packet).recovery);
        let mut replay = Replay::new(capture).run();
        let mut offset = None;
        for output in &replay.outputs {
            match output {
                Output::Connected { pid, recovered, .. } => {
                    let same = asked.is_some() && asked.as_ref().map(|a| &a.pid) == pid.as_ref();
                    assert_eq!(*recovered, same, "{}", capture.name);
                }
                Output::Event(event) => offset = event.offset.clone().or(offset),
                _ => {}
            }
        }
        replay
            .session
            .transport_ended(EndReason::TransportClose, "the recording ends");
        let left = replay.session.recovery("/").map(|r| r.offset);
        assert_eq!(left, offset, "{}", capture.name);
    }
}

/// A socket that gives the recorded bytes in the given pieces and then has no more for now.
struct Pieces {
    bytes: Vec<u8>,
    at: usize,
    /// Where a read stops, ascending.
    cuts: VecDeque<usize>,
}

impl Read for Pieces {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.cuts.front().is_some_and(|cut| *cut <= self.at) {
            self.cuts.pop_front();
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let end = self.cuts.front().copied().unwrap_or(self.bytes.len());
        let piece = &self.bytes[self.at..end.min(self.bytes.len())];
        if piece.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let n = piece.len().min(into.len());
        into[..n].copy_from_slice(&piece[..n]);
        self.at += n;
        Ok(n)
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

/// The WebSocket stream in which a server would have sent the messages: fragments of at most
/// `fragment` bytes, with a control ping between any two of them.
fn websocket_stream(messages: &[WireMessage], fragment: usize) -> Vec<u8> {
    use tungstenite::protocol::frame::Frame;
    use tungstenite::protocol::frame::coding::{Data, OpCode};

    let mut stream = Vec::new();
    for message in messages {
        let mut opcode = match message {
            WireMessage::Text(_) => Data::Text,
            WireMessage::Binary(_) => Data::Binary,
        };
        let mut rest = message.as_bytes().clone();
        loop {
            let part = rest.split_to(rest.len().min(fragment));
            let frame = Frame::message(part, OpCode::Data(opcode), rest.is_empty());
            frame.format(&mut stream).unwrap();
            if rest.is_empty() {
                break;
            }
            Frame::ping("between").format(&mut stream).unwrap();
            opcode = Data::Continue;
        }
    }
    stream
}

/// A session that wants every namespace of the recording.
fn session_for_all(capture: &Capture) -> Session {
    let wanted = capture
        .lines
        .iter()
        .flat_map(Line::packets)
        .filter_map(|message| socketio_packet(&message))
        .map(|packet| Wanted::new(packet.namespace))
        .collect();
    Session::new(
        capture.revision(),
        Limits::default(),
        wanted,
        Stamp::default(),
    )
}

/// Feeds messages and says what came out.
fn outputs_for(capture: &Capture, messages: Vec<WireMessage>) -> Vec<Output> {
    let mut session = session_for_all(capture);
    let mut outputs = Vec::new();
    for message in messages {
        match message {
            WireMessage::Text(text) => session.on_text(text, Stamp::default()),
            WireMessage::Binary(bytes) => session.on_binary(bytes, Stamp::default()),
        }
        outputs.extend(std::iter::from_fn(|| session.poll_output()));
    }
    outputs
}

/// Reads a stream cut at `cuts` into a session, and says what came out.
fn outputs_of(stream: Vec<u8>, cuts: Vec<usize>, capture: &Capture) -> Vec<Output> {
    use tungstenite::protocol::{Role, WebSocket};

    let mut session = session_for_all(capture);
    let socket = Pieces {
        bytes: stream,
        at: 0,
        cuts: cuts.into(),
    };
    let mut socket = WebSocket::from_raw_socket(socket, Role::Client, None);
    let at = Stamp::default();
    let mut outputs = Vec::new();
    loop {
        match socket.read() {
            Ok(tungstenite::Message::Text(text)) => session.on_text(text.into(), at),
            Ok(tungstenite::Message::Binary(bytes)) => session.on_binary(bytes, at),
            Ok(_) => session.heard(1, at),
            Err(tungstenite::Error::Io(error)) => {
                assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
                let inner = socket.get_ref();
                if inner.at == inner.bytes.len() && inner.cuts.is_empty() {
                    break;
                }
            }
            Err(error) => panic!("{}: {error}", capture.name),
        }
        outputs.extend(std::iter::from_fn(|| session.poll_output()));
    }
    outputs
}

fn incoming(capture: &Capture) -> Vec<WireMessage> {
    capture
        .lines
        .iter()
        .filter(|line| line.dir == Direction::In)
        .flat_map(Line::packets)
        .collect()
}

/// Nothing of a stream may be lost or added by where it is cut.
fn check_cuts(capture: &Capture, fragment: usize, cut: impl Fn(usize) -> Vec<usize>) {
    let messages = incoming(capture);
    let want = outputs_for(capture, messages.clone());
    let events = |outputs: &[Output]| {
        let is_event = |output: &&Output| matches!(output, Output::Event(_));
        outputs.iter().filter(is_event).count()
    };
    let stream = websocket_stream(&messages, fragment);
    let cuts = cut(stream.len());
    let got = outputs_of(stream, cuts, capture);
    assert_eq!(got, want, "{}", capture.name);
    let headers = messages.iter().filter_map(socketio_packet);
    let expected = headers.filter(|packet| is_event(packet.kind)).count();
    // A recording may hold the end of a namespace, and events are not delivered after it.
    assert!(events(&got) <= expected, "{}", capture.name);
    assert!(expected == 0 || events(&got) > 0, "{}", capture.name);
}

#[test]
fn a_stream_that_comes_byte_by_byte_says_the_same() {
    for capture in captures().iter().filter(|c| c.is_session()) {
        check_cuts(capture, 1000, |len| (1..len).collect());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    #[test]
    fn a_stream_cut_anywhere_says_the_same(
        fragment in 1_usize..5_000,
        places in prop::collection::vec(any::<prop::sample::Index>(), 0..60),
    ) {
        for capture in captures().iter().filter(|c| c.is_session()) {
            check_cuts(capture, fragment, |len| {
                let mut cuts: Vec<_> = places.iter().map(|place| place.index(len)).collect();
                cuts.sort_unstable();
                cuts
            });
        }
    }
    #[test]
    fn a_session_packed_into_polling_bodies_says_the_same(spare in 0..100_000_usize) {
        for capture in captures().iter().filter(|c| c.is_session()) {
            let messages = incoming(capture);
            let mut queue = VecDeque::from(messages.clone());
            let largest = messages.iter().map(encoded_len).max().unwrap();
            let mut packets = Vec::new();
            while let Some(body) = next_post(&mut queue, (largest + spare) as u64).unwrap() {
                packets.extend(split(&body, largest + spare, 16).unwrap());
            }
            prop_assert_eq!(outputs_for(capture, packets), outputs_for(capture, messages));
        }
    }

    #[test]
    fn a_damaged_session_ends_at_most_once_and_never_panics(
        place in any::<prop::sample::Index>(),
        damage in 0_u8..4,
        byte in any::<u8>(),
    ) {
        for capture in captures().iter().filter(|c| c.is_session()) {
            let mut messages = incoming(capture);
            let at = place.index(messages.len());
            let damaged = |bytes: &Bytes| {
                let mut bytes = bytes.to_vec();
                if !bytes.is_empty() {
                    let at = place.index(bytes.len());
                    bytes[at] = byte;
                }
                Bytes::from(bytes)
            };
            match damage {
                0 => drop(messages.remove(at)),
                1 => messages.insert(at, messages[at].clone()),
                2 => messages.truncate(at),
                _ => {
                    messages[at] = match &messages[at] {
                        WireMessage::Text(text) => WireMessage::Text(damaged(text)),
                        WireMessage::Binary(bytes) => WireMessage::Binary(damaged(bytes)),
                    }
                }
            }
            let outputs = outputs_for(capture, messages);
            let end = outputs.iter().position(|o| matches!(o, Output::Ended { .. }));
            prop_assert!(end.is_none_or(|end| end + 1 == outputs.len()), "{}", capture.name);
        }
    }
}
