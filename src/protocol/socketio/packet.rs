//! One Socket.IO packet: the part before the JSON, taken apart and put together.
//!
//! `<type>[<n>-][/<namespace>,][<ack id>][<JSON>]`, read strictly from left to right. The JSON is
//! only cut out here; [`super::payload`] says what it may be.

use bytes::{BufMut, Bytes, BytesMut};
use thiserror::Error;

/// The type of a packet: its first character.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PacketKind {
    /// `0`: asks for a namespace, or says that it is connected.
    Connect,
    /// `1`: ends a namespace.
    Disconnect,
    /// `2`: a named event.
    Event,
    /// `3`: the answer to an event.
    Ack,
    /// `4`: refuses a namespace.
    ConnectError,
    /// `5`: an event with attachments.
    BinaryEvent,
    /// `6`: an answer with attachments.
    BinaryAck,
}

impl PacketKind {
    /// The kind a digit stands for.
    pub fn from_digit(digit: u8) -> Option<Self> {
        Some(match digit {
            b'0' => Self::Connect,
            b'1' => Self::Disconnect,
            b'2' => Self::Event,
            b'3' => Self::Ack,
            b'4' => Self::ConnectError,
            b'5' => Self::BinaryEvent,
            b'6' => Self::BinaryAck,
            _ => return None,
        })
    }

    /// The digit on the wire.
    pub fn digit(self) -> u8 {
        match self {
            Self::Connect => b'0',
            Self::Disconnect => b'1',
            Self::Event => b'2',
            Self::Ack => b'3',
            Self::ConnectError => b'4',
            Self::BinaryEvent => b'5',
            Self::BinaryAck => b'6',
        }
    }

    /// The name the protocol's text uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "CONNECT",
            Self::Disconnect => "DISCONNECT",
            Self::Event => "EVENT",
            Self::Ack => "ACK",
            Self::ConnectError => "CONNECT_ERROR",
            Self::BinaryEvent => "BINARY_EVENT",
            Self::BinaryAck => "BINARY_ACK",
        }
    }

    /// Whether attachments follow.
    pub fn is_binary(self) -> bool {
        matches!(self, Self::BinaryEvent | Self::BinaryAck)
    }
}

/// A packet whose JSON has not been looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Its type.
    pub kind: PacketKind,
    /// How many binary messages belong to it; 0 unless it is of a binary type.
    pub attachments: usize,
    /// Where it belongs, `/` if it does not say; without a query.
    pub namespace: String,
    /// The number that ties an event to its answer.
    pub ack_id: Option<u64>,
    /// The JSON, a slice of the message; empty if there is none.
    pub payload: Bytes,
}

/// A rule of the protocol was broken: the connection cannot go on.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PacketError {
    /// There is not even a type.
    #[error("an empty Socket.IO packet")]
    Empty,
    /// The first byte is no type.
    #[error("a Socket.IO packet of unknown type (first byte {got:#04x})")]
    UnknownKind {
        /// The first byte.
        got: u8,
    },
    /// A binary type without `<n>-`, or an `n` that is not 1 to 99999.
    #[error("a {} without a valid attachment count", .kind.as_str())]
    BadAttachmentCount {
        /// The packet's type.
        kind: PacketKind,
    },
    /// More attachments than the limit.
    #[error("a {} of {got} attachments, over the limit of {limit}", .kind.as_str())]
    TooManyAttachments {
        /// The packet's type.
        kind: PacketKind,
        /// Attachments announced.
        got: usize,
        /// Attachments allowed.
        limit: usize,
    },
    /// The namespace's name is not UTF-8, or JSON follows it without a comma.
    #[error("a {} with an unreadable namespace", .kind.as_str())]
    BadNamespace {
        /// The packet's type.
        kind: PacketKind,
    },
    /// The number is over 2^63 - 1 or longer than 19 digits.
    #[error("a {} with an ack id out of range", .kind.as_str())]
    BadAckId {
        /// The packet's type.
        kind: PacketKind,
    },
    /// An answer to nothing.
    #[error("a {} without an ack id", .kind.as_str())]
    NoAckId {
        /// The packet's type.
        kind: PacketKind,
    },
    /// A type that has no answers asks for one.
    #[error("a {} with an ack id", .kind.as_str())]
    StrayAckId {
        /// The packet's type.
        kind: PacketKind,
    },
    /// The JSON is broken or not of the shape its type has.
    #[error("a {} whose payload {why}", .kind.as_str())]
    BadPayload {
        /// The packet's type.
        kind: PacketKind,
        /// What is wrong with it.
        why: String,
    },
}

const MAX_COUNT_DIGITS: usize = 5;
const MAX_ACK_DIGITS: usize = 19;
/// The largest number a signed 64-bit peer can hold.
const MAX_ACK_ID: u64 = u64::MAX >> 1;

impl Packet {
    /// A packet without attachments, number and payload.
    pub fn new(kind: PacketKind, namespace: impl Into<String>) -> Self {
        Self {
            kind,
            attachments: 0,
            namespace: namespace.into(),
            ack_id: None,
            payload: Bytes::new(),
        }
    }

    /// Takes apart what follows the `4` of the Engine.IO message.
    pub fn decode(text: &Bytes, max_attachments: usize) -> Result<Self, PacketError> {
        let (first, mut rest) = text.split_first().ok_or(PacketError::Empty)?;
        let kind =
            PacketKind::from_digit(*first).ok_or(PacketError::UnknownKind { got: *first })?;

        let attachments = if kind.is_binary() {
            let (count, after) = attachment_count(rest, kind)?;
            if count > max_attachments {
                return Err(PacketError::TooManyAttachments {
                    kind,
                    got: count,
                    limit: max_attachments,
                });
            }
            rest = after;
            count
        } else {
            0
        };

        let (namespace, rest) = namespace(rest, kind)?;
        let (ack_id, rest) = ack_id(rest, kind)?;
        Ok(Self {
            kind,
            attachments,
            namespace,
            ack_id,
            payload: text.slice_ref(rest),
        })
    }

    /// The whole text message, the `4` of Engine.IO in front.
    pub fn encode(&self) -> Bytes {
        let mut text = BytesMut::with_capacity(
            self.namespace
                .len()
                .saturating_add(self.payload.len())
                .saturating_add(32),
        );
        text.put_slice(b"4");
        text.put_u8(self.kind.digit());
        if self.kind.is_binary() {
            text.put_slice(self.attachments.to_string().as_bytes());
            text.put_u8(b'-');
        }
        if self.namespace != "/" {
            text.put_slice(self.namespace.as_bytes());
            text.put_u8(b',');
        }
        if let Some(id) = self.ack_id {
            text.put_slice(id.to_string().as_bytes());
        }
        text.put_slice(&self.payload);
        text.freeze()
    }
}

/// Cuts leading ASCII digits off.
fn digits(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = bytes
        .iter()
        .position(|b| !b.is_ascii_digit())
        .unwrap_or(bytes.len());
    bytes.split_at(end)
}

/// The number ASCII digits write, unless it is too large.
fn number(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn attachment_count(bytes: &[u8], kind: PacketKind) -> Result<(usize, &[u8]), PacketError> {
    let bad = PacketError::BadAttachmentCount { kind };
    let (count, rest) = digits(bytes);
    let Some(rest) = rest.strip_prefix(b"-") else {
        return Err(bad);
    };
    if count.len() > MAX_COUNT_DIGITS {
        return Err(bad);
    }
    match number(count).map(usize::try_from) {
        Some(Ok(count)) if count > 0 => Ok((count, rest)),
        _ => Err(bad),
    }
}

fn namespace(bytes: &[u8], kind: PacketKind) -> Result<(String, &[u8]), PacketError> {
    if bytes.first() != Some(&b'/') {
        return Ok(("/".to_owned(), bytes));
    }
    let bad = || PacketError::BadNamespace { kind };
    let (name, rest) = match bytes.iter().position(|b| *b == b',') {
        Some(comma) => {
            let (name, rest) = bytes.split_at(comma);
            (name, rest.strip_prefix(b",").unwrap_or(rest))
        }
        // Every sender puts a comma before a payload. Without one these are not a strange name
        // but JSON whose comma is missing, and taking it for a name would lose it silently.
        None if bytes.iter().any(|b| b"{[\"".contains(b)) => return Err(bad()),
        None => (bytes, [].as_slice()),
    };
    let name = std::str::from_utf8(name).map_err(|_| bad())?;
    let name = name.split_once('?').map_or(name, |(name, _query)| name);
    Ok((name.to_owned(), rest))
}

fn ack_id(bytes: &[u8], kind: PacketKind) -> Result<(Option<u64>, &[u8]), PacketError> {
    let (id, rest) = digits(bytes);
    let id = match id.len() {
        0 => None,
        1..=MAX_ACK_DIGITS => Some(
            number(id)
                .filter(|id| *id <= MAX_ACK_ID)
                .ok_or(PacketError::BadAckId { kind })?,
        ),
        _ => return Err(PacketError::BadAckId { kind }),
    };
    match kind {
        PacketKind::Ack | PacketKind::BinaryAck if id.is_none() => {
            Err(PacketError::NoAckId { kind })
        }
        PacketKind::Connect | PacketKind::Disconnect | PacketKind::ConnectError if id.is_some() => {
            Err(PacketError::StrayAckId { kind })
        }
        _ => Ok((id, rest)),
    }
}
