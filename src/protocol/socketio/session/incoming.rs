//! What a server's messages do.

use bytes::Bytes;

use super::assembly::{Assembly, Step};
use super::heartbeat::Heartbeat;
use super::namespace::Phase;
use super::violation::Violation;
use super::{Content, Oddity, Session, quoted};
use crate::model::{DropReason, EndReason, Fault, FaultKind, Severity, Stamp};
use crate::protocol::engineio::{
    self, OpenPacket, PacketKind as EngineKind, Revision, decode_attachment,
};
use crate::protocol::socketio::output::{AckFailure, Event, Output};
use crate::protocol::socketio::packet::{Packet, PacketKind};
use crate::protocol::socketio::payload::{self, Skip, Unusable};

impl Session {
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

    pub(super) fn deliver(&mut self, index: usize, mut event: Event) {
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
}
