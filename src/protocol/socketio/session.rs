//! One connection, from the open packet to its end, without a socket and without a clock.
//!
//! The driver feeds what the transport received with the time, calls [`Session::on_tick`] no later
//! than [`Session::deadline`], and after each call does what [`Session::poll_output`] says. After
//! [`Output::Ended`] nothing has an effect any more: a reconnection is a new session.

use std::collections::VecDeque;
use std::fmt;

use bytes::Bytes;
use thiserror::Error;

use super::limits::Limits;
use crate::model::{DropReason, EndReason, Fault, Stamp};
use crate::protocol::engineio::{OpenPacket, Revision, WireMessage};

/// A namespace the client wants to be connected to.
#[derive(Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Its name, `/` for the default one.
    pub namespace: String,
    /// A JSON object, computed freshly for each connection. In revision 3 its members become the
    /// query behind the namespace's name.
    pub auth: Option<String>,
    /// What the connection before left behind, to have missed events sent again.
    pub recovery: Option<Recovery>,
}

impl fmt::Debug for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wanted")
            .field("namespace", &self.namespace)
            .field("auth", &self.auth.as_ref().map(|_| "(secret)"))
            .field("recovery", &self.recovery)
            .finish()
    }
}

/// What lets a server send the events a client missed while it was away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// The server's private session id.
    pub pid: String,
    /// The offset of the last event that was received.
    pub offset: String,
}

/// One event of the server, complete.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// When its last byte was received.
    pub received: Stamp,
    /// The namespace it came in.
    pub namespace: String,
    /// Its name; a number as its text.
    pub name: String,
    /// The whole JSON array as received, the name first, placeholders in place: a slice of the
    /// message. UTF-8.
    pub array: Bytes,
    /// Attachments by placeholder number.
    pub attachments: Vec<Bytes>,
    /// The server wants an acknowledgement with this number.
    pub ack_id: Option<u64>,
    /// The recovery offset it ended in; it is left in `array` too.
    pub offset: Option<String>,
}

/// What the session wants done or known, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Hand this to the transport. Messages go out in this order with nothing in between.
    Send(WireMessage),
    /// The server opened the session.
    Opened(OpenPacket),
    /// A namespace was connected. Events that came before the answer follow.
    Connected {
        /// The namespace.
        namespace: String,
        /// Its Socket.IO session; the engine's own id in revision 3.
        sid: String,
        /// Private session id, if the server can recover sessions.
        pid: Option<String>,
        /// Whether the session before goes on.
        recovered: bool,
    },
    /// The server refused a namespace.
    Refused {
        /// The namespace.
        namespace: String,
        /// The server's words, not made printable yet.
        message: String,
        /// What the application added, JSON.
        data: Option<Bytes>,
    },
    /// An event.
    Event(Event),
    /// The answer to an event of ours.
    Acked {
        /// The namespace.
        namespace: String,
        /// The number [`Session::emit_with_ack`] returned.
        id: u64,
        /// The JSON array of the answer's arguments, UTF-8.
        array: Bytes,
        /// Attachments by placeholder number.
        attachments: Vec<Bytes>,
    },
    /// An acknowledgement that will not come.
    AckFailed {
        /// The namespace.
        namespace: String,
        /// The number [`Session::emit_with_ack`] returned.
        id: u64,
        /// Why.
        why: AckFailure,
    },
    /// The server ended a namespace; the others go on.
    NamespaceGone {
        /// The namespace.
        namespace: String,
    },
    /// An event was received and cannot be delivered; the connection goes on.
    Rejected {
        /// For the ledger.
        reason: DropReason,
        /// For people.
        fault: Fault,
    },
    /// Something else was wrong and the connection goes on.
    Fault(Fault),
    /// The connection is over: send what was said before, then close the transport.
    Ended {
        /// How.
        reason: EndReason,
        /// What happened: one clause, printable.
        detail: String,
    },
}

/// Why an acknowledgement will not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AckFailure {
    /// Not within [`Limits::ack_answer`].
    #[error("no acknowledgement came in time")]
    TimedOut,
    /// It came and cannot be read.
    #[error("the acknowledgement cannot be read")]
    Unreadable,
    /// The namespace or the connection ended first.
    #[error("the connection ended before the acknowledgement came")]
    Disconnected,
}

/// Why something was not sent. Nothing of it went out.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EmitError {
    /// The namespace is not connected; nothing is kept for later.
    #[error("namespace {namespace} is not connected")]
    NotConnected {
        /// The namespace.
        namespace: String,
    },
    /// Servers close the connection on these names, or run their connect handler again.
    #[error("{name:?} is a reserved event name")]
    ReservedName {
        /// The name.
        name: String,
    },
    /// The arguments are not what a packet can hold.
    #[error("the event cannot be sent: {why}")]
    BadArguments {
        /// What is wrong with them.
        why: String,
    },
    /// Servers accept ten attachments at most.
    #[error("{got} attachments, and servers accept at most {limit}")]
    TooManyAttachments {
        /// How many there are.
        got: usize,
        /// How many there may be.
        limit: usize,
    },
    /// The server would close the connection.
    #[error("a message of {got} bytes, and the server accepts at most {limit}")]
    TooLarge {
        /// Bytes of the largest message.
        got: usize,
        /// The server's `maxPayload`.
        limit: u64,
    },
    /// Too many acknowledgements are under way.
    #[error("{limit} acknowledgements are already under way")]
    TooManyAcks {
        /// How many there may be.
        limit: usize,
    },
}

/// One Socket.IO connection.
#[derive(Debug)]
pub struct Session {
    revision: Revision,
    limits: Limits,
    open: Option<OpenPacket>,
    outputs: VecDeque<Output>,
}

impl Session {
    /// A session that waits for the open packet and then connects to `wanted`. `started` is when
    /// the driver began to connect: [`Limits::handshake`] counts from there.
    pub fn new(revision: Revision, limits: Limits, wanted: Vec<Wanted>, started: Stamp) -> Self {
        let _ = (wanted, started);
        Self {
            revision,
            limits,
            open: None,
            outputs: VecDeque::new(),
        }
    }

    /// A whole text message, or a text packet of a polling body.
    pub fn on_text(&mut self, text: Bytes, at: Stamp) {
        let _ = (text, at);
    }

    /// A whole binary message, or a binary packet of a polling body.
    pub fn on_binary(&mut self, binary: Bytes, at: Stamp) {
        let _ = (binary, at);
    }

    /// Bytes arrived, whole message or not: the link is alive. The driver calls it for each read of
    /// the socket, so that a long attachment on a slow link counts as life and as progress.
    pub fn heard(&mut self, bytes: usize, at: Stamp) {
        let _ = (bytes, at);
    }

    /// When [`Session::on_tick`] wants to be called next, monotonic nanoseconds.
    pub fn deadline(&self) -> Option<u64> {
        None
    }

    /// Does what is due at `now_ns`, monotonic nanoseconds: time limits and, in revision 3, pings.
    pub fn on_tick(&mut self, now_ns: u64) {
        let _ = now_ns;
    }

    /// Connects to one more namespace, or again to one that is gone. It does nothing for one that
    /// is connected or on its way.
    pub fn connect(&mut self, wanted: Wanted, at: Stamp) {
        let _ = (wanted, at);
    }

    /// Sends an event. `array_json` is the whole array, the name first; with attachments it holds
    /// their placeholders, `{"_placeholder":true,"num":0}` and so on.
    pub fn emit(
        &mut self,
        namespace: &str,
        array_json: &str,
        attachments: &[Bytes],
    ) -> Result<(), EmitError> {
        let _ = (array_json, attachments);
        Err(EmitError::NotConnected {
            namespace: namespace.to_owned(),
        })
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
        let _ = (array_json, attachments, at);
        Err(EmitError::NotConnected {
            namespace: namespace.to_owned(),
        })
    }

    /// Answers an event that asked for it, with its number and the array of arguments (`[]`).
    pub fn ack(
        &mut self,
        namespace: &str,
        id: u64,
        array_json: &str,
        attachments: &[Bytes],
    ) -> Result<(), EmitError> {
        let _ = (id, array_json, attachments);
        Err(EmitError::NotConnected {
            namespace: namespace.to_owned(),
        })
    }

    /// Leaves in order: DISCONNECT for each namespace, close, [`Output::Ended`].
    pub fn close(&mut self) {}

    /// The transport ended or failed below; says so as [`Output::Ended`], once.
    pub fn transport_ended(&mut self, reason: EndReason, detail: &str) {
        let _ = (reason, detail);
    }

    /// Text and attachments go through polling bodies (attachments as base64, which the server's
    /// size limit includes) or not. WebSocket is assumed until told otherwise.
    pub fn set_polling(&mut self, polling: bool) {
        let _ = polling;
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

    /// Nanoseconds on the monotonic clock of the last ping of the server.
    pub fn last_ping_ns(&self) -> Option<u64> {
        None
    }

    /// Whether [`Output::Ended`] was said.
    pub fn has_ended(&self) -> bool {
        false
    }

    /// What the next connection may ask for in this namespace, if anything can be recovered.
    pub fn recovery(&self, namespace: &str) -> Option<Recovery> {
        let _ = namespace;
        None
    }
}
