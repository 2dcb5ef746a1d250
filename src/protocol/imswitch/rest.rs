//! The answers of the server's HTTP side.
//!
//! A `200` is no proof that anything happened: controllers report refusals inside it.

use serde_json::Value;

use super::readings;
use crate::model::{PlainText, Reading};

/// The longest answer that is looked into.
const MAX_ANSWER_BYTES: usize = 1 << 20;

/// Ways of asking for the version, in the order to try: each with the prefix that the paths of
/// that release have. The oldest has no such call, so a call it has stands for it.
pub const PROBES: [(&str, &str); 3] = [
    ("/api", "/api/version"),
    ("", "/version"),
    ("", "/SettingsController/getDetectorNames"),
];

/// Why a call did not do what was asked.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RestError {
    /// A controller said no, with status 200.
    #[error("refused: {0}")]
    Refused(PlainText),
    /// No such call in this release, or its controller is not loaded.
    #[error("this server has no such call")]
    NoSuchCall,
    /// GET for POST or the reverse.
    #[error("this server wants another HTTP method for the call")]
    WrongMethod,
    /// A parameter is missing or wrong.
    #[error("a parameter is wrong: {0}")]
    Parameter(PlainText),
    /// A fault inside the server; also what unknown names lead to.
    #[error("the server failed inside (a name it does not know?)")]
    ServerFault,
    /// Any other status.
    #[error("the server answered with HTTP status {0}")]
    Status(u16),
    /// An answer that is no JSON.
    #[error("the answer cannot be read: {0}")]
    Unreadable(PlainText),
}

/// The value of an answer.
///
/// # Errors
/// What the status or the answer itself says went wrong.
pub fn outcome(status: u16, body: &[u8]) -> Result<Value, RestError> {
    match status {
        200 => {}
        404 => return Err(RestError::NoSuchCall),
        405 => return Err(RestError::WrongMethod),
        422 => return Err(RestError::Parameter(parameter_trouble(body))),
        500 => return Err(RestError::ServerFault),
        other => return Err(RestError::Status(other)),
    }
    let value = read(body).map_err(|error| RestError::Unreadable(error.into()))?;
    let text = |key: &str| value.get(key).and_then(Value::as_str);
    if text("status") == Some("error") {
        let why = text("message").or_else(|| text("error"));
        return Err(RestError::Refused(why.unwrap_or("no reason given").into()));
    }
    if value.get("accepted") == Some(&Value::Bool(false)) {
        let why = text("reason").unwrap_or("no reason given");
        return Err(RestError::Refused(why.into()));
    }
    if value.get("success") == Some(&Value::Bool(false)) {
        let why = text("error").or_else(|| text("message"));
        return Err(RestError::Refused(why.unwrap_or("no reason given").into()));
    }
    Ok(value)
}

fn read(body: &[u8]) -> Result<Value, String> {
    if body.len() > MAX_ANSWER_BYTES {
        let got = body.len();
        return Err(format!(
            "it has {got} bytes, the limit is {MAX_ANSWER_BYTES}"
        ));
    }
    if body.trim_ascii_start().starts_with(b"<") {
        return Err("it is a page of HTML and no JSON; is a proxy answering?".to_owned());
    }
    serde_json::from_slice(body).map_err(|error| format!("it is no JSON: {error}"))
}

/// `query.value: Input should be a valid integer`, from either form of the answer.
fn parameter_trouble(body: &[u8]) -> PlainText {
    let value = read(body).unwrap_or_default();
    let first = value.get("errors").and_then(|errors| errors.get(0));
    let place = first
        .and_then(|error| error.get("loc")?.as_array())
        .map(|parts| {
            let parts = parts.iter().map(|part| match part {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            });
            parts.collect::<Vec<_>>().join(".")
        });
    let message = first.and_then(|error| error.get("msg")?.as_str());
    match (place, message) {
        (Some(place), Some(message)) => PlainText::from(format!("{place}: {message}")),
        _ => value
            .get("detail")
            .and_then(Value::as_str)
            .unwrap_or("no reason given")
            .into(),
    }
}

/// What asking for a live view led to.
#[derive(Clone, Debug, PartialEq)]
pub enum StartAnswer {
    /// It runs now, started by us.
    Started {
        /// Which camera.
        detector: Option<String>,
    },
    /// It ran already, perhaps with another protocol; it is not ours to stop.
    AlreadyRunning {
        /// The protocol in force.
        protocol: PlainText,
    },
    /// The exposure is too long for a live view.
    LongExposure {
        /// The server's own words.
        message: PlainText,
    },
    /// Something this client does not know.
    Other(PlainText),
}

/// Reads the answer to `startLiveView`.
pub fn start_answer(answer: &Value) -> StartAnswer {
    let text = |key: &str| answer.get(key).and_then(Value::as_str);
    match text("status").unwrap_or_default() {
        "success" => StartAnswer::Started {
            detector: text("detector").map(str::to_owned),
        },
        "already_running" => StartAnswer::AlreadyRunning {
            protocol: text("protocol").unwrap_or("unknown").into(),
        },
        "long_exposure" => StartAnswer::LongExposure {
            message: text("message").unwrap_or("the exposure is too long").into(),
        },
        other => StartAnswer::Other(other.into()),
    }
}

/// The names in an answer that is an array of text; at most 64.
pub fn names(answer: &Value) -> Vec<String> {
    let items = answer.as_array().into_iter().flatten();
    items
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .take(64)
        .collect()
}

/// As [`names`]; `None` if the answer is no array or anything in it is no text.
pub fn text_list(answer: &Value) -> Option<Vec<String>> {
    let items = answer.as_array()?;
    let is_text = items.iter().all(Value::is_string);
    is_text.then(|| names(answer))
}

/// Detectors and protocols of `getActiveStreams`.
pub fn active_streams(answer: &Value) -> Vec<(PlainText, PlainText)> {
    let text = |stream: &Value, key: &str| {
        let text = stream.get(key).and_then(Value::as_str)?;
        Some(PlainText::from_peer(text))
    };
    answer
        .get("active_streams")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|stream| {
            let protocol = text(stream, "protocol").unwrap_or_else(|| "unknown".into());
            Some((text(stream, "detector")?, protocol))
        })
        .take(64)
        .collect()
}

/// One reading of the server: `server/{name}`, from the field of that name.
pub fn server_field(answer: &Value, field: &str) -> Option<Reading> {
    readings::reading(format!("server/{field}"), answer.get(field)?, "")
}

/// Positions of all stages.
pub fn positions(answer: &Value) -> Vec<Reading> {
    readings::positions(answer)
}

/// The state of one camera.
pub fn camera_status(detector: &str, answer: &Value) -> Vec<Reading> {
    let path = readings::camera(detector);
    let plain = answer
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, value)| !value.is_object())
        .filter_map(|(name, value)| match name.as_str() {
            "pixelSizeUm" => readings::reading(format!("{path}/pixel_size_zyx"), value, "um"),
            _ => readings::parameter(&path, name, value),
        });
    let parameters = answer
        .get("parameters")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter_map(|(name, state)| readings::parameter(&path, name, state.get("value")?));
    plain.chain(parameters).take(128).collect()
}

/// The settings of the current camera, as older releases tell them.
pub fn camera_parameters(detector: &str, answer: &Value) -> Vec<Reading> {
    readings::parameters(detector, answer)
}

/// How homing stands.
pub fn homing(answer: &Value) -> Vec<Reading> {
    readings::flattened("homing", answer)
}

/// Whether the server records, and to which file.
pub fn recording(answer: &Value) -> Vec<Reading> {
    let fields = [
        ("is_recording", "recording"),
        ("filepath", "recording_file"),
    ];
    fields
        .into_iter()
        .filter_map(|(field, name)| {
            readings::reading(format!("server/{name}"), answer.get(field)?, "")
        })
        .collect()
}

/// The state of the objective changer.
pub fn objective(answer: &Value) -> Vec<Reading> {
    readings::objective(answer)
}

/// A light's value and whether it is on, as far as they are known.
pub fn light(name: &str, value: Option<&Value>, enabled: Option<&Value>) -> Vec<Reading> {
    let value = value.and_then(|value| readings::light_value(name, value));
    let enabled = enabled.and_then(|on| readings::light_enabled(name, on));
    value.into_iter().chain(enabled).collect()
}

/// Whether a detector streams.
pub fn streaming(detector: &str, protocol: Option<&str>) -> Vec<Reading> {
    let path = readings::camera(detector);
    let mut streaming = vec![Reading::new(
        format!("{path}/streaming"),
        protocol.is_some(),
        "",
    )];
    streaming.extend(protocol.map(|name| Reading::new(format!("{path}/protocol"), name, "")));
    streaming
}

/// The server's own figures of its streams, `server/{detector}/fps_emit` and so on.
pub fn diagnostics(answer: &Value) -> Vec<Reading> {
    let figures = |detector: &str, worker: &Value| -> Vec<Reading> {
        let detector = readings::segment(detector);
        let fields = worker.as_object().into_iter().flatten();
        fields
            .filter_map(|(name, value)| {
                let name = readings::snake_case(name);
                let unit = match name.as_str() {
                    "fps_emit" => "1/s",
                    "emit_ms_avg" | "emit_ms_max" => "ms",
                    _ => "",
                };
                readings::reading(format!("server/{detector}/{name}"), value, unit)
            })
            .collect()
    };
    answer
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(detector, state)| Some(figures(detector, state.get("worker")?)))
        .flatten()
        .take(256)
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn refusals_inside_a_200_are_found() {
        let cases: [(u16, &str, Result<Value, RestError>); 11] = [
            (200, "null", Ok(Value::Null)),
            (200, "[1]", Ok(json!([1]))),
            (
                200,
                r#"{"status":"error","message":"Unknown protocol: x"}"#,
                Err(RestError::Refused("Unknown protocol: x".into())),
            ),
            (
                200,
                r#"{"accepted":false,"reason":"busy"}"#,
                Err(RestError::Refused("busy".into())),
            ),
            (
                200,
                r#"{"success":false,"error":"no such axis"}"#,
                Err(RestError::Refused("no such axis".into())),
            ),
            (404, r#"{"detail":"Not Found"}"#, Err(RestError::NoSuchCall)),
            (405, "", Err(RestError::WrongMethod)),
            (
                422,
                r#"{"detail":"Parsing failed.","errors":[{"loc":["query","value"],"msg":"not a number"}]}"#,
                Err(RestError::Parameter("query.value: not a number".into())),
            ),
            (
                422,
                r#"{"detail":"At least one of x, y must be specified."}"#,
                Err(RestError::Parameter(
                    "At least one of x, y must be specified.".into(),
                )),
            ),
            (500, "Internal Server Error", Err(RestError::ServerFault)),
            (403, "", Err(RestError::Status(403))),
        ];
        for (status, body, wanted) in cases {
            assert_eq!(outcome(status, body.as_bytes()), wanted, "{status} {body}");
        }
        assert!(matches!(
            outcome(200, b"<html>"),
            Err(RestError::Unreadable(_))
        ));
    }

    #[test]
    fn diagnostics_are_named_by_detector() {
        let answer = json!({"Cam": {"protocol": "binary", "worker":
            {"frames_emitted": 3, "fps_emit": 4.5, "emit_ms_avg": 1}}, "Idle": {}});
        let mut found: Vec<String> = diagnostics(&answer)
            .iter()
            .map(|r| format!("{} {:?} {}", r.name, r.value, r.unit))
            .collect();
        found.sort();
        assert_eq!(
            found,
            [
                "server/Cam/emit_ms_avg Float(1.0) ms",
                "server/Cam/fps_emit Float(4.5) 1/s",
                "server/Cam/frames_emitted Int(3) ",
            ]
        );
    }
}
