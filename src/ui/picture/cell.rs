//! One cell of a picture: which sign and which two colours come nearest to its dots.
//!
//! Neighbouring frames of a camera differ in noise that no eye sees, yet every cell that changes
//! costs some forty bytes of escape sequences. So colours are rounded to 6 bits a channel, and dots
//! that hardly differ are one dot.

use ratatui::buffer::Cell;
use ratatui::style::Color;

use super::glyphs::{Glyphs, ramp};
use crate::ui::theme::{ColorDepth, NAMED, nearest_index};

/// Most dots that a cell shows.
pub(super) const MOST_DOTS: usize = 8;

/// Dots nearer to each other than this in every channel are not told apart: less than what is left
/// of a colour anyway.
const SAME: u8 = 6;

/// The dots of a cell, row by row. Those beyond the picture's edge are `None`.
pub(super) type Dots = [Option<[u8; 3]>];

/// Thresholds of an ordered dither. Source: Bayer, 1973, the 4x4 matrix.
const BAYER: [[u16; 4]; 4] = [[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]];

/// Draws the cell at column and row `at` of a picture.
pub(super) fn draw(
    cell: &mut Cell,
    at: (u16, u16),
    dots: &Dots,
    glyphs: Glyphs,
    depth: ColorDepth,
) {
    cell.reset();
    match (glyphs, dots) {
        (Glyphs::HalfBlocks, &[Some(top), bottom]) => halves(cell, at, top, bottom, depth),
        (Glyphs::Ascii, &[Some(dot)]) => {
            cell.set_char(ramp(luma(dot)));
        }
        (Glyphs::Quadrants | Glyphs::Sextants, _) if depth != ColorDepth::None => {
            two_colors(cell, at, dots, glyphs, depth);
        }
        (Glyphs::Quadrants | Glyphs::Sextants | Glyphs::Braille, _) => {
            cell.set_char(glyphs.pattern(dithered(at, dots, glyphs)));
        }
        _ => {}
    }
}

fn halves(
    cell: &mut Cell,
    (col, row): (u16, u16),
    top: [u8; 3],
    bottom: Option<[u8; 3]>,
    depth: ColorDepth,
) {
    if depth == ColorDepth::None {
        cell.set_char(shade(top, bottom));
        return;
    }
    cell.set_char('▀').set_fg(color(top, (col, row * 2), depth));
    if let Some(bottom) = bottom {
        cell.set_bg(color(bottom, (col, row * 2 + 1), depth));
    }
}

/// Parts the dots into two groups, so that the squares of what is lost when each group has its mean
/// add up to the least, and draws one group in front of the other.
fn two_colors(
    cell: &mut Cell,
    (col, row): (u16, u16),
    dots: &Dots,
    glyphs: Glyphs,
    depth: ColorDepth,
) {
    let (front_at, back_at) = ((col, row * 2), (col, row * 2 + 1));
    let there = group(dots, |_| true);
    if there.count == 0 {
        return;
    }
    let is_edge = usize::from(there.count) < dots.len();
    if is_edge || is_even(dots) {
        // At the edge what is no dot of the picture keeps the ground of the screen.
        let present = pattern(dots, |dot| dot.is_some());
        let mean = color(there.mean(), front_at, depth);
        if is_edge {
            cell.set_char(glyphs.pattern(present)).set_fg(mean);
        } else {
            cell.set_char(' ').set_bg(mean);
        }
        return;
    }
    // The last dot is always behind: each way of parting them comes once.
    let ways = 1_u8 << (dots.len() - 1);
    let best = (1..ways).max_by_key(|way| {
        let front = group(dots, |at| way >> at & 1 == 1);
        front.explained() + there.without(front).explained()
    });
    let Some(front_pattern) = best else { return };
    let front = group(dots, |at| front_pattern >> at & 1 == 1);
    cell.set_char(glyphs.pattern(front_pattern))
        .set_fg(color(front.mean(), front_at, depth))
        .set_bg(color(there.without(front).mean(), back_at, depth));
}

/// Some dots of a cell: their sums.
#[derive(Clone, Copy, Default)]
struct Group {
    sums: [u32; 3],
    count: u8,
}

fn group(dots: &Dots, belongs: impl Fn(usize) -> bool) -> Group {
    let mut group = Group::default();
    for (at, dot) in dots.iter().enumerate() {
        if let (Some(dot), true) = (dot, belongs(at)) {
            group.count += 1;
            for (sum, value) in group.sums.iter_mut().zip(dot) {
                *sum += u32::from(*value);
            }
        }
    }
    group
}

impl Group {
    fn without(self, part: Self) -> Self {
        let [a, b, c] = self.sums;
        let [x, y, z] = part.sums;
        Self {
            sums: [a - x, b - y, c - z],
            count: self.count - part.count,
        }
    }

    /// The sum of the squares that its mean stands for. What a parting loses is the sum of all
    /// squares less this of both parts, so the largest is the best.
    fn explained(self) -> u32 {
        let squares: u32 = self.sums.iter().map(|sum| sum * sum).sum();
        squares / u32::from(self.count.max(1))
    }

    fn mean(self) -> [u8; 3] {
        let count = u32::from(self.count.max(1));
        self.sums.map(|sum| ((sum + count / 2) / count) as u8)
    }
}

fn is_even(dots: &Dots) -> bool {
    (0..3).all(|channel| {
        let values = dots.iter().flatten().map(|dot| dot[channel]);
        let (low, high) = values.fold((u8::MAX, 0), |(low, high), value| {
            (low.min(value), high.max(value))
        });
        high.saturating_sub(low) < SAME
    })
}

fn pattern(dots: &Dots, is_set: impl Fn(&Option<[u8; 3]>) -> bool) -> u8 {
    dots.iter()
        .enumerate()
        .fold(0, |bits, (at, dot)| bits | u8::from(is_set(dot)) << at)
}

/// Which dots are bright, by position: a level between black and white sets as many dots of a
/// neighbourhood as it is bright. The same level gives the same dots, so a still picture is still.
fn dithered((col, row): (u16, u16), dots: &Dots, glyphs: Glyphs) -> u8 {
    let (across, down) = glyphs.dots();
    let (across, down) = (u16::from(across), u16::from(down));
    dots.iter().zip(0_u16..).fold(0, |bits, (dot, at)| {
        let (x, y) = (col * across + at % across, row * down + at / across);
        let threshold = BAYER[usize::from(y % 4)][usize::from(x % 4)];
        let is_set = dot.is_some_and(|dot| u16::from(luma(dot)) * 16 > threshold * 255 + 127);
        bits | u8::from(is_set) << at
    })
}

/// Brightness of a colour. Source: ITU-R BT.601, in 256ths.
pub(super) fn luma([r, g, b]: [u8; 3]) -> u8 {
    ((u32::from(r) * 77 + u32::from(g) * 150 + u32::from(b) * 29) >> 8) as u8
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
