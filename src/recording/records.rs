//! The records that are JSON: everything that has no well-known schema.
//!
//! The same structs write and read, so that what was recorded comes back as it was. Field names
//! are part of the file format.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::model::{PlainText, Value};

mod control;
mod fleet;
mod market;

pub use control::{
    AxisRecord, CameraControlRecord, CameraRecord, ChoiceRecord, CommandRecord, InstrumentRecord,
    LightRecord, LimitsRecord, List, Number, PositionRecord, StopRecord, WorkflowRecord,
};
pub use fleet::{
    CellRecord, FleetRecord, MarkRecord, PaceRecord, ProbeRecord, RowRecord, RowsRecord,
    TotalsRecord, WorkerRecord,
};
pub use market::{
    BookRecord, CountersRecord, DecimalRecord, FeedRecord, LevelRecord, MAX_LEVELS,
    PercentilesRecord, TradeRecord,
};

/// What a picture's own schema has no field for. It stands right before its picture.
#[derive(Debug, Serialize, Deserialize)]
pub struct FrameRecord<'a> {
    /// The camera, as the source calls it.
    #[serde(borrow)]
    pub detector: Cow<'a, str>,
    /// The number the source gave the picture.
    pub number: Option<u64>,
    /// Columns, if they were told.
    pub width_px: Option<u32>,
    /// Rows, if they were told.
    pub height_px: Option<u32>,
    /// How the picture was encoded when it was received.
    #[serde(borrow)]
    pub received_as: Cow<'a, str>,
    /// Its bytes when it was received.
    pub received_bytes: u64,
    /// Micrometres per pixel.
    pub pixel_size_um: Option<f64>,
    /// Every how many-th sensor pixel the picture shows.
    pub subsampling: u32,
    /// Bits of a value that the sensor fills.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bit_depth: Option<u8>,
    /// The device's own time, Unix nanoseconds.
    pub device_ns: Option<u64>,
    /// Pictures of this camera that never came before this one.
    pub lost_before: u64,
}

/// Values of an instrument.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReadingsRecord<'a> {
    /// The values.
    #[serde(borrow)]
    pub readings: Vec<ReadingRecord<'a>>,
}

/// One value of an instrument.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReadingRecord<'a> {
    /// Path of the value inside its source.
    #[serde(borrow)]
    pub name: Cow<'a, str>,
    /// The value; `null` if it is not finite.
    pub value: ValueRecord,
    /// Which number `null` stands for: `NaN`, `inf` or `-inf`.
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    pub special: Option<Cow<'a, str>>,
    /// Its unit, empty if it has none.
    #[serde(borrow)]
    pub unit: Cow<'a, str>,
    /// Received before the recording began, at this time (Unix nanoseconds), and still true then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since_ns: Option<u64>,
}

/// A value as JSON writes it. A float always has a point or an exponent, an integer never.
#[derive(Clone, Debug, PartialEq)]
pub struct ValueRecord(pub Value);

impl Serialize for ValueRecord {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Value::Float(number) => serializer.serialize_f64(*number),
            Value::Int(number) => serializer.serialize_i64(*number),
            Value::Bool(on) => serializer.serialize_bool(*on),
            Value::Text(text) => serializer.serialize_str(text),
        }
    }
}

impl<'de> Deserialize<'de> for ValueRecord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = Value;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, true, false, a text or null")
            }
            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Value, E> {
                Ok(Value::Float(number))
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Value, E> {
                Ok(Value::Int(number))
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Value, E> {
                Ok(i64::try_from(number).map_or(Value::Float(number as f64), Value::Int))
            }
            fn visit_bool<E: de::Error>(self, on: bool) -> Result<Value, E> {
                Ok(Value::Bool(on))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
                Ok(Value::Text(PlainText::from_peer(text)))
            }
            fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
                Ok(Value::Float(f64::NAN))
            }
        }
        deserializer.deserialize_any(Reader).map(Self)
    }
}

/// The name of a number that JSON cannot write.
pub fn special_name(value: &Value) -> Option<&'static str> {
    match value {
        Value::Float(number) if number.is_nan() => Some("NaN"),
        Value::Float(number) if *number == f64::INFINITY => Some("inf"),
        Value::Float(number) if *number == f64::NEG_INFINITY => Some("-inf"),
        _ => None,
    }
}

/// The number of a name of [`special_name`].
pub fn special_value(name: &str) -> f64 {
    match name {
        "inf" => f64::INFINITY,
        "-inf" => f64::NEG_INFINITY,
        _ => f64::NAN,
    }
}

/// A named event.
#[derive(Debug, Serialize, Deserialize)]
pub struct MessageRecord<'a> {
    /// The event.
    #[serde(borrow)]
    pub name: Cow<'a, str>,
    /// Its arguments, byte for byte as they were received.
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    pub args: Option<&'a RawValue>,
    /// In place of `args` if what was received is not exactly one JSON value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw_base64: Option<Binary<'a>>,
    /// Binary attachments, by the number of their placeholder in `args`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments_base64: Vec<Binary<'a>>,
}

/// Bytes as base64 with padding.
#[derive(Clone, Debug, PartialEq)]
pub struct Binary<'a>(pub Cow<'a, [u8]>);

impl fmt::Display for Binary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Base64Display::new(&self.0, &STANDARD).fmt(f)
    }
}

impl Serialize for Binary<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Binary<'_> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        STANDARD
            .decode(text.as_bytes())
            .map(|bytes| Self(Cow::Owned(bytes)))
            .map_err(de::Error::custom)
    }
}

/// The state of a connection.
#[derive(Debug, Serialize, Deserialize)]
pub struct LinkRecord<'a> {
    /// `connecting`, `connected`, `live`, `stale`, `down` or `ended`.
    #[serde(borrow)]
    pub state: Cow<'a, str>,
    /// Connecting: which try.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// Stale: what does not arrive.
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    pub missing: Option<Cow<'a, str>>,
    /// Down: how it ended.
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Cow<'a, str>>,
    /// Down: the sentence for people.
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Cow<'a, str>>,
    /// Down: when the next attempt starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_in_ns: Option<u64>,
    /// Received before the recording began, at this time (Unix nanoseconds), and still true then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since_ns: Option<u64>,
}

/// Something went wrong.
#[derive(Debug, Serialize, Deserialize)]
pub struct FaultRecord<'a> {
    /// What kind.
    #[serde(borrow)]
    pub kind: Cow<'a, str>,
    /// How bad.
    #[serde(borrow)]
    pub severity: Cow<'a, str>,
    /// What happened, where, what follows.
    #[serde(borrow)]
    pub text: Cow<'a, str>,
    /// The first bytes of what was wrong.
    pub sample_base64: Binary<'a>,
}

/// Something is missing from here on.
#[derive(Debug, Serialize, Deserialize)]
pub struct LossRecord<'a> {
    /// Whose it was; only in `/ttyscope/loss`, which all sources share.
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    pub source: Option<Cow<'a, str>>,
    /// The lane it travelled in.
    #[serde(borrow)]
    pub lane: Cow<'a, str>,
    /// Why it was lost.
    #[serde(borrow)]
    pub reason: Cow<'a, str>,
    /// How many.
    pub count: u64,
}
