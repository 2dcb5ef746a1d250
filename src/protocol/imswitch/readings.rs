//! Signals as values of the instrument: `stage/VirtualStage/X = 100.0 um`.
//!
//! The same functions name what is read over HTTP, so that both write the same paths.

use serde_json::{Map, Value as Json};

use super::python;
use super::signal::Signal;
use crate::model::{Fault, FaultKind, LogLine, PlainText, Reading, Severity, Value};

/// Most values taken out of one message.
const MAX_READINGS: usize = 256;

/// What a known signal says.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Meaning {
    /// Values of the instrument.
    Readings(Vec<Reading>),
    /// Values, and something that the operator must be told.
    Alarm(Vec<Reading>, Fault),
    /// A stream began or ended.
    Stream {
        detector: PlainText,
        /// Whether it brings pictures over Socket.IO.
        running: bool,
        readings: Vec<Reading>,
    },
    /// A line of the server's log.
    Log(LogLine),
}

/// What `signal` says, if it is known and has the form it should have.
pub(super) fn meaning(signal: &Signal) -> Option<Meaning> {
    let args = signal.positional();
    let first = args.first().copied();
    let map = first.and_then(Json::as_object);
    let readings =
        |readings: Vec<Reading>| (!readings.is_empty()).then_some(Meaning::Readings(readings));
    match signal.name.as_str() {
        "sigUpdateMotorPosition" => readings(positions(first?)),
        "sigAttributeSet" => readings(attribute(first?.as_str()?, args.get(1).copied()?)),
        "sigStreamStarted" | "sigStreamStopped" => {
            let started = signal.name == "sigStreamStarted";
            let detector = first?.as_str()?;
            let protocol = args.get(1).and_then(|protocol| protocol.as_str());
            let path = camera(detector);
            let mut readings = vec![Reading::new(format!("{path}/streaming"), started, "")];
            if let Some(protocol) = protocol {
                readings.push(Reading::new(format!("{path}/protocol"), protocol, ""));
            }
            Some(Meaning::Stream {
                detector: PlainText::from_peer(detector),
                running: started && protocol.is_none_or(super::brings_frames),
                readings,
            })
        }
        "sigDetectorParametersUpdated" => {
            let detector = map?.get("detectorName")?.as_str()?;
            readings(parameters(detector, map?.get("parameters")?))
        }
        "sigObjectiveChanged" => readings(objective(first?)),
        "sigStorageStatusUpdate" => readings(flattened("storage", first?)),
        "sigUpdateLaserPower" => readings(lasers(map?)),
        "sigHomingState" => readings(flattened("homing", first?)),
        "sigDiskFull" => alarm("disk", first?, "the server's disk is full", true),
        "sigBusStatusUpdate" => {
            let raised = is_on(map?, "emergencyActive");
            alarm(
                "bus",
                first?,
                "the microscope's bus reports an emergency",
                raised,
            )
        }
        "sigCollisionStatusUpdate" => {
            let raised = is_on(map?, "trip") || is_on(map?, "latched");
            alarm(
                "collision",
                first?,
                "the microscope reports a collision",
                raised,
            )
        }
        "sigLog" => log_line(&signal.args).map(Meaning::Log),
        _ => None,
    }
}

/// `{"VirtualStage":{"X":100.0,…}}`, micrometres. A stage may name some of its axes only; the
/// others keep what was said before.
pub(super) fn positions(stages: &Json) -> Vec<Reading> {
    let axes = |stage: &str, axes: &Json| -> Vec<Reading> {
        let stage = segment(stage);
        let axes = axes.as_object().into_iter().flatten();
        axes.filter_map(|(axis, at)| {
            let name = format!("stage/{stage}/{}", segment(axis));
            Some(Reading::new(name, at.as_f64()?, "um"))
        })
        .collect()
    };
    stages
        .as_object()
        .into_iter()
        .flatten()
        .flat_map(|(stage, position)| axes(stage, position))
        .take(MAX_READINGS)
        .collect()
}

/// `{"exposure":25.0,…}` of one camera.
pub(super) fn parameters(detector: &str, parameters: &Json) -> Vec<Reading> {
    let path = camera(detector);
    parameters
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| parameter(&path, name, value))
        .take(MAX_READINGS)
        .collect()
}

/// One parameter of a camera; `None` if it has no value.
pub(super) fn parameter(camera: &str, name: &str, value: &Json) -> Option<Reading> {
    let name = snake_case(name);
    let unit = match name.as_str() {
        "exposure" | "exposure_min" | "exposure_max" => "ms",
        "pixel_size" | "camera_pixel_size" => "um",
        "frame_rate" => "1/s",
        _ => "",
    };
    reading(format!("{camera}/{name}"), value, unit)
}

/// The map of `ObjectiveController/getstatus`.
pub(super) fn objective(status: &Json) -> Vec<Reading> {
    let entries = status.as_object().into_iter().flatten();
    entries
        .filter_map(|(key, value)| {
            let (name, unit) = match key.as_str() {
                "objectiveName" => ("name".to_owned(), ""),
                "currentObjective" => ("slot".to_owned(), ""),
                "pixelsize" => ("pixel_size".to_owned(), "um"),
                "FOV" => ("field_of_view".to_owned(), "um"),
                "isMovingObjective" => ("moving".to_owned(), ""),
                other => (snake_case(other), ""),
            };
            reading(format!("objective/{name}"), value, unit)
        })
        .take(MAX_READINGS)
        .collect()
}

/// A light's power or brightness, in the device's own unit.
pub(super) fn light_value(name: &str, value: &Json) -> Option<Reading> {
    reading(format!("light/{}/value", segment(name)), value, "")
}

/// Whether a light is on.
pub(super) fn light_enabled(name: &str, on: &Json) -> Option<Reading> {
    reading(format!("light/{}/enabled", segment(name)), on, "")
}

/// The path of a camera's values.
pub(super) fn camera(detector: &str) -> String {
    format!("camera/{}", segment(detector))
}

/// Any map, its inner maps under longer paths.
pub(super) fn flattened(path: &str, value: &Json) -> Vec<Reading> {
    let mut readings = Vec::new();
    flatten(path, value, &mut readings);
    readings
}

/// A path segment from a peer: the separator cannot be faked.
pub(super) fn segment(name: &str) -> String {
    name.replace('/', "_")
}

/// One reading; `None` for null, which says that there is no value.
pub(super) fn reading(name: String, value: &Json, unit: &'static str) -> Option<Reading> {
    let value = match value {
        Json::Null => return None,
        Json::Bool(on) => Value::Bool(*on),
        // With a unit it is a measurement, whether or not this one is a whole number.
        Json::Number(number) => match number.as_i64() {
            Some(whole) if unit.is_empty() => Value::Int(whole),
            _ => Value::Float(number.as_f64()?),
        },
        Json::String(text) => Value::Text(PlainText::from_peer(text)),
        Json::Array(_) | Json::Object(_) => Value::Text(PlainText::from(value.to_string())),
    };
    Some(Reading {
        name: PlainText::from(name),
        value,
        unit,
    })
}

/// `pixelSize`, `Pixel size` and `isRGB` as `pixel_size`, `pixel_size` and `is_rgb`.
pub(super) fn snake_case(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut before = '_';
    for c in name.chars() {
        if c.is_uppercase() && (before.is_lowercase() || before.is_ascii_digit()) {
            out.push('_');
        }
        match c {
            ' ' | '/' | '-' | '.' => out.push('_'),
            c => out.extend(c.to_lowercase()),
        }
        before = c;
    }
    out
}

fn flatten(path: &str, value: &Json, into: &mut Vec<Reading>) {
    if into.len() >= MAX_READINGS {
        return;
    }
    match value {
        Json::Object(map) => {
            for (key, value) in map {
                flatten(&format!("{path}/{}", snake_case(key)), value, into);
            }
        }
        Json::Array(items) if items.iter().any(Json::is_object) => {
            for (index, item) in items.iter().enumerate() {
                flatten(&format!("{path}/{index}"), item, into);
            }
        }
        single => into.extend(reading(path.to_owned(), single, "")),
    }
}

/// `('Laser', 'LED', 'Value')` and its new value.
fn attribute(key: &str, value: &Json) -> Vec<Reading> {
    let Some(key) = python::sequence(key) else {
        return Vec::new();
    };
    let key: Vec<&str> = key.iter().map(String::as_str).collect();
    let found = match key[..] {
        ["Laser", name, "Value"] => light_value(name, value),
        ["Laser", name, "Enabled"] => light_enabled(name, value),
        ["Detector", name, "Param", parameter_name] => {
            parameter(&camera(name), parameter_name, value)
        }
        // Depth, height and width; the parameter of that name is the width alone.
        ["Detector", name, "Pixel size"] => {
            reading(format!("{}/pixel_size_zyx", camera(name)), value, "um")
        }
        ["Detector", name, attribute] => parameter(&camera(name), attribute, value),
        ["Positioner", name, axis, "Speed"] => reading(
            format!("stage/{}/{}/speed", segment(name), segment(axis)),
            value,
            "um/s",
        ),
        _ => None,
    };
    found.into_iter().collect()
}

fn lasers(map: &Map<String, Json>) -> Vec<Reading> {
    map.iter()
        .flat_map(|(name, state)| {
            let value = state.get("power").and_then(|v| light_value(name, v));
            let enabled = state.get("enabled").and_then(|v| light_enabled(name, v));
            value.into_iter().chain(enabled)
        })
        .take(MAX_READINGS)
        .collect()
}

fn is_on(map: &Map<String, Json>, key: &str) -> bool {
    match map.get(key) {
        Some(Json::Bool(on)) => *on,
        Some(Json::Number(number)) => number.as_f64() != Some(0.0),
        _ => false,
    }
}

/// The map's values, and if `raised` a fault that says `what` in the map's own words.
fn alarm(path: &str, map: &Json, what: &str, raised: bool) -> Option<Meaning> {
    let readings = flattened(path, map);
    if !raised {
        return (!readings.is_empty()).then_some(Meaning::Readings(readings));
    }
    let words = ["message", "msg", "reason"]
        .into_iter()
        .filter_map(|key| map.get(key)?.as_str())
        .find(|text| !text.is_empty());
    let text = match words {
        Some(words) => format!("{what}: {words}"),
        None => what.to_owned(),
    };
    let fault = Fault::new(FaultKind::Peer, Severity::Error, text);
    Some(Meaning::Alarm(readings, fault))
}

/// `{"level":"INFO","message":"x"}`.
fn log_line(args: &Json) -> Option<LogLine> {
    let message = args.get("message").or_else(|| args.get("p1"))?.as_str()?;
    let level = args
        .get("level")
        .or_else(|| args.get("p0"))
        .and_then(Json::as_str)
        .unwrap_or_default();
    // Source: the level names of Python's `logging`.
    let severity = match level.to_ascii_uppercase().as_str() {
        "DEBUG" => Severity::Debug,
        "WARNING" | "WARN" => Severity::Warning,
        "ERROR" | "CRITICAL" | "FATAL" => Severity::Error,
        _ => Severity::Info,
    };
    Some(LogLine {
        severity,
        origin: PlainText::from("sigLog"),
        text: PlainText::from_peer(message),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The readings of a signal as lines `path = value unit`.
    fn lines(text: &str) -> Vec<String> {
        let signal = Signal::from_json(text).unwrap();
        let readings = match meaning(&signal) {
            None => return Vec::new(),
            Some(Meaning::Readings(readings) | Meaning::Alarm(readings, _)) => readings,
            Some(Meaning::Stream { readings, .. }) => readings,
            Some(Meaning::Log(line)) => {
                return vec![format!("{} {}", line.severity.as_str(), line.text)];
            }
        };
        readings
            .into_iter()
            .map(|r| format!("{} = {:?} {}", r.name, r.value, r.unit))
            .collect()
    }

    #[test]
    fn known_signals_become_readings() {
        let cases: [(&str, &[&str]); 15] = [
            (
                r#"{"name":"sigUpdateMotorPosition","args":{"p0":{"VirtualStage":{"X":100,"Z":-3.25}}}}"#,
                &[
                    "stage/VirtualStage/X = Float(100.0) um",
                    "stage/VirtualStage/Z = Float(-3.25) um",
                ],
            ),
            (
                r#"{"name":"sigAttributeSet","args":{"p1":3000,"p0":"('Laser', 'LED', 'Value')"}}"#,
                &["light/LED/value = Int(3000) "],
            ),
            (
                r#"{"name":"sigAttributeSet","args":{"p0":"('Laser', 'LED', 'Enabled')","p1":true}}"#,
                &["light/LED/enabled = Bool(true) "],
            ),
            (
                r#"{"name":"sigAttributeSet","args":{"p0":"('Detector', \"Bob's cam\", 'Param', 'exposure')","p1":25}}"#,
                &["camera/Bob's cam/exposure = Float(25.0) ms"],
            ),
            (
                r#"{"name":"sigAttributeSet","args":{"p0":"('Detector', 'a/b', 'ROI')","p1":"[0, 0, 400, 300]"}}"#,
                &["camera/a_b/roi = Text(\"[0, 0, 400, 300]\") "],
            ),
            (
                r#"{"name":"sigAttributeSet","args":{"p0":"('Positioner', 'S', 'X', 'Speed')","p1":5}}"#,
                &["stage/S/X/speed = Float(5.0) um/s"],
            ),
            (
                r#"{"name":"sigStreamStarted","args":{"p0":"Cam","p1":"binary"}}"#,
                &[
                    "camera/Cam/streaming = Bool(true) ",
                    "camera/Cam/protocol = Text(\"binary\") ",
                ],
            ),
            (
                r#"{"name":"sigDetectorParametersUpdated","args":{"p0":{"detectorName":"Cam","parameters":{"exposure":0,"exposureMin":null,"isRGB":0,"supportedBinnings":[1,2]}}}}"#,
                &[
                    "camera/Cam/exposure = Float(0.0) ms",
                    "camera/Cam/is_rgb = Int(0) ",
                    "camera/Cam/supported_binnings = Text(\"[1,2]\") ",
                ],
            ),
            (
                r#"{"name":"sigObjectiveChanged","args":{"p0":{"objectiveName":"10x","NA":0.5,"pixelsize":1}}}"#,
                &[
                    "objective/na = Float(0.5) ",
                    "objective/name = Text(\"10x\") ",
                    "objective/pixel_size = Float(1.0) um",
                ],
            ),
            (
                r#"{"name":"sigUpdateLaserPower","args":{"p0":{"635":{"power":10000,"enabled":true}}}}"#,
                &[
                    "light/635/value = Int(10000) ",
                    "light/635/enabled = Bool(true) ",
                ],
            ),
            (
                r#"{"name":"sigStorageStatusUpdate","args":{"p0":{"active_path":"/d","storage_devices":[{"usage":{"free_gb":1.5}}]}}}"#,
                &[
                    "storage/active_path = Text(\"/d\") ",
                    "storage/storage_devices/0/usage/free_gb = Float(1.5) ",
                ],
            ),
            (
                r#"{"signal":"sigLog","args":{"level":"ERROR","message":"x\u001b[2J"}}"#,
                &["error x␛[2J"],
            ),
            (
                r#"{"name":"sigAttributeSet","args":{"p0":"('Laser',","p1":1}}"#,
                &[],
            ),
            (r#"{"name":"sigUpdateMotorPosition","args":{"p0":5}}"#, &[]),
            (r#"{"name":"sigSomethingNew","args":{"p0":5}}"#, &[]),
        ];
        for (text, wanted) in cases {
            let mut found = lines(text);
            found.sort();
            let mut wanted = wanted.to_vec();
            wanted.sort_unstable();
            assert_eq!(found, wanted, "{text}");
        }
    }

    #[test]
    fn alarms_say_what_the_server_said() {
        let cases = [
            (
                r#"{"name":"sigDiskFull","args":{"p0":{"percent":97,"message":"97 % used"}}}"#,
                Some("the server's disk is full: 97 % used"),
            ),
            (
                r#"{"name":"sigBusStatusUpdate","args":{"p0":{"emergencyActive":true,"reason":""}}}"#,
                Some("the microscope's bus reports an emergency"),
            ),
            (
                r#"{"name":"sigBusStatusUpdate","args":{"p0":{"emergencyActive":false}}}"#,
                None,
            ),
            (
                r#"{"name":"sigCollisionStatusUpdate","args":{"p0":{"trip":1,"motorsStopped":true}}}"#,
                Some("the microscope reports a collision"),
            ),
        ];
        for (text, wanted) in cases {
            let said = match meaning(&Signal::from_json(text).unwrap()) {
                Some(Meaning::Alarm(_, fault)) => Some(fault.text),
                _ => None,
            };
            assert_eq!(said.as_deref(), wanted, "{text}");
        }
    }
}
