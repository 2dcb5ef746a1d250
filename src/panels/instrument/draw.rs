//! How the instrument looks: what is wrong and the workflow on top, the tables in the middle, the
//! commands at the bottom. Where there is too little room the tables scroll, the rest stays.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::lines::{self, CommandRow, CommandWidths, Line, WHY_LINES};
use super::sections::Section;
use super::{InstrumentPanel, KnownInstrument};
use crate::model::{Activity, Stamp};
use crate::panels::facts::SourceFacts;
use crate::panels::{Look, first_row};
use crate::ui::table::{Column, Places, heading, places, row};
use crate::ui::text::{fit, put, select, width};
use crate::ui::{Role, pane::pane};

/// Rows for commands that the tables do not take, if there were any commands.
const COMMANDS_LEAST: u16 = 4;

/// Rows that the pane of this source would like to have; zero if it has no instrument.
pub fn rows(source: &SourceFacts, at: Stamp, columns: u16) -> u16 {
    let Some(known) = &source.instrument else {
        return 0;
    };
    let room = columns.saturating_sub(2);
    let head = lines::head(known, at, room).len();
    let tables = table_rows(&Section::all(known, at, room));
    let commands = match source.commands.is_empty() {
        true => 0,
        false => COMMANDS_LEAST,
    };
    u16::try_from(1 + head + tables)
        .unwrap_or(u16::MAX)
        .saturating_add(commands)
}

fn table_rows(sections: &[Section]) -> usize {
    sections.iter().map(|section| section.rows.len() + 1).sum()
}

/// Draws the instrument of `source`.
pub fn draw(
    panel: &InstrumentPanel,
    source: Option<&SourceFacts>,
    look: &Look<'_>,
    area: Rect,
    buf: &mut Buffer,
) {
    let known = source.and_then(|source| Some((source, source.instrument.as_ref()?)));
    let Some((source, known)) = known else {
        let inner = pane(buf, area, "instrument", "", look.focused, look.theme);
        let style = look.theme.style(Role::Dim);
        let words = "no instrument described itself yet";
        put(buf, inner, inner.left() + 1, inner.top(), words, style);
        return;
    };
    let table = Rect {
        x: area.x + 1,
        width: area.width.saturating_sub(2),
        ..area
    };
    let sections = Section::all(known, look.at, table.width);
    let head = lines::head(known, look.at, table.width);
    let commands = lines::commands(source, look.at, table.width);
    let room = Room::of(
        area.height.saturating_sub(1),
        head.len(),
        table_rows(&sections),
        command_rows(&commands, table.width),
    );
    let rows = Rows::of(&sections, panel.place_in(source), room.tables);
    let inner = draw_rule(source, known, &rows, look, area, buf);
    let table = inner.intersection(table);
    let mut y = inner.top();
    for line in head.iter().take(usize::from(room.head)) {
        draw_line(line, y, look, table, buf);
        y += 1;
    }
    let tables = Rect {
        y,
        height: room.tables,
        ..table
    };
    rows.draw(&sections, look, inner, tables, buf);
    let below = Rect {
        y: y + room.tables,
        height: room.commands,
        ..table
    };
    if !commands.is_empty() {
        let forgotten = lines::forgotten(&source.commands);
        draw_commands(&commands, forgotten.as_deref(), look, below, buf);
    }
}

/// The rule: the instrument's name, what it is doing, and which rows are shown if not all are.
fn draw_rule(
    source: &SourceFacts,
    known: &KnownInstrument,
    rows: &Rows,
    look: &Look<'_>,
    area: Rect,
    buf: &mut Buffer,
) -> Rect {
    let activity = match known.state.activity {
        _ if !known.is_current() => "? unknown",
        Activity::Unknown => "? activity unknown",
        activity => activity.as_str(),
    };
    let mut notes = vec![activity.to_owned()];
    if rows.shown < rows.all {
        let last = rows.first + rows.shown;
        notes.push(format!(
            "{activity} · {}-{last}/{}",
            rows.first + 1,
            rows.all
        ));
    }
    let name = &source.info.name;
    let left = |note: &String| area.width.saturating_sub(width(note) + 10);
    // The beginning of a name is worth more than any note.
    let note = notes
        .into_iter()
        .rev()
        .find(|note| left(note) >= width(name).min(8));
    let note = note.unwrap_or_default();
    let full = format!("instrument · {name}");
    let title = match left(&note) {
        room if room >= width(&full) => full,
        room => fit(name, room),
    };
    pane(buf, area, &title, &note, look.focused, look.theme)
}

/// Rows of each part.
struct Room {
    head: u16,
    tables: u16,
    commands: u16,
}

impl Room {
    fn of(height: u16, head: usize, tables: usize, commands: usize) -> Self {
        let rows = |rows: usize| u16::try_from(rows).unwrap_or(u16::MAX);
        let head = rows(head).min(height);
        let left = height - head;
        let wanted = rows(commands);
        // With hardly any room a quarter of it: one has to see where things stand, too.
        let reserved = wanted.min(COMMANDS_LEAST).min(left / 3);
        let tables = rows(tables).min(left - reserved);
        Self {
            head,
            tables,
            commands: wanted.min(left - tables),
        }
    }
}

/// Rows of all commands with all reasons, the heading included; zero without one.
fn command_rows(commands: &[CommandRow], room: u16) -> usize {
    let rows = |command: &CommandRow| 1 + command.why(room, WHY_LINES).len();
    match commands.len() {
        0 => 0,
        _ => 1 + commands.iter().map(rows).sum::<usize>(),
    }
}

/// The rows of the tables that are shown, headings included.
struct Rows {
    first: usize,
    shown: usize,
    all: usize,
    /// The row under the cursor.
    cursor: Option<usize>,
}

impl Rows {
    /// `selected` counts axes and lights, which are the first two tables.
    fn of(sections: &[Section], selected: Option<usize>, room: u16) -> Self {
        let all = table_rows(sections);
        let cursor = selected.map(|selected| row_of(sections, selected));
        let room = usize::from(room);
        let first = first_row(cursor.unwrap_or(0), all, room);
        Self {
            first,
            shown: all.saturating_sub(first).min(room),
            all,
            cursor,
        }
    }

    fn draw(
        &self,
        sections: &[Section],
        look: &Look<'_>,
        pane: Rect,
        area: Rect,
        buf: &mut Buffer,
    ) {
        let mut index = 0;
        for section in sections {
            let cells = section.rows.iter().map(Vec::as_slice);
            let places = places(&section.columns, cells, area.width);
            for place in 0..=section.rows.len() {
                let shown = index >= self.first && index < self.first + self.shown;
                let is_cursor = Some(index) == self.cursor;
                let y = area.top() + (index.saturating_sub(self.first)) as u16;
                index += 1;
                if !shown {
                    continue;
                }
                match place
                    .checked_sub(1)
                    .and_then(|place| section.rows.get(place))
                {
                    None => {
                        draw_heading(y, &section.columns, &places, look, area, buf);
                        let selected = self.cursor.and_then(|cursor| cursor.checked_sub(index));
                        let aside = selected.and_then(|place| section.asides.get(place));
                        let is_missing = places.of(section.columns.len() - 1).is_none();
                        if let Some(words) = aside.filter(|_| is_missing) {
                            draw_aside(words, y, look, area, buf);
                        }
                    }
                    Some(cells) => {
                        row(buf, area, y, &section.columns, &places, cells, look.theme);
                        if is_cursor && look.focused {
                            let line = Rect {
                                y,
                                height: 1,
                                ..pane
                            };
                            select(buf, line, look.theme.style(Role::Selection));
                        }
                    }
                }
            }
        }
    }
}

/// The headings of a table; the first one is what the table is about.
fn draw_heading(
    y: u16,
    columns: &[Column],
    places: &Places,
    look: &Look<'_>,
    area: Rect,
    buf: &mut Buffer,
) {
    heading(buf, area, y, columns, places, look.theme);
    let first = columns.first().zip(places.of(0));
    if let Some((column, (start, wide))) = first {
        let style = look.theme.style(Role::Title);
        let title = fit(column.title, wide);
        put(buf, area, area.left() + start, y, &title, style);
    }
}

/// What the selected row would say in a column that found no room: in the heading, if that is free.
fn draw_aside(words: &str, y: u16, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let wide = width(words);
    let x = area.right().saturating_sub(wide);
    if wide == 0 || x <= area.left() {
        return;
    }
    let is_free = (x - 1..area.right()).all(|x| {
        let cell = buf.cell((x, y));
        cell.is_some_and(|cell| cell.symbol() == " ")
    });
    if is_free {
        put(buf, area, x, y, words, look.theme.style(Role::Dim));
    }
}

/// The row of an axis or a light, headings counted too.
fn row_of(sections: &[Section], selected: usize) -> usize {
    let mut before = 0;
    for (headings, section) in (1..).zip(sections) {
        if selected < before + section.rows.len() {
            return selected + headings;
        }
        before += section.rows.len();
    }
    0
}

fn draw_line(line: &Line, y: u16, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let mut x = area.left();
    for cell in line {
        x = put(buf, area, x, y, &cell.text, look.theme.style(cell.role)) + 1;
    }
}

fn draw_commands(
    commands: &[CommandRow],
    forgotten: Option<&str>,
    look: &Look<'_>,
    area: Rect,
    buf: &mut Buffer,
) {
    let wide = CommandWidths::of(area.width);
    let columns = [
        Column::words("commands", wide.command, wide.command),
        Column::words("", wide.state, wide.state),
        Column::number("", wide.age, 0),
    ];
    let columns = columns.get(..wide.columns()).unwrap_or_default();
    let cells = commands.iter().map(|command| command.cells.as_slice());
    let places = places(columns, cells, area.width);
    // Reasons give way before other outcomes do.
    let why_lines = match command_rows(commands, area.width) <= usize::from(area.height) {
        true => WHY_LINES,
        false => 1,
    };
    let mut y = area.top();
    if area.height > 1 {
        draw_heading(y, columns, &places, look, area, buf);
        if let Some(words) = forgotten {
            let style = look.theme.style(Role::Warning);
            let x = area.right().saturating_sub(width(words));
            put(buf, area, x, y, words, style);
        }
        y += 1;
    }
    for command in commands {
        if y >= area.bottom() {
            break;
        }
        row(buf, area, y, columns, &places, &command.cells, look.theme);
        y += 1;
        for line in command.why(area.width, why_lines) {
            if y >= area.bottom() {
                break;
            }
            draw_line(&line, y, look, area, buf);
            y += 1;
        }
    }
}
