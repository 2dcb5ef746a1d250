//! Commands for an instrument: what follows their word.

use std::path::PathBuf;

use super::error::PaletteError;
use super::line::{Line, first_word};
use super::names::{Names, leading, one_of, take};
use super::number::{self, Place};
use super::order::{CommandOrder, Order};
use super::vocabulary::Vocabulary;
use crate::model::{
    CameraControl, Command, CommandKind, ControlKind, Limits, PlainText, Target, Unit,
};

/// Understands what follows the word of a command of this kind.
pub(super) fn parse(
    kind: CommandKind,
    line: &Line<'_>,
    vocabulary: &Vocabulary,
) -> Result<Order, PaletteError> {
    let known = vocabulary.instrument(line.source.as_deref());
    let asked = Asked {
        verb: line.verb.name,
        rest: line.rest,
        names: Names::of(known),
    };
    let mut source = line.source.clone();
    let command = match kind {
        CommandKind::Refresh => {
            asked.source_behind(line.rest, &mut source, vocabulary)?;
            CommandOrder::Send(Command::Refresh)
        }
        CommandKind::Live => CommandOrder::Send(asked.live(&mut source, vocabulary)?),
        CommandKind::Move => CommandOrder::Send(asked.move_axis()?),
        CommandKind::Home => CommandOrder::Send(asked.home()?),
        CommandKind::Light => CommandOrder::Send(asked.light()?),
        CommandKind::Exposure => CommandOrder::Send(asked.exposure()?),
        CommandKind::Gain => CommandOrder::Send(asked.gain()?),
        CommandKind::Control => CommandOrder::Send(asked.control()?),
        CommandKind::Stream => CommandOrder::Send(asked.stream()?),
        CommandKind::Snap => CommandOrder::Send(Command::Snap {
            name: some(line.rest),
        }),
        CommandKind::ServerRecording => CommandOrder::Send(asked.server_recording()?),
        CommandKind::Workflow => asked.workflow()?,
        CommandKind::Settings => asked.settings()?,
        CommandKind::Raw => CommandOrder::Send(asked.raw()?),
    };
    Ok(Order::Command { source, command })
}

/// A command being understood.
struct Asked<'a> {
    verb: &'static str,
    rest: &'a str,
    names: Names,
}

impl<'a> Asked<'a> {
    fn move_axis(&self) -> Result<Command, PaletteError> {
        let verb = self.verb;
        // `x =-1.5mm` and `x=-1.5mm` are the same.
        let (named, exact) = match self.rest.split_once('=') {
            Some((named, to)) => (named.trim_end(), Some(to.trim_start())),
            None => (self.rest, None),
        };
        let (axis, behind) = take(verb, named, &self.names.axes)?;
        let units = self.names.units_of_axis(&axis);
        let unit = units.first().map_or("", |unit| unit.as_str());
        let example = format!("{verb} {axis} 1.5{unit}");
        let place = Place {
            verb,
            example: &example,
            units: &units,
        };
        let (way, number) = match (exact, Way::leading(behind)) {
            (Some(to), _) if behind.is_empty() => (Way::To, to),
            (Some(_), _) => return Err(place.surplus(behind)),
            (None, (way, number)) => (way, number),
        };
        if number.is_empty() {
            return Err(self.unfinished("where to", self.where_to(&axis, unit, &example)));
        }
        let quantity = place.only_quantity(number)?;
        let is_step = match way {
            Way::To => false,
            Way::By => true,
            Way::BySign => number.starts_with(['+', '-']),
        };
        Ok(Command::Move {
            axis: axis.into(),
            target: if is_step {
                Target::By(quantity)
            } else {
                Target::To(quantity)
            },
        })
    }

    fn where_to(&self, axis: &str, unit: &str, example: &str) -> String {
        let limits = self.names.state.axis(axis).and_then(|axis| axis.limits);
        let room = match limits {
            Some(Limits { min, max }) => format!("; it may go from {min} to {max} {unit}"),
            None => String::new(),
        };
        format!(
            "{example}, or {verb} {axis} +1{unit} for a step{room}",
            verb = self.verb
        )
    }

    fn home(&self) -> Result<Command, PaletteError> {
        if self.rest.is_empty() {
            return Ok(Command::Home { axis: None });
        }
        let (axis, rest) = take(self.verb, self.rest, &self.names.axes)?;
        self.nothing(
            rest,
            &format!("{} {axis}, or {} for all", self.verb, self.verb),
        )?;
        let axis = Some(axis.into());
        Ok(Command::Home { axis })
    }

    fn light(&self) -> Result<Command, PaletteError> {
        let verb = self.verb;
        let (light, behind) = take(verb, self.rest, &self.names.lights)?;
        let example = format!("{verb} {light} 5%, {verb} {light} on or {verb} {light} off");
        let place = Place {
            verb,
            example: &example,
            units: &[Unit::Percent],
        };
        if behind.is_empty() {
            return Err(self.unfinished("how bright", example));
        }
        let (level, switch) = match switched(behind) {
            Some(on) => (None, Some(on)),
            None => {
                let (level, rest) = place.quantity(behind)?;
                if level.value < 0.0 {
                    return Err(place.wrong(behind, "less than dark"));
                }
                match (rest, switched(rest)) {
                    ("", _) => (Some(level), None),
                    (_, Some(on)) => (Some(level), Some(on)),
                    (surplus, None) => return Err(place.surplus(surplus)),
                }
            }
        };
        Ok(Command::SetLight {
            light: light.into(),
            level,
            on: switch,
        })
    }

    fn exposure(&self) -> Result<Command, PaletteError> {
        let example = format!("{} 20ms", self.verb);
        let place = Place {
            verb: self.verb,
            example: &example,
            units: number::TIMES,
        };
        let (camera, number) = self.camera_and_number()?;
        if number.is_empty() {
            return Err(self.unfinished("how long", example));
        }
        let exposure = place.only_quantity(number)?;
        Ok(Command::SetExposure { camera, exposure })
    }

    fn gain(&self) -> Result<Command, PaletteError> {
        let example = format!("{} 2", self.verb);
        let place = Place {
            verb: self.verb,
            example: &example,
            units: &[],
        };
        let (camera, number) = self.camera_and_number()?;
        if number.is_empty() {
            return Err(self.unfinished("how much", example));
        }
        let gain = place.only_quantity(number)?.value;
        Ok(Command::SetGain { camera, gain })
    }

    fn control(&self) -> Result<Command, PaletteError> {
        let names = &self.names;
        // A camera is named in front only where what follows is a control too.
        let camera = leading(self.rest, &names.cameras).filter(|(_, behind)| {
            leading(self.rest, &names.controls).is_none()
                || leading(behind.trim(), &names.controls).is_some()
        });
        let (camera, behind) = match camera {
            Some((camera, behind)) => (Some(camera), behind.trim()),
            None => (None, self.rest),
        };
        let (control, value) = take(self.verb, behind, &names.controls)?;
        let known = names.control(camera, &control);
        let is_pressed = known.is_some_and(|known| known.kind == ControlKind::Press);
        if value.is_empty() && !is_pressed {
            let takes = known.map_or_else(|| "VALUE".to_owned(), CameraControl::takes);
            let example = format!("{} {control} and {takes}", self.verb);
            return Err(self.unfinished("which value", example));
        }
        Ok(Command::SetControl {
            camera: camera.map(PlainText::from),
            control: control.into(),
            value: value.into(),
        })
    }

    /// The camera, if one is named, and what follows it.
    fn camera_and_number(&self) -> Result<(Option<PlainText>, &'a str), PaletteError> {
        // A camera may be called 2, and then only what follows tells it from a number.
        let named = leading(self.rest, &self.names.cameras);
        if let Some((camera, behind)) = named
            && !behind.trim().is_empty()
        {
            return Ok((Some(camera.into()), behind.trim()));
        }
        if self.rest.is_empty() || number::leading(self.rest).is_some() {
            return Ok((None, self.rest));
        }
        let (camera, behind) = take(self.verb, self.rest, &self.names.cameras)?;
        Ok((Some(camera.into()), behind))
    }

    fn live(
        &self,
        source: &mut Option<String>,
        vocabulary: &Vocabulary,
    ) -> Result<Command, PaletteError> {
        let (is_start, behind) = self.start_or_stop()?;
        if !is_start {
            self.source_behind(behind, source, vocabulary)?;
            return Ok(Command::StopLiveView);
        }
        let protocols = &self.names.protocols;
        let found = protocols.iter().find(|p| p.eq_ignore_ascii_case(behind));
        if let Some(protocol) = found {
            let protocol = Some(protocol.as_str().into());
            return Ok(Command::StartLiveView { protocol });
        }
        if protocols.is_empty() && vocabulary.sources.is_empty() {
            let protocol = some(behind);
            return Ok(Command::StartLiveView { protocol });
        }
        let behind_error = |error: PaletteError| match error {
            PaletteError::UnknownName { verb, got, known } => PaletteError::UnknownName {
                verb,
                got,
                known: protocols.iter().cloned().chain(known).collect(),
            },
            other => other,
        };
        self.source_behind(behind, source, vocabulary)
            .map_err(behind_error)?;
        Ok(Command::StartLiveView { protocol: None })
    }

    fn stream(&self) -> Result<Command, PaletteError> {
        let (parameter, value) = take(self.verb, self.rest, &self.names.parameters)?;
        if value.is_empty() {
            let example = format!("{} {parameter} VALUE", self.verb);
            return Err(self.unfinished("which value", example));
        }
        Ok(Command::SetStream {
            parameter: parameter.into(),
            value: value.into(),
        })
    }

    fn server_recording(&self) -> Result<Command, PaletteError> {
        let (is_start, behind) = self.start_or_stop()?;
        if is_start {
            return Ok(Command::StartServerRecording { name: some(behind) });
        }
        self.nothing(behind, "server-recording stop")?;
        Ok(Command::StopServerRecording)
    }

    fn workflow(&self) -> Result<CommandOrder, PaletteError> {
        let (is_start, behind) = self.start_or_stop()?;
        if is_start {
            let path = self.file(behind, "workflow start FILE")?;
            return Ok(CommandOrder::StartWorkflow { path });
        }
        self.nothing(behind, "workflow stop")?;
        Ok(CommandOrder::Send(Command::StopWorkflow))
    }

    fn settings(&self) -> Result<CommandOrder, PaletteError> {
        let (word, behind) = first_word(self.rest);
        one_of(self.verb, word, &["save".to_owned()])?;
        let path = self.file(behind, "settings save FILE")?;
        Ok(CommandOrder::SaveSettings { path })
    }

    fn raw(&self) -> Result<Command, PaletteError> {
        let (call, mut rest) = first_word(self.rest);
        if call.is_empty() {
            let example = "raw CALL NAME=VALUE, as the instrument has it".to_owned();
            return Err(self.unfinished("which call", example));
        }
        let mut arguments = Vec::new();
        while !rest.is_empty() {
            let (name, value, behind) = pair(rest).ok_or_else(|| PaletteError::NotAPair {
                verb: self.verb,
                got: first_word(rest).0.to_owned(),
            })?;
            arguments.push((name.into(), value.into()));
            rest = behind;
        }
        Ok(Command::Raw {
            call: call.into(),
            arguments,
        })
    }

    fn start_or_stop(&self) -> Result<(bool, &'a str), PaletteError> {
        let (word, behind) = first_word(self.rest);
        let word = one_of(self.verb, word, &["start".to_owned(), "stop".to_owned()])?;
        Ok((word == "start", behind))
    }

    /// A source may also be named behind a word that takes no other argument.
    fn source_behind(
        &self,
        behind: &str,
        source: &mut Option<String>,
        vocabulary: &Vocabulary,
    ) -> Result<(), PaletteError> {
        if behind.is_empty() {
            return Ok(());
        }
        let named = one_of(self.verb, behind, &vocabulary.sources)?;
        if source.as_ref().is_some_and(|source| *source != named) {
            return self.nothing(behind, "one source alone");
        }
        *source = Some(named);
        Ok(())
    }

    /// A file; quotes around it do not belong to its name.
    fn file(&self, written: &str, example: &str) -> Result<PathBuf, PaletteError> {
        let inner = written.strip_prefix('"').and_then(|w| w.strip_suffix('"'));
        match inner.unwrap_or(written) {
            "" => Err(self.unfinished("which file", example.to_owned())),
            path => Ok(PathBuf::from(path)),
        }
    }

    fn nothing(&self, surplus: &str, example: &str) -> Result<(), PaletteError> {
        if surplus.is_empty() {
            return Ok(());
        }
        Err(PaletteError::Surplus {
            verb: self.verb,
            got: surplus.to_owned(),
            example: example.to_owned(),
        })
    }

    fn unfinished(&self, question: &str, example: String) -> PaletteError {
        PaletteError::Unfinished {
            verb: self.verb,
            question: question.to_owned(),
            example,
        }
    }
}

/// How a target is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// A position, whatever its sign.
    To,
    /// A distance.
    By,
    /// A distance if it has a sign.
    BySign,
}

impl Way {
    /// The way that a text begins with, and the number behind it.
    pub fn leading(text: &str) -> (Self, &str) {
        match first_word(text) {
            ("to", number) => (Self::To, number),
            ("by", number) => (Self::By, number),
            _ => (Self::BySign, text),
        }
    }
}

fn some(text: &str) -> Option<PlainText> {
    (!text.is_empty()).then(|| text.into())
}

fn switched(word: &str) -> Option<bool> {
    match word {
        "on" => Some(true),
        "off" => Some(false),
        _ => None,
    }
}

/// `NAME=VALUE` at the beginning of a text, and what follows. A value in quotes ends at the quote
/// that a blank follows, so that JSON can stand in it.
fn pair(text: &str) -> Option<(&str, &str, &str)> {
    let (name, behind) = text.split_once('=')?;
    if name.is_empty() || name.contains(char::is_whitespace) {
        return None;
    }
    let Some(quoted) = behind.strip_prefix('"') else {
        let end = behind.find(char::is_whitespace).unwrap_or(behind.len());
        let (value, rest) = behind.split_at_checked(end)?;
        return Some((name, value, rest.trim_start()));
    };
    let closes = |(at, _): &(usize, &str)| {
        let rest = quoted.get(at + 1..).unwrap_or_default();
        rest.is_empty() || rest.starts_with(char::is_whitespace)
    };
    let (end, _) = quoted.match_indices('"').find(closes)?;
    Some((
        name,
        quoted.get(..end)?,
        quoted.get(end + 1..)?.trim_start(),
    ))
}
