//! What a server says that it has, and what its answers prove, as values instead of readings.

use std::collections::BTreeSet;

use serde_json::Value;

use super::readings;
use crate::model::{Limits, PlainText};

/// Most stages, axes, lights or cameras that are taken from one answer.
const MOST: usize = 64;

/// The controllers of `getAvailableControllers`; `None` if the answer is another one.
pub fn controllers(answer: &Value) -> Option<BTreeSet<String>> {
    let names = answer.get("availableControllers")?.as_array()?;
    let names = names.iter().filter_map(Value::as_str);
    Some(names.map(str::to_owned).take(1024).collect())
}

/// Stage and axis of every position in `getPositionerPositions`, of these `stages` only, X, Y, Z
/// and A first.
pub fn axes(answer: &Value, stages: &[String]) -> Vec<(String, String)> {
    const USUAL: [&str; 4] = ["X", "Y", "Z", "A"];
    let mut found = Vec::new();
    for stage in stages {
        let axes = answer.get(stage).and_then(Value::as_object);
        let mut names: Vec<&String> = axes
            .into_iter()
            .flatten()
            .filter(|(_, at)| at.is_number())
            .map(|(axis, _)| axis)
            .collect();
        let place = |name: &str| USUAL.iter().position(|usual| *usual == name);
        names.sort_by_key(|name| (place(name).unwrap_or(USUAL.len()), *name));
        found.extend(names.into_iter().map(|axis| (stage.clone(), axis.clone())));
    }
    found.truncate(MOST);
    found
}

/// `[0, 32000]` as limits.
pub fn range(answer: &Value) -> Option<Limits> {
    let ends = answer.as_array()?;
    match ends.as_slice() {
        [min, max] => Limits::new(min.as_f64()?, max.as_f64()?),
        _ => None,
    }
}

/// The range of a camera's parameter in `getCameraStatus`, if it has one.
pub fn parameter_range(status: &Value, parameter: &str) -> Option<Limits> {
    let parameter = status.get("parameters")?.get(parameter)?;
    Limits::new(
        parameter.get("min")?.as_f64()?,
        parameter.get("max")?.as_f64()?,
    )
}

/// The value of a camera's parameter in `getCameraStatus` or in `getDetectorParameters`.
pub fn parameter(answer: &Value, parameter: &str) -> Option<f64> {
    let inner = answer
        .get("parameters")
        .and_then(|all| all.get(parameter)?.get("value"));
    inner.or_else(|| answer.get(parameter))?.as_f64()
}

/// The file that an answer names.
pub fn file(answer: &Value) -> Option<PlainText> {
    let path = answer.get("fullPath").or_else(|| answer.get("filepath"))?;
    path.as_str().map(PlainText::from_peer)
}

/// Whether `getRecordingStatus` says that the server records.
pub fn is_recording(answer: &Value) -> Option<bool> {
    answer.get("is_recording")?.as_bool()
}

/// How a picture that is taken aside stands.
#[derive(Clone, Debug, PartialEq)]
pub enum SnapJob {
    /// Not taken yet; the whole takes about this long, milliseconds.
    Pending {
        /// As the server expects it.
        expected_ms: Option<f64>,
    },
    /// Taken; where it is.
    Done(Option<PlainText>),
    /// Not taken, and it will not be.
    Ended(PlainText),
}

/// Reads `startSnap` and `getSnapStatus`.
pub fn snap_job(answer: &Value) -> SnapJob {
    let word = answer.get("status").and_then(Value::as_str);
    match word.unwrap_or_default() {
        "done" => SnapJob::Done(answer.get("result").and_then(file)),
        "pending" | "running" | "started" | "queued" => SnapJob::Pending {
            expected_ms: answer.get("expectedDurationMs").and_then(Value::as_f64),
        },
        other => SnapJob::Ended(format!("the server says \"{other}\"").into()),
    }
}

/// The names under which readings of a stage's axis, a light and a camera are published.
pub mod names {
    use super::readings;
    use crate::model::PlainText;

    /// The position of an axis.
    pub fn position(stage: &str, axis: &str) -> PlainText {
        let (stage, axis) = (readings::segment(stage), readings::segment(axis));
        format!("stage/{stage}/{axis}").into()
    }

    /// One value of a light: `value` or `enabled`.
    pub fn light(light: &str, value: &str) -> PlainText {
        format!("light/{}/{value}", readings::segment(light)).into()
    }

    /// One value of a camera, e.g. `exposure`.
    pub fn camera(camera: &str, value: &str) -> PlainText {
        format!("{}/{value}", readings::camera(camera)).into()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn axes_come_in_the_usual_order_and_only_of_known_stages() {
        let answer = json!({"S": {"A": 0.0, "Z": 1, "X": 2.5, "U": 0, "Y": "?"}, "T": {"X": 1}});
        let axes = axes(&answer, &["S".to_owned()]);
        let names: Vec<&str> = axes.iter().map(|(_, axis)| axis.as_str()).collect();
        assert_eq!(names, ["X", "Z", "A", "U"]);
    }

    #[test]
    fn ranges_are_two_finite_numbers_in_order() {
        assert_eq!(range(&json!([0, 32000])), Limits::new(0.0, 32_000.0));
        for wrong in [json!([5, 1]), json!([0]), json!([0, null]), json!("x")] {
            assert_eq!(range(&wrong), None, "{wrong}");
        }
        let status = json!({"parameters": {
            "gain": {"value": 2, "min": 0, "max": 24}, "exposure": {"value": 3.5, "min": null}}});
        assert_eq!(parameter_range(&status, "gain"), Limits::new(0.0, 24.0));
        assert_eq!(parameter_range(&status, "exposure"), None);
        assert_eq!(parameter(&status, "exposure"), Some(3.5));
        assert_eq!(parameter(&json!({"gain": 4}), "gain"), Some(4.0));
    }

    #[test]
    fn a_job_is_done_only_by_its_own_word() {
        let done = json!({"status": "done", "result": {"fullPath": "/a\u{1b}"}});
        assert_eq!(snap_job(&done), SnapJob::Done(Some("/a␛".into())));
        let pending = json!({"status": "pending", "expectedDurationMs": 15.0});
        let expected_ms = Some(15.0);
        assert_eq!(snap_job(&pending), SnapJob::Pending { expected_ms });
        for other in [json!({"status": "cancelled"}), json!(null)] {
            assert!(matches!(snap_job(&other), SnapJob::Ended(_)), "{other}");
        }
    }
}
