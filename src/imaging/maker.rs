//! From a frame as it was received to a picture for a few cells.

use std::collections::HashMap;

use thiserror::Error;

use super::jpeg;
use super::picture::{Picture, PictureRequest};
use super::reduce::{Layout, MAX_SIDE_PX, Raster, Reducer, fit};
use super::unpack::{UnpackError, unpack};
use super::view::Roi;
use super::window::{Depth, Window, percentiles};
use super::yuv;
use crate::model::{CameraKey, Clock, Compression, Frame, FrameEncoding, PlainText, Stamp};

/// The largest frame that is decoded: 64 Mpx, which is 8192x8192.
pub const MAX_PIXELS: u64 = 64 << 20;

/// Cameras whose windows are remembered. A peer may invent any number of names.
const MAX_CAMERAS: usize = 64;

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

/// What is remembered of a camera from one picture to the next.
#[derive(Debug, Default)]
struct Camera {
    /// Whether it sends 16-bit values; when that changes, what was seen before says nothing.
    sixteen: bool,
    depth: Depth,
    window: Window,
}

/// Makes pictures, one frame at a time. Each worker thread has its own: the buffers and what is
/// known of each camera live here.
#[derive(Debug, Default)]
pub struct PictureMaker {
    pixels: Vec<u8>,
    reducer: Reducer,
    small: Vec<u16>,
    sorted: Vec<u16>,
    cameras: HashMap<CameraKey, Camera>,
}

impl PictureMaker {
    /// A maker that has seen nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Decodes a frame and reduces it to the dots of the request's cells, drawn
    /// between the low and high percentile of what is in it; the window follows the pictures of a
    /// camera without flicker.
    ///
    /// Takes nothing on trust: every size is checked before room is made for it.
    ///
    /// # Errors
    /// The frame is damaged, too large, or not what it was announced to be. The next one may well
    /// be fine.
    pub fn make(
        &mut self,
        camera: CameraKey,
        frame: &Frame,
        received: Stamp,
        request: &PictureRequest,
        clock: &Clock,
    ) -> Result<Picture, ImagingError> {
        let raster = raster(frame, &mut self.pixels)?;
        let (width_px, height_px) = raster.size();
        let layout = raster.layout();
        let room = (request.cols, request.rows);
        let size = fit(width_px, height_px, room, request.dots);
        let extent = self.reducer.reduce(&raster, size, &mut self.small);

        self.sorted.clone_from(&self.small);
        let wanted = percentiles(&mut self.sorted);
        let known = remembered(&mut self.cameras, &camera, layout == Layout::Grey16);
        known.depth.note(extent);
        let bit_depth = match layout {
            Layout::Grey16 => known.depth.bit_depth(),
            Layout::Grey8 | Layout::Rgb8 => 8,
        };
        let window = known.window.follow(wanted, bit_depth, received);
        Ok(Picture {
            camera,
            received,
            decoded: clock.now(),
            number: frame.number,
            frame_size_px: (width_px, height_px),
            bit_depth,
            value_range: as_sent((extent.min, extent.max), bit_depth),
            window: as_sent(window, bit_depth),
            pixel_size_um: frame.pixel_size_um,
            width_px: size.0,
            height_px: size.1,
            view: request.view,
            part: Roi::all((width_px, height_px)),
            dots: request.dots,
            pixels: drawn(&self.small, layout, window),
            encoded: None,
            probe: None,
            profile: None,
        })
    }
}

fn remembered<'a>(
    cameras: &'a mut HashMap<CameraKey, Camera>,
    key: &CameraKey,
    sixteen: bool,
) -> &'a mut Camera {
    if cameras.len() >= MAX_CAMERAS && !cameras.contains_key(key) {
        // Nobody watches that many at once. Forgetting costs a window its rest, nothing else.
        cameras.clear();
    }
    let camera = cameras.entry(key.clone()).or_default();
    if camera.sixteen != sixteen {
        *camera = Camera {
            sixteen,
            ..Camera::default()
        };
    }
    camera
}

/// The frame's pixels, decoded into `buffer` where they have to be.
fn raster<'a>(frame: &'a Frame, buffer: &'a mut Vec<u8>) -> Result<Raster<'a>, ImagingError> {
    match frame.encoding {
        FrameEncoding::Jpeg => {
            let (width_px, height_px, layout) = jpeg::decode(&frame.body, buffer)?;
            let found = (width_px, height_px);
            let announced = (
                frame.width_px.unwrap_or(width_px),
                frame.height_px.unwrap_or(height_px),
            );
            if announced != found {
                return Err(ImagingError::OtherSize { announced, found });
            }
            exactly(found, layout, buffer)
        }
        FrameEncoding::Mono8 => {
            let (size, _) = announced(frame, Layout::Grey8)?;
            exactly(size, Layout::Grey8, &frame.body)
        }
        FrameEncoding::Mono16(Compression::None) => {
            let (size, _) = announced(frame, Layout::Grey16)?;
            exactly(size, Layout::Grey16, &frame.body)
        }
        FrameEncoding::Rgb8 => {
            let (size, _) = announced(frame, Layout::Rgb8)?;
            exactly(size, Layout::Rgb8, &frame.body)
        }
        FrameEncoding::Yuyv | FrameEncoding::Nv12 => {
            let (size, _) = announced(frame, Layout::Rgb8)?;
            let want = frame.encoding.body_bytes(size.0, size.1);
            let want = want.ok_or(ImagingError::Odd {
                encoding: frame.encoding,
                width_px: size.0,
                height_px: size.1,
            })? as usize;
            if frame.body.len() != want {
                let got = frame.body.len();
                return Err(ImagingError::WrongLength { got, want });
            }
            match frame.encoding {
                FrameEncoding::Yuyv => yuv::from_yuyv(&frame.body, buffer),
                _ => yuv::from_nv12(&frame.body, (size.0 as usize, size.1 as usize), buffer),
            }
            exactly(size, Layout::Rgb8, buffer)
        }
        FrameEncoding::Mono16(compression) => {
            let (size, want) = announced(frame, Layout::Grey16)?;
            unpack(compression, &frame.body, want, buffer)?;
            exactly(size, Layout::Grey16, buffer)
        }
    }
}

/// The announced size, checked, and the bytes it needs.
fn announced(frame: &Frame, layout: Layout) -> Result<((u32, u32), usize), ImagingError> {
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
    Ok((
        (width_px, height_px),
        pixels as usize * layout.pixel_bytes(),
    ))
}

fn exactly(
    (width_px, height_px): (u32, u32),
    layout: Layout,
    bytes: &[u8],
) -> Result<Raster<'_>, ImagingError> {
    Raster::new(width_px, height_px, layout, bytes).ok_or(ImagingError::WrongLength {
        got: bytes.len(),
        want: width_px as usize * height_px as usize * layout.pixel_bytes(),
    })
}

/// Values of 8 bits are in the high byte inside; people want them as the camera has them.
fn as_sent((low, high): (u16, u16), bit_depth: u8) -> (u16, u16) {
    match bit_depth {
        8 => (low >> 8, high >> 8),
        _ => (low, high),
    }
}

fn drawn(values: &[u16], layout: Layout, (black, white): (u16, u16)) -> Vec<[u8; 3]> {
    let span = u32::from(white.saturating_sub(black)).max(1);
    let level = |value: u16| {
        let above = u32::from(value.saturating_sub(black)).min(span);
        ((above * 255 + span / 2) / span) as u8
    };
    match layout {
        Layout::Grey8 | Layout::Grey16 => values.iter().map(|&v| [level(v); 3]).collect(),
        Layout::Rgb8 => values
            .as_chunks::<3>()
            .0
            .iter()
            .map(|pixel| pixel.map(level))
            .collect(),
    }
}

#[cfg(test)]
mod tests;
