//! One connection, from the open packet to its end, without a socket and without a clock.
//!
//! The driver feeds what the transport received with the time, calls [`Session::on_tick`] no later
//! than [`Session::deadline`], and after each call does what [`Session::poll_output`] says. After
//! [`Output::Ended`] nothing has an effect any more: a reconnection is a new session.

mod answer;
mod assembly;
mod heartbeat;
mod namespace;
mod oddity;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use self::assembly::{Assembly, Step};
use self::heartbeat::{Beat, Heartbeat, nanos};
use self::namespace::{Namespace, Phase};
use self::oddity::Oddities;
use super::limits::Limits;
use super::outgoing::{self, EmitError};
use super::output::{AckFailure, Event, Output};
use super::packet::{Packet, PacketKind};
use super::payload::{self, EventHead, Skip, Unusable};
use crate::model::text::printable;
use crate::model::{DropReason, EndReason, Fault, FaultKind, Severity, Stamp};
use crate::protocol::engineio::{
    self, OpenPacket, PacketKind as EngineKind, Revision, WireMessage, decode_attachment,
};

pub use namespace::{Recovery, Wanted};
pub use oddity::Oddity;

/// One Socket.IO connection.
#[derive(Debug)]
pub struct Session {
    revision: Revision,
    limits: Limits,
    polling: bool,
    handshake_until_ns: u64,
    open: Option<OpenPacket>,
    /// Present from the open packet on.
    heartbeat: Option<Heartbeat>,
    namespaces: Vec<Namespace>,
    assembly: Option<Assembly>,
    oddities: Oddities,
    outputs: VecDeque<Output>,
    ended: bool,
}

/// What a packet with a name or a number is, once its JSON was looked at.
#[derive(Clone, Debug)]
enum Content {
    Event(EventHead),
    Ack,
    /// It will be dropped; its attachments are awaited all the same.
    Skip(Skip),
}

/// A rule was broken: the connection ends.
#[derive(Debug)]
struct Violation {
    kind: FaultKind,
    what: String,
}

impl Violation {
    fn malformed(what: impl ToString) -> Self {
        Self {
            kind: FaultKind::Malformed,
            what: what.to_string(),
        }
    }

    fn too_large(what: impl ToString) -> Self {
        Self {
            kind: FaultKind::TooLarge,
            what: what.to_string(),
        }
    }

    fn payload(kind: PacketKind, why: impl ToString) -> Self {
        let why = why.to_string();
        Self::malformed(super::PacketError::BadPayload { kind, why })
    }
}

impl From<super::PacketError> for Violation {
    fn from(error: super::PacketError) -> Self {
        let kind = match error {
            super::PacketError::TooManyAttachments { .. } => FaultKind::TooLarge,
            _ => FaultKind::Malformed,
        };
        let what = error.to_string();
        Self { kind, what }
    }
}

/// Names and words of a server are quoted up to this many characters.
const QUOTED_CHARS: usize = 80;

impl Session {
    /// A session that waits for the open packet and then connects to `wanted`. `started` is when
    /// the driver began to connect: [`Limits::handshake`] counts from there.
    pub fn new(revision: Revision, limits: Limits, wanted: Vec<Wanted>, started: Stamp) -> Self {
        Self {
            handshake_until_ns: after(started.mono_ns, limits.handshake),
            revision,
            limits,
            polling: false,
            open: None,
            heartbeat: None,
            namespaces: wanted.into_iter().map(Namespace::new).collect(),
            assembly: None,
            oddities: Oddities::default(),
            outputs: VecDeque::new(),
            ended: false,
        }
    }

    /// A whole text message, or a text packet of a polling body.
    pub fn on_text(&mut self, text: Bytes, at: Stamp) {
        if self.ended {
            return;
        }
        self.touch(at);
        if let Err(violation) = self.text(&text, at) {
            self.violated(violation, &text);
        }
    }

    /// A whole binary message, or a binary packet of a polling body.
    pub fn on_binary(&mut self, binary: Bytes, at: Stamp) {
        if self.ended {
            return;
        }
        self.touch(at);
        if let Err(violation) = self.binary(&binary, at) {
            self.violated(violation, &binary);
        }
    }

    /// Bytes arrived, whole message or not: the link is alive. The driver calls it for each read of
    /// the socket, so that a long attachment on a slow link counts as life and as progress.
    pub fn heard(&mut self, bytes: usize, at: Stamp) {
        self.touch(at);
        if let Some(assembly) = &mut self.assembly {
            assembly.heard(bytes, at.mono_ns);
        }
    }

    /// When [`Session::on_tick`] wants to be called next, monotonic nanoseconds.
    pub fn deadline(&self) -> Option<u64> {
        if self.ended {
            return None;
        }
        let Some(heartbeat) = &self.heartbeat else {
            return Some(self.handshake_until_ns);
        };
        let namespaces = self.namespaces.iter().filter_map(|namespace| {
            let connecting = match namespace.phase {
                Phase::Connecting { until_ns } => Some(until_ns),
                Phase::Waiting | Phase::Connected | Phase::Gone => None,
            };
            let ack = namespace.pending.first_key_value().map(|(_, due)| *due);
            connecting.into_iter().chain(ack).min()
        });
        let assembly = self.assembly.as_ref().map(|a| a.deadline(&self.limits));
        namespaces
            .chain(assembly)
            .chain([heartbeat.deadline()])
            .min()
    }

    /// Does what is due at `now_ns`, monotonic nanoseconds: time limits and, in revision 3, pings.
    /// Feed what the transport has before: what was not read yet must not look like silence.
    pub fn on_tick(&mut self, now_ns: u64) {
        if self.ended {
            return;
        }
        let Some(heartbeat) = &mut self.heartbeat else {
            if now_ns >= self.handshake_until_ns {
                let limit = self.limits.handshake;
                let detail = format!("the server did not open a session within {limit:?}");
                self.end(EndReason::HandshakeFailed, &detail);
            }
            return;
        };
        match heartbeat.tick(now_ns) {
            Some(Beat::Dead { silent }) => {
                let detail = format!("nothing was received for {:.1} s", silent.as_secs_f64());
                return self.end(EndReason::PingTimeout, &detail);
            }
            Some(Beat::Ping) => self.send_text(engineio::Packet::encode(EngineKind::Ping, b"")),
            Some(Beat::PingsMissing { since }) => {
                let text = format!(
                    "the server has not pinged for {:.1} s while data keep coming",
                    since.as_secs_f64()
                );
                self.fault(Fault::new(FaultKind::Timeout, Severity::Warning, text));
            }
            None => {}
        }
        self.tick_namespaces(now_ns);
        self.tick_assembly(now_ns);
    }

    /// Connects to one more namespace, or again to one that is gone. It does nothing for one that
    /// is connected or on its way.
    pub fn connect(&mut self, wanted: Wanted, at: Stamp) {
        let known = self
            .namespaces
            .iter()
            .any(|namespace| namespace.is_alive() && namespace.name() == wanted.namespace);
        if self.ended || known {
            return;
        }
        self.namespaces
            .retain(|namespace| namespace.name() != wanted.namespace);
        self.namespaces.push(Namespace::new(wanted));
        if self.open.is_some() {
            self.ask_for_namespaces(at);
        }
    }

    /// Sends an event. `array_json` is the whole array, the name first; with attachments it holds
    /// their placeholders, `{"_placeholder":true,"num":0}` and so on.
    pub fn emit(
        &mut self,
        namespace: &str,
        array_json: &str,
        attachments: &[Bytes],
    ) -> Result<(), EmitError> {
        let index = self.connected(namespace)?;
        self.send_event(index, None, array_json, attachments)
    }

    /// As [`Session::emit`], and asks for an acknowledgement: [`Output::Acked`] or
    /// [`Output::AckFailed`] with the returned number follows.
    pub fn emit_with_ack(
        &mut self,
        namespace: &str,
        array_json: &str,
        attachments: &[Bytes],
        at: Stamp,
    ) -> Result<u64, EmitError> {
        let index = self.connected(namespace)?;
        let under_way = self
            .namespaces
            .iter()
            .fold(0_usize, |sum, n| sum.saturating_add(n.pending.len()));
        let limit = self.limits.pending_acks;
        if under_way >= limit {
            return Err(EmitError::TooManyAcks { limit });
        }
        let not_connected = || EmitError::NotConnected {
            namespace: namespace.to_owned(),
        };
        let until_ns = after(at.mono_ns, self.limits.ack_answer);
        let id = self
            .namespaces
            .get_mut(index)
            .ok_or_else(not_connected)?
            .take_ack_id(until_ns);
        let sent = self.send_event(index, Some(id), array_json, attachments);
        if let (Err(_), Some(namespace)) = (&sent, self.namespaces.get_mut(index)) {
            namespace.pending.remove(&id);
        }
        sent.map(|()| id)
    }

    /// Answers an event that asked for it, with its number and the array of arguments (`[]`).
    pub fn ack(
        &mut self,
        namespace: &str,
        id: u64,
        array_json: &str,
        attachments: &[Bytes],
    ) -> Result<(), EmitError> {
        self.connected(namespace)?;
        let messages = outgoing::ack(
            self.path(),
            &self.limits,
            namespace,
            id,
            array_json,
            attachments,
        )?;
        self.outputs.extend(messages.into_iter().map(Output::Send));
        Ok(())
    }

    /// Leaves one namespace; the connection stays, also without any. It does nothing for one that is
    /// not connected.
    pub fn leave(&mut self, namespace: &str) {
        if let Ok(index) = self.connected(namespace) {
            self.send_text(Packet::new(PacketKind::Disconnect, namespace).encode());
            self.drop_namespace(index);
        }
    }

    /// Leaves in order: DISCONNECT for each namespace, close, [`Output::Ended`].
    pub fn close(&mut self) {
        if self.ended {
            return;
        }
        let leaving: Vec<_> = self
            .namespaces
            .iter()
            .filter(|namespace| namespace.phase == Phase::Connected)
            .map(|namespace| Packet::new(PacketKind::Disconnect, namespace.name()).encode())
            .collect();
        for message in leaving {
            self.send_text(message);
        }
        if self.open.is_some() {
            self.send_text(engineio::Packet::encode(EngineKind::Close, b""));
        }
        self.end(EndReason::ClientDisconnect, "we closed the connection");
    }

    /// The transport ended or failed below; says so as [`Output::Ended`] unless the session had
    /// ended before.
    pub fn transport_ended(&mut self, reason: EndReason, detail: &str) {
        if !self.ended {
            self.end(reason, detail);
        }
    }

    /// Whether messages go through polling bodies, where attachments travel as base64 and the
    /// server's size limit counts that. A WebSocket is assumed until told otherwise.
    pub fn set_polling(&mut self, polling: bool) {
        self.polling = polling;
    }

    /// What the driver has to do next; `None` until more is fed.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// What the server said when it opened the session.
    pub fn open_packet(&self) -> Option<&OpenPacket> {
        self.open.as_ref()
    }

    /// The Engine.IO revision in use.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// The limits in use.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// When the server pinged last (or opened the session), in revision 3 when we did: monotonic
    /// nanoseconds.
    pub fn last_ping_ns(&self) -> Option<u64> {
        self.heartbeat.as_ref().map(Heartbeat::last_ping_ns)
    }

    /// How often something was ignored.
    pub fn oddity_count(&self, oddity: Oddity) -> u64 {
        self.oddities.count(oddity)
    }

    /// Whether [`Output::Ended`] was said.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// What the next connection may ask for in this namespace, if anything can be recovered. It
    /// stays available after the end.
    pub fn recovery(&self, namespace: &str) -> Option<Recovery> {
        self.namespaces
            .iter()
            .find(|candidate| candidate.name() == namespace)
            .and_then(Namespace::recovery)
    }

    fn touch(&mut self, at: Stamp) {
        if let Some(heartbeat) = &mut self.heartbeat {
            heartbeat.heard(at.mono_ns);
        }
    }

    fn text(&mut self, text: &Bytes, at: Stamp) -> Result<(), Violation> {
        let limit = self.limits.text_bytes;
        if text.len() > limit {
            let got = text.len();
            return Err(Violation::too_large(format!(
                "a text message of {got} bytes, over the limit of {limit}"
            )));
        }
        let packet = match engineio::Packet::decode(text) {
            Err(engineio::PacketError::Empty) => {
                self.ignored(Oddity::EmptyMessage, "");
                return Ok(());
            }
            decoded => decoded.map_err(Violation::malformed)?,
        };
        if self.open.is_none() {
            return self.opened(&packet, at);
        }
        match packet.kind {
            EngineKind::Message => self.message(&packet.body, at),
            EngineKind::Ping => {
                self.send_text(engineio::Packet::encode(EngineKind::Pong, &packet.body));
                if let (Revision::V4, Some(heartbeat)) = (self.revision, &mut self.heartbeat) {
                    heartbeat.pinged(at.mono_ns);
                }
                Ok(())
            }
            EngineKind::Pong => {
                if self.revision == Revision::V4 {
                    self.ignored(Oddity::UnaskedPong, "");
                }
                Ok(())
            }
            EngineKind::Noop => Ok(()),
            EngineKind::Close => {
                self.end(EndReason::TransportClose, "the server closed the session");
                Ok(())
            }
            EngineKind::Open => Err(Violation::malformed("a second open packet")),
            EngineKind::Upgrade => Err(Violation::malformed("an upgrade packet from a server")),
        }
    }

    fn opened(&mut self, packet: &engineio::Packet, at: Stamp) -> Result<(), Violation> {
        if packet.kind != EngineKind::Open {
            return Err(Violation::malformed(
                "something else than an open packet as its first",
            ));
        }
        let open = OpenPacket::parse(&packet.body).map_err(Violation::malformed)?;
        self.heartbeat = Some(Heartbeat::new(self.revision, &open, at.mono_ns));
        self.outputs.push_back(Output::Opened(open.clone()));
        self.open = Some(open);
        self.ask_for_namespaces(at);
        Ok(())
    }

    fn ask_for_namespaces(&mut self, at: Stamp) {
        let until_ns = after(at.mono_ns, self.limits.connect_answer);
        let path = self.path();
        for index in 0..self.namespaces.len() {
            let Some(namespace) = self.namespaces.get_mut(index) else {
                continue;
            };
            if namespace.phase != Phase::Waiting {
                continue;
            }
            if !namespace.has_valid_name() {
                let why = "its name does not begin with / or holds , or ?";
                self.refused(index, why.to_owned(), None);
                continue;
            }
            let message = match self.revision {
                Revision::V4 => namespace.connect_message(),
                Revision::V3 => namespace.connect_message_v3(),
            };
            let Some(message) = message else {
                self.refused(
                    index,
                    "its credentials are not a JSON object".to_owned(),
                    None,
                );
                continue;
            };
            namespace.phase = Phase::Connecting { until_ns };
            if message.is_empty() {
                continue;
            }
            let message = WireMessage::Text(message);
            match outgoing::check_size(path, &message) {
                Ok(()) => self.outputs.push_back(Output::Send(message)),
                Err(error) => self.refused(index, error.to_string(), None),
            }
        }
    }

    /// A Socket.IO packet.
    fn message(&mut self, body: &Bytes, at: Stamp) -> Result<(), Violation> {
        if let Some(assembly) = &self.assembly {
            let missing = assembly
                .packet
                .attachments
                .saturating_sub(assembly.attachments.len());
            return Err(Violation::malformed(format!(
                "a packet while {missing} attachments of the one before are missing"
            )));
        }
        let packet = Packet::decode(body, self.limits.attachments)?;
        match packet.kind {
            PacketKind::Connect => self.connect_answered(&packet),
            PacketKind::ConnectError => self.connect_refused(&packet),
            PacketKind::Disconnect => self.disconnected(&packet),
            PacketKind::Event | PacketKind::Ack => {
                let content = self.content(&packet)?;
                self.complete(packet, content, Vec::new(), at)
            }
            PacketKind::BinaryEvent | PacketKind::BinaryAck => {
                let content = self.content(&packet)?;
                self.assembly = Some(Assembly::new(packet, content, at.mono_ns));
                Ok(())
            }
        }
    }

    /// Looks at the JSON of an event or an answer.
    fn content(&self, packet: &Packet) -> Result<Content, Violation> {
        if packet.namespace.len() > self.limits.namespace_bytes {
            let limit = self.limits.namespace_bytes;
            return Ok(Content::Skip(Skip::NamespaceTooLong { limit }));
        }
        let attachments = packet.kind.is_binary().then_some(packet.attachments);
        let checked = match packet.kind {
            PacketKind::Ack | PacketKind::BinaryAck => {
                payload::ack(&packet.payload, attachments, &self.limits).map(|()| Content::Ack)
            }
            _ => payload::event(&packet.payload, attachments, &self.limits).map(Content::Event),
        };
        match checked {
            Ok(content) => Ok(content),
            Err(Unusable::Skip(skip)) => Ok(Content::Skip(skip)),
            Err(Unusable::Broken(why)) => Err(Violation::payload(packet.kind, why)),
        }
    }

    fn binary(&mut self, binary: &Bytes, at: Stamp) -> Result<(), Violation> {
        if self.open.is_none() {
            return Err(Violation::malformed(
                "a binary message instead of an open packet",
            ));
        }
        let Some(assembly) = &mut self.assembly else {
            return Err(Violation::malformed(
                "a binary message that belongs to no packet",
            ));
        };
        let attachment = decode_attachment(self.revision, binary).map_err(Violation::malformed)?;
        let limit = self.limits.attachment_bytes;
        if attachment.len() > limit {
            let got = attachment.len();
            return Err(Violation::too_large(format!(
                "an attachment of {got} bytes, over the limit of {limit}"
            )));
        }
        match assembly.push(attachment, &self.limits, at.mono_ns) {
            Step::Waiting => Ok(()),
            Step::TooLarge(what) => Err(Violation::too_large(what)),
            Step::Complete => match self.assembly.take() {
                Some(done) => self.complete(done.packet, done.content, done.attachments, at),
                None => Ok(()),
            },
        }
    }

    /// An event or an answer is there with all its attachments.
    fn complete(
        &mut self,
        packet: Packet,
        content: Content,
        attachments: Vec<Bytes>,
        at: Stamp,
    ) -> Result<(), Violation> {
        let is_event = matches!(packet.kind, PacketKind::Event | PacketKind::BinaryEvent);
        match (content, packet.ack_id) {
            (Content::Event(head), ack_id) => {
                let event = Event {
                    received: at,
                    namespace: packet.namespace,
                    name: head.name,
                    array: packet.payload,
                    attachments,
                    ack_id,
                    // Only a candidate: whether it counts is known once it can be delivered.
                    offset: head.last_text,
                };
                self.event(event)
            }
            (Content::Skip(skip), _) if is_event => {
                self.skipped(&packet, skip);
                Ok(())
            }
            (Content::Ack, Some(id)) => {
                self.acked(packet, id, Some(attachments));
                Ok(())
            }
            (Content::Skip(skip), Some(id)) => {
                let text = format!(
                    "an acknowledgement in {} cannot be used: {skip}",
                    quoted(&packet.namespace)
                );
                self.fault(
                    Fault::new(FaultKind::Malformed, Severity::Warning, text)
                        .with_sample(&packet.payload),
                );
                self.acked(packet, id, None);
                Ok(())
            }
            // The packet's decoder lets no answer pass without a number.
            (Content::Ack | Content::Skip(_), None) => Ok(()),
        }
    }

    fn event(&mut self, event: Event) -> Result<(), Violation> {
        let Some(index) = self.alive(&event.namespace) else {
            let what = format!(" ({})", quoted(&event.namespace));
            self.ignored(Oddity::UnknownNamespace, &what);
            return Ok(());
        };
        match self.namespaces.get_mut(index) {
            Some(namespace) if namespace.phase == Phase::Connected => self.deliver(index, event),
            Some(namespace) => {
                let (events, bytes) = namespace.hold(event);
                if events > self.limits.held_events || bytes > self.limits.held_bytes {
                    return Err(Violation::too_large(format!(
                        "{events} events ({bytes} bytes) before the namespace was connected"
                    )));
                }
            }
            None => {}
        }
        Ok(())
    }

    fn deliver(&mut self, index: usize, mut event: Event) {
        let Some(namespace) = self.namespaces.get_mut(index) else {
            return;
        };
        let last_text = event.offset.take();
        if namespace.is_new(&mut event, last_text) {
            self.outputs.push_back(Output::Event(event));
        } else {
            let what = format!(" (\"{}\")", quoted(&event.name));
            self.ignored(Oddity::RepeatedEvent, &what);
        }
    }

    /// `attachments` is `None` for an answer that cannot be used.
    fn acked(&mut self, packet: Packet, id: u64, attachments: Option<Vec<Bytes>>) {
        let awaited = self
            .alive(&packet.namespace)
            .and_then(|index| self.namespaces.get_mut(index))
            .and_then(|namespace| namespace.pending.remove(&id))
            .is_some();
        if !awaited {
            self.ignored(Oddity::LateAck, "");
            return;
        }
        let namespace = packet.namespace;
        self.outputs.push_back(match attachments {
            Some(attachments) => Output::Acked {
                namespace,
                id,
                array: packet.payload,
                attachments,
            },
            None => Output::AckFailed {
                namespace,
                id,
                why: AckFailure::Unreadable,
            },
        });
    }

    fn skipped(&mut self, packet: &Packet, skip: Skip) {
        let (reason, kind) = if skip.is_too_large() {
            (DropReason::TooLarge, FaultKind::TooLarge)
        } else {
            (DropReason::Malformed, FaultKind::Malformed)
        };
        let text = format!(
            "an event in {} was dropped: {skip}",
            quoted(&packet.namespace)
        );
        let fault = Fault::new(kind, Severity::Warning, text).with_sample(&packet.payload);
        self.outputs.push_back(Output::Rejected {
            reason,
            count: 1,
            fault,
        });
    }

    fn tick_namespaces(&mut self, now_ns: u64) {
        let overdue = self.namespaces.iter().find(
            |namespace| matches!(namespace.phase, Phase::Connecting { until_ns } if now_ns >= until_ns),
        );
        if let Some(namespace) = overdue {
            let detail = format!(
                "namespace {} was not answered within {:?}",
                quoted(namespace.name()),
                self.limits.connect_answer
            );
            return self.end(EndReason::HandshakeFailed, &detail);
        }
        for namespace in &mut self.namespaces {
            while let Some(due) = namespace.pending.first_entry() {
                if now_ns < *due.get() {
                    break;
                }
                let id = *due.key();
                due.remove();
                self.outputs.push_back(Output::AckFailed {
                    namespace: namespace.name().to_owned(),
                    id,
                    why: AckFailure::TimedOut,
                });
            }
        }
    }

    fn tick_assembly(&mut self, now_ns: u64) {
        let Some(assembly) = &self.assembly else {
            return;
        };
        if self.ended || now_ns < assembly.deadline(&self.limits) {
            return;
        }
        let detail = format!(
            "attachment {} of {} did not come within {:?}",
            assembly.attachments.len().saturating_add(1),
            assembly.packet.attachments,
            self.limits.binary_progress
        );
        self.end(EndReason::TransportError, &detail);
    }

    /// The index of a namespace that is connected.
    fn connected(&self, namespace: &str) -> Result<usize, EmitError> {
        self.namespaces
            .iter()
            .position(|n| n.phase == Phase::Connected && n.name() == namespace)
            .filter(|_| !self.ended)
            .ok_or_else(|| EmitError::NotConnected {
                namespace: namespace.to_owned(),
            })
    }

    /// The index of a namespace that is connected or on its way.
    fn alive(&self, namespace: &str) -> Option<usize> {
        self.namespaces
            .iter()
            .position(|n| n.is_alive() && n.name() == namespace)
    }

    fn send_event(
        &mut self,
        index: usize,
        ack_id: Option<u64>,
        array_json: &str,
        attachments: &[Bytes],
    ) -> Result<(), EmitError> {
        let name = self.namespaces.get(index).map_or("", Namespace::name);
        let messages = outgoing::event(
            self.path(),
            &self.limits,
            name,
            ack_id,
            array_json,
            attachments,
        )?;
        self.outputs.extend(messages.into_iter().map(Output::Send));
        Ok(())
    }

    fn path(&self) -> outgoing::Path {
        outgoing::Path {
            revision: self.revision,
            polling: self.polling,
            max_payload: self
                .open
                .as_ref()
                .map_or(OpenPacket::DEFAULT_MAX_PAYLOAD, |open| open.max_payload),
        }
    }

    fn send_text(&mut self, text: Bytes) {
        self.outputs
            .push_back(Output::Send(WireMessage::Text(text)));
    }

    fn fault(&mut self, fault: Fault) {
        self.outputs.push_back(Output::Fault(fault));
    }

    fn ignored(&mut self, oddity: Oddity, what: &str) {
        if let Some(fault) = self.oddities.add(oddity, what) {
            self.fault(fault);
        }
    }

    /// A broken rule: before the open packet it is no session at all, later it is an error.
    fn violated(&mut self, violation: Violation, message: &[u8]) {
        let detail = format!("the server sent {}", violation.what);
        self.fault(
            Fault::new(violation.kind, Severity::Error, detail.clone()).with_sample(message),
        );
        let reason = match self.open {
            Some(_) => EndReason::TransportError,
            None => EndReason::HandshakeFailed,
        };
        self.end(reason, &detail);
    }

    fn end(&mut self, reason: EndReason, detail: &str) {
        self.ended = true;
        self.assembly = None;
        for namespace in &mut self.namespaces {
            let name = namespace.name().to_owned();
            for id in std::mem::take(&mut namespace.pending).into_keys() {
                self.outputs.push_back(Output::AckFailed {
                    namespace: name.clone(),
                    id,
                    why: AckFailure::Disconnected,
                });
            }
            // What a recovery brings again is not lost.
            let held = namespace.take_held().len();
            if namespace.recovery().is_none() && held > 0 {
                self.outputs.push_back(answer::never_delivered(&name, held));
            }
        }
        self.outputs.push_back(Output::Ended {
            reason,
            detail: printable(detail).into_owned(),
        });
    }
}

/// `wait` after `now_ns`.
fn after(now_ns: u64, wait: Duration) -> u64 {
    now_ns.saturating_add(nanos(wait))
}

/// A server's words, short enough for a sentence.
fn quoted(text: &str) -> &str {
    match text.char_indices().nth(QUOTED_CHARS) {
        Some((end, _)) => text.get(..end).unwrap_or(text),
        None => text,
    }
}
