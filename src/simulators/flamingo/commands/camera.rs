//! The camera: live view, snapshots, its region and exposure; and the workflows, whose codes are
//! among those of the camera.

use super::Turn;
use crate::simulators::flamingo::codes;
use crate::simulators::flamingo::log::Deed;
use crate::simulators::flamingo::message::Message;
use crate::simulators::flamingo::settings::{PIXEL_UM, SENSOR_UM};
use crate::simulators::flamingo::workflow::Plan;

/// The number of the camera.
const CAMERA: i32 = 1;

pub(super) fn run(turn: &mut Turn<'_>) {
    let camera = &turn.instrument.camera;
    match turn.request.code {
        codes::WORKFLOW_START => start_workflow(turn),
        codes::WORKFLOW_STOP => {
            turn.reply_anyway(turn.success());
            turn.microscope.stop_workflow(turn.instrument);
        }
        codes::CHECK_STACK => check(turn),
        codes::SNAPSHOT => {
            if turn.instrument.workflow.is_some() || turn.instrument.snapshot {
                turn.reply(turn.failure("camera is busy"));
            } else {
                turn.reply(turn.success());
                turn.microscope.start_snapshot(turn.instrument);
            }
        }
        codes::LIVE_VIEW_START | codes::LIVE_VIEW_STOP => live_view(turn),
        codes::EXPOSURE_SET => {
            let us = turn.request.d0;
            let done = turn.instrument.camera.set_exposure(us);
            answer_set(turn, done.then_some(Deed::Exposure { us }));
        }
        codes::EXPOSURE_GET => answer_get(turn, camera.exposure_us),
        codes::ROI_LEFT_SET => {
            let done = turn.instrument.camera.set_left(turn.request.d0);
            answer_set(turn, done.then(|| new_size(turn)));
        }
        codes::ROI_TOP_SET => {
            let done = turn.instrument.camera.set_top(turn.request.d0);
            answer_set(turn, done.then(|| new_size(turn)));
        }
        codes::ROI_LEFT_GET => answer_get(turn, camera.edges.0),
        codes::ROI_TOP_GET => answer_get(turn, camera.edges.1),
        codes::IMAGE_SIZE_GET => {
            let (width, height) = camera.size_px();
            turn.microscope.set_hardware(CAMERA);
            turn.reply(Message {
                hardware_id: CAMERA,
                d0: width as i32,
                d1: height as i32,
                number: SENSOR_UM,
                ..turn.success()
            });
        }
        codes::FIELD_OF_VIEW_GET => turn.reply_anyway(Message {
            number: PIXEL_UM / 1000.0,
            ..turn.success()
        }),
        _ => {}
    }
}

fn answer_get(turn: &Turn<'_>, d0: i32) {
    turn.reply(Message {
        d0,
        ..turn.success()
    });
}

/// Answers a change of the camera, and logs it if it was one.
fn answer_set(turn: &Turn<'_>, deed: Option<Deed>) {
    match deed {
        Some(deed) => {
            turn.did(deed);
            turn.reply(turn.success());
        }
        None => turn.reply(turn.failure("out of range")),
    }
}

fn new_size(turn: &Turn<'_>) -> Deed {
    let (width, height) = turn.instrument.camera.size_px();
    Deed::ImageSize { width, height }
}

fn live_view(turn: &mut Turn<'_>) {
    if turn.instrument.workflow.is_some() && turn.microscope.options.hang_on_live_in_workflow {
        // As reported of a real server: nothing more comes on this connection.
        turn.client.hang();
        let connection = turn.client.number;
        return turn.did(Deed::Hung { connection });
    }
    if turn.request.code == codes::LIVE_VIEW_START {
        turn.reply(turn.success());
        let on_change = turn.request.d0 == 1;
        turn.microscope.start_live(turn.instrument, on_change);
    } else if turn.microscope.stop_live(turn.instrument) {
        turn.reply(turn.success());
        turn.microscope.announce_state(turn.instrument);
    } else {
        turn.reply(turn.failure("Live view thread not running"));
    }
}

fn plan(turn: &Turn<'_>) -> Plan {
    let text = String::from_utf8_lossy(&turn.request.payload);
    let (width, height) = turn.instrument.camera.size_px();
    let field_mm = (
        f64::from(width) * PIXEL_UM / 1000.0,
        f64::from(height) * PIXEL_UM / 1000.0,
    );
    let positions = turn.instrument.stage.positions(turn.microscope.now_s());
    Plan::new(&text, positions, field_mm)
}

/// Never answered.
fn start_workflow(turn: &mut Turn<'_>) {
    let refusal = if turn.request.payload.is_empty() {
        Some("the workflow is empty".to_owned())
    } else if turn.instrument.workflow.is_some() {
        Some("a workflow runs".to_owned())
    } else {
        None
    };
    let plan = plan(turn);
    match refusal.or_else(|| plan.out_of_reach()) {
        Some(reason) => turn.did(Deed::WorkflowRefused { reason }),
        None => turn.microscope.start_workflow(turn.instrument, plan),
    }
}

fn check(turn: &Turn<'_>) {
    let verdict = plan(turn).out_of_reach();
    turn.reply(Message {
        payload: verdict
            .unwrap_or_else(|| "stack is valid\n".to_owned())
            .into(),
        ..turn.success()
    });
}
