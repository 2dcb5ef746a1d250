//! `SettingsController`: the cameras.

use serde_json::{Value, json};

use super::super::camera::Camera;
use super::super::hub::lock;
use super::{Call, Outcome};

pub(super) fn names(call: &Call) -> Outcome {
    let hub = &call.microscope.hub;
    let cameras = &lock(&call.microscope.instrument).cameras;
    let names: Vec<String> = cameras
        .iter()
        .map(|camera| hub.label(camera.name))
        .collect();
    Ok(json!(names).into())
}

/// Of the current camera, which is always the first.
pub(super) fn parameters(call: &Call) -> Outcome {
    let pixel_um = call.microscope.pixel_um();
    Ok(lock(&call.microscope.instrument).cameras[0]
        .parameters(pixel_um)
        .into())
}

pub(super) fn status(call: &Call) -> Outcome {
    let name = call.query.required("detectorName")?;
    let Some(camera) = call.microscope.camera_index(name) else {
        let status = json!({"error": format!("'{name}'"), "detectorName": name, "status": "error"});
        return Ok(status.into());
    };
    let pixel_um = call.microscope.pixel_um();
    Ok(lock(&call.microscope.instrument).cameras[camera]
        .status(pixel_um)
        .into())
}

pub(super) fn set_exposure(call: &Call) -> Outcome {
    let exposure = call.query.float("exposureTime")?;
    let exposure_ms = call.query.given("exposureTime", exposure)?;
    change(call, |camera| camera.exposure_ms = exposure_ms)
}

pub(super) fn set_gain(call: &Call) -> Outcome {
    let gain = call.query.float("gain")?;
    let gain = call.query.given("gain", gain)?;
    change(call, |camera| camera.gain = gain)
}

pub(super) fn set_black_level(call: &Call) -> Outcome {
    let black_level = call.query.float("blackLevel")?;
    let black_level = call.query.given("blackLevel", black_level)?;
    change(call, |camera| camera.black_level = black_level)
}

pub(super) fn set_mode(call: &Call) -> Outcome {
    let automatic = call.query.flag("isAuto")?;
    let automatic = call.query.given("isAuto", automatic)?;
    change(call, |camera| camera.automatic = automatic)
}

/// The only binning is 1.
pub(super) fn set_binning(call: &Call) -> Outcome {
    let name = call.query.required("detectorName")?;
    let binning = call.query.int("binning")?;
    call.query.given("binning", binning)?;
    let Some(camera) = call.microscope.camera_index(name) else {
        return Ok(Value::Null.into());
    };
    let (width, height) = lock(&call.microscope.instrument).cameras[camera].sensor_px;
    let done =
        json!({"status": "ok", "detectorName": name, "binning": 1, "shape": [width, height]});
    Ok(done.into())
}

pub(super) fn set_parameter(call: &Call) -> Outcome {
    let text = |key: &str| {
        call.body
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let (name, parameter) = (text("detectorName"), text("name"));
    let Some(index) = call.microscope.camera_index(name) else {
        let status = json!({"error": format!("'{name}'"), "detectorName": name, "status": "error"});
        return Ok(status.into());
    };
    let value = call.body.get("value").and_then(Value::as_f64);
    let known = set_by_name(
        &mut lock(&call.microscope.instrument).cameras[index],
        parameter,
        value,
    );
    if known {
        call.microscope.announce_camera(index);
    }
    let pixel_um = call.microscope.pixel_um();
    let mut status = lock(&call.microscope.instrument).cameras[index].status(pixel_um);
    status["detectorName"] = name.into();
    if !known {
        status["error"] = format!("Non-existent parameter \"{parameter}\" specified").into();
    }
    Ok(status.into())
}

fn set_by_name(camera: &mut Camera, parameter: &str, value: Option<f64>) -> bool {
    let target = match parameter {
        "exposure" => &mut camera.exposure_ms,
        "gain" => &mut camera.gain,
        "blacklevel" => &mut camera.black_level,
        _ => return false,
    };
    if let Some(value) = value {
        *target = value;
    }
    true
}

/// Changes the camera that is named; an unknown one changes nothing and is no error.
fn change(call: &Call, set: impl Fn(&mut Camera)) -> Outcome {
    let name = call.query.required("detectorName")?;
    if let Some(camera) = call.microscope.camera_index(name) {
        set(&mut lock(&call.microscope.instrument).cameras[camera]);
        call.microscope.announce_camera(camera);
    }
    Ok(Value::Null.into())
}
