//! `LEDMatrixController`, on microscopes that have one. Nothing in it can be read back.

use serde_json::Value;

use super::super::hub::lock;
use super::super::log::What;
use super::{Call, Outcome};

/// The matrix in the log.
const NAME: &str = "LEDMatrix";

pub(super) fn all_on(call: &Call) -> Outcome {
    change(call, None, Some(true))
}

pub(super) fn all_off(call: &Call) -> Outcome {
    change(call, None, Some(false))
}

pub(super) fn set_all(call: &Call) -> Outcome {
    let state = call.query.flag("state")?;
    let intensity = call.query.int("intensity")?;
    change(call, intensity, state)
}

pub(super) fn set_intensity(call: &Call) -> Outcome {
    let intensity = call.query.int("intensity")?;
    let intensity = call.query.given("intensity", intensity)?;
    change(call, Some(intensity), None)
}

fn change(call: &Call, intensity: Option<i64>, on: Option<bool>) -> Outcome {
    let now_s = call.microscope.now_s();
    let mut instrument = lock(&call.microscope.instrument);
    if let Some(intensity) = intensity {
        instrument.matrix.value = intensity as f64;
        let value = instrument.matrix.value;
        let what = What::Level { light: NAME, value };
        instrument.log.note(now_s, call.number, what);
    }
    if let Some(on) = on {
        instrument.matrix.active = on;
        let what = What::Switched { light: NAME, on };
        instrument.log.note(now_s, call.number, what);
    }
    Ok(Value::Null.into())
}
