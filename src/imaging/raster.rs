//! A decoded frame: its pixels as they lie in memory, and how to read them.
//!
//! Nothing is converted here that need not be: pixels that share colour stay as the camera sent
//! them until somebody asks for one.

use super::view::Roi;
use super::yuv;

/// Longest side of a frame. JPEG's own limit, and as many 16-bit rows as a 32-bit sum can hold.
pub const MAX_SIDE_PX: u32 = 65_535;

/// How pixels lie in memory, row-major, without padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// One byte each.
    Grey8,
    /// Two bytes each, little-endian.
    Grey16,
    /// Red, green, blue, one byte each.
    Rgb8,
    /// `Y U Y V` for each two of a row.
    Yuyv,
    /// A plane of luma, then `U V` pairs, one for each square of four.
    Nv12,
}

impl Layout {
    /// Bytes of a frame of that size; `None` if there can be none: a side is odd where pixels
    /// share colour, or there are more than can be counted.
    pub fn bytes(self, (width, height): (u32, u32)) -> Option<usize> {
        let pixels = (width as usize).checked_mul(height as usize)?;
        match self {
            Self::Grey8 => Some(pixels),
            Self::Grey16 => pixels.checked_mul(2),
            Self::Rgb8 => pixels.checked_mul(3),
            Self::Yuyv if width.is_multiple_of(2) => pixels.checked_mul(2),
            Self::Nv12 if width.is_multiple_of(2) && height.is_multiple_of(2) => {
                pixels.checked_add(pixels / 2)
            }
            Self::Yuyv | Self::Nv12 => None,
        }
    }

    /// Whether its pixels have colour.
    pub fn is_color(self) -> bool {
        !matches!(self, Self::Grey8 | Self::Grey16)
    }

    /// Bytes of a row, of the plane of luma where there are two.
    fn row_bytes(self, width: usize) -> usize {
        match self {
            Self::Grey8 | Self::Nv12 => width,
            Self::Grey16 | Self::Yuyv => width * 2,
            Self::Rgb8 => width * 3,
        }
    }
}

/// A frame whose bytes are exactly as many as its size needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
        (layout.bytes((width, height)) == Some(bytes.len())).then_some(Self {
            width: width as usize,
            height: height as usize,
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

    /// All its bytes.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The same pixels, each with a colour of its own: red, green and blue where they shared one.
    ///
    /// - `into`: where they are put, if they have to be
    pub fn unshared<'b>(&self, into: &'b mut Vec<u8>) -> Raster<'b>
    where
        'a: 'b,
    {
        into.clear();
        match self.layout {
            Layout::Grey8 | Layout::Grey16 | Layout::Rgb8 => return *self,
            Layout::Yuyv => {
                into.reserve(self.bytes.len() / 2 * 3);
                for [first, u, second, v] in self.bytes.as_chunks::<4>().0 {
                    into.extend(yuv::rgb(*first, *u, *v));
                    into.extend(yuv::rgb(*second, *u, *v));
                }
            }
            Layout::Nv12 => {
                into.reserve(self.width * self.height * 3);
                // Both were u32 in `new`.
                for y in 0..self.height as u32 {
                    let pairs = self.color_row(y).as_chunks::<2>().0;
                    for (two, [u, v]) in self.row(y).as_chunks::<2>().0.iter().zip(pairs) {
                        into.extend(two.map(|luma| yuv::rgb(luma, *u, *v)).as_flattened());
                    }
                }
            }
        }
        Raster {
            layout: Layout::Rgb8,
            bytes: into,
            ..*self
        }
    }

    /// The bytes of a row, of luma where that has a plane of its own; empty if there is no such
    /// row.
    pub fn row(&self, y: u32) -> &'a [u8] {
        let bytes = self.layout.row_bytes(self.width);
        let start = (y as usize).saturating_mul(bytes);
        match (y as usize) < self.height {
            true => &self.bytes[start..start + bytes],
            false => &[],
        }
    }

    /// The `U V` pairs that a row shares with its neighbour, where they have a plane of their own.
    pub(super) fn color_row(&self, y: u32) -> &'a [u8] {
        if self.layout != Layout::Nv12 || y as usize >= self.height {
            return &[];
        }
        let start = self.width * self.height + (y / 2) as usize * self.width;
        &self.bytes[start..start + self.width]
    }

    /// The values of a pixel as the camera sent them: one where it is grey, red, green and blue
    /// where it is not. `None` outside.
    pub fn pixel(&self, (x, y): (u32, u32)) -> Option<Vec<u16>> {
        if x as usize >= self.width {
            return None;
        }
        let x = x as usize;
        let row = self.row(y);
        let wide = |rgb: [u8; 3]| rgb.map(u16::from).to_vec();
        Some(match self.layout {
            Layout::Grey8 => vec![u16::from(*row.get(x)?)],
            Layout::Grey16 => vec![u16::from_le_bytes(*row.as_chunks().0.get(x)?)],
            Layout::Rgb8 => wide(*row.as_chunks().0.get(x)?),
            Layout::Yuyv => {
                let [first, u, second, v] = *row.as_chunks().0.get(x / 2)?;
                wide(yuv::rgb(
                    if x.is_multiple_of(2) { first } else { second },
                    u,
                    v,
                ))
            }
            Layout::Nv12 => {
                let [u, v] = *self.color_row(y).as_chunks().0.get(x / 2)?;
                wide(yuv::rgb(*row.get(x)?, u, v))
            }
        })
    }

    /// How bright a pixel is: its value where it is grey, its luma of 0 to 255 where it is not.
    /// `None` outside.
    pub fn luma(&self, (x, y): (u32, u32)) -> Option<u16> {
        if x as usize >= self.width {
            return None;
        }
        let x = x as usize;
        let row = self.row(y);
        Some(match self.layout {
            Layout::Grey8 => u16::from(*row.get(x)?),
            Layout::Grey16 => u16::from_le_bytes(*row.as_chunks().0.get(x)?),
            Layout::Rgb8 => yuv::luma_of(row.as_chunks::<3>().0.get(x)?.map(u16::from)),
            Layout::Yuyv => u16::from(yuv::full_range(row.as_chunks::<2>().0.get(x)?[0])),
            Layout::Nv12 => u16::from(yuv::full_range(*row.get(x)?)),
        })
    }

    /// Replaces `into` by how bright the pixels of a row are, as [`Raster::luma`] has it, from the
    /// first column of `part` to its last; empty if the row or the part is outside.
    pub fn luma_row(&self, y: u32, part: Roi, into: &mut Vec<u16>) {
        into.clear();
        let Some(part) = part.within(self.size()) else {
            return;
        };
        let row = self.row(y);
        let columns = part.x as usize..(part.x + part.width) as usize;
        // From slices, whose lengths are known: `extend` then takes many values at a time.
        match self.layout {
            Layout::Grey8 => {
                let values = row.get(columns).unwrap_or_default();
                into.extend(values.iter().map(|&value| u16::from(value)));
            }
            Layout::Nv12 => {
                let values = row.get(columns).unwrap_or_default();
                into.extend(values.iter().map(|&y| u16::from(yuv::full_range(y))));
            }
            Layout::Grey16 => {
                let pairs = row.as_chunks().0.get(columns).unwrap_or_default();
                into.extend(pairs.iter().map(|&pair| u16::from_le_bytes(pair)));
            }
            Layout::Yuyv => {
                let pairs = row.as_chunks::<2>().0.get(columns).unwrap_or_default();
                into.extend(pairs.iter().map(|[y, _]| u16::from(yuv::full_range(*y))));
            }
            Layout::Rgb8 => {
                let pixels = row.as_chunks::<3>().0.get(columns).unwrap_or_default();
                into.extend(pixels.iter().map(|rgb| yuv::luma_of(rgb.map(u16::from))));
            }
        }
    }
}

#[cfg(test)]
mod tests;
