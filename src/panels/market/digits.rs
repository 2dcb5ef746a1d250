//! Exact numbers of books as people read them: no digit lost, points under one another.

use crate::model::BookView;
use crate::ui::number;

/// Decimals that every multiple of the book's tick can be written with.
pub fn price_decimals(view: &BookView) -> u8 {
    needed(i128::from(view.tick.max(1)), view.scales.price)
}

/// Decimals that `value` needs, counted in `10^-scale`, without zeros at the end.
pub fn needed(value: i128, scale: u8) -> u8 {
    if value == 0 {
        return 0;
    }
    let (mut value, mut left) = (value, scale);
    while left > 0 && value % 10 == 0 {
        value /= 10;
        left -= 1;
    }
    left
}

/// `value`, counted in `10^-scale`, with `decimals` decimals, or more where it needs them: nothing
/// is rounded. Groups of three before the point: `64 120.50`.
pub fn exact(value: i128, scale: u8, decimals: u8) -> String {
    let decimals = usize::from(needed(value, scale).max(decimals.min(scale)));
    let scale = usize::from(scale);
    let digits = format!("{:0>1$}", value.unsigned_abs(), scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let mut text = String::with_capacity(digits.len() + 8);
    if value < 0 {
        text.push('-');
    }
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    if decimals > 0 {
        text.push('.');
        text.push_str(&fraction[..decimals]);
    }
    text
}

/// A measured number with so many decimals and groups of three before the point.
pub fn rounded(value: f64, decimals: u8) -> String {
    let text = format!("{value:.*}", usize::from(decimals));
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, format!(".{fraction}")),
        None => (text.as_str(), String::new()),
    };
    match whole.parse::<i64>() {
        // `-0` keeps its sign only while it is a text.
        Ok(0) => text,
        Ok(whole) => format!("{}{fraction}", number::signed(whole)),
        Err(_) => text,
    }
}

/// `text` with blanks behind it, so that its point stands where one with `decimals` decimals has
/// it when both end in the same column.
pub fn aligned(text: String, decimals: u8) -> String {
    let own = match text.rsplit_once('.') {
        Some((_, fraction)) => fraction.len() + 1,
        None => 0,
    };
    let wanted = match decimals {
        0 => 0,
        some => usize::from(some) + 1,
    };
    format!("{text}{}", " ".repeat(wanted.saturating_sub(own)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_digit_is_there() {
        let cases = [
            ((6_412_050, 2, 2), "64 120.50"),
            ((6_412_050, 2, 0), "64 120.5"),
            ((6_412_000, 2, 0), "64 120"),
            ((5, 8, 2), "0.00000005"),
            ((0, 8, 3), "0.000"),
            ((-1_234_567, 3, 1), "-1 234.567"),
            ((7, 0, 4), "7"),
            ((i128::from(i64::MAX), 18, 0), "9.223372036854775807"),
        ];
        for ((value, scale, decimals), text) in cases {
            assert_eq!(exact(value, scale, decimals), text);
        }
    }

    #[test]
    fn measured_numbers_are_grouped_too() {
        let cases = [
            ((64_119.756, 2), "64 119.76"),
            ((-0.25, 1), "-0.2"),
            ((-1_234.5, 1), "-1 234.5"),
            ((0.0, 0), "0"),
            ((f64::NAN, 2), "NaN"),
        ];
        for ((value, decimals), text) in cases {
            assert_eq!(rounded(value, decimals), text);
        }
    }

    #[test]
    fn points_stand_under_one_another() {
        let texts = ["7", "64 120.5", "0.25"].map(|text| aligned(text.to_owned(), 2));
        assert_eq!(texts, ["7   ", "64 120.5 ", "0.25"]);
    }
}
