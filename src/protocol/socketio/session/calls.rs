//! What the client asks for: namespaces, events, answers, an end.

use bytes::Bytes;

use super::namespace::{Namespace, Phase};
use super::{Session, Wanted, after};
use crate::model::{EndReason, Stamp};
use crate::protocol::engineio::{
    self, OpenPacket, PacketKind as EngineKind, Revision, WireMessage,
};
use crate::protocol::socketio::outgoing::{self, EmitError};
use crate::protocol::socketio::output::Output;
use crate::protocol::socketio::packet::{Packet, PacketKind};

impl Session {
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
        let id = self.namespaces.get(index).map_or(0, Namespace::next_ack_id);
        self.send_event(index, Some(id), array_json, attachments)?;
        if let Some(namespace) = self.namespaces.get_mut(index) {
            namespace.await_ack(id, after(at.mono_ns, self.limits.ack_answer));
        }
        Ok(id)
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

    pub(super) fn ask_for_namespaces(&mut self, at: Stamp) {
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

    pub(super) fn path(&self) -> outgoing::Path {
        outgoing::Path {
            revision: self.revision,
            polling: self.polling,
            max_payload: self
                .open
                .as_ref()
                .map_or(OpenPacket::DEFAULT_MAX_PAYLOAD, |open| open.max_payload),
        }
    }
}
