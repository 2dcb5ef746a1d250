//! What the instrument's settings say: where the stage may go, where home is, which lasers there
//! are.
//!
//! Source: protocol description, sections 11 and 12.3.

use std::fmt;

use super::light::Laser;
use super::limits::StageLimits;
use super::stage::{Axis, Interval};
use super::text::{Document, Oddity, Section};
use crate::model::PlainText;

/// The section that holds limits.
const STAGE: &str = "Stage limits";

/// The settings as far as they are understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// By [`Axis::index`].
    pub axes: [AxisSettings; 4],
    /// The lasers that are named, by number.
    pub lasers: Vec<LaserName>,
    /// What is wrong with the text, for the journal.
    pub doubts: Vec<Doubt>,
}

/// What is known of one axis, in its unit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct AxisSettings {
    /// Where commands may send it.
    pub soft: Option<Interval>,
    /// Where it can be at all.
    pub hard: Option<Interval>,
    /// Where home is.
    pub home: Option<f64>,
    /// Its velocity, units per second.
    pub default_velocity: Option<f64>,
}

/// A laser by what the settings call it.
#[derive(Clone, Debug, PartialEq)]
pub struct LaserName {
    /// Which.
    pub laser: Laser,
    /// Its wavelength, nm, where the name states one.
    pub wavelength_nm: Option<u32>,
    /// The name in the settings, e.g. `Laser 1 1: 405 nm MLE`.
    pub name: PlainText,
}

/// Something in the settings that cannot be used.
#[derive(Clone, Debug, PartialEq)]
pub enum Doubt {
    /// There is no section with limits.
    NoLimits,
    /// A limit of an axis is not there.
    Missing {
        /// The axis.
        axis: Axis,
        /// The key that is missing.
        key: String,
    },
    /// A value is no number.
    NoNumber {
        /// Its line, from 1.
        line: usize,
        /// Its key.
        key: String,
        /// What stands there.
        value: PlainText,
    },
    /// The lower limit is above the upper.
    Reversed {
        /// The axis.
        axis: Axis,
        /// `Soft` or `Hard`.
        kind: &'static str,
        /// The lower limit.
        min: f64,
        /// The upper one.
        max: f64,
    },
    /// The line is not as the syntax has it.
    Line(Oddity),
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoLimits => write!(f, "there is no <{STAGE}>; nothing may be moved"),
            Self::Missing { axis, key } => {
                write!(f, "\"{key}\" is missing; {axis} may not be moved")
            }
            Self::NoNumber { line, key, value } => {
                write!(f, "line {line}: \"{key}\" is \"{value}\", not a number")
            }
            Self::Reversed {
                axis,
                kind,
                min,
                max,
            } => write!(
                f,
                "the {} limits of {axis} run from {min} to {max}; {axis} may not be moved",
                kind.to_ascii_lowercase()
            ),
            Self::Line(oddity) => oddity.fmt(f),
        }
    }
}

impl Settings {
    /// Reads what is understood; the rest is doubted, and an axis whose limits are in doubt has
    /// none.
    pub fn read(document: &Document) -> Self {
        let mut reader = Reader {
            section: document.find(STAGE),
            doubts: Vec::new(),
        };
        if reader.section.is_none() {
            reader.doubts.push(Doubt::NoLimits);
        }
        let axes = Axis::ALL.map(|axis| AxisSettings {
            soft: reader.interval("Soft", axis, true),
            hard: reader.interval("Hard", axis, false),
            home: reader.number(&format!("Home {axis}-axis")),
            default_velocity: reader.number(&format!("Default velocity {axis}-axis")),
        });
        let oddities = document.oddities().iter().cloned().map(Doubt::Line);
        reader.doubts.extend(oddities);
        Self {
            axes,
            lasers: lasers(document),
            doubts: reader.doubts,
        }
    }

    /// What is known of one axis.
    pub fn axis(&self, axis: Axis) -> AxisSettings {
        self.axes.get(axis.index()).copied().unwrap_or_default()
    }

    /// Where the stage may be sent.
    pub fn limits(&self) -> StageLimits {
        StageLimits(self.axes.map(|axis| axis.allowed()))
    }
}

impl AxisSettings {
    /// Where the axis may be sent: within its soft limits and, where they are known, its hard
    /// ones. `None` forbids any move: the soft limits are unknown, or nothing is within both.
    pub fn allowed(&self) -> Option<Interval> {
        match (self.soft, self.hard) {
            (Some(soft), Some(hard)) => soft.intersection(&hard),
            (soft, None) => soft,
            (None, Some(_)) => None,
        }
    }
}

struct Reader<'a> {
    section: Option<Section<'a>>,
    doubts: Vec<Doubt>,
}

impl Reader<'_> {
    /// `KIND limit min x-axis` and its upper end.
    fn interval(&mut self, kind: &'static str, axis: Axis, needed: bool) -> Option<Interval> {
        let section = self.section?;
        let [min, max] = ["min", "max"].map(|end| {
            let key = format!("{kind} limit {end} {axis}-axis");
            if needed && section.get(&key).is_none() {
                self.doubts.push(Doubt::Missing {
                    axis,
                    key: key.clone(),
                });
            }
            self.number(&key)
        });
        let (min, max) = min.zip(max)?;
        let interval = Interval::new(min, max);
        if interval.is_none() {
            self.doubts.push(Doubt::Reversed {
                axis,
                kind,
                min,
                max,
            });
        }
        interval
    }

    /// A number; what is there and is none is doubted.
    fn number(&mut self, key: &str) -> Option<f64> {
        let entry = self.section?.get(key)?;
        let number = entry.number();
        if number.is_none() {
            self.doubts.push(Doubt::NoNumber {
                line: entry.line,
                key: key.to_owned(),
                value: PlainText::from_peer(&entry.value()),
            });
        }
        number
    }
}

/// Lasers by keys such as `Laser 1 1: 405 nm MLE`, `Laser 1 405 nm` or, with the number as their
/// value, `Laser 1 wave length (nm)`, in any section; the first that states a wavelength counts.
fn lasers(document: &Document) -> Vec<LaserName> {
    let mut found: Vec<LaserName> = Vec::new();
    for entry in document.all().flat_map(|section| section.entries()) {
        let Some(mut name) = laser_name(entry.key) else {
            continue;
        };
        if entry.key.ends_with("wave length (nm)") {
            let number = entry.number().filter(|nm| (100.0..10_000.0).contains(nm));
            name.wavelength_nm = number.map(|nm| nm.round() as u32);
        }
        match found.iter_mut().find(|other| other.laser == name.laser) {
            None => found.push(name),
            Some(known) if known.wavelength_nm.is_none() && name.wavelength_nm.is_some() => {
                *known = name;
            }
            Some(_) => {}
        }
    }
    found.sort_by_key(|name| name.laser);
    found
}

fn laser_name(key: &str) -> Option<LaserName> {
    let rest = key.strip_prefix("Laser ")?;
    let (number, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let laser = Laser::from_number(number.trim_end_matches(':').parse().ok()?)?;
    let before_unit = rest.split_once(" nm").map(|(before, _)| before);
    let wavelength_nm = before_unit
        .and_then(|before| before.rsplit([' ', ':']).next())
        .and_then(|digits| digits.parse().ok());
    Some(LaserName {
        laser,
        wavelength_nm,
        name: PlainText::from_peer(key),
    })
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
mod tests;
