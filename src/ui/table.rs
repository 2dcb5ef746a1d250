//! A table whose columns leave in a stated order when there is no room, and whose numbers are
//! never cut.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::text::{fit, put, put_right, width};
use super::{Role, Theme};

/// Blank columns between two columns.
const GAP: u16 = 2;

/// Where a column's text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Names: at the left edge. May be cut with `…`.
    Left,
    /// Numbers: at the right edge. Never cut: the column is there whole, or not at all.
    Right,
}

/// One column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its heading, the unit included.
    pub title: &'static str,
    /// Where its text stands.
    pub align: Align,
    /// The least it takes, so that it does not move with every value.
    pub least: u16,
    /// When it leaves: the highest goes first; zero stays.
    pub leaves: u8,
    /// Names are not cut below this while another column could leave.
    pub readable: u16,
}

impl Column {
    /// A column of names.
    pub const fn name(title: &'static str, least: u16, leaves: u8) -> Self {
        Self {
            title,
            align: Align::Left,
            least,
            leaves,
            readable: 12,
        }
    }

    /// A column of words that are worth more than other columns, up to this width.
    pub const fn words(title: &'static str, least: u16, readable: u16) -> Self {
        Self {
            title,
            align: Align::Left,
            least,
            leaves: 0,
            readable,
        }
    }

    /// A column of numbers.
    pub const fn number(title: &'static str, least: u16, leaves: u8) -> Self {
        Self {
            title,
            align: Align::Right,
            least,
            leaves,
            readable: 0,
        }
    }
}

/// What one place of the table says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The text.
    pub text: String,
    /// How it looks.
    pub role: Role,
}

impl Cell {
    /// Text in a role.
    pub fn new(text: impl Into<String>, role: Role) -> Self {
        Self {
            text: text.into(),
            role,
        }
    }
}

/// Where the columns stand: start and width for each that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    places: Vec<Option<(u16, u16)>>,
    /// Columns that found no room.
    pub missing: usize,
    /// The first free column behind the last.
    pub end: u16,
}

/// Finds room for `columns` with the contents of `rows` in `room` columns of cells.
pub fn places<'a>(
    columns: &[Column],
    rows: impl IntoIterator<Item = &'a [Cell]>,
    room: u16,
) -> Places {
    let mut widths: Vec<u16> = columns
        .iter()
        .map(|column| column.least.max(width(column.title)))
        .collect();
    for row in rows {
        for (known, cell) in widths.iter_mut().zip(row) {
            *known = (*known).max(width(&cell.text));
        }
    }
    let mut there = vec![true; columns.len()];
    let total = |there: &[bool], widths: &[u16]| -> u32 {
        let (sum, number) = widths
            .iter()
            .zip(there)
            .filter(|(_, there)| **there)
            .fold((0_u32, 0_u32), |(sum, n), (w, _)| {
                (sum + u32::from(*w), n + 1)
            });
        sum + number.saturating_sub(1) * u32::from(GAP)
    };
    loop {
        let over = total(&there, &widths).saturating_sub(u32::from(room));
        if over == 0 {
            break;
        }
        // Long names give way first, but stay readable; then columns leave; then names shrink on.
        let shrink = |readable: bool, widths: &mut [u16]| -> bool {
            let slack = |index: usize| {
                let column = &columns[index];
                let floor = if readable { column.readable } else { 1 };
                widths[index].saturating_sub(column.least.max(floor))
            };
            let longest = (0..columns.len())
                .filter(|index| there[*index] && columns[*index].align == Align::Left)
                .max_by_key(|index| slack(*index))
                .filter(|index| slack(*index) > 0);
            let Some(index) = longest else { return false };
            let give = u32::from(slack(index)).min(over);
            widths[index] -= u16::try_from(give).unwrap_or(0);
            true
        };
        if shrink(true, &mut widths) {
            continue;
        }
        let leaving = (0..columns.len())
            .filter(|index| there[*index] && columns[*index].leaves > 0)
            .max_by_key(|index| columns[*index].leaves);
        if let Some(index) = leaving {
            there[index] = false;
        } else if !shrink(false, &mut widths) {
            break;
        }
    }
    let mut x = 0_u16;
    let mut found = Vec::with_capacity(columns.len());
    for (index, is_there) in there.iter().enumerate() {
        let fits = columns[index].align == Align::Left || x.saturating_add(widths[index]) <= room;
        if !is_there || !fits || x >= room {
            found.push(None);
            continue;
        }
        let wide = widths[index].min(room - x);
        found.push(Some((x, wide)));
        x = x.saturating_add(wide).saturating_add(GAP);
    }
    Places {
        missing: found.iter().filter(|place| place.is_none()).count(),
        end: x,
        places: found,
    }
}

impl Places {
    /// Start and width of a column, relative to the table, if it is there.
    pub fn of(&self, column: usize) -> Option<(u16, u16)> {
        self.places.get(column).copied().flatten()
    }
}

/// Writes the headings at row `y`.
pub fn heading(
    buf: &mut Buffer,
    area: Rect,
    y: u16,
    columns: &[Column],
    places: &Places,
    theme: &Theme,
) {
    for (index, column) in columns.iter().enumerate() {
        write(
            buf,
            area,
            y,
            places.of(index),
            column,
            column.title,
            theme,
            Role::Dim,
        );
    }
}

/// Writes one row at `y`.
pub fn row(
    buf: &mut Buffer,
    area: Rect,
    y: u16,
    columns: &[Column],
    places: &Places,
    cells: &[Cell],
    theme: &Theme,
) {
    for (index, (column, cell)) in columns.iter().zip(cells).enumerate() {
        write(
            buf,
            area,
            y,
            places.of(index),
            column,
            &cell.text,
            theme,
            cell.role,
        );
    }
}

#[allow(clippy::too_many_arguments, reason = "one cell, said completely")]
fn write(
    buf: &mut Buffer,
    area: Rect,
    y: u16,
    place: Option<(u16, u16)>,
    column: &Column,
    text: &str,
    theme: &Theme,
    role: Role,
) {
    let Some((start, wide)) = place else {
        return;
    };
    let x = area.left().saturating_add(start);
    let style = theme.style(role);
    match column.align {
        Align::Left => {
            put(buf, area, x, y, &fit(text, wide), style);
        }
        Align::Right => put_right(buf, area, x.saturating_add(wide), y, text, style),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 4] = [
        Column::name("name", 4, 0),
        Column::number("rate/s", 6, 0),
        Column::number("age", 5, 1),
        Column::name("last 60 s", 9, 2),
    ];

    fn draw(room: u16) -> Vec<String> {
        let rows = [
            ["microscope", "18.7", "12 ms", "▁▂▃"],
            ["k", "12 345.6", "4 s", ""],
        ]
        .map(|texts| texts.map(|text| Cell::new(text, Role::Text)));
        let places = places(&COLUMNS, rows.iter().map(|r| r.as_slice()), room);
        let theme = Theme::monochrome();
        let area = Rect::new(0, 0, room, 3);
        let mut buf = Buffer::empty(area);
        heading(&mut buf, area, 0, &COLUMNS, &places, &theme);
        for (y, cells) in (1..).zip(&rows) {
            row(&mut buf, area, y, &COLUMNS, &places, cells, &theme);
        }
        (0..3)
            .map(|y| {
                (0..room)
                    .map(|x| buf[(x, y)].symbol())
                    .collect::<String>()
                    .trim_end()
                    .to_owned()
            })
            .collect()
    }

    #[test]
    fn columns_leave_in_order_and_numbers_stay_whole() {
        assert_eq!(
            draw(40),
            [
                "name          rate/s    age  last 60 s",
                "microscope      18.7  12 ms  ▁▂▃",
                "k           12 345.6    4 s",
            ]
        );
        assert_eq!(draw(34)[1], "microscope      18.7  12 ms");
        assert_eq!(draw(27)[1], "microscope      18.7  12 ms");
        assert_eq!(draw(20)[1], "microscope      18.7");
        assert_eq!(draw(14)[1], "mic…      18.7");
        assert_eq!(draw(8)[2], "k");
    }
}
