//! One camera picture as it was received: bytes that are decoded only by who needs the pixels.

use bytes::Bytes;

use super::sample::SourceId;
use super::text::PlainText;

/// A picture and what was said about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// Which camera of the source.
    pub detector: PlainText,
    /// The number the source gave it; counts per source or wraps, see the protocol.
    pub number: Option<u64>,
    /// Columns; `None` while only the compressed picture knows.
    pub width_px: Option<u32>,
    /// Rows; `None` while only the compressed picture knows.
    pub height_px: Option<u32>,
    /// How `body` is to be read.
    pub encoding: FrameEncoding,
    /// The picture as received, shared with the message it came in.
    pub body: Bytes,
    /// Micrometres per pixel of this picture, subsampling included.
    pub pixel_size_um: Option<f64>,
    /// Every how many-th sensor pixel this picture shows; 1 is all.
    pub subsampling: u32,
    /// Bits of a value that the sensor fills, counted from the lowest one; `None` while nobody has
    /// said so reliably. What it says of saturation rests on this.
    pub bit_depth: Option<u8>,
    /// When the device says it took or encoded the picture, Unix nanoseconds.
    pub device_ns: Option<u64>,
    /// Pictures of this camera the source numbered that never came between the one before and
    /// this one.
    pub lost_before: u64,
}

/// How the bytes of a frame are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FrameEncoding {
    /// A JPEG file.
    Jpeg,
    /// 16-bit grey, little-endian, row-major, without row padding, `width * height * 2` bytes
    /// once decompressed.
    Mono16(Compression),
    /// 8-bit grey, row-major, `width * height` bytes.
    Mono8,
    /// Red, green, blue, one byte each, row-major, `width * height * 3` bytes.
    Rgb8,
    /// Packed 4:2:2, `Y U Y V` for each two pixels of a row, `width * height * 2` bytes; the width
    /// is even.
    Yuyv,
    /// A plane of luma, `width * height` bytes, then one of `U V` pairs for each square of four
    /// pixels; width and height are even.
    Nv12,
}

/// What has to be undone before the pixels can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Compression {
    /// The pixels as they are.
    None,
    /// An LZ4 frame (not a bare block).
    Lz4,
    /// A Zstandard frame.
    Zstd,
}

impl Compression {
    /// The name used on the screen and in recordings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }
}

impl FrameEncoding {
    /// The name used on the screen and in recordings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Jpeg => "jpeg",
            Self::Mono8 => "mono8",
            Self::Rgb8 => "rgb8",
            Self::Yuyv => "yuyv",
            Self::Nv12 => "nv12",
            Self::Mono16(Compression::None) => "mono16",
            Self::Mono16(Compression::Lz4) => "mono16 lz4",
            Self::Mono16(Compression::Zstd) => "mono16 zstd",
        }
    }

    /// Bytes that `width_px` x `height_px` pixels take once decompressed; `None` where that is not
    /// a matter of the size (JPEG), or if the size cannot be: 0, odd where pixels share colour, or
    /// beyond what can be counted.
    pub fn body_bytes(self, width_px: u32, height_px: u32) -> Option<u64> {
        let pixels = u64::from(width_px).checked_mul(u64::from(height_px))?;
        let is_even = |side: u32| side.is_multiple_of(2);
        let bytes = match self {
            Self::Jpeg => None,
            Self::Mono8 => Some(pixels),
            Self::Mono16(_) => pixels.checked_mul(2),
            Self::Rgb8 => pixels.checked_mul(3),
            Self::Yuyv if is_even(width_px) => pixels.checked_mul(2),
            Self::Nv12 if is_even(width_px) && is_even(height_px) => pixels.checked_add(pixels / 2),
            Self::Yuyv | Self::Nv12 => None,
        };
        bytes.filter(|bytes| *bytes > 0)
    }
}

/// One camera among all sources.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CameraKey {
    /// The source it belongs to.
    pub source: SourceId,
    /// Its name there.
    pub detector: PlainText,
}

/// How many pictures are under way between an acknowledging server and us.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AckWindow {
    /// Received and not yet acknowledged.
    pub open: u32,
    /// The most the server sends ahead; 0 while unknown.
    pub size: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_says_how_many_bytes_there_are() {
        let cases = [
            (FrameEncoding::Jpeg, (8, 8), None),
            (FrameEncoding::Mono8, (3, 5), Some(15)),
            (FrameEncoding::Mono16(Compression::Lz4), (3, 5), Some(30)),
            (FrameEncoding::Rgb8, (3, 5), Some(45)),
            (FrameEncoding::Yuyv, (4, 5), Some(40)),
            (FrameEncoding::Yuyv, (3, 5), None),
            (FrameEncoding::Nv12, (4, 6), Some(36)),
            (FrameEncoding::Nv12, (4, 5), None),
            (FrameEncoding::Mono8, (0, 5), None),
            (FrameEncoding::Rgb8, (u32::MAX, u32::MAX), None),
        ];
        for (encoding, (width_px, height_px), bytes) in cases {
            let found = encoding.body_bytes(width_px, height_px);
            assert_eq!(found, bytes, "{width_px}x{height_px} {}", encoding.as_str());
        }
    }
}
