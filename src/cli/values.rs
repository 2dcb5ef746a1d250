//! Moments and dimensions as people write them.

use std::time::Duration;

use crate::config::parse_duration;
use crate::intent::place;
use crate::model::{Pace, SeekTo};

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

/// How fast a recording is played: `0.5`, `10x`, `max`.
pub(super) fn parse_pace(text: &str) -> Result<Pace, String> {
    if text == "max" {
        return Ok(Pace::Max);
    }
    let times = text.strip_suffix('x').unwrap_or(text).parse().ok();
    times
        .and_then(Pace::from_times)
        .ok_or_else(|| "write 0.1 to 100, or max".to_owned())
}

/// A place in a recording, as `:seek` takes it.
pub(super) fn parse_place(text: &str) -> Result<SeekTo, String> {
    place(text).ok_or_else(|| {
        "write a place such as 00:01:30, 90s, 50%, 14:03:22Z, end, fault or command".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

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
