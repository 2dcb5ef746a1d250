//! Numbers as people read them: few digits, fixed places, the unit once.

use std::time::Duration;

/// A count in groups of three: `81 223`.
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// As [`count`], with its sign: for residues.
pub fn signed(value: i64) -> String {
    let sign = if value < 0 { "-" } else { "" };
    format!("{sign}{}", count(value.unsigned_abs()))
}

/// Something per second, one decimal: `18.7`; from 10 000 on without.
pub fn rate(per_second: f64) -> String {
    if per_second.is_finite() && per_second >= 10_000.0 {
        count(per_second.round() as u64)
    } else {
        format!("{per_second:.1}")
    }
}

/// Megabytes (10^6) per second without the unit: `4.62`.
pub fn megabytes(bytes_per_s: f64) -> String {
    format!("{:.2}", bytes_per_s / 1e6)
}

/// Bytes per second with the unit: `84 kB/s`.
pub fn throughput(bytes_per_s: f64) -> String {
    match bytes_per_s {
        b if b < 1e3 => format!("{b:.0} B/s"),
        b if b < 999_500.0 => format!("{:.0} kB/s", b / 1e3),
        b => format!("{:.1} MB/s", b / 1e6),
    }
}

/// How long ago: `12 ms`, `7 s`, `4 min`, `3 h`, `2 d`.
pub fn age(age: Duration) -> String {
    match age.as_secs() {
        0 => format!("{} ms", age.as_millis()),
        s @ 1..=99 => format!("{s} s"),
        s @ 100..=5_999 => format!("{} min", s / 60),
        s @ 6_000..=172_799 => format!("{} h", s / 3_600),
        s => format!("{} d", s / 86_400),
    }
}

/// A latency in nanoseconds: `80 us`, `1.2 ms`, `41 ms`, `1.30 s`.
pub fn latency(ns: u64) -> String {
    let ms = ns as f64 / 1e6;
    if ns == 0 {
        "0 ms".to_owned()
    } else if ns < 1_000 {
        format!("{ns} ns")
    } else if ms < 0.9995 {
        format!("{:.0} us", ns as f64 / 1e3)
    } else if ms < 9.95 {
        format!("{ms:.1} ms")
    } else if ms < 999.5 {
        format!("{ms:.0} ms")
    } else if ms < 99_950.0 {
        format!("{:.2} s", ms / 1e3)
    } else {
        format!("{:.0} s", ms / 1e3)
    }
}

/// A running time: `00:12:41`.
pub fn elapsed(time: Duration) -> String {
    let s = time.as_secs();
    format!("{:02}:{:02}:{:02}", s / 3_600, s / 60 % 60, s % 60)
}

/// The time of day, `utc_offset_s` seconds east of UTC: `14:03:22`.
pub fn clock(unix_ns: u64, utc_offset_s: i32) -> String {
    let s = i64::try_from(unix_ns / 1_000_000_000).unwrap_or(0) + i64::from(utc_offset_s);
    let s = s.rem_euclid(86_400);
    format!("{:02}:{:02}:{:02}", s / 3_600, s / 60 % 60, s % 60)
}

/// A measured value with at most four decimals and no trailing zeros: `12.347`, `1.5e-7`.
/// Numbers a fixed-point text would distort are written with an exponent.
pub fn measured(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() {
        return value.to_string();
    }
    if size != 0.0 && !(1e-4..1e9).contains(&size) {
        return format!("{value:.3e}");
    }
    let text = format!("{value:.4}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" {
        "0".to_owned()
    } else {
        text.to_owned()
    }
}

/// Digits behind the decimal point of a number's text.
pub fn decimals(text: &str) -> usize {
    match text.split_once('.') {
        Some((_, fraction)) => fraction.len(),
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_people_read_them() {
        let cases = [
            (count(0), "0"),
            (count(999), "999"),
            (count(81_223), "81 223"),
            (count(1_512_004), "1 512 004"),
            (signed(-1_200), "-1 200"),
            (rate(18.72), "18.7"),
            (rate(12_345.4), "12 345"),
            (megabytes(4_619_000.0), "4.62"),
            (throughput(84_200.0), "84 kB/s"),
            (throughput(999_600.0), "1.0 MB/s"),
            (age(Duration::from_millis(12)), "12 ms"),
            (age(Duration::from_secs(99)), "99 s"),
            (age(Duration::from_secs(240)), "4 min"),
            (age(Duration::from_secs(90_000)), "25 h"),
            (age(Duration::from_secs(400_000)), "4 d"),
            (latency(0), "0 ms"),
            (latency(800), "800 ns"),
            (latency(80_000), "80 us"),
            (latency(1_200_000), "1.2 ms"),
            (latency(41_400_000), "41 ms"),
            (latency(1_300_000_000), "1.30 s"),
            (elapsed(Duration::from_secs(761)), "00:12:41"),
            (clock(1_795_178_602_000_000_000, 0), "12:43:22"),
            (clock(1_795_178_602_000_000_000, 7_200), "14:43:22"),
            (clock(0, -1), "23:59:59"),
            (measured(12.347), "12.347"),
            (measured(-4.002_149), "-4.0021"),
            (measured(100.0), "100"),
            (measured(-0.000_001), "-1.000e-6"),
            (measured(0.0), "0"),
            (measured(f64::NAN), "NaN"),
        ];
        for (got, want) in cases {
            assert_eq!(got, want);
        }
    }
}
