//! The records of instruments that can be commanded, of commands and of stops.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::special_name;
use crate::model::Value;

/// The state of an instrument.
#[derive(Debug, Serialize, Deserialize)]
pub struct InstrumentRecord<'a> {
    /// What it is doing.
    #[serde(borrow)]
    pub activity: Cow<'a, str>,
    /// Its axes.
    #[serde(borrow)]
    pub axes: List<AxisRecord<'a>>,
    /// Its lights.
    #[serde(borrow)]
    pub lights: List<LightRecord<'a>>,
    /// Its cameras.
    #[serde(borrow)]
    pub cameras: List<CameraRecord<'a>>,
    /// The workflow that runs, or that ran last.
    #[serde(borrow)]
    pub workflow: Option<WorkflowRecord<'a>>,
    /// Kinds of commands that it takes.
    #[serde(borrow)]
    pub offers: List<Cow<'a, str>>,
    /// Ways in which it can send its live view.
    #[serde(default, borrow)]
    pub stream_protocols: List<Cow<'a, str>>,
    /// Parameters of its live view's stream.
    #[serde(default, borrow)]
    pub stream_parameters: List<Cow<'a, str>>,
    /// Received before the recording began, at this time (Unix nanoseconds), and still true then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since_ns: Option<u64>,
}

/// One axis.
#[derive(Debug, Serialize, Deserialize)]
pub struct AxisRecord<'a> {
    /// Its name.
    #[serde(borrow)]
    pub name: Cow<'a, str>,
    /// The unit of everything in it.
    #[serde(borrow)]
    pub unit: Cow<'a, str>,
    /// Where it stood.
    pub position: Option<Number>,
    /// Where it is going.
    pub target: Option<Number>,
    /// How far it may go.
    pub limits: Option<LimitsRecord>,
    /// Whether it moves.
    #[serde(borrow)]
    pub motion: Cow<'a, str>,
}

/// A closed range.
#[derive(Debug, Serialize, Deserialize)]
pub struct LimitsRecord {
    /// The least.
    pub min: Number,
    /// The most.
    pub max: Number,
}

/// One light.
#[derive(Debug, Serialize, Deserialize)]
pub struct LightRecord<'a> {
    /// Its name.
    #[serde(borrow)]
    pub name: Cow<'a, str>,
    /// What it is, for people.
    #[serde(borrow)]
    pub label: Cow<'a, str>,
    /// Its level.
    pub level: Option<Number>,
    /// The unit of its level and range.
    #[serde(borrow)]
    pub unit: Cow<'a, str>,
    /// The levels that it takes.
    pub range: Option<LimitsRecord>,
    /// Whether it shines.
    pub on: Option<bool>,
    /// What that rests on.
    #[serde(borrow)]
    pub evidence: Cow<'a, str>,
}

/// One camera.
#[derive(Debug, Serialize, Deserialize)]
pub struct CameraRecord<'a> {
    /// Its name.
    #[serde(borrow)]
    pub name: Cow<'a, str>,
    /// Its exposure time.
    pub exposure_ms: Option<Number>,
    /// The exposure times that it takes.
    pub exposure_range_ms: Option<LimitsRecord>,
    /// Its gain.
    pub gain: Option<Number>,
    /// The gains that it takes.
    pub gain_range: Option<LimitsRecord>,
    /// Whether its pictures are being sent.
    pub streaming: Option<bool>,
    /// Its other controls.
    #[serde(default, borrow)]
    pub controls: List<CameraControlRecord<'a>>,
}

/// A control of a camera.
#[derive(Debug, Serialize, Deserialize)]
pub struct CameraControlRecord<'a> {
    /// Its name.
    #[serde(borrow)]
    pub name: Cow<'a, str>,
    /// What the camera calls it.
    #[serde(borrow)]
    pub label: Cow<'a, str>,
    /// What it takes.
    #[serde(borrow)]
    pub kind: Cow<'a, str>,
    /// How it stands.
    pub value: Option<Number>,
    /// The unit of its numbers.
    #[serde(borrow)]
    pub unit: Cow<'a, str>,
    /// What it takes at least and at most.
    pub range: Option<LimitsRecord>,
    /// From one number to the next.
    pub step: Option<Number>,
    /// How it stands while nobody has touched it.
    pub default: Option<Number>,
    /// What there is to choose from.
    #[serde(borrow)]
    pub choices: List<ChoiceRecord<'a>>,
    /// Whether it may be set.
    #[serde(borrow)]
    pub access: Cow<'a, str>,
}

/// One of the things to choose from.
#[derive(Debug, Serialize, Deserialize)]
pub struct ChoiceRecord<'a> {
    /// Its number.
    pub value: Number,
    /// What the camera calls it.
    #[serde(borrow)]
    pub name: Cow<'a, str>,
}

/// A workflow and how far it has come.
#[derive(Debug, Serialize, Deserialize)]
pub struct WorkflowRecord<'a> {
    /// The file it came from.
    #[serde(borrow)]
    pub name: Option<Cow<'a, str>>,
    /// How it stands.
    #[serde(borrow)]
    pub state: Cow<'a, str>,
    /// Pictures taken.
    pub acquired: Option<u64>,
    /// Pictures there will be.
    pub expected: Option<u64>,
    /// Pictures written to the server's disk.
    pub saved: Option<u64>,
}

/// A command came to another state.
#[derive(Debug, Serialize, Deserialize)]
pub struct CommandRecord<'a> {
    /// Its number.
    pub id: u64,
    /// What was asked, in words.
    #[serde(borrow)]
    pub command: Cow<'a, str>,
    /// What kind of command it is.
    #[serde(borrow)]
    pub kind: Cow<'a, str>,
    /// What it may do.
    #[serde(borrow)]
    pub danger: Cow<'a, str>,
    /// Who asked.
    #[serde(borrow)]
    pub operator: Cow<'a, str>,
    /// Where it is now.
    #[serde(borrow)]
    pub state: Cow<'a, str>,
    /// Whether nothing more is expected.
    #[serde(rename = "final")]
    pub is_final: bool,
    /// Why, or what the instrument said.
    #[serde(borrow)]
    pub detail: Option<Cow<'a, str>>,
    /// The axis it moves.
    #[serde(borrow)]
    pub axis: Option<Cow<'a, str>>,
    /// Where the axes stood before it was sent.
    #[serde(borrow)]
    pub before: List<PositionRecord<'a>>,
    /// Where they stand after it has ended.
    #[serde(borrow)]
    pub after: List<PositionRecord<'a>>,
}

/// Where an axis stood.
#[derive(Debug, Serialize, Deserialize)]
pub struct PositionRecord<'a> {
    /// The axis.
    #[serde(borrow)]
    pub axis: Cow<'a, str>,
    /// Where.
    pub value: Option<Number>,
    /// In this unit.
    #[serde(borrow)]
    pub unit: Cow<'a, str>,
}

/// The way that a stop would take, or what became of a press.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct StopRecord<'a> {
    /// `path` or `press`.
    #[serde(borrow)]
    pub about: Cow<'a, str>,
    /// Path: `opening`, `ready` or `down`. Press: how far it has come.
    #[serde(borrow)]
    pub state: Cow<'a, str>,
    /// Ready: how long the last question took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round_trip_ns: Option<u64>,
    /// Down: why.
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    pub why: Option<Cow<'a, str>>,
    /// Press: which one of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub press: Option<u64>,
    /// Press: what it ends.
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    pub level: Option<Cow<'a, str>>,
    /// Press: who pressed.
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Cow<'a, str>>,
    /// Press: when, on the monotonic clock of the process that recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pressed_mono_ns: Option<u64>,
    /// Sent and acknowledged: how long after the press.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_ns: Option<u64>,
    /// Press: what else there is to say.
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Cow<'a, str>>,
    /// Received before the recording began, at this time (Unix nanoseconds), and still true then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since_ns: Option<u64>,
}

/// A list that is refused when it is longer than any instrument's: files come from outside.
#[derive(Debug)]
pub struct List<T, const MOST: usize = MAX_LIST>(pub Vec<T>);

impl<T, const MOST: usize> Default for List<T, MOST> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

/// The most that a [`List`] holds unless it says otherwise.
pub const MAX_LIST: usize = 4096;

impl<T: Serialize, const MOST: usize> Serialize for List<T, MOST> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(&self.0)
    }
}

impl<'de, T: Deserialize<'de>, const MOST: usize> Deserialize<'de> for List<T, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader<T, const MOST: usize>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>, const MOST: usize> Visitor<'de> for Reader<T, MOST> {
            type Value = Vec<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a list of at most {MOST}")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<T>, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    if items.len() >= MOST {
                        return Err(de::Error::custom(format!("a list of more than {MOST}")));
                    }
                    items.push(item);
                }
                Ok(items)
            }
        }
        deserializer
            .deserialize_seq(Reader::<T, MOST>(PhantomData))
            .map(Self)
    }
}

/// A number; one that JSON cannot write is the text `NaN`, `inf` or `-inf`.
#[derive(Clone, Copy, Debug)]
pub struct Number(pub f64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match special_name(&Value::Float(self.0)) {
            Some(name) => serializer.serialize_str(name),
            None => serializer.serialize_f64(self.0),
        }
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = f64;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, \"NaN\", \"inf\" or \"-inf\"")
            }
            fn visit_f64<E: de::Error>(self, number: f64) -> Result<f64, E> {
                Ok(number)
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<f64, E> {
                Ok(number as f64)
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<f64, E> {
                Ok(number as f64)
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<f64, E> {
                match text {
                    "NaN" => Ok(f64::NAN),
                    "inf" => Ok(f64::INFINITY),
                    "-inf" => Ok(f64::NEG_INFINITY),
                    other => Err(de::Error::invalid_value(de::Unexpected::Str(other), &self)),
                }
            }
        }
        deserializer.deserialize_any(Reader).map(Self)
    }
}
