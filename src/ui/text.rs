//! Text in cells: measured by width, never cut in the middle of a wide glyph.

use ratatui::buffer::{Buffer, CellWidth};
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Columns that `text` takes.
pub fn width(text: &str) -> u16 {
    u16::try_from(text.width()).unwrap_or(u16::MAX)
}

/// `text` in at most `columns`; where something had to go, the last column is `…`.
pub fn fit(text: &str, columns: u16) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let Some(room) = columns.checked_sub(1) else {
        return String::new();
    };
    let mut kept = head(text, room).to_owned();
    kept.push('…');
    kept
}

/// The longest beginning of `text` that takes at most `columns`.
fn head(text: &str, columns: u16) -> &str {
    let mut used = 0_usize;
    for (at, c) in text.char_indices() {
        used += c.width().unwrap_or(0);
        if used > usize::from(columns) {
            return &text[..at];
        }
    }
    text
}

/// `text` broken into at most `lines` lines of at most `columns`, between words where possible.
/// What does not fit ends in `…`.
pub fn wrap(text: &str, columns: u16, lines: usize) -> Vec<String> {
    let mut wrapped: Vec<String> = Vec::new();
    if columns == 0 {
        return wrapped;
    }
    let mut rest = text.trim();
    while !rest.is_empty() && wrapped.len() < lines {
        if wrapped.len() + 1 == lines {
            wrapped.push(fit(rest, columns));
            break;
        }
        let whole = head(rest, columns);
        let line = match whole.rfind(' ') {
            Some(space) if whole.len() < rest.len() && !rest[whole.len()..].starts_with(' ') => {
                &whole[..space]
            }
            _ => whole,
        };
        if line.is_empty() {
            // A glyph wider than the line: nothing of it can be shown.
            break;
        }
        wrapped.push(line.trim_end().to_owned());
        rest = rest[line.len()..].trim_start();
    }
    wrapped
}

/// Writes `text` at `(x, y)` inside `area` and returns the column behind it. What does not fit is
/// cut with `…`; outside of `area` nothing is touched.
pub fn put(buf: &mut Buffer, area: Rect, x: u16, y: u16, text: &str, style: Style) -> u16 {
    let area = area.intersection(buf.area);
    if y < area.top() || y >= area.bottom() || x < area.left() || x >= area.right() {
        return x.saturating_add(width(text));
    }
    free_left(buf, x, y);
    let (end, _) = buf.set_stringn(x, y, fit(text, area.right() - x), usize::MAX, style);
    end
}

/// As [`put`], ending before the column `right`.
pub fn put_right(buf: &mut Buffer, area: Rect, right: u16, y: u16, text: &str, style: Style) {
    let right = right.min(area.right());
    let room = right.saturating_sub(area.left());
    let text = fit(text, room);
    put(buf, area, right - width(&text), y, &text, style);
}

/// Empties `area`, leaving no half of a wide glyph beside it.
pub fn clear(buf: &mut Buffer, area: Rect, style: Style) {
    let area = area.intersection(buf.area);
    for y in area.top()..area.bottom() {
        if area.width > 0 {
            free_left(buf, area.left(), y);
        }
        for x in area.left()..area.right() {
            if let Some(cell) = buf.cell_mut((x, y)) {
                cell.reset();
                cell.set_style(style);
            }
        }
    }
}

/// Marks a row as the one under the cursor. Where the mark is a background, texts keep their
/// colour: what is wrong stays as visible as before.
pub fn select(buf: &mut Buffer, row: Rect, style: Style) {
    let style = match style.bg {
        Some(_) => Style { fg: None, ..style },
        None => style,
    };
    buf.set_style(row, style);
}

/// Replaces a wide glyph whose second half lies at `x` by a blank: it is about to be written over.
fn free_left(buf: &mut Buffer, x: u16, y: u16) {
    let Some(before) = x.checked_sub(1) else {
        return;
    };
    if let Some(cell) = buf.cell_mut((before, y))
        && cell.cell_width() > 1
    {
        cell.set_symbol(" ");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_between_glyphs() {
        let cases = [
            ("scope", 5, "scope"),
            ("scope", 4, "sco…"),
            ("scope", 1, "…"),
            ("scope", 0, ""),
            ("顕微鏡", 6, "顕微鏡"),
            ("顕微鏡", 5, "顕微…"),
            ("顕微鏡", 4, "顕…"),
        ];
        for (text, columns, shown) in cases {
            assert_eq!(fit(text, columns), shown, "{text} in {columns}");
        }
    }

    #[test]
    fn sentences_break_between_words() {
        assert_eq!(
            wrap("refused by the server: no route", 12, 5),
            ["refused by", "the server:", "no route"]
        );
        assert_eq!(wrap("one two three four", 8, 2), ["one two", "three f…"]);
        assert_eq!(wrap("exactly ten", 7, 2), ["exactly", "ten"]);
        assert_eq!(wrap("unbreakable", 4, 9), ["unbr", "eaka", "ble"]);
        assert!(wrap("鏡", 1, 9).len() <= 1);
        assert!(wrap("x", 0, 9).is_empty());
    }

    #[test]
    fn writing_over_half_of_a_wide_glyph_removes_the_other_half() {
        let area = Rect::new(0, 0, 6, 1);
        let mut buf = Buffer::empty(area);
        put(&mut buf, area, 0, 0, "鏡鏡鏡", Style::new());
        clear(&mut buf, Rect::new(1, 0, 2, 1), Style::new());
        let row: Vec<&str> = buf.content.iter().map(|cell| cell.symbol()).collect();
        assert_eq!(row, [" ", " ", " ", " ", "鏡", " "]);
    }
}
