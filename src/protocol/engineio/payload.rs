//! Polling bodies: packets joined by the byte 0x1E, binary ones as `b` and base64.
//!
//! Source: Engine.IO protocol, revision 4, "Payload encoding". Revision 3 has another form, which
//! is not here: its servers are reached over WebSocket.

use std::collections::VecDeque;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{BufMut, Bytes, BytesMut};
use thiserror::Error;

use super::WireMessage;

/// Stands between packets; inside a JSON string it is always escaped.
const SEPARATOR: u8 = 0x1e;

/// The first byte of a binary packet in a body.
const BINARY_MARK: u8 = b'b';

/// The most packets in one POST. python-engineio answers 200 to more and drops them all.
pub const MAX_PACKETS_PER_POST: usize = 16;

/// Why a polling body was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PayloadError {
    /// The body is over the limit.
    #[error("a polling body of {got} bytes, over the limit of {limit}")]
    TooLong {
        /// Bytes received.
        got: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// More packets than the limit.
    #[error("a polling body of more than {limit} packets")]
    TooMany {
        /// Packets allowed.
        limit: usize,
    },
    /// A binary packet that is not standard base64 with padding.
    #[error("packet {index} of a polling body is not base64")]
    NotBase64 {
        /// Which packet, from 0.
        index: usize,
    },
    /// A packet of ours is longer than a whole body may be.
    #[error(
        "a packet of {got} bytes does not fit the server's limit of {limit} for a polling body"
    )]
    DoesNotFit {
        /// Its bytes as they would be in a body.
        got: usize,
        /// The server's `maxPayload`.
        limit: u64,
    },
}

/// Takes a body apart. Text packets are slices of it.
///
/// An empty packet, as between two separators, comes out as an empty text message.
pub fn split(
    body: &Bytes,
    max_bytes: usize,
    max_packets: usize,
) -> Result<Vec<WireMessage>, PayloadError> {
    if body.len() > max_bytes {
        return Err(PayloadError::TooLong {
            got: body.len(),
            limit: max_bytes,
        });
    }
    let mut packets = Vec::new();
    for (index, part) in body.split(|byte| *byte == SEPARATOR).enumerate() {
        if index >= max_packets {
            return Err(PayloadError::TooMany { limit: max_packets });
        }
        packets.push(match part.split_first() {
            Some((&BINARY_MARK, base64)) => {
                let bytes = STANDARD
                    .decode(base64)
                    .map_err(|_| PayloadError::NotBase64 { index })?;
                WireMessage::Binary(bytes.into())
            }
            _ => WireMessage::Text(body.slice_ref(part)),
        });
    }
    Ok(packets)
}

/// Takes as many packets from the front of `queue` as one POST may hold: at most `max_payload`
/// bytes and [`MAX_PACKETS_PER_POST`]. `None` when the queue is empty.
pub fn next_post(
    queue: &mut VecDeque<WireMessage>,
    max_payload: u64,
) -> Result<Option<Bytes>, PayloadError> {
    let limit = usize::try_from(max_payload).unwrap_or(usize::MAX);
    let mut body = BytesMut::new();
    for taken in 0..MAX_PACKETS_PER_POST {
        let Some(next) = queue.front() else { break };
        let separator = usize::from(taken > 0);
        let size = encoded_len(next);
        if body.len().saturating_add(separator).saturating_add(size) > limit {
            if taken == 0 {
                return Err(PayloadError::DoesNotFit {
                    got: size,
                    limit: max_payload,
                });
            }
            break;
        }
        if separator > 0 {
            body.put_u8(SEPARATOR);
        }
        match next {
            WireMessage::Text(text) => body.put_slice(text),
            WireMessage::Binary(bytes) => {
                body.put_u8(BINARY_MARK);
                body.put_slice(STANDARD.encode(bytes).as_bytes());
            }
        }
        queue.pop_front();
    }
    Ok((!body.is_empty()).then(|| body.freeze()))
}

/// How many bytes a packet takes in a polling body.
pub fn encoded_len(packet: &WireMessage) -> usize {
    match packet {
        WireMessage::Text(text) => text.len(),
        WireMessage::Binary(bytes) => bytes.len().div_ceil(3).saturating_mul(4).saturating_add(1),
    }
}
