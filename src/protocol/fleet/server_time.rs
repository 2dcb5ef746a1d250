//! The server's own clock: local time without a zone, and how far it is from ours.

use super::timing::Timing;
use crate::model::Stamp;

/// A moment the server told, and when we heard of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct ServerTime {
    server_s: i64,
    heard: Stamp,
}

impl ServerTime {
    /// The server said that it is `text` now; `None` if that is no time.
    pub(super) fn told(text: &str, heard: Stamp) -> Option<Self> {
        let server_s = seconds_of(text)?;
        Some(Self { server_s, heard })
    }

    /// Seconds from `text` to `at` on the server's clock; `None` if it is no time. What lies a
    /// little ahead is now.
    pub(super) fn age_s(self, text: &str, at: Stamp, timing: Timing) -> Option<u64> {
        let then = seconds_of(text)?;
        let since = timing.seconds(self.heard, at).max(0.0);
        let before = timing.seconds(at, self.heard).max(0.0);
        #[expect(clippy::cast_possible_truncation)] // seconds of one run
        let moved = (since - before) as i64;
        let now = self.server_s.saturating_add(moved);
        u64::try_from(now.saturating_sub(then).max(0)).ok()
    }
}

/// Seconds since 1970 as if the text were UTC: `YYYY-MM-DDTHH:MM:SS`, or a space for the T, a
/// fraction allowed. `None` for anything else.
fn seconds_of(text: &str) -> Option<i64> {
    let number = |from: usize, to: usize| -> Option<i64> {
        let digits = text.get(from..to)?;
        let all = digits.bytes().all(|byte| byte.is_ascii_digit());
        all.then(|| digits.parse().ok()).flatten()
    };
    let is_at =
        |place: usize, any: &str| text.get(place..)?.chars().next().map(|c| any.contains(c));
    let marks = [(4, "-"), (7, "-"), (10, "T "), (13, ":"), (16, ":")];
    if !marks
        .iter()
        .all(|(place, any)| is_at(*place, any) == Some(true))
    {
        return None;
    }
    let rest = text.get(19..)?;
    if !(rest.is_empty() || rest.starts_with(['.', ','])) {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let is_date = (1..=12).contains(&month) && (1..=31).contains(&day);
    if !is_date || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let days = days_from_civil(year, month, day)?;
    days.checked_mul(86_400)?
        .checked_add(hour.checked_mul(3_600)?)?
        .checked_add(minute.checked_mul(60)?)?
        .checked_add(second)
}

/// Days since 1970-01-01. Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
fn days_from_civil(year: i64, month: i64, day: i64) -> Option<i64> {
    let year = if month <= 2 {
        year.checked_sub(1)?
    } else {
        year
    };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = month.checked_add(9)?.rem_euclid(12);
    let day_of_year = month_from_march
        .checked_mul(153)?
        .checked_add(2)?
        .div_euclid(5)
        .checked_add(day)?
        .checked_sub(1)?;
    let day_of_era = year_of_era
        .checked_mul(365)?
        .checked_add(year_of_era.div_euclid(4))?
        .checked_sub(year_of_era.div_euclid(100))?
        .checked_add(day_of_year)?;
    era.checked_mul(146_097)?
        .checked_add(day_of_era)?
        .checked_sub(719_468)
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
mod tests {
    use super::*;

    #[test]
    fn times_without_a_zone_are_seconds() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00", Some(0)),
            ("2026-01-05T09:31:40.257255", Some(1_767_605_500)),
            ("2026-01-05 09:31:40,000", Some(1_767_605_500)),
            ("2024-02-29T00:00:00", Some(1_709_164_800)),
            ("2026-13-05T09:31:40", None),
            ("2026-01-05T09:31", None),
            ("2026-01-05T09:31:40Z", None),
            ("2026-01-05T+9:31:40", None),
            ("Never", None),
            ("ÄÄÄÄ-ÄÄ-ÄÄTÄÄ:ÄÄ:ÄÄ", None),
        ] {
            assert_eq!(seconds_of(text), seconds, "{text}");
        }
    }

    #[test]
    fn ages_are_differences_on_the_servers_clock() {
        let at = |s: u64| Stamp {
            mono_ns: s.saturating_mul(1_000_000_000),
            unix_ns: 0,
        };
        let clock = ServerTime::told("2026-01-05T09:31:40", at(100)).unwrap();
        let age = |text, now| clock.age_s(text, at(now), Timing::default());
        assert_eq!(age("2026-01-05T09:30:40", 100), Some(60));
        assert_eq!(age("2026-01-05T09:30:40", 130), Some(90));
        assert_eq!(age("2026-01-05T09:30:40", 90), Some(50));
        assert_eq!(age("2026-01-05T09:45:00", 100), Some(0));
        assert_eq!(age("Never", 100), None);
    }
}
