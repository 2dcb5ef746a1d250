//! Times and sizes as people write them, on the command line and in the configuration.

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
}
