//! Floor 1: a frame as a file that other programs open: its values at full quality, and with them
//! everything that is known of the moment it was taken.
//!
//! Encoders take a frame, what is known of it, and a writer; names, folders and disks are the
//! business of who calls. A snapshot is one frame, so nothing here comes near the 4 GiB of a
//! classic TIFF: the largest frame that is decoded has 192 MiB of values.

mod details;
mod ome_tiff;
mod ome_xml;
mod png;
#[cfg(test)]
mod tests;

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
