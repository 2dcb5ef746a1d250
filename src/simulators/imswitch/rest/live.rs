//! `LiveViewController`, and what stood in its place before.

use serde_json::{Map, Value, json};

use super::super::encode::Protocol;
use super::super::hub::lock;
use super::super::live_view::Stream;
use super::super::microscope::PROTOCOLS;
use super::super::stream_params::StreamParams;
use super::{Call, Outcome};

/// Longer exposures are not streamed unless forced. Source: observed servers.
const LONG_EXPOSURE_MS: f64 = 2000.0;

fn failed(message: &str) -> Outcome {
    Ok(json!({"status": "error", "message": message}).into())
}

fn startable(protocol: &str) -> Option<Protocol> {
    match protocol {
        "binary" => Some(Protocol::Binary),
        "jpeg" => Some(Protocol::Jpeg),
        _ => None,
    }
}

/// The protocol asked for, under the name the table of defaults has it.
fn known_protocol<'a>(call: &'a Call, otherwise: &'static str) -> Result<&'static str, &'a str> {
    let name = call.query.text("protocol").unwrap_or(otherwise);
    PROTOCOLS
        .into_iter()
        .find(|known| *known == name)
        .ok_or(name)
}

/// The camera asked for and its name as it is to be told; the first one if none is named.
fn camera(call: &Call) -> Result<(usize, String), String> {
    let name = match call.query.text("detectorName") {
        Some(name) => name.to_owned(),
        None => label(call, 0),
    };
    match call.microscope.camera_index(&name) {
        Some(camera) => Ok((camera, name)),
        None => Err(format!("'{name}'")),
    }
}

fn label(call: &Call, camera: usize) -> String {
    let name = lock(&call.microscope.instrument).cameras[camera].name;
    call.microscope.hub.label(name)
}

/// The labels of all cameras with what `tell` makes of their live views.
fn each_camera(call: &Call, tell: impl Fn(Option<&Stream>) -> Value) -> Map<String, Value> {
    let instrument = lock(&call.microscope.instrument);
    let streams = instrument.cameras.iter().zip(&instrument.streams);
    streams
        .map(|(camera, stream)| {
            (
                call.microscope.hub.label(camera.name),
                tell(stream.as_ref()),
            )
        })
        .collect()
}

pub(super) fn start(call: &Call) -> Outcome {
    let force = call.query.flag("force")?.unwrap_or(false);
    let (camera, name) = match camera(call) {
        Ok(found) => found,
        Err(message) => return failed(&message),
    };
    let protocol = call.query.text("protocol").unwrap_or("jpeg");
    let running = lock(&call.microscope.instrument).streams[camera]
        .as_ref()
        .map(|s| s.protocol);
    if let Some(running) = running {
        let running = running.name();
        return Ok(json!({
            "status": "already_running",
            "detector": name,
            "protocol": running,
            "message": format!(
                "Stream already active for {name} with protocol {running}. Stop it first."
            ),
        })
        .into());
    }
    let Some(known) = startable(protocol) else {
        return failed(&format!("Failed to create worker for protocol {protocol}"));
    };
    let exposure_ms = lock(&call.microscope.instrument).cameras[camera].exposure_ms;
    if exposure_ms > LONG_EXPOSURE_MS && !force {
        return Ok(json!({
            "status": "long_exposure",
            "detector": name,
            "protocol": protocol,
            "exposureMs": exposure_ms,
            "thresholdMs": LONG_EXPOSURE_MS,
            "message": format!(
                "Exposure is {exposure_ms} ms (> {LONG_EXPOSURE_MS} ms). Live streaming is \
                 disabled at this exposure; snap, or pass force=true to stream anyway."
            ),
        })
        .into());
    }
    let mut params = lock(&call.microscope.instrument)
        .defaults
        .get(protocol)
        .cloned()
        .unwrap_or_default();
    if let Value::Object(body) = &call.body {
        params.update(body);
    }
    let told = params.to_json(Some(&name), protocol);
    call.microscope.start_stream(camera, known, params);
    let started =
        json!({"status": "success", "detector": name, "protocol": protocol, "params": told});
    Ok(started.into())
}

pub(super) fn stop(call: &Call) -> Outcome {
    let (camera, name) = match camera(call) {
        Ok(found) => found,
        Err(message) => return failed(&message),
    };
    Ok(match call.microscope.stop_stream(camera) {
        Some(protocol) => {
            json!({"status": "success", "detector": name, "protocol": protocol.name()})
        }
        None => json!({
            "status": "not_running",
            "detector": name,
            "message": format!("No active stream for detector {name}"),
        }),
    }
    .into())
}

pub(super) fn set_parameters(call: &Call) -> Outcome {
    let protocol = match known_protocol(call, "jpeg") {
        Ok(protocol) => protocol,
        Err(unknown) => return failed(&format!("Unknown protocol: {unknown}")),
    };
    let none = Map::new();
    let body = call.body.as_object().unwrap_or(&none);
    let hub = &call.microscope.hub;
    let mut instrument = lock(&call.microscope.instrument);
    let defaults = instrument.defaults.entry(protocol).or_default();
    defaults.update(body);
    let mut answer = json!({
        "status": "success",
        "protocol": protocol,
        "params": defaults.to_json(None, protocol),
    });
    let names = instrument
        .cameras
        .each_ref()
        .map(|camera| hub.label(camera.name));
    let mut updated = Vec::new();
    for (stream, name) in instrument.streams.iter_mut().zip(names) {
        if let Some(stream) = stream.as_mut().filter(|s| s.protocol.name() == protocol) {
            stream.params.update(body);
            updated.push(name);
        }
    }
    if updated.is_empty() {
        answer["message"] = "Parameters updated (no active streams)".into();
    } else {
        let count = updated.len();
        answer["updated_detectors"] = updated.into();
        answer["message"] =
            format!("Parameters updated live on {count} stream(s); no restart required.").into();
    }
    Ok(answer.into())
}

pub(super) fn set_detector_parameters(call: &Call) -> Outcome {
    let (camera, name) = match camera(call) {
        Ok(found) => found,
        Err(message) => return failed(&message),
    };
    let none = Map::new();
    let body = call.body.as_object().unwrap_or(&none);
    let mut instrument = lock(&call.microscope.instrument);
    let Some(stream) = &mut instrument.streams[camera] else {
        return failed(&format!("No active stream for detector {name}"));
    };
    stream.params.update(body);
    Ok(json!({
        "status": "success",
        "detector": name,
        "params": stream.params.to_json(Some(&name), stream.protocol.name()),
        "restarted": false,
        "updated_live": true,
    })
    .into())
}

pub(super) fn active_streams(call: &Call) -> Outcome {
    let streams: Vec<Value> = each_camera(call, |stream| {
        stream.map_or(Value::Null, |stream| stream.protocol.name().into())
    })
    .into_iter()
    .filter(|(_, protocol)| !protocol.is_null())
    .map(|(detector, protocol)| json!({"detector": detector, "protocol": protocol}))
    .collect();
    Ok(json!({"status": "success", "active_streams": streams}).into())
}

pub(super) fn is_active(call: &Call) -> Outcome {
    let streams = &lock(&call.microscope.instrument).streams;
    Ok(json!(streams.iter().any(Option::is_some)).into())
}

/// The parameters it tells are the defaults and not those in force, as observed.
pub(super) fn status(call: &Call) -> Outcome {
    let defaults = lock(&call.microscope.instrument).defaults.clone();
    let detectors = each_camera(call, |stream| match stream {
        Some(stream) => {
            let protocol = stream.protocol.name();
            let params = defaults.get(protocol).cloned().unwrap_or_default();
            let params = params.to_json(None, protocol);
            json!({"is_streaming": true, "protocol": protocol, "params": params})
        }
        None => json!({"is_streaming": false, "protocol": null, "params": {}}),
    });
    let streaming = |detector: &Value| detector["is_streaming"] == true;
    let active = detectors
        .values()
        .filter(|detector| streaming(detector))
        .count();
    Ok(json!({
        "status": "success",
        "total_detectors": detectors.len(),
        "active_streams": active,
        "detectors": detectors,
        "available_protocols": ["binary", "jpeg"],
    })
    .into())
}

pub(super) fn parameters(call: &Call) -> Outcome {
    let defaults = lock(&call.microscope.instrument).defaults.clone();
    if call.query.text("protocol").is_some() {
        let protocol = match known_protocol(call, "jpeg") {
            Ok(protocol) => protocol,
            Err(unknown) => return failed(&format!("Unknown protocol: {unknown}")),
        };
        let active = streaming_with(call, protocol);
        let params = defaults.get(protocol).cloned().unwrap_or_default();
        return Ok(json!({
            "status": "success",
            "protocol": protocol,
            "params": params.to_json(None, protocol),
            "is_active": !active.is_empty(),
            "active_detectors": active,
        })
        .into());
    }
    let protocols: Map<String, Value> = defaults
        .iter()
        .map(|(protocol, params)| {
            let active = streaming_with(call, protocol);
            let mut params = params.to_json(None, protocol);
            params["is_active"] = (!active.is_empty()).into();
            params["active_detectors"] = active.into();
            ((*protocol).to_owned(), params)
        })
        .collect();
    let in_force = |stream: Option<&Stream>| {
        stream.map_or(Value::Null, |s| s.params.to_json(None, s.protocol.name()))
    };
    let mut per_detector = each_camera(call, in_force);
    per_detector.retain(|_, params| !params.is_null());
    let current: Map<String, Value> = per_detector
        .iter()
        .map(|(name, params)| (name.clone(), params["protocol"].clone()))
        .collect();
    for (name, params) in &mut per_detector {
        params["detector_name"] = name.as_str().into();
    }
    Ok(json!({
        "status": "success",
        "current_protocol": current.values().next(),
        "total_active_streams": current.len(),
        "current_active_protocols": current,
        "protocols": protocols,
        "per_detector": per_detector,
    })
    .into())
}

fn streaming_with(call: &Call, protocol: &str) -> Vec<String> {
    let running = |stream: Option<&Stream>| {
        stream.map_or(Value::Null, |stream| stream.protocol.name().into())
    };
    let cameras = each_camera(call, running).into_iter();
    cameras
        .filter(|(_, p)| *p == protocol)
        .map(|(name, _)| name)
        .collect()
}

/// Idle cameras are told only while all of them are idle, as observed.
pub(super) fn diagnostics(call: &Call) -> Outcome {
    let idle = || json!({});
    let mut told = each_camera(call, |stream| stream.map_or_else(idle, Stream::diagnostics));
    if told.values().any(|worker| *worker != idle()) {
        told.retain(|_, worker| *worker != idle());
    }
    Ok(Value::from(told).into())
}

pub(super) fn long_exposure(call: &Call) -> Outcome {
    let (camera, name) = match camera(call) {
        Ok(found) => found,
        Err(message) => return failed(&message),
    };
    let exposure_ms = lock(&call.microscope.instrument).cameras[camera].exposure_ms;
    Ok(json!({
        "detector": name,
        "exposureMs": exposure_ms,
        "thresholdMs": LONG_EXPOSURE_MS,
        "isLongExposure": exposure_ms > LONG_EXPOSURE_MS,
    })
    .into())
}

/// Live view before it had a controller: all cameras of the microscope together, here the first.
pub(super) fn old_active(call: &Call) -> Outcome {
    let active = call.query.flag("active")?;
    if call.query.given("active", active)? {
        let (protocol, params) = {
            let instrument = lock(&call.microscope.instrument);
            let protocol = instrument.old_protocol;
            let params = instrument.defaults.get(protocol.name()).cloned();
            (protocol, params.unwrap_or_default())
        };
        call.microscope.start_stream(0, protocol, params);
    } else {
        call.microscope.stop_stream(0);
    }
    Ok(Value::Null.into())
}

/// Stream parameters before they had a controller: throttle in the query, the rest nested.
pub(super) fn old_parameters(call: &Call) -> Outcome {
    let mut flat = Map::new();
    if let Some(throttle) = call.query.int("throttle_ms")? {
        flat.insert("throttle_ms".to_owned(), throttle.into());
    }
    for (pointer, key) in [
        ("/compression/algorithm", "compression_algorithm"),
        ("/compression/level", "compression_level"),
        ("/subsampling/factor", "subsampling_factor"),
    ] {
        if let Some(value) = call.body.pointer(pointer) {
            flat.insert(key.to_owned(), value.clone());
        }
    }
    let mut instrument = lock(&call.microscope.instrument);
    if let Some(algorithm) = call.body.pointer("/compression/algorithm") {
        // "jpeg" is one of the algorithms here, and its level is the quality.
        let jpeg = algorithm == "jpeg";
        instrument.old_protocol = if jpeg {
            Protocol::Jpeg
        } else {
            Protocol::Binary
        };
        if let (true, Some(level)) = (jpeg, flat.remove("compression_level")) {
            flat.insert("jpeg_quality".to_owned(), level);
        }
    }
    for params in instrument.defaults.values_mut() {
        StreamParams::update(params, &flat);
    }
    let protocol = instrument.old_protocol;
    for stream in instrument.streams.iter_mut().flatten() {
        stream.protocol = protocol;
        stream.params.update(&flat);
    }
    Ok(Value::Null.into())
}
