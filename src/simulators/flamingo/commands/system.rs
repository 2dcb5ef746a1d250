//! Settings, storage and the state of the server.

use super::Turn;
use crate::simulators::flamingo::codes;
use crate::simulators::flamingo::log::Deed;
use crate::simulators::flamingo::message::Message;

/// Mount points, one per line. No real path is told.
const MOUNTS: &str = "/simulated/fast\n/simulated/large\n";

pub(super) fn run(turn: &mut Turn<'_>) {
    match turn.request.code {
        codes::SCOPE_SETTINGS_LOAD => {
            let settings = turn.microscope.settings(turn.instrument);
            turn.reply_anyway(Message {
                bits: turn.request.bits,
                ..settings
            });
        }
        codes::SCOPE_SETTINGS_SAVE => save(turn),
        codes::STORAGE_PATH => turn.reply(Message {
            payload: MOUNTS.into(),
            ..turn.success()
        }),
        codes::STATE_GET => turn.reply_anyway(Message {
            d0: turn.instrument.state() as i32,
            ..turn.success()
        }),
        _ => {}
    }
}

fn save(turn: &mut Turn<'_>) {
    let bytes = turn.request.payload.len();
    if bytes == 0 {
        return turn.reply(turn.failure("no settings"));
    }
    turn.instrument.settings = String::from_utf8_lossy(&turn.request.payload).into_owned();
    turn.did(Deed::SettingsSaved { bytes });
    turn.reply(turn.success());
    let settings = turn.microscope.settings(turn.instrument);
    turn.microscope
        .announce_but(Some(turn.client.number), &settings);
}
