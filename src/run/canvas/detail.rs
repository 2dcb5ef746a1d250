//! How finely a picture is shown: what it costs less of, the more the link is in need.
//!
//! Cells that differ by less than a step from what the terminal shows are left alone, so that the
//! noise of a camera costs nothing; greys become those of the palette, which take half the bytes;
//! at last several cells share one colour.

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::Color;

use crate::pipeline::PictureDetail;

const MS: u64 = 1_000_000;

/// One way to show a picture, and how long that may take the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Detail {
    /// What the operator is told.
    pub shown: PictureDetail,
    /// Differences below this are left alone.
    step: u8,
    /// A whole picture should take the link no longer than this; the last way may take any time.
    pub patience_ns: u64,
}

const fn detail(bits: u8, step: u8, block: (u8, u8), patience_ms: u64) -> Detail {
    Detail {
        shown: PictureDetail { bits, block },
        step,
        patience_ns: patience_ms * MS,
    }
}

/// All ways, the finest first. As the picture becomes slower its colours become fewer, down to
/// eight greys; fewer than that look worse than fewer dots.
pub const DETAILS: [Detail; 6] = [
    detail(6, 1, (1, 1), 100),
    detail(5, 8, (1, 1), 125),
    detail(4, 16, (1, 1), 160),
    detail(3, 32, (1, 1), 250),
    detail(4, 16, (2, 1), 400),
    detail(4, 16, (4, 2), 1_000),
];

/// The way that is taken if no other fits.
pub const LAST: &Detail = &DETAILS[DETAILS.len() - 1];

impl Detail {
    /// What a cell of the picture in `buffer` should show; `is_picture` tells its cells.
    pub fn wanted(
        &self,
        buffer: &Buffer,
        (x, y): (u16, u16),
        is_picture: impl Fn(&Cell) -> bool,
    ) -> Option<Cell> {
        let mut wanted = buffer.cell((x, y))?.clone();
        if self.shown.block == (1, 1) || pixels(&wanted).is_none() {
            return Some(wanted);
        }
        let (cols, rows) = self.shown.block;
        let (cols, rows) = (u16::from(cols), u16::from(rows));
        let (left, top) = (x - x % cols, y - y % rows);
        let places = (top..top + rows).flat_map(|y| (left..left + cols).map(move |x| (x, y)));
        let colors = places
            .filter_map(|place| buffer.cell(place))
            .filter(|cell| is_picture(cell))
            .filter_map(pixels)
            .flatten();
        wanted.set_symbol(" ");
        wanted.fg = Color::Reset;
        wanted.bg = mean(colors)?;
        Some(wanted)
    }

    /// Whether `wanted` is worth its bytes where the terminal shows `shown`.
    pub fn differs(&self, shown: &Cell, wanted: &Cell) -> bool {
        let far = |a: Color, b: Color| match (rgb(a), rgb(b)) {
            (Some(a), Some(b)) => a.iter().zip(b).any(|(a, b)| a.abs_diff(b) >= self.step),
            _ => a != b,
        };
        shown.symbol() != wanted.symbol()
            || shown.modifier != wanted.modifier
            || far(shown.bg, wanted.bg)
            || (wanted.symbol() != " " && far(shown.fg, wanted.fg))
    }

    /// What is sent of a cell. Nearer to what is wanted than a step, or it would be sent for ever.
    pub fn rounded(&self, mut wanted: Cell) -> Cell {
        if !self.shown.is_full() {
            wanted.fg = self.color(wanted.fg);
            wanted.bg = self.color(wanted.bg);
        }
        wanted
    }

    fn color(&self, color: Color) -> Color {
        let Color::Rgb(r, g, b) = color else {
            return color;
        };
        let [r, g, b] = [r, g, b].map(|value| self.level(value));
        if r == g && g == b && self.shown.bits <= 4 {
            return nearest_grey(r);
        }
        Color::Rgb(r, g, b)
    }

    /// The nearest of the levels that there are: from black to white in equal steps.
    fn level(&self, value: u8) -> u8 {
        let most = (1_u16 << self.shown.bits) - 1;
        let level = (u16::from(value) * most + 127) / 255;
        u8::try_from(level * 255 / most).unwrap_or(u8::MAX)
    }
}

/// The colours of the upper and the lower pixel of a cell that holds nothing but these.
fn pixels(cell: &Cell) -> Option<[Color; 2]> {
    match cell.symbol() {
        "▀" => Some([cell.fg, cell.bg]),
        "▄" => Some([cell.bg, cell.fg]),
        " " => Some([cell.bg, cell.bg]),
        _ => None,
    }
}

/// The mean of all; of colours that have none, the first.
fn mean(colors: impl Iterator<Item = Color>) -> Option<Color> {
    let (mut sum, mut count, mut first) = ([0_u32; 3], 0_u32, None);
    for color in colors {
        first = first.or(Some(color));
        if let Some(parts) = rgb(color) {
            count += 1;
            for (sum, part) in sum.iter_mut().zip(parts) {
                *sum += u32::from(part);
            }
        }
    }
    let Some(half) = count.checked_sub(1).map(|_| count / 2) else {
        return first;
    };
    let [r, g, b] = sum.map(|sum| u8::try_from((sum + half) / count).unwrap_or(u8::MAX));
    Some(Color::Rgb(r, g, b))
}

/// The grey of the palette of 256 that is nearest. Source: xterm's 256colres.h: black is 16, white
/// 231, and from 232 on there are 24 greys, 8 and every tenth after it.
fn nearest_grey(value: u8) -> Color {
    match value {
        0..4 => Color::Indexed(16),
        247.. => Color::Indexed(231),
        _ => Color::Indexed(232 + (value.saturating_sub(3) / 10).min(23)),
    }
}

fn rgb(color: Color) -> Option<[u8; 3]> {
    Some(match color {
        Color::Rgb(r, g, b) => [r, g, b],
        Color::Indexed(16) => [0; 3],
        Color::Indexed(231) => [255; 3],
        Color::Indexed(index @ 232..) => [8 + (index - 232) * 10; 3],
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::layout::Rect;

    fn grey(value: u8) -> Color {
        Color::Rgb(value, value, value)
    }

    #[test]
    fn greys_become_the_nearest_of_the_palette() {
        for value in 0..=255_u8 {
            let [near, ..] = rgb(nearest_grey(value)).unwrap();
            assert!(near.abs_diff(value) <= 8, "{value}: {near}");
        }
        assert_eq!(nearest_grey(0), Color::Indexed(16));
        assert_eq!(nearest_grey(255), Color::Indexed(231));
        assert_eq!(nearest_grey(128), Color::Indexed(244));
    }

    #[test]
    fn noise_below_a_step_costs_nothing_and_more_does() {
        let cell = |top: u8, bottom: u8| {
            let mut cell = Cell::default();
            cell.set_symbol("▀").set_fg(grey(top)).set_bg(grey(bottom));
            cell
        };
        let shown = cell(100, 200);
        for detail in DETAILS {
            let step = detail.step;
            assert!(!detail.differs(&shown, &cell(100 + step - 1, 200)));
            assert!(detail.differs(&shown, &cell(100 + step, 200)));
            assert!(detail.differs(&shown, &cell(100, 200 - step)));
            assert!(detail.differs(&shown, cell(100, 200).set_symbol("x")));
        }
        for (value, detail) in (0..=255).flat_map(|v| DETAILS.map(|detail| (v, detail))) {
            let wanted = cell(value, 255 - value);
            let sent = detail.rounded(wanted.clone());
            assert!(!detail.differs(&sent, &wanted), "{value}: {detail:?}");
        }
    }

    #[test]
    fn cells_of_a_block_share_their_mean() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 4, 2));
        for (x, y) in (0..4).flat_map(|x| (0..2).map(move |y| (x, y))) {
            let value = if x < 2 { 0 } else { 240 };
            buffer[(x, y)]
                .set_symbol("▀")
                .set_fg(grey(value))
                .set_bg(grey(value));
        }
        buffer[(3, 1)].set_symbol("x");
        let detail = DETAILS[5];
        let cell = |x, y| detail.wanted(&buffer, (x, y), |_| true).unwrap();
        // Eight pixels of 0 and six of 240: the mark counts for nothing and stays.
        assert_eq!(cell(0, 0).bg, grey(103));
        assert_eq!(cell(2, 1), cell(0, 0));
        assert_eq!(cell(3, 1).symbol(), "x");
    }
}
