//! Numbers of a column, with their decimal points under one another.

use crate::model::Unit;
use crate::ui::number;
use crate::ui::text::width;

/// Digits behind the point: what a stage can still resolve. The device's own number is written as
/// it is.
fn decimals(unit: Unit) -> Option<usize> {
    match unit {
        Unit::Millimetre => Some(4),
        Unit::Degree | Unit::Second => Some(3),
        Unit::Micrometre | Unit::Millisecond => Some(2),
        Unit::Percent | Unit::Nanometre | Unit::Microsecond => Some(1),
        Unit::Raw => None,
    }
}

/// A number in its unit, with as many decimals as every other in that unit. What fixed decimals
/// would distort is written with an exponent.
pub(super) fn fixed(value: f64, unit: Unit) -> String {
    match decimals(unit) {
        Some(decimals) if value.is_finite() && value.abs() < 1e9 => {
            let text = format!("{value:.decimals$}");
            match text.strip_prefix('-') {
                // A zero has no sign.
                Some(rest) if !rest.contains(|c: char| c.is_ascii_digit() && c != '0') => {
                    rest.to_owned()
                }
                _ => text,
            }
        }
        _ => number::measured(value),
    }
}

/// How wide the numbers of a column are, before their points and from there on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Figures {
    whole: u16,
    fraction: u16,
}

impl Figures {
    /// Room for all of `numbers`.
    pub fn of(numbers: impl Iterator<Item = (f64, Unit)>) -> Self {
        let mut figures = Self::default();
        for (value, unit) in numbers {
            let text = fixed(value, unit);
            let (whole, fraction) = split(&text);
            figures.whole = figures.whole.max(width(whole));
            figures.fraction = figures.fraction.max(width(fraction));
        }
        figures
    }

    /// Columns of the widest number.
    pub fn width(self) -> u16 {
        self.whole + self.fraction
    }

    /// A number, followed by as many blanks as bring its point under the others when it stands at
    /// the right edge of the column.
    pub fn aligned(self, value: f64, unit: Unit) -> String {
        let text = fixed(value, unit);
        let missing = self.fraction.saturating_sub(width(split(&text).1));
        format!("{text}{}", " ".repeat(usize::from(missing)))
    }

    /// What stands where there is no number: below the last digit before the points.
    pub fn absent(self) -> String {
        format!("-{}", " ".repeat(usize::from(self.fraction)))
    }
}

/// Before the point, and from the point on.
fn split(text: &str) -> (&str, &str) {
    text.split_at(text.find('.').unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_stand_under_one_another() {
        let numbers = [
            (12.347, Unit::Millimetre),
            (-4.0021, Unit::Millimetre),
            (180.0, Unit::Degree),
            (-0.000_001, Unit::Millimetre),
            (3.0, Unit::Raw),
        ];
        let figures = Figures::of(numbers.into_iter());
        let lines: Vec<String> = numbers
            .map(|(value, unit)| format!("{:>10}", figures.aligned(value, unit)))
            .into();
        assert_eq!(
            lines,
            [
                "   12.3470",
                "   -4.0021",
                "  180.000 ",
                "    0.0000",
                "    3     ",
            ]
        );
        assert_eq!(format!("{:>10}", figures.absent()), "    -     ");
        assert_eq!(figures.width(), 8);
    }

    #[test]
    fn no_number_is_distorted() {
        let cases = [
            (1e12, Unit::Millimetre, "1.000e12"),
            (f64::NAN, Unit::Micrometre, "NaN"),
            (f64::NEG_INFINITY, Unit::Degree, "-inf"),
            (-12.5, Unit::Percent, "-12.5"),
            (0.25, Unit::Raw, "0.25"),
        ];
        for (value, unit, text) in cases {
            assert_eq!(fixed(value, unit), text);
        }
    }
}
