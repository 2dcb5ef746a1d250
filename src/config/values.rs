//! Times and sizes as people write them, in the configuration and on the command line.

use std::time::Duration;

/// Parts of a recording are at least this long, and may be this small: a slip of the pen would
/// fill a folder with files.
const LEAST_PART: Duration = Duration::from_secs(1);
const LEAST_PART_BYTES: u64 = 1 << 20;

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

/// How long a part of a recording is: a time of at least a second.
///
/// # Errors
/// What to write instead.
pub fn parse_rotate_every(text: &str) -> Result<Duration, String> {
    match parse_duration(text)? {
        every if every < LEAST_PART => Err(format!(
            "\"{text}\" is too short for a part of a recording: write 1s or more"
        )),
        every => Ok(every),
    }
}

/// How large a part of a recording is at most: a size of at least 1MiB.
///
/// # Errors
/// What to write instead.
pub fn parse_rotate_size(text: &str) -> Result<u64, String> {
    match parse_size(text)? {
        size if size < LEAST_PART_BYTES => Err(format!(
            "\"{text}\" is too small for a part of a recording: write 1MiB or more"
        )),
        size => Ok(size),
    }
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
    fn parts_are_not_shorter_than_a_second_nor_smaller_than_a_mebibyte() {
        assert_eq!(parse_rotate_every("1s"), Ok(LEAST_PART));
        assert_eq!(parse_rotate_size("1MiB"), Ok(LEAST_PART_BYTES));
        let words = [
            parse_rotate_every("999ms").err(),
            parse_rotate_size("1MB").err(),
        ];
        for (said, instead) in words.into_iter().flatten().zip(["write 1s", "write 1MiB"]) {
            assert!(said.contains(instead), "{said}");
        }
        assert!(parse_rotate_every("ten").is_err() && parse_rotate_size("0").is_err());
    }
}
