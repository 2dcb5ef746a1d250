//! `RecordingController`: single pictures and the server's own recordings. Nothing is written: the
//! files are names, and the names say so.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::super::hub::lock;
use super::super::microscope::{Instrument, Recording, SnapJob};
use super::{Call, Outcome, Reply};

/// Time that a picture takes besides its exposure.
const READ_OUT_MS: f64 = 10.0;

/// `fullPath` and its two shorter forms.
fn paths(number: u64, name: &str, suffix: &str) -> Map<String, Value> {
    let file = format!("{number:04}_{name}{suffix}");
    let answer = json!({
        "fullPath": format!("/simulated/recordings/SIMULATED/{file}"),
        "relativePath": "recordings/SIMULATED",
        "relativeFilePath": format!("/recordings/SIMULATED/{file}"),
    });
    match answer {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn snap_paths(instrument: &mut Instrument, name: &str) -> Map<String, Value> {
    instrument.files += 1;
    let camera = instrument.cameras[0].name;
    paths(instrument.files, &format!("{name}_{camera}"), ".ome.tiff")
}

fn takes(instrument: &Instrument) -> Duration {
    let ms = instrument.cameras[0].exposure_ms.max(0.0) + READ_OUT_MS;
    Duration::try_from_secs_f64(ms / 1e3).unwrap_or_default()
}

/// Answered when the picture is taken.
pub(super) fn snap_to_path(call: &Call) -> Outcome {
    let name = call.query.text("fileName").unwrap_or("snap");
    let mut instrument = lock(&call.microscope.instrument);
    let answer = snap_paths(&mut instrument, name);
    Ok(Reply::Later(takes(&instrument), answer.into()))
}

/// The pixels themselves are not told unless they are asked for, which is not simulated.
pub(super) fn snap(_: &Call) -> Outcome {
    Ok(Value::Null.into())
}

pub(super) fn start_snap(call: &Call) -> Outcome {
    let name = call.query.text("fileName").unwrap_or("snap");
    let now_s = call.microscope.now_s();
    let mut instrument = lock(&call.microscope.instrument);
    let result = snap_paths(&mut instrument, name);
    let job = SnapJob {
        id: format!("{:032x}", instrument.files),
        started_s: now_s,
        takes_s: takes(&instrument).as_secs_f64(),
        cancelled: false,
        result,
    };
    let answer = told(&job, now_s, instrument.cameras[0].name);
    instrument.snap = Some(job);
    Ok(answer.into())
}

pub(super) fn snap_status(call: &Call) -> Outcome {
    let now_s = call.microscope.now_s();
    let instrument = lock(&call.microscope.instrument);
    let camera = instrument.cameras[0].name;
    Ok(match &instrument.snap {
        Some(job) => told(job, now_s, camera),
        None => json!({"status": "error", "message": "No snap job"}),
    }
    .into())
}

pub(super) fn cancel_snap(call: &Call) -> Outcome {
    let now_s = call.microscope.now_s();
    let mut instrument = lock(&call.microscope.instrument);
    let camera = instrument.cameras[0].name;
    Ok(match &mut instrument.snap {
        Some(job) => {
            job.cancelled |= job.remaining_s(now_s) > 0.0;
            told(job, now_s, camera)
        }
        None => json!({"status": "error", "message": "No snap job"}),
    }
    .into())
}

fn told(job: &SnapJob, now_s: f64, camera: &str) -> Value {
    let remaining_s = job.remaining_s(now_s);
    let status = match (job.cancelled, remaining_s > 0.0) {
        (true, _) => "cancelled",
        (false, true) => "pending",
        (false, false) => "done",
    };
    let mut answer = json!({
        "jobId": job.id,
        "status": status,
        "elapsedMs": (now_s - job.started_s) * 1e3,
        "expectedDurationMs": job.takes_s * 1e3,
        "progress": (1.0 - remaining_s / job.takes_s.max(1e-9)) * 100.0,
        "detectors": [camera],
    });
    if status == "done" {
        answer["result"] = job.result.clone().into();
    }
    answer
}

pub(super) fn start(call: &Call) -> Outcome {
    let name = call.query.text("fileName").unwrap_or("rec");
    let now_s = call.microscope.now_s();
    let mut instrument = lock(&call.microscope.instrument);
    let recording = match instrument.recording.clone() {
        // One at a time: the one that runs goes on.
        Some(recording) => recording,
        None => {
            instrument.files += 1;
            let camera = instrument.cameras[0].name;
            Recording {
                paths: paths(instrument.files, &format!("{camera}_{name}"), ""),
                started_s: now_s,
            }
        }
    };
    let answer = recording.told();
    instrument.recording = Some(recording);
    Ok(answer.into())
}

pub(super) fn stop(call: &Call) -> Outcome {
    let recording = lock(&call.microscope.instrument).recording.take();
    Ok(recording
        .map_or(Value::Null, |recording| recording.told())
        .into())
}

pub(super) fn status(call: &Call) -> Outcome {
    let now_s = call.microscope.now_s();
    let instrument = lock(&call.microscope.instrument);
    Ok(match &instrument.recording {
        Some(recording) => json!({
            "is_recording": true,
            "format": "OME_ZARR",
            "duration_seconds": now_s - recording.started_s,
            "frame_count": 0,
            "filepath": recording.paths["fullPath"],
        }),
        None => json!({
            "is_recording": false,
            "format": null,
            "duration_seconds": 0.0,
            "frame_count": 0,
            "filepath": null,
        }),
    }
    .into())
}

pub(super) fn is_recording(call: &Call) -> Outcome {
    let recording = lock(&call.microscope.instrument).recording.is_some();
    Ok(json!(recording).into())
}
