//! Packets as the servers write them: Socket.IO text with at most one attachment, JSON in Python's
//! spelling, MessagePack with the keys in the captured order.

use bytes::Bytes;
use serde_json::Value;

use super::encode::Encoded;
use super::options::Dialect;
pub(super) use crate::simulators::python_json::{Spelling, json, object};

/// One Socket.IO packet: its text and what follows it. Never sent with anything in between.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Packet {
    pub text: String,
    pub attachment: Option<Bytes>,
}

impl Packet {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            attachment: None,
        }
    }

    pub(super) fn size_bytes(&self) -> usize {
        self.text.len() + self.attachment.as_ref().map_or(0, Bytes::len)
    }
}

/// The first message of a WebSocket session.
pub(super) fn open(sid: &str, upgrades: &[&str], interval_ms: u128, timeout_ms: u128) -> String {
    let upgrades = json(&Value::from(upgrades), Spelling::Tight);
    format!(
        r#"0{{"sid":"{sid}","upgrades":{upgrades},"pingTimeout":{timeout_ms},"pingInterval":{interval_ms},"maxPayload":1000000}}"#
    )
}

/// What a modern server says before it answers the connect request.
pub(super) const CAPABILITIES: &str = r#"42["server_capabilities",{"messagepack":true,"binary_streaming":true,"protocol_version":"1.0"}]"#;

/// A notification in the form of `dialect`.
///
/// - `head`: the key of the name, `name` but for log records
pub(super) fn signal(dialect: Dialect, head: &str, name: &str, arguments: &[Value]) -> Packet {
    let keys = (0..arguments.len()).map(|i| format!("p{i}"));
    if dialect.is_modern() {
        let arguments = keys
            .zip(arguments)
            .map(|(key, value)| (key.into(), msgpack(value)))
            .collect();
        let map = rmpv::Value::Map(vec![
            (head.into(), name.into()),
            ("args".into(), rmpv::Value::Map(arguments)),
        ]);
        return Packet {
            text: r#"451-["signal_msgpack",{"_placeholder":true,"num":0}]"#.to_owned(),
            attachment: Some(pack(&map).into()),
        };
    }
    let arguments: Vec<(String, Value)> = keys.zip(arguments.iter().cloned()).collect();
    let arguments: Vec<(&str, Value)> = arguments
        .iter()
        .map(|(key, value)| (key.as_str(), value.clone()))
        .collect();
    let inner = format!(
        r#"{{"{head}": {}, "args": {}}}"#,
        json(&name.into(), Spelling::Spaced),
        object(&arguments, Spelling::Spaced)
    );
    Packet::text(format!(
        r#"42["signal",{}]"#,
        json(&inner.into(), Spelling::Tight)
    ))
}

/// A picture in the form of `dialect`, one or two packets.
///
/// - `id`: the number under which this connection is to acknowledge it (modern dialects)
/// - `ack_id`: the number of the Socket.IO acknowledgement asked for (raw dialect)
pub(super) fn frame(dialect: Dialect, picture: &Encoded, id: u8, ack_id: u64) -> Vec<Packet> {
    match (dialect, picture.is_jpeg()) {
        (Dialect::Modern | Dialect::ModernLag1, _) => vec![Packet {
            text: r#"451-["frame",{"_placeholder":true,"num":0}]"#.to_owned(),
            attachment: Some(modern_map(picture, id)),
        }],
        (Dialect::Pair, false) => {
            let mut fields = picture.fields.clone();
            fields.extend([
                ("server_timestamp", picture.server_timestamp.into()),
                ("image_id", picture.number.into()),
                ("detectorname", picture.detector.as_str().into()),
                ("pixelsize", whole_um(picture.pixel_um).into()),
                ("format", "binary".into()),
            ]);
            vec![Packet {
                text: format!(
                    r#"451-["frame",[{},{{"_placeholder":true,"num":0}}]]"#,
                    object(&fields, Spelling::Tight)
                ),
                attachment: Some(picture.body.clone()),
            }]
        }
        (Dialect::Raw, false) => {
            let mut fields = picture.fields.clone();
            fields.extend([
                ("server_timestamp", picture.server_timestamp.into()),
                ("image_id", picture.number.into()),
            ]);
            let meta = format!(
                r#"{{"name": "frame_meta", "detectorname": {}, "pixelsize": {}, "format": "binary", "metadata": {}}}"#,
                json(&picture.detector.as_str().into(), Spelling::Spaced),
                whole_um(picture.pixel_um),
                object(&fields, Spelling::Spaced)
            );
            vec![
                Packet {
                    text: format!(r#"451-{ack_id}["frame",{{"_placeholder":true,"num":0}}]"#),
                    attachment: Some(picture.body.clone()),
                },
                Packet::text(format!(
                    r#"42["signal",{}]"#,
                    json(&meta.into(), Spelling::Tight)
                )),
            ]
        }
        (Dialect::Pair | Dialect::Raw, true) | (Dialect::Json, _) => {
            let mut fields: Vec<(&str, Value)> = vec![
                ("name", "sigUpdateImage".into()),
                ("detectorname", picture.detector.as_str().into()),
                ("pixelsize", whole_um(picture.pixel_um).into()),
                ("format", "jpeg".into()),
                ("image", base64(&picture.body).into()),
            ];
            if dialect != Dialect::Json {
                fields.push(("server_timestamp", picture.server_timestamp.into()));
                fields.push(("image_id", picture.number.into()));
            }
            let inner = json(&object(&fields, Spelling::Spaced).into(), Spelling::Tight);
            let ack_id = if dialect == Dialect::Raw {
                ack_id.to_string()
            } else {
                String::new()
            };
            vec![Packet::text(format!(r#"42{ack_id}["signal",{inner}]"#))]
        }
    }
}

/// The two-key map of a modern picture. The body is appended by hand: it is by far the largest
/// part, and a value tree would copy it once more.
fn modern_map(picture: &Encoded, id: u8) -> Bytes {
    let format = if picture.is_jpeg() { "jpeg" } else { "binary" };
    let mut metadata: Vec<(rmpv::Value, rmpv::Value)> = vec![
        ("server_timestamp".into(), picture.server_timestamp.into()),
        ("frame_id".into(), id.into()),
        ("detector_name".into(), picture.detector.as_str().into()),
        ("pixel_size".into(), picture.pixel_um.into()),
        ("format".into(), format.into()),
        ("protocol".into(), format.into()),
    ];
    let fields = picture.fields.iter();
    metadata.extend(fields.map(|(key, value)| ((*key).into(), msgpack(value))));

    let mut out = vec![0x82];
    out.extend(pack(&"metadata".into()));
    out.extend(pack(&rmpv::Value::Map(metadata)));
    if picture.is_jpeg() {
        out.extend(pack(&"image".into()));
        out.extend(pack(&base64(&picture.body).into()));
    } else {
        out.extend(pack(&"data".into()));
        let length = picture.body.len();
        match (u8::try_from(length), u16::try_from(length)) {
            (Ok(short), _) => out.extend([0xc4, short]),
            (_, Ok(medium)) => {
                out.push(0xc5);
                out.extend(medium.to_be_bytes());
            }
            _ => {
                out.push(0xc6);
                out.extend((length as u32).to_be_bytes());
            }
        }
        out.extend_from_slice(&picture.body);
    }
    out.into()
}

/// Old servers tell the pixel size as an integer.
fn whole_um(pixel_um: f64) -> i64 {
    (pixel_um.round() as i64).max(1)
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn pack(value: &rmpv::Value) -> Vec<u8> {
    let mut out = Vec::new();
    rmpv::encode::write_value(&mut out, value).expect("a vector takes every byte");
    out
}

/// A JSON value as MessagePack, integers as short as they go.
fn msgpack(value: &Value) -> rmpv::Value {
    match value {
        Value::Null => rmpv::Value::Nil,
        Value::Bool(on) => (*on).into(),
        Value::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => number.into(),
            (_, Some(number)) => number.into(),
            _ => number.as_f64().unwrap_or_default().into(),
        },
        Value::String(text) => text.as_str().into(),
        Value::Array(items) => rmpv::Value::Array(items.iter().map(msgpack).collect()),
        Value::Object(map) => rmpv::Value::Map(
            map.iter()
                .map(|(key, value)| (key.as_str().into(), msgpack(value)))
                .collect(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json as value;

    use super::*;

    /// Source: captured sessions, the first signals of `v26-signals` and `v2.1.133-lz4-sub4`.
    #[test]
    fn signals_have_the_captured_bytes() {
        let arguments = [
            value!("('Positioner', 'VirtualStage', 'X', 'Speed')"),
            value!(0),
        ];
        let packet = signal(Dialect::Modern, "name", "sigAttributeSet", &arguments);
        assert_eq!(
            packet.text,
            r#"451-["signal_msgpack",{"_placeholder":true,"num":0}]"#
        );
        assert_eq!(
            base64(&packet.attachment.unwrap()),
            "gqRuYW1lr3NpZ0F0dHJpYnV0ZVNldKRhcmdzgqJwMNksKCdQb3NpdGlvbmVyJywgJ1ZpcnR1YWxTdGFnZScsICdYJywgJ1NwZWVkJymicDEA"
        );
        let packet = signal(
            Dialect::Raw,
            "name",
            "sigAttributeSet",
            &[arguments[0].clone(), value!(5000)],
        );
        assert_eq!(
            packet.text,
            r#"42["signal","{\"name\": \"sigAttributeSet\", \"args\": {\"p0\": \"('Positioner', 'VirtualStage', 'X', 'Speed')\", \"p1\": 5000}}"]"#
        );
    }
}
