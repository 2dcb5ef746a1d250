//! OME-TIFF: the values as they are, uncompressed; the description in the first tag that every
//! reader looks at. One frame, or those of a camera one after the other in time.
//!
//! The description is complete only when the last frame has come, and it stands in the first
//! directory. So the values are written as they come and all directories behind them: nothing of a
//! picture is kept but where it lies and when it was taken. (The encoder writes values only inside
//! a directory, so an empty one that nothing points to stands behind each: 6 bytes, or 16.)

use std::io::{Seek, Write};

use tiff::encoder::{Rational, TiffEncoder, TiffKind, TiffKindBig, TiffKindStandard};
use tiff::tags::{CompressionMethod, PhotometricInterpretation, ResolutionUnit, Tag};
use tiff::{TiffError, TiffResult};

use super::details::{moment, pixel_size_um, taken_ns};
use super::ome_xml::{self, Plane};
use super::shared::Shared;
use super::{About, PictureFileError, SOFTWARE};
use crate::imaging::{Layout, Raster};
use crate::model::{Frame, PictureFormat, PlainText};

/// Frames of a file. Their description is text, is held in memory at the end, and readers have to
/// take it apart: at this many it has about 20 MB.
const MAX_PLANES: usize = 50_000;
/// Bytes that a classic file can have: its places are numbers of 32 bits.
const MAX_CLASSIC: u64 = 4 << 30;
/// What a frame takes besides its values: its directory, and its lines of the description. More
/// than either has ever been.
const PER_PLANE: u64 = 1024;
/// What a file takes besides its frames.
const PER_FILE: u64 = 256 * 1024;
/// Values that are turned into the order of the file at a time.
const AT_ONCE: usize = 256 * 1024;

/// What all frames of a file have in common. Of frames that differ in it none is like the other,
/// so they are not put into one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Shape {
    /// Columns.
    pub width_px: u32,
    /// Rows.
    pub height_px: u32,
    /// What a value is.
    pub values: Values,
    /// Bits of it that the sensor fills, if that is known.
    pub bit_depth: Option<u8>,
    /// The size of a pixel, thousandths of a nanometre, if it is known.
    pixel_size_fm: Option<u64>,
}

/// What the values of a picture in a file are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Values {
    /// Grey, a byte each.
    Grey8,
    /// Grey, two bytes each.
    Grey16,
    /// Red, green and blue, a byte each.
    Rgb8,
}

impl Values {
    /// What is written of pixels that lie like that.
    pub(super) fn of(layout: Layout) -> Self {
        match layout {
            Layout::Grey8 => Self::Grey8,
            Layout::Grey16 => Self::Grey16,
            Layout::Rgb8 | Layout::Yuyv | Layout::Nv12 => Self::Rgb8,
        }
    }

    /// Bytes of a pixel.
    pub fn bytes(self) -> u64 {
        match self {
            Self::Grey8 => 1,
            Self::Grey16 => 2,
            Self::Rgb8 => 3,
        }
    }
}

impl Shape {
    /// The shape of a decoded frame.
    pub fn of(raster: &Raster<'_>, frame: &Frame) -> Self {
        let (width_px, height_px) = raster.size();
        Self {
            width_px,
            height_px,
            values: Values::of(raster.layout()),
            bit_depth: frame.bit_depth,
            pixel_size_fm: pixel_size_um(frame).map(|um| (um * 1e9).round() as u64),
        }
    }

    /// Bytes of the values of one frame.
    pub fn bytes(&self) -> u64 {
        u64::from(self.width_px) * u64::from(self.height_px) * self.values.bytes()
    }

    /// Whether so many frames are more than a classic TIFF file can hold.
    pub fn needs_big(&self, frames: u64) -> bool {
        let each = self.bytes().saturating_add(PER_PLANE);
        each.saturating_mul(frames.min(MAX_PLANES as u64)) > MAX_CLASSIC - PER_FILE
    }
}

/// A file that takes the frames of one camera, one after the other, all of one [`Shape`].
pub struct Series<W: Write + Seek> {
    into: Shared<W>,
    encoder: Encoder<W>,
    shape: Shape,
    first: Frame,
    about: About,
    places: Vec<u64>,
    planes: Vec<Plane>,
    written: u64,
    swapped: Vec<u16>,
}

enum Encoder<W: Write + Seek> {
    Classic(TiffEncoder<Shared<W>, TiffKindStandard>),
    Big(TiffEncoder<Shared<W>, TiffKindBig>),
}

impl<W: Write + Seek> Series<W> {
    /// A file for frames like this one, which is the first but is not yet in it.
    ///
    /// - `big`: as BigTIFF, which may be larger than 4 GiB and which fewer programs read
    ///
    /// # Errors
    /// The writer fails.
    pub fn new(
        into: W,
        shape: Shape,
        first: &Frame,
        about: &About,
        big: bool,
    ) -> Result<Self, PictureFileError> {
        let into = Shared::new(into);
        let encoder = match big {
            true => TiffEncoder::new_big(into.clone()).map(Encoder::Big),
            false => TiffEncoder::new(into.clone()).map(Encoder::Classic),
        };
        Ok(Self {
            into,
            encoder: encoder.map_err(failed)?,
            shape,
            first: Frame {
                // Its values are in the file, and would be held as long as it is open.
                body: bytes::Bytes::new(),
                ..first.clone()
            },
            about: about.clone(),
            places: Vec::new(),
            planes: Vec::new(),
            written: 0,
            swapped: Vec::new(),
        })
    }

    /// Frames in it.
    pub fn len(&self) -> usize {
        self.planes.len()
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.planes.is_empty()
    }

    /// Whether another frame can be put into it.
    pub fn has_room(&self) -> bool {
        let with_it = self.written + self.shape.bytes() + self.planes.len() as u64 * PER_PLANE;
        let fits = match self.encoder {
            Encoder::Big(_) => true,
            Encoder::Classic(_) => with_it < MAX_CLASSIC - PER_FILE,
        };
        fits && self.planes.len() < MAX_PLANES
    }

    /// Writes the values of a frame of this file's shape.
    ///
    /// # Errors
    /// The writer fails; the file is then of no use.
    pub fn add(
        &mut self,
        raster: &Raster<'_>,
        frame: &Frame,
        about: &About,
    ) -> Result<(), PictureFileError> {
        let bytes = raster.bytes();
        let place = match &mut self.encoder {
            Encoder::Classic(encoder) => put(encoder, self.shape, bytes, &mut self.swapped),
            Encoder::Big(encoder) => put(encoder, self.shape, bytes, &mut self.swapped),
        };
        self.places.push(place.map_err(failed)?);
        self.planes
            .push(Plane::new(taken_ns(frame, about), frame, about));
        self.written += self.shape.bytes() + 32;
        Ok(())
    }

    /// Writes the description and says how large the file is; it comes back without having been
    /// made to survive a loss of power.
    ///
    /// # Errors
    /// The writer fails; the file is then of no use.
    pub fn finish(mut self) -> Result<W, PictureFileError> {
        let xml = ome_xml::describe(self.shape, &self.first, &self.about, &self.planes);
        let file = Directories {
            shape: self.shape,
            first: &self.first,
            places: &self.places,
            planes: &self.planes,
            xml: &xml,
        };
        match &mut self.encoder {
            Encoder::Classic(encoder) => file.write(encoder),
            Encoder::Big(encoder) => file.write(encoder),
        }
        .map_err(failed)?;
        drop(self.encoder);
        let mut into = self.into.into_inner()?;
        into.flush()?;
        Ok(into)
    }
}

/// Writes one frame.
pub(super) fn write(
    raster: &Raster<'_>,
    frame: &Frame,
    about: &About,
    into: impl Write + Seek,
) -> Result<(), PictureFileError> {
    let shape = Shape::of(raster, frame);
    let mut series = Series::new(into, shape, frame, about, false)?;
    series.add(raster, frame, about)?;
    series.finish()?;
    Ok(())
}

fn failed(error: TiffError) -> PictureFileError {
    match error {
        TiffError::IoError(error) => PictureFileError::Write(error),
        other => PictureFileError::Encoder {
            format: PictureFormat::OmeTiff,
            detail: PlainText::from(other.to_string()),
        },
    }
}

/// Writes values in the byte order of the file, and says where they are.
fn put<W: Write + Seek, K: TiffKind>(
    encoder: &mut TiffEncoder<Shared<W>, K>,
    shape: Shape,
    bytes: &[u8],
    swapped: &mut Vec<u16>,
) -> TiffResult<u64> {
    let mut unlinked = encoder.extra_directory()?;
    let mut place = None;
    match shape.values {
        Values::Grey8 | Values::Rgb8 => place = Some(unlinked.write_data(bytes)?),
        Values::Grey16 => {
            // Piece by piece, so that the values are not there twice.
            for piece in bytes.as_chunks::<2>().0.chunks(AT_ONCE) {
                swapped.clear();
                swapped.extend(piece.iter().map(|value| u16::from_le_bytes(*value)));
                let at = unlinked.write_data(&swapped[..])?;
                place.get_or_insert(at);
            }
        }
    }
    unlinked.finish()?;
    Ok(place.unwrap_or_default())
}

/// What stands behind the values.
struct Directories<'a> {
    shape: Shape,
    first: &'a Frame,
    places: &'a [u64],
    planes: &'a [Plane],
    xml: &'a str,
}

impl Directories<'_> {
    fn write<W: Write + Seek, K: TiffKind>(
        &self,
        encoder: &mut TiffEncoder<Shared<W>, K>,
    ) -> TiffResult<()> {
        let per_cm = pixel_size_um(self.first).and_then(pixels_per_cm);
        for (index, (place, plane)) in self.places.iter().zip(self.planes).enumerate() {
            let shape = self.shape;
            let mut tags = encoder.image_directory()?;
            tags.write_tag(Tag::ImageWidth, shape.width_px)?;
            tags.write_tag(Tag::ImageLength, shape.height_px)?;
            match shape.values {
                Values::Grey8 => tags.write_tag(Tag::BitsPerSample, 8_u16)?,
                Values::Grey16 => tags.write_tag(Tag::BitsPerSample, 16_u16)?,
                Values::Rgb8 => tags.write_tag(Tag::BitsPerSample, &[8_u16; 3][..])?,
            }
            let (samples, meaning) = match shape.values {
                Values::Grey8 | Values::Grey16 => (1_u16, PhotometricInterpretation::BlackIsZero),
                Values::Rgb8 => (3, PhotometricInterpretation::RGB),
            };
            tags.write_tag(Tag::Compression, CompressionMethod::None.to_u16())?;
            tags.write_tag(Tag::PhotometricInterpretation, meaning.to_u16())?;
            tags.write_tag(Tag::SamplesPerPixel, samples)?;
            // One strip: the values of a picture lie in one piece.
            tags.write_tag(Tag::RowsPerStrip, shape.height_px)?;
            tags.write_tag(Tag::StripOffsets, K::convert_offset(*place)?)?;
            tags.write_tag(Tag::StripByteCounts, K::convert_offset(shape.bytes())?)?;
            let (unit, resolution) = match &per_cm {
                Some((n, d)) => (ResolutionUnit::Centimeter, (*n, *d)),
                None => (ResolutionUnit::None, (1, 1)),
            };
            let (n, d) = resolution;
            tags.write_tag(Tag::XResolution, Rational { n, d })?;
            tags.write_tag(Tag::YResolution, Rational { n, d })?;
            tags.write_tag(Tag::ResolutionUnit, unit)?;
            if index == 0 {
                tags.write_tag(Tag::ImageDescription, self.xml)?;
            }
            tags.write_tag(Tag::Software, SOFTWARE)?;
            // Source: TIFF 6.0, `DateTime`: always twenty bytes.
            let taken = moment(plane.taken_ns, "%Y:%m:%d %H:%M:%S");
            if taken.len() == 19 {
                tags.write_tag(Tag::DateTime, taken.as_str())?;
            }
            tags.finish()?;
        }
        Ok(())
    }
}

/// Pixels in a centimetre as a fraction, if one of the file can hold them.
fn pixels_per_cm(um: f64) -> Option<(u32, u32)> {
    const PARTS: u32 = 1_000;
    let thousandths = (10_000.0 / um * f64::from(PARTS)).round();
    (1.0..=f64::from(u32::MAX))
        .contains(&thousandths)
        .then_some((thousandths as u32, PARTS))
}
