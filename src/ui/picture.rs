//! A picture in cells: two square pixels each, one above the other.
//!
//! Neighbouring frames of a camera differ in noise that no eye sees, yet every cell that changes
//! costs some forty bytes of escape sequences. So colours are rounded to 6 bits a channel.

pub mod marks;

use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};
use ratatui::widgets::Widget;
use unicode_width::UnicodeWidthStr;

use super::theme::{ColorDepth, NAMED, Role, Theme, nearest_index};
use crate::imaging::Picture;
use crate::imaging::reduce::fit;

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
            scale_bar: true,
            crosshair: false,
        }
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
        let (width, height) = self.size(area);
        let rows = height.div_ceil(2);
        Rect {
            x: area.x + (area.width - width) / 2,
            y: area.y + (area.height - rows) / 2,
            width,
            height: rows,
        }
    }

    /// Columns and rows of half cells; 0 if there is nothing to draw or no room for it.
    fn size(&self, area: Rect) -> (u16, u16) {
        if area.is_empty() || self.picture.pixels.is_empty() {
            return (0, 0);
        }
        let (width, height) = (self.picture.width_px, self.picture.height_px);
        fit(width.into(), height.into(), area.width, area.height)
    }

    /// The pixel shown at a half cell of a picture drawn at `size`.
    fn pixel(&self, (x, y): (u16, u16), size: (u16, u16)) -> Option<[u8; 3]> {
        if y >= size.1 {
            return None;
        }
        let nearest =
            |at: u16, of: u16, length: u16| usize::from(at) * usize::from(length) / usize::from(of);
        let (width, height) = (self.picture.width_px, self.picture.height_px);
        let index = nearest(y, size.1, height) * usize::from(width) + nearest(x, size.0, width);
        self.picture.pixels.get(index).copied()
    }

    /// For text on the picture: readable whatever is behind it.
    fn text_style(&self) -> Style {
        self.theme.base().patch(self.theme.style(Role::Value))
    }
}

impl Widget for PictureWidget<'_> {
    fn render(self, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        let size = self.size(area);
        let place = self.place(area);
        for row in 0..place.height {
            for col in 0..place.width {
                let top = self.pixel((col, row * 2), size);
                let bottom = self.pixel((col, row * 2 + 1), size);
                if let Some(cell) = buf.cell_mut((place.x + col, place.y + row)) {
                    draw_cell(cell, (col, row), top, bottom, self.depth);
                }
            }
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

fn draw_cell(
    cell: &mut Cell,
    (col, row): (u16, u16),
    top: Option<[u8; 3]>,
    bottom: Option<[u8; 3]>,
    depth: ColorDepth,
) {
    cell.reset();
    let Some(top) = top else { return };
    if depth == ColorDepth::None {
        cell.set_char(shade(top, bottom));
        return;
    }
    cell.set_char('▀').set_fg(color(top, (col, row * 2), depth));
    if let Some(bottom) = bottom {
        cell.set_bg(color(bottom, (col, row * 2 + 1), depth));
    }
}

fn color(rgb: [u8; 3], at: (u16, u16), depth: ColorDepth) -> Color {
    match depth {
        ColorDepth::True => {
            // The two lowest bits repeat the highest, so that black and white stay what they are.
            let [r, g, b] = rgb.map(|value| value & 0xfc | value >> 6);
            Color::Rgb(r, g, b)
        }
        ColorDepth::Indexed256 => Color::Indexed(nearest_index(rgb)),
        ColorDepth::Ansi16 | ColorDepth::None => sixteen(rgb, at),
    }
}

/// Four greys are all there is, so they are mixed by position; anything coloured takes the nearest.
fn sixteen(rgb: [u8; 3], (x, y): (u16, u16)) -> Color {
    /// Thresholds of an ordered dither. Source: Bayer, 1973, the 4x4 matrix.
    const BAYER: [[u16; 4]; 4] = [[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]];
    let [r, g, b] = rgb;
    if r != g || g != b {
        let error = |have: &[u8; 3]| -> u32 {
            rgb.iter()
                .zip(have)
                .map(|(a, b)| u32::from(a.abs_diff(*b)).pow(2))
                .sum()
        };
        return NAMED
            .iter()
            .min_by_key(|(_, _, have)| error(have))
            .map_or(Color::Reset, |(_, color, _)| *color);
    }
    let threshold = BAYER[usize::from(y % 4)][usize::from(x % 4)];
    // 0..=255 onto 0..=48: sixteen steps between each grey and the next.
    let level = (u16::from(r) * 48 + 127) / 255;
    match (level + threshold) / 16 {
        0 => Color::Black,
        1 => Color::DarkGray,
        2 => Color::Gray,
        _ => Color::White,
    }
}

/// Without colour: both pixels of a cell as one of five densities, for bright text on dark ground.
fn shade(top: [u8; 3], bottom: Option<[u8; 3]>) -> char {
    let brightness = |rgb: [u8; 3]| -> u16 { rgb.iter().map(|&v| u16::from(v)).sum() };
    let both = brightness(top) + brightness(bottom.unwrap_or(top));
    match both * 5 / (6 * 255 + 1) {
        0 => ' ',
        1 => '░',
        2 => '▒',
        3 => '▓',
        _ => '█',
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
