//! What the JSON of a packet may be, checked without building a tree of it.
//!
//! Two verdicts are kept apart: [`Unusable::Broken`] breaks the protocol and ends the connection;
//! [`Unusable::Skip`] spoils this one event, as NaN does, which Python servers write.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::limits::Limits;

/// What an event's array says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EventHead {
    /// Its first element; a number as its text.
    pub name: String,
    /// Its last element if that is a short string and not the name: perhaps a recovery offset.
    pub last_text: Option<String>,
}

/// Why a payload cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unusable {
    /// It breaks the protocol; the words follow "whose payload".
    Broken(String),
    /// Only this packet is lost.
    Skip(Skip),
}

/// Why a single event is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Skip {
    /// Arrays and objects too deep inside one another.
    TooDeep { limit: usize },
    /// The event's name is over the limit.
    NameTooLong { limit: usize },
    /// The namespace's name is over the limit.
    NamespaceTooLong { limit: usize },
    /// It holds NaN or Infinity, which JSON does not have.
    NotFinite,
    /// It holds a number or half a surrogate pair that no value can hold.
    OutOfRange,
}

impl Skip {
    /// Whether it is a matter of size.
    pub(super) fn is_too_large(self) -> bool {
        !matches!(self, Self::NotFinite | Self::OutOfRange)
    }
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooDeep { limit } => write!(f, "it is nested deeper than {limit}"),
            Self::NameTooLong { limit } => write!(f, "its name is over {limit} bytes"),
            Self::NamespaceTooLong { limit } => write!(f, "its namespace is over {limit} bytes"),
            Self::NotFinite => f.write_str("it holds NaN or Infinity, which is not JSON"),
            Self::OutOfRange => f.write_str("it holds a number or character out of range"),
        }
    }
}

fn broken(why: impl Into<String>) -> Unusable {
    Unusable::Broken(why.into())
}

/// Offsets are opaque; no known server makes them longer.
const MAX_OFFSET_BYTES: usize = 256;

/// serde_json stops at 128 levels by itself.
const DEEPEST: usize = 127;

/// Checks the array of an EVENT. `attachments` is their number in a binary packet, whose
/// placeholders are then checked; `None` in a text packet, where they are plain data.
pub(super) fn event(
    json: &[u8],
    attachments: Option<usize>,
    limits: &Limits,
) -> Result<EventHead, Unusable> {
    let json = text(json, limits)?;
    let ends = array_ends(json)?;
    placeholders(json, attachments)?;
    let first = ends
        .first
        .ok_or_else(|| broken("is an empty array instead of one that begins with a name"))?;
    let name = match first.get().as_bytes().first() {
        Some(b'"') => string(first)?,
        Some(b'0'..=b'9' | b'-') => first.get().to_owned(),
        _ => return Err(broken("does not begin with an event name")),
    };
    if name.len() > limits.name_bytes {
        return Err(Unusable::Skip(Skip::NameTooLong {
            limit: limits.name_bytes,
        }));
    }
    let last_text = ends
        .last
        .filter(|last| last.get().starts_with('"') && last.get().len() <= MAX_OFFSET_BYTES + 2)
        .and_then(|last| string(last).ok());
    Ok(EventHead { name, last_text })
}

/// Checks the array of an ACK; `attachments` as for [`event`].
pub(super) fn ack(
    json: &[u8],
    attachments: Option<usize>,
    limits: &Limits,
) -> Result<(), Unusable> {
    let json = text(json, limits)?;
    array_ends(json)?;
    placeholders(json, attachments)
}

/// UTF-8 is checked here once, so that the parsers need not do it string by string.
pub(super) fn text<'a>(json: &'a [u8], limits: &Limits) -> Result<&'a str, Unusable> {
    let text = std::str::from_utf8(json).map_err(|_| broken("is not UTF-8"))?;
    let limit = limits.json_depth.min(DEEPEST);
    if is_deeper_than(text, limit) {
        return Err(Unusable::Skip(Skip::TooDeep { limit }));
    }
    Ok(text)
}

/// Tells broken JSON from JSON that only a strict reader refuses.
pub(super) fn verdict(json: &str, error: &serde_json::Error) -> Unusable {
    if serde_json::from_str::<IgnoredAny>(json).is_ok() {
        return Unusable::Skip(Skip::OutOfRange);
    }
    if serde_json::from_str::<IgnoredAny>(&without_not_finite(json)).is_ok() {
        return Unusable::Skip(Skip::NotFinite);
    }
    broken(format!("is not JSON: {error}"))
}

fn string(raw: &RawValue) -> Result<String, Unusable> {
    serde_json::from_str::<String>(raw.get()).map_err(|e| verdict(raw.get(), &e))
}

/// Walks over the parts of `json` outside and inside of strings: `(part, is a string)`.
fn parts(json: &str) -> impl Iterator<Item = (&str, bool)> {
    let mut rest = json;
    let mut inside = false;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let was_inside = inside;
        let end = if inside {
            end_of_string(rest.as_bytes())
        } else {
            rest.bytes().position(|b| b == b'"')
        };
        // The quote that ends a string belongs to it, and so does the one that begins it.
        let cut = match end {
            Some(at) => at.saturating_add(1),
            None => rest.len(),
        };
        inside = end.is_some() && !was_inside;
        let (part, after) = rest.split_at_checked(cut)?;
        rest = after;
        Some((part, was_inside))
    })
}

/// Where the quote is that ends the string whose beginning was just passed.
fn end_of_string(bytes: &[u8]) -> Option<usize> {
    let mut escaped = false;
    bytes.iter().position(|b| {
        let ends = *b == b'"' && !escaped;
        escaped = *b == b'\\' && !escaped;
        ends
    })
}

fn is_deeper_than(json: &str, limit: usize) -> bool {
    let mut depth = 0_usize;
    for (part, is_string) in parts(json) {
        if is_string {
            continue;
        }
        for b in part.bytes() {
            match b {
                b'[' | b'{' => depth = depth.saturating_add(1),
                b']' | b'}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth > limit {
                return true;
            }
        }
    }
    false
}

/// The same JSON with a zero for each number that JSON cannot write.
fn without_not_finite(json: &str) -> String {
    parts(json)
        .map(|(part, is_string)| {
            if is_string {
                return Cow::Borrowed(part);
            }
            Cow::Owned(
                part.replace("-Infinity", "0")
                    .replace("Infinity", "0")
                    .replace("NaN", "0"),
            )
        })
        .collect()
}

/// The first and the last element of an array, as they are written. `last` is not the first.
#[derive(Default)]
struct Ends<'a> {
    first: Option<&'a RawValue>,
    last: Option<&'a RawValue>,
}

fn array_ends(json: &str) -> Result<Ends<'_>, Unusable> {
    struct EndsVisitor;
    impl<'de> Visitor<'de> for EndsVisitor {
        type Value = Ends<'de>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an array")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Ends<'de>, A::Error> {
            let mut ends = Ends {
                first: seq.next_element()?,
                last: None,
            };
            while let Some(element) = seq.next_element()? {
                ends.last = Some(element);
            }
            Ok(ends)
        }
    }

    if !json.trim_ascii_start().starts_with('[') {
        return Err(broken("is not an array"));
    }
    let mut reader = serde_json::Deserializer::from_str(json);
    reader
        .deserialize_seq(EndsVisitor)
        .and_then(|ends| reader.end().map(|()| ends))
        .map_err(|e| verdict(json, &e))
}

fn placeholders(json: &str, attachments: Option<usize>) -> Result<(), Unusable> {
    let Some(count) = attachments else {
        return Ok(());
    };
    let mut bad = false;
    let search = Search {
        count,
        bad: &mut bad,
    };
    search
        .deserialize(&mut serde_json::Deserializer::from_str(json))
        .map_err(|e| verdict(json, &e))?;
    if bad {
        return Err(broken(format!(
            "has a placeholder that names none of its {count} attachments"
        )));
    }
    Ok(())
}

/// What a value is, as far as placeholders care.
#[derive(Clone, Copy, PartialEq)]
enum Found {
    True,
    Count(u64),
    Other,
}

/// Looks at a value and everything in it, and notes a placeholder that names no attachment.
struct Search<'a> {
    count: usize,
    bad: &'a mut bool,
}

impl Search<'_> {
    fn again(&mut self) -> Search<'_> {
        Search {
            count: self.count,
            bad: self.bad,
        }
    }

    fn names_an_attachment(&self, num: Found) -> bool {
        match num {
            Found::Count(num) => usize::try_from(num).is_ok_and(|num| num < self.count),
            Found::True | Found::Other => false,
        }
    }
}

impl<'de> DeserializeSeed<'de> for Search<'_> {
    type Value = Found;

    fn deserialize<D: serde::Deserializer<'de>>(self, value: D) -> Result<Found, D::Error> {
        value.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Search<'_> {
    type Value = Found;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Found, E> {
        Ok(if value { Found::True } else { Found::Other })
    }

    fn visit_u64<E>(self, value: u64) -> Result<Found, E> {
        Ok(Found::Count(value))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Found, E> {
        Ok(Found::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Found, E> {
        Ok(Found::Other)
    }

    fn visit_str<E>(self, _: &str) -> Result<Found, E> {
        Ok(Found::Other)
    }

    fn visit_unit<E>(self) -> Result<Found, E> {
        Ok(Found::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<Found, A::Error> {
        while seq.next_element_seed(self.again())?.is_some() {}
        Ok(Found::Other)
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Found, A::Error> {
        let mut marked = false;
        let mut num = Found::Other;
        while let Some(key) = map.next_key::<Key>()? {
            let value = map.next_value_seed(self.again())?;
            match key {
                // Written twice, the last one counts.
                Key::Placeholder => marked = value == Found::True,
                Key::Num => num = value,
                Key::Other => {}
            }
        }
        if marked && !self.names_an_attachment(num) {
            *self.bad = true;
        }
        Ok(Found::Other)
    }
}

/// The keys of a placeholder.
#[derive(serde::Deserialize)]
#[serde(field_identifier)]
enum Key {
    #[serde(rename = "_placeholder")]
    Placeholder,
    #[serde(rename = "num")]
    Num,
    #[serde(other)]
    Other,
}
