//! Labelled values that flow over lines like words; none is ever cut.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::text::{put, width};
use super::{Role, Theme};

/// A label and a value, or a value alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    label: &'static str,
    value: String,
    role: Role,
}

impl Item {
    /// `value` in `role` behind a dim label, which may be empty.
    pub fn new(label: &'static str, value: impl Into<String>, role: Role) -> Self {
        Self {
            label,
            value: value.into(),
            role,
        }
    }

    fn columns(&self) -> u16 {
        let label = match width(self.label) {
            0 => 0,
            label => label + 1,
        };
        label.saturating_add(width(&self.value))
    }
}

/// Blank columns between two items.
const GAP: u16 = 3;

/// Writes as many items as there is room for, the most important first; one that does not fit into
/// its line begins the next. Returns the rows used.
pub fn flow(buf: &mut Buffer, area: Rect, items: &[Item], theme: &Theme) -> u16 {
    let (mut x, mut y) = (area.left(), area.top());
    let mut used = 0;
    for item in items {
        let wide = item.columns();
        if x > area.left() && x.saturating_add(wide) > area.right() {
            x = area.left();
            y += 1;
        }
        if y >= area.bottom() {
            break;
        }
        if wide > area.width {
            continue;
        }
        if !item.label.is_empty() {
            x = put(buf, area, x, y, item.label, theme.style(Role::Dim)) + 1;
        }
        x = put(buf, area, x, y, &item.value, theme.style(item.role)) + GAP;
        used = y + 1 - area.top();
    }
    used
}

/// Columns of the labels in a [`list`].
const LABELS: u16 = 15;

/// Writes one item to a row, values under one another. Returns the rows used.
pub fn list(buf: &mut Buffer, area: Rect, items: &[Item], theme: &Theme) -> u16 {
    for (y, item) in (area.top()..area.bottom()).zip(items) {
        put(
            buf,
            area,
            area.left(),
            y,
            item.label,
            theme.style(Role::Dim),
        );
        let value_at = area.left() + LABELS;
        put(buf, area, value_at, y, &item.value, theme.style(item.role));
    }
    u16::try_from(items.len())
        .unwrap_or(u16::MAX)
        .min(area.height)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_flow_and_are_never_cut() {
        let items = [
            Item::new("", "18.7 fps", Role::Value),
            Item::new("shown", "40 611", Role::Text),
            Item::new("lost", "0", Role::Text),
        ];
        let cases: [(u16, u16, &[&str]); 4] = [
            (40, 2, &["18.7 fps   shown 40 611   lost 0", ""]),
            (24, 2, &["18.7 fps   shown 40 611", "lost 0"]),
            (12, 2, &["18.7 fps", "shown 40 611"]),
            (6, 1, &["lost 0"]),
        ];
        for (columns, rows, shown) in cases {
            let area = Rect::new(0, 0, columns, rows);
            let mut buf = Buffer::empty(area);
            flow(&mut buf, area, &items, &Theme::monochrome());
            for (y, line) in (0..).zip(shown) {
                let text: String = (0..columns).map(|x| buf[(x, y)].symbol()).collect();
                assert_eq!(text.trim_end(), *line, "{columns} columns");
            }
        }
    }
}
