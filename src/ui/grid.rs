//! Numbers in a grid of fixed columns: what changes ten times a second must not move.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::sparkline::trace;
use super::text::{put, put_right, width};
use super::{Role, Theme};

/// Columns of a number with its label, and a blank behind it.
pub const CELL: u16 = 13;
/// Columns of a value.
const VALUE: u16 = 6;

/// A labelled number.
#[derive(Clone, Debug, PartialEq)]
pub struct Number {
    label: &'static str,
    value: String,
    role: Role,
    /// What stands behind it, in a column of its own.
    behind: Option<Behind>,
}

/// What stands behind a number.
#[derive(Clone, Debug, PartialEq)]
enum Behind {
    Trend(Vec<f64>),
    Text(String),
}

impl Number {
    /// A number of at most six columns behind a label of at most five.
    pub fn new(label: &'static str, value: impl Into<String>, role: Role) -> Self {
        Self {
            label,
            value: value.into(),
            role,
            behind: None,
        }
    }

    /// With how it went.
    #[must_use]
    pub fn with_trend(self, trend: Vec<f64>) -> Self {
        Self {
            behind: Some(Behind::Trend(trend)),
            ..self
        }
    }

    /// With a text behind it.
    #[must_use]
    pub fn with_text(self, text: impl Into<String>) -> Self {
        Self {
            behind: Some(Behind::Text(text.into())),
            ..self
        }
    }

    fn columns(&self) -> u16 {
        match self.behind {
            Some(_) => 2 * CELL,
            None => CELL,
        }
    }
}

/// Writes as many numbers as there is room for, the most important first. Returns the rows used.
pub fn grid(buf: &mut Buffer, area: Rect, numbers: &[Number], theme: &Theme) -> u16 {
    let (mut x, mut y) = (area.left(), area.top());
    // The last cell of a row needs no blank behind it.
    let right = area.right().saturating_add(1);
    for number in numbers {
        let wide = number.columns();
        if x > area.left() && x.saturating_add(wide) > right {
            (x, y) = (area.left(), y + 1);
        }
        if y >= area.bottom() || x.saturating_add(wide) > right {
            break;
        }
        put(buf, area, x, y, number.label, theme.style(Role::Dim));
        let end = x + CELL - 1;
        let least = end.saturating_sub(width(&number.value).max(VALUE));
        let value = Rect {
            x: least.max(x),
            y,
            width: end - least.max(x),
            height: 1,
        };
        put_right(buf, value, end, y, &number.value, theme.style(number.role));
        match &number.behind {
            Some(Behind::Trend(values)) => {
                let text = trace(values, CELL - 2);
                put(buf, area, end + 1, y, &text, theme.style(Role::Graph));
            }
            Some(Behind::Text(text)) => {
                put(buf, area, end + 1, y, text, theme.style(number.role));
            }
            None => {}
        }
        x += wide;
    }
    match x > area.left() {
        true => (y + 1 - area.top()).min(area.height),
        false => (y - area.top()).min(area.height),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_under_one_another() {
        let numbers = [
            Number::new("min", "96", Role::Text),
            Number::new("p99.8", "3 120", Role::Text),
            Number::new("focus", "0.871", Role::Text).with_trend(vec![1.0, 2.0, 8.0]),
            Number::new("drift", "+1.2", Role::Text).with_text("-0.4 px"),
            Number::new("max", "65 535", Role::Text),
        ];
        let cases: [(u16, u16, u16, &[&str]); 4] = [
            (
                26,
                5,
                4,
                &[
                    "min       96 p99.8  3 120",
                    "focus  0.871         ▁▂█",
                    "drift   +1.2 -0.4 px",
                    "max   65 535",
                ],
            ),
            (
                38,
                2,
                2,
                &["min       96 p99.8  3 120", "focus  0.871         ▁▂█"],
            ),
            (
                51,
                9,
                2,
                &[
                    "min       96 p99.8  3 120 focus  0.871         ▁▂█",
                    "drift   +1.2 -0.4 px      max   65 535",
                ],
            ),
            (11, 3, 0, &[]),
        ];
        for (columns, rows, used, shown) in cases {
            let area = Rect::new(0, 0, columns, rows);
            let mut buf = Buffer::empty(area);
            let count = grid(&mut buf, area, &numbers, &Theme::monochrome());
            assert_eq!(count, used, "{columns} columns");
            for (y, line) in (0..).zip(shown) {
                let text: String = (0..columns).map(|x| buf[(x, y)].symbol()).collect();
                assert_eq!(text.trim_end(), *line, "{columns} columns");
            }
        }
    }
}
