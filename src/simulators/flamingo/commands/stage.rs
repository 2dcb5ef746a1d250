//! The stage. Limits are not checked: the server is not known to check them for single moves.

use super::Turn;
use crate::simulators::flamingo::codes;
use crate::simulators::flamingo::message::Message;
use crate::simulators::flamingo::settings::HOME;
use crate::simulators::flamingo::stage::Axis;

pub(super) fn run(turn: &mut Turn<'_>) {
    match turn.request.code {
        codes::STAGE_MOVE | codes::STAGE_SLIDE => go(turn),
        codes::STAGE_HALT => {
            // The reply first: it is what somebody is waiting for.
            turn.reply_anyway(turn.success());
            turn.microscope.halt(turn.instrument);
        }
        codes::STAGE_POSITION => position(turn),
        codes::STAGE_HOME => home(turn),
        codes::STAGE_SAVED_GET => {
            let [x, y, z, _] = HOME;
            turn.reply(Message {
                payload: format!("1={x:.3}\n2={y:.3}\n3={z:.3}\n").into(),
                ..turn.success()
            });
        }
        _ => {}
    }
}

fn go(turn: &mut Turn<'_>) {
    let target = turn.request.number;
    match Axis::from_number(turn.request.d0) {
        Some(axis) if target.is_finite() => {
            turn.reply(Message {
                number: target,
                ..turn.success()
            });
            turn.microscope.begin_move(turn.instrument, axis, target);
        }
        _ => turn.reply(turn.failure("invalid axis or position")),
    }
}

/// Without an axis there is no reply at all, as on record.
fn position(turn: &mut Turn<'_>) {
    if let Some(axis) = Axis::from_number(turn.request.d0) {
        let now_s = turn.microscope.now_s();
        turn.reply(Message {
            number: turn.instrument.stage.position(axis, now_s),
            ..turn.success()
        });
    }
}

/// One axis, or all if none is named. Nothing is known of a reply.
fn home(turn: &mut Turn<'_>) {
    let named = Axis::from_number(turn.request.d0);
    if named.is_none() && turn.request.d0 != 0 {
        return;
    }
    for (axis, home) in Axis::ALL.into_iter().zip(HOME) {
        if named.is_none_or(|named| named == axis) {
            turn.microscope.begin_move(turn.instrument, axis, home);
        }
    }
}
