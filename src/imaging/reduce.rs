//! Making a frame as small as the cells it is drawn in: each small pixel is the mean of its box.
//!
//! Rows are first added up into one line of sums as wide as the frame, and only then across. The
//! inner loop runs over a whole row without a branch, which the compiler turns into vector code;
//! going box by box takes about twice as long (`benches/picture.rs`).

use std::ops::Range;

/// Longest side of a frame. JPEG's own limit, and as many 16-bit rows as a 32-bit sum can hold.
pub const MAX_SIDE_PX: u32 = 65_535;

/// Longest side of a reduced picture: more than any terminal shows, and little enough that a
/// terminal which claims an absurd size costs no memory.
pub const MAX_SMALL_PX: u16 = 2_048;

/// How pixels lie in memory, row-major, without padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// One byte each.
    Grey8,
    /// Two bytes each, little-endian.
    Grey16,
    /// Red, green, blue, one byte each.
    Rgb8,
}

impl Layout {
    /// Bytes of one pixel.
    pub fn pixel_bytes(self) -> usize {
        match self {
            Self::Grey8 => 1,
            Self::Grey16 => 2,
            Self::Rgb8 => 3,
        }
    }

    /// Values of one pixel.
    pub fn channels(self) -> usize {
        match self {
            Self::Grey8 | Self::Grey16 => 1,
            Self::Rgb8 => 3,
        }
    }

    /// What one step of a value counts for. Values of 8 bits are moved into the high byte, so that
    /// a mean keeps its fraction and all layouts share one scale.
    fn step(self) -> u16 {
        match self {
            Self::Grey8 | Self::Rgb8 => 256,
            Self::Grey16 => 1,
        }
    }
}

/// A frame whose bytes are exactly as many as its size needs.
#[derive(Clone, Copy, Debug)]
pub struct Raster<'a> {
    width: usize,
    height: usize,
    layout: Layout,
    bytes: &'a [u8],
}

impl<'a> Raster<'a> {
    /// `None` if a side is 0 or over [`MAX_SIDE_PX`], or if `bytes` is not exactly
    /// `width * height` pixels.
    pub fn new(width: u32, height: u32, layout: Layout, bytes: &'a [u8]) -> Option<Self> {
        let side = 1..=MAX_SIDE_PX;
        if !side.contains(&width) || !side.contains(&height) {
            return None;
        }
        let (width, height) = (width as usize, height as usize);
        let size = width
            .checked_mul(height)?
            .checked_mul(layout.pixel_bytes())?;
        (bytes.len() == size).then_some(Self {
            width,
            height,
            layout,
            bytes,
        })
    }

    /// Columns and rows.
    pub fn size(&self) -> (u32, u32) {
        // Both were u32 in `new`.
        (self.width as u32, self.height as u32)
    }

    /// How the pixels lie.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    fn rows(&self, rows: Range<usize>) -> impl Iterator<Item = &'a [u8]> {
        let row_bytes = self.width * self.layout.pixel_bytes();
        self.bytes[rows.start * row_bytes..rows.end * row_bytes].chunks_exact(row_bytes)
    }
}

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

    fn add(&mut self, other: Self) {
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.bits |= other.bits;
    }
}

/// Columns and rows of dots that a picture of `width` x `height` square pixels gets in
/// `cols` x `rows` cells of `dots` each: as large as possible, aspect ratio kept, at least 1. A cell
/// is taken to be twice as high as it is wide.
pub fn fit(width: u32, height: u32, (cols, rows): (u16, u16), dots: (u8, u8)) -> (u16, u16) {
    let (across, down) = (dots.0.max(1), dots.1.max(1));
    let room_width = cols.saturating_mul(across.into()).clamp(1, MAX_SMALL_PX);
    let room_height = rows.saturating_mul(down.into()).clamp(1, MAX_SMALL_PX);
    // What the picture is in dots, of which a cell has `across` on one unit and `down` on two.
    let width = u64::from(width.max(1)) * 2 * u64::from(across);
    let height = u64::from(height.max(1)) * u64::from(down);
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

/// The part of `length` that step `index` of `steps` covers: parts of equal length give or take
/// one, without gap or overlap; where there are more steps than pixels, the nearest pixel.
fn part(index: usize, steps: usize, length: usize) -> Range<usize> {
    let start = index * length / steps;
    let end = ((index + 1) * length / steps).max(start + 1);
    start..end
}

/// Reduces frames; keeps its line of sums from one to the next.
#[derive(Debug, Default)]
pub struct Reducer {
    sums: Vec<u32>,
}

impl Reducer {
    /// Replaces `into` by the frame at `width` x `height` pixels, each the mean of its box rounded
    /// to the nearest value (enlarged, the nearest pixel), row-major, a value for each channel.
    /// Values of 8 bits come out in the high byte, the fraction of their mean in the low one.
    ///
    /// Returns what all the values of the frame itself are like.
    pub fn reduce(
        &mut self,
        frame: &Raster<'_>,
        (width, height): (u16, u16),
        into: &mut Vec<u16>,
    ) -> Extent {
        let (width, height) = (usize::from(width.max(1)), usize::from(height.max(1)));
        let channels = frame.layout.channels();
        into.clear();
        into.reserve(width * height * channels);
        let mut extent = Extent::EMPTY;
        for y in 0..height {
            let rows = part(y, height, frame.height);
            let row_count = rows.len();
            self.sums.clear();
            self.sums.resize(frame.width * channels, 0);
            for row in frame.rows(rows) {
                extent.add(match frame.layout {
                    Layout::Grey16 => add_row_16(&mut self.sums, row),
                    Layout::Grey8 | Layout::Rgb8 => add_row_8(&mut self.sums, row),
                });
            }
            for x in 0..width {
                let columns = part(x, width, frame.width);
                let count = (row_count * columns.len()) as u64;
                let sums = &self.sums[columns.start * channels..columns.end * channels];
                for channel in 0..channels {
                    let sum: u64 = sums
                        .iter()
                        .skip(channel)
                        .step_by(channels)
                        .map(|&sum| u64::from(sum))
                        .sum();
                    let sum = sum * u64::from(frame.layout.step());
                    // A mean is at most the largest value, so it fits.
                    into.push(((sum + count / 2) / count) as u16);
                }
            }
        }
        extent
    }
}

fn add_row_16(sums: &mut [u32], row: &[u8]) -> Extent {
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

fn add_row_8(sums: &mut [u32], row: &[u8]) -> Extent {
    let (mut min, mut max, mut bits) = (u8::MAX, 0, 0);
    for (sum, &value) in sums.iter_mut().zip(row) {
        *sum += u32::from(value);
        min = min.min(value);
        max = max.max(value);
        bits |= value;
    }
    let high = |value: u8| u16::from(value) << 8;
    Extent {
        min: high(min),
        max: high(max),
        bits: high(bits),
    }
}

#[cfg(test)]
mod tests;
