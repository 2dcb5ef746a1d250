//! Exact number texts: digits from the wire to integers at a scale and back, without a float.
//!
//! A price or a size is `units` of `10^-scale`. Nothing is rounded: a text that is finer than the
//! scale is an error of its own, so that the owner of the scale can decide to grow it.

use std::fmt;

/// The largest scale of a size; `10^30` still fits an `i128` beside eight digits.
pub const MOST_DECIMALS: u8 = 30;

/// The largest scale of a price, which is an `i64`.
pub const MOST_PRICE_DECIMALS: u8 = 18;

/// Why a text is not a number here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecimalError {
    /// It is not `digits[.digits][e[+-]digits]`.
    NotANumber,
    /// It has more decimals than the scale, and they are not zeros.
    TooFine,
    /// It does not fit the integer.
    TooLarge,
}

impl fmt::Display for DecimalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotANumber => "not a plain decimal number",
            Self::TooFine => "a number with more decimals than the instrument has",
            Self::TooLarge => "a number that is too large",
        })
    }
}

impl std::error::Error for DecimalError {}

/// Reads `digits[.digits][e[+-]digits]` as a count of `10^-scale`.
///
/// Refused: empty text, signs, spaces, separators, `.5`, `1.`, names of no number. Zeros at the
/// end of the decimals may exceed the scale; anything else that does is [`DecimalError::TooFine`].
pub fn parse(text: &[u8], scale: u8) -> Result<i128, DecimalError> {
    match parse_short(text, scale) {
        Some(units) => Ok(i128::from(units)),
        None => Parts::read(text)?.units(scale),
    }
}

/// As [`parse`], for what has to fit 64 bits.
pub fn parse_i64(text: &[u8], scale: u8) -> Result<i64, DecimalError> {
    match parse_short(text, scale) {
        Some(units) => i64::try_from(units).map_err(|_| DecimalError::TooLarge),
        None => {
            let units = Parts::read(text)?.units(scale)?;
            i64::try_from(units).map_err(|_| DecimalError::TooLarge)
        }
    }
}

/// How many decimals a number text needs: zeros at its end do not count.
pub fn decimals(text: &[u8]) -> Result<u8, DecimalError> {
    let parts = Parts::read(text)?;
    u8::try_from(parts.power.saturating_neg().max(0)).map_err(|_| DecimalError::TooFine)
}

/// Powers of ten that fit 64 bits.
const POWERS: [u64; 20] = {
    let mut powers = [1; 20];
    let mut i = 1;
    while i < 20 {
        powers[i] = powers[i - 1] * 10;
        i += 1;
    }
    powers
};

/// The usual case, `digits[.digits]` with at most 18 digits; `None` for everything else, which
/// [`Parts`] then judges.
fn parse_short(text: &[u8], scale: u8) -> Option<u64> {
    if text.len() > 19 {
        return None;
    }
    let mut units = 0_u64;
    let mut point = None;
    for (i, &byte) in text.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit < 10 {
            units = units * 10 + u64::from(digit);
        } else if byte == b'.' && point.is_none() && i > 0 {
            point = Some(i);
        } else {
            return None;
        }
    }
    let decimals = match point {
        None if text.is_empty() || text.len() > 18 => return None,
        None => 0,
        Some(at) => text.len() - at - 1,
    };
    if point.is_some() && decimals == 0 {
        return None;
    }
    let scale = usize::from(scale);
    if decimals <= scale {
        units.checked_mul(*POWERS.get(scale - decimals)?)
    } else {
        let excess = *POWERS.get(decimals - scale)?;
        units.is_multiple_of(excess).then_some(units / excess)
    }
}

/// A number as `digits x 10^power`, without zeros at either end of the digits.
struct Parts<'a> {
    whole: &'a [u8],
    fraction: &'a [u8],
    power: i32,
}

impl<'a> Parts<'a> {
    fn read(text: &'a [u8]) -> Result<Self, DecimalError> {
        let (mut whole, rest) = split_digits(text);
        if whole.is_empty() {
            return Err(DecimalError::NotANumber);
        }
        let (mut fraction, rest) = match rest.split_first() {
            Some((b'.', behind)) => {
                let (fraction, rest) = split_digits(behind);
                if fraction.is_empty() {
                    return Err(DecimalError::NotANumber);
                }
                (fraction, rest)
            }
            _ => (&[][..], rest),
        };
        let exponent = match rest.split_first() {
            None => 0,
            Some((b'e' | b'E', behind)) => read_exponent(behind)?,
            Some(_) => return Err(DecimalError::NotANumber),
        };
        while let Some((b'0', before)) = fraction.split_last() {
            fraction = before;
        }
        let mut power = exponent.saturating_sub(clamp(fraction.len()));
        if fraction.is_empty() {
            while let Some((b'0', before)) = whole.split_last() {
                whole = before;
                power = power.saturating_add(1);
            }
        }
        while let Some((b'0', behind)) = whole.split_first() {
            whole = behind;
        }
        if whole.is_empty() {
            while let Some((b'0', behind)) = fraction.split_first() {
                fraction = behind;
            }
            if fraction.is_empty() {
                power = 0;
            }
        }
        Ok(Self {
            whole,
            fraction,
            power,
        })
    }

    fn units(&self, scale: u8) -> Result<i128, DecimalError> {
        let mut units = 0_i128;
        for &digit in self.whole.iter().chain(self.fraction) {
            units = units
                .checked_mul(10)
                .and_then(|units| units.checked_add(i128::from(digit - b'0')))
                .ok_or(DecimalError::TooLarge)?;
        }
        if units == 0 {
            return Ok(0);
        }
        let power = self.power.saturating_add(i32::from(scale));
        let power = u32::try_from(power).map_err(|_| DecimalError::TooFine)?;
        10_i128
            .checked_pow(power)
            .and_then(|factor| units.checked_mul(factor))
            .ok_or(DecimalError::TooLarge)
    }
}

fn split_digits(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(text.len());
    text.split_at(end)
}

fn read_exponent(text: &[u8]) -> Result<i32, DecimalError> {
    let (is_negative, digits) = match text.split_first() {
        Some((b'-', digits)) => (true, digits),
        Some((b'+', digits)) => (false, digits),
        _ => (false, text),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(DecimalError::NotANumber);
    }
    let size = digits.iter().fold(0_i32, |size, digit| {
        size.saturating_mul(10)
            .saturating_add(i32::from(digit - b'0'))
    });
    Ok(if is_negative { -size } else { size })
}

fn clamp(len: usize) -> i32 {
    i32::try_from(len).unwrap_or(i32::MAX)
}

/// Writes `units` of `10^-scale` behind what is in `out`: exactly `scale` decimals, at least one
/// digit before the point, no point at scale 0.
pub fn push(out: &mut Vec<u8>, units: i128, scale: u8) {
    if units < 0 {
        out.push(b'-');
    }
    let mut buffer = [b'0'; 40];
    let digits = digits(&mut buffer, units.unsigned_abs());
    let scale = usize::from(scale);
    let Some(whole) = digits.len().checked_sub(scale).filter(|&len| len > 0) else {
        out.extend_from_slice(b"0.");
        out.resize(out.len() + (scale - digits.len()), b'0');
        out.extend_from_slice(digits);
        return;
    };
    out.extend_from_slice(&digits[..whole]);
    if scale > 0 {
        out.push(b'.');
        out.extend_from_slice(&digits[whole..]);
    }
}

/// The decimal digits of `value`, at least one.
fn digits(buffer: &mut [u8; 40], mut value: u128) -> &[u8] {
    let mut at = buffer.len();
    while value > u128::from(u64::MAX) {
        at -= 1;
        buffer[at] = b'0' + (value % 10) as u8;
        value /= 10;
    }
    // From here on the machine's own division does, two digits at a time.
    let mut value = value as u64;
    while value >= 10 {
        let pair = (value % 100) as u8;
        value /= 100;
        at -= 2;
        buffer[at] = b'0' + pair / 10;
        buffer[at + 1] = b'0' + pair % 10;
    }
    if value > 0 || at == buffer.len() {
        at -= 1;
        buffer[at] = b'0' + value as u8;
    }
    &buffer[at..]
}

/// A number for printing: `units` of `10^-scale` with exactly `scale` decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decimal {
    /// The count.
    pub units: i128,
    /// Decimals.
    pub scale: u8,
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::with_capacity(48);
        push(&mut text, self.units, self.scale);
        f.pad(&String::from_utf8_lossy(&text))
    }
}

/// `units` of `10^-scale` as a float, for drawing and statistics only.
pub fn to_f64(units: i128, scale: u8) -> f64 {
    units as f64 / 10_f64.powi(i32::from(scale))
}

/// `units` at the scale `from` as units at the larger scale `to`; `None` if they do not fit or the
/// scale is smaller.
pub fn rescale(units: i128, from: u8, to: u8) -> Option<i128> {
    let power = u32::from(to.checked_sub(from)?);
    units.checked_mul(10_i128.checked_pow(power)?)
}

#[cfg(test)]
mod tests;
