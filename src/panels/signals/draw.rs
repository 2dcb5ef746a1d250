//! How the table of signals looks.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{EventRow, Signal};
use crate::model::Value;
use crate::panels::facts::{Facts, SourceFacts};
use crate::panels::scope::{Row, ScopePanel};
use crate::panels::{Look, first_row};
use crate::ui::text::{fit, put, put_right, select, width, wrap};
use crate::ui::{Role, number, pane::pane};

/// How long a changed value is marked.
const MARKED_FOR: Duration = Duration::from_secs(1);

/// Where things stand in the signal table.
struct Columns {
    name: u16,
    whole: u16,
    fraction: u16,
    unit: u16,
    age: u16,
}

impl Columns {
    /// A mark, the name, the value with its point under the others, the unit, the age.
    fn of(rows: &[Row<'_>], room: u16) -> Self {
        let (mut whole, mut fraction, mut unit, mut name) = (4, 0, 0, 6);
        for row in rows {
            match row {
                Row::Group(_) => {}
                Row::Reading(label, signal) => {
                    name = name.max(width(label));
                    unit = unit.max(width(signal.unit));
                    if let (Some((before, after)), false) =
                        (split(signal), matches!(signal.value, Value::Text(_)))
                    {
                        whole = whole.max(width(&before));
                        fraction = fraction.max(width(&after));
                    }
                }
                Row::Event(label, event) => {
                    name = name.max(width(label));
                    whole = whole.max(width(&number::count(event.count)));
                }
            }
        }
        let age = 7;
        let fixed = 2 + 2 + whole + fraction + 1 + unit + 1 + age;
        Self {
            name: name.min(room.saturating_sub(fixed).max(6)),
            whole,
            fraction,
            unit,
            age,
        }
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
    let columns = Columns::of(&rows, inner.width);
    let cursor = panel.cursor(&rows);
    let first = first_row(cursor, rows.len(), usize::from(inner.height));
    for (y, (index, row)) in (inner.top()..inner.bottom()).zip(rows.iter().enumerate().skip(first))
    {
        match row {
            Row::Group(path) => {
                put(
                    buf,
                    inner,
                    inner.left() + 1,
                    y,
                    path,
                    look.theme.style(Role::Title),
                );
            }
            Row::Reading(label, signal) => {
                draw_reading(label, signal, &columns, look, inner, y, buf)
            }
            Row::Event(label, event) => draw_event(label, event, &columns, look, inner, y, buf),
        }
        if look.focused && index == cursor && !row.is_group() {
            let line = Rect {
                y,
                height: 1,
                ..inner
            };
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
    area: Rect,
    y: u16,
    buf: &mut Buffer,
) {
    let style = |role| look.theme.style(role);
    let changed = signal
        .changed
        .is_some_and(|changed| look.at.since(changed) < MARKED_FOR);
    let role = if changed { Role::Changed } else { Role::Value };
    let left = area.left();
    put(
        buf,
        area,
        left + 2,
        y,
        &fit(label, columns.name),
        style(Role::Text),
    );
    let value_at = left + 2 + columns.name + 2;
    if changed {
        put(buf, area, value_at - 1, y, "▸", style(Role::Changed));
    }
    let point = value_at + columns.whole;
    let unit_at = point + columns.fraction + 1;
    let age_right = area.right().saturating_sub(1);
    let has_age = unit_at + columns.unit + 1 + columns.age <= area.right();
    match split(signal) {
        Some((whole, fraction)) if point + columns.fraction <= area.right() => {
            put_right(buf, area, point, y, &whole, style(role));
            put(buf, area, point, y, &fraction, style(role));
            put(buf, area, unit_at, y, signal.unit, style(Role::Dim));
        }
        // No room for the number: none is better than a part of it.
        Some(_) => {
            put(buf, area, value_at, y, "…", style(Role::Dim));
        }
        None => {
            let end = if has_age {
                age_right - columns.age
            } else {
                age_right
            };
            let text = fit(&signal.text(), end.saturating_sub(value_at));
            put(buf, area, value_at, y, &text, style(role));
        }
    }
    if has_age {
        let age = number::age(look.at.since(signal.updated));
        put_right(buf, area, age_right, y, &age, style(Role::Dim));
    }
}

fn draw_event(
    label: &str,
    event: &EventRow,
    columns: &Columns,
    look: &Look<'_>,
    area: Rect,
    y: u16,
    buf: &mut Buffer,
) {
    let style = |role| look.theme.style(role);
    let left = area.left();
    put(
        buf,
        area,
        left + 2,
        y,
        &fit(label, columns.name),
        style(Role::Text),
    );
    let count_right = left + 2 + columns.name + 2 + columns.whole;
    let age_right = area.right().saturating_sub(1);
    let age_left = age_right.saturating_sub(columns.age);
    if count_right <= area.right() {
        put_right(
            buf,
            area,
            count_right,
            y,
            &number::count(event.count),
            style(Role::Value),
        );
    }
    let newest_at = count_right + 2;
    let has_age = count_right + 2 + columns.age <= area.right();
    let end = if has_age { age_left } else { age_right };
    if end > newest_at {
        let text = fit(&event.newest, end - newest_at);
        put(buf, area, newest_at, y, &text, style(Role::Dim));
    }
    if has_age {
        let age = number::age(look.at.since(event.updated));
        put_right(buf, area, age_right, y, &age, style(Role::Dim));
    }
}
