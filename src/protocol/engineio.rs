//! Engine.IO packets: a session with a heart-beat over WebSocket or long-polling.
//!
//! Over WebSocket one message is one packet; [`payload`] packs several into a polling body.
//! What the packets mean together is the business of [`super::socketio::Session`].
//!
//! Source: Engine.IO protocol, revisions 3 and 4.

mod open;
pub mod payload;
#[cfg(test)]
mod tests;

use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};
use thiserror::Error;

pub use open::{OpenError, OpenPacket};

/// Which Engine.IO the server speaks; chosen by configuration, never by trial.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Revision {
    /// `EIO=3`, Socket.IO 2.x servers: the client pings, attachments have a prefix byte.
    V3,
    /// `EIO=4`, Socket.IO 3 and later, python-socketio 5 and later.
    #[default]
    V4,
}

impl Revision {
    /// The value of the query parameter `EIO`.
    pub fn number(self) -> u8 {
        match self {
            Self::V3 => 3,
            Self::V4 => 4,
        }
    }
}

/// One message as a transport carries it, in either direction.
#[derive(Clone, PartialEq, Eq)]
pub enum WireMessage {
    /// A text message; what we make is always UTF-8.
    Text(Bytes),
    /// A binary message.
    Binary(Bytes),
}

impl WireMessage {
    /// Its bytes, whichever kind it is.
    pub fn as_bytes(&self) -> &Bytes {
        match self {
            Self::Text(bytes) | Self::Binary(bytes) => bytes,
        }
    }
}

// Written by hand: a CONNECT (`40`) holds credentials, which stay out of logs.
impl fmt::Debug for WireMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) if text.starts_with(b"40") => {
                write!(
                    f,
                    "Text(\"40\" and {} more bytes)",
                    text.len().saturating_sub(2)
                )
            }
            Self::Text(text) => f.debug_tuple("Text").field(text).finish(),
            Self::Binary(bytes) => f.debug_tuple("Binary").field(bytes).finish(),
        }
    }
}

/// The type of a text packet: its first character.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PacketKind {
    /// `0`: the server's first packet, see [`OpenPacket`].
    Open,
    /// `1`: the session ends.
    Close,
    /// `2`: asks for a pong with the same data behind it.
    Ping,
    /// `3`: the answer to a ping.
    Pong,
    /// `4`: a Socket.IO packet follows.
    Message,
    /// `5`: from here on this transport is used.
    Upgrade,
    /// `6`: nothing.
    Noop,
}

impl PacketKind {
    /// The kind a digit stands for.
    pub fn from_digit(digit: u8) -> Option<Self> {
        Some(match digit {
            b'0' => Self::Open,
            b'1' => Self::Close,
            b'2' => Self::Ping,
            b'3' => Self::Pong,
            b'4' => Self::Message,
            b'5' => Self::Upgrade,
            b'6' => Self::Noop,
            _ => return None,
        })
    }

    /// The digit on the wire.
    pub fn digit(self) -> u8 {
        match self {
            Self::Open => b'0',
            Self::Close => b'1',
            Self::Ping => b'2',
            Self::Pong => b'3',
            Self::Message => b'4',
            Self::Upgrade => b'5',
            Self::Noop => b'6',
        }
    }
}

/// A text packet taken apart; `body` is a slice of the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Its type.
    pub kind: PacketKind,
    /// What follows the type digit.
    pub body: Bytes,
}

/// Why a message is no Engine.IO packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PacketError {
    /// There is not even a type.
    #[error("an empty text message")]
    Empty,
    /// The first byte of a text message is no type.
    #[error("an Engine.IO packet of unknown type (first byte {got:#04x})")]
    UnknownKind {
        /// The first byte.
        got: u8,
    },
    /// Revision 3: the first byte of a binary message says something else than "message".
    #[error("a binary message without the prefix byte 0x04")]
    NoPrefix,
}

/// What stands before each attachment in revision 3: packet type 4 as a byte, not as a digit.
const BINARY_PREFIX: u8 = 0x04;

impl Packet {
    /// Takes a text message apart.
    pub fn decode(text: &Bytes) -> Result<Self, PacketError> {
        let first = *text.first().ok_or(PacketError::Empty)?;
        let kind = PacketKind::from_digit(first).ok_or(PacketError::UnknownKind { got: first })?;
        Ok(Self {
            kind,
            body: text.slice(1..),
        })
    }

    /// The text message of a packet.
    pub fn encode(kind: PacketKind, body: &[u8]) -> Bytes {
        let mut text = BytesMut::with_capacity(body.len().saturating_add(1));
        text.put_u8(kind.digit());
        text.put_slice(body);
        text.freeze()
    }
}

/// The attachment in a binary message, a slice of it.
pub fn decode_attachment(revision: Revision, binary: &Bytes) -> Result<Bytes, PacketError> {
    match revision {
        Revision::V4 => Ok(binary.clone()),
        Revision::V3 if binary.first() == Some(&BINARY_PREFIX) => Ok(binary.slice(1..)),
        Revision::V3 => Err(PacketError::NoPrefix),
    }
}

/// The binary message for an attachment; copies only in revision 3.
pub fn encode_attachment(revision: Revision, attachment: &Bytes) -> Bytes {
    match revision {
        Revision::V4 => attachment.clone(),
        Revision::V3 => {
            let mut binary = BytesMut::with_capacity(attachment.len().saturating_add(1));
            binary.put_u8(BINARY_PREFIX);
            binary.put_slice(attachment);
            binary.freeze()
        }
    }
}
