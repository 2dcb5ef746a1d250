//! What is known as readings.

use super::{Known, Lamp};
use crate::model::{PlainText, Reading};

/// All values.
pub(super) fn of(known: &Known) -> Vec<Reading> {
    let mut all = Vec::new();
    for axis in &known.instrument.axes {
        if let Some(position) = axis.position {
            let name = format!("stage/{}", axis.name);
            all.push(Reading::new(name, position, axis.unit.as_str()));
        }
    }
    for (light, lamp) in known.instrument.lights.iter().zip(&known.lamps) {
        let name = match lamp {
            Lamp::Laser(laser) => format!("laser/{}", laser.number()),
            Lamp::Led(colour) => format!("led/{}", colour.as_str()),
            Lamp::Sheet(_) => format!("illumination/{}", light.name),
        };
        if let Some(level) = light.level {
            all.push(Reading::new(
                format!("{name}/level"),
                level,
                light.unit.as_str(),
            ));
        }
        if let Some(on) = light.on {
            all.push(Reading::new(format!("{name}/on"), on, ""));
        }
    }
    let cameras = known.instrument.cameras.iter();
    if let Some(ms) = cameras.filter_map(|camera| camera.exposure_ms).next() {
        all.push(Reading::new("camera/exposure", ms, "ms"));
    }
    if let Some(um) = known.pixel_size_um {
        all.push(Reading::new("optics/pixel size", um, "um"));
    }
    let values = known.values.iter();
    all.extend(values.map(|(name, (value, unit))| Reading {
        name: PlainText::from(*name),
        value: value.clone(),
        unit,
    }));
    all
}
