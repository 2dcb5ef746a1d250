//! How the live tables look: the list of them, the chosen one, and the cell under the cursor.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{KnownCell, KnownRow, Shown, Since, Table, TablesPanel};
use crate::model::{LinkState, Stamp};
use crate::panels::facts::{Facts, SourceFacts};
use crate::panels::{Look, first_row};
use crate::ui::sparkline::trace;
use crate::ui::text::{fit, put, put_right, select, width, wrap};
use crate::ui::{Role, number, pane::pane};

/// Blank columns between two columns; the mark of a change stands in the second.
const GAP: u16 = 2;
/// Texts are cut at this, numbers never.
const TEXT_MOST: u16 = 24;
/// Columns of a trend beside its number.
const TREND: u16 = 8;
/// Columns of the trend of the cell under the cursor.
const LONG_TREND: u16 = 32;
/// Columns of the ages.
const AGE: u16 = 6;
/// Rows below the table for the cell under the cursor, the rule included.
const DETAIL: u16 = 3;

/// Draws the list of all tables.
pub fn draw_list(
    panel: &TablesPanel,
    facts: &Facts,
    look: &Look<'_>,
    area: Rect,
    buf: &mut Buffer,
) {
    let all = TablesPanel::all(facts);
    let note = match all.len() {
        0 | 1 => String::new(),
        many => number::count(many as u64),
    };
    let inner = pane(buf, area, "tables", &note, look.focused, look.theme);
    let shown = panel.table(facts);
    let is_shown = |source: &SourceFacts, table: &Table| {
        shown.is_some_and(|(s, t)| s.info.id == source.info.id && t.name == table.name)
    };
    let cursor = all.iter().position(|(s, t)| is_shown(s, t)).unwrap_or(0);
    let room = usize::from(inner.height);
    let first = first_row(cursor, all.len(), room);
    let style = |role| look.theme.style(role);
    for (y, (source, table)) in (inner.top()..inner.bottom()).zip(all.iter().skip(first)) {
        let line = Rect {
            y,
            height: 1,
            ..inner
        };
        let rows = number::count(table.rows().len() as u64);
        let role = match is_away(source) {
            true => Role::Dim,
            false => Role::Text,
        };
        let tail = width(&rows) + 2;
        let room = inner.width.saturating_sub(tail + 1);
        let name = fit(&format!("{} · {}", source.info.name, table.name), room);
        put(buf, line, line.left() + 1, y, &name, style(role));
        put_right(
            buf,
            line,
            line.right().saturating_sub(1),
            y,
            &rows,
            style(Role::Dim),
        );
        if is_shown(source, table) {
            select(buf, line, style(Role::Selection));
        }
    }
}

/// Draws the chosen table and the cell under the cursor.
pub fn draw(panel: &TablesPanel, facts: &Facts, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let Some((source, table)) = panel.table(facts) else {
        draw_empty(look, area, buf);
        return;
    };
    let rows = panel.rows(table);
    let title = title(panel, source, table);
    let has_detail = area.height > DETAIL + 6;
    let below = if has_detail { DETAIL } else { 0 };
    let grid_room = area.height.saturating_sub(2 + below);
    let cursor = panel.cursor(&rows);
    let first = first_row(cursor, rows.len(), usize::from(grid_room));
    let end = rows.len().min(first + usize::from(grid_room));
    let shown = rows.get(first..end).unwrap_or(&[]);
    let grid = Grid::of(panel, table, shown, area.width);
    let note = note(panel, table, rows.len(), &grid);
    let inner = pane(buf, area, &title, &note, look.focused, look.theme);
    let style = |role| look.theme.style(role);
    if rows.is_empty() {
        let words = match (table.rows().len(), panel.since) {
            (0, _) => "the table has no rows now".to_owned(),
            (_, Since::OnlyAfter(_)) if panel.filter.is_empty() => {
                "nothing has changed since the mark".to_owned()
            }
            _ => "no row matches: press Esc to see all of them".to_owned(),
        };
        put(
            buf,
            inner,
            inner.left() + 1,
            inner.top(),
            &words,
            style(Role::Dim),
        );
        return;
    }
    grid.draw_heading(panel, table, look, inner, buf);
    let away = is_away(source);
    for (index, row) in shown.iter().enumerate() {
        let y = inner.top() + 1 + index as u16;
        let line = Rect {
            y,
            height: 1,
            ..inner
        };
        grid.draw_row(panel, row, away, look, line, buf);
        if first + index == cursor && look.focused {
            select(buf, line, style(Role::Selection));
            grid.draw_cursor(look, line, buf);
        }
    }
    if let Some(row) = rows.get(cursor).filter(|_| has_detail) {
        let detail = Rect {
            y: inner.bottom() - DETAIL,
            height: DETAIL,
            ..inner
        };
        draw_detail(panel, table, row, look, detail, buf);
    }
}

/// Whether nothing can be new, because the link is not live.
fn is_away(source: &SourceFacts) -> bool {
    !matches!(source.link, Some(LinkState::Live))
}

fn draw_empty(look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let inner = pane(buf, area, "tables", "", look.focused, look.theme);
    let words = [
        "no table yet: rows of generic feeds will stand here, sorted, filtered and watched",
        "",
        "any WebSocket that speaks JSON:  ttyscope 'ws://HOST:PORT/PATH?rows=$.data[*]&key=symbol'",
        "every event of a Socket.IO server:  ttyscope socketio://HOST:PORT",
    ];
    let mut y = inner.top();
    for text in words {
        let lines = match text {
            "" => vec![String::new()],
            text => wrap(text, inner.width.saturating_sub(2), 4),
        };
        for line in lines {
            put(
                buf,
                inner,
                inner.left() + 1,
                y,
                &line,
                look.theme.style(Role::Dim),
            );
            y = y.saturating_add(1);
        }
    }
}

fn title(panel: &TablesPanel, source: &SourceFacts, table: &Table) -> String {
    let mut title = format!("{} · {}", source.info.name, table.name);
    if !panel.filter.is_empty() {
        title.push_str(&format!(" · /{}", panel.filter));
    }
    match panel.since {
        Since::Moment => {}
        Since::Mark(_) => title.push_str(" · changes since the mark"),
        Since::OnlyAfter(_) => title.push_str(" · only what changed since the mark"),
    }
    if is_away(source) {
        let word = source.link.as_ref().map_or("starting", LinkState::word);
        title.push_str(&format!(" · {word}"));
    }
    title
}

fn note(panel: &TablesPanel, table: &Table, shown: usize, grid: &Grid) -> String {
    let all = table.rows().len();
    let mut note = match shown == all {
        true if all == 1 => "1 row".to_owned(),
        true => format!("{} rows", number::count(all as u64)),
        false => format!(
            "{} of {} rows",
            number::count(shown as u64),
            number::count(all as u64)
        ),
    };
    if table.forgotten > 0 {
        note.push_str(&format!(", {} older left", number::count(table.forgotten)));
    }
    if table.passed_over > 0 {
        let cells = number::count(table.passed_over);
        note.push_str(&format!(", full: {cells} cells not shown"));
    }
    if let Some((by, is_reversed)) = panel.sorted_by() {
        let way = if *is_reversed { "↓" } else { "↑" };
        note.push_str(&format!(" · by {} {way}", heading_of(by)));
    }
    let columns = table.columns.len();
    if grid.cells.len() < columns {
        let from = grid.cells.first().map_or(0, |cell| cell.column + 1);
        let to = grid.cells.last().map_or(0, |cell| cell.column + 1);
        note.push_str(&format!(" · columns {from}–{to} of {columns}"));
    }
    note
}

fn heading_of(column: &Shown) -> &str {
    match column {
        Shown::Key => "key",
        Shown::Cell(name) => name,
        Shown::Age => "age",
    }
}

/// A column of cells that is on the screen.
struct Place {
    /// Which of the table's columns it is.
    column: usize,
    /// Where it begins, counted from the left edge.
    start: u16,
    width: u16,
    /// Digits before the point, if it is one of numbers.
    whole: Option<u16>,
    has_trend: bool,
}

/// Where everything stands: keys at the left edge, ages at the right one, and between them as many
/// columns as there is room for, the one under the cursor among them.
struct Grid {
    key: u16,
    cells: Vec<Place>,
    age_end: u16,
    /// The column under the cursor.
    cursor: usize,
}

impl Grid {
    fn of(panel: &TablesPanel, table: &Table, rows: &[&KnownRow], room: u16) -> Self {
        let keys = rows.iter().map(|row| width(&row.key)).max().unwrap_or(0);
        let key = keys.clamp(3, TEXT_MOST).min(room / 3).max(1);
        let age_end = room.saturating_sub(1);
        let left = 1 + key;
        let middle = age_end.saturating_sub(AGE + GAP + left);
        let sizes: Vec<(u16, Option<u16>)> = (0..table.columns.len())
            .map(|column| measured(&table.columns[column], column, rows))
            .collect();
        let cursor = panel.column(table);
        let total: u32 = sizes.iter().map(|(wide, _)| u32::from(wide + GAP)).sum();
        let numbers = sizes.iter().filter(|(_, whole)| whole.is_some()).count();
        let with_trends = total + numbers as u32 * u32::from(TREND + 1);
        let has_trends = with_trends <= u32::from(middle);
        let wide = |column: usize| -> u16 {
            let (wide, whole) = sizes[column];
            match has_trends && whole.is_some() {
                true => wide + TREND + 1,
                false => wide,
            }
        };
        // The cursor's column is the last one that has to be seen.
        let wanted = cursor.saturating_sub(1).min(sizes.len().saturating_sub(1));
        let mut first = 0;
        let span = |first: usize| -> u32 {
            let columns = first..=wanted;
            columns.map(|column| u32::from(wide(column) + GAP)).sum()
        };
        while first < wanted && span(first) > u32::from(middle) {
            first += 1;
        }
        let mut cells = Vec::new();
        let mut x = left;
        for (column, (_, whole)) in sizes.iter().copied().enumerate().skip(first) {
            let most = (left + middle).saturating_sub(x + GAP);
            let size = wide(column);
            let is_cut = size > most;
            // A part of a number is worse than none, but the cursor's column has to be there.
            if most == 0 || (is_cut && (whole.is_some() || most < 8) && !cells.is_empty()) {
                break;
            }
            cells.push(Place {
                column,
                start: x + GAP,
                width: size.min(most),
                whole,
                has_trend: has_trends && whole.is_some(),
            });
            x += GAP + size.min(most);
            if is_cut {
                break;
            }
        }
        Self {
            key,
            cells,
            age_end,
            cursor,
        }
    }

    fn draw_heading(
        &self,
        panel: &TablesPanel,
        table: &Table,
        look: &Look<'_>,
        area: Rect,
        buf: &mut Buffer,
    ) {
        let y = area.top();
        let columns = TablesPanel::columns(table);
        let role_of = |column: usize| match panel.sorted_by() {
            _ if column == self.cursor && look.focused => Role::TitleFocused,
            Some((by, _)) if columns.get(column) == Some(by) => Role::Title,
            _ => Role::Dim,
        };
        let style = |column| look.theme.style(role_of(column));
        put(
            buf,
            area,
            area.left() + 1,
            y,
            &fit("key", self.key),
            style(0),
        );
        for place in &self.cells {
            let name = fit(&table.columns[place.column], place.width);
            let x = area.left() + place.start;
            let style = style(place.column + 1);
            match place.whole {
                Some(_) => put_right(buf, area, x + place.text_width(), y, &name, style),
                None => {
                    put(buf, area, x, y, &name, style);
                }
            }
        }
        let age = columns.len() - 1;
        put_right(buf, area, area.left() + self.age_end, y, "age", style(age));
    }

    fn draw_row(
        &self,
        panel: &TablesPanel,
        row: &KnownRow,
        away: bool,
        look: &Look<'_>,
        line: Rect,
        buf: &mut Buffer,
    ) {
        let is_old = away || row.gone.is_some() || row.is_stale(look.at);
        let plain = if is_old { Role::Dim } else { Role::Value };
        let style = |role| look.theme.style(role);
        let (left, y) = (line.left(), line.top());
        let key_role = if is_old { Role::Dim } else { Role::Text };
        put(
            buf,
            line,
            left + 1,
            y,
            &fit(&row.key, self.key),
            style(key_role),
        );
        for place in &self.cells {
            let Some(cell) = row.cell(place.column) else {
                continue;
            };
            let marked = panel.is_marked(cell, look.at);
            let role = if marked { Role::Changed } else { plain };
            let (start, text) = place.laid_out(cell);
            let x = left + place.start + start;
            put(buf, line, x, y, &text, style(role));
            if marked {
                put(
                    buf,
                    line,
                    x.saturating_sub(1).max(left),
                    y,
                    "▸",
                    style(Role::Changed),
                );
            }
            if place.has_trend {
                let x = left + place.start + place.width - TREND;
                let text = trace(&cell.numbers(), TREND);
                let role = if is_old { Role::Dim } else { Role::Graph };
                put(buf, line, x, y, &text, style(role));
            }
        }
        let (age, role) = age_of(row, look.at);
        let role = if away { Role::Dim } else { role };
        put_right(buf, line, left + self.age_end, y, &age, style(role));
    }

    /// Says where on the selected row the cursor stands.
    fn draw_cursor(&self, look: &Look<'_>, line: Rect, buf: &mut Buffer) {
        let place = self
            .cells
            .iter()
            .find(|place| place.column + 1 == self.cursor);
        let (start, wide) = match (self.cursor, place) {
            (0, _) => (1, self.key),
            (_, Some(place)) => (place.start, place.width),
            (_, None) => (self.age_end.saturating_sub(AGE), AGE),
        };
        let cell = Rect {
            x: line.left() + start,
            width: wide,
            ..line
        }
        .intersection(line);
        let style = look.theme.style(Role::TitleFocused);
        buf.set_style(cell, style);
    }
}

impl Place {
    /// What is left of it beside a trend.
    fn text_width(&self) -> u16 {
        match self.has_trend {
            true => self.width.saturating_sub(TREND + 1),
            false => self.width,
        }
    }

    /// Where a cell's text begins in its column, and as much of it as there is room for.
    fn laid_out(&self, cell: &KnownCell) -> (u16, String) {
        let room = self.text_width();
        let text = cell.text();
        match (self.whole, cell.number()) {
            (Some(whole), Some(_)) => {
                let (before, _) = split(&text);
                let start = whole.saturating_sub(width(before));
                (start, fit(&text, room.saturating_sub(start)))
            }
            (Some(_), None) => {
                let text = fit(&text, room);
                (room.saturating_sub(width(&text)), text)
            }
            (None, _) => (0, fit(&text, room)),
        }
    }
}

/// How wide a column is with these rows, and how many digits stand before the point if all that
/// stands there are numbers (and JSON's word for nothing).
fn measured(name: &str, column: usize, rows: &[&KnownRow]) -> (u16, Option<u16>) {
    let (mut whole, mut fraction, mut text) = (0, 0, 0);
    let (mut numbers, mut words) = (0_u32, 0_u32);
    for cell in rows.iter().filter_map(|row| row.cell(column)) {
        let shown = cell.text();
        if cell.number().is_some() {
            let (before, after) = split(&shown);
            whole = whole.max(width(before));
            fraction = fraction.max(width(after));
            numbers += 1;
        } else if !matches!(shown.as_str(), "" | "null") {
            words += 1;
        }
        text = text.max(width(&shown));
    }
    let name = width(name).min(TEXT_MOST);
    match numbers > 0 && words == 0 {
        true => {
            let wide = (whole + fraction).max(text);
            // The heading ends where the numbers do.
            let shift = name.saturating_sub(wide);
            (wide + shift, Some(whole + shift))
        }
        false => (text.min(TEXT_MOST).max(name).max(1), None),
    }
}

/// A number's text before and from its point on; what has an exponent is not split.
fn split(text: &str) -> (&str, &str) {
    match text.find('.') {
        Some(point) if !text.contains(['e', 'E']) => text.split_at(point),
        _ => (text, ""),
    }
}

/// How long ago a row was said. Ages below a second would only flicker.
fn age_of(row: &KnownRow, at: Stamp) -> (String, Role) {
    if row.gone.is_some() {
        return ("gone".to_owned(), Role::Warning);
    }
    let age = at.since(row.updated);
    let role = if row.is_stale(at) {
        Role::Warning
    } else {
        Role::Dim
    };
    match age < Duration::from_secs(1) {
        true => ("<1 s".to_owned(), role),
        false => (number::age(age), role),
    }
}

/// The cell under the cursor: what stands there in full, since when, and where it came from.
fn draw_detail(
    panel: &TablesPanel,
    table: &Table,
    row: &KnownRow,
    look: &Look<'_>,
    area: Rect,
    buf: &mut Buffer,
) {
    let style = |role| look.theme.style(role);
    let rule = "─".repeat(usize::from(area.width));
    put(buf, area, area.left(), area.top(), &rule, style(Role::Rule));
    let (x, y) = (area.left() + 1, area.top() + 1);
    let column = panel.column(table);
    let cell = column.checked_sub(1).and_then(|column| {
        let name = table.columns.get(column)?;
        Some((name, row.cell(column)))
    });
    let Some((name, cell)) = cell else {
        let mut words = format!("{} · first said {} ago", row.key, ago(row.first, look.at));
        if let Some(pause) = row.usual_pause() {
            words.push_str(&format!(", updates up to {} apart", number::age(pause)));
        }
        for (y, line) in (y..).zip(wrap(&words, area.width.saturating_sub(2), 2)) {
            put(buf, area, x, y, &line, style(Role::Text));
        }
        return;
    };
    let at = put(
        buf,
        area,
        x,
        y,
        &format!("{} · {name}  ", row.key),
        style(Role::Dim),
    );
    let Some(cell) = cell else {
        put(buf, area, at, y, "nothing was said of it", style(Role::Dim));
        return;
    };
    let since = match cell.changed {
        Some(changed) => format!("changed {} ago", ago(changed, look.at)),
        None => format!("the same for {}", ago(cell.first, look.at)),
    };
    let numbers = cell.numbers();
    let text = cell.text();
    if cell.number().is_some() && numbers.len() > 1 {
        let at = put(buf, area, at, y, &text, style(Role::Value)) + 2;
        put(buf, area, at, y, &since, style(Role::Dim));
        let least = numbers.iter().copied().fold(f64::INFINITY, f64::min);
        let most = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let wide = LONG_TREND.min(area.width / 2);
        let at = put(
            buf,
            area,
            x,
            y + 1,
            &trace(&numbers, wide),
            style(Role::Graph),
        ) + 2;
        let words = format!("last {}: {least} to {most}", numbers.len());
        put(buf, area, at, y + 1, &words, style(Role::Dim));
        return;
    }
    put(buf, area, at, y, &since, style(Role::Dim));
    put(buf, area, x, y + 1, &text, style(Role::Value));
}

fn ago(then: Stamp, at: Stamp) -> String {
    match at.since(then) {
        age if age < Duration::from_secs(1) => "<1 s".to_owned(),
        age => number::age(age),
    }
}
