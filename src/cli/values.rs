//! Times, sizes and dimensions as people write them.

use std::time::Duration;

/// A time such as `90s`, `10m`, `1h30m` or `2.5s`.
///
/// # Errors
/// What to write instead.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("\"{text}\" is not a time: write for example 90s, 10m or 1h30m");
    let span: jiff::SignedDuration = text.parse().map_err(|_| wrong())?;
    let duration = Duration::try_from(span).map_err(|_| wrong())?;
    if duration.is_zero() {
        return Err(wrong());
    }
    Ok(duration)
}

/// A moment of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Unix nanoseconds.
    At(u64),
    /// So long after it began.
    After(Duration),
}

/// A time of day with its date and zone as RFC 3339 has it, or a time after the beginning of a
/// recording such as `90s`.
///
/// # Errors
/// What to write instead.
pub fn parse_moment(text: &str) -> Result<Moment, String> {
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return u64::try_from(time.as_nanosecond())
            .map(Moment::At)
            .map_err(|_| format!("\"{text}\" is before 1970 or too late"));
    }
    parse_duration(text).map(Moment::After).map_err(|_| {
        format!(
            "\"{text}\" is no moment: write for example 2026-11-27T18:00:00.5Z, or 90s for 90 seconds \
             after the beginning"
        )
    })
}

/// A size such as `500MB`, `1GiB` or `4096`: powers of 1000 with `B`, of 1024 with `iB`.
///
/// # Errors
/// What to write instead.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let wrong = || format!("\"{text}\" is not a size: write for example 500MB, 1GiB or 4096");
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let factor: u64 = match unit.trim() {
        "" | "B" => 1,
        "kB" | "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "TB" => 1_000_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        _ => return Err(wrong()),
    };
    number
        .checked_mul(factor)
        .filter(|n| *n > 0)
        .ok_or_else(wrong)
}

/// The largest side of a picture: 8192 x 8192 pixels are more than a lab's camera has.
const MAX_SIDE_PX: u32 = 8192;

/// Columns and rows such as `640x480`.
///
/// # Errors
/// What to write instead.
pub fn parse_dimensions(text: &str) -> Result<(u32, u32), String> {
    let side = |text: &str| {
        text.parse()
            .ok()
            .filter(|side| (1..=MAX_SIDE_PX).contains(side))
    };
    text.split_once('x')
        .and_then(|(columns, rows)| Some((side(columns)?, side(rows)?)))
        .ok_or_else(|| {
            format!(
                "\"{text}\" is not columns and rows up to {MAX_SIDE_PX}: write for example 640x480"
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_are_read_as_people_write_them() {
        let cases = [
            ("90s", 90_000),
            ("10m", 600_000),
            ("1h30m", 5_400_000),
            ("2.5s", 2_500),
        ];
        for (text, ms) in cases {
            assert_eq!(
                parse_duration(text),
                Ok(Duration::from_millis(ms)),
                "{text}"
            );
        }
        let cases = [("4096", 4096), ("500MB", 500_000_000), ("1GiB", 1 << 30)];
        for (text, bytes) in cases {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for text in ["", "ten", "0s", "-5s", "5"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
        for text in ["", "MB", "0", "1.5GB", "5X", "99999999999TiB"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_moment_is_a_date_or_a_time_after_the_beginning() {
        let half_past = Moment::At(1_795_802_400_500_000_000);
        for text in ["2026-11-27T18:00:00.5Z", "2026-11-27T20:00:00.5+02:00"] {
            assert_eq!(parse_moment(text), Ok(half_past), "{text}");
        }
        let after = Moment::After(Duration::from_millis(1500));
        assert_eq!(parse_moment("1.5s"), Ok(after));
        for text in ["", "noon", "2026-11-27", "18:00", "1969-01-01T00:00:00Z"] {
            assert!(parse_moment(text).is_err(), "{text}");
        }
    }

    #[test]
    fn dimensions_are_columns_and_rows() {
        assert_eq!(parse_dimensions("64x48"), Ok((64, 48)));
        for text in ["", "64", "x48", "0x48", "64x", "64x48x2", "9000x9", "-1x2"] {
            assert!(parse_dimensions(text).is_err(), "{text}");
        }
    }
}
