//! What the instrument's settings say: where the stage may go, where home is, which lasers there
//! are.
//!
//! Source: protocol description, sections 11 and 12.3.

use std::fmt;

use super::light::Laser;
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

/// Where the stage may be sent, by [`Axis::index`]. An axis without limits may not be moved.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StageLimits(pub [Option<Interval>; 4]);

/// A target that is not allowed.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum LimitError {
    /// Nothing is known.
    #[error("the limits of {axis} are not known; it may not be moved")]
    Unknown {
        /// The axis.
        axis: Axis,
    },
    /// It is outside.
    #[error("{target} {} is outside the limits of {axis}; {allowed} {} is allowed", axis.unit(), axis.unit())]
    Outside {
        /// The axis.
        axis: Axis,
        /// Where it should go, in its unit.
        target: f64,
        /// Where it may go.
        allowed: Interval,
    },
}

/// One end of a range that would reach further than it did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Widening {
    /// The axis.
    pub axis: Axis,
    /// The range in force; `None` when no move was allowed.
    pub from: Option<Interval>,
    /// The range that would be.
    pub to: Interval,
}

impl fmt::Display for Widening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (axis, unit, to) = (self.axis, self.axis.unit(), self.to);
        match self.from {
            None => write!(
                f,
                "{axis} would be allowed {to} {unit} where no limits are known"
            ),
            Some(from) => {
                let mut ends = Vec::new();
                if to.min < from.min {
                    ends.push(format!("down to {} instead of {}", to.min, from.min));
                }
                if to.max > from.max {
                    ends.push(format!("up to {} instead of {}", to.max, from.max));
                }
                write!(f, "{axis} would be allowed {} {unit}", ends.join(" and "))
            }
        }
    }
}

impl StageLimits {
    /// Where an axis may be sent.
    pub fn of(&self, axis: Axis) -> Option<Interval> {
        self.0.get(axis.index()).copied().flatten()
    }

    /// Whether an axis may be sent there.
    ///
    /// # Errors
    /// Its limits are unknown or the target is outside; the error says what is allowed.
    pub fn check(&self, axis: Axis, target: f64) -> Result<(), LimitError> {
        let allowed = self.of(axis).ok_or(LimitError::Unknown { axis })?;
        if allowed.contains(target) {
            return Ok(());
        }
        Err(LimitError::Outside {
            axis,
            target,
            allowed,
        })
    }

    /// The axes that `other` would let go where these limits do not; empty when it only narrows
    /// them.
    pub fn widened_by(&self, other: &Self) -> Vec<Widening> {
        let widening = |axis: &Axis| {
            let to = other.of(*axis)?;
            let from = self.of(*axis);
            let is_inside = from.is_some_and(|from| to.min >= from.min && to.max <= from.max);
            (!is_inside).then_some(Widening {
                axis: *axis,
                from,
                to,
            })
        };
        Axis::ALL.iter().filter_map(widening).collect()
    }

    /// These limits narrowed by a local profile; an axis that it does not name keeps its own.
    ///
    /// # Errors
    /// The profile would widen them: every axis it does that for.
    pub fn narrowed(&self, profile: &Self) -> Result<Self, Vec<Widening>> {
        let widened = self.widened_by(profile);
        if !widened.is_empty() {
            return Err(widened);
        }
        let narrowed = |axis| profile.of(axis).or(self.of(axis));
        Ok(Self(Axis::ALL.map(narrowed)))
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

/// Lasers by keys such as `Laser 1 1: 405 nm MLE` or `Laser 1 405 nm`, in any section; the first
/// name that states a wavelength counts.
fn lasers(document: &Document) -> Vec<LaserName> {
    let mut found: Vec<LaserName> = Vec::new();
    for entry in document.all().flat_map(|section| section.entries()) {
        let Some(name) = laser_name(entry.key) else {
            continue;
        };
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
mod tests {
    use super::*;

    const TEXT: &str = include_str!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fixtures/flamingo/settings.txt"
    ));

    fn interval(min: f64, max: f64) -> Option<Interval> {
        Some(Interval::new(min, max).unwrap())
    }

    fn read(text: &str) -> Settings {
        Settings::read(&Document::parse(text.as_bytes()))
    }

    #[test]
    fn the_example_instrument_is_read() {
        let settings = read(TEXT);
        assert_eq!(settings.doubts, []);
        let x = settings.axis(Axis::X);
        assert_eq!(x.soft, interval(1.0, 15.0));
        assert_eq!(x.hard, interval(0.0, 26.0));
        assert_eq!((x.home, x.default_velocity), (Some(8.0), Some(1.0)));
        assert_eq!(settings.axis(Axis::R).allowed(), interval(-720.0, 720.0));
        let limits = settings.limits();
        assert_eq!(limits.check(Axis::X, 15.0), Ok(()));
        assert_eq!(
            limits.check(Axis::X, 15.5).unwrap_err().to_string(),
            "15.5 mm is outside the limits of x; 1 to 15 mm is allowed"
        );
        assert!(limits.check(Axis::X, f64::NAN).is_err());
        let lasers: Vec<(i32, Option<u32>)> = settings
            .lasers
            .iter()
            .map(|name| (name.laser.number(), name.wavelength_nm))
            .collect();
        assert_eq!(
            lasers,
            [
                (1, Some(405)),
                (2, Some(488)),
                (3, Some(561)),
                (4, Some(640))
            ]
        );
        assert_eq!(settings.lasers[0].name.as_str(), "Laser 1 1: 405 nm MLE");
    }

    #[test]
    fn an_axis_whose_limits_are_in_doubt_may_not_be_moved() {
        // (changed in the text, into, axis, what is said)
        let cases = [
            (
                "    Soft limit max y-axis = 25.0\n",
                "",
                Axis::Y,
                "\"Soft limit max y-axis\" is missing; y may not be moved",
            ),
            (
                "Soft limit max z-axis = 25.0",
                "Soft limit max z-axis = 25,0",
                Axis::Z,
                "\"Soft limit max z-axis\" is \"25,0\", not a number",
            ),
            (
                "Soft limit max x-axis = 15.0",
                "Soft limit max x-axis = -15.0",
                Axis::X,
                "the soft limits of x run from 1 to -15; x may not be moved",
            ),
        ];
        for (from, into, axis, want) in cases {
            assert!(TEXT.contains(from), "{from}");
            let settings = read(&TEXT.replace(from, into));
            let said: Vec<String> = settings.doubts.iter().map(Doubt::to_string).collect();
            assert_eq!(said.len(), 1, "{said:?}");
            assert!(said[0].ends_with(want), "{said:?}");
            assert_eq!(settings.axis(axis).allowed(), None);
            assert_eq!(
                settings.limits().check(axis, 12.0),
                Err(LimitError::Unknown { axis })
            );
            let others = Axis::ALL.into_iter().filter(|other| *other != axis);
            assert!(
                others
                    .into_iter()
                    .all(|other| settings.axis(other).soft.is_some())
            );
        }
        let nothing = read("");
        assert_eq!(
            nothing.doubts[0].to_string(),
            "there is no <Stage limits>; nothing may be moved"
        );
        assert_eq!(nothing.limits(), StageLimits::default());
    }

    #[test]
    fn hard_limits_narrow_soft_ones_and_do_not_replace_them() {
        let tight = read(&TEXT.replace(
            "Hard limit max x-axis = 26.0",
            "Hard limit max x-axis = 10.0",
        ));
        assert_eq!(tight.axis(Axis::X).allowed(), interval(1.0, 10.0));
        let only_hard = AxisSettings {
            hard: interval(0.0, 26.0),
            ..AxisSettings::default()
        };
        assert_eq!(only_hard.allowed(), None);
        let apart = AxisSettings {
            soft: interval(0.0, 1.0),
            hard: interval(2.0, 3.0),
            ..AxisSettings::default()
        };
        assert_eq!(apart.allowed(), None);
    }

    #[test]
    fn a_file_that_widens_limits_is_named_axis_by_axis() {
        let limits = read(TEXT).limits();
        let mut profile = StageLimits::default();
        assert_eq!(limits.narrowed(&profile), Ok(limits));
        profile.0[0] = interval(2.0, 14.0);
        let narrowed = limits.narrowed(&profile).unwrap();
        assert_eq!(narrowed.of(Axis::X), interval(2.0, 14.0));
        assert_eq!(narrowed.of(Axis::Y), limits.of(Axis::Y));

        profile.0[1] = interval(4.0, 26.0);
        profile.0[2] = interval(11.0, 25.5);
        let said: Vec<String> = limits
            .narrowed(&profile)
            .unwrap_err()
            .iter()
            .map(Widening::to_string)
            .collect();
        assert_eq!(
            said,
            [
                "y would be allowed down to 4 instead of 5 and up to 26 instead of 25 mm",
                "z would be allowed up to 25.5 instead of 25 mm",
            ]
        );
        let unknown = StageLimits::default();
        let said = unknown.widened_by(&limits)[3].to_string();
        assert_eq!(
            said,
            "r would be allowed -720 to 720 ° where no limits are known"
        );
    }

    #[test]
    fn lasers_are_known_by_their_keys() {
        let cases = [
            ("Laser 1 1: 405 nm MLE", Some((1, Some(405)))),
            ("Laser 3 488 nm", Some((3, Some(488)))),
            ("Laser 4: 640 nm", Some((4, Some(640)))),
            ("Laser 2", Some((2, None))),
            ("Laser 5", None),
            ("Laser power", None),
            ("LED selection", None),
        ];
        for (key, want) in cases {
            let found = laser_name(key).map(|name| (name.laser.number(), name.wavelength_nm));
            assert_eq!(found, want, "{key}");
        }
    }
}
