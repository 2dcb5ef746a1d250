//! JPEG files to pixels, with everything checked that the header claims.

use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::decode::{ImagingError, MAX_PIXELS};
use super::huffman;
use super::raster::{Layout, MAX_SIDE_PX};
use crate::model::PlainText;

/// The most pixels that a byte of a JPEG file can stand for: every 8x8 block costs at least one bit
/// in the scan that carries its mean value. So a few bytes that claim to be a large picture are
/// refused before room is made for it. Source: ITU-T T.81, F.1.2 and G.1.2: each Huffman code has
/// at least one bit.
const PIXELS_PER_BYTE: u64 = 8 * 64;

/// Scans of a progressive file; libjpeg writes ten. Each costs a pass over the whole picture.
const MAX_SCANS: usize = 64;

/// Decodes JPEG files; keeps its buffer from one to the next.
#[derive(Debug, Default)]
pub(super) struct Jpeg {
    completed: Vec<u8>,
}

/// What came out of a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decoded {
    /// Columns and rows.
    pub size: (u32, u32),
    /// How the pixels lie.
    pub layout: Layout,
    /// Whether all is there that the file holds: not if its colours were not wanted.
    pub whole: bool,
}

impl Jpeg {
    /// Replaces `into` by the pixels of a JPEG file: those of a grey file as grey, those of any
    /// other as red, green and blue, or as luma alone if no `color` is wanted.
    pub(super) fn decode(
        &mut self,
        body: &[u8],
        color: bool,
        into: &mut Vec<u8>,
    ) -> Result<Decoded, ImagingError> {
        let body = match huffman::complete(body, &mut self.completed) {
            true => &self.completed[..],
            false => body,
        };
        decode(body, color, into)
    }
}

fn decode(body: &[u8], color: bool, into: &mut Vec<u8>) -> Result<Decoded, ImagingError> {
    // What is missing at the end would otherwise be filled in with grey.
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(MAX_SIDE_PX as usize)
        .set_max_height(MAX_SIDE_PX as usize)
        .jpeg_set_max_scans(MAX_SCANS);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(body), options);
    decoder.decode_headers().map_err(|error| damaged(&error))?;
    let info = decoder.info().ok_or(ImagingError::Empty {
        width_px: 0,
        height_px: 0,
    })?;
    let (width_px, height_px) = (u32::from(info.width), u32::from(info.height));
    let pixels = u64::from(width_px) * u64::from(height_px);
    if pixels > MAX_PIXELS {
        return Err(ImagingError::TooLarge {
            width_px,
            height_px,
        });
    }
    if pixels > PIXELS_PER_BYTE.saturating_mul(body.len() as u64) {
        return Err(ImagingError::Implausible {
            width_px,
            height_px,
            bytes: body.len(),
        });
    }
    if !body.windows(2).rev().any(|pair| pair == [0xff, 0xd9]) {
        return Err(ImagingError::CutShort { bytes: body.len() });
    }
    // Luma is a part of its own only where the file says so; red, green and blue as such are rare.
    let is_grey = info.components == 1;
    let has_luma = decoder.input_colorspace() == Some(ColorSpace::YCbCr);
    let layout = if is_grey || (has_luma && !color) {
        // Told nothing, the decoder makes three equal channels of one.
        decoder.set_options(options.jpeg_set_out_colorspace(ColorSpace::Luma));
        Layout::Grey8
    } else {
        Layout::Rgb8
    };
    let size = (width_px, height_px);
    into.resize(layout.bytes(size).unwrap_or(0), 0);
    decoder.decode_into(into).map_err(|error| damaged(&error))?;
    Ok(Decoded {
        size,
        layout,
        whole: is_grey || layout == Layout::Rgb8,
    })
}

fn damaged(error: &zune_jpeg::errors::DecodeErrors) -> ImagingError {
    // Some of its texts come in quotation marks.
    let text = error.to_string();
    ImagingError::Jpeg {
        detail: PlainText::from_peer(text.trim_matches('"')),
    }
}
