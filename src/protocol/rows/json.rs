//! A JSON value that is read no further than somebody asks, with numbers as they were written.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{MOST_ROWS, NotJson};
use crate::model::PlainText;

/// One level of a value.
#[derive(Debug)]
pub(super) enum Node<'a> {
    Object(Members<'a>),
    Array(Items<'a>),
    Null,
    Bool(bool),
    /// As it was written.
    Number(&'a str),
    /// Without its quotes and escapes.
    Text(Cow<'a, str>),
}

/// The members of an object, in the order they came.
#[derive(Debug, Default)]
pub(super) struct Members<'a> {
    pub(super) members: Vec<(Cow<'a, str>, &'a RawValue)>,
    /// Members that were not kept.
    pub(super) more: u64,
}

/// The items of a list.
#[derive(Debug, Default)]
pub(super) struct Items<'a> {
    pub(super) items: Vec<&'a RawValue>,
    /// Items that were not kept.
    pub(super) more: u64,
}

impl<'a> Members<'a> {
    /// The member of that name; of several the last one, as everywhere in JSON.
    pub(super) fn get(&self, name: &str) -> Option<&'a RawValue> {
        let mut all = self.members.iter().rev();
        all.find(|(known, _)| known == name).map(|(_, raw)| *raw)
    }
}

/// A whole message.
pub(super) fn parse(message: &[u8]) -> Result<&RawValue, NotJson> {
    serde_json::from_slice(message).map_err(|error| NotJson(PlainText::from(error.to_string())))
}

/// One level of a value that is known to be JSON; `None` if a name in it is no text.
pub(super) fn open(raw: &RawValue) -> Option<Node<'_>> {
    let text = raw.get();
    Some(match text.as_bytes().first()? {
        b'{' => Node::Object(serde_json::from_str(text).ok()?),
        b'[' => Node::Array(serde_json::from_str(text).ok()?),
        b'"' => match serde_json::from_str(text) {
            Ok(Word(word)) => Node::Text(word),
            // Half a surrogate pair: shown as it was written.
            Err(_) => Node::Text(Cow::Borrowed(text.trim_matches('"'))),
        },
        b't' => Node::Bool(true),
        b'f' => Node::Bool(false),
        b'n' => Node::Null,
        _ => Node::Number(text),
    })
}

/// A text that is borrowed where it has no escapes.
struct Word<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Word<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Words;
        impl<'de> Visitor<'de> for Words {
            type Value = Word<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Word<'de>, E> {
                Ok(Word(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Word<'de>, E> {
                Ok(Word(Cow::Owned(text.to_owned())))
            }
        }
        from.deserialize_str(Words)
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut found = Members::default();
                while found.members.len() < MOST_ROWS {
                    match map.next_entry::<Word<'de>, &'de RawValue>()? {
                        Some((Word(name), raw)) => found.members.push((name, raw)),
                        None => return Ok(found),
                    }
                }
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
                    found.more = found.more.saturating_add(1);
                }
                Ok(found)
            }
        }
        from.deserialize_map(All)
    }
}

impl<'de> Deserialize<'de> for Items<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Items<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut found = Items::default();
                while found.items.len() < MOST_ROWS {
                    match seq.next_element::<&'de RawValue>()? {
                        Some(raw) => found.items.push(raw),
                        None => return Ok(found),
                    }
                }
                while seq.next_element::<IgnoredAny>()?.is_some() {
                    found.more = found.more.saturating_add(1);
                }
                Ok(found)
            }
        }
        from.deserialize_seq(All)
    }
}
