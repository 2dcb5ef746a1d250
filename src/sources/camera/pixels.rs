//! From the bytes that a driver hands out to the body of a frame. JPEG is passed on untouched; of
//! raw pictures the padding of rows is removed, and a body of the wrong length is none.

use bytes::{BufMut as _, Bytes, BytesMut};

use super::device::{Agreed, FourCc, Mode, Shot};
use crate::model::{Compression, FrameEncoding};

/// The formats that can be shown, for messages.
pub const KNOWN: &str = "MJPG, JPEG, YUYV, UYVY, NV12, GREY, Y10, Y12, Y14, Y16, RGB3 and BGR3";

/// A picture may have this many pixels: what the picture thread decodes.
const MOST_PIXELS: u64 = 64 << 20;
/// A JPEG may have this many bytes if the driver gives no limit.
const MOST_JPEG_BYTES: usize = 64 << 20;

/// How the bytes of a format become those of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Reading {
    encoding: FrameEncoding,
    /// Bits that the sensor fills, where the format says so.
    bit_depth: Option<u8>,
    order: Order,
}

/// What is done to the order of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    /// Nothing.
    Same,
    /// `U Y V Y` to `Y U Y V`.
    SwapPairs,
    /// Blue, green, red to red, green, blue.
    SwapEnds,
}

fn reading(fourcc: FourCc) -> Option<Reading> {
    let (encoding, bit_depth, order) = match &fourcc.0 {
        b"MJPG" | b"JPEG" => (FrameEncoding::Jpeg, None, Order::Same),
        b"YUYV" => (FrameEncoding::Yuyv, None, Order::Same),
        b"UYVY" => (FrameEncoding::Yuyv, None, Order::SwapPairs),
        b"NV12" => (FrameEncoding::Nv12, None, Order::Same),
        b"GREY" => (FrameEncoding::Mono8, Some(8), Order::Same),
        b"Y10 " => (mono16(), Some(10), Order::Same),
        b"Y12 " => (mono16(), Some(12), Order::Same),
        b"Y14 " => (mono16(), Some(14), Order::Same),
        b"Y16 " => (mono16(), Some(16), Order::Same),
        b"RGB3" => (FrameEncoding::Rgb8, None, Order::Same),
        b"BGR3" => (FrameEncoding::Rgb8, None, Order::SwapEnds),
        _ => return None,
    };
    Some(Reading {
        encoding,
        bit_depth,
        order,
    })
}

fn mono16() -> FrameEncoding {
    FrameEncoding::Mono16(Compression::None)
}

/// How much of what the sensor saw is in this format, more is better; `None` if it cannot be shown.
pub fn quality(fourcc: FourCc) -> Option<u8> {
    reading(fourcc).map(|reading| match reading.encoding {
        FrameEncoding::Jpeg => 0,
        FrameEncoding::Mono8 => 1,
        FrameEncoding::Nv12 => 2,
        FrameEncoding::Yuyv => 3,
        FrameEncoding::Rgb8 => 4,
        FrameEncoding::Mono16(_) => 5 + reading.bit_depth.unwrap_or(0),
    })
}

/// Bytes that a pixel of this format has, about, for JPEG.
pub fn bytes_per_pixel(fourcc: FourCc) -> f64 {
    match reading(fourcc).map(|reading| reading.encoding) {
        Some(FrameEncoding::Mono8) => 1.0,
        Some(FrameEncoding::Nv12) => 1.5,
        Some(FrameEncoding::Rgb8) => 3.0,
        Some(FrameEncoding::Jpeg) | None => 0.2,
        Some(FrameEncoding::Yuyv | FrameEncoding::Mono16(_)) => 2.0,
    }
}

/// How the pictures of an agreed mode are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    reading: Reading,
    width_px: u32,
    height_px: u32,
    /// Bytes of a row without its padding; of each plane.
    row_bytes: usize,
    /// Bytes from row to row.
    stride: usize,
    /// Rows of all planes.
    rows: usize,
    /// The most bytes of a picture.
    most_bytes: usize,
}

/// Why an agreed mode cannot be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoLayout {
    /// Nobody here knows the format.
    #[error("format {0} cannot be shown; known are {KNOWN}")]
    Unknown(FourCc),
    /// No such picture can be.
    #[error("a picture of {width}x{height} in {fourcc} cannot be")]
    Size {
        /// The format.
        fourcc: FourCc,
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
    },
    /// Rows would overlap.
    #[error("rows of {row_bytes} bytes follow each other after {stride} bytes")]
    Stride {
        /// Bytes of a row.
        row_bytes: usize,
        /// What the driver says.
        stride: usize,
    },
}

/// Why a picture is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// The driver says so.
    #[error("the driver marked it as broken")]
    Damaged,
    /// Not as many bytes as it must have.
    #[error("it has {got} bytes and must have {want}")]
    Length {
        /// Bytes it has.
        got: usize,
        /// Bytes its size asks for.
        want: usize,
    },
    /// Not a JPEG file.
    #[error("its {got} bytes do not begin like a JPEG file")]
    NotJpeg {
        /// Bytes it has.
        got: usize,
    },
}

impl Layout {
    /// How pictures of this mode are read.
    ///
    /// # Errors
    /// They cannot be.
    pub fn new(agreed: &Agreed) -> Result<Self, NoLayout> {
        let Mode { fourcc, size, .. } = agreed.mode;
        let reading = reading(fourcc).ok_or(NoLayout::Unknown(fourcc))?;
        let (width, height) = size;
        let no_size = NoLayout::Size {
            fourcc,
            width,
            height,
        };
        let pixels = u64::from(width) * u64::from(height);
        if pixels == 0 || pixels > MOST_PIXELS {
            return Err(no_size);
        }
        let to_usize = |bytes: u64| usize::try_from(bytes).map_err(|_| no_size);
        let most_bytes = to_usize(u64::from(agreed.image_bytes))?;
        let layout = |row_bytes: usize, stride: usize, rows: usize| Self {
            reading,
            width_px: width,
            height_px: height,
            row_bytes,
            stride,
            rows,
            most_bytes,
        };
        if reading.encoding == FrameEncoding::Jpeg {
            return Ok(layout(0, 0, 0));
        }
        let body_bytes = reading.encoding.body_bytes(width, height).ok_or(no_size)?;
        // The planes of NV12 have rows of the same length, and half as many of the second.
        let rows = match reading.encoding {
            FrameEncoding::Nv12 => u64::from(height) + u64::from(height / 2),
            _ => u64::from(height),
        };
        let (rows, body_bytes) = (to_usize(rows)?, to_usize(body_bytes)?);
        let row_bytes = body_bytes.checked_div(rows).ok_or(no_size)?;
        let stride = match to_usize(u64::from(agreed.stride))? {
            0 => row_bytes,
            stride if stride < row_bytes => return Err(NoLayout::Stride { row_bytes, stride }),
            stride => stride,
        };
        Ok(layout(row_bytes, stride, rows))
    }

    /// How the body of its frames is to be read.
    pub fn encoding(&self) -> FrameEncoding {
        self.reading.encoding
    }

    /// Bits that the sensor fills, where the format says so.
    pub fn bit_depth(&self) -> Option<u8> {
        self.reading.bit_depth
    }

    /// Columns and rows.
    pub fn size_px(&self) -> (u32, u32) {
        (self.width_px, self.height_px)
    }

    /// The body of a frame from what the driver gave.
    ///
    /// # Errors
    /// That is not a picture of this layout.
    pub fn body(&self, shot: &Shot) -> Result<Bytes, Wrong> {
        if shot.is_damaged {
            return Err(Wrong::Damaged);
        }
        let bytes = shot.bytes;
        let got = bytes.len();
        if self.encoding() == FrameEncoding::Jpeg {
            let most = match self.most_bytes {
                0 => MOST_JPEG_BYTES,
                most => most,
            };
            return match bytes {
                [0xff, 0xd8, ..] if got <= most => Ok(Bytes::copy_from_slice(bytes)),
                _ => Err(Wrong::NotJpeg { got }),
            };
        }
        let want = self.stride.saturating_mul(self.rows);
        let last = self.stride.saturating_sub(self.row_bytes);
        // Some drivers leave the padding of the last row out, others round the whole picture up.
        let fits = got == want || got == want.saturating_sub(last) || got == self.most_bytes;
        if !fits || got < want.saturating_sub(last) {
            return Err(Wrong::Length { got, want });
        }
        let mut body = BytesMut::with_capacity(self.row_bytes.saturating_mul(self.rows));
        if self.stride == self.row_bytes {
            body.put_slice(bytes.get(..want).unwrap_or(bytes));
        } else {
            for padded in bytes.chunks(self.stride.max(1)).take(self.rows) {
                body.put_slice(padded.get(..self.row_bytes).unwrap_or(padded));
            }
        }
        match self.reading.order {
            Order::Same => {}
            Order::SwapPairs => body.chunks_exact_mut(2).for_each(|pair| pair.swap(0, 1)),
            Order::SwapEnds => body.chunks_exact_mut(3).for_each(|pixel| pixel.swap(0, 2)),
        }
        Ok(body.freeze())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agreed(fourcc: &[u8; 4], size: (u32, u32), stride: u32, image_bytes: u32) -> Agreed {
        Agreed {
            mode: Mode {
                fourcc: FourCc(*fourcc),
                size,
                interval: None,
            },
            stride,
            image_bytes,
        }
    }

    fn shot(bytes: &[u8]) -> Shot<'_> {
        Shot {
            bytes,
            sequence: None,
            age: None,
            is_damaged: false,
        }
    }

    fn body(agreed: &Agreed, bytes: &[u8]) -> Result<Vec<u8>, Wrong> {
        let layout = Layout::new(agreed).unwrap();
        layout.body(&shot(bytes)).map(|body| body.to_vec())
    }

    #[test]
    fn what_the_driver_calls_broken_is_no_picture() {
        let layout = Layout::new(&agreed(b"GREY", (2, 1), 0, 0)).unwrap();
        let broken = Shot {
            is_damaged: true,
            ..shot(&[1, 2])
        };
        assert_eq!(layout.body(&broken), Err(Wrong::Damaged));
    }

    #[test]
    fn every_known_format_becomes_an_encoding() {
        let cases: [(&[u8; 4], FrameEncoding, Option<u8>); 12] = [
            (b"MJPG", FrameEncoding::Jpeg, None),
            (b"JPEG", FrameEncoding::Jpeg, None),
            (b"YUYV", FrameEncoding::Yuyv, None),
            (b"UYVY", FrameEncoding::Yuyv, None),
            (b"NV12", FrameEncoding::Nv12, None),
            (b"GREY", FrameEncoding::Mono8, Some(8)),
            (b"Y10 ", mono16(), Some(10)),
            (b"Y12 ", mono16(), Some(12)),
            (b"Y14 ", mono16(), Some(14)),
            (b"Y16 ", mono16(), Some(16)),
            (b"RGB3", FrameEncoding::Rgb8, None),
            (b"BGR3", FrameEncoding::Rgb8, None),
        ];
        for (fourcc, encoding, bit_depth) in cases {
            let layout = Layout::new(&agreed(fourcc, (4, 2), 0, 0)).unwrap();
            assert_eq!(
                (layout.encoding(), layout.bit_depth()),
                (encoding, bit_depth),
                "{}",
                FourCc(*fourcc)
            );
            let name = FourCc(*fourcc).to_string();
            assert!(KNOWN.contains(&name), "{name} is left out");
        }
        let unknown = Layout::new(&agreed(b"H264", (4, 2), 0, 0));
        assert_eq!(unknown, Err(NoLayout::Unknown(FourCc(*b"H264"))));
    }

    #[test]
    fn padding_is_removed_and_order_put_right() {
        let rows: Vec<u8> = (0..16).collect();
        type Case<'a> = (&'a [u8; 4], (u32, u32), u32, &'a [u8], &'a [u8]);
        let cases: [Case<'_>; 7] = [
            (b"GREY", (3, 2), 8, &rows, &[0, 1, 2, 8, 9, 10]),
            // The last row without its padding.
            (b"GREY", (3, 2), 8, &rows[..11], &[0, 1, 2, 8, 9, 10]),
            (b"GREY", (8, 2), 8, &rows, &rows),
            (b"Y12 ", (2, 2), 6, &rows[..12], &[0, 1, 2, 3, 6, 7, 8, 9]),
            (b"UYVY", (2, 1), 4, &rows[..4], &[1, 0, 3, 2]),
            (b"BGR3", (2, 1), 6, &rows[..6], &[2, 1, 0, 5, 4, 3]),
            (b"NV12", (2, 2), 4, &rows[..12], &[0, 1, 4, 5, 8, 9]),
        ];
        for (fourcc, size, stride, bytes, want) in cases {
            let agreed = agreed(fourcc, size, stride, 0);
            assert_eq!(
                body(&agreed, bytes).as_deref(),
                Ok(want),
                "{}",
                FourCc(*fourcc)
            );
        }
    }

    #[test]
    fn a_picture_that_the_driver_rounds_up_is_cut() {
        let agreed = agreed(b"GREY", (3, 2), 3, 4096);
        let page = vec![7; 4096];
        assert_eq!(body(&agreed, &page), Ok(vec![7; 6]));
        let short = body(&agreed, &page[..4095]);
        assert_eq!(short, Err(Wrong::Length { got: 4095, want: 6 }));
    }

    #[test]
    fn a_body_of_the_wrong_length_is_no_picture() {
        let agreed = agreed(b"YUYV", (4, 2), 8, 16);
        for got in [0, 1, 8, 15, 17, 32] {
            let bytes = vec![0; got];
            assert_eq!(body(&agreed, &bytes), Err(Wrong::Length { got, want: 16 }));
        }
    }

    #[test]
    fn a_jpeg_is_not_touched() {
        let agreed = agreed(b"MJPG", (640, 480), 0, 12);
        let jpeg = [0xff, 0xd8, 0xff, 0xe0, 0, 0, 0, 0];
        assert_eq!(body(&agreed, &jpeg), Ok(jpeg.to_vec()));
        for wrong in [&[][..], &[0xff], &[0, 0, 0], &[0xff; 12]] {
            let got = wrong.len();
            assert_eq!(body(&agreed, wrong), Err(Wrong::NotJpeg { got }));
        }
        let mut long = jpeg.to_vec();
        long.resize(13, 0);
        assert_eq!(body(&agreed, &long), Err(Wrong::NotJpeg { got: 13 }));
    }

    #[test]
    fn sizes_that_cannot_be_are_refused() {
        for (fourcc, size) in [
            (b"GREY", (0, 0)),
            (b"MJPG", (0, 480)),
            (b"YUYV", (3, 2)),
            (b"NV12", (4, 3)),
            (b"Y16 ", (65_536, 65_536)),
            (b"RGB3", (u32::MAX, u32::MAX)),
        ] {
            let found = Layout::new(&agreed(fourcc, size, 0, 0));
            assert!(
                matches!(found, Err(NoLayout::Size { .. })),
                "{size:?} {found:?}"
            );
        }
        let twenty_megapixels = agreed(b"Y16 ", (5_472, 3_648), 0, 0);
        let layout = Layout::new(&twenty_megapixels).unwrap();
        let bytes = vec![0; 5_472 * 3_648 * 2];
        let body = layout.body(&shot(&bytes));
        assert_eq!(body.map(|body| body.len()), Ok(bytes.len()));
        let overlapping = Layout::new(&agreed(b"GREY", (8, 2), 7, 0));
        let stride = NoLayout::Stride {
            row_bytes: 8,
            stride: 7,
        };
        assert_eq!(overlapping, Err(stride));
    }
}
