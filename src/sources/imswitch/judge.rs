//! Whether a command is done: by what its answer says, by what was read after it, by where an axis
//! rests. An answer alone proves only what it says itself.

use serde_json::Value;

use super::inventory::Inventory;
use super::motion::{Aim, RunEnd};
use super::script::Goal;
use crate::model::{CommandState, PlainText, Quantity, Unit};
use crate::protocol::imswitch::equipment;
use crate::protocol::imswitch::rest::{self, StartAnswer};

/// What became of a command, with the words for it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Verdict {
    pub(super) state: CommandState,
    pub(super) detail: PlainText,
}

impl Verdict {
    fn done(detail: impl Into<PlainText>) -> Self {
        Self {
            state: CommandState::Done,
            detail: detail.into(),
        }
    }

    fn failed(detail: impl Into<PlainText>) -> Self {
        Self {
            state: CommandState::Failed,
            detail: detail.into(),
        }
    }

    /// A stop ended it.
    fn stopped(detail: impl Into<PlainText>) -> Self {
        Self {
            state: CommandState::Stopped,
            detail: detail.into(),
        }
    }

    /// The server took it, and nothing can prove more.
    pub(super) fn taken(detail: impl Into<PlainText>) -> Self {
        Self {
            state: CommandState::Acknowledged,
            detail: detail.into(),
        }
    }

    fn done_if(done: bool, detail: String) -> Self {
        match done {
            true => Self::done(detail),
            false => Self::failed(detail),
        }
    }
}

/// The verdict on calls that were all answered at `since_ns` or later; `None` for runs of axes,
/// which end by themselves. `unread` is why something could not be read back.
pub(super) fn of_answers(
    goal: &Goal,
    answers: &[Value],
    inventory: &Inventory,
    since_ns: u64,
    unread: Option<&str>,
) -> Option<Verdict> {
    let answer = answers.last().unwrap_or(&Value::Null);
    Some(match goal {
        Goal::Runs(_) => return None,
        Goal::Light { .. } | Goal::Exposure { .. } | Goal::Gain { .. } | Goal::Recording(_) => {
            of_state(goal, inventory, since_ns).unwrap_or_else(|| {
                let why = unread.unwrap_or("this release does not tell");
                Verdict::taken(format!("taken, and not read back: {why}"))
            })
        }
        Goal::Matrix { .. } => Verdict::taken("taken; an LED matrix cannot be read back"),
        Goal::LiveStarted => of_start(answer),
        Goal::LiveStopped(detectors) => {
            let names: Vec<&str> = detectors.iter().map(String::as_str).collect();
            Verdict::done(format!("live view stopped{}", of(&names.join(", "))))
        }
        Goal::Stream(asked) => match asked.held(answer) {
            Some(held) => {
                let same = same_value(held, &asked.value);
                Verdict::done_if(same, format!("{} is {held}", asked.parameter))
            }
            None => Verdict::taken("taken; the answer does not hold the new value"),
        },
        Goal::Picture => match equipment::file(answer) {
            Some(path) => Verdict::done(path),
            None => Verdict::taken("taken; the answer does not say where the picture is"),
        },
        Goal::Answer => Verdict::taken(short(answer)),
    })
}

fn of_start(answer: &Value) -> Verdict {
    match rest::start_answer(answer) {
        StartAnswer::Started { detector } => {
            let detector = detector.unwrap_or_default();
            Verdict::done(format!("live view started{}", of(&detector)))
        }
        StartAnswer::AlreadyRunning { protocol } => Verdict::failed(format!(
            "a live view runs already ({protocol}); left as it is"
        )),
        StartAnswer::LongExposure { message } => {
            Verdict::failed(format!("the live view was not started: {message}"))
        }
        // The releases before 2.1.134 answer nothing.
        StartAnswer::Other(status) if status.is_empty() => {
            Verdict::taken("live view started; this release does not tell whether it runs")
        }
        StartAnswer::Other(status) => Verdict::failed(format!(
            "the live view was not started: status \"{status}\""
        )),
    }
}

/// The camera whose live view an answer says was started; empty for the only one of old releases.
pub(super) fn started(answer: &Value) -> Option<String> {
    match rest::start_answer(answer) {
        StartAnswer::Started { detector } => Some(detector.unwrap_or_default()),
        StartAnswer::Other(status) if status.is_empty() => Some(String::new()),
        _ => None,
    }
}

/// Of the verdicts on several axes the worst, with the words of both.
pub(super) fn worse(before: Option<Verdict>, verdict: Verdict) -> Verdict {
    let Some(before) = before else {
        return verdict;
    };
    let badness = |verdict: &Verdict| match verdict.state {
        CommandState::Done => 0,
        CommandState::Acknowledged => 1,
        _ => 2,
    };
    let state = match badness(&before) > badness(&verdict) {
        true => before.state,
        false => verdict.state,
    };
    let detail = format!("{}; {}", before.detail, verdict.detail).into();
    Verdict { state, detail }
}

/// The verdict by what was read at `since_ns` or later; `None` if nothing was.
pub(super) fn of_state(goal: &Goal, inventory: &Inventory, since_ns: u64) -> Option<Verdict> {
    match goal {
        Goal::Light { light, level, on } => {
            let (place, _, known) = inventory.light(light)?;
            let shown = inventory.shown().lights.get(place)?;
            let fresh = (level.is_none() || known.level_ns >= since_ns)
                && (on.is_none() || known.on_ns >= since_ns);
            if !fresh {
                return None;
            }
            let width = shown.range.map_or(0.0, |range| range.max - range.min);
            let level_is_so = level.is_none_or(|asked| {
                // Some devices round to whole numbers.
                let close = |got: f64| (got - asked).abs() <= width * 0.001 || got == asked.round();
                shown.level.is_some_and(close)
            });
            let on_is_so = on.is_none_or(|asked| shown.on == Some(asked));
            let mut words = vec![format!("{} reads", shown.name)];
            words.extend(
                shown
                    .level
                    .map(|level| Quantity::new(level, shown.unit).to_string()),
            );
            words.extend(shown.on.map(|on| if on { "on" } else { "off" }.to_owned()));
            Some(Verdict::done_if(level_is_so && on_is_so, words.join(" ")))
        }
        Goal::Exposure { camera, ms } => {
            let (place, _, known) = inventory.camera(camera.as_deref())?;
            let shown = inventory.shown().cameras.get(place)?;
            let got = shown
                .exposure_ms
                .filter(|_| known.exposure_ns >= since_ns)?;
            // Cameras round to what their clocks can do.
            let close = (got - ms).abs() <= (ms * 0.01).max(0.05);
            let text = format!("{} reads {got} ms", shown.name);
            Some(Verdict::done_if(close, text))
        }
        Goal::Gain { camera, gain } => {
            let (place, _, known) = inventory.camera(camera.as_deref())?;
            let shown = inventory.shown().cameras.get(place)?;
            let got = shown.gain.filter(|_| known.gain_ns >= since_ns)?;
            let close = (got - gain).abs() <= gain.abs() * 0.01 + 0.01;
            let text = format!("{} reads gain {got}", shown.name);
            Some(Verdict::done_if(close, text))
        }
        Goal::Recording(asked) => {
            let (on, at_ns) = inventory.recording()?;
            let text = match on {
                true => "the server records",
                false => "the server does not record",
            };
            (at_ns >= since_ns).then(|| Verdict::done_if(on == *asked, text.to_owned()))
        }
        _ => None,
    }
}

/// The verdict on a move whose axis rests.
pub(super) fn of_move(axis: &str, end: RunEnd) -> Verdict {
    let at = um(end.at_um);
    let Aim::To { um: target, .. } = end.aim else {
        return Verdict::taken(format!("{axis} rests at {at}"));
    };
    match (end.arrived, end.stopped) {
        (true, _) => Verdict::done(format!("{axis} is at {at}")),
        (false, true) => Verdict::stopped(format!("{axis} stands at {at}")),
        (false, false) => {
            Verdict::failed(format!("{axis} stands at {at} and not at {}", um(target)))
        }
    }
}

/// The verdict on homing whose axis rests at `at_um`.
///
/// - `cancelled`: whether the server said how the run ended
/// - `homed`: whether it says now, and did not say before, that it was homed
pub(super) fn of_home(axis: &str, end: RunEnd, cancelled: Option<bool>, homed: bool) -> Verdict {
    let at = um(end.at_um);
    match (cancelled, end.stopped) {
        (_, true) => Verdict::stopped(format!("{axis} stands at {at}")),
        (Some(true), _) => Verdict::failed(format!("homing was cancelled; {axis} stands at {at}")),
        (Some(false), _) => Verdict::done(format!("homed; {axis} is at {at}")),
        (None, _) if homed => Verdict::done(format!("homed; {axis} is at {at}")),
        (None, _) => Verdict::taken(format!(
            "taken, and nothing says that it is homed; {axis} rests at {at}"
        )),
    }
}

/// A position with what it can be read to.
fn um(value: f64) -> Quantity {
    Quantity::new((value * 1e3).round() / 1e3, Unit::Micrometre)
}

fn same_value(held: &Value, asked: &Value) -> bool {
    match (held.as_f64(), asked.as_f64()) {
        (Some(held), Some(asked)) => held == asked,
        _ => held == asked,
    }
}

/// An answer on one line.
fn short(answer: &Value) -> String {
    const MOST: usize = 200;
    let text = answer.to_string();
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{} …", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// ` of NAME`, nothing for no name.
fn of(name: &str) -> String {
    match name {
        "" => String::new(),
        name => format!(" of {name}"),
    }
}
