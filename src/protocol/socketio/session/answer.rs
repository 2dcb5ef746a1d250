//! What becomes of a namespace: the server's CONNECT, CONNECT_ERROR and DISCONNECT.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::namespace::Phase;
use super::violation::Violation;
use super::{Oddity, Session, quoted};
use crate::model::{DropReason, EndReason, Fault, FaultKind, Severity};
use crate::protocol::engineio::{self, OpenPacket, PacketKind as EngineKind, Revision};
use crate::protocol::socketio::output::{AckFailure, Output};
use crate::protocol::socketio::packet::{Packet, PacketKind};
use crate::protocol::socketio::payload::{self, Unusable};

/// What a server says when it gives no reason.
const NO_REASON: &str = "no reason given";

#[derive(Deserialize)]
struct Accepted {
    sid: String,
    pid: Option<String>,
}

#[derive(Deserialize)]
struct Reason<'a> {
    message: Option<serde_json::Value>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

impl Session {
    pub(super) fn connect_answered(&mut self, packet: &Packet) -> Result<(), Violation> {
        let Some((sid, pid)) = self.accepted(packet)? else {
            return Ok(());
        };
        let waiting = self.namespaces.iter().position(|namespace| {
            namespace.name() == packet.namespace
                && matches!(namespace.phase, Phase::Connecting { .. })
        });
        let found = waiting.and_then(|index| Some((index, self.namespaces.get_mut(index)?)));
        let Some((index, namespace)) = found else {
            // In revision 3 the default namespace is connected whether it is wanted or not.
            if self.revision == Revision::V4 {
                let what = format!(" ({})", quoted(&packet.namespace));
                self.ignored(Oddity::UnaskedConnect, &what);
            }
            return Ok(());
        };
        let recovered = namespace.connected(pid.clone());
        let held = namespace.take_held();
        self.outputs.push_back(Output::Connected {
            namespace: packet.namespace.clone(),
            sid,
            pid,
            recovered,
        });
        for event in held {
            self.deliver(index, event);
        }
        Ok(())
    }

    /// The ids in a CONNECT answer; `None` if it is for no namespace of ours.
    fn accepted(&mut self, packet: &Packet) -> Result<Option<(String, Option<String>)>, Violation> {
        if packet.payload.is_empty() && self.revision == Revision::V3 {
            let engine = self.open.as_ref().map(|open: &OpenPacket| open.sid.clone());
            return Ok(Some((engine.unwrap_or_default(), None)));
        }
        let json = self.strict_json(packet)?;
        let accepted: Accepted = serde_json::from_str(json)
            .map_err(|_| Violation::payload(packet.kind, "is not an object with a sid"))?;
        Ok(Some((accepted.sid, accepted.pid)))
    }

    pub(super) fn connect_refused(&mut self, packet: &Packet) -> Result<(), Violation> {
        let (message, data) = self.reason(packet)?;
        match self.alive(&packet.namespace) {
            Some(index) => self.refused(index, message, data),
            None => {
                let what = format!(" ({})", quoted(&packet.namespace));
                self.ignored(Oddity::UnknownNamespace, &what);
            }
        }
        Ok(())
    }

    fn reason(&self, packet: &Packet) -> Result<(String, Option<Bytes>), Violation> {
        if packet.payload.is_empty() && self.revision == Revision::V3 {
            return Ok((NO_REASON.to_owned(), None));
        }
        let json = self.strict_json(packet)?;
        let wrong = || Violation::payload(packet.kind, "is neither an object nor a text");
        let raw: &RawValue = serde_json::from_str(json).map_err(|_| wrong())?;
        match raw.get().as_bytes().first() {
            Some(b'"') => {
                let message = serde_json::from_str(raw.get()).map_err(|_| wrong())?;
                Ok((message, None))
            }
            Some(b'{') => {
                let reason: Reason<'_> = serde_json::from_str(raw.get()).map_err(|_| wrong())?;
                let data = reason.data.map(|data| data.get());
                let message = match reason.message {
                    Some(serde_json::Value::String(message)) => message,
                    _ => {
                        // Revision 3 sends the application's data bare.
                        let data = data.unwrap_or(raw.get());
                        return Ok((NO_REASON.to_owned(), Some(copy(data))));
                    }
                };
                Ok((message, data.map(copy)))
            }
            _ if self.revision == Revision::V3 => Ok((NO_REASON.to_owned(), Some(copy(raw.get())))),
            _ => Err(wrong()),
        }
    }

    /// The JSON of a packet that has to be right: nothing in it is skipped.
    fn strict_json<'a>(&self, packet: &'a Packet) -> Result<&'a str, Violation> {
        let why = match payload::text(&packet.payload, &self.limits) {
            Ok(json) => return Ok(json),
            Err(Unusable::Broken(why)) => why,
            Err(Unusable::Skip(skip)) => format!("cannot be used: {skip}"),
        };
        Err(Violation::payload(packet.kind, why))
    }

    pub(super) fn disconnected(&mut self, packet: &Packet) -> Result<(), Violation> {
        if !packet.payload.is_empty() {
            return Err(Violation::payload(
                PacketKind::Disconnect,
                "should not be there",
            ));
        }
        let Some(index) = self.alive(&packet.namespace) else {
            let what = format!(" ({})", quoted(&packet.namespace));
            self.ignored(Oddity::UnknownNamespace, &what);
            return Ok(());
        };
        self.drop_namespace(index);
        self.outputs.push_back(Output::NamespaceGone {
            namespace: packet.namespace.clone(),
        });
        let detail = format!("the server ended namespace {}", quoted(&packet.namespace));
        self.end_if_alone(EndReason::ServerDisconnect, &detail);
        Ok(())
    }

    /// A namespace will not be connected.
    pub(super) fn refused(&mut self, index: usize, message: String, data: Option<Bytes>) {
        let Some(namespace) = self.namespaces.get(index) else {
            return;
        };
        let name = namespace.name().to_owned();
        self.drop_namespace(index);
        let detail = format!(
            "namespace {} was refused: {}",
            quoted(&name),
            quoted(&message)
        );
        self.outputs.push_back(Output::Refused {
            namespace: name,
            message,
            data,
        });
        self.end_if_alone(EndReason::Refused, &detail);
    }

    pub(super) fn drop_namespace(&mut self, index: usize) {
        let Some(namespace) = self.namespaces.get_mut(index) else {
            return;
        };
        let name = namespace.name().to_owned();
        for id in std::mem::take(&mut namespace.pending).into_keys() {
            self.outputs.push_back(Output::AckFailed {
                namespace: name.clone(),
                id,
                why: AckFailure::Disconnected,
            });
        }
        let held = namespace.gone();
        if held > 0 {
            self.outputs.push_back(never_delivered(&name, held));
        }
    }

    /// Without a namespace a connection is of no use.
    fn end_if_alone(&mut self, reason: EndReason, detail: &str) {
        if self.namespaces.iter().any(|namespace| namespace.is_alive()) {
            return;
        }
        self.send_text(engineio::Packet::encode(EngineKind::Close, b""));
        self.end(reason, detail);
    }
}

/// Events that waited for a CONNECT answer in vain.
pub(super) fn never_delivered(namespace: &str, events: usize) -> Output {
    let text = format!(
        "{events} events of namespace {} were dropped: it was never connected",
        quoted(namespace)
    );
    Output::Rejected {
        reason: DropReason::NoOutlet,
        count: u64::try_from(events).unwrap_or(u64::MAX),
        fault: Fault::new(FaultKind::Peer, Severity::Warning, text),
    }
}

fn copy(json: &str) -> Bytes {
    Bytes::copy_from_slice(json.as_bytes())
}
