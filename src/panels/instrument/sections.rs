//! The tables of the panel: stage, light, camera. What leaves when there is little room is stated
//! in the columns; a number is there whole or not at all.

use std::time::Duration;

use super::KnownInstrument;
use super::figures::{Figures, fixed};
use crate::model::{Axis, Camera, ControlAccess, Evidence, Light, Motion, Stamp, Unit};
use crate::ui::table::{Cell, Column};
use crate::ui::text::width;
use crate::ui::{Role, number};

/// How long a changed value is marked.
const MARKED_FOR: Duration = Duration::from_secs(1);
/// Columns of an age.
pub(super) const AGE_WIDE: u16 = 6;
/// Blank columns between two columns of a table.
const GAP: u16 = 2;
/// Names are as wide as this in all tables, or as the widest up to [`NAMES_MOST`].
const NAMES_LEAST: u16 = 6;
const NAMES_MOST: u16 = 12;
/// Controls are called by longer names.
const CONTROLS_MOST: u16 = 26;

/// One table.
pub(super) struct Section {
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<Cell>>,
    /// For each row what its last column says, in words, for when that finds no room.
    pub asides: Vec<String>,
}

impl Section {
    /// The tables that have rows, for so many columns of cells.
    pub fn all(known: &KnownInstrument, at: Stamp, room: u16) -> Vec<Self> {
        let names = names_wide(known);
        [
            stage(known, names, at, room),
            light(known, names, at),
            camera(known, names),
            controls(known),
        ]
        .into_iter()
        .filter(|section| !section.rows.is_empty())
        .collect()
    }
}

/// Names of all tables begin and end in the same columns.
fn names_wide(known: &KnownInstrument) -> u16 {
    let state = &known.state;
    let axes = state.axes.iter().map(|axis| &axis.name);
    let lights = state.lights.iter().map(|light| &light.name);
    axes.chain(lights)
        .map(|name| width(name))
        .max()
        .unwrap_or(0)
        .clamp(NAMES_LEAST, NAMES_MOST)
}

fn names(title: &'static str, wide: u16) -> Column {
    Column {
        readable: wide.max(8),
        ..Column::name(title, wide.min(NAMES_LEAST), 0)
    }
}

/// The unit of all, to be said once; `None` if they differ and each has to say its own.
fn one_unit(mut units: impl Iterator<Item = Unit>) -> Option<Unit> {
    let first = units.next()?;
    units.all(|unit| unit == first).then_some(first)
}

/// How much of an axis's state there is room for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Words {
    /// How long it has been so, or where it is going.
    Age,
    /// Where it is going.
    Target,
    /// That it moves.
    State,
    /// A glyph.
    Glyph,
}

fn stage(known: &KnownInstrument, names_wide: u16, at: Stamp, room: u16) -> Section {
    let axes = || known.axes().map(|(axis, _)| axis);
    let figures = Figures::of(axes().flat_map(|axis| {
        let limits = axis.limits.map(|limits| [limits.min, limits.max]);
        let numbers = [axis.position, axis.target].into_iter().flatten();
        numbers
            .chain(limits.into_iter().flatten())
            .map(|value| (value, axis.unit))
    }));
    let unit = one_unit(axes().map(|axis| axis.unit));
    let units_wide = match unit {
        Some(_) => 0,
        None => {
            axes()
                .map(|axis| width(axis.unit.as_str()))
                .max()
                .unwrap_or(0)
                + GAP
        }
    };
    // With the mark of a change before it.
    let position_wide = figures.width() + 1;
    let state_wide = width("● settled");
    let target_wide = (width("▸ to ") + figures.width()).max(state_wide);
    let age_wide = target_wide.max(state_wide + 1 + AGE_WIDE);
    let before = NAMES_LEAST.min(names_wide) + GAP + position_wide + units_wide + GAP;
    let (words, state_wide) = match room.saturating_sub(before) {
        left if left >= age_wide => (Words::Age, age_wide),
        left if left >= target_wide => (Words::Target, target_wide),
        left if left >= state_wide => (Words::State, state_wide),
        _ => (Words::Glyph, 1),
    };
    let columns = vec![
        names("stage", names_wide),
        Column::number(unit.map_or("", Unit::as_str), position_wide, 0),
        Column::words("", units_wide.saturating_sub(GAP), units_wide),
        Column::words("", state_wide, state_wide),
        Column::number("limits", 6, 1),
    ];
    let limits = |axis: &Axis| {
        let text = number::measured;
        let limits = axis.limits?;
        Some(format!("{}..{}", text(limits.min), text(limits.max)))
    };
    let asides = axes().map(|axis| match limits(axis) {
        Some(limits) => format!("{} {limits} {}", axis.name, axis.unit)
            .trim_end()
            .to_owned(),
        None => String::new(),
    });
    let asides = asides.collect();
    let rows = known.axes().map(|(axis, times)| {
        let motion = known.motion(axis);
        let is_marked = motion != Motion::Unknown
            && times
                .changed
                .is_some_and(|changed| at.since(changed) < MARKED_FOR);
        let (mark, role) = match motion {
            Motion::Unknown => ("", Role::Held),
            _ if is_marked => ("▸", Role::Changed),
            _ => ("", Role::Value),
        };
        let position = match axis.position {
            Some(value) => format!("{mark}{}", figures.aligned(value, axis.unit)),
            None => figures.absent(),
        };
        let since = match motion {
            // As old as the last time that the instrument vouched for it.
            Motion::Unknown => times.said,
            _ => Some(times.since),
        };
        let since = since.map(|since| age(since, at));
        let (state, state_role) = motion_words(axis, motion, words, since.as_deref());
        let limits = limits(axis).unwrap_or_else(|| "?".to_owned());
        let own_unit = match unit {
            Some(_) => "",
            None => axis.unit.as_str(),
        };
        vec![
            Cell::new(axis.name.as_str(), Role::Text),
            Cell::new(position, role),
            Cell::new(own_unit, Role::Dim),
            Cell::new(state, state_role),
            Cell::new(limits, Role::Dim),
        ]
    });
    Section {
        asides,
        ..without_empty(columns, rows.collect())
    }
}

fn motion_words(axis: &Axis, motion: Motion, words: Words, since: Option<&str>) -> (String, Role) {
    let (glyph, role) = match motion {
        Motion::Settled => ("●", Role::Dim),
        Motion::Moving => ("▸", Role::Starting),
        Motion::Unknown => ("?", Role::Warning),
    };
    let text = match (words, motion, axis.target) {
        (Words::Glyph, _, _) => glyph.to_owned(),
        (Words::Age | Words::Target, Motion::Moving, Some(target)) => {
            format!("{glyph} to {}", fixed(target, axis.unit))
        }
        (Words::Age, Motion::Settled | Motion::Unknown, _) => {
            let age = since.unwrap_or("never");
            let wide = usize::from(AGE_WIDE);
            format!("{glyph} {} {age:>wide$}", motion.as_str())
        }
        _ => format!("{glyph} {}", motion.as_str()),
    };
    (text, role)
}

fn light(known: &KnownInstrument, names_wide: u16, at: Stamp) -> Section {
    let lights = || known.lights().map(|(light, _)| light);
    let figures = Figures::of(lights().flat_map(|light| {
        let most = light.range.map(|range| range.max);
        let numbers = [light.level, most].into_iter().flatten();
        numbers.map(|value| (value, light.unit))
    }));
    let unit = one_unit(lights().map(|light| light.unit));
    let columns = vec![
        names("light", names_wide),
        Column::number(unit.map_or("", Unit::as_str), figures.width() + 1, 0),
        Column::words("", 0, 4),
        Column::words("", 9, 9),
        Column::name("", 7, 1),
        Column::name("", 0, 2),
    ];
    let rows = known.lights().map(|(light, times)| {
        let evidence = known.evidence(light);
        let is_marked = evidence != Evidence::None
            && times
                .changed
                .is_some_and(|changed| at.since(changed) < MARKED_FOR);
        let (mark, role) = match evidence {
            Evidence::None => ("", Role::Held),
            _ if is_marked => ("▸", Role::Changed),
            _ => ("", Role::Value),
        };
        let level = match light.level {
            Some(value) => format!("{mark}{}", figures.aligned(value, light.unit)),
            None => figures.absent(),
        };
        let (state, state_role) = light_words(light, evidence);
        let (rests_on, rests_role) = match (evidence, known.is_current()) {
            (Evidence::Read, _) => ("read", Role::Dim),
            (Evidence::Assumed, _) => ("assumed", Role::Text),
            (Evidence::None, _) => ("", Role::Dim),
        };
        let label = match light.label.as_str() {
            label if label == light.name.as_str() => "",
            label => label,
        };
        let own_unit = match unit {
            Some(_) => "",
            None => light.unit.as_str(),
        };
        vec![
            Cell::new(light.name.as_str(), Role::Text),
            Cell::new(level, role),
            Cell::new(own_unit, Role::Dim),
            Cell::new(state, state_role),
            Cell::new(rests_on, rests_role),
            Cell::new(label, Role::Dim),
        ]
    });
    without_empty(columns, rows.collect())
}

/// Light on the sample is worth a look; so is not to know.
fn light_words(light: &Light, evidence: Evidence) -> (&'static str, Role) {
    match (evidence, light.on) {
        (_, None) => ("? unknown", Role::Warning),
        (Evidence::None, Some(true)) => ("? was ON", Role::Warning),
        (Evidence::None, Some(false)) => ("? was off", Role::Warning),
        (_, Some(true)) => ("● ON", Role::Warning),
        (_, Some(false)) => ("○ off", Role::Dim),
    }
}

fn camera(known: &KnownInstrument, names_wide: u16) -> Section {
    let is_current = known.is_current();
    let cameras = &known.state.cameras;
    let exposures = cameras.iter().filter_map(|camera| camera.exposure_ms);
    let exposures = Figures::of(exposures.map(|ms| (ms, Unit::Raw)));
    let gains = cameras.iter().filter_map(|camera| camera.gain);
    let gains = Figures::of(gains.map(|gain| (gain, Unit::Raw)));
    let columns = vec![
        names("camera", names_wide),
        Column::number("ms", 6, 1),
        Column::number("gain", 4, 2),
        Column::words("", 9, 9),
    ];
    let role = match is_current {
        true => Role::Value,
        false => Role::Held,
    };
    let cell = |figures: &Figures, value: Option<f64>| match value {
        Some(value) => Cell::new(figures.aligned(value, Unit::Raw), role),
        None => Cell::new(figures.absent(), Role::Dim),
    };
    let rows = cameras.iter().map(|camera: &Camera| {
        let (state, state_role) = match camera.streaming.filter(|_| is_current) {
            Some(true) => ("● live", Role::Dim),
            Some(false) => ("○ off", Role::Dim),
            None => ("? unknown", Role::Warning),
        };
        vec![
            Cell::new(camera.name.as_str(), Role::Text),
            cell(&exposures, camera.exposure_ms),
            cell(&gains, camera.gain),
            Cell::new(state, state_role),
        ]
    });
    Section {
        columns,
        rows: rows.collect(),
        asides: Vec::new(),
    }
}

/// What else can be set of the cameras, at the end: there may be many of them.
fn controls(known: &KnownInstrument) -> Section {
    let controls = known
        .state
        .cameras
        .iter()
        .flat_map(|camera| &camera.controls);
    let widest = controls.clone().map(|control| width(&control.name)).max();
    let columns = vec![
        names("control", widest.unwrap_or(0).min(CONTROLS_MOST)),
        Column::words("", 6, 16),
        Column::name("", 0, 2),
        Column::name("", 0, 1),
    ];
    let role = match known.is_current() {
        true => Role::Value,
        false => Role::Held,
    };
    let rows = controls.map(|control| {
        let value = control.value.map(|value| control.words(value));
        let access = match control.access {
            ControlAccess::Free => "",
            other => other.as_str(),
        };
        vec![
            Cell::new(control.name.as_str(), Role::Text),
            Cell::new(value.unwrap_or_default(), role),
            Cell::new(access, Role::Dim),
            Cell::new(control.takes(), Role::Dim),
        ]
    });
    without_empty(columns, rows.collect())
}

/// A column in which nothing stands takes no room, unless it has a heading.
fn without_empty(columns: Vec<Column>, mut rows: Vec<Vec<Cell>>) -> Section {
    let keep: Vec<bool> = columns
        .iter()
        .enumerate()
        .map(|(index, column)| {
            let is_said =
                |row: &Vec<Cell>| row.get(index).is_some_and(|cell| !cell.text.is_empty());
            !column.title.is_empty() || column.least > 0 || rows.iter().any(is_said)
        })
        .collect();
    for row in &mut rows {
        let mut kept = keep.iter();
        row.retain(|_| kept.next().copied().unwrap_or(false));
    }
    let columns = columns.into_iter().zip(keep);
    Section {
        columns: columns
            .filter_map(|(column, keep)| keep.then_some(column))
            .collect(),
        rows,
        asides: Vec::new(),
    }
}

/// Ages below a second would only flicker.
pub(super) fn age(then: Stamp, now: Stamp) -> String {
    match now.since(then) {
        age if age < Duration::from_secs(1) => "<1 s".to_owned(),
        age => number::age(age),
    }
}
