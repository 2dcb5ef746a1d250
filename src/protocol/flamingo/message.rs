//! The fixed message of 128 bytes and the payload that may follow it.
//!
//! What a code means is not known here; see `commands` for that.
//!
//! Source: protocol description, sections 2 to 5.

use std::borrow::Cow;
use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};

use crate::model::PlainText;

/// Bytes of a message without its payload.
pub const MESSAGE_BYTES: usize = 128;

/// Bytes of the text field, its closing NUL included.
pub const TEXT_BYTES: usize = 72;

/// The most text we send: a NUL has to follow.
pub const MAX_TEXT_BYTES: usize = 71;

/// The longest payload a message may announce; more is no message.
pub const MAX_PAYLOAD_BYTES: usize = 33_554_432;

/// Asks for a reply. Set in every request; a server message may echo it.
pub const CALLBACK: u32 = 0x8000_0000;

/// Set by the server where the text field holds positions.
pub const POSITIONS_IN_TEXT: u32 = 0x0000_0002;

/// The first four bytes of every message.
pub(super) const START: [u8; 4] = 0xf321_e654_u32.to_le_bytes();

/// Its last four.
pub(super) const END: [u8; 4] = 0xfedc_4321_u32.to_le_bytes();

/// One message, in either direction.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// What is asked, answered or told.
    pub code: u32,
    /// 0 in requests. From the server 1 is success and 0 failure.
    pub status: i32,
    /// Device instance; 0 in requests, anything from the server.
    pub hardware_id: i32,
    /// 0 in requests, anything from the server.
    pub subsystem_id: i32,
    /// 0 in requests, anything from the server.
    pub client_id: i32,
    /// Arguments or results: axis, laser, colour, count, state, depending on the code.
    pub data: [i32; 3],
    /// Flags: [`CALLBACK`], [`POSITIONS_IN_TEXT`] and others that are not needed.
    pub bits: u32,
    /// A position, a pixel size or a time, depending on the code.
    pub double: f64,
    /// Short text.
    pub text: TextField,
    /// What followed the 128 bytes, untouched.
    pub payload: Bytes,
}

/// The text field as it is on the wire. Behind the first NUL there may be anything; it is kept and
/// not read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TextField([u8; TEXT_BYTES]);

/// Why something cannot be put into a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// The text field is too small.
    #[error("a text of {got} bytes does not fit a message; at most {MAX_TEXT_BYTES} do")]
    TextTooLong {
        /// Its bytes as UTF-8.
        got: usize,
    },
    /// The text would end earlier than meant.
    #[error("a text with a NUL in it would be cut there; leave it out")]
    NulInText,
    /// The server would not read it.
    #[error("a payload of {got} bytes does not fit a message; at most {MAX_PAYLOAD_BYTES} do")]
    PayloadTooLong {
        /// Its bytes.
        got: usize,
    },
}

/// Why 128 bytes are no message, or a stretch of bytes is not exactly one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not even a message without payload.
    #[error("{got} bytes, a message has at least {MESSAGE_BYTES}")]
    Short {
        /// Bytes there were.
        got: usize,
    },
    /// The start marker is something else.
    #[error("begins with {got:02x?}, a message with {START:02x?}")]
    Start {
        /// The first four bytes.
        got: [u8; 4],
    },
    /// The end marker is something else.
    #[error("has {got:02x?} at byte 124, a message has {END:02x?}")]
    End {
        /// The bytes 124 to 127.
        got: [u8; 4],
    },
    /// The payload's length is impossible.
    #[error("announces a payload of {got} bytes; 0 to {MAX_PAYLOAD_BYTES} are possible")]
    PayloadLength {
        /// The length stated.
        got: i32,
    },
    /// There are fewer or more bytes behind the message than it says.
    #[error("announces a payload of {stated} bytes, and {got} follow")]
    PayloadCut {
        /// The length stated.
        stated: usize,
        /// Bytes there were.
        got: usize,
    },
}

impl Message {
    /// A message with this code and nothing else.
    pub fn new(code: u32) -> Self {
        Self {
            code,
            status: 0,
            hardware_id: 0,
            subsystem_id: 0,
            client_id: 0,
            data: [0; 3],
            bits: 0,
            double: 0.0,
            text: TextField::EMPTY,
            payload: Bytes::new(),
        }
    }

    /// A request: the callback bit is set.
    pub fn request(code: u32) -> Self {
        Self {
            bits: CALLBACK,
            ..Self::new(code)
        }
    }

    /// A reply of success, as servers send it: status 1, the callback bit echoed.
    pub fn reply(code: u32) -> Self {
        Self {
            status: 1,
            ..Self::request(code)
        }
    }

    /// The same with this first argument.
    pub fn with_d0(mut self, value: i32) -> Self {
        self.data[0] = value;
        self
    }

    /// The same with this second argument.
    pub fn with_d1(mut self, value: i32) -> Self {
        self.data[1] = value;
        self
    }

    /// The same with this floating-point field.
    pub fn with_double(mut self, value: f64) -> Self {
        self.double = value;
        self
    }

    /// The same with this text.
    ///
    /// # Errors
    /// The text is over [`MAX_TEXT_BYTES`] or holds a NUL.
    pub fn with_text(mut self, text: &str) -> Result<Self, MessageError> {
        self.text = TextField::new(text)?;
        Ok(self)
    }

    /// The same with this payload.
    pub fn with_payload(mut self, payload: impl Into<Bytes>) -> Self {
        self.payload = payload.into();
        self
    }

    /// The first argument or result.
    pub fn d0(&self) -> i32 {
        self.data[0]
    }

    /// Message and payload in one piece, to be written at once: the server waits 100 ms at most
    /// for the rest of a message that began.
    ///
    /// # Errors
    /// The payload is over [`MAX_PAYLOAD_BYTES`].
    pub fn encode(&self) -> Result<Bytes, MessageError> {
        let got = self.payload.len();
        let length = i32::try_from(got)
            .ok()
            .filter(|_| got <= MAX_PAYLOAD_BYTES)
            .ok_or(MessageError::PayloadTooLong { got })?;
        let mut bytes = BytesMut::with_capacity(MESSAGE_BYTES.saturating_add(got));
        bytes.put_slice(&START);
        bytes.put_u32_le(self.code);
        bytes.put_i32_le(self.status);
        bytes.put_i32_le(self.hardware_id);
        bytes.put_i32_le(self.subsystem_id);
        bytes.put_i32_le(self.client_id);
        for value in self.data {
            bytes.put_i32_le(value);
        }
        bytes.put_u32_le(self.bits);
        bytes.put_f64_le(self.double);
        bytes.put_i32_le(length);
        bytes.put_slice(&self.text.0);
        bytes.put_slice(&END);
        bytes.put_slice(&self.payload);
        Ok(bytes.freeze())
    }

    /// Reads bytes that are exactly one message and its payload.
    ///
    /// # Errors
    /// A marker or the length is wrong, or the payload is not all of what follows.
    pub fn decode(bytes: &Bytes) -> Result<Self, DecodeError> {
        let Some(fixed) = bytes.first_chunk::<MESSAGE_BYTES>() else {
            return Err(DecodeError::Short { got: bytes.len() });
        };
        let (mut message, stated) = Self::decode_fixed(fixed)?;
        message.payload = bytes.slice(MESSAGE_BYTES..);
        let got = message.payload.len();
        if got == stated {
            Ok(message)
        } else {
            Err(DecodeError::PayloadCut { stated, got })
        }
    }

    /// Reads the fixed part; the second value is the length of the payload that follows.
    pub(super) fn decode_fixed(m: &[u8; MESSAGE_BYTES]) -> Result<(Self, usize), DecodeError> {
        let got = [m[0], m[1], m[2], m[3]];
        if got != START {
            return Err(DecodeError::Start { got });
        }
        let got = [m[124], m[125], m[126], m[127]];
        if got != END {
            return Err(DecodeError::End { got });
        }
        let got = i32::from_le_bytes([m[48], m[49], m[50], m[51]]);
        let payload = usize::try_from(got)
            .ok()
            .filter(|length| *length <= MAX_PAYLOAD_BYTES)
            .ok_or(DecodeError::PayloadLength { got })?;
        let mut text = [0; TEXT_BYTES];
        for (into, from) in text.iter_mut().zip(m.iter().skip(52)) {
            *into = *from;
        }
        let message = Self {
            code: u32::from_le_bytes([m[4], m[5], m[6], m[7]]),
            status: i32::from_le_bytes([m[8], m[9], m[10], m[11]]),
            hardware_id: i32::from_le_bytes([m[12], m[13], m[14], m[15]]),
            subsystem_id: i32::from_le_bytes([m[16], m[17], m[18], m[19]]),
            client_id: i32::from_le_bytes([m[20], m[21], m[22], m[23]]),
            data: [
                i32::from_le_bytes([m[24], m[25], m[26], m[27]]),
                i32::from_le_bytes([m[28], m[29], m[30], m[31]]),
                i32::from_le_bytes([m[32], m[33], m[34], m[35]]),
            ],
            bits: u32::from_le_bytes([m[36], m[37], m[38], m[39]]),
            double: f64::from_le_bytes([m[40], m[41], m[42], m[43], m[44], m[45], m[46], m[47]]),
            text: TextField(text),
            payload: Bytes::new(),
        };
        Ok((message, payload))
    }
}

impl TextField {
    /// No text.
    pub const EMPTY: Self = Self([0; TEXT_BYTES]);

    /// Text to send.
    ///
    /// # Errors
    /// It is over [`MAX_TEXT_BYTES`] or holds a NUL.
    pub fn new(text: &str) -> Result<Self, MessageError> {
        let got = text.len();
        if got > MAX_TEXT_BYTES {
            return Err(MessageError::TextTooLong { got });
        }
        if text.contains('\0') {
            return Err(MessageError::NulInText);
        }
        let mut field = [0; TEXT_BYTES];
        for (into, from) in field.iter_mut().zip(text.bytes()) {
            *into = from;
        }
        Ok(Self(field))
    }

    /// The bytes up to the first NUL, or all of them.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.split(|byte| *byte == 0).next().unwrap_or(&[])
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.as_bytes().is_empty()
    }

    /// The text up to the first NUL; what is not UTF-8 is replaced. Not fit for a screen.
    pub fn to_str(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.as_bytes())
    }

    /// The same, made safe to show.
    pub fn to_plain(&self) -> PlainText {
        PlainText::from_peer_bytes(self.as_bytes())
    }
}

impl fmt::Debug for TextField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_str(), f)
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_ends_at_the_first_nul_and_need_not_be_utf8() {
        let cases: [(&[u8], &str); 5] = [
            (b"", ""),
            (b"11.49\0garbage", "11.49"),
            (b"\0all garbage", ""),
            (b"a\xffb", "a\u{fffd}b"),
            (&[b'x'; TEXT_BYTES], &"x".repeat(TEXT_BYTES)),
        ];
        for (bytes, want) in cases {
            let mut wire = Message::new(1).encode().unwrap().to_vec();
            wire.splice(52..52 + bytes.len(), bytes.iter().copied());
            let message = Message::decode(&wire.clone().into()).unwrap();
            assert_eq!(message.text.to_str(), want);
            assert_eq!(message.encode().unwrap(), wire, "garbage is kept");
        }
    }

    #[test]
    fn text_that_does_not_fit_is_refused() {
        let request = Message::request(1);
        assert!(request.clone().with_text(&"x".repeat(71)).is_ok());
        assert_eq!(
            request.clone().with_text(&"é".repeat(36)),
            Err(MessageError::TextTooLong { got: 72 })
        );
        assert_eq!(request.with_text("a\0b"), Err(MessageError::NulInText));
    }

    #[test]
    fn a_payload_over_the_limit_is_refused_both_ways() {
        let most = Message::new(1).with_payload(vec![0; MAX_PAYLOAD_BYTES]);
        assert_eq!(Message::decode(&most.encode().unwrap()), Ok(most));
        let over = Message::new(1).with_payload(vec![0; MAX_PAYLOAD_BYTES + 1]);
        assert_eq!(
            over.encode(),
            Err(MessageError::PayloadTooLong { got: 33_554_433 })
        );
        for got in [-1, i32::MIN, 33_554_433] {
            let mut wire = Message::new(1).encode().unwrap().to_vec();
            wire[48..52].copy_from_slice(&i32::to_le_bytes(got));
            assert_eq!(
                Message::decode(&wire.into()),
                Err(DecodeError::PayloadLength { got })
            );
        }
    }

    #[test]
    fn what_is_not_one_message_is_named() {
        let wire = Message::new(1).with_payload("ab").encode().unwrap();
        let mut start = wire.to_vec();
        start[3] = 0;
        let mut end = wire.to_vec();
        end[127] = 0;
        let cases = [
            (wire.slice(..127), DecodeError::Short { got: 127 }),
            (
                wire.slice(..129),
                DecodeError::PayloadCut { stated: 2, got: 1 },
            ),
            (
                start.into(),
                DecodeError::Start {
                    got: [0x54, 0xe6, 0x21, 0],
                },
            ),
            (
                end.into(),
                DecodeError::End {
                    got: [0x21, 0x43, 0xdc, 0],
                },
            ),
        ];
        for (bytes, error) in cases {
            assert_eq!(Message::decode(&bytes), Err(error));
        }
    }

    proptest! {
        #[test]
        fn every_field_comes_back(
            fixed in proptest::collection::vec(any::<u8>(), 120),
            payload in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let mut wire = Vec::from(START);
            wire.extend(&fixed);
            wire.extend(END);
            wire[48..52].copy_from_slice(&(payload.len() as i32).to_le_bytes());
            wire.extend(&payload);
            let message = Message::decode(&wire.clone().into()).unwrap();
            prop_assert_eq!(message.encode().unwrap(), wire);
        }
    }
}
