//! The records of order books, trades and venues.
//!
//! Prices and sizes are decimal texts with exactly the instrument's decimals, so that no reader
//! has to round; the decimals stand beside them, so that even an empty book tells its own.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, MapAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{List, Number};
use crate::model::decimal::Decimal;
use crate::model::{FeedCounters, Level, Scales};

/// Levels of a side that are read at most: more than any venue sends.
pub const MAX_LEVELS: usize = 100_000;

/// A change of an order book.
#[derive(Debug, Serialize, Deserialize)]
pub struct BookRecord<'a> {
    /// The venue's short name.
    #[serde(borrow)]
    pub venue: Cow<'a, str>,
    /// The symbol as the venue writes it.
    #[serde(borrow)]
    pub symbol: Cow<'a, str>,
    /// `snapshot`, `delta`, `replace` or `clear`.
    #[serde(borrow)]
    pub change: Cow<'a, str>,
    /// Delta: levels each side is cut to afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth: Option<u16>,
    /// Clear: why the book is not to be trusted from here on.
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Cow<'a, str>>,
    /// Decimals of a price.
    pub price_scale: u8,
    /// Decimals of a size.
    pub size_scale: u8,
    /// Rows of the bid side, in the order received.
    #[serde(borrow)]
    pub bids: List<LevelRecord<'a>, MAX_LEVELS>,
    /// Rows of the ask side, in the order received.
    #[serde(borrow)]
    pub asks: List<LevelRecord<'a>, MAX_LEVELS>,
    /// First id covered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq_first: Option<i64>,
    /// Last id covered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq_last: Option<i64>,
    /// The id it follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq_prev: Option<i64>,
    /// The venue's time, Unix nanoseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange_ns: Option<i64>,
    /// Checksum that came with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<i64>,
    /// Which text frame of the connection it came in, from 1; 0 if it came over HTTP.
    pub frame: u64,
    /// `BASE/QUOTE`. From here on it and the next three hold; an end of the range that is not
    /// there is open.
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    pub display: Option<Cow<'a, str>>,
    /// Smallest step of a price.
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    pub tick: Option<DecimalRecord<'a>>,
    /// Below this price no bid is known.
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    pub known_low: Option<DecimalRecord<'a>>,
    /// Above this price no ask is known.
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    pub known_high: Option<DecimalRecord<'a>>,
    /// The whole book as it stood when the recording began; last changed at this time (Unix
    /// nanoseconds).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since_ns: Option<u64>,
}

/// One level: its price and its size.
#[derive(Debug, Serialize, Deserialize)]
pub struct LevelRecord<'a>(
    #[serde(borrow)] pub DecimalRecord<'a>,
    #[serde(borrow)] pub DecimalRecord<'a>,
);

impl LevelRecord<'_> {
    /// A level of numbers with these decimals.
    pub fn new(level: &Level, scales: Scales) -> Self {
        Self(
            DecimalRecord::Number(level.price.into(), scales.price),
            DecimalRecord::Number(level.size, scales.size),
        )
    }
}

/// An exact number: counts and decimals when it is written, text when it is read.
#[derive(Debug)]
pub enum DecimalRecord<'a> {
    /// So many `10^-scale`.
    Number(i128, u8),
    /// As it stands in the file.
    Text(Cow<'a, str>),
}

impl Serialize for DecimalRecord<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(value, scale) => serializer.collect_str(&Decimal {
                units: *value,
                scale: *scale,
            }),
            Self::Text(text) => serializer.serialize_str(text),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for DecimalRecord<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Cow<'de, str>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a decimal number as text")
            }
            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Cow::Borrowed(text))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Cow::Owned(text.to_owned()))
            }
        }
        deserializer.deserialize_str(Reader).map(Self::Text)
    }
}

/// Somebody bought and somebody sold.
#[derive(Debug, Serialize, Deserialize)]
pub struct TradeRecord<'a> {
    /// The venue's short name.
    #[serde(borrow)]
    pub venue: Cow<'a, str>,
    /// The symbol as the venue writes it.
    #[serde(borrow)]
    pub symbol: Cow<'a, str>,
    /// The venue's id.
    #[serde(borrow)]
    pub id: Option<Cow<'a, str>>,
    /// Decimals of the price.
    pub price_scale: u8,
    /// Decimals of the size.
    pub size_scale: u8,
    /// The price.
    #[serde(borrow)]
    pub price: DecimalRecord<'a>,
    /// The size; zero for a price without a trade.
    #[serde(borrow)]
    pub size: DecimalRecord<'a>,
    /// `buy` or `sell`: who crossed the spread.
    #[serde(borrow)]
    pub aggressor: Option<Cow<'a, str>>,
    /// `buy` or `sell`: the side as the venue wrote it, where nobody knows whose it is.
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    pub side: Option<Cow<'a, str>>,
    /// The venue's time, Unix nanoseconds.
    pub exchange_ns: Option<i64>,
    /// Older than the newest trade of its symbol by more than a second.
    pub late: bool,
}

/// How a venue's connections stand.
#[derive(Debug, Serialize, Deserialize)]
pub struct FeedRecord<'a> {
    /// The venue's short name.
    #[serde(borrow)]
    pub venue: Cow<'a, str>,
    /// `stream`, `polling` or `fallback`.
    #[serde(borrow)]
    pub way: Cow<'a, str>,
    /// Connections that stand.
    pub connections_up: u16,
    /// Connections that should.
    pub connections_wanted: u16,
    /// Books subscribed.
    pub books: u16,
    /// Of them, live.
    pub books_live: u16,
    /// When the last frame of any kind was received, Unix nanoseconds.
    pub last_frame_ns: Option<u64>,
    /// What became of its frames.
    pub counters: CountersRecord,
    /// Messages applied per second.
    pub rate_hz: Number,
    /// Messages that wait to be sent.
    pub waiting_to_send: u16,
    /// Connection attempts left.
    pub attempts_left: u16,
    /// The venue told us to wait until then, Unix nanoseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limited_until_ns: Option<u64>,
    /// With this HTTP status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limited_status: Option<u16>,
    /// What the venue said last about itself.
    #[serde(borrow)]
    pub notice: Option<Cow<'a, str>>,
    /// From receipt to applied.
    pub apply: PercentilesRecord,
    /// How long a live book of it may be silent before it is called stale.
    pub fresh_for_ns: u64,
    /// Received before the recording began, at this time (Unix nanoseconds), and still true then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since_ns: Option<u64>,
}

/// Percentiles of durations.
#[derive(Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct PercentilesRecord {
    pub count: u64,
    pub p50_ns: u64,
    pub p90_ns: u64,
    pub p99_ns: u64,
    pub max_ns: u64,
}

/// Counters by name. Names that are not known are passed over, those that are missing are zero.
#[derive(Debug)]
pub struct CountersRecord(pub FeedCounters);

impl Serialize for CountersRecord {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let named = self.0.named();
        let mut map = serializer.serialize_map(Some(named.len()))?;
        for (name, value) in named {
            map.serialize_entry(name, &value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for CountersRecord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = FeedCounters;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("counters by name")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<FeedCounters, A::Error> {
                let mut counters = FeedCounters::default();
                while let Some(name) = map.next_key::<Cow<'de, str>>()? {
                    match counters.named_mut(&name) {
                        Some(counter) => *counter = map.next_value()?,
                        None => {
                            map.next_value::<de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(counters)
            }
        }
        deserializer.deserialize_map(Reader).map(Self)
    }
}
