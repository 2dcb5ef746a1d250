//! What may be sent to an instrument as it is known now. Used by the app, for a sentence at once,
//! and by the source right before it sends, which counts.

use super::camera_control::control_value;
use crate::model::{
    Activity, Axis, Command, CommandKind, Instrument, Light, Limits, Motion, PlainText, Quantity,
    Target, Unit,
};

/// Why a command is not sent. The sentence says what would be allowed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// A stop holds.
    #[error("{command}: a stop holds; :clear lets commands pass again")]
    Stopped {
        /// What was asked.
        command: PlainText,
    },
    /// The instrument has no such thing.
    #[error("{kind}: this instrument offers {}", list(.offers))]
    NotOffered {
        /// What was asked.
        kind: &'static str,
        /// What it offers.
        offers: Vec<&'static str>,
    },
    /// Nothing of that name.
    #[error("there is no {what} \"{got}\"; there is {}", list(.known))]
    NoSuch {
        /// Axis, light or camera.
        what: &'static str,
        /// What was written.
        got: PlainText,
        /// What there is.
        known: Vec<String>,
    },
    /// The number is none.
    #[error("{what}: {got} is not a number that can be sent")]
    NotFinite {
        /// What it is for.
        what: PlainText,
        /// What was written.
        got: f64,
    },
    /// The unit measures something else.
    #[error("{what} is in {wanted}: {got} does not fit; write {example}")]
    WrongUnit {
        /// What it is for.
        what: PlainText,
        /// The unit it has.
        wanted: &'static str,
        /// What was written.
        got: Quantity,
        /// For example.
        example: String,
    },
    /// Where it stands is not known.
    #[error("{axis}: its position is not known; it is read back, try again")]
    PositionUnknown {
        /// The axis.
        axis: PlainText,
    },
    /// How far it may go is not known.
    #[error(
        "{axis}: its limits are not known; write limits = {{ {axis} = [MIN, MAX] }} ({unit}) to its source in the configuration"
    )]
    LimitsUnknown {
        /// The axis.
        axis: PlainText,
        /// Their unit.
        unit: &'static str,
    },
    /// It is on its way already.
    #[error("{axis} is moving: one move for an axis at a time; wait until it rests, or stop it")]
    Moving {
        /// The axis.
        axis: PlainText,
    },
    /// Too far.
    #[error("{axis} may go from {} to {} {unit}; {target} {unit} is outside", .limits.min, .limits.max)]
    OutsideLimits {
        /// The axis.
        axis: PlainText,
        /// Where it was to go.
        target: f64,
        /// Where it may go.
        limits: Limits,
        /// The unit of all three.
        unit: &'static str,
    },
    /// Too much or too little.
    #[error("{what} takes {} to {} {unit}; {got} is outside", .range.min, .range.max)]
    OutsideRange {
        /// What.
        what: PlainText,
        /// What was written, in `unit`.
        got: f64,
        /// What it takes.
        range: Limits,
        /// The unit.
        unit: &'static str,
    },
    /// Nothing that a control takes.
    #[error("{control} takes {takes}; \"{got}\" is not that")]
    NotTaken {
        /// The control.
        control: PlainText,
        /// What was written.
        got: PlainText,
        /// What it takes.
        takes: String,
    },
    /// It may never be set.
    #[error("{control} can only be read")]
    ReadOnly {
        /// The control.
        control: PlainText,
    },
    /// Another control has it.
    #[error("{control} is not in force now{}", automatic(.by))]
    Inactive {
        /// The control.
        control: PlainText,
        /// Automatic controls that may have it.
        by: Vec<PlainText>,
    },
    /// A workflow has the instrument.
    #[error("{command}: a workflow runs; :workflow stop ends it, and refresh and stop still go")]
    WorkflowRuns {
        /// What was asked.
        command: PlainText,
    },
    /// Nothing is known of the instrument, or there is no connection.
    #[error("{command}: not connected; commands are taken when the link stands again")]
    NotConnected {
        /// What was asked.
        command: PlainText,
    },
    /// A name that could leave its folder.
    #[error(
        "{what}: \"{got}\" is no plain name; take letters, digits, -, _ and ., without a folder"
    )]
    NotAName {
        /// What for.
        what: &'static str,
        /// What was written.
        got: PlainText,
    },
    /// The instrument's own rules.
    #[error("{0}")]
    Other(PlainText),
}

fn automatic(by: &[PlainText]) -> String {
    match by {
        [] => ": the camera minds it itself".to_owned(),
        by => {
            let names: Vec<&str> = by.iter().map(PlainText::as_str).collect();
            format!(": set {} by hand first", names.join(" or "))
        }
    }
}

pub(super) fn list<T: AsRef<str>>(words: &[T]) -> String {
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    match words.as_slice() {
        [] => "none".to_owned(),
        [only] => (*only).to_owned(),
        [head @ .., last] => format!("{} and {last}", head.join(", ")),
    }
}

/// Whether `command` may be sent to `instrument` as it is known now.
///
/// # Errors
/// Why not, and what would be allowed.
pub fn check(instrument: &Instrument, command: &Command, is_latched: bool) -> Result<(), Refusal> {
    if is_latched && !command.is_calming() {
        let command = words(command);
        return Err(Refusal::Stopped { command });
    }
    let kind = command.kind();
    if !instrument.offers.contains(&kind) && kind != CommandKind::Refresh {
        return Err(Refusal::NotOffered {
            kind: kind.as_str(),
            offers: instrument.offers.iter().map(|kind| kind.as_str()).collect(),
        });
    }
    if instrument.activity == Activity::Workflow && !passes_a_workflow(command) {
        let command = words(command);
        return Err(Refusal::WorkflowRuns { command });
    }
    match command {
        Command::Move { axis, target } => target_of(instrument, axis, *target).map(drop),
        Command::Home { axis: Some(name) } => find_axis(instrument, name).and_then(rests),
        Command::Home { axis: None } => instrument.axes.iter().try_for_each(rests),
        Command::SetLight { light, level, .. } => {
            let light = find_light(instrument, light)?;
            level.map_or(Ok(()), |level| level_of(light, level).map(drop))
        }
        Command::SetExposure { camera, exposure } => {
            let camera = find_camera(instrument, camera.as_ref())?;
            let what = PlainText::from("exposure");
            let ms = in_unit(&what, *exposure, Unit::Millisecond, "20ms")?;
            let least = ms > 0.0;
            let range = match camera.exposure_range_ms {
                None if least => None,
                range => Some(range.unwrap_or(Limits {
                    min: 0.001,
                    max: 1e6,
                })),
            };
            within(what, ms, range, "ms")
        }
        Command::SetGain { camera, gain } => {
            let camera = find_camera(instrument, camera.as_ref())?;
            let what = PlainText::from("gain");
            finite(&what, *gain)?;
            within(what, *gain, camera.gain_range, "")
        }
        Command::SetControl {
            camera,
            control,
            value,
        } => {
            let camera = find_camera(instrument, camera.as_ref())?;
            control_value(camera, control, value).map(drop)
        }
        Command::Snap { name: Some(name) } => plain_name("snap", name),
        Command::StartServerRecording { name: Some(name) } => plain_name("server-recording", name),
        _ => Ok(()),
    }
}

/// Where a move would end, in the axis' own unit.
///
/// # Errors
/// Why it may not be moved there.
pub fn target_of(instrument: &Instrument, name: &str, target: Target) -> Result<f64, Refusal> {
    let axis = find_axis(instrument, name)?;
    let (written, relative) = match target {
        Target::To(to) => (to, false),
        Target::By(by) => (by, true),
    };
    let unit = axis.unit;
    let example = format!("1{unit}");
    let value = in_unit(&axis.name, written, unit, &example)?;
    rests(axis)?;
    let position = axis.position.ok_or_else(|| Refusal::PositionUnknown {
        axis: axis.name.clone(),
    })?;
    let limits = axis.limits.ok_or_else(|| Refusal::LimitsUnknown {
        axis: axis.name.clone(),
        unit: unit.as_str(),
    })?;
    let target = if relative { position + value } else { value };
    // From outside the way back is always open, also in steps that do not reach the inside.
    let comes_nearer = (position > limits.max && (limits.min..=position).contains(&target))
        || (position < limits.min && (position..=limits.max).contains(&target));
    if limits.contain(target) || comes_nearer {
        return Ok(target);
    }
    Err(Refusal::OutsideLimits {
        axis: axis.name.clone(),
        target,
        limits,
        unit: unit.as_str(),
    })
}

/// A light's level in its own unit.
///
/// # Errors
/// It is outside of what the light takes.
pub fn level_of(light: &Light, level: Quantity) -> Result<f64, Refusal> {
    let what = PlainText::from(format!("light {}", light.name));
    finite(&what, level.value)?;
    let value = match (level.unit, light.unit, light.range) {
        (same, unit, _) if same == unit => level.value,
        (Unit::Percent, Unit::Raw, Some(range)) => {
            let percent = Limits {
                min: 0.0,
                max: 100.0,
            };
            within(what.clone(), level.value, Some(percent), "%")?;
            range.min + (range.max - range.min) * level.value / 100.0
        }
        // A bare number is in the light's own unit.
        (Unit::Raw, _, _) => level.value,
        (_, unit, _) => {
            return Err(Refusal::WrongUnit {
                what,
                wanted: match unit {
                    Unit::Raw => "its own number",
                    unit => unit.as_str(),
                },
                got: level,
                example: "5%".to_owned(),
            });
        }
    };
    within(what, value, light.range, light.unit.as_str())?;
    Ok(value)
}

fn passes_a_workflow(command: &Command) -> bool {
    matches!(command, Command::Refresh | Command::StopWorkflow)
}

fn words(command: &Command) -> PlainText {
    command.to_string().into()
}

fn rests(axis: &Axis) -> Result<(), Refusal> {
    let axis_name = axis.name.clone();
    match axis.motion {
        Motion::Settled => Ok(()),
        Motion::Moving => Err(Refusal::Moving { axis: axis_name }),
        Motion::Unknown => Err(Refusal::PositionUnknown { axis: axis_name }),
    }
}

fn in_unit(what: &PlainText, got: Quantity, unit: Unit, example: &str) -> Result<f64, Refusal> {
    finite(what, got.value)?;
    let value = match got.unit {
        // A bare number is in the unit that the thing has.
        Unit::Raw => Some(got.value),
        _ => got.in_unit(unit),
    };
    value.ok_or_else(|| Refusal::WrongUnit {
        what: what.clone(),
        wanted: unit.as_str(),
        got,
        example: example.to_owned(),
    })
}

fn finite(what: &PlainText, got: f64) -> Result<(), Refusal> {
    match got.is_finite() {
        true => Ok(()),
        false => Err(Refusal::NotFinite {
            what: what.clone(),
            got,
        }),
    }
}

pub(super) fn within(
    what: PlainText,
    got: f64,
    range: Option<Limits>,
    unit: &'static str,
) -> Result<(), Refusal> {
    match range {
        Some(range) if !range.contain(got) => Err(Refusal::OutsideRange {
            what,
            got,
            range,
            unit,
        }),
        _ => Ok(()),
    }
}

fn find_axis<'a>(instrument: &'a Instrument, name: &str) -> Result<&'a Axis, Refusal> {
    instrument.axis(name).ok_or_else(|| Refusal::NoSuch {
        what: "axis",
        got: name.into(),
        known: instrument.axes.iter().map(|a| a.name.to_string()).collect(),
    })
}

fn find_light<'a>(instrument: &'a Instrument, name: &str) -> Result<&'a Light, Refusal> {
    instrument.light(name).ok_or_else(|| Refusal::NoSuch {
        what: "light",
        got: name.into(),
        known: instrument
            .lights
            .iter()
            .map(|l| l.name.to_string())
            .collect(),
    })
}

fn find_camera<'a>(
    instrument: &'a Instrument,
    name: Option<&PlainText>,
) -> Result<&'a crate::model::Camera, Refusal> {
    let found = instrument.camera(name.map(PlainText::as_str));
    found.ok_or_else(|| Refusal::NoSuch {
        what: "camera",
        got: name.cloned().unwrap_or_else(|| "".into()),
        known: instrument
            .cameras
            .iter()
            .map(|c| c.name.to_string())
            .collect(),
    })
}

/// What names a file on the server's side.
fn plain_name(what: &'static str, name: &PlainText) -> Result<(), Refusal> {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    let is_plain =
        !name.is_empty() && name.len() <= 128 && !name.starts_with('.') && name.chars().all(plain);
    match is_plain {
        true => Ok(()),
        false => Err(Refusal::NotAName {
            what,
            got: name.clone(),
        }),
    }
}

#[cfg(test)]
mod tests;
