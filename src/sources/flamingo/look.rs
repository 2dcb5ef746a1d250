//! Looking at the instrument: when a connection opens, when asked to, and from time to time.
//! Nothing here changes anything.

use std::time::Duration;

use tokio::time::Instant;

use super::errand::{Answer, Cut, End, Errand, said};
use super::exchange::{Goal, State};
use super::known::Known;
use super::orders::light;
use crate::model::{Activity, CommandState, FaultKind, LinkState, Severity, WorkflowState};
use crate::protocol::flamingo::reply::{self, ReplyError};
use crate::protocol::flamingo::{Axis, Command, Laser, Message, Request};

/// Between two questions for the state while a workflow is to begin or to end.
const NEAR_POLL: Duration = Duration::from_secs(2);

/// Unanswered questions for the state after which a server counts as hung.
const HUNG_AFTER: u32 = 3;

/// How long an axis that does not rest, or does not say where it is, is left alone.
const UNSEEN: Duration = Duration::from_secs(5);

/// How long an axis is looked at before it is given up for a while.
const LOOK: Duration = Duration::from_secs(10);

/// Reads everything once, in the order of the description, and says when that is done.
pub(super) async fn opening(errand: Errand) -> Result<(), Cut> {
    let state = Request::plain(errand.profile(), Command::SystemStateGet)?
        .with_timeout(errand.exchange.options.patience.alive);
    let answer = errand.ask(state).await?;
    let is_alive = match answer {
        Answer::Taken(message) => take_state(&errand, &message),
        _ => errand.with(|state| state.is_alive),
    };
    if !is_alive {
        let patience = errand.exchange.options.patience.alive.as_secs_f64();
        errand.with(|state| {
            state.give_up = Some(format!(
                "accepts connections and answers nothing for {patience} s: is the control program running?"
            ));
        });
        errand.exchange.kick();
        // The task ends the connection, and with it this.
        return errand.until::<()>(None, |_| None).await.map(drop);
    }
    errand.with(|state| {
        let now = state.now();
        state.outbox.link(now, LinkState::Live);
    });
    errand.exchange.kick();
    all(&errand).await?;
    errand.with(|state| state.is_read = true);
    errand.exchange.touch();
    verdicts(&errand).await
}

/// Reads everything again for who asked.
pub(super) async fn refresh(errand: &Errand) -> Result<End, Cut> {
    let state = Request::plain(errand.profile(), Command::SystemStateGet)?;
    let mut silent = Vec::new();
    match errand.send(state, Goal::Nothing).await? {
        Answer::Taken(message) => {
            take_state(errand, &message);
        }
        _ => silent.push("the state"),
    }
    silent.extend(all(errand).await?);
    Ok(match silent.as_slice() {
        [] => End::done(),
        some => End::failed(format!("no usable answer for {}", some.join(", "))),
    }
    .after(errand.positions()))
}

/// Everything but the state. Returns what was not answered.
async fn all(errand: &Errand) -> Result<Vec<&'static str>, Cut> {
    let mut silent = Vec::new();
    let in_workflow = errand.with(|s| s.known.instrument.activity == Activity::Workflow);
    // The answer comes as an event, which is taken in for everybody.
    read(
        errand,
        Command::SettingsLoad,
        "the settings",
        &mut silent,
        |_, message| reply::settings(message).map(drop),
    )
    .await?;
    read(
        errand,
        Command::PixelFieldOfViewGet,
        "the pixel size",
        &mut silent,
        |known, message| {
            // Millimetres.
            known.pixel_size_um = reply::pixel_size_mm(message)?.map(|mm| mm * 1000.0);
            Ok(())
        },
    )
    .await?;
    read(
        errand,
        Command::ImageSizeGet,
        "the image size",
        &mut silent,
        |known, message| {
            // While the camera is idle it may say nothing; what was known holds.
            if let Some(size) = reply::image_size(message)? {
                known.set_value("camera/width", i64::from(size.width_px), "px");
                known.set_value("camera/height", i64::from(size.height_px), "px");
                if let Some(um) = size.pitch_um {
                    known.set_value("camera/pixel pitch", um, "um");
                }
            }
            Ok(())
        },
    )
    .await?;
    read(
        errand,
        Command::ExposureGet,
        "the exposure",
        &mut silent,
        |known, message| {
            known.set_exposure_us(reply::exposure_us(message)?);
            Ok(())
        },
    )
    .await?;
    for axis in Axis::ALL {
        let Some(position) = errand.position(axis).await? else {
            silent.push(match axis {
                Axis::X => "the position of x",
                Axis::Y => "the position of y",
                Axis::Z => "the position of z",
                Axis::R => "the position of r",
            });
            continue;
        };
        errand.with(|state| settle_at_first_sight(state, axis, position));
    }
    if in_workflow {
        // A server that runs one is not to be asked more than is needed.
        return Ok(silent);
    }
    for laser in Laser::ALL {
        // A laser that is not there declines; its answer is taken in as an event.
        let request = Request::laser_level(errand.profile(), laser)?;
        errand.ask(request).await?;
    }
    if let Ok(request) = Request::plain(errand.profile(), Command::StoragePathGet)
        && let Answer::Taken(message) = errand.ask(request).await?
        && let Ok(paths) = reply::storage_paths(&message)
    {
        let paths: Vec<&str> = paths.iter().map(|path| path.as_str()).collect();
        let paths = crate::model::PlainText::from(paths.join(", "));
        errand.with(|state| state.known.set_value("server/storage", paths, ""));
        errand.exchange.kick();
    }
    Ok(silent)
}

/// One answer is enough where nothing is known to have moved the axis.
fn settle_at_first_sight(state: &mut State, axis: Axis, position: f64) {
    use crate::model::Motion;
    let is_moving = state
        .known
        .axis(axis)
        .is_some_and(|axis| axis.motion == Motion::Moving);
    let is_wanted = |goal: &Goal| matches!(goal, Goal::At(other, _) if *other == axis);
    let is_open = state.open_goals().any(is_wanted);
    let in_workflow = state.known.instrument.activity == Activity::Workflow;
    if !is_moving && !is_open && !in_workflow {
        let now = state.now().mono_ns;
        state.known.set_settled(axis, position, now);
    }
}

/// Asks one question, takes the answer in, and notes what was not answered.
async fn read(
    errand: &Errand,
    command: Command,
    what: &'static str,
    silent: &mut Vec<&'static str>,
    take: impl FnOnce(&mut Known, &Message) -> Result<(), ReplyError>,
) -> Result<(), Cut> {
    let Ok(request) = Request::plain(errand.profile(), command) else {
        // The server has no such command.
        return Ok(());
    };
    let Some(message) = errand.question(request).await? else {
        silent.push(what);
        errand.with(|state| {
            let text = format!("{what}: no answer; refresh asks again");
            state.fault(FaultKind::Timeout, Severity::Warning, text);
        });
        return Ok(());
    };
    errand.with(|state| {
        if let Err(error) = take(&mut state.known, &message) {
            silent.push(what);
            state.fault(FaultKind::Peer, Severity::Warning, said(what, &error));
        }
    });
    errand.exchange.kick();
    Ok(())
}

/// Takes in an answer to the question for the state. Whether it was one.
pub(super) fn take_state(errand: &Errand, message: &Message) -> bool {
    let found = reply::system_state(message, errand.profile());
    errand.with(|state| match found {
        Ok(found) => state.take_state(found),
        Err(error) => state.fault(FaultKind::Peer, Severity::Warning, error.to_string()),
    });
    errand.exchange.touch();
    errand.exchange.kick();
    true
}

/// Asks for the state from time to time, for as long as the connection lasts.
pub(super) async fn poll(errand: Errand) -> Result<(), Cut> {
    let mut unanswered = 0;
    loop {
        let usual = errand.exchange.options.patience.state_poll;
        let is_near = |state: &mut State| {
            let workflow = state.known.workflow_state();
            workflow == Some(WorkflowState::Starting) || state.known.stop_asked
        };
        let near = errand.with(is_near);
        let time = if near { NEAR_POLL.min(usual) } else { usual };
        let end = Instant::now() + time;
        // A workflow that is started or stopped meanwhile is looked after sooner.
        let woken = |state: &mut State| (is_near(state) && !near).then_some(());
        errand.until(Some(end), woken).await?;
        if unanswered == 0 && errand.with(is_near) && !near {
            continue;
        }
        let request = Request::plain(errand.profile(), Command::SystemStateGet)?;
        match errand.ask(request).await? {
            Answer::Taken(message) => {
                take_state(&errand, &message);
                if unanswered > 0 {
                    errand.with(|state| {
                        let now = state.now();
                        state.outbox.link(now, LinkState::Live);
                    });
                    unanswered = 0;
                }
            }
            Answer::Declined(why) => errand.with(|state| {
                let text = format!("the state: {why}");
                state.fault(FaultKind::Peer, Severity::Warning, text);
            }),
            _ => {
                unanswered += 1;
                not_answered(&errand, unanswered);
            }
        }
        errand.exchange.kick();
    }
}

fn not_answered(errand: &Errand, unanswered: u32) {
    errand.with(|state| {
        // A server that runs a workflow may be too busy to answer.
        if state.known.instrument.activity == Activity::Workflow {
            return;
        }
        if unanswered >= HUNG_AFTER {
            state.give_up = Some(format!(
                "{unanswered} questions for the state in a row were not answered: the server hangs; connecting again"
            ));
            return;
        }
        let now = state.now();
        let missing = format!("no answer to {unanswered} questions for the state");
        let missing = missing.into();
        state.outbox.link(now, LinkState::Stale { missing });
    });
}

/// Looks at axes that somebody else moves, or that were halted, until they rest; for as long as the
/// connection lasts.
pub(super) async fn steward(errand: Errand) -> Result<(), Cut> {
    const GLANCE: Duration = Duration::from_millis(250);
    loop {
        let due = |state: &mut State| {
            let now = state.now().mono_ns;
            state
                .known
                .to_look_at(now)
                .filter(|_| state.is_read || state.is_alive)
        };
        // Nothing tells when updates cease, so it is asked from time to time.
        let later = errand.with(|state| state.known.may_have_to_look());
        let deadline = later.then(|| Instant::now() + GLANCE);
        let Some(axis) = errand.until(deadline, due).await? else {
            continue;
        };
        let rest = errand.rest(axis, Instant::now() + LOOK).await?;
        errand.exchange.kick();
        errand.exchange.touch();
        if rest.is_none() {
            errand.pause(UNSEEN).await?;
        }
    }
}

/// Asks what the instrument is doing, some times if need be. Whether it was answered.
pub(super) async fn ask_state(errand: &Errand) -> Result<bool, Cut> {
    let request = Request::plain(errand.profile(), Command::SystemStateGet)?;
    Ok(match errand.question(request).await? {
        Some(message) => take_state(errand, &message),
        None => false,
    })
}

/// Reads back what became of the commands that a lost connection has left open.
pub(super) async fn verdicts(errand: &Errand) -> Result<(), Cut> {
    while let Some((id, goal)) = errand.with(|state| state.undecided()) {
        let end = verdict(errand, goal).await?;
        errand.with(|state| state.end(id, end.state, end.detail, end.after));
        errand.exchange.kick();
    }
    Ok(())
}

/// What became of a command, by what can be read now.
pub(super) async fn verdict(errand: &Errand, goal: Goal) -> Result<End, Cut> {
    match goal {
        Goal::At(axis, target) => at(errand, axis, target).await,
        Goal::Level(laser, percent) => light::level_end(errand, laser, percent).await,
        Goal::WorkflowRuns(_) => Ok(match errand.with(|s| s.known.workflow_state()) {
            Some(WorkflowState::Running) => End::new(CommandState::Done, "it runs"),
            // It may have begun and ended while nobody was connected.
            _ => End::new(
                CommandState::Unknown,
                "nothing runs now; whether it ran is not known",
            ),
        }),
        Goal::NoWorkflow => Ok(match errand.with(|s| s.known.instrument.activity) {
            Activity::Workflow => End::failed("the workflow still runs"),
            _ => End::new(CommandState::Done, "no workflow runs"),
        }),
        Goal::Live(on) => {
            let runs = errand.with(|s| s.known.instrument.activity == Activity::LiveView);
            Ok(match (on, runs) {
                (true, true) => End::new(CommandState::Done, "the live view runs"),
                (false, false) => End::new(CommandState::Done, "no live view runs"),
                (true, false) => End::failed("no live view runs"),
                (false, true) => End::failed("the live view still runs"),
            })
        }
        Goal::Settings(text) => Ok(match errand.with(|s| s.known.settings_text == text) {
            true => End::new(CommandState::Done, "the settings read back are these"),
            false => End::failed("the settings read back are others"),
        }),
        Goal::Nothing => Ok(End::new(
            CommandState::Unknown,
            "it cannot be read back; look at the instrument",
        )),
    }
}

/// Whether an axis rests where it was to go.
pub(super) async fn at(errand: &Errand, axis: Axis, target: f64) -> Result<End, Cut> {
    let patience = errand.exchange.options.patience.motion;
    let unit = axis.unit();
    let rest = errand.rest(axis, Instant::now() + patience).await?;
    let end = match rest {
        Some(position) if (position - target).abs() <= axis.tolerance() => End::new(
            CommandState::Done,
            format!("{axis} rests at {position} {unit}"),
        ),
        Some(position) => End::failed(format!(
            "{axis} rests at {position} {unit}, not at {target} {unit}"
        )),
        None => {
            errand.with(|state| state.known.look_at(axis));
            End::new(
                CommandState::Unknown,
                format!("{axis} does not come to rest, or its position is not told"),
            )
        }
    };
    Ok(end.after(errand.positions()))
}
