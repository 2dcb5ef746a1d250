//! Making a frame as small as the cells it is drawn in: each small pixel is the mean of its box.
//!
//! Rows are first added up into one line of sums as wide as the frame, and only then across. The
//! inner loop runs over a whole row without a branch, which the compiler turns into vector code;
//! going box by box takes about twice as long (`benches/picture.rs`).

use std::ops::Range;

use super::raster::{Layout, Raster};
use super::view::Roi;
use super::yuv;

pub use super::raster::MAX_SIDE_PX;

/// Longest side of a reduced picture: more than any terminal shows, and little enough that a
/// terminal which claims an absurd size costs no memory.
pub const MAX_SMALL_PX: u16 = 2_048;

/// What the values of a whole frame are like. Values of 8 bits are in the high byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// The smallest.
    pub min: u16,
    /// The largest.
    pub max: u16,
    /// Every bit that is set in any of them.
    pub bits: u16,
}

impl Extent {
    const EMPTY: Self = Self {
        min: u16::MAX,
        max: 0,
        bits: 0,
    };

    fn of_bytes(min: u8, max: u8, bits: u8) -> Self {
        let high = |value: u8| u16::from(value) << 8;
        Self {
            min: high(min),
            max: high(max),
            bits: high(bits),
        }
    }

    /// Of luma of 16 to 235, what it is on the whole scale.
    fn full_range(self) -> Self {
        let wide = |value: u16| u16::from(yuv::full_range((value >> 8) as u8)) << 8;
        Self {
            min: wide(self.min),
            max: wide(self.max),
            ..self
        }
    }

    fn add(&mut self, other: Self) {
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.bits |= other.bits;
    }
}

/// The room a picture has on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Columns and rows of cells.
    pub cells: (u16, u16),
    /// Dots that a cell shows, across and down.
    pub dots: (u8, u8),
    /// Width and height of a cell in the terminal's pixels, or anything of the same proportion.
    pub cell_px: (u16, u16),
}

impl Room {
    /// Cells of two square dots, one above the other.
    pub fn half_blocks(cols: u16, rows: u16) -> Self {
        Self {
            cells: (cols, rows),
            dots: (1, 2),
            cell_px: (1, 2),
        }
    }

    /// The dots that a frame of `width` x `height` pixels fills, its aspect ratio kept however
    /// narrow the dots are. Never 0, and never more than [`MAX_SMALL_PX`].
    pub fn fit(&self, (width, height): (u32, u32)) -> (u16, u16) {
        let side =
            |cells: u16, dots: u8| cells.saturating_mul(u16::from(dots)).clamp(1, MAX_SMALL_PX);
        let room_width = side(self.cells.0, self.dots.0.max(1));
        let room_height = side(self.cells.1, self.dots.1.max(1));
        let of_cell = |dots: u8, across: u16| u64::from(dots.max(1)) * u64::from(across.max(1));
        // A dot is `cell_px.0 / dots.0` wide and `cell_px.1 / dots.1` high: the frame measured in
        // such widths and heights, both times the same number.
        let width = u64::from(width.max(1)) * of_cell(self.dots.0, self.cell_px.1);
        let height = u64::from(height.max(1)) * of_cell(self.dots.1, self.cell_px.0);
        let (wide, high) = (u64::from(room_width), u64::from(room_height));
        let scaled = |side: u64, by: u64, to: u64, room: u16| {
            let rounded = (side * to + by / 2) / by;
            u16::try_from(rounded).unwrap_or(room).clamp(1, room)
        };
        if width * high >= height * wide {
            (room_width, scaled(height, width, wide, room_height))
        } else {
            (scaled(width, height, high, room_width), room_height)
        }
    }
}

/// The size at which a frame of `width` x `height` pixels fills `cols` x `rows` cells of two
/// square pixels each, one above the other, its aspect ratio kept. Never 0.
pub fn fit(width: u32, height: u32, cols: u16, rows: u16) -> (u16, u16) {
    Room::half_blocks(cols, rows).fit((width, height))
}

/// The part of `length` that step `index` of `steps` covers: parts of equal length give or take
/// one, without gap or overlap; where there are more steps than pixels, the nearest pixel.
fn step_of(index: usize, steps: usize, length: usize) -> Range<usize> {
    let start = index * length / steps;
    let end = ((index + 1) * length / steps).max(start + 1);
    start..end
}

/// A part of a frame, made small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reduced {
    /// What all the values of that part are like; of pixels that share colour, their luma.
    pub extent: Extent,
    /// Values of each small pixel: 1 or 3.
    pub channels: usize,
}

/// Reduces frames; keeps its lines of sums from one to the next.
#[derive(Debug, Default)]
pub struct Reducer {
    sums: Vec<u32>,
    /// Sums of `U V` pairs where those have lines of their own.
    color_sums: Vec<u32>,
}

impl Reducer {
    /// Replaces `into` by a part of a frame at `width` x `height` pixels, each the mean of its box
    /// rounded to the nearest value (enlarged, the nearest pixel), row-major, a value for each
    /// channel. Values of 8 bits come out in the high byte, the fraction of their mean in the low
    /// one.
    ///
    /// - `part`: all of the frame if nothing of it is inside
    /// - `color`: whether red, green and blue are wanted of a frame that has them, or luma alone
    pub fn reduce(
        &mut self,
        frame: &Raster<'_>,
        part: Roi,
        (width, height): (u16, u16),
        color: bool,
        into: &mut Vec<u16>,
    ) -> Reduced {
        let part = part
            .within(frame.size())
            .unwrap_or_else(|| Roi::all(frame.size()));
        let color = color && frame.layout().is_color();
        let channels = if color { 3 } else { 1 };
        let (width, height) = (usize::from(width.max(1)), usize::from(height.max(1)));
        into.clear();
        into.reserve(width * height * channels);
        let mut extent = Extent::EMPTY;
        for y in 0..height {
            let rows = step_of(y, height, part.height as usize);
            let rows = part.y + rows.start as u32..part.y + rows.end as u32;
            extent.add(self.add_rows(frame, part, rows.clone(), color));
            let columns = (0..width).map(|x| step_of(x, width, part.width as usize));
            match frame.layout() {
                Layout::Grey8 => self.means(columns, rows.len(), 256, into),
                Layout::Grey16 => self.means(columns, rows.len(), 1, into),
                Layout::Rgb8 => self.rgb_means(columns, rows.len(), color, into),
                Layout::Yuyv => {
                    self.yuv_means(part, columns, (rows.len(), rows.len()), color, into)
                }
                Layout::Nv12 => {
                    let shared = rows.start / 2..rows.end.div_ceil(2);
                    self.yuv_means(part, columns, (rows.len(), shared.len()), color, into);
                }
            }
        }
        Reduced { extent, channels }
    }

    /// Adds some rows up, column by column, from the first column of the part to its last.
    fn add_rows(&mut self, frame: &Raster<'_>, part: Roi, rows: Range<u32>, color: bool) -> Extent {
        let columns = part.x as usize..(part.x + part.width) as usize;
        // Two neighbours share their colour, so a part may begin in the middle of a pair.
        let pairs = columns.start / 2..columns.end.div_ceil(2);
        let layout = frame.layout();
        let values = match layout {
            Layout::Rgb8 => columns.len() * 3,
            _ => columns.len(),
        };
        refill(&mut self.sums, values);
        if color {
            refill(&mut self.color_sums, pairs.len() * 2);
        }
        let mut extent = Extent::EMPTY;
        for y in rows.clone() {
            let row = frame.row(y);
            extent.add(match layout {
                Layout::Grey8 => add_8(&mut self.sums, &row[columns.clone()]),
                Layout::Nv12 => add_8(&mut self.sums, &row[columns.clone()]).full_range(),
                Layout::Grey16 => add_16(&mut self.sums, &row[columns.start * 2..columns.end * 2]),
                Layout::Rgb8 => add_8(&mut self.sums, &row[columns.start * 3..columns.end * 3]),
                Layout::Yuyv => {
                    if color {
                        add_second(&mut self.color_sums, &row[pairs.start * 4..pairs.end * 4]);
                    }
                    let luma = &row[columns.start * 2..columns.end * 2];
                    add_first(&mut self.sums, luma).full_range()
                }
            });
        }
        if color && layout == Layout::Nv12 {
            for two in rows.start / 2..rows.end.div_ceil(2) {
                let row = frame.color_row(two * 2);
                add_8(&mut self.color_sums, &row[pairs.start * 2..pairs.end * 2]);
            }
        }
        extent
    }

    fn means(
        &self,
        columns: impl Iterator<Item = Range<usize>>,
        rows: usize,
        step: u64,
        into: &mut Vec<u16>,
    ) {
        into.extend(columns.map(|columns| {
            let count = (rows * columns.len()) as u64;
            mean(total(&self.sums[columns]) * step, count)
        }));
    }

    fn rgb_means(
        &self,
        columns: impl Iterator<Item = Range<usize>>,
        rows: usize,
        color: bool,
        into: &mut Vec<u16>,
    ) {
        for columns in columns {
            let count = (rows * columns.len()) as u64;
            let sums = &self.sums[columns.start * 3..columns.end * 3];
            let mut totals = [0; 3];
            for pixel in sums.as_chunks::<3>().0 {
                for (total, value) in totals.iter_mut().zip(pixel) {
                    *total += u64::from(*value);
                }
            }
            let rgb = totals.map(|total| mean(total * 256, count));
            match color {
                true => into.extend(rgb),
                false => into.push(yuv::luma_of(rgb)),
            }
        }
    }

    fn yuv_means(
        &self,
        part: Roi,
        columns: impl Iterator<Item = Range<usize>>,
        (luma_rows, color_rows): (usize, usize),
        color: bool,
        into: &mut Vec<u16>,
    ) {
        let first = part.x as usize;
        for columns in columns {
            let count = (luma_rows * columns.len()) as u64;
            let luma = mean(total(&self.sums[columns.clone()]) * 256, count);
            if !color {
                into.push(yuv::rgb_of_means(luma, 128 << 8, 128 << 8)[0]);
                continue;
            }
            let pairs = (first + columns.start) / 2 - first / 2
                ..(first + columns.end).div_ceil(2) - first / 2;
            let count = (color_rows * pairs.len()) as u64;
            let mut totals = [0; 2];
            for pair in self.color_sums[pairs.start * 2..pairs.end * 2]
                .as_chunks::<2>()
                .0
            {
                for (total, value) in totals.iter_mut().zip(pair) {
                    *total += u64::from(*value);
                }
            }
            let [u, v] = totals.map(|total| mean(total * 256, count));
            into.extend(yuv::rgb_of_means(luma, u, v));
        }
    }
}

fn refill(sums: &mut Vec<u32>, length: usize) {
    sums.clear();
    sums.resize(length, 0);
}

fn total(sums: &[u32]) -> u64 {
    sums.iter().map(|&sum| u64::from(sum)).sum()
}

/// Of values of which each is at most 65535, so it fits.
fn mean(sum: u64, count: u64) -> u16 {
    ((sum + count / 2) / count) as u16
}

fn add_16(sums: &mut [u32], row: &[u8]) -> Extent {
    let (pairs, _) = row.as_chunks::<2>();
    let mut extent = Extent::EMPTY;
    for (sum, pair) in sums.iter_mut().zip(pairs) {
        let value = u16::from_le_bytes(*pair);
        *sum += u32::from(value);
        extent.min = extent.min.min(value);
        extent.max = extent.max.max(value);
        extent.bits |= value;
    }
    extent
}

fn add_8(sums: &mut [u32], row: &[u8]) -> Extent {
    let (mut min, mut max, mut bits) = (u8::MAX, 0, 0);
    for (sum, &value) in sums.iter_mut().zip(row) {
        *sum += u32::from(value);
        min = min.min(value);
        max = max.max(value);
        bits |= value;
    }
    Extent::of_bytes(min, max, bits)
}

/// The first byte of each two: luma.
fn add_first(sums: &mut [u32], row: &[u8]) -> Extent {
    let (mut min, mut max, mut bits) = (u8::MAX, 0, 0);
    for (sum, [value, _]) in sums.iter_mut().zip(row.as_chunks().0) {
        *sum += u32::from(*value);
        min = min.min(*value);
        max = max.max(*value);
        bits |= value;
    }
    Extent::of_bytes(min, max, bits)
}

/// The second byte of each two: colour.
fn add_second(sums: &mut [u32], row: &[u8]) {
    for (sum, [_, value]) in sums.iter_mut().zip(row.as_chunks().0) {
        *sum += u32::from(*value);
    }
}

#[cfg(test)]
mod tests;
