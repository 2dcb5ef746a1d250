//! Units that an operator may write behind a number.

use std::fmt;

/// The unit of a position, a level or a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Millimetres.
    Millimetre,
    /// Micrometres.
    Micrometre,
    /// Nanometres.
    Nanometre,
    /// Degrees of rotation.
    Degree,
    /// Percent of a light's full power.
    Percent,
    /// Milliseconds.
    Millisecond,
    /// Seconds.
    Second,
    /// Microseconds.
    Microsecond,
    /// The device's own number, whatever it counts.
    Raw,
}

impl Unit {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Millimetre,
        Self::Micrometre,
        Self::Nanometre,
        Self::Degree,
        Self::Percent,
        Self::Millisecond,
        Self::Second,
        Self::Microsecond,
        Self::Raw,
    ];

    /// As it is printed and recorded; empty for the device's own number.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Millimetre => "mm",
            Self::Micrometre => "um",
            Self::Nanometre => "nm",
            Self::Degree => "deg",
            Self::Percent => "%",
            Self::Millisecond => "ms",
            Self::Second => "s",
            Self::Microsecond => "us",
            Self::Raw => "",
        }
    }

    /// The unit of that name, also in its other spellings: `µm`, `°`.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "µm" | "μm" => Some(Self::Micrometre),
            "µs" | "μs" => Some(Self::Microsecond),
            "°" => Some(Self::Degree),
            _ => Self::ALL.into_iter().find(|unit| unit.as_str() == name),
        }
    }

    /// `value` of this unit in `other`; `None` if one does not measure what the other does.
    pub fn convert(self, value: f64, other: Self) -> Option<f64> {
        if self == other {
            return Some(value);
        }
        let (kind, exponent) = self.scale()?;
        let (other_kind, other_exponent) = other.scale()?;
        // By a whole power of ten, so that 1.5 mm are exactly 1500 um.
        let steps = exponent - other_exponent;
        let factor = 10_f64.powi(steps.abs());
        (kind == other_kind).then(|| match steps {
            0.. => value * factor,
            _ => value / factor,
        })
    }

    /// What it measures, and the power of ten of its base unit.
    fn scale(self) -> Option<(char, i32)> {
        Some(match self {
            Self::Millimetre => ('m', -3),
            Self::Micrometre => ('m', -6),
            Self::Nanometre => ('m', -9),
            Self::Second => ('s', 0),
            Self::Millisecond => ('s', -3),
            Self::Microsecond => ('s', -6),
            Self::Degree | Self::Percent | Self::Raw => return None,
        })
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A number and its unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantity {
    /// The number.
    pub value: f64,
    /// Its unit.
    pub unit: Unit,
}

impl Quantity {
    /// `value` in `unit`.
    pub fn new(value: f64, unit: Unit) -> Self {
        Self { value, unit }
    }

    /// The number in another unit; `None` if that measures something else.
    pub fn in_unit(self, unit: Unit) -> Option<f64> {
        self.unit.convert(self.value, unit)
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.unit {
            Unit::Raw => write!(f, "{}", self.value),
            unit => write!(f, "{} {unit}", self.value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_times_convert_and_nothing_else_does() {
        use Unit::*;
        let cases = [
            (1.5, Millimetre, Micrometre, Some(1_500.0)),
            (250.0, Nanometre, Micrometre, Some(0.25)),
            (20.0, Millisecond, Microsecond, Some(20_000.0)),
            (-3.0, Degree, Degree, Some(-3.0)),
            (5.0, Percent, Raw, None),
            (1.0, Millimetre, Millisecond, None),
            (1.0, Degree, Micrometre, None),
        ];
        for (value, from, to, expected) in cases {
            assert_eq!(from.convert(value, to), expected, "{value} {from} in {to}");
        }
    }

    #[test]
    fn units_are_known_by_what_people_write() {
        for unit in Unit::ALL {
            assert_eq!(Unit::from_name(unit.as_str()), Some(unit));
        }
        assert_eq!(Unit::from_name("µm"), Some(Unit::Micrometre));
        assert_eq!(Unit::from_name("°"), Some(Unit::Degree));
        assert_eq!(Unit::from_name("furlong"), None);
    }
}
