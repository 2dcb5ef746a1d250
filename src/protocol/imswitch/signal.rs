//! A notification of the server, in either of its two encodings.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::msgpack::Raw;

/// The longest arguments that are looked into. The longest seen have two thousand bytes.
const MAX_ARGS_BYTES: usize = 1 << 20;

/// A signal: its name and its arguments.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Signal {
    /// Its name, e.g. `sigUpdateMotorPosition`; empty if it has none.
    pub name: String,
    /// The arguments as they came, null if there are none.
    pub args: Value,
    /// Binary data found in them, by placeholder number.
    pub attachments: Vec<Bytes>,
    /// What signals of the older dialects carry beside arguments.
    pub(super) old: OldFields,
}

/// Fields of `sigUpdateImage` and `frame_meta`, which have no `args`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct OldFields {
    /// A JPEG in base64.
    pub(super) image: Option<String>,
    /// The camera.
    pub(super) detector: Option<String>,
    /// Micrometres per sensor pixel.
    pub(super) pixel_size_um: Option<f64>,
    /// When it was encoded, Unix seconds.
    pub(super) server_timestamp: Option<f64>,
    /// The picture's number.
    pub(super) image_id: Option<u64>,
    /// What `frame_meta` says of the packet before it.
    pub(super) metadata: Option<Value>,
}

/// Why a signal cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SignalError(String);

impl SignalError {
    pub(super) fn new(text: String) -> Self {
        Self(text)
    }
}

/// The text of a `signal`. Unknown fields are passed over without being kept.
#[derive(Deserialize)]
struct Text<'a> {
    name: Option<String>,
    signal: Option<String>,
    #[serde(borrow)]
    args: Option<&'a RawValue>,
    #[serde(borrow)]
    metadata: Option<&'a RawValue>,
    image: Option<String>,
    detectorname: Option<String>,
    pixelsize: Option<f64>,
    server_timestamp: Option<f64>,
    image_id: Option<u64>,
}

impl Signal {
    /// Reads the MessagePack of a `signal_msgpack` event.
    ///
    /// # Errors
    /// It is no MessagePack map, or its arguments are too long.
    pub fn from_msgpack(message: &Bytes) -> Result<Self, SignalError> {
        let entries = Raw::new(message)
            .ok_or_else(|| "its MessagePack ends early".to_owned())
            .and_then(Raw::entries)
            .map_err(SignalError)?;
        let mut signal = Self::default();
        for (key, value) in entries {
            match key {
                // A log record is defined with `signal` in place of `name`.
                "name" | "signal" => signal.name = value.text().unwrap_or_default().to_owned(),
                "args" => {
                    signal.args = value
                        .to_json(MAX_ARGS_BYTES, message, &mut signal.attachments)
                        .map_err(SignalError)?;
                }
                _ => {}
            }
        }
        Ok(signal)
    }

    /// Reads the JSON text inside a `signal` event of the older dialects.
    ///
    /// # Errors
    /// It is no JSON object, or its arguments are too long.
    pub fn from_json(text: &str) -> Result<Self, SignalError> {
        let text: Text<'_> = serde_json::from_str(text)
            .map_err(|error| SignalError(format!("it is no JSON object of a signal: {error}")))?;
        Ok(Self {
            name: text.name.or(text.signal).unwrap_or_default(),
            args: text.args.map_or(Ok(Value::Null), short_json)?,
            attachments: Vec::new(),
            old: OldFields {
                image: text.image,
                detector: text.detectorname,
                pixel_size_um: text.pixelsize,
                server_timestamp: text.server_timestamp,
                image_id: text.image_id,
                metadata: text.metadata.map(short_json).transpose()?,
            },
        })
    }

    /// The arguments by the number in their names, `p0`, `p1` … or `arg0`, `arg1` ….
    pub fn positional(&self) -> Vec<&Value> {
        match &self.args {
            Value::Array(items) => items.iter().collect(),
            Value::Object(map) => {
                let mut numbered: Vec<(u32, &Value)> = map
                    .iter()
                    .filter_map(|(key, value)| {
                        let digits = key.strip_prefix("arg").or_else(|| key.strip_prefix('p'))?;
                        Some((digits.parse().ok()?, value))
                    })
                    .collect();
                numbered.sort_by_key(|(number, _)| *number);
                numbered.into_iter().map(|(_, value)| value).collect()
            }
            _ => Vec::new(),
        }
    }
}

fn short_json(raw: &RawValue) -> Result<Value, SignalError> {
    let length = raw.get().len();
    if length > MAX_ARGS_BYTES {
        return Err(SignalError(format!(
            "its arguments have {length} bytes, the limit is {MAX_ARGS_BYTES}"
        )));
    }
    serde_json::from_str(raw.get())
        .map_err(|error| SignalError(format!("its arguments are no JSON: {error}")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn arguments_go_by_number_not_by_place() {
        let cases = [
            (
                r#"{"name":"a","args":{"p10":10,"p2":2,"p0":0}}"#,
                json!([0, 2, 10]),
            ),
            (r#"{"name":"a","args":{"arg1":1,"arg0":0}}"#, json!([0, 1])),
            (r#"{"name":"a","args":[5,6]}"#, json!([5, 6])),
            (r#"{"signal":"sigLog","args":{"level":"INFO"}}"#, json!([])),
            (r#"{}"#, json!([])),
        ];
        for (text, args) in cases {
            let signal = Signal::from_json(text).unwrap();
            let read: Value = signal.positional().into_iter().cloned().collect();
            assert_eq!(read, args, "{text}");
        }
    }

    #[test]
    fn what_is_no_map_is_refused() {
        for bytes in [
            &b"\xc0"[..],
            b"\x81",
            b"\xdf\xff\xff\xff\xff",
            b"",
            b"\x91\xc0",
        ] {
            assert!(Signal::from_msgpack(&Bytes::from_static(bytes)).is_err());
        }
        let deep = Bytes::from([&b"\x81\xa4args"[..], &[0x91; 100_000], b"\xc0"].concat());
        assert!(Signal::from_msgpack(&deep).is_err());
        for text in ["", "[]", "{", "NaN", r#"{"name":"a","args":{"p0":NaN}}"#] {
            assert!(Signal::from_json(text).is_err(), "{text}");
        }
    }
}
