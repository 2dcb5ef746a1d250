//! The command socket's bytes taken apart into messages; after junk, the next message is found.
//!
//! A message counts when both markers and the length of its payload are right. Bytes that belong
//! to none are dropped, counted, and told as one [`Framing`] before the next message. A payload
//! can hold anything, markers too; only where its message was lost is it searched.
//!
//! Source: protocol description, sections 3 and 8.4.

use bytes::{Buf, Bytes, BytesMut};

use super::message::{MAX_PAYLOAD_BYTES, MESSAGE_BYTES, Message, START};

/// The most bytes without a message after which a connection is not worth waiting for.
pub const GIVE_UP_BYTES: u64 = 64 * 1024;

/// The longest payload that is kept unless told otherwise.
pub const DEFAULT_PAYLOAD_BYTES: usize = 1024 * 1024;

/// Of what is dropped, so many bytes are kept for the journal.
pub const SAMPLE_BYTES: usize = 32;

/// Room that is kept free for the next read.
const READ_ROOM: usize = 64 * 1024;

/// Payloads up to here are copied: a slice would keep a whole read buffer alive.
const COPIED_PAYLOAD: usize = 4 * 1024;

/// What the stream holds next.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// A message, whole.
    Message(Message),
    /// A message whose payload is over our limit. It is told at once, without the payload, which
    /// is then passed over; framing is not lost.
    Oversize {
        /// The message; its `payload` is empty.
        message: Message,
        /// How long the payload is.
        payload_bytes: usize,
    },
    /// Bytes that belonged to no message were dropped.
    Framing(Framing),
}

/// Bytes that belonged to no message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Framing {
    /// How many there were between two messages.
    pub discarded_bytes: u64,
    /// The first of them, at most [`SAMPLE_BYTES`].
    pub sample: Bytes,
}

/// Takes the stream apart. Its owner puts bytes in, by [`MessageDecoder::push`] or by reading into
/// [`MessageDecoder::buffer`], and then takes items until there is none.
#[derive(Debug)]
pub struct MessageDecoder {
    pending: BytesMut,
    /// A message whose payload of this length is not all here.
    unfinished: Option<(Message, usize)>,
    /// Bytes of a payload over the limit that are still to come.
    to_skip: usize,
    discarded_bytes: u64,
    sample: Vec<u8>,
    payload_limit: usize,
}

impl Default for MessageDecoder {
    fn default() -> Self {
        Self::new(DEFAULT_PAYLOAD_BYTES)
    }
}

impl MessageDecoder {
    /// A decoder at the start of a connection.
    ///
    /// - `payload_limit`: the longest payload to keep, bytes; over [`MAX_PAYLOAD_BYTES`] nothing
    ///   is a message
    pub fn new(payload_limit: usize) -> Self {
        Self {
            pending: BytesMut::new(),
            unfinished: None,
            to_skip: 0,
            discarded_bytes: 0,
            sample: Vec::new(),
            payload_limit: payload_limit.min(MAX_PAYLOAD_BYTES),
        }
    }

    /// Adds bytes that were received.
    pub fn push(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
    }

    /// Where to read into, at the end, with room for a good read. Nothing else may be done to it.
    pub fn buffer(&mut self) -> &mut BytesMut {
        self.pending.reserve(READ_ROOM);
        &mut self.pending
    }

    /// The next item; `None` until more bytes arrive.
    pub fn next_item(&mut self) -> Option<Item> {
        if self.to_skip > 0 {
            let here = self.to_skip.min(self.pending.len());
            self.pending.advance(here);
            self.to_skip = self.to_skip.saturating_sub(here);
            if self.to_skip > 0 {
                return None;
            }
        }
        if let Some((message, length)) = self.unfinished.take() {
            return self.finish(message, length);
        }
        loop {
            if !begins_like_a_message(&self.pending) {
                self.drop_to_next_marker();
                continue;
            }
            let fixed = self.pending.first_chunk::<MESSAGE_BYTES>()?;
            let Ok((message, length)) = Message::decode_fixed(fixed) else {
                self.drop_to_next_marker();
                continue;
            };
            if self.discarded_bytes > 0 {
                return self.take_framing().map(Item::Framing);
            }
            self.pending.advance(MESSAGE_BYTES);
            return self.finish(message, length);
        }
    }

    /// Bytes dropped since the last message. Over [`GIVE_UP_BYTES`], or above 0 for 2 s, the
    /// connection should be closed; see [`MessageDecoder::is_searching`].
    pub fn discarded_bytes(&self) -> u64 {
        self.discarded_bytes
    }

    /// Whether bytes were dropped and no message was found since.
    pub fn is_searching(&self) -> bool {
        self.discarded_bytes > 0
    }

    /// How many bytes there are of a message that is not whole, its payload included.
    pub fn incomplete_bytes(&self) -> usize {
        let fixed = match self.unfinished {
            Some(_) => MESSAGE_BYTES,
            None => 0,
        };
        fixed.saturating_add(self.pending.len())
    }

    /// How many bytes of a payload are still to come; 0 between messages.
    pub fn missing_payload_bytes(&self) -> usize {
        match &self.unfinished {
            Some((_, length)) => length.saturating_sub(self.pending.len()),
            None => self.to_skip,
        }
    }

    /// At the end of the connection: what was dropped since the last message and not yet told. A
    /// message that is cut off by the end does not count; see
    /// [`MessageDecoder::incomplete_bytes`].
    pub fn take_framing(&mut self) -> Option<Framing> {
        let discarded_bytes = std::mem::take(&mut self.discarded_bytes);
        let sample = std::mem::take(&mut self.sample).into();
        (discarded_bytes > 0).then_some(Framing {
            discarded_bytes,
            sample,
        })
    }

    /// Hands a message on whose fixed part has been taken off.
    fn finish(&mut self, mut message: Message, length: usize) -> Option<Item> {
        if length > self.payload_limit {
            let here = length.min(self.pending.len());
            self.pending.advance(here);
            self.to_skip = length.saturating_sub(here);
            return Some(Item::Oversize {
                message,
                payload_bytes: length,
            });
        }
        let missing = length.saturating_sub(self.pending.len());
        if missing > 0 {
            self.pending.reserve(missing);
            self.unfinished = Some((message, length));
            return None;
        }
        if length > 0 {
            message.payload = if length <= COPIED_PAYLOAD {
                let short = self.pending.get(..length).unwrap_or_default();
                let copy = Bytes::copy_from_slice(short);
                self.pending.advance(length);
                copy
            } else {
                self.pending.split_to(length).freeze()
            };
        }
        Some(Item::Message(message))
    }

    /// Drops at least one byte, up to the next start marker or what may be its beginning.
    fn drop_to_next_marker(&mut self) {
        let pending: &[u8] = &self.pending;
        let mut count = 1_usize;
        let keep = loop {
            let rest = pending.get(count..).unwrap_or_default();
            match rest.iter().position(|byte| *byte == START[0]) {
                None => break pending.len(),
                Some(ahead) => count = count.saturating_add(ahead),
            }
            if begins_like_a_message(pending.get(count..).unwrap_or_default()) {
                break count;
            }
            count = count.saturating_add(1);
        };
        let room = SAMPLE_BYTES.saturating_sub(self.sample.len());
        self.sample.extend(pending.iter().take(keep).take(room));
        self.discarded_bytes = self
            .discarded_bytes
            .saturating_add(u64::try_from(keep).unwrap_or(u64::MAX));
        self.pending.advance(keep);
    }
}

/// Whether `bytes` are a start marker and more, or as much of one as there is.
fn begins_like_a_message(bytes: &[u8]) -> bool {
    bytes.iter().zip(&START).all(|(got, want)| got == want)
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
mod tests;
