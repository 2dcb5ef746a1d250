//! Calls of the server itself and of the smaller controllers.

use serde_json::json;

use super::super::hub::lock;
use super::super::microscope::{self, OBJECTIVES, unix_ns};
use super::{Call, Outcome};

pub(super) fn version(call: &Call) -> Outcome {
    let version = call.microscope.options.dialect.version();
    Ok(json!({ "version": version }).into())
}

pub(super) fn hostname(call: &Call) -> Outcome {
    let name = call.microscope.hub.label(crate::model::SIMULATOR_HOSTNAME);
    Ok(json!({ "hostname": name }).into())
}

pub(super) fn controllers(call: &Call) -> Outcome {
    let names = super::controllers(&call.microscope.options);
    Ok(json!({ "availableControllers": names }).into())
}

pub(super) fn board_is_connected(_: &Call) -> Outcome {
    Ok(json!(true).into())
}

pub(super) fn objective_status(call: &Call) -> Outcome {
    Ok(call.microscope.objective_status().into())
}

/// The turret is quick: it has arrived when the call is answered.
pub(super) fn move_to_objective(call: &Call) -> Outcome {
    let slot = call.query.int("slot")?;
    let slot = call.query.given("slot", slot)?;
    let skip_z = call.query.flag("skipZ")?.unwrap_or(false);
    let Some(index) = usize::try_from(slot)
        .ok()
        .filter(|slot| *slot < OBJECTIVES.len())
    else {
        let refused = json!({"accepted": false, "reason": "invalid_slot", "targetSlot": slot,
            "skipZ": skip_z});
        return Ok(refused.into());
    };
    let request = {
        let mut instrument = lock(&call.microscope.instrument);
        instrument.objective = index;
        instrument.objective_requests += 1;
        instrument.objective_requests
    };
    let status = call.microscope.objective_status();
    call.microscope.hub.signal("sigObjectiveChanged", &[status]);
    Ok(json!({
        "accepted": true,
        "requestId": request,
        "targetSlot": slot,
        "skipZ": skip_z,
        "startedAt": unix_ns() as f64 / 1e9,
        "status": "started",
    })
    .into())
}

pub(super) fn storage_status(_: &Call) -> Outcome {
    Ok(microscope::storage_status().into())
}
