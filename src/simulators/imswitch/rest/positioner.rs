//! `PositionerController`.

use serde_json::{Map, Value, json};

use super::super::fault::Fault;
use super::super::hub::lock;
use super::super::log::What;
use super::super::microscope::{self, Instrument, STAGE};
use super::super::stage::{AXES, axis_index};
use super::{Call, Outcome, Refusal, Reply};

pub(super) fn names(call: &Call) -> Outcome {
    Ok(json!([call.microscope.hub.label(STAGE)]).into())
}

pub(super) fn positions(call: &Call) -> Outcome {
    let now_s = call.microscope.now_s();
    let positions = lock(&call.microscope.instrument).stage.positions(now_s);
    let stage = call.microscope.hub.label(STAGE);
    Ok(json!({ stage: positions }).into())
}

/// Given an unknown stage, moves take the first one: its name is not looked at.
pub(super) fn go(call: &Call) -> Outcome {
    let distance = call.query.float("dist")?;
    let absolute = call.query.flag("isAbsolute")?.unwrap_or(false);
    let blocking = call.query.flag("isBlocking")?.unwrap_or(false);
    let speed = call.query.float("speed")?;
    let axis = call.query.text("axis").unwrap_or("X");
    let distance = distance.ok_or(Refusal::Internal)?;
    if let Some(axis) = axis_index(axis) {
        command(call, &[(axis, distance)], absolute, speed);
    }
    Ok(if blocking {
        Reply::AtRest(Box::new(|_| Value::Null))
    } else {
        Value::Null.into()
    })
}

pub(super) fn go_xyz(call: &Call) -> Outcome {
    let mut targets = Vec::new();
    for (axis, name) in ["x", "y", "z", "a"].into_iter().enumerate() {
        if let Some(value) = call.query.float(name)? {
            targets.push((axis, value));
        }
    }
    let absolute = call.query.flag("isAbsolute")?.unwrap_or(true);
    let blocking = call.query.flag("isBlocking")?.unwrap_or(false);
    let speed = call.query.float("speed")?;
    if targets.is_empty() {
        return Err(Refusal::text(
            "At least one of x, y, z, a must be specified.",
        ));
    }
    command(call, &targets, absolute, speed);
    let moved: String = targets.iter().map(|(axis, _)| AXES[*axis]).collect();
    let target: Map<String, Value> = targets
        .iter()
        .map(|(axis, value)| (AXES[*axis].to_owned(), (*value).into()))
        .collect();
    let answer = move |microscope: &microscope::Microscope| {
        let now_s = microscope.now_s();
        json!({
            "positionerName": microscope.hub.label(STAGE),
            "movedAxes": [moved],
            "target": target,
            "position": lock(&microscope.instrument).stage.positions(now_s),
            "isAbsolute": absolute,
            "isBlocking": blocking,
        })
    };
    Ok(if blocking {
        Reply::AtRest(Box::new(answer))
    } else {
        answer(&call.microscope).into()
    })
}

pub(super) fn jog(call: &Call) -> Outcome {
    let speed = call.query.int("speed")?;
    let speed = call.query.given("speed", speed)?;
    let stop = call.query.flag("is_stop")?.unwrap_or(false);
    let axis = axis_of_known_stage(call)?;
    let now_s = call.microscope.now_s();
    {
        let instrument = &mut lock(&call.microscope.instrument);
        jog_one(
            call,
            instrument,
            axis,
            if stop { 0.0 } else { speed as f64 },
            now_s,
        );
    }
    call.microscope.stage_commanded.notify_one();
    Ok(Value::Null.into())
}

pub(super) fn jog_xyza(call: &Call) -> Outcome {
    let stop = call.query.flag("is_stop")?.unwrap_or(false);
    let mut speeds = [0.0; AXES.len()];
    for (speed, name) in speeds
        .iter_mut()
        .zip(["speedX", "speedY", "speedZ", "speedA"])
    {
        *speed = call.query.float(name)?.unwrap_or(0.0);
    }
    known_stage(call)?;
    let now_s = call.microscope.now_s();
    {
        let instrument = &mut lock(&call.microscope.instrument);
        for (axis, speed) in speeds.into_iter().enumerate() {
            jog_one(
                call,
                instrument,
                axis,
                if stop { 0.0 } else { speed },
                now_s,
            );
        }
    }
    call.microscope.stage_commanded.notify_one();
    Ok(Value::Null.into())
}

pub(super) fn stop_axis(call: &Call) -> Outcome {
    let axis = axis_of_known_stage(call)?;
    let now_s = call.microscope.now_s();
    stop_one(call, &mut lock(&call.microscope.instrument), axis, now_s);
    call.microscope.stage_commanded.notify_one();
    Ok(Value::Null.into())
}

pub(super) fn stop_all(call: &Call) -> Outcome {
    known_stage(call)?;
    let now_s = call.microscope.now_s();
    {
        let instrument = &mut lock(&call.microscope.instrument);
        (0..AXES.len()).for_each(|axis| stop_one(call, instrument, axis, now_s));
    }
    call.microscope.stage_commanded.notify_one();
    Ok(json!({"success": true}).into())
}

/// The virtual stage has no end switches and fails inside, unless it was started with them.
pub(super) fn home(call: &Call) -> Outcome {
    if !call.microscope.options.homes {
        return Err(Refusal::Internal);
    }
    let axis = axis_of_known_stage(call)?;
    let now_s = call.microscope.now_s();
    {
        let instrument = &mut lock(&call.microscope.instrument);
        move_one(call, instrument, axis, 0.0, true, now_s);
        instrument.homing[axis] = true;
    }
    call.microscope.announce_homing(false, true);
    call.microscope.stage_commanded.notify_one();
    Ok(Value::Null.into())
}

pub(super) fn homing_status(call: &Call) -> Outcome {
    let homed = lock(&call.microscope.instrument).homed;
    let status = json!({"hasHomedSinceStartup": homed, "homingRecommendationDismissed": false});
    Ok(status.into())
}

pub(super) fn set_speed(call: &Call) -> Outcome {
    let speed = call.query.float("speed")?;
    let speed = call.query.given("speed", speed)?;
    let axis = axis_of_known_stage(call)?;
    let now_s = call.microscope.now_s();
    lock(&call.microscope.instrument)
        .stage
        .set_speed(axis, speed, now_s);
    microscope::announce_speeds(&call.microscope);
    Ok(Value::Null.into())
}

pub(super) fn offset(_: &Call) -> Outcome {
    Ok(json!(0.0).into())
}

pub(super) fn device_position(call: &Call) -> Outcome {
    let axis = axis_index(call.query.text("axis").unwrap_or("X")).ok_or(Refusal::Internal)?;
    let now_s = call.microscope.now_s();
    Ok(json!(
        lock(&call.microscope.instrument)
            .stage
            .position_um(axis, now_s)
    )
    .into())
}

fn command(call: &Call, targets: &[(usize, f64)], absolute: bool, speed: Option<f64>) {
    let now_s = call.microscope.now_s();
    if call.microscope.hub.faults.borrow().has(Fault::IgnoresMoves) {
        return;
    }
    {
        let instrument = &mut lock(&call.microscope.instrument);
        for (axis, target_um) in targets {
            if let Some(speed) = speed {
                instrument.stage.set_speed(*axis, speed, now_s);
            }
            move_one(call, instrument, *axis, *target_um, absolute, now_s);
        }
    }
    microscope::announce_speeds(&call.microscope);
    call.microscope.stage_commanded.notify_one();
}

fn move_one(
    call: &Call,
    instrument: &mut Instrument,
    axis: usize,
    target_um: f64,
    absolute: bool,
    now_s: f64,
) {
    let from_um = instrument.stage.position_um(axis, now_s);
    let to_um = if absolute {
        target_um
    } else {
        from_um + target_um
    };
    instrument.stage.go(axis, to_um, true, now_s);
    instrument.homing[axis] = false;
    let axis = AXES[axis];
    let what = What::Moves {
        axis,
        from_um,
        to_um,
    };
    instrument.log.note(now_s, call.number, what);
}

/// Jogs at a speed; 0 stops.
fn jog_one(call: &Call, instrument: &mut Instrument, axis: usize, speed_um_s: f64, now_s: f64) {
    if speed_um_s == 0.0 {
        return stop_one(call, instrument, axis, now_s);
    }
    instrument.stage.jog(axis, speed_um_s, now_s);
    let axis = AXES[axis];
    let what = What::Jogs { axis, speed_um_s };
    instrument.log.note(now_s, call.number, what);
}

fn stop_one(call: &Call, instrument: &mut Instrument, axis: usize, now_s: f64) {
    instrument.stage.stop(axis, now_s);
    let at_um = instrument.stage.position_um(axis, now_s);
    let axis = AXES[axis];
    let what = What::Stops { axis, at_um };
    instrument.log.note(now_s, call.number, what);
}

/// Jogging and stopping fail inside the server for a stage it does not have.
fn known_stage(call: &Call) -> Result<(), Refusal> {
    match call.query.text("positionerName") {
        Some(name) if !microscope::is_stage(name) => Err(Refusal::Internal),
        _ => Ok(()),
    }
}

fn axis_of_known_stage(call: &Call) -> Result<usize, Refusal> {
    known_stage(call)?;
    axis_index(call.query.text("axis").unwrap_or("X")).ok_or(Refusal::Internal)
}
