//! A pane: a title on a rule, and the room below it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::text::{fit, put, width};
use super::{Role, Theme};

/// Draws the rule of a pane with its title and, at its right end, a note; returns the room below.
pub fn pane(
    buf: &mut Buffer,
    area: Rect,
    title: &str,
    note: &str,
    focused: bool,
    theme: &Theme,
) -> Rect {
    let area = area.intersection(buf.area);
    if area.height == 0 || area.width == 0 {
        return Rect { height: 0, ..area };
    }
    let rule = theme.style(Role::Rule);
    let y = area.top();
    put(
        buf,
        area,
        area.left(),
        y,
        &"─".repeat(usize::from(area.width)),
        rule,
    );
    let title_style = theme.style(if focused {
        Role::TitleFocused
    } else {
        Role::Title
    });
    let room = area.width.saturating_sub(4);
    let title = fit(title, room.saturating_sub(2));
    let mut x = area.left();
    if !title.is_empty() {
        x = put(
            buf,
            area,
            area.left() + 2,
            y,
            &format!(" {title} "),
            title_style,
        );
    }
    let note_wide = width(note) + 2;
    if !note.is_empty() && x + 2 + note_wide + 2 <= area.right() {
        let style = theme.style(Role::Dim);
        put(
            buf,
            area,
            area.right() - 2 - note_wide,
            y,
            &format!(" {note} "),
            style,
        );
    }
    Rect {
        y: y + 1,
        height: area.height - 1,
        ..area
    }
}
