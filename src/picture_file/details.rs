//! What is known of a frame, as names and words: the same in every format.

use std::fmt::Write as _;

use super::About;
use crate::model::{Camera, Frame, Light, Motion, Origin, Quantity};

/// Names and words, in the order in which people look for them. A name stands there once.
pub(super) fn details(frame: &Frame, about: &About) -> Vec<(String, String)> {
    let mut details = Vec::new();
    let mut add = |name: &str, text: Option<String>| {
        details.extend(text.map(|text| (name.to_owned(), text)));
    };
    let origin = match about.source.origin {
        Origin::Live => "live",
        Origin::Simulated => "simulated",
        Origin::Replay => "replay",
    };
    add("source", Some(about.source.name.to_string()));
    add("address", Some(about.source.address.to_string()));
    add("origin", Some(origin.to_owned()));
    add(
        "caution",
        about.source.caution.as_ref().map(ToString::to_string),
    );
    add("camera", Some(frame.detector.to_string()));
    add("frame", frame.number.map(|number| number.to_string()));
    add("received", Some(utc(about.received.unix_ns)));
    add("device time", frame.device_ns.map(utc));
    add("sent as", Some(frame.encoding.as_str().to_owned()));
    add("bit depth", frame.bit_depth.map(|bits| bits.to_string()));
    add("subsampling", Some(frame.subsampling.to_string()));
    add(
        "pixel size um",
        pixel_size_um(frame).map(|um| um.to_string()),
    );
    add("lost before", Some(frame.lost_before.to_string()));
    let Some(instrument) = &about.instrument else {
        return details;
    };
    let camera = camera(frame, about);
    let exposure = camera.and_then(|camera| camera.exposure_ms);
    add("exposure ms", exposure.map(|ms| ms.to_string()));
    let gain = camera.and_then(|camera| camera.gain);
    add("gain", gain.map(|gain| gain.to_string()));
    add("activity", Some(instrument.activity.as_str().to_owned()));
    for axis in &instrument.axes {
        // Where nothing proves it, nothing is said.
        let proved = axis.position.filter(|_| axis.motion != Motion::Unknown);
        let moving = if axis.motion == Motion::Moving {
            ", moving"
        } else {
            ""
        };
        let text = proved.map(|value| format!("{}{moving}", Quantity::new(value, axis.unit)));
        add(&format!("axis {}", axis.name), text);
    }
    for light in &instrument.lights {
        add(&format!("light {}", light.name), Some(light_words(light)));
    }
    details
}

fn light_words(light: &Light) -> String {
    let mut words = String::new();
    if let Some(level) = light.level {
        let _ = write!(words, "{}, ", Quantity::new(level, light.unit));
    }
    words.push_str(match light.on {
        Some(true) => "on",
        Some(false) => "off",
        None => "unknown",
    });
    let _ = write!(words, " ({})", light.evidence.as_str());
    words
}

/// The settings of the camera that took the frame. An instrument with one camera took it with
/// that one, whatever its pictures are called.
pub(super) fn camera<'a>(frame: &Frame, about: &'a About) -> Option<&'a Camera> {
    let instrument = about.instrument.as_ref()?;
    match instrument.cameras.as_slice() {
        [only] => Some(only),
        _ => instrument.camera(Some(&frame.detector)),
    }
}

/// The size of a pixel, if what was said of it can be one.
pub(super) fn pixel_size_um(frame: &Frame) -> Option<f64> {
    frame.pixel_size_um.filter(|um| um.is_finite() && *um > 0.0)
}

/// When it was taken, as far as anybody knows, Unix nanoseconds.
pub(super) fn taken_ns(frame: &Frame, about: &About) -> u64 {
    frame.device_ns.unwrap_or(about.received.unix_ns)
}

/// A moment to the nanosecond.
pub(super) fn utc(unix_ns: u64) -> String {
    moment(unix_ns, "%Y-%m-%dT%H:%M:%S%.9fZ")
}

/// A moment in UTC, in the words of `strftime`; empty if it is none.
pub(super) fn moment(unix_ns: u64, words: &str) -> String {
    jiff::Timestamp::from_nanosecond(i128::from(unix_ns))
        .map(|time| time.strftime(words).to_string())
        .unwrap_or_default()
}
