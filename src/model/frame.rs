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
            Self::Mono16(Compression::None) => "mono16",
            Self::Mono16(Compression::Lz4) => "mono16 lz4",
            Self::Mono16(Compression::Zstd) => "mono16 zstd",
        }
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
