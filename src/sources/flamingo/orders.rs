//! From a command to an errand: what the instrument's own rules forbid, and who carries it out.

mod camera;
pub(super) mod light;
mod raw;
mod settings;
mod stage;
mod workflow;

use super::errand::{Cut, End, Errand};
use super::exchange::State;
use super::known::WORKFLOW_PAUSE_NS;
use super::look;
use crate::control::{self, Desk};
use crate::model::{Activity, Command, CommandKind, CommandState, Request as Order};
use crate::protocol::flamingo::Axis;

/// The longest text that is sent: more could not be read back, and no instrument has more to say.
const TEXT_BYTES: usize = 1 << 20;

/// Why a text is not even looked at.
fn too_long(what: &str, text: &str) -> Option<String> {
    let bytes = text.len();
    (bytes > TEXT_BYTES)
        .then(|| format!("{what} of {bytes} bytes; at most {TEXT_BYTES} bytes are sent"))
}

/// Whether a stop keeps a command from being sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bar {
    /// None does.
    Open,
    /// One holds.
    Holds,
    /// One was pressed after the command was asked for, and cleared since.
    Void,
}

/// Why a command is not sent, if it is not.
pub(super) fn refusal(state: &State, command: &Command, bar: Bar) -> Option<String> {
    let words = command;
    if !state.is_connected {
        return Some(format!(
            "{words}: not connected; commands are taken when the link stands again"
        ));
    }
    let looks = matches!(command, Command::Refresh) || command.is_calming();
    if !state.is_read && !looks {
        return Some(format!(
            "{words}: the instrument is still being read; try again in a moment"
        ));
    }
    let known = &state.known;
    let instrument = &known.instrument;
    if instrument.activity == Activity::Disconnected && !looks {
        return Some(format!(
            "{words}: the control program has lost its hardware; nothing can be commanded"
        ));
    }
    if let Command::Move { axis, .. } = command
        && let Some(axis) = axis_of(axis)
        && known.axis(axis).is_some_and(|a| a.limits.is_none())
    {
        return Some(known.why_no_limits(axis).to_string());
    }
    if let Err(refusal) = control::check(instrument, command, bar == Bar::Holds) {
        return Some(refusal.to_string());
    }
    if bar == Bar::Void && !command.is_calming() {
        return Some(format!(
            "{words}: a stop was pressed after it was asked; ask again"
        ));
    }
    let ours = |axis: Axis| known.tracks.get(axis.index()).is_some_and(|t| t.is_ours);
    match command {
        Command::Move { axis, .. } if axis_of(axis).is_some_and(ours) => Some(format!(
            "{axis} has a move under way: one move for an axis at a time"
        )),
        Command::Home { .. } if Axis::ALL.into_iter().any(ours) => {
            Some("a move is under way; home waits for no other: try again".to_owned())
        }
        Command::SetLight { light, level, .. } => light::refusal(known, light, level.is_some()),
        Command::StartLiveView { .. } | Command::StopLiveView => {
            camera::refusal(instrument.activity, command).or_else(|| pause(state, command))
        }
        Command::Snap { .. } => camera::refusal(instrument.activity, command),
        Command::StartWorkflow { text, .. } => {
            workflow::refusal(known, text).or_else(|| pause(state, command))
        }
        Command::SaveSettings { text, .. } => settings::refusal(known, text),
        Command::Raw { call, arguments } => {
            raw::refusal(state.correlator.profile(), call, arguments)
        }
        _ => None,
    }
}

/// A server that has just ended a workflow wants to be left alone.
fn pause(state: &State, command: &Command) -> Option<String> {
    let ended = state.known.workflow_ended_ns?;
    let since = state.now().mono_ns.saturating_sub(ended);
    (since < WORKFLOW_PAUSE_NS).then(|| {
        format!("{command}: a workflow ended less than 3 s ago, and the server needs the pause")
    })
}

/// The axis of that name.
pub(super) fn axis_of(name: &str) -> Option<Axis> {
    Axis::ALL
        .into_iter()
        .find(|axis| axis.letter().eq_ignore_ascii_case(name))
}

/// Refuses a command, or takes it. Whether it is to be carried out.
pub(super) fn take(state: &mut State, order: &Order, bar: Bar) -> bool {
    match refusal(state, &order.command, bar) {
        Some(why) => {
            state.report(Some(Desk::refuse(order, why)));
            false
        }
        None => {
            state.accept(order);
            true
        }
    }
}

/// Carries a command out to its end.
pub(super) async fn carry_out(errand: Errand, command: Command) {
    let Some(id) = errand.id else { return };
    let moves = matches!(command.kind(), CommandKind::Move | CommandKind::Home);
    let end = match script(&errand, command).await {
        Ok(end) => end,
        // What follows from that is the task's to say.
        Err(Cut::Lost) => return,
        Err(Cut::Stopped) => match stopped(&errand, moves).await {
            Some(end) => end,
            None => return,
        },
        Err(Cut::Dark) => End::failed("light was switched off before it was done"),
        Err(Cut::Impossible(why)) => {
            let was_sent = errand.with(|state| {
                let mut open = state.desk.open();
                open.any(|(other, state)| other == id && state != CommandState::Queued)
            });
            match was_sent {
                true => End::failed(why),
                false => End::refused(why),
            }
        }
    };
    errand.with(|state| state.end(id, end.state, end.detail, end.after));
    errand.exchange.touch();
    errand.exchange.kick();
}

async fn script(errand: &Errand, command: Command) -> Result<End, Cut> {
    match command {
        Command::Refresh => look::refresh(errand).await,
        Command::Move { axis, target } => stage::move_axis(errand, &axis, target).await,
        Command::Home { axis } => stage::home(errand, axis.as_deref()).await,
        Command::SetLight { light, level, on } => light::set(errand, &light, level, on).await,
        Command::StartLiveView { protocol } => camera::start(errand, protocol.as_deref()).await,
        Command::StopLiveView => camera::stop(errand).await,
        Command::Snap { .. } => camera::snap(errand).await,
        Command::SetExposure { exposure, .. } => camera::expose(errand, exposure).await,
        Command::StartWorkflow { name, text } => workflow::start(errand, name, &text).await,
        Command::StopWorkflow => workflow::stop(errand).await,
        Command::SaveSettings { text, .. } => settings::save(errand, &text).await,
        Command::Raw { call, arguments } => raw::call(errand, &call, &arguments).await,
        other @ (Command::SetGain { .. }
        | Command::SetControl { .. }
        | Command::SetStream { .. }
        | Command::StartServerRecording { .. }
        | Command::StopServerRecording) => Ok(End::refused(format!(
            "{other}: this instrument has no such command"
        ))),
    }
}

/// A stop was pressed while it was under way. `None`: it was not sent, and has ended already.
async fn stopped(errand: &Errand, moves: bool) -> Option<End> {
    let id = errand.id?;
    let (_, found) = errand.with(|state| state.desk.open().find(|(other, _)| *other == id))?;
    if found == CommandState::Queued {
        return Some(End::refused("stop pressed"));
    }
    if moves {
        let calm = errand.calm();
        stage::all_rest(&calm).await.ok()?;
    }
    Some(End::new(CommandState::Stopped, "a stop was pressed").after(errand.positions()))
}
