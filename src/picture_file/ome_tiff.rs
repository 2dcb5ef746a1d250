//! OME-TIFF: the values as they are, uncompressed, in strips; the description in the first tag that
//! every reader looks at.

use std::io::{Seek, Write};

use tiff::encoder::colortype::{ColorType, Gray8, Gray16, RGB8};
use tiff::encoder::{ImageEncoder, Rational, TiffEncoder, TiffKind, TiffValue};
use tiff::tags::{ResolutionUnit, Tag};
use tiff::{TiffError, TiffResult};

use super::details::{moment, pixel_size_um, taken_ns};
use super::ome_xml::describe;
use super::{About, PictureFileError, SOFTWARE};
use crate::imaging::{Layout, Raster};
use crate::model::{Frame, PictureFormat, PlainText};

/// Writes one frame.
pub(super) fn write(
    raster: &Raster<'_>,
    frame: &Frame,
    about: &About,
    into: impl Write + Seek,
) -> Result<(), PictureFileError> {
    encode(raster, frame, about, into).map_err(|error| match error {
        TiffError::IoError(error) => PictureFileError::Write(error),
        other => PictureFileError::Encoder {
            format: PictureFormat::OmeTiff,
            detail: PlainText::from(other.to_string()),
        },
    })
}

fn encode(
    raster: &Raster<'_>,
    frame: &Frame,
    about: &About,
    into: impl Write + Seek,
) -> TiffResult<()> {
    let mut encoder = TiffEncoder::new(into)?;
    let (width_px, height_px) = raster.size();
    let bytes = raster.bytes();
    match raster.layout() {
        Layout::Grey8 => {
            let mut image = encoder.new_image::<Gray8>(width_px, height_px)?;
            describe_in(&mut image, raster, frame, about)?;
            image.write_data(bytes)
        }
        // Unshared by now: all of them are red, green and blue.
        Layout::Rgb8 | Layout::Yuyv | Layout::Nv12 => {
            let mut image = encoder.new_image::<RGB8>(width_px, height_px)?;
            describe_in(&mut image, raster, frame, about)?;
            image.write_data(bytes)
        }
        Layout::Grey16 => {
            let mut image = encoder.new_image::<Gray16>(width_px, height_px)?;
            describe_in(&mut image, raster, frame, about)?;
            // Strip by strip, so that the values are not there twice.
            let mut rest = bytes.as_chunks::<2>().0;
            let mut strip: Vec<u16> = Vec::new();
            while !rest.is_empty() {
                let count = usize::try_from(image.next_strip_sample_count()).unwrap_or(usize::MAX);
                let (now, later) = rest.split_at(count.clamp(1, rest.len()));
                strip.clear();
                strip.extend(now.iter().map(|value| u16::from_le_bytes(*value)));
                image.write_strip(&strip)?;
                rest = later;
            }
            image.finish()
        }
    }
}

/// Writes the tags beside the pixels.
fn describe_in<W: Write + Seek, C: ColorType, K: TiffKind>(
    image: &mut ImageEncoder<'_, W, C, K>,
    raster: &Raster<'_>,
    frame: &Frame,
    about: &About,
) -> TiffResult<()>
where
    [C::Inner]: TiffValue,
{
    if let Some(per_cm) = pixel_size_um(frame).and_then(pixels_per_cm) {
        image.resolution(ResolutionUnit::Centimeter, per_cm);
    }
    let xml = describe(raster, frame, about);
    let taken = moment(taken_ns(frame, about), "%Y:%m:%d %H:%M:%S");
    let tags = image.encoder();
    tags.write_tag(Tag::ImageDescription, xml.as_str())?;
    tags.write_tag(Tag::Software, SOFTWARE)?;
    // Source: TIFF 6.0, `DateTime`: always twenty bytes.
    if taken.len() == 19 {
        tags.write_tag(Tag::DateTime, taken.as_str())?;
    }
    Ok(())
}

/// Pixels in a centimetre, if a fraction of the file can hold them.
fn pixels_per_cm(um: f64) -> Option<Rational> {
    const PARTS: u32 = 1_000;
    let thousandths = (10_000.0 / um * f64::from(PARTS)).round();
    (1.0..=f64::from(u32::MAX))
        .contains(&thousandths)
        .then_some(Rational {
            n: thousandths as u32,
            d: PARTS,
        })
}
