//! Messages of the command port, both ways: 128 bytes, little-endian, and what follows them.
//! Written by hand from the description of the wire.

use bytes::{Buf as _, Bytes, BytesMut};

/// Bytes of a message without its payload.
pub(super) const HEADER: usize = 128;
/// Longest payload there may be.
const PAYLOAD_LIMIT: i32 = 33_554_432;
/// Longest text in the buffer, which ends with a NUL.
const TEXT_LIMIT: usize = 71;
const START: [u8; 4] = [0x54, 0xe6, 0x21, 0xf3];
const END: [u8; 4] = [0x21, 0x43, 0xdc, 0xfe];

/// One message.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Message {
    pub code: u32,
    pub status: i32,
    pub hardware_id: i32,
    pub d0: i32,
    pub d1: i32,
    pub d2: i32,
    pub bits: u32,
    /// The floating-point field: a position, a pixel size, a time.
    pub number: f64,
    pub text: String,
    pub payload: Bytes,
}

/// What came is no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rubbish;

impl Message {
    /// Something the server says on its own, with the status it says it with.
    pub(super) fn new(code: u32) -> Self {
        Self {
            code,
            status: 1,
            ..Self::default()
        }
    }

    /// The bytes on the wire.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let length = i32::try_from(self.payload.len()).unwrap_or(i32::MAX);
        self.to_bytes_announcing(length)
    }

    /// The bytes on the wire with this payload length written into them, whatever follows.
    pub(super) fn to_bytes_announcing(&self, length: i32) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER + self.payload.len());
        out.extend(START);
        out.extend(self.code.to_le_bytes());
        // The three words of zeros are the ids of subsystem and client, which nobody needs.
        for word in [
            self.status,
            self.hardware_id,
            0,
            0,
            self.d0,
            self.d1,
            self.d2,
        ] {
            out.extend(word.to_le_bytes());
        }
        out.extend(self.bits.to_le_bytes());
        out.extend(self.number.to_le_bytes());
        out.extend(length.to_le_bytes());
        let text = self.text.as_bytes();
        out.extend(&text[..text.len().min(TEXT_LIMIT)]);
        out.resize(HEADER - END.len(), 0);
        out.extend(END);
        out.extend_from_slice(&self.payload);
        out
    }

    /// Takes one message with its payload from the front of `bytes`; `None` until it is whole.
    pub(super) fn take(bytes: &mut BytesMut) -> Result<Option<Self>, Rubbish> {
        let Some(head) = bytes.first_chunk::<HEADER>() else {
            return Ok(None);
        };
        let length = word(head, 48);
        if head[..4] != START || head[124..] != END || !(0..=PAYLOAD_LIMIT).contains(&length) {
            return Err(Rubbish);
        }
        let length = length as usize;
        if bytes.len() < HEADER + length {
            return Ok(None);
        }
        let text = &head[52..124];
        let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
        let mut number = [0; 8];
        number.copy_from_slice(&head[40..48]);
        let message = Self {
            code: word(head, 4) as u32,
            status: word(head, 8),
            hardware_id: word(head, 12),
            d0: word(head, 24),
            d1: word(head, 28),
            d2: word(head, 32),
            bits: word(head, 36) as u32,
            number: f64::from_le_bytes(number),
            text: String::from_utf8_lossy(text).into_owned(),
            payload: Bytes::new(),
        };
        bytes.advance(HEADER);
        let payload = bytes.split_to(length).freeze();
        Ok(Some(Self { payload, ..message }))
    }
}

fn word(head: &[u8; HEADER], at: usize) -> i32 {
    let mut word = [0; 4];
    word.copy_from_slice(&head[at..at + 4]);
    i32::from_le_bytes(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_understood_whole_and_not_before() {
        let sent = Message {
            code: 0x3004,
            status: -2,
            hardware_id: -1,
            d0: 3,
            d1: i32::MIN,
            d2: 7,
            bits: 0x8000_0000,
            number: -217.965,
            text: "11.49".to_owned(),
            payload: Bytes::from_static(b"LEDOFF"),
        };
        let wire = sent.to_bytes();
        assert_eq!(wire.len(), 134);
        let mut bytes = BytesMut::new();
        for (count, byte) in wire.iter().enumerate() {
            assert_eq!(Message::take(&mut bytes), Ok(None), "after {count} bytes");
            bytes.extend([*byte]);
        }
        assert_eq!(Message::take(&mut bytes), Ok(Some(sent)));
        assert!(bytes.is_empty());
    }

    #[test]
    fn fields_are_where_the_description_has_them() {
        let wire = Message {
            d0: 4,
            number: -217.965,
            bits: 0x8000_0000,
            status: 0,
            ..Message::new(0x6005)
        }
        .to_bytes();
        assert_eq!(wire[..8], [0x54, 0xe6, 0x21, 0xf3, 0x05, 0x60, 0, 0]);
        assert_eq!(wire[24..28], [4, 0, 0, 0]);
        assert_eq!(wire[36..40], [0, 0, 0, 0x80]);
        let number = [0x7b, 0x14, 0xae, 0x47, 0xe1, 0x3e, 0x6b, 0xc0];
        assert_eq!(wire[40..48], number);
        assert_eq!(wire[124..], [0x21, 0x43, 0xdc, 0xfe]);
    }

    #[test]
    fn wrong_marks_and_lengths_are_rubbish() {
        for (at, bytes) in [
            (0, [0; 4]),
            (124, [0; 4]),
            (48, (-1_i32).to_le_bytes()),
            (48, 33_554_433_i32.to_le_bytes()),
        ] {
            let mut wire = Message::new(0xa007).to_bytes();
            wire[at..at + 4].copy_from_slice(&bytes);
            assert_eq!(Message::take(&mut wire[..].into()), Err(Rubbish), "at {at}");
        }
    }
}
