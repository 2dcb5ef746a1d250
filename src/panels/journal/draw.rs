//! How the journal looks.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Entry, Journal, JournalPanel};
use crate::model::Severity;
use crate::panels::{Look, first_row};
use crate::ui::text::{put, select, width, wrap};
use crate::ui::{Role, number, pane::pane};

/// Draws the whole pane.
pub fn draw(
    panel: &JournalPanel,
    journal: &Journal,
    look: &Look<'_>,
    area: Rect,
    buf: &mut Buffer,
) {
    let lines = panel.lines(journal);
    let inner = pane(
        buf,
        area,
        &title(panel),
        &note(panel, journal, lines.len()),
        look.focused,
        look.theme,
    );
    if lines.is_empty() {
        let words = if journal.entries().len() == 0 {
            "nothing has happened yet: links, faults, losses and log lines will stand here"
        } else {
            "no line matches: press Esc to see all of them"
        };
        put(
            buf,
            inner,
            inner.left() + 1,
            inner.top(),
            words,
            look.theme.style(Role::Dim),
        );
        return;
    }
    let cursor = panel.cursor(&lines);
    let detail = cursor.map(|row| detail_of(lines[row], inner));
    let detail_rows = detail.as_ref().map_or(0, |text| text.len() as u16 + 1);
    let list = Rect {
        height: inner.height.saturating_sub(detail_rows),
        ..inner
    };
    let room = usize::from(list.height);
    let first = first_row(cursor.unwrap_or(lines.len() - 1), lines.len(), room);
    let first = if cursor.is_none() {
        lines.len().saturating_sub(room)
    } else {
        first
    };
    let shown = lines.get(first..).unwrap_or(&[]);
    let selected = cursor.map(|row| row - first);
    draw_lines(shown, selected, look, list, buf);
    if let Some(text) = detail {
        draw_detail(&text, look, list.bottom(), inner, buf);
    }
}

/// Draws the newest lines that fit, as many panes show them.
pub fn draw_recent(journal: &Journal, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let inner = pane(buf, area, "recent", "", look.focused, look.theme);
    let room = usize::from(inner.height);
    let mut lines: Vec<&Entry> = journal
        .entries()
        .rev()
        .filter(|entry| entry.severity > Severity::Debug)
        .take(room)
        .collect();
    lines.reverse();
    if lines.is_empty() {
        put(
            buf,
            inner,
            inner.left() + 1,
            inner.top(),
            "nothing yet",
            look.theme.style(Role::Dim),
        );
    }
    draw_lines(&lines, None, look, inner, buf);
}

fn title(panel: &JournalPanel) -> String {
    let mut title = "journal".to_owned();
    match panel.least {
        Severity::Warning => title.push_str(" · warnings and errors"),
        Severity::Error => title.push_str(" · errors"),
        Severity::Debug | Severity::Info => {}
    }
    if !panel.filter.is_empty() {
        title.push_str(&format!(" · /{}", panel.filter));
    }
    title
}

fn note(panel: &JournalPanel, journal: &Journal, shown: usize) -> String {
    let all = journal.entries().len();
    let mut note = if shown == all {
        format!("{} lines", number::count(all as u64))
    } else {
        format!(
            "{} of {} lines",
            number::count(shown as u64),
            number::count(all as u64)
        )
    };
    if journal.forgotten() > 0 {
        note.push_str(&format!(
            ", {} older ones left",
            number::count(journal.forgotten())
        ));
    }
    note.push_str(if panel.follows() {
        " · following"
    } else {
        " · G follows"
    });
    note
}

/// Time and severity stand before this column.
const TEXT_COLUMN: u16 = 11;
/// From so many columns on the kind of a line is shown too.
const KIND_FROM: u16 = 110;

/// Draws lines of the journal, one a row.
pub(in crate::panels) fn draw_lines(
    lines: &[&Entry],
    selected: Option<usize>,
    look: &Look<'_>,
    area: Rect,
    buf: &mut Buffer,
) {
    let who_wide = lines
        .iter()
        .map(|entry| width(&entry.who))
        .max()
        .unwrap_or(0)
        .clamp(4, 12)
        .min(area.width / 4);
    for (row, entry) in lines.iter().take(usize::from(area.height)).enumerate() {
        let y = area.top() + row as u16;
        let (glyph, role) = mark(entry.severity);
        let text_role = match entry.severity {
            Severity::Error => Role::Error,
            Severity::Warning => Role::Text,
            Severity::Info => Role::Text,
            Severity::Debug => Role::Dim,
        };
        let style = |role| look.theme.style(role);
        let time = number::clock(entry.at.unix_ns, look.utc_offset_s);
        put(buf, area, area.left() + 1, y, &time, style(Role::Dim));
        put(buf, area, area.left() + 10, y, glyph, style(role));
        let mut x = area.left() + TEXT_COLUMN + 1;
        let who = crate::ui::text::fit(&entry.who, who_wide);
        put(buf, area, x, y, &who, style(Role::Dim));
        x += who_wide + 2;
        if area.width >= KIND_FROM {
            put(buf, area, x, y, entry.kind.as_str(), style(Role::Dim));
            x += 7;
        }
        if entry.count > 1 {
            let times = format!("×{} ", number::count(entry.count));
            x = put(buf, area, x, y, &times, style(Role::Value));
        }
        put(buf, area, x, y, &entry.text, style(text_role));
        if selected == Some(row) {
            select(
                buf,
                Rect {
                    y,
                    height: 1,
                    ..area
                },
                style(Role::Selection),
            );
        }
    }
}

/// A glyph that says how bad it is, before the colour does.
fn mark(severity: Severity) -> (&'static str, Role) {
    match severity {
        Severity::Error => ("✕", Role::Error),
        Severity::Warning => ("!", Role::Warning),
        Severity::Info => ("·", Role::Dim),
        Severity::Debug => (" ", Role::Dim),
    }
}

/// The whole of the selected line, if there is room to say it.
fn detail_of(entry: &Entry, area: Rect) -> Vec<String> {
    let most = usize::from(area.height / 3);
    let text = format!(
        "{} {} · {}",
        entry.severity.as_str(),
        entry.kind.as_str(),
        entry.text
    );
    wrap(&text, area.width.saturating_sub(2), most.saturating_sub(1))
}

fn draw_detail(text: &[String], look: &Look<'_>, y: u16, area: Rect, buf: &mut Buffer) {
    let rule = "─".repeat(usize::from(area.width));
    put(
        buf,
        area,
        area.left(),
        y,
        &rule,
        look.theme.style(Role::Rule),
    );
    for (row, line) in (1..).zip(text) {
        put(
            buf,
            area,
            area.left() + 1,
            y + row,
            line,
            look.theme.style(Role::Text),
        );
    }
}
