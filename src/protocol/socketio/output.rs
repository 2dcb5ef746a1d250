//! What a session wants done or known.

use bytes::Bytes;
use thiserror::Error;

use crate::model::{DropReason, EndReason, Fault, Stamp};
use crate::protocol::engineio::{OpenPacket, WireMessage};

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

impl Event {
    /// Bytes of its array and attachments.
    pub fn size_bytes(&self) -> usize {
        self.attachments
            .iter()
            .fold(self.array.len(), |sum, a| sum.saturating_add(a.len()))
    }
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
        /// Its Socket.IO session; the engine's own id where the answer holds none (revision 3).
        sid: String,
        /// Private session id, if the server can recover sessions.
        pid: Option<String>,
        /// Whether the session before goes on.
        recovered: bool,
    },
    /// The server refused a namespace, or it could not be asked for.
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
        /// The number that [`emit_with_ack`](super::Session::emit_with_ack) returned.
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
        /// The number that [`emit_with_ack`](super::Session::emit_with_ack) returned.
        id: u64,
        /// Why.
        why: AckFailure,
    },
    /// The server ended a namespace; the others go on.
    NamespaceGone {
        /// The namespace.
        namespace: String,
    },
    /// Events were received and cannot be delivered; the connection goes on.
    Rejected {
        /// For the ledger.
        reason: DropReason,
        /// How many, for the ledger.
        count: u64,
        /// For people.
        fault: Fault,
    },
    /// Something else was wrong. The connection goes on unless [`Output::Ended`] follows.
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
    /// Not within [`Limits::ack_answer`](super::Limits::ack_answer).
    #[error("no acknowledgement came in time")]
    TimedOut,
    /// It came and cannot be read.
    #[error("the acknowledgement cannot be read")]
    Unreadable,
    /// The namespace or the connection ended first.
    #[error("the connection ended before the acknowledgement came")]
    Disconnected,
}
