//! JPEG of pixels that a camera did not send as such. It is for looking at: values are rounded to
//! eight bits and packed with loss, so nothing should be measured in it.

use std::io::Write;

use jpeg_encoder::{ColorType, Encoder, EncodingError};

use super::PictureFileError;
use crate::imaging::reduce::Extent;
use crate::imaging::window::{Depth, Scale, Window, percentiles};
use crate::imaging::{Layout, Raster};
use crate::model::{PictureFormat, PlainText, Stamp};

/// How good it is, of 100. No block of it is seen at this.
const QUALITY: u8 = 92;
/// Pixels whose values choose what is drawn black and white.
const LOOKED_AT: usize = 16_384;

/// What became of a frame that was to be a JPEG.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JpegMade {
    /// The camera's own file, byte for byte.
    Untouched,
    /// Its values of eight bits were packed, with loss.
    Encoded,
    /// Its values of more bits were drawn between these two, which became black and white, and
    /// packed.
    Drawn {
        /// Drawn black.
        black: u16,
        /// Drawn white.
        white: u16,
    },
}

/// What is remembered of a camera from one picture to the next, so that its pictures do not
/// flicker.
#[derive(Debug, Default)]
pub struct JpegTone {
    depth: Depth,
    window: Window,
    looked_at: Vec<u16>,
    drawn: Vec<u8>,
}

impl JpegTone {
    /// Writes pixels that have their colours to themselves.
    pub(super) fn write(
        &mut self,
        raster: &Raster<'_>,
        bit_depth: Option<u8>,
        received: Stamp,
        into: impl Write,
    ) -> Result<JpegMade, PictureFileError> {
        let (bytes, color, made) = match raster.layout() {
            Layout::Grey8 => (raster.bytes(), ColorType::Luma, JpegMade::Encoded),
            Layout::Rgb8 | Layout::Yuyv | Layout::Nv12 => {
                (raster.bytes(), ColorType::Rgb, JpegMade::Encoded)
            }
            Layout::Grey16 => {
                let made = self.draw(raster, bit_depth, received);
                (&self.drawn[..], ColorType::Luma, made)
            }
        };
        let (width_px, height_px) = raster.size();
        let side = |px: u32| u16::try_from(px).map_err(|_| refused("a side has over 65535 pixels"));
        Encoder::new(into, QUALITY)
            .encode(bytes, side(width_px)?, side(height_px)?, color)
            .map_err(|error| match error {
                EncodingError::IoError(error) => PictureFileError::Write(error),
                other => refused(&other.to_string()),
            })?;
        Ok(made)
    }

    /// Draws values of 16 bits as the screen does in automatic contrast.
    fn draw(&mut self, raster: &Raster<'_>, bit_depth: Option<u8>, received: Stamp) -> JpegMade {
        let values = raster.bytes().as_chunks::<2>().0;
        let mut extent = Extent {
            min: u16::MAX,
            max: 0,
            bits: 0,
        };
        for value in values {
            let value = u16::from_le_bytes(*value);
            extent.min = extent.min.min(value);
            extent.max = extent.max.max(value);
            extent.bits |= value;
        }
        self.depth.note(extent);
        let scale = self.depth.scale_as_said(bit_depth);
        // An odd step falls on every column sooner or later.
        let step = (values.len() / LOOKED_AT) | 1;
        self.looked_at.clear();
        let some = values.iter().step_by(step);
        self.looked_at
            .extend(some.map(|value| u16::from_le_bytes(*value)));
        let wanted = percentiles(&mut self.looked_at);
        let (black, white) = self.window.follow(wanted, scale, received);
        let span = u32::from(white.saturating_sub(black)).max(1);
        self.drawn.clear();
        self.drawn.extend(values.iter().map(|value| {
            let above = u32::from(u16::from_le_bytes(*value).saturating_sub(black));
            // At most 255.
            ((above.min(span) * 255 + span / 2) / span) as u8
        }));
        let as_sent = |value| Scale::as_sent(scale, value);
        JpegMade::Drawn {
            black: as_sent(black),
            white: as_sent(white),
        }
    }
}

fn refused(detail: &str) -> PictureFileError {
    PictureFileError::Encoder {
        format: PictureFormat::Jpeg,
        detail: PlainText::from(detail.to_owned()),
    }
}
