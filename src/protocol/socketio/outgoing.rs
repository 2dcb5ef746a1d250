//! Events and answers of ours: refused here rather than by a server that hangs up on them.

use bytes::Bytes;
use thiserror::Error;

use super::limits::Limits;
use super::packet::{Packet, PacketKind};
use super::payload::{self, Unusable};
use crate::protocol::engineio::payload::encoded_len;
use crate::protocol::engineio::{Revision, WireMessage, encode_attachment};

/// The most attachments a packet of ours may have: Node's default, which closes on the eleventh.
pub const MAX_ATTACHMENTS: usize = 10;

/// Names of Socket.IO's own events. Node closes the connection on them, Flask-SocketIO runs its
/// connect handler again.
pub const RESERVED_NAMES: [&str; 6] = [
    "connect",
    "connect_error",
    "disconnect",
    "disconnecting",
    "newListener",
    "removeListener",
];

/// Why something was not sent. Nothing of it went out.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EmitError {
    /// The namespace is not connected; nothing is kept for later.
    #[error("namespace {namespace} is not connected")]
    NotConnected {
        /// The namespace.
        namespace: String,
    },
    /// See [`RESERVED_NAMES`].
    #[error("\"{name}\" is a reserved event name")]
    ReservedName {
        /// The name.
        name: String,
    },
    /// The arguments are not what a packet can hold.
    #[error("the arguments cannot be sent: the JSON {why}")]
    BadArguments {
        /// What is wrong with them.
        why: String,
    },
    /// More than [`MAX_ATTACHMENTS`].
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
        /// Bytes of the message that is too large.
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

/// What the transport and the server make of a packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Path {
    pub revision: Revision,
    /// Attachments travel as base64.
    pub polling: bool,
    /// The server's limit, bytes.
    pub max_payload: u64,
}

/// The messages of an event, header first.
pub(super) fn event(
    path: Path,
    limits: &Limits,
    namespace: &str,
    ack_id: Option<u64>,
    array_json: &str,
    attachments: &[Bytes],
) -> Result<Vec<WireMessage>, EmitError> {
    check(array_json, count(attachments)?, limits)?;
    let kind = match attachments {
        [] => PacketKind::Event,
        _ => PacketKind::BinaryEvent,
    };
    messages(path, kind, namespace, ack_id, array_json, attachments)
}

/// Whether an event without attachments may be sent: a JSON array whose first element is a name
/// that is not reserved. The server's own size limit is not known here.
///
/// # Errors
/// Why it would be refused.
pub fn check_event(array_json: &str) -> Result<(), EmitError> {
    check(array_json, None, &Limits::default())?;
    // Servers may name events by numbers; nobody writes that by intent.
    let first = array_json.trim_start().strip_prefix('[');
    if !first.is_some_and(|rest| rest.trim_start().starts_with('"')) {
        let why = "does not begin with a name in quotes".to_owned();
        return Err(EmitError::BadArguments { why });
    }
    Ok(())
}

fn check(array_json: &str, attachments: Option<usize>, limits: &Limits) -> Result<(), EmitError> {
    let head = payload::event(array_json.as_bytes(), attachments, limits).map_err(bad_arguments)?;
    if RESERVED_NAMES.contains(&head.name.as_str()) {
        return Err(EmitError::ReservedName { name: head.name });
    }
    Ok(())
}

/// The messages of an answer, header first.
pub(super) fn ack(
    path: Path,
    limits: &Limits,
    namespace: &str,
    id: u64,
    array_json: &str,
    attachments: &[Bytes],
) -> Result<Vec<WireMessage>, EmitError> {
    payload::ack(array_json.as_bytes(), count(attachments)?, limits).map_err(bad_arguments)?;
    let kind = match attachments {
        [] => PacketKind::Ack,
        _ => PacketKind::BinaryAck,
    };
    messages(path, kind, namespace, Some(id), array_json, attachments)
}

/// How many placeholders there may be; `None` without attachments, where they are plain data.
fn count(attachments: &[Bytes]) -> Result<Option<usize>, EmitError> {
    match attachments.len() {
        0 => Ok(None),
        got if got > MAX_ATTACHMENTS => Err(EmitError::TooManyAttachments {
            got,
            limit: MAX_ATTACHMENTS,
        }),
        count => Ok(Some(count)),
    }
}

fn bad_arguments(unusable: Unusable) -> EmitError {
    let why = match unusable {
        Unusable::Broken(why) => why,
        Unusable::Skip(skip) => format!("cannot be used: {skip}"),
    };
    EmitError::BadArguments { why }
}

fn messages(
    path: Path,
    kind: PacketKind,
    namespace: &str,
    ack_id: Option<u64>,
    array_json: &str,
    attachments: &[Bytes],
) -> Result<Vec<WireMessage>, EmitError> {
    let header = Packet {
        kind,
        attachments: attachments.len(),
        namespace: namespace.to_owned(),
        ack_id,
        payload: Bytes::copy_from_slice(array_json.trim().as_bytes()),
    };
    let mut messages = vec![WireMessage::Text(header.encode())];
    for attachment in attachments {
        let binary = encode_attachment(path.revision, attachment);
        messages.push(WireMessage::Binary(binary));
    }
    for message in &messages {
        check_size(path, message)?;
    }
    Ok(messages)
}

/// Refuses what the server would close the connection for.
pub(super) fn check_size(path: Path, message: &WireMessage) -> Result<(), EmitError> {
    let got = if path.polling {
        encoded_len(message)
    } else {
        message.as_bytes().len()
    };
    if u64::try_from(got).unwrap_or(u64::MAX) > path.max_payload {
        return Err(EmitError::TooLarge {
            got,
            limit: path.max_payload,
        });
    }
    Ok(())
}
