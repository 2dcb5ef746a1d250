//! MessagePack as ImSwitch uses it: maps with text keys, turned into JSON where they are small.
//!
//! A tree of values takes up to forty times the bytes it was read from, so only what is short is
//! ever made into one; a picture is cut out of its message by its length alone.

use bytes::Bytes;
use rmpv::ValueRef;
use serde_json::{Map, Number, Value, json};

/// Deeper than any signal seen; beyond it a message is refused.
const DEPTH: usize = 32;

/// Most entries of a message's outer map.
const MAX_ENTRIES: usize = 64;

/// One value, not yet read: exactly its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Raw<'a>(&'a [u8]);

impl<'a> Raw<'a> {
    /// A whole message as a value; what follows the value is ignored.
    pub(super) fn new(message: &'a [u8]) -> Option<Self> {
        let rest = skip(message)?;
        let length = message.len().checked_sub(rest.len())?;
        message.get(..length).map(Self)
    }

    /// The entries of a map by their keys, values unread.
    ///
    /// # Errors
    /// A sentence: it is no map with text keys, or has too many of them.
    pub(super) fn entries(self) -> Result<Vec<(&'a str, Raw<'a>)>, String> {
        let no_map = || "it is no MessagePack map with text as keys".to_owned();
        let (head, mut rest) = Head::read(self.0).ok_or_else(no_map)?;
        let Head::Map(count) = head else {
            return Err(no_map());
        };
        if usize::try_from(count).is_ok_and(|count| count > MAX_ENTRIES) {
            return Err(format!(
                "it is a map of {count} entries, the limit is {MAX_ENTRIES}"
            ));
        }
        let mut entries = Vec::new();
        for _ in 0..count {
            let key = Raw::new(rest).ok_or_else(no_map)?;
            rest = rest.get(key.0.len()..).unwrap_or_default();
            let value = Raw::new(rest).ok_or_else(no_map)?;
            rest = rest.get(value.0.len()..).unwrap_or_default();
            entries.push((key.text().ok_or_else(no_map)?, value));
        }
        Ok(entries)
    }

    /// The text it is, if it is valid text.
    pub(super) fn text(self) -> Option<&'a str> {
        match Head::read(self.0)? {
            (Head::Text(_), rest) => std::str::from_utf8(rest).ok(),
            _ => None,
        }
    }

    /// The binary data it is.
    pub(super) fn binary(self) -> Option<&'a [u8]> {
        match Head::read(self.0)? {
            (Head::Binary(_), rest) => Some(rest),
            _ => None,
        }
    }

    /// The same value in JSON, if it takes at most `limit` bytes. What JSON has no form for keeps
    /// its meaning: binary data becomes a placeholder and an attachment (a slice of `whole`, of
    /// which this value must be a part), numbers that are none become text.
    ///
    /// # Errors
    /// A sentence: it is too long, too deep or damaged.
    pub(super) fn to_json(
        self,
        limit: usize,
        whole: &Bytes,
        attachments: &mut Vec<Bytes>,
    ) -> Result<Value, String> {
        if self.0.len() > limit {
            let got = self.0.len();
            return Err(format!(
                "it has {got} bytes of MessagePack, the limit is {limit}"
            ));
        }
        let mut rest = self.0;
        rmpv::decode::read_value_ref_with_max_depth(&mut rest, DEPTH)
            .map(|value| json(&value, whole, attachments))
            .map_err(|error| format!("its MessagePack is damaged: {error}"))
    }
}

fn json(value: &ValueRef<'_>, whole: &Bytes, attachments: &mut Vec<Bytes>) -> Value {
    match value {
        ValueRef::Nil => Value::Null,
        ValueRef::Boolean(on) => Value::Bool(*on),
        ValueRef::Integer(number) => match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => number.into(),
            (None, Some(number)) => number.into(),
            (None, None) => Value::Null,
        },
        ValueRef::F32(number) => float(f64::from(*number)),
        ValueRef::F64(number) => float(*number),
        ValueRef::String(text) => Value::String(lossy(text)),
        ValueRef::Binary(bytes) | ValueRef::Ext(_, bytes) => {
            let place = json!({"_placeholder": true, "num": attachments.len()});
            attachments.push(whole.slice_ref(bytes));
            place
        }
        ValueRef::Array(items) => items
            .iter()
            .map(|item| json(item, whole, attachments))
            .collect(),
        ValueRef::Map(entries) => {
            let mut map = Map::new();
            for (key, value) in entries {
                let key = match key {
                    ValueRef::String(text) => lossy(text),
                    other => other.to_string(),
                };
                map.insert(key, json(value, whole, attachments));
            }
            Value::Object(map)
        }
    }
}

fn float(number: f64) -> Value {
    Number::from_f64(number).map_or_else(|| Value::String(number.to_string()), Value::Number)
}

fn lossy(text: &rmpv::Utf8StringRef<'_>) -> String {
    String::from_utf8_lossy(text.as_bytes()).into_owned()
}

/// What a value begins with: its kind and how much of it follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Head {
    /// This many bytes that are no value of their own: numbers, extensions.
    Plain(u64),
    Text(u64),
    Binary(u64),
    Array(u64),
    Map(u64),
}

impl Head {
    /// The head and the bytes after it. Source: MessagePack specification, "Formats".
    fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (&marker, rest) = bytes.split_first()?;
        let low = |mask: u8| u64::from(marker & mask);
        Some(match marker {
            // 0xc1 is reserved; the reader takes it for nil, too.
            0x00..=0x7f | 0xc0..=0xc3 | 0xe0..=0xff => (Self::Plain(0), rest),
            0x80..=0x8f => (Self::Map(low(0x0f)), rest),
            0x90..=0x9f => (Self::Array(low(0x0f)), rest),
            0xa0..=0xbf => (Self::Text(low(0x1f)), rest),
            0xc4 => number::<1>(rest, Self::Binary)?,
            0xc5 => number::<2>(rest, Self::Binary)?,
            0xc6 => number::<4>(rest, Self::Binary)?,
            // Extensions carry one byte of type beside their length.
            0xc7 => number::<1>(rest, |n| Self::Plain(n.saturating_add(1)))?,
            0xc8 => number::<2>(rest, |n| Self::Plain(n.saturating_add(1)))?,
            0xc9 => number::<4>(rest, |n| Self::Plain(n.saturating_add(1)))?,
            0xcc | 0xd0 => (Self::Plain(1), rest),
            0xcd | 0xd1 | 0xd4 => (Self::Plain(2), rest),
            0xca | 0xce | 0xd2 => (Self::Plain(4), rest),
            0xcb | 0xcf | 0xd3 => (Self::Plain(8), rest),
            0xd5 => (Self::Plain(3), rest),
            0xd6 => (Self::Plain(5), rest),
            0xd7 => (Self::Plain(9), rest),
            0xd8 => (Self::Plain(17), rest),
            0xd9 => number::<1>(rest, Self::Text)?,
            0xda => number::<2>(rest, Self::Text)?,
            0xdb => number::<4>(rest, Self::Text)?,
            0xdc => number::<2>(rest, Self::Array)?,
            0xdd => number::<4>(rest, Self::Array)?,
            0xde => number::<2>(rest, Self::Map)?,
            0xdf => number::<4>(rest, Self::Map)?,
        })
    }
}

/// A length of `N` bytes, big-endian, made into a head.
fn number<const N: usize>(bytes: &[u8], head: impl FnOnce(u64) -> Head) -> Option<(Head, &[u8])> {
    let (digits, rest) = bytes.split_first_chunk::<N>()?;
    let number = digits
        .iter()
        .fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
    Some((head(number), rest))
}

/// What follows the first value in `bytes`; `None` if it ends early. Nothing is kept and nothing
/// recurses, however many values are nested.
fn skip(bytes: &[u8]) -> Option<&[u8]> {
    let mut rest = bytes;
    let mut values = 1_u64;
    while values > 0 {
        let (head, after) = Head::read(rest)?;
        values = values.saturating_sub(1);
        rest = match head {
            Head::Plain(length) | Head::Text(length) | Head::Binary(length) => {
                after.get(usize::try_from(length).ok()?..)?
            }
            Head::Array(count) => {
                values = values.saturating_add(count);
                after
            }
            Head::Map(count) => {
                values = values.saturating_add(count.saturating_mul(2));
                after
            }
        };
    }
    Some(rest)
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_format_is_skipped_by_its_length() {
        // Each value alone, and followed by one byte of something else.
        let mut values: Vec<Vec<u8>> = vec![
            vec![0x00],
            vec![0xc0],
            vec![0xe0],
            vec![0xcc, 1],
            vec![0xd0, 1],
            vec![0xcd, 1, 2],
            vec![0xd1, 1, 2],
            vec![0xce, 1, 2, 3, 4],
            vec![0xca, 1, 2, 3, 4],
            vec![0xd2, 1, 2, 3, 4],
            vec![0xa2, b'a', b'b'],
            vec![0xd9, 1, b'a'],
            vec![0xda, 0, 1, b'a'],
            vec![0xdb, 0, 0, 0, 1, b'a'],
            vec![0xc4, 1, 9],
            vec![0xc5, 0, 1, 9],
            vec![0xc6, 0, 0, 0, 1, 9],
            vec![0xc7, 1, 5, 9],
            vec![0xc8, 0, 1, 5, 9],
            vec![0xc9, 0, 0, 0, 1, 5, 9],
            vec![0x92, 0x01, 0xc0],
            vec![0xdc, 0, 2, 0x01, 0xc0],
            vec![0xdd, 0, 0, 0, 1, 0x90],
            vec![0x81, 0xa1, b'k', 0x80],
            vec![0xde, 0, 1, 0xa1, b'k', 0x01],
            vec![0xdf, 0, 0, 0, 1, 0xa1, b'k', 0x01],
        ];
        for marker in [0xcb, 0xcf, 0xd3] {
            values.push([&[marker][..], &[7; 8]].concat());
        }
        for (marker, length) in [(0xd4, 1), (0xd5, 2), (0xd6, 4), (0xd7, 8), (0xd8, 16)] {
            values.push([&[marker, 5][..], &vec![7; length]].concat());
        }
        for value in values {
            let followed = [&value[..], &[0xff]].concat();
            assert_eq!(skip(&followed), Some(&[0xff][..]), "{value:02x?}");
            let mut reader = &value[..];
            rmpv::decode::read_value(&mut reader).unwrap();
            assert_eq!(reader, b"", "{value:02x?} is one whole value");
            for end in 0..value.len() {
                assert_eq!(skip(&value[..end]), None, "{value:02x?} cut at {end}");
            }
        }
    }

    proptest! {
        #[test]
        fn skipping_agrees_with_the_reader(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut reader = &bytes[..];
            if rmpv::decode::read_value_ref(&mut reader).is_ok() {
                prop_assert_eq!(skip(&bytes), Some(reader));
            }
        }
    }
}
