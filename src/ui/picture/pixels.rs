//! The cells of a picture that is sent as pixels.
//!
//! The bytes of the whole picture are the symbol of its first cell, so that whoever compares two
//! screens writes them when they have changed, and as one unit. Text always stands in front: over
//! kitty's placeholders by itself; over the others because it is written again behind the picture,
//! in the same unit.

use std::num::NonZeroU16;

use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::buffer::{Buffer, Cell, CellDiffOption};
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};

use super::mark;
use crate::imaging::pixels::{Pixels, Protocol, placeholder};

/// Stands in a cell that shows a part of a picture until [`finish`]: the last character that nobody
/// uses. Whatever is drawn over it takes its place.
const PART: &str = "\u{10fffd}";

/// Where in `area` a picture of so many cells stands; `None` if it was made for more room.
pub(super) fn place(pixels: &Pixels, area: Rect) -> Option<Rect> {
    let (cols, rows) = pixels.cells;
    (cols <= area.width && rows <= area.height).then(|| Rect {
        x: area.x + (area.width - cols) / 2,
        y: area.y + (area.height - rows) / 2,
        width: cols,
        height: rows,
    })
}

/// Takes the cells of `place` for a picture. What is drawn there afterwards stands in front of it.
pub(super) fn reserve(pixels: &Pixels, place: Rect, buf: &mut Buffer) {
    for row in 0..place.height {
        for col in 0..place.width {
            let Some(cell) = buf.cell_mut((place.x + col, place.y + row)) else {
                continue;
            };
            cell.reset();
            match pixels.protocol {
                Protocol::Kitty => {
                    let symbol = placeholder((col, row)).unwrap_or_default();
                    cell.set_symbol(&symbol)
                        .set_fg(Color::Indexed(pixels.image));
                }
                Protocol::ITerm2 | Protocol::Sixel => {
                    cell.set_symbol(PART);
                }
            }
        }
    }
}

/// Puts the picture into the cells that were reserved for it at `place`. To be called when all that
/// may stand in front of it is drawn.
pub fn finish(pixels: &Pixels, place: Rect, buf: &mut Buffer) {
    let place = place.intersection(buf.area);
    if place.is_empty() {
        return;
    }
    let unit = match pixels.protocol {
        Protocol::Kitty => {
            let first = &buf[(place.x, place.y)];
            format!("{}{}", pixels.data, first.symbol())
        }
        Protocol::ITerm2 | Protocol::Sixel => {
            let text = text_in_front(place, buf);
            // Back to where it began, and on by the one column that a symbol takes.
            format!("\x1b7{}{text}\x1b8\x1b[C", pixels.data)
        }
    };
    if let Some(first) = buf.cell_mut((place.x, place.y)) {
        first.set_symbol(&unit);
        first.set_diff_option(CellDiffOption::ForcedWidth(NonZeroU16::MIN));
    }
    // All of it is the picture's, the text in front too.
    mark(buf, place);
}

/// The bytes that write the text in front of a picture, whose cells are left to the picture.
fn text_in_front(place: Rect, buf: &mut Buffer) -> String {
    let is_text = |cell: &Cell| cell.symbol() != PART;
    let positions = || {
        place
            .rows()
            .flat_map(Rect::columns)
            .map(|cell| (cell.x, cell.y))
    };
    let text: Vec<(u16, u16, Cell)> = positions()
        .filter_map(|at| Some((at.0, at.1, buf.cell(at)?)))
        .filter(|(.., cell)| is_text(cell))
        .map(|(x, y, cell)| (x, y, without_mark(cell)))
        .collect();
    let mut bytes = Vec::new();
    if !text.is_empty() {
        // Writing into a vector does not fail.
        let text = text.iter().map(|(x, y, cell)| (*x, *y, cell));
        let _ = CrosstermBackend::new(&mut bytes).draw(text);
    }
    for at in positions() {
        if let Some(cell) = buf.cell_mut(at) {
            cell.set_symbol(PART).set_style(Style::reset());
            cell.set_diff_option(CellDiffOption::Skip);
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The mark of a picture's cells is for us, and never written.
fn without_mark(cell: &Cell) -> Cell {
    let mut cell = cell.clone();
    cell.underline_color = Color::Reset;
    cell
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pixels(protocol: Protocol) -> Pixels {
        Pixels {
            protocol,
            image: 61,
            cells: (4, 2),
            data: "<picture>".into(),
        }
    }

    /// A picture at column 2, row 1 of a screen, with a word in front of it.
    fn screen(protocol: Protocol, word: &str) -> Buffer {
        let mut buf = Buffer::empty(Rect::new(0, 0, 8, 4));
        let pixels = pixels(protocol);
        let place = place(&pixels, buf.area).unwrap();
        assert_eq!(place, Rect::new(2, 1, 4, 2));
        reserve(&pixels, place, &mut buf);
        buf.set_string(4, 1, word, Style::new().fg(Color::Red));
        finish(&pixels, place, &mut buf);
        buf
    }

    #[test]
    fn the_first_cell_is_the_whole_picture_and_text_stands_in_front() {
        for protocol in [Protocol::ITerm2, Protocol::Sixel] {
            let buf = screen(protocol, "");
            assert_eq!(buf[(2, 1)].symbol(), "\x1b7<picture>\x1b8\x1b[C");
            let buf = screen(protocol, "ab");
            let unit = buf[(2, 1)].symbol();
            let text = unit.strip_prefix("\x1b7<picture>\x1b[2;5H").unwrap();
            assert!(
                text.contains("ab") && text.ends_with("\x1b8\x1b[C"),
                "{text:?}"
            );
            let diff = Buffer::empty(buf.area).diff(&buf);
            let written: Vec<_> = diff.iter().map(|(x, y, _)| (*x, *y)).collect();
            assert_eq!(written, [(2, 1)], "one unit");
            // What is there already is not written again; what was in front is, once it has gone.
            assert!(buf.diff(&screen(protocol, "ab")).is_empty());
            assert_eq!(buf.diff(&screen(protocol, "")).len(), 1);
            // A screen without it covers all of it.
            assert_eq!(buf.diff(&Buffer::empty(buf.area)).len(), 8);
        }
    }

    #[test]
    fn placeholders_are_cells_like_others() {
        let buf = screen(Protocol::Kitty, "ab");
        let first = format!("<picture>{}", placeholder((0, 0)).unwrap());
        assert_eq!(buf[(2, 1)].symbol(), first);
        assert_eq!(buf[(5, 2)].symbol(), placeholder((3, 1)).unwrap());
        assert_eq!(buf[(5, 2)].fg, Color::Indexed(61));
        assert_eq!((buf[(4, 1)].symbol(), buf[(5, 1)].symbol()), ("a", "b"));
        let diff = Buffer::empty(buf.area).diff(&buf);
        assert_eq!(diff.len(), 8);
        // A new picture in the same place is its data and nothing else.
        let mut next = buf.clone();
        next[(2, 1)].set_symbol(&first.replace("picture", "newer"));
        assert_eq!(buf.diff(&next).len(), 1);
    }

    #[test]
    fn a_picture_made_for_more_room_has_no_place() {
        assert_eq!(place(&pixels(Protocol::Sixel), Rect::new(0, 0, 3, 9)), None);
        assert_eq!(place(&pixels(Protocol::Sixel), Rect::new(0, 0, 9, 1)), None);
    }
}
