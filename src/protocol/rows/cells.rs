//! From a value to the cells of a row, within limits, and from a number to a value that is exact.

use serde_json::value::RawValue;

use super::json::{Node, open};
use super::key::Keyed;
use super::{DEEPEST, MOST_CELLS, MOST_COLUMNS, NAME_BYTES, PassedOver, TEXT_BYTES};
use crate::model::{PlainText, Row, Value};

/// The rows of one message as they come together.
#[derive(Debug, Default)]
pub(super) struct Collector {
    pub(super) rows: Vec<Row>,
    pub(super) passed_over: PassedOver,
    cells: usize,
}

impl Collector {
    /// One row lacks what its key is made of.
    pub(super) fn count_without_key(&mut self) {
        self.passed_over.without_key = self.passed_over.without_key.saturating_add(1);
    }

    /// Takes a row in.
    pub(super) fn take(&mut self, key: Keyed, value: &RawValue) {
        if self.cells >= MOST_CELLS {
            self.passed_over.rows = self.passed_over.rows.saturating_add(1);
            return;
        }
        let mut row = Row {
            key: key.text,
            cells: Vec::new(),
        };
        match open(value) {
            Some(Node::Object(members)) => {
                self.count_cells(members.more);
                for (name, raw) in &members.members {
                    if key.member.as_deref() != Some(name) {
                        self.flatten(&mut row, name, raw, 1);
                    }
                }
            }
            Some(Node::Array(items)) => {
                self.count_cells(items.more);
                for (index, raw) in items.items.iter().enumerate() {
                    self.flatten(&mut row, &index.to_string(), raw, DEEPEST);
                }
            }
            Some(_) => self.flatten(&mut row, "value", value, DEEPEST),
            None => {
                self.passed_over.unreadable = self.passed_over.unreadable.saturating_add(1);
                return;
            }
        }
        self.rows.push(row);
    }

    fn count_cells(&mut self, more: u64) {
        self.passed_over.cells = self.passed_over.cells.saturating_add(more);
    }

    /// Adds a value as one cell, or its members as one each. Recursion ends at [`DEEPEST`].
    fn flatten(&mut self, row: &mut Row, name: &str, raw: &RawValue, depth: usize) {
        let value = match open(raw) {
            Some(Node::Object(members)) if depth < DEEPEST && !members.members.is_empty() => {
                self.count_cells(members.more);
                for (inner, raw) in &members.members {
                    let name = format!("{name}.{inner}");
                    self.flatten(row, &name, raw, depth.saturating_add(1));
                }
                return;
            }
            Some(Node::Object(_) | Node::Array(_)) | None => text(raw.get()),
            Some(Node::Null) => text("null"),
            Some(Node::Bool(is)) => Value::Bool(is),
            Some(Node::Number(number)) => exact(number),
            Some(Node::Text(words)) => text(&words),
        };
        let name = PlainText::from_peer_head(name, NAME_BYTES);
        if let Some(known) = row.cells.iter_mut().find(|(known, _)| *known == name) {
            // Written twice, the last one counts.
            known.1 = value;
        } else if row.cells.len() < MOST_COLUMNS && self.cells < MOST_CELLS {
            self.cells = self.cells.saturating_add(1);
            row.cells.push((name, value));
        } else {
            self.count_cells(1);
        }
    }
}

fn text(words: &str) -> Value {
    Value::Text(PlainText::from_peer_head(words, TEXT_BYTES))
}

/// Digits that could still be the shortest way to write some `f64`, sign, point and exponent
/// included.
const LONGEST_NUMBER: usize = 40;

/// A number as a value that says the same: an integer or a float if one is exactly it, in the
/// sense that it is written back with the same digits; else its text.
pub(super) fn exact(number: &str) -> Value {
    if let Ok(whole) = number.parse::<i64>()
        && number != "-0"
    {
        return Value::Int(whole);
    }
    if number.len() <= LONGEST_NUMBER
        && let Ok(float) = number.parse::<f64>()
        && float.is_finite()
        && Decimal::of(number) == Decimal::of(&format!("{float:e}"))
    {
        return Value::Float(float);
    }
    text(number)
}

/// A decimal number in its one normal form: `digits * 10^exponent` without zeros at either end.
#[derive(Debug, PartialEq, Eq)]
struct Decimal {
    is_negative: bool,
    digits: String,
    exponent: i64,
}

impl Decimal {
    fn of(written: &str) -> Option<Self> {
        let (is_negative, rest) = match written.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, written),
        };
        let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
            None => (rest, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{fraction}");
        let digits = all.trim_start_matches('0').trim_end_matches('0');
        if digits.is_empty() {
            return Some(Self {
                is_negative,
                digits: String::new(),
                exponent: 0,
            });
        }
        let trailing = all.len().saturating_sub(all.trim_end_matches('0').len());
        let shift = i64::try_from(trailing).ok()?;
        let fraction = i64::try_from(fraction.len()).ok()?;
        Some(Self {
            is_negative,
            digits: digits.to_owned(),
            exponent: exponent.checked_add(shift)?.checked_sub(fraction)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_no_value_holds_exactly_stay_texts() {
        let cases: [(&str, Value); 17] = [
            ("0", Value::Int(0)),
            ("-17", Value::Int(-17)),
            ("9223372036854775807", Value::Int(i64::MAX)),
            ("9223372036854775808", "9223372036854775808".into()),
            ("18446744073709551616", "18446744073709551616".into()),
            ("0.1", Value::Float(0.1)),
            ("0.10", Value::Float(0.1)),
            ("1e3", Value::Float(1000.0)),
            ("12.5E-2", Value::Float(0.125)),
            ("67123.45678901", Value::Float(67_123.456_789_01)),
            ("0.123456789012345678", "0.123456789012345678".into()),
            ("1e999", "1e999".into()),
            ("1e-999", "1e-999".into()),
            ("0.0", Value::Float(0.0)),
            ("1.7976931348623157e308", Value::Float(f64::MAX)),
            ("5e-324", Value::Float(5e-324)),
            ("1e99999999999999999999", "1e99999999999999999999".into()),
        ];
        for (written, value) in cases {
            assert_eq!(exact(written), value, "{written}");
        }
        assert!(matches!(exact("-0"), Value::Float(zero) if zero.is_sign_negative()));
    }
}
