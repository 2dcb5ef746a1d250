//! The client: one task owns the connection, its consumer gets events through a bounded queue.

use std::time::Duration;

use bytes::Bytes;

use crate::model::{EndReason, Fault, Stamp};

/// What the client tells its consumer, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum ClientEvent {
    /// An attempt starts; counts from 1 since the last success.
    Connecting {
        /// Which try this is.
        attempt: u32,
    },
    /// A namespace was connected. Events that came before this answer follow it.
    Connected {
        /// The namespace.
        namespace: String,
        /// Socket.IO session of the namespace.
        sid: String,
        /// Whether the server restored the session before (missed events follow).
        recovered: bool,
    },
    /// An event of the server.
    Event(ReceivedEvent),
    /// Something was wrong and the connection goes on.
    Fault(Fault),
    /// Events that were dropped because the consumer did not take them, oldest first.
    Overrun {
        /// Their name.
        name: String,
        /// How many.
        count: u64,
    },
    /// The connection ended or could not be made.
    Down {
        /// How.
        reason: EndReason,
        /// What happened, where, what follows: one sentence.
        detail: String,
        /// When the next attempt starts; `None` if none will.
        retry_in: Option<Duration>,
    },
}

/// One event as it was received.
#[derive(Clone, Debug, PartialEq)]
pub struct ReceivedEvent {
    /// When its last byte was received.
    pub received: Stamp,
    /// The namespace it came in.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The whole JSON array as received, the name first, placeholders in place.
    pub array: Bytes,
    /// Attachments by placeholder number.
    pub attachments: Vec<Bytes>,
    /// The server wants an acknowledgement with this number.
    pub ack_id: Option<u64>,
}
