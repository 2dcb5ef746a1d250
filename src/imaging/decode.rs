//! From the bytes of a frame to its pixels, with everything checked that was said of them.

use bytes::Bytes;
use thiserror::Error;

use super::jpeg::Jpeg;
use super::raster::{Layout, MAX_SIDE_PX, Raster};
use super::unpack::{UnpackError, unpack};
use crate::model::{Compression, Frame, FrameEncoding, PlainText};

/// The largest frame that is decoded: 64 Mpx, which is 8192x8192.
pub const MAX_PIXELS: u64 = 64 << 20;

/// Why a frame cannot be shown. Says nothing of the camera: the caller knows which.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ImagingError {
    /// The decoder refused it.
    #[error("the JPEG is damaged: {detail}")]
    Jpeg {
        /// In the decoder's words.
        detail: PlainText,
    },
    /// It has no end.
    #[error("the JPEG is cut short: its {bytes} bytes have no end marker")]
    CutShort {
        /// Bytes there are.
        bytes: usize,
    },
    /// So few bytes cannot hold so many pixels.
    #[error("the JPEG claims {width_px}x{height_px} pixels, which its {bytes} bytes cannot hold")]
    Implausible {
        /// Columns claimed.
        width_px: u32,
        /// Rows claimed.
        height_px: u32,
        /// Bytes there are.
        bytes: usize,
    },
    /// What was said of the frame is not what is in it.
    #[error(
        "the frame was announced as {}x{} pixels and is {}x{}",
        announced.0, announced.1, found.0, found.1
    )]
    OtherSize {
        /// Columns and rows announced.
        announced: (u32, u32),
        /// Columns and rows found.
        found: (u32, u32),
    },
    /// Raw pixels without a size.
    #[error("the frame does not say how many columns and rows it has")]
    NoSize,
    /// A side is 0.
    #[error("the frame is {width_px}x{height_px}: there is nothing in it")]
    Empty {
        /// Columns.
        width_px: u32,
        /// Rows.
        height_px: u32,
    },
    /// Over a limit.
    #[error(
        "the frame is {width_px}x{height_px}; at most {} Mpx and {MAX_SIDE_PX} a side are shown",
        MAX_PIXELS >> 20
    )]
    TooLarge {
        /// Columns.
        width_px: u32,
        /// Rows.
        height_px: u32,
    },
    /// Raw pixels, and not as many as there should be.
    #[error("the frame has {got} bytes of pixels where its size needs {want}")]
    WrongLength {
        /// Bytes there are.
        got: usize,
        /// Bytes the size asks for.
        want: usize,
    },
    /// Pixels that share their colour cannot be of an odd number.
    #[error("the frame is {width_px}x{height_px}, which {} pictures cannot be", encoding.as_str())]
    Odd {
        /// How it is said to be encoded.
        encoding: FrameEncoding,
        /// Columns.
        width_px: u32,
        /// Rows.
        height_px: u32,
    },
    /// Its pixels cannot be unpacked.
    #[error(transparent)]
    Unpack(#[from] UnpackError),
}

/// Decodes frames, one at a time; its buffers are used again and again.
///
/// The pixels of the frame before stay, so that asking for the same frame once more costs nothing:
/// another part of it, or its numbers beside its picture.
#[derive(Debug, Default)]
pub struct Decoder {
    jpeg: Jpeg,
    buffer: Vec<u8>,
    decoded: Option<Decoded>,
}

/// What the decoder holds. The bytes are shared, not copied; while they are held, no other frame
/// can have the same ones.
#[derive(Debug)]
struct Decoded {
    body: Bytes,
    encoding: FrameEncoding,
    announced: (Option<u32>, Option<u32>),
    size: (u32, u32),
    layout: Layout,
    /// Whether the pixels are those of the body itself.
    plain: bool,
    /// Whether nothing was left out: colour, where luma was enough.
    whole: bool,
}

impl Decoded {
    fn is_of(&self, frame: &Frame, color: bool) -> bool {
        self.body.as_ptr() == frame.body.as_ptr()
            && self.body.len() == frame.body.len()
            && self.encoding == frame.encoding
            && self.announced == (frame.width_px, frame.height_px)
            && (self.whole || !color)
    }
}

impl Decoder {
    /// A frame's pixels, as they are: those of raw frames are read where they lie.
    ///
    /// - `color`: whether colours are wanted; where luma is enough, a JPEG is decoded faster and
    ///   comes out grey
    ///
    /// Takes nothing on trust: every size is checked before room is made for it.
    ///
    /// # Errors
    /// The frame is damaged, too large, or not what it was announced to be. The next one may well
    /// be fine.
    pub fn decode(&mut self, frame: &Frame, color: bool) -> Result<Raster<'_>, ImagingError> {
        if !self
            .decoded
            .as_ref()
            .is_some_and(|decoded| decoded.is_of(frame, color))
        {
            self.decoded = None;
            let decoded = fill(frame, color, &mut self.jpeg, &mut self.buffer)?;
            self.decoded = Some(decoded);
        }
        self.raster().ok_or(ImagingError::NoSize)
    }

    /// The pixels of the frame decoded last; `None` if it could not be.
    pub fn raster(&self) -> Option<Raster<'_>> {
        let decoded = self.decoded.as_ref()?;
        let bytes = match decoded.plain {
            true => &decoded.body[..],
            false => &self.buffer,
        };
        Raster::new(decoded.size.0, decoded.size.1, decoded.layout, bytes)
    }
}

/// Decodes a frame into `buffer` if it has to be.
fn fill(
    frame: &Frame,
    color: bool,
    jpeg: &mut Jpeg,
    buffer: &mut Vec<u8>,
) -> Result<Decoded, ImagingError> {
    let mut whole = true;
    let (size, layout, plain) = match frame.encoding {
        FrameEncoding::Jpeg => {
            let decoded = jpeg.decode(&frame.body, color, buffer)?;
            whole = decoded.whole;
            let found = decoded.size;
            let announced = (
                frame.width_px.unwrap_or(found.0),
                frame.height_px.unwrap_or(found.1),
            );
            if announced != found {
                return Err(ImagingError::OtherSize { announced, found });
            }
            (found, decoded.layout, false)
        }
        FrameEncoding::Mono8 => (announced(frame)?, Layout::Grey8, true),
        FrameEncoding::Mono16(Compression::None) => (announced(frame)?, Layout::Grey16, true),
        FrameEncoding::Rgb8 => (announced(frame)?, Layout::Rgb8, true),
        FrameEncoding::Yuyv => (announced(frame)?, Layout::Yuyv, true),
        FrameEncoding::Nv12 => (announced(frame)?, Layout::Nv12, true),
        FrameEncoding::Mono16(compression) => {
            let size = announced(frame)?;
            // At most MAX_PIXELS of two bytes each.
            let want = Layout::Grey16.bytes(size).unwrap_or(0);
            unpack(compression, &frame.body, want, buffer)?;
            (size, Layout::Grey16, false)
        }
    };
    let got = if plain {
        frame.body.len()
    } else {
        buffer.len()
    };
    let want = layout.bytes(size).ok_or(ImagingError::Odd {
        encoding: frame.encoding,
        width_px: size.0,
        height_px: size.1,
    })?;
    if got != want {
        return Err(ImagingError::WrongLength { got, want });
    }
    Ok(Decoded {
        body: frame.body.clone(),
        encoding: frame.encoding,
        announced: (frame.width_px, frame.height_px),
        size,
        layout,
        plain,
        whole,
    })
}

/// The announced size, checked.
fn announced(frame: &Frame) -> Result<(u32, u32), ImagingError> {
    let (Some(width_px), Some(height_px)) = (frame.width_px, frame.height_px) else {
        return Err(ImagingError::NoSize);
    };
    if width_px == 0 || height_px == 0 {
        return Err(ImagingError::Empty {
            width_px,
            height_px,
        });
    }
    let pixels = u64::from(width_px) * u64::from(height_px);
    if width_px.max(height_px) > MAX_SIDE_PX || pixels > MAX_PIXELS {
        return Err(ImagingError::TooLarge {
            width_px,
            height_px,
        });
    }
    Ok((width_px, height_px))
}
