//! `LaserController`: lasers and LEDs both.

use serde_json::{Value, json};

use super::super::hub::{ESCAPES, lock};
use super::super::log::What;
use super::super::microscope::{LASER_RANGE, Laser};
use super::query::plain;
use super::{Call, Outcome, Refusal};

pub(super) fn names(call: &Call) -> Outcome {
    let hub = &call.microscope.hub;
    let lasers = &lock(&call.microscope.instrument).lasers;
    let names: Vec<String> = lasers.iter().map(|laser| hub.label(laser.name)).collect();
    Ok(json!(names).into())
}

pub(super) fn range(call: &Call) -> Outcome {
    let name = call.query.required("laserName")?;
    read(call, name, |_| json!([0, LASER_RANGE]))
        .map(Into::into)
        .ok_or(Refusal::Internal)
}

/// An unknown name reads as 0.
pub(super) fn value(call: &Call) -> Outcome {
    let name = call.query.required("laserName")?;
    let value = read(call, name, |laser| plain(laser.value));
    Ok(value.unwrap_or(json!(0)).into())
}

/// An unknown name reads as off.
pub(super) fn active(call: &Call) -> Outcome {
    let name = call.query.required("laserName")?;
    let active = read(call, name, |laser| laser.active.into());
    Ok(active.unwrap_or(json!(false)).into())
}

/// The range is told and not enforced, as the servers do.
pub(super) fn set_value(call: &Call) -> Outcome {
    let name = call.query.required("laserName")?;
    let value = call.query.number("value")?;
    change(call, name, "Value", plain(value), |laser| {
        laser.value = value;
        let light = laser.name;
        What::Level { light, value }
    })
}

pub(super) fn set_active(call: &Call) -> Outcome {
    let name = call.query.required("laserName")?;
    let active = call.query.flag("active")?;
    let active = call.query.given("active", active)?;
    change(call, name, "Enabled", active.into(), |laser| {
        laser.active = active;
        let light = laser.name;
        What::Switched { light, on: active }
    })
}

fn bare(name: &str) -> &str {
    name.strip_suffix(ESCAPES).unwrap_or(name)
}

fn read(call: &Call, name: &str, get: impl Fn(&Laser) -> Value) -> Option<Value> {
    let lasers = &lock(&call.microscope.instrument).lasers;
    lasers
        .iter()
        .find(|laser| laser.name == bare(name))
        .map(get)
}

fn change(
    call: &Call,
    name: &str,
    attribute: &str,
    value: Value,
    set: impl Fn(&mut Laser) -> What,
) -> Outcome {
    {
        let now_s = call.microscope.now_s();
        let mut instrument = lock(&call.microscope.instrument);
        let mut all = instrument.lasers.iter_mut();
        let what = set(all
            .find(|laser| laser.name == bare(name))
            .ok_or(Refusal::Internal)?);
        instrument.log.note(now_s, call.number, what);
    }
    let label = call.microscope.hub.label(bare(name));
    call.microscope
        .announce_attribute(&["Laser", &label, attribute], value);
    Ok(Value::Null.into())
}
