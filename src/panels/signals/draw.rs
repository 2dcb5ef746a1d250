//! How the table of signals looks.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{EventRow, Row, Signal, SortBy};
use crate::model::{Stamp, Value};
use crate::panels::facts::{Facts, SourceFacts};
use crate::panels::scope::ScopePanel;
use crate::panels::{Look, first_row};
use crate::ui::text::{fit, put, put_right, select, width, wrap};
use crate::ui::{Role, number, pane::pane};

/// How long a changed value is marked.
const MARKED_FOR: Duration = Duration::from_secs(1);

/// Where things stand in the rows on the screen, counted from the left edge of the pane.
struct Columns {
    /// Where whole numbers end and fractions begin.
    point: u16,
    /// Where units begin.
    unit: u16,
    /// Where units, and values that are texts, end.
    value_end: u16,
    /// Where ages end, if there is room for them.
    age_end: Option<u16>,
    /// Where the counts of events end.
    count_end: u16,
}

/// Blank columns before a row.
const MARGIN: u16 = 2;
/// Blank columns between a name and its value; the mark of a change stands in the second.
const GAP: u16 = 2;
/// Names are not cut below this while the age could leave.
const READABLE: u16 = 8;

impl Columns {
    /// The name, the value with its point under the others, the unit, the age: no wider than the
    /// rows need, so that the eye finds from a name to its value.
    fn of(rows: &[Row<'_>], at: Stamp, room: u16) -> Self {
        let (mut name, mut whole, mut fraction, mut unit, mut text) = (0, 4, 0, 0, 0);
        let (mut event, mut count, mut age) = (0, 0, 4);
        for row in rows {
            match row {
                Row::Group(_) => {}
                Row::Reading(label, signal) => {
                    age = age.max(width(&age_of(signal.updated, at)));
                    if let Some((before, after)) = split(signal) {
                        name = name.max(width(label));
                        unit = unit.max(width(signal.unit));
                        whole = whole.max(width(&before));
                        fraction = fraction.max(width(&after));
                    } else {
                        let value = width(&signal.text());
                        text = text.max(width(label).saturating_add(value));
                    }
                }
                Row::Event(label, row) => {
                    age = age.max(width(&age_of(row.updated, at)));
                    event = event.max(width(label));
                    count = count.max(width(&number::count(row.count)));
                }
            }
        }
        let behind_point = fraction + if unit > 0 { 1 + unit } else { 0 };
        let numbers = MARGIN + name + GAP + whole + behind_point;
        let texts = MARGIN.saturating_add(text).saturating_add(GAP);
        let age_room = GAP + age + 1;
        let least = MARGIN + READABLE.min(name) + GAP + whole + behind_point;
        let has_age = least + age_room <= room;
        let tail = if has_age { age_room } else { 1 };
        let most = room.saturating_sub(tail);
        // The newest arguments of an event take all the room there is.
        let wanted = if event > 0 { most } else { numbers.max(texts) };
        let value_end = wanted.min(most);
        Self {
            point: value_end.saturating_sub(behind_point),
            unit: value_end.saturating_sub(unit),
            value_end,
            age_end: has_age.then(|| value_end + GAP + age),
            count_end: MARGIN + event.min(room / 3) + GAP + count,
        }
    }
}

/// Ages below a second would only flicker.
fn age_of(then: Stamp, now: Stamp) -> String {
    match now.since(then) {
        age if age < Duration::from_secs(1) => "<1 s".to_owned(),
        age => number::age(age),
    }
}

/// A value before and from its decimal point on.
fn split(signal: &Signal) -> Option<(String, String)> {
    let text = signal.text();
    match (&signal.value, text.find('.')) {
        (Value::Text(_), _) => None,
        (_, Some(point)) => Some((text[..point].to_owned(), text[point..].to_owned())),
        (_, None) => Some((text, String::new())),
    }
}

/// Draws the table of signals.
pub fn draw(panel: &ScopePanel, facts: &Facts, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let rows = panel.rows(facts);
    let source = panel.source(facts);
    let name = source.map_or("", |source| source.info.name.as_str());
    let mut title = match name {
        "" => "signals".to_owned(),
        name => format!("signals · {name}"),
    };
    if !panel.filter.is_empty() {
        title.push_str(&format!(" · /{}", panel.filter));
    }
    let note = signals_note(panel, source, rows.len());
    let inner = pane(buf, area, &title, &note, look.focused, look.theme);
    if rows.is_empty() {
        let words = if panel.filter.is_empty() {
            format!("nothing from {name} yet: readings and events will stand here")
        } else {
            "no signal matches: press Esc to see all of them".to_owned()
        };
        let words = if source.is_some() {
            words
        } else {
            "no source yet".to_owned()
        };
        for (y, line) in (inner.top()..).zip(wrap(&words, inner.width.saturating_sub(2), 3)) {
            put(
                buf,
                inner,
                inner.left() + 1,
                y,
                &line,
                look.theme.style(Role::Dim),
            );
        }
        return;
    }
    let cursor = look.focused.then(|| panel.cursor(&rows));
    let first = first_row(panel.cursor(&rows), rows.len(), usize::from(inner.height));
    draw_rows(&rows, first, cursor, look, inner, buf);
}

/// Draws the first signals of a source, as far as there is room.
pub fn draw_first(
    source: &SourceFacts,
    shown: Option<&str>,
    look: &Look<'_>,
    area: Rect,
    buf: &mut Buffer,
) {
    let title = format!("signals · {}", source.info.name);
    let inner = pane(buf, area, &title, "", look.focused, look.theme);
    let rows = source.signals.rows(SortBy::Relevance, "", shown);
    if rows.is_empty() {
        let words = "nothing yet: readings and events will stand here";
        let style = look.theme.style(Role::Dim);
        put(buf, inner, inner.left() + 1, inner.top(), words, style);
    }
    draw_rows(&rows, 0, None, look, inner, buf);
}

fn draw_rows(
    rows: &[Row<'_>],
    first: usize,
    cursor: Option<usize>,
    look: &Look<'_>,
    area: Rect,
    buf: &mut Buffer,
) {
    let end = rows.len().min(first + usize::from(area.height));
    let shown = rows.get(first..end).unwrap_or(&[]);
    let columns = Columns::of(shown, look.at, area.width);
    for (y, (index, row)) in (area.top()..).zip((first..).zip(shown)) {
        let line = Rect {
            y,
            height: 1,
            ..area
        };
        match row {
            Row::Group(path) => {
                let style = look.theme.style(Role::Title);
                put(buf, line, line.left() + 1, y, path, style);
            }
            Row::Reading(label, signal) => draw_reading(label, signal, &columns, look, line, buf),
            Row::Event(label, event) => draw_event(label, event, &columns, look, line, buf),
        }
        if Some(index) == cursor && !row.is_group() {
            select(buf, line, look.theme.style(Role::Selection));
        }
    }
}

fn signals_note(panel: &ScopePanel, source: Option<&SourceFacts>, rows: usize) -> String {
    let passed_over = source.map_or(0, |source| source.signals.passed_over());
    if passed_over > 0 {
        return format!("table full: {} not shown", number::count(passed_over));
    }
    match rows {
        0 => String::new(),
        _ => format!("by {}", panel.sort.as_str()),
    }
}

fn draw_reading(
    label: &str,
    signal: &Signal,
    columns: &Columns,
    look: &Look<'_>,
    line: Rect,
    buf: &mut Buffer,
) {
    let style = |role| look.theme.style(role);
    let changed = signal
        .changed
        .is_some_and(|changed| look.at.since(changed) < MARKED_FOR);
    let role = if changed { Role::Changed } else { Role::Value };
    let (left, y) = (line.left(), line.top());
    let (text, end, fraction) = match split(signal) {
        Some((whole, fraction)) => (whole, columns.point, fraction),
        None => {
            let room = columns.value_end.saturating_sub(MARGIN + GAP);
            // A long name and a long text share the room.
            let text_room = room.saturating_sub(width(label)).max(room / 2);
            (
                fit(&signal.text(), text_room),
                columns.value_end,
                String::new(),
            )
        }
    };
    let start = end.saturating_sub(width(&text));
    if start < MARGIN + GAP || columns.point + width(&fraction) > line.width {
        // No room for the number: none is better than a part of it.
        let room = line.width.saturating_sub(MARGIN + 2);
        put(
            buf,
            line,
            left + MARGIN,
            y,
            &fit(label, room),
            style(Role::Text),
        );
        put_right(buf, line, line.right(), y, "…", style(Role::Dim));
        return;
    }
    let name = fit(label, start - MARGIN - GAP);
    put(buf, line, left + MARGIN, y, &name, style(Role::Text));
    if changed {
        put(buf, line, left + start - 1, y, "▸", style(Role::Changed));
    }
    put(buf, line, left + start, y, &text, style(role));
    put(buf, line, left + end, y, &fraction, style(role));
    put(
        buf,
        line,
        left + columns.unit,
        y,
        signal.unit,
        style(Role::Dim),
    );
    draw_age(signal.updated, columns, look, line, buf);
}

fn draw_event(
    label: &str,
    event: &EventRow,
    columns: &Columns,
    look: &Look<'_>,
    line: Rect,
    buf: &mut Buffer,
) {
    let style = |role| look.theme.style(role);
    let (left, y) = (line.left(), line.top());
    let count = number::count(event.count);
    let count_at = columns.count_end.saturating_sub(width(&count));
    let name = fit(label, count_at.saturating_sub(MARGIN + GAP));
    put(buf, line, left + MARGIN, y, &name, style(Role::Text));
    if columns.count_end <= line.width {
        put(buf, line, left + count_at, y, &count, style(Role::Value));
    }
    let newest_at = columns.count_end + GAP;
    if columns.value_end > newest_at {
        let text = fit(&event.newest, columns.value_end - newest_at);
        put(buf, line, left + newest_at, y, &text, style(Role::Dim));
    }
    draw_age(event.updated, columns, look, line, buf);
}

fn draw_age(then: Stamp, columns: &Columns, look: &Look<'_>, line: Rect, buf: &mut Buffer) {
    if let Some(end) = columns.age_end {
        let age = age_of(then, look.at);
        let style = look.theme.style(Role::Dim);
        put_right(buf, line, line.left() + end, line.top(), &age, style);
    }
}
