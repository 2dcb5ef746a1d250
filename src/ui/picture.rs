//! A picture in cells: where it stands, and which of its dots each cell gets. What a cell makes of
//! them is in `cell`, the signs are in `glyphs`.

mod cell;
mod glyphs;
pub mod marks;
mod numbers;
mod pixels;

use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};
use ratatui::widgets::Widget;
use unicode_width::UnicodeWidthStr;

use super::theme::{ColorDepth, Role, Theme};
use crate::imaging::Picture;
use crate::imaging::pixels::{Pixels, Protocol};
use crate::imaging::reduce::Room;

pub use glyphs::Glyphs;
pub use pixels::finish;

/// What tells the cells of a picture from text: the colour of an underline, which nothing on the
/// screens has. It costs no room, goes away when something else is drawn over it, and is never
/// written to a terminal.
const MARK: Color = Color::Indexed(1);

/// Marks the cells of `area` as those of a picture, which waits for text where the terminal takes
/// too little. To be called once they are drawn.
pub fn mark(buf: &mut Buffer, area: Rect) {
    buf.set_style(area, Style::new().underline_color(MARK));
}

/// Whether a cell belongs to a picture.
pub fn is_marked(cell: &Cell) -> bool {
    cell.underline_color == MARK
}

/// Draws a picture as large as its area allows, aspect ratio kept, in the middle.
///
/// A picture that was made for another size (the terminal has just been resized) is stretched
/// until the next one comes.
#[derive(Clone, Copy, Debug)]
pub struct PictureWidget<'a> {
    picture: &'a Picture,
    theme: &'a Theme,
    depth: ColorDepth,
    glyphs: Glyphs,
    protocol: Option<Protocol>,
    scale_bar: bool,
    crosshair: bool,
}

impl<'a> PictureWidget<'a> {
    /// The picture in the colours of the terminal, with a scale bar if the size of its pixels is
    /// known.
    pub fn new(picture: &'a Picture, theme: &'a Theme, depth: ColorDepth) -> Self {
        Self {
            picture,
            theme,
            depth,
            glyphs: Glyphs::default(),
            protocol: None,
            scale_bar: true,
            crosshair: false,
        }
    }

    /// What it is made of, half blocks if nothing is said.
    #[must_use]
    pub fn glyphs(self, glyphs: Glyphs) -> Self {
        Self { glyphs, ..self }
    }

    /// Draws it as pixels, if it was encoded so; who asks for that calls [`finish`] in the end, with
    /// what [`PictureWidget::pixels`] says.
    #[must_use]
    pub fn protocol(self, protocol: Option<Protocol>) -> Self {
        Self { protocol, ..self }
    }

    /// The pixels that are drawn in `area` and their place; `None` if it is drawn in cells.
    pub fn pixels(&self, area: Rect) -> Option<(Rect, &'a Pixels)> {
        let pixels = self.picture.encoded.as_ref();
        let pixels = pixels.filter(|pixels| Some(pixels.protocol) == self.protocol)?;
        Some((pixels::place(pixels, area)?, pixels))
    }

    /// Whether a scale bar is drawn at the bottom left.
    #[must_use]
    pub fn scale_bar(self, scale_bar: bool) -> Self {
        Self { scale_bar, ..self }
    }

    /// Whether the middle is marked.
    #[must_use]
    pub fn crosshair(self, crosshair: bool) -> Self {
        Self { crosshair, ..self }
    }

    /// The cells of `area` that the picture will cover.
    pub fn place(&self, area: Rect) -> Rect {
        if let Some((place, _)) = self.pixels(area) {
            return place;
        }
        let (across, down) = self.glyphs.dots();
        let (width, height) = self.size(area);
        let (cols, rows) = (width.div_ceil(across.into()), height.div_ceil(down.into()));
        Rect {
            x: area.x + (area.width - cols) / 2,
            y: area.y + (area.height - rows) / 2,
            width: cols,
            height: rows,
        }
    }

    /// Columns and rows of dots; 0 if there is nothing to draw or no room for it.
    fn size(&self, area: Rect) -> (u16, u16) {
        if area.is_empty() || self.picture.pixels.is_empty() {
            return (0, 0);
        }
        // Its dots may be those of other glyphs, and no squares.
        let (across, down) = self.picture.dots;
        let width = u32::from(self.picture.width_px) * u32::from(down.max(1));
        let height = u32::from(self.picture.height_px) * 2 * u32::from(across.max(1));
        let room = Room {
            dots: self.glyphs.dots(),
            ..Room::half_blocks(area.width, area.height)
        };
        room.fit((width, height))
    }

    /// The pixel shown at a dot of a picture drawn at `size`.
    fn pixel(&self, (x, y): (u16, u16), size: (u16, u16)) -> Option<[u8; 3]> {
        if x >= size.0 || y >= size.1 {
            return None;
        }
        let nearest =
            |at: u16, of: u16, length: u16| usize::from(at) * usize::from(length) / usize::from(of);
        let (width, height) = (self.picture.width_px, self.picture.height_px);
        let index = nearest(y, size.1, height) * usize::from(width) + nearest(x, size.0, width);
        self.picture.pixels.get(index).copied()
    }

    fn draw_cells(&self, place: Rect, size: (u16, u16), buf: &mut Buffer) {
        let (across, down) = self.glyphs.dots();
        let (across, down) = (u16::from(across), u16::from(down));
        let count = usize::from(across * down);
        for row in 0..place.height {
            for col in 0..place.width {
                let mut dots = [None; cell::MOST_DOTS];
                for (dot, at) in dots.iter_mut().zip(0..across * down) {
                    let x = col * across + at % across;
                    *dot = self.pixel((x, row * down + at / across), size);
                }
                if let Some(cell) = buf.cell_mut((place.x + col, place.y + row)) {
                    let dots = dots.get(..count).unwrap_or_default();
                    cell::draw(cell, (col, row), dots, self.glyphs, self.depth);
                }
            }
        }
    }

    /// For text on the picture: readable whatever is behind it.
    fn text_style(&self) -> Style {
        self.theme.base().patch(self.theme.style(Role::Value))
    }
}

impl Widget for PictureWidget<'_> {
    fn render(self, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        if self.glyphs == Glyphs::Numbers {
            numbers::draw(self.picture, self.theme.style(Role::Text), area, buf);
            return;
        }
        let place = self.place(area);
        match self.pixels(area) {
            Some((_, pixels)) => pixels::reserve(pixels, place, buf),
            None => self.draw_cells(place, self.size(area), buf),
        }
        if self.crosshair {
            draw_crosshair(place, self.text_style(), buf);
        }
        if self.scale_bar
            && let Some(bar) = scale_bar(self.picture, place.width)
        {
            let y = place.bottom().saturating_sub(1);
            buf.set_string(place.x + 1, y, bar, self.text_style());
        }
        mark(buf, place);
    }
}

fn draw_crosshair(place: Rect, style: Style, buf: &mut Buffer) {
    if place.width < 7 || place.height < 5 {
        return;
    }
    let (x, y) = (place.x + place.width / 2, place.y + place.height / 2);
    buf.set_string(x - 2, y, "──┼──", style);
    for y in [y - 1, y + 1] {
        buf.set_string(x, y, "│", style);
    }
}

/// A bar of a round length and its label, e.g. `━━━━╸ 50 µm`: the longest of 1, 2, 5, 10 … that
/// takes at most a quarter of the picture's `cols`. `None` if the size of a pixel is not known or
/// there is no room.
fn scale_bar(picture: &Picture, cols: u16) -> Option<String> {
    let pixel_um = picture
        .pixel_size_um
        .filter(|um| um.is_finite() && *um > 0.0)?;
    let col_um = pixel_um * f64::from(picture.part.width) / f64::from(cols.max(1));
    let room_um = col_um * f64::from(cols) / 4.0;
    let decade = 10_f64.powf(room_um.log10().floor());
    let length_um = [5.0, 2.0, 1.0]
        .into_iter()
        .map(|step| step * decade)
        .find(|length| *length <= room_um)?;
    // To half a cell: the bar is an instrument, too.
    let halves = (length_um / col_um * 2.0).round() as usize;
    let bar = "━".repeat(halves / 2) + if halves % 2 == 1 { "╸" } else { "" };
    let text = format!("{bar} {}", length_label(length_um)?);
    let fits = text.width() + 2 <= usize::from(cols);
    (halves >= 4 && fits).then_some(text)
}

/// A round length with the unit people would use for it.
fn length_label(length_um: f64) -> Option<String> {
    let (value, unit) = match length_um {
        um if um >= 1e6 => (um / 1e6, "m"),
        um if um >= 1e3 => (um / 1e3, "mm"),
        um if um >= 1.0 => (um, "µm"),
        um => (um * 1e3, "nm"),
    };
    // Beyond these it is not a microscope's pixel size but a broken header.
    ((0.999..1e3).contains(&value)).then(|| format!("{value:.0} {unit}"))
}

#[cfg(test)]
mod tests;
