//! Times as venues write them, to nanoseconds since 1970 UTC.

use super::json::integer;

/// RFC 3339 with 0 to 9 decimals of the second and `Z`, e.g. `2026-01-15T09:00:00.030568561Z`.
/// `None` for anything else, also for days a month does not have.
pub fn rfc3339_ns(text: &[u8]) -> Option<i64> {
    let (date_time, rest) = text.split_at_checked(19)?;
    let [
        y1,
        y2,
        y3,
        y4,
        b'-',
        mo1,
        mo2,
        b'-',
        d1,
        d2,
        b'T' | b't' | b' ',
        h1,
        h2,
        b':',
        mi1,
        mi2,
        b':',
        s1,
        s2,
    ] = date_time
    else {
        return None;
    };
    let year = integer(&[*y1, *y2, *y3, *y4])?;
    let two = |a: &u8, b: &u8| integer(&[*a, *b]).filter(|value| *value >= 0);
    let (month, day) = (two(mo1, mo2)?, two(d1, d2)?);
    let (hour, minute, second) = (two(h1, h2)?, two(mi1, mi2)?, two(s1, s2)?);
    if year < 0 || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let days = days_since_1970(year, month, day)?;
    let seconds = days
        .checked_mul(24)?
        .checked_add(hour)?
        .checked_mul(60)?
        .checked_add(minute)?
        .checked_mul(60)?
        .checked_add(second)?;
    seconds
        .checked_mul(1_000_000_000)?
        .checked_add(fraction_ns(rest)?)
}

/// `.` and 1 to 9 digits, or nothing, and `Z`.
fn fraction_ns(rest: &[u8]) -> Option<i64> {
    let (b'Z' | b'z', digits) = rest.split_last()? else {
        return None;
    };
    if digits.is_empty() {
        return Some(0);
    }
    let (b'.', digits) = digits.split_first()? else {
        return None;
    };
    if digits.is_empty() || digits.len() > 9 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let missing = u32::try_from(9_usize.checked_sub(digits.len())?).ok()?;
    integer(digits)?.checked_mul(10_i64.checked_pow(missing)?)
}

/// Days from 1970-01-01. Counts the days of whole years and months before the date.
fn days_since_1970(year: i64, month: i64, day: i64) -> Option<i64> {
    const BEFORE_MONTH: [i64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let place = usize::try_from(month.checked_sub(1)?).ok()?;
    let before_month = BEFORE_MONTH.get(place)?;
    let is_leap =
        year.checked_rem(4)? == 0 && (year.checked_rem(100)? != 0 || year.checked_rem(400)? == 0);
    let length = match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    if !(1..=length).contains(&day) {
        return None;
    }
    // Leap days up to the end of the year before; 477 of them lie before 1970.
    let last = year.checked_sub(1)?;
    let leap_days = last
        .div_euclid(4)
        .checked_sub(last.div_euclid(100))?
        .checked_add(last.div_euclid(400))?
        .checked_sub(477)?;
    let leap_day = i64::from(is_leap && month > 2);
    year.checked_sub(1970)?
        .checked_mul(365)?
        .checked_add(leap_days)?
        .checked_add(*before_month)?
        .checked_add(leap_day)?
        .checked_add(day)?
        .checked_sub(1)
}

/// Whole milliseconds, as a JSON number or a decimal text.
pub fn millis_ns(digits: &[u8]) -> Option<i64> {
    integer(digits)?.checked_mul(1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_to_the_nanosecond() {
        for (text, want) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            (
                "2023-10-06T17:35:55.440295Z",
                Some(1_696_613_755_440_295_000),
            ),
            (
                "2026-01-15T09:00:00.030568561Z",
                Some(1_768_467_600_030_568_561),
            ),
            ("2026-02-28T23:59:59.9Z", Some(1_772_323_199_900_000_000)),
            ("2024-02-29T00:00:00Z", Some(1_709_164_800_000_000_000)),
            ("2000-03-01T00:00:00Z", Some(951_868_800_000_000_000)),
            ("1969-12-31T23:59:59Z", Some(-1_000_000_000)),
            ("2026-02-29T00:00:00Z", None),
            ("2026-13-01T00:00:00Z", None),
            ("2026-01-15T09:00:00.Z", None),
            ("2026-01-15T09:00:00.0123456789Z", None),
            ("2026-01-15T09:00:00", None),
            ("2026-01-15T09:00:00+01:00", None),
            ("2026-01-15T24:00:00Z", None),
            ("2026-01-1xT09:00:00Z", None),
            ("9999-01-01T00:00:00Z", None),
            ("", None),
        ] {
            assert_eq!(rfc3339_ns(text.as_bytes()), want, "{text}");
        }
    }

    #[test]
    fn milliseconds_are_read_or_refused() {
        assert_eq!(millis_ns(b"1768467600311"), Some(1_768_467_600_311_000_000));
        assert_eq!(millis_ns(b"9223372036854775807"), None);
        assert_eq!(millis_ns(b"1.5"), None);
    }
}
