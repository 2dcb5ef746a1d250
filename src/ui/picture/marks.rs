//! What stands on a picture: cursor, lines, region, profile, scale bar, and which part is seen.
//!
//! Marks are cells over the picture, whatever the picture is drawn with, and are placed in the
//! frame's own columns and rows, so that they stay where they are when the picture is zoomed.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Color;

use super::scale_bar;
use crate::imaging::{Picture, Roi, Segment};
use crate::ui::theme::rgb_of;
use crate::ui::{Role, Theme};

/// A pixel of the frame: column and row.
type Point = (u32, u32);

/// What is marked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// A small cross with a gap, at a pixel.
    pub cursor: Option<Point>,
    /// Lines through a pixel from edge to edge.
    pub lines: Option<Point>,
    /// A cross in the middle of the frame.
    pub middle: bool,
    /// A rectangle.
    pub region: Option<Roi>,
    /// A line from A to B.
    pub line: Option<Segment>,
    /// A bar of a round length, if the size of a pixel is known.
    pub scale_bar: bool,
}

/// Which cells of the screen show which pixels of the frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Geometry {
    place: Rect,
    /// Cells that are covered down to the last dot.
    rows: f64,
    part: Roi,
}

impl Geometry {
    /// Of a picture that covers the cells of `place`; `None` where there is nothing.
    pub fn new(picture: &Picture, place: Rect) -> Option<Self> {
        let exact = f64::from(picture.height_px) / f64::from(picture.dots.1.max(1));
        // One that was made for another size is stretched over whole cells.
        let rows = match exact.ceil() == f64::from(place.height) {
            true => exact,
            false => f64::from(place.height),
        };
        let is_there = place.width > 0 && rows > 0.0 && picture.part.width > 0;
        (is_there && picture.part.height > 0).then_some(Self {
            place,
            rows,
            part: picture.part,
        })
    }

    /// The cells of the picture.
    pub fn place(&self) -> Rect {
        self.place
    }

    /// The pixel in the middle of what a cell shows; `None` beside the picture.
    pub fn pixel(&self, col: u16, row: u16) -> Option<Point> {
        let inside = self.place.contains((col, row).into());
        let share = |cell: u16, first: u16, cells: f64| {
            ((f64::from(cell - first) + 0.5) / cells).clamp(0.0, 1.0)
        };
        let at = |share: f64, first: u32, length: u32| {
            first + ((share * f64::from(length)) as u32).min(length - 1)
        };
        inside.then(|| {
            let x = share(col, self.place.x, f64::from(self.place.width));
            let y = share(row, self.place.y, self.rows);
            (
                at(x, self.part.x, self.part.width),
                at(y, self.part.y, self.part.height),
            )
        })
    }

    /// Where a pixel would be drawn, in cells from the place's corner; outside of it for one that
    /// is not seen.
    fn cell(&self, (x, y): Point) -> (i32, i32) {
        let at = |pixel: u32, first: u32, length: u32, cells: f64| {
            let share = (f64::from(pixel) + 0.5 - f64::from(first)) / f64::from(length);
            (share * cells).floor().clamp(-1e6, 1e6) as i32
        };
        (
            at(x, self.part.x, self.part.width, f64::from(self.place.width)),
            at(y, self.part.y, self.part.height, self.rows),
        )
    }
}

/// Draws the marks of a picture onto its cells.
pub fn draw(marks: &Marks, picture: &Picture, place: Rect, theme: &Theme, buf: &mut Buffer) {
    let place = place.intersection(buf.area);
    let Some(geometry) = Geometry::new(picture, place) else {
        return;
    };
    let mut pen = Pen {
        geometry,
        theme,
        buf,
    };
    if let Some(at) = marks.lines {
        pen.lines(at);
    }
    if marks.middle {
        let (width, height) = picture.frame_size_px;
        pen.cross((width / 2, height / 2), ['─', '│', '+'], Role::Good);
    }
    if let Some(region) = marks.region {
        pen.rectangle(region);
    }
    if let Some(line) = marks.line {
        pen.segment(line);
    }
    if let Some(cursor) = marks.cursor {
        pen.cross(cursor, ['─', '│', '┼'], Role::Changed);
    }
    pen.seen(picture);
    if marks.scale_bar
        && let Some(bar) = scale_bar(picture, place.width)
    {
        let style = theme.base().patch(theme.style(Role::Value));
        let y = place.bottom().saturating_sub(1);
        buf.set_string(place.x + 1, y, bar, style);
    }
}

struct Pen<'a> {
    geometry: Geometry,
    theme: &'a Theme,
    buf: &'a mut Buffer,
}

impl Pen<'_> {
    /// A glyph over the dots of a cell, in a colour that is seen on them.
    fn put(&mut self, (col, row): (i32, i32), glyph: char, role: Role) {
        let place = self.geometry.place;
        let at = |from: u16, cell: i32, length: u16| {
            let cell = u16::try_from(cell).ok().filter(|cell| *cell < length)?;
            Some(from + cell)
        };
        let (Some(x), Some(y)) = (
            at(place.x, col, place.width),
            at(place.y, row, place.height),
        ) else {
            return;
        };
        let wish = self.theme.style(role);
        if let Some(cell) = self.buf.cell_mut((x, y)) {
            let ink = rgb_of(cell.bg).map_or(wish.fg.unwrap_or(Color::Reset), |ground| {
                ink(wish.fg, ground)
            });
            cell.set_char(glyph).set_fg(ink);
            cell.modifier.insert(wish.add_modifier);
        }
    }

    fn cross(&mut self, at: Point, [across, down, middle]: [char; 3], role: Role) {
        let (x, y) = self.geometry.cell(at);
        for (dx, dy, glyph) in [
            (-2, 0, across),
            (-1, 0, across),
            (1, 0, across),
            (2, 0, across),
            (0, -1, down),
            (0, 1, down),
            (0, 0, middle),
        ] {
            self.put((x + dx, y + dy), glyph, role);
        }
    }

    fn lines(&mut self, at: Point) {
        let (x, y) = self.geometry.cell(at);
        let place = self.geometry.place;
        for col in 0..i32::from(place.width) {
            self.put((col, y), '─', Role::Changed);
        }
        for row in 0..i32::from(place.height) {
            self.put((x, row), '│', Role::Changed);
        }
        self.put((x, y), '┼', Role::Changed);
    }

    fn rectangle(&mut self, region: Roi) {
        let last = |first: u32, length: u32| first.saturating_add(length.saturating_sub(1));
        let (left, top) = self.geometry.cell((region.x, region.y));
        let corner = (last(region.x, region.width), last(region.y, region.height));
        let (right, bottom) = self.geometry.cell(corner);
        // What lies outside cannot be seen, and may be far away.
        let place = self.geometry.place;
        let columns = left.max(-1)..=right.min(i32::from(place.width));
        let rows = top.max(-1)..=bottom.min(i32::from(place.height));
        for col in columns {
            self.put((col, top), '─', Role::Match);
            self.put((col, bottom), '─', Role::Match);
        }
        for row in rows {
            self.put((left, row), '│', Role::Match);
            self.put((right, row), '│', Role::Match);
        }
        for (at, glyph) in [
            ((left, top), '┌'),
            ((right, top), '┐'),
            ((left, bottom), '└'),
            ((right, bottom), '┘'),
        ] {
            self.put(at, glyph, Role::Match);
        }
    }

    /// The line in steps of a cell, its ends named as the profile names them.
    fn segment(&mut self, line: Segment) {
        let (from, to) = (self.geometry.cell(line.from), self.geometry.cell(line.to));
        let steps = (to.0 - from.0).abs().max((to.1 - from.1).abs());
        // A zoomed frame's line may be a million cells long; of it at most a screen is seen.
        let place = self.geometry.place;
        let sides = i32::from(place.width) + i32::from(place.height);
        let stride = (steps / (sides * 64).max(1)).max(1);
        for step in (0..=steps).step_by(usize::try_from(stride).unwrap_or(1)) {
            let share = f64::from(step) / f64::from(steps.max(1));
            let at = |from: i32, to: i32| {
                (f64::from(from) + share * f64::from(to - from)).round() as i32
            };
            self.put((at(from.0, to.0), at(from.1, to.1)), '•', Role::Held);
        }
        self.put(from, 'A', Role::Held);
        if steps > 0 {
            self.put(to, 'B', Role::Held);
        }
    }

    /// In the corner at the top right: the frame, and the part of it that is seen.
    fn seen(&mut self, picture: &Picture) {
        let place = self.geometry.place;
        let (part, (width, height)) = (picture.part, picture.frame_size_px);
        if part == Roi::all((width, height)) || place.width < 24 || place.height < 8 {
            return;
        }
        let columns = (place.width / 6).clamp(6, 14);
        let share = f64::from(height) / f64::from(width.max(1));
        let rows = (f64::from(columns) * share / 2.0).round() as u16;
        let rows = rows.clamp(2, (place.height / 3).max(2));
        let left = place.right() - columns - 1;
        let ends = |first: u32, length: u32, whole: u32, cells: u16| {
            let whole = f64::from(whole.max(1));
            let begin = (f64::from(first) / whole * f64::from(cells)).floor() as u16;
            let begin = begin.min(cells - 1);
            let end = f64::from(first.saturating_add(length)) / whole * f64::from(cells);
            (begin, (end.ceil() as u16).clamp(begin + 1, cells))
        };
        let across = ends(part.x, part.width, width, columns);
        let down = ends(part.y, part.height, height, rows);
        let base = self.theme.base();
        for row in 0..rows {
            for col in 0..columns {
                let is_seen =
                    (across.0..across.1).contains(&col) && (down.0..down.1).contains(&row);
                let (glyph, role) = match is_seen {
                    true => ("█", Role::Value),
                    false => ("░", Role::Dim),
                };
                let style = base.patch(self.theme.style(role));
                let (x, y) = (left + col, place.y + row);
                if let Some(cell) = self.buf.cell_mut((x, y)) {
                    cell.reset();
                    cell.set_symbol(glyph).set_style(style);
                }
            }
        }
    }
}

/// The colour that was wished for, or black or white where it would not be seen on the ground.
fn ink(wish: Option<Color>, ground: [u8; 3]) -> Color {
    // Source of the weights: ITU-R BT.601, luma.
    let luma = |[r, g, b]: [u8; 3]| u32::from(r) * 299 + u32::from(g) * 587 + u32::from(b) * 114;
    let ground = luma(ground);
    let wished = wish.and_then(|color| Some((color, luma(rgb_of(color)?))));
    match wished {
        Some((color, luma)) if luma.abs_diff(ground) > 70_000 => color,
        _ if ground > 128_000 => Color::Black,
        _ => Color::White,
    }
}

#[cfg(test)]
mod tests;
