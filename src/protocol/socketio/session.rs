//! One connection, from the open packet to its end, without a socket and without a clock.
//!
//! The driver feeds what the transport received with the time, calls [`Session::on_tick`] no later
//! than [`Session::deadline`], and after each call does what [`Session::poll_output`] says. After
//! [`Output::Ended`] nothing has an effect any more: a reconnection is a new session.

mod answer;
mod assembly;
mod calls;
mod heartbeat;
mod incoming;
mod namespace;
mod oddity;
#[cfg(test)]
mod tests;
mod timing;
mod violation;

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use self::assembly::Assembly;
use self::heartbeat::{Heartbeat, nanos};
use self::namespace::Namespace;
use self::oddity::Oddities;
use super::limits::Limits;
use super::output::{AckFailure, Output};
use super::payload::{EventHead, Skip};
use crate::model::text::printable;
use crate::model::{EndReason, Fault, Stamp};
use crate::protocol::engineio::{OpenPacket, Revision, WireMessage};

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

/// Names and words of a server are quoted up to this many characters.
const QUOTED_CHARS: usize = 80;

impl Session {
    /// A session that waits for the open packet and then connects to `wanted`. `started` is when
    /// the driver began to connect: [`Limits::handshake`] counts from there.
    pub fn new(revision: Revision, limits: Limits, wanted: Vec<Wanted>, started: Stamp) -> Self {
        let mut namespaces: Vec<Namespace> = Vec::new();
        for wanted in wanted {
            // Asked for twice, Node closes the connection.
            if !namespaces.iter().any(|n| n.name() == wanted.namespace) {
                namespaces.push(Namespace::new(wanted));
            }
        }
        Self {
            handshake_until_ns: after(started.mono_ns, limits.handshake),
            revision,
            limits,
            polling: false,
            open: None,
            heartbeat: None,
            namespaces,
            assembly: None,
            oddities: Oddities::default(),
            outputs: VecDeque::new(),
            ended: false,
        }
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

    /// The index of a namespace that is connected or on its way.
    fn alive(&self, namespace: &str) -> Option<usize> {
        self.namespaces
            .iter()
            .position(|n| n.is_alive() && n.name() == namespace)
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
