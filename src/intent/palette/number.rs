//! Numbers with a decimal point, an exponent, a sign and a unit.

use super::error::PaletteError;
use super::line::first_word;
use crate::model::{Quantity, Unit};

/// Units of a distance that may be moved.
pub(super) const DISTANCES: &[Unit] = &[
    Unit::Millimetre,
    Unit::Micrometre,
    Unit::Nanometre,
    Unit::Degree,
];
/// Units of an exposure time.
pub(super) const TIMES: &[Unit] = &[Unit::Millisecond, Unit::Second, Unit::Microsecond];

/// What a number is for: for messages, and for the units that fit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    /// The command.
    pub verb: &'static str,
    /// A whole line as it would be right.
    pub example: &'a str,
    /// The units that may stand there; none at all means that a unit is wrong.
    pub units: &'a [Unit],
}

/// The number that a text begins with as it is written, and what follows at once.
pub(super) fn leading(text: &str) -> Option<(&str, &str)> {
    let bytes = text.as_bytes();
    let digits_from = |from: usize| {
        let rest = bytes.get(from..).unwrap_or_default();
        rest.iter().take_while(|byte| byte.is_ascii_digit()).count()
    };
    let sign = usize::from(matches!(bytes.first(), Some(b'+' | b'-')));
    let whole = digits_from(sign);
    let mut end = sign + whole;
    let mut fraction = 0;
    if bytes.get(end) == Some(&b'.') {
        fraction = digits_from(end + 1);
        end += 1 + fraction;
    }
    if whole + fraction == 0 {
        return None;
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let digits = digits_from(end + 1 + sign);
        if digits > 0 {
            end += 1 + sign + digits;
        }
    }
    text.split_at_checked(end)
}

impl Place<'_> {
    /// A number with the unit behind it, and what follows without blanks around it. Without a unit
    /// it is the device's own number.
    pub fn quantity<'a>(&self, text: &'a str) -> Result<(Quantity, &'a str), PaletteError> {
        let (written, behind) = leading(text).ok_or_else(|| self.no_number(text))?;
        let value: f64 = written.parse().map_err(|_| self.no_number(text))?;
        if !value.is_finite() {
            return Err(self.wrong(written, "too large to be sent"));
        }
        // Minus zero is zero; written again it would read "+-0".
        let value = value + 0.0;
        let is_glued = !behind.is_empty() && !behind.starts_with(char::is_whitespace);
        let (word, rest) = first_word(behind.trim_start());
        if is_glued && !word.starts_with(|c: char| c.is_alphabetic() || c == '%' || c == '°') {
            // Such as 1,5 or 1.2.3: half a number must not pass for one.
            return Err(self.no_number(text));
        }
        match Unit::from_name(word).filter(|_| !word.is_empty()) {
            Some(unit) if self.units.contains(&unit) => Ok((Quantity::new(value, unit), rest)),
            Some(_) => Err(self.wrong_unit(word)),
            None if is_glued => Err(self.wrong_unit(word)),
            None => Ok((Quantity::new(value, Unit::Raw), behind.trim())),
        }
    }

    /// As [`Place::quantity`], and nothing may follow.
    pub fn only_quantity(&self, text: &str) -> Result<Quantity, PaletteError> {
        let (quantity, rest) = self.quantity(text)?;
        match first_word(rest) {
            ("", _) => Ok(quantity),
            (word, _) if word.starts_with(char::is_alphabetic) && !self.units.is_empty() => {
                Err(self.wrong_unit(word))
            }
            _ => Err(self.surplus(rest)),
        }
    }

    /// The number is wrong for a reason.
    pub fn wrong(&self, got: &str, problem: &'static str) -> PaletteError {
        PaletteError::WrongNumber {
            verb: self.verb,
            got: got.to_owned(),
            problem,
            example: self.example.to_owned(),
        }
    }

    /// Nothing may follow.
    pub fn surplus(&self, got: &str) -> PaletteError {
        PaletteError::Surplus {
            verb: self.verb,
            got: got.to_owned(),
            example: self.example.to_owned(),
        }
    }

    fn no_number(&self, text: &str) -> PaletteError {
        PaletteError::NotANumber {
            verb: self.verb,
            got: first_word(text).0.to_owned(),
            example: self.example.to_owned(),
        }
    }

    fn wrong_unit(&self, got: &str) -> PaletteError {
        if self.units.is_empty() {
            return self.surplus(got);
        }
        PaletteError::WrongUnit {
            verb: self.verb,
            got: got.to_owned(),
            known: self.units.iter().map(|u| u.as_str().to_owned()).collect(),
            example: self.example.to_owned(),
        }
    }
}

/// The size of a step: above zero, and with its unit, since axes differ in theirs.
pub(super) fn step(verb: &'static str, text: &str) -> Result<Quantity, PaletteError> {
    let place = Place {
        verb,
        example: "jog 10um",
        units: DISTANCES,
    };
    let unfinished = |question: String| PaletteError::Unfinished {
        verb,
        question,
        example: "for example jog 10um or jog 0.5deg".to_owned(),
    };
    if text.is_empty() {
        return Err(unfinished("how far".to_owned()));
    }
    let step = place.only_quantity(text)?;
    match step {
        Quantity {
            unit: Unit::Raw, ..
        } => Err(unfinished(format!("{} of what", step.value))),
        _ if step.value <= 0.0 => Err(place.wrong(text, "no size of a step")),
        _ => Ok(step),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_to_their_end() {
        let place = Place {
            verb: "move",
            example: "move x 1.5mm",
            units: DISTANCES,
        };
        let cases = [
            ("1.5mm", 1.5, Unit::Millimetre, ""),
            ("1.5 mm", 1.5, Unit::Millimetre, ""),
            ("-10µm", -10.0, Unit::Micrometre, ""),
            ("-10μm rest", -10.0, Unit::Micrometre, "rest"),
            ("+1e3um", 1_000.0, Unit::Micrometre, ""),
            ("1.E-2 um", 0.01, Unit::Micrometre, ""),
            (".5", 0.5, Unit::Raw, ""),
            ("5 on", 5.0, Unit::Raw, "on"),
            ("90° x", 90.0, Unit::Degree, "x"),
        ];
        for (text, value, unit, rest) in cases {
            let expected = Ok((Quantity::new(value, unit), rest));
            assert_eq!(place.quantity(text), expected, "{text}");
        }
        for text in [
            "", "mm", "-", "+-1", "--1", ".", "e5", "nan", "inf", "1,5mm", "1.2.3", "1e5e5", "1e",
            "0x10", "1furlong", "5%", "1e999", "٣", "1/2", "− 5",
        ] {
            assert!(place.quantity(text).is_err(), "{text}");
        }
    }
}
