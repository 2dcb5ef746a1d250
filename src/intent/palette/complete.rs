//! Whole lines that a beginning may become.

use super::line::{address, without_colon};
use super::look;
use super::names::{Names, leading};
use super::number;
use super::replay;
use super::verbs::{Takes, VERBS, find};
use super::vocabulary::Vocabulary;
use crate::model::{CameraControl, CommandKind, ControlKind, PictureFormat, Unit};

/// Whole lines that `line` may become, in the order of the table. Only what the addressed
/// instrument offers is among them; a number is completed by the units that fit.
pub fn completions(line: &str, vocabulary: &Vocabulary) -> Vec<String> {
    let line = without_colon(line);
    let (source, before, body) = match address(line) {
        None => (None, String::new(), line),
        Some((name, body)) => match vocabulary.source(name) {
            None => return Vec::new(),
            Some(source) => (Some(source), format!("{source}:"), body),
        },
    };
    let Some((word, rest)) = body.split_once(char::is_whitespace) else {
        let mut lines = words(body, source, vocabulary);
        if source.is_none() && vocabulary.sources.len() > 1 {
            let address = |source: &String| format!("{source}:");
            lines.extend(among(body, vocabulary.sources.iter().map(address)));
        }
        return lines.iter().map(|line| format!("{before}{line}")).collect();
    };
    let Some(verb) = find(word) else {
        return Vec::new();
    };
    let names = Names::of(vocabulary.instrument(source));
    arguments(verb.takes, rest.trim_start(), &names, vocabulary)
        .iter()
        .map(|rest| format!("{before}{word} {rest}"))
        .collect()
}

/// Verbs that begin like this; a blank follows where an argument may.
fn words(begun: &str, source: Option<&str>, vocabulary: &Vocabulary) -> Vec<String> {
    VERBS
        .iter()
        .filter(|verb| verb.name.starts_with(begun) && vocabulary.shows(verb, source))
        .map(|verb| match verb.is_bare() {
            true => verb.name.to_owned(),
            false => format!("{} ", verb.name),
        })
        .collect()
}

/// What may follow a verb instead of `rest`.
fn arguments(takes: Takes, rest: &str, names: &Names, vocabulary: &Vocabulary) -> Vec<String> {
    let list = |known: &[String]| among(rest, known.iter().cloned());
    match takes {
        Takes::Screen => list(&vocabulary.screens),
        Takes::Sort => list(&vocabulary.columns),
        Takes::Theme => list(&vocabulary.themes),
        Takes::Graphics => list(&vocabulary.graphics),
        Takes::Camera => list(&vocabulary.cameras),
        Takes::Look(which) => list(&look::choices(which, vocabulary)),
        Takes::Save => among(rest, PictureFormat::ALL.map(PictureFormat::as_str)),
        Takes::Replay(which) => among(rest, replay::choices(which)),
        Takes::Control => among(rest, ["off"]),
        Takes::Stop => among(rest, ["safe"]),
        Takes::Jog => with_units(rest, number::DISTANCES),
        Takes::Instrument(kind) => of_instrument(kind, rest, names, vocabulary),
        Takes::Record
        | Takes::StopRecording
        | Takes::BlackBox
        | Takes::Clear
        | Takes::Filter
        | Takes::Freeze
        | Takes::Help
        | Takes::Quit => Vec::new(),
    }
}

fn of_instrument(
    kind: CommandKind,
    rest: &str,
    names: &Names,
    vocabulary: &Vocabulary,
) -> Vec<String> {
    let camera_then = |units: &[Unit]| {
        let mut lines = name_then(rest, &names.cameras, |_, number| with_units(number, units));
        lines.extend(with_units(rest, units));
        lines
    };
    match kind {
        CommandKind::Refresh => among(rest, &vocabulary.sources),
        CommandKind::Home => among(rest, &names.axes),
        CommandKind::Move => name_then(rest, &names.axes, |axis, behind| {
            position(behind, &names.units_of_axis(axis))
        }),
        CommandKind::Light => name_then(rest, &names.lights, |_, behind| level(behind)),
        CommandKind::Exposure => camera_then(number::TIMES),
        CommandKind::Gain => camera_then(&[]),
        CommandKind::Control => {
            let values = |camera: Option<&str>, text: &str| {
                name_then(text, &names.controls, |control, typed| {
                    control_values(names.control(camera, control), typed)
                })
            };
            let of_camera = |camera: &str, behind: &str| values(Some(camera), behind);
            let mut lines = name_then(rest, &names.cameras, of_camera);
            lines.extend(values(None, rest));
            lines
        }
        CommandKind::Live => match rest.split_once(char::is_whitespace) {
            None => among(rest, ["start", "stop"]),
            Some((which, behind)) => {
                let protocols = names.protocols.iter().filter(|_| which == "start");
                let offered = protocols.chain(&vocabulary.sources);
                let lines = among(behind.trim_start(), offered);
                lines.iter().map(|line| format!("{which} {line}")).collect()
            }
        },
        CommandKind::Stream => name_then(rest, &names.parameters, |_, _| Vec::new()),
        CommandKind::ServerRecording => among(rest, ["start", "stop"]),
        CommandKind::Workflow => among(rest, ["start ", "stop"]),
        CommandKind::Settings => among(rest, ["save "]),
        CommandKind::Snap | CommandKind::Raw => Vec::new(),
    }
}

/// What a control may be set to, where there is a list of it.
fn control_values(control: Option<&CameraControl>, typed: &str) -> Vec<String> {
    match control.map(|control| (control.kind, &control.choices)) {
        Some((ControlKind::Switch, _)) => among(typed, ["on", "off"]),
        Some((ControlKind::Choice, choices)) => {
            among(typed, choices.iter().map(|choice| choice.name.as_str()))
        }
        Some((ControlKind::Number | ControlKind::Press, _)) | None => Vec::new(),
    }
}

/// Those of `known` that begin as typed; capitals do not matter.
fn among<T: AsRef<str>>(typed: &str, known: impl IntoIterator<Item = T>) -> Vec<String> {
    let typed = typed.to_lowercase();
    known
        .into_iter()
        .filter(|name| name.as_ref().to_lowercase().starts_with(&typed))
        .map(|name| name.as_ref().to_owned())
        .collect()
}

/// A name, and behind it what `behind` makes of the rest.
fn name_then(
    rest: &str,
    known: &[String],
    behind: impl Fn(&str, &str) -> Vec<String>,
) -> Vec<String> {
    let mut lines = among(rest, known);
    lines.iter_mut().for_each(|name| name.push(' '));
    // While nothing is known any word may be the name.
    let word = || {
        rest.find(char::is_whitespace)
            .and_then(|at| rest.split_at_checked(at))
    };
    let found = match known.is_empty() {
        true => word(),
        false => leading(rest, known),
    };
    if let Some((name, typed)) = found
        && !typed.is_empty()
    {
        let tails = behind(name, typed.trim_start());
        lines.extend(tails.iter().map(|tail| format!("{name} {tail}")));
    }
    lines
}

/// Where an axis is to go, with or without the word that says how it is meant.
fn position(typed: &str, units: &[Unit]) -> Vec<String> {
    let begins = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.');
    let start = typed.find(begins).unwrap_or(typed.len());
    match typed.split_at_checked(start) {
        Some((way, number)) if matches!(way.trim_end(), "" | "to" | "by" | "=") => {
            let lines = with_units(number, units);
            lines.iter().map(|line| format!("{way}{line}")).collect()
        }
        _ => Vec::new(),
    }
}

/// A level and a switch.
fn level(typed: &str) -> Vec<String> {
    let mut lines = among(typed, ["on", "off"]);
    lines.extend(with_units(typed, &[Unit::Percent]));
    if let Some((level, word)) = typed.rsplit_once(char::is_whitespace)
        && number::leading(level).is_some()
    {
        let switches = among(word, ["on", "off"]);
        lines.extend(switches.iter().map(|switch| format!("{level} {switch}")));
    }
    lines
}

/// A number with each unit that begins as typed. Nanometres are understood, and seldom meant.
fn with_units(typed: &str, units: &[Unit]) -> Vec<String> {
    let Some((number, behind)) = number::leading(typed) else {
        return Vec::new();
    };
    let begun = behind.trim_start();
    let blanks = behind.strip_suffix(begun).unwrap_or_default();
    let begun = begun.replace(['µ', 'μ'], "u");
    units
        .iter()
        .filter(|unit| {
            **unit != Unit::Nanometre || !begun.is_empty() || units.first() == Some(unit)
        })
        .filter(|unit| unit.as_str().starts_with(&begun))
        .map(|unit| format!("{number}{blanks}{unit}"))
        .collect()
}
