//! PNG: the same values, packed; what is known stands in it as texts.
//!
//! Values of fewer than 16 bits are not stretched: the number in the file is the number that the
//! camera sent. So there is no `sBIT` chunk, which would say that they were.

use std::io::Write;

use png::{BitDepth, ColorType, Compression, Encoder, EncodingError, PixelDimensions, Unit};

use super::details::{details, pixel_size_um};
use super::{About, PictureFileError, SOFTWARE};
use crate::imaging::{Layout, Raster};
use crate::model::{Frame, PictureFormat, PlainText};

/// The longest name of a text. Source: PNG specification, 11.3.3.2.
const MAX_NAME: usize = 79;

/// Writes one frame.
pub(super) fn write(
    raster: &Raster<'_>,
    frame: &Frame,
    about: &About,
    into: impl Write,
) -> Result<(), PictureFileError> {
    encode(raster, frame, about, into).map_err(|error| match error {
        EncodingError::IoError(error) => PictureFileError::Write(error),
        other => PictureFileError::Encoder {
            format: PictureFormat::Png,
            detail: PlainText::from(other.to_string()),
        },
    })
}

fn encode(
    raster: &Raster<'_>,
    frame: &Frame,
    about: &About,
    into: impl Write,
) -> Result<(), EncodingError> {
    let (width_px, height_px) = raster.size();
    let mut encoder = Encoder::new(into, width_px, height_px);
    let (color, depth) = match raster.layout() {
        Layout::Grey8 => (ColorType::Grayscale, BitDepth::Eight),
        Layout::Grey16 => (ColorType::Grayscale, BitDepth::Sixteen),
        // Unshared by now: all of them are red, green and blue.
        Layout::Rgb8 | Layout::Yuyv | Layout::Nv12 => (ColorType::Rgb, BitDepth::Eight),
    };
    encoder.set_color(color);
    encoder.set_depth(depth);
    // The noise of a camera packs badly however long one tries.
    encoder.set_compression(Compression::Fast);
    encoder.set_pixel_dims(pixel_size_um(frame).and_then(pixels_per_metre));
    encoder.add_itxt_chunk("Software".to_owned(), SOFTWARE.to_owned())?;
    for (name, text) in details(frame, about) {
        encoder.add_itxt_chunk(keyword(&name), text)?;
    }
    let mut writer = encoder.write_header()?;
    match raster.layout() {
        Layout::Grey16 => {
            // The high byte comes first in this format.
            let mut swapped = raster.bytes().to_vec();
            let (values, _) = swapped.as_chunks_mut::<2>();
            values.iter_mut().for_each(|value| value.reverse());
            writer.write_image_data(&swapped)?;
        }
        _ => writer.write_image_data(raster.bytes())?,
    }
    writer.finish()
}

/// The name of a text; names of axes and lights come from peers and may be anything.
pub(super) fn keyword(name: &str) -> String {
    let plain = |c: char| match c {
        ' '..='~' => c,
        _ => '_',
    };
    let name: String = name.chars().map(plain).take(MAX_NAME).collect();
    name.trim().to_owned()
}

fn pixels_per_metre(um: f64) -> Option<PixelDimensions> {
    let count = (1e6 / um).round();
    let fits = (1.0..=f64::from(i32::MAX)).contains(&count);
    fits.then_some(PixelDimensions {
        xppu: count as u32,
        yppu: count as u32,
        unit: Unit::Meter,
    })
}
