//! Floor 1: a frame as a file that other programs open: its values at full quality, and with them
//! everything that is known of the moment it was taken.
//!
//! Encoders take a frame, what is known of it, and a writer; names, folders and disks are the
//! business of who calls. [`write`] makes a file of one frame; [`Series`] and [`Animation`] take
//! many, one at a time, and hold none.

mod animation;
mod details;
mod jpeg;
mod ome_tiff;
mod ome_xml;
mod png;
mod shared;
mod small;
#[cfg(test)]
mod tests;

pub use animation::Animation;
pub use jpeg::{JpegMade, JpegTone};
pub use ome_tiff::{Series, Shape, Values};
pub use small::small_file;

use std::io::{self, Seek, Write};
use std::sync::Arc;
use std::time::Duration;

use crate::imaging::{Decoder, ImagingError};
use crate::model::{Frame, FrameEncoding, Instrument, PictureFormat, PlainText, SourceInfo, Stamp};

/// The name that files bear of the program that wrote them.
const SOFTWARE: &str = concat!("ttyscope ", env!("CARGO_PKG_VERSION"));

/// What is known of a frame beside the frame itself.
#[derive(Clone, Debug, PartialEq)]
pub struct About {
    /// Who sent it.
    pub source: SourceInfo,
    /// When it was received.
    pub received: Stamp,
    /// How long after the first one of a series that was; `None` for a single picture.
    pub since_first: Option<Duration>,
    /// The instrument at that moment, if the source describes one.
    pub instrument: Option<Arc<Instrument>>,
}

/// Why a frame cannot be made a file.
#[derive(Debug, thiserror::Error)]
pub enum PictureFileError {
    /// Its pixels cannot be read.
    #[error(transparent)]
    Unreadable(#[from] ImagingError),
    /// A JPEG was asked for, and the camera does not send any.
    #[error("the camera sends {}, not JPEG: save it as tiff or png", encoding.as_str())]
    NotJpeg {
        /// What it sends.
        encoding: FrameEncoding,
    },
    /// The encoder refused it.
    #[error("it cannot be written as {}: {detail}", format.as_str())]
    Encoder {
        /// What it was to become.
        format: PictureFormat,
        /// In the encoder's words.
        detail: PlainText,
    },
    /// The writer failed.
    #[error(transparent)]
    Write(#[from] io::Error),
}

/// Writes a frame as a file of that format.
///
/// - `decoder`: used again from frame to frame
/// - `into`: stands at the file's beginning
///
/// # Errors
/// The frame is damaged, or not what the format holds, or the writer fails; what was written so
/// far is then of no use.
pub fn write(
    format: PictureFormat,
    frame: &Frame,
    about: &About,
    decoder: &mut Decoder,
    mut into: impl Write + Seek,
) -> Result<(), PictureFileError> {
    let mut unshared = Vec::new();
    match (format, frame.encoding) {
        // Nobody's decoder stands between the camera and the file.
        (PictureFormat::Jpeg, FrameEncoding::Jpeg) => into.write_all(&frame.body)?,
        (PictureFormat::Jpeg, encoding) => return Err(PictureFileError::NotJpeg { encoding }),
        (PictureFormat::OmeTiff, _) => {
            let raster = decoder.decode(frame, true)?.unshared(&mut unshared);
            ome_tiff::write(&raster, frame, about, into)?;
        }
        (PictureFormat::Png, _) => {
            let raster = decoder.decode(frame, true)?.unshared(&mut unshared);
            png::write(&raster, frame, about, into)?;
        }
    }
    Ok(())
}

/// Writes a frame as JPEG whatever it was sent as: the camera's own file where it is one, and
/// otherwise its pixels, packed with loss.
///
/// - `tone`: what is remembered of this camera
///
/// # Errors
/// As [`write`].
pub fn write_jpeg(
    frame: &Frame,
    received: Stamp,
    decoder: &mut Decoder,
    tone: &mut JpegTone,
    mut into: impl Write,
) -> Result<JpegMade, PictureFileError> {
    if frame.encoding == FrameEncoding::Jpeg {
        into.write_all(&frame.body)?;
        return Ok(JpegMade::Untouched);
    }
    let mut unshared = Vec::new();
    let raster = decoder.decode(frame, true)?.unshared(&mut unshared);
    tone.write(&raster, frame.bit_depth, received, into)
}

/// Names and words of all that is known of a frame, as they stand in a file of it.
pub fn words_of(frame: &Frame, about: &About) -> Vec<(String, String)> {
    details::details(frame, about)
}
