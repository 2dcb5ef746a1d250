//! The four axes, the ranges they may move in, and positions as text.
//!
//! Source: protocol description, section 11.

use std::fmt;

/// One axis of the stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Axis {
    /// Horizontal, mm. The camera shows it mirrored.
    X,
    /// Vertical, mm.
    Y,
    /// Along the detection axis, mm.
    Z,
    /// Rotation, degrees, not wrapped.
    R,
}

impl Axis {
    /// All of them, by number.
    pub const ALL: [Self; 4] = [Self::X, Self::Y, Self::Z, Self::R];

    /// The number on the wire, 1 to 4.
    pub fn number(self) -> i32 {
        match self {
            Self::X => 1,
            Self::Y => 2,
            Self::Z => 3,
            Self::R => 4,
        }
    }

    /// The axis with this number on the wire.
    pub fn from_number(number: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|axis| axis.number() == number)
    }

    /// Its place in arrays of four.
    pub fn index(self) -> usize {
        match self {
            Self::X => 0,
            Self::Y => 1,
            Self::Z => 2,
            Self::R => 3,
        }
    }

    /// Its letter in settings and in commands.
    pub fn letter(self) -> &'static str {
        match self {
            Self::X => "x",
            Self::Y => "y",
            Self::Z => "z",
            Self::R => "r",
        }
    }

    /// The unit of its positions.
    pub fn unit(self) -> &'static str {
        match self {
            Self::R => "°",
            _ => "mm",
        }
    }

    /// How near to its target the axis counts as arrived, in its unit.
    pub fn tolerance(self) -> f64 {
        match self {
            Self::R => 0.01,
            _ => 0.002,
        }
    }
}

impl fmt::Display for Axis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.letter())
    }
}

/// From where to where an axis may go; both ends are allowed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The lowest position.
    pub min: f64,
    /// The highest.
    pub max: f64,
}

impl Interval {
    /// `None` unless both are numbers and `min` is not above `max`.
    pub fn new(min: f64, max: f64) -> Option<Self> {
        (min.is_finite() && max.is_finite() && min <= max).then_some(Self { min, max })
    }

    /// Whether a position is inside. NaN is not.
    pub fn contains(&self, position: f64) -> bool {
        position >= self.min && position <= self.max
    }

    /// What is in both; `None` when nothing is.
    pub fn intersection(&self, other: &Self) -> Option<Self> {
        Self::new(self.min.max(other.min), self.max.min(other.max))
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.min, self.max)
    }
}

/// The positions in the text of an update: lines `1=8.032`, `2=…`. An axis that is not named or
/// whose value is no number is `None`.
pub fn positions_in(text: &str) -> [Option<f64>; 4] {
    let mut positions = [None; 4];
    for line in text.lines() {
        let Some((number, value)) = line.split_once('=') else {
            continue;
        };
        let axis = number.trim().parse().ok().and_then(Axis::from_number);
        let value = value.trim().parse().ok().filter(|v: &f64| v.is_finite());
        if let (Some(axis), Some(value)) = (axis, value)
            && let Some(place) = positions.get_mut(axis.index())
        {
            *place = Some(value);
        }
    }
    positions
}

/// Whether a text names a position at all. A message with such a text is an update, never the
/// answer to a question.
pub fn names_positions(text: &str) -> bool {
    text.lines().any(|line| {
        let name = line.split_once('=').map(|(number, _)| number.trim());
        matches!(name, Some("1" | "2" | "3" | "4"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_read_line_by_line() {
        let cases = [
            ("", [None; 4], false),
            (
                "1=8.032000\n2=23.898000\n3=19.753000\n",
                [Some(8.032), Some(23.898), Some(19.753), None],
                true,
            ),
            ("4=-217.965\r\n", [None, None, None, Some(-217.965)], true),
            ("1=nan\n2=x\n3=", [None; 4], true),
            ("5=1\n0=2\nx=3\nno line", [None; 4], false),
            ("getLevel error", [None; 4], false),
        ];
        for (text, positions, named) in cases {
            assert_eq!(positions_in(text), positions, "{text:?}");
            assert_eq!(names_positions(text), named, "{text:?}");
        }
    }

    #[test]
    fn an_interval_holds_its_ends_and_nothing_that_is_no_number() {
        let interval = Interval::new(1.0, 15.0).unwrap();
        assert!(interval.contains(1.0) && interval.contains(15.0));
        for outside in [0.999, 15.001, f64::NAN, f64::INFINITY] {
            assert!(!interval.contains(outside), "{outside}");
        }
        for (min, max) in [(2.0, 1.0), (f64::NAN, 1.0), (1.0, f64::INFINITY)] {
            assert_eq!(Interval::new(min, max), None);
        }
        let other = Interval::new(10.0, 20.0).unwrap();
        assert_eq!(interval.intersection(&other), Interval::new(10.0, 15.0));
        let far = Interval::new(16.0, 20.0).unwrap();
        assert_eq!(interval.intersection(&far), None);
    }
}
