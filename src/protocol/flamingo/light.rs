//! Lasers and LEDs: which there are, and how bright is written.
//!
//! Source: protocol description, sections 12.3 and 12.4.

/// A laser by its number, 1 to 4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Laser(i32);

impl Laser {
    /// All of them.
    pub const ALL: [Self; 4] = [Self(1), Self(2), Self(3), Self(4)];

    /// The laser with this number; `None` unless it is 1 to 4.
    pub fn from_number(number: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|laser| laser.0 == number)
    }

    /// Its number on the wire.
    pub fn number(self) -> i32 {
        self.0
    }
}

/// A colour of the LED.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LedColour {
    /// Red.
    Red,
    /// Green.
    Green,
    /// Blue.
    Blue,
    /// White.
    White,
}

impl LedColour {
    /// All of them, by number.
    pub const ALL: [Self; 4] = [Self::Red, Self::Green, Self::Blue, Self::White];

    /// The number on the wire, 0 to 3.
    pub fn number(self) -> i32 {
        match self {
            Self::Red => 0,
            Self::Green => 1,
            Self::Blue => 2,
            Self::White => 3,
        }
    }

    /// The name in commands.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Red => "red",
            Self::Green => "green",
            Self::Blue => "blue",
            Self::White => "white",
        }
    }
}

/// Which side a light sheet comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// Left.
    Left,
    /// Right.
    Right,
}

/// Not a brightness.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("{got} % is not a brightness; 0 to 100 % are")]
pub struct PercentError {
    /// The value given.
    pub got: f64,
}

/// The value that makes an LED this bright: `32000 + trunc(33534 * percent / 100)`, so 0 % is
/// 32000 and 100 % is 65534.
///
/// # Errors
/// `percent` is not between 0 and 100.
pub fn led_dac(percent: f64) -> Result<i32, PercentError> {
    let percent = checked(percent)?;
    // Between 0 and 33534, so that nothing is lost.
    Ok(32_000_i32.saturating_add((33_534.0 * percent / 100.0).trunc() as i32))
}

/// How bright an LED with this value is, percent. Values below 32000 are dark.
pub fn led_percent(dac: i32) -> f64 {
    (f64::from(dac.saturating_sub(32_000)) * 100.0 / 33_534.0).clamp(0.0, 100.0)
}

/// A laser's level as it is sent: percent with two decimals, `11.49`.
///
/// # Errors
/// `percent` is not between 0 and 100.
pub fn laser_level_text(percent: f64) -> Result<String, PercentError> {
    Ok(format!("{:.2}", checked(percent)?))
}

/// A laser's level as it was answered; `None` for what is no number, such as `getLevel error`.
pub fn laser_level_percent(text: &str) -> Option<f64> {
    text.trim()
        .trim_end_matches('%')
        .trim_end()
        .parse()
        .ok()
        .filter(|percent: &f64| percent.is_finite())
}

fn checked(percent: f64) -> Result<f64, PercentError> {
    if (0.0..=100.0).contains(&percent) {
        // Minus zero would be written with its sign.
        Ok(percent.abs())
    } else {
        Err(PercentError { got: percent })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brightness_is_written_as_the_server_reads_it() {
        for (percent, dac) in [
            (0.0, 32_000),
            (50.0, 48_767),
            (100.0, 65_534),
            (0.01, 32_003),
        ] {
            assert_eq!(led_dac(percent), Ok(dac));
        }
        for (percent, text) in [
            (11.49, "11.49"),
            (0.0, "0.00"),
            (-0.0, "0.00"),
            (5.0, "5.00"),
            (100.0, "100.00"),
        ] {
            assert_eq!(laser_level_text(percent).as_deref(), Ok(text));
        }
        for (dac, percent) in [(0, 0.0), (32_000, 0.0), (65_534, 100.0), (i32::MIN, 0.0)] {
            assert_eq!(led_percent(dac), percent);
        }
    }

    #[test]
    fn no_other_brightness_is_accepted() {
        for percent in [-0.01, 100.01, f64::NAN, f64::INFINITY] {
            assert!(led_dac(percent).is_err(), "{percent}");
            assert!(laser_level_text(percent).is_err(), "{percent}");
        }
        assert_eq!(
            led_dac(101.0).unwrap_err().to_string(),
            "101 % is not a brightness; 0 to 100 % are"
        );
    }

    #[test]
    fn an_answer_that_is_no_number_is_no_level() {
        for (text, percent) in [
            ("11.49", Some(11.49)),
            (" 5 ", Some(5.0)),
            ("12.5 %", Some(12.5)),
            ("getLevel error", None),
            ("", None),
            ("nan", None),
        ] {
            assert_eq!(laser_level_percent(text), percent, "{text:?}");
        }
    }
}
