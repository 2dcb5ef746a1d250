//! Small pictures for a page: as few bytes as show what is there.

use super::PictureFileError;
use crate::model::{PictureFormat, PlainText};

/// Pictures of fewer pixels are kept as they are: packing with loss would show.
const EXACT: usize = 160 * 160;
/// How good a packed one is, of 100.
const QUALITY: u8 = 88;

/// A drawn picture as a file, and which kind of file that is.
///
/// - `pixels`: red, green and blue, row-major, as many as `size` says
/// - `is_color`: whether they differ
///
/// # Errors
/// There are not as many pixels as the size says, or none.
pub fn small_file(
    pixels: &[[u8; 3]],
    (width_px, height_px): (u16, u16),
    is_color: bool,
) -> Result<(&'static str, Vec<u8>), PictureFileError> {
    let grey: Vec<u8>;
    let bytes = match is_color {
        true => pixels.as_flattened(),
        false => {
            grey = pixels.iter().map(|[grey, ..]| *grey).collect();
            &grey
        }
    };
    let mut file = Vec::new();
    if pixels.len() <= EXACT {
        let mut encoder = png::Encoder::new(&mut file, width_px.into(), height_px.into());
        encoder.set_color(match is_color {
            true => png::ColorType::Rgb,
            false => png::ColorType::Grayscale,
        });
        let mut writer = encoder
            .write_header()
            .map_err(|error| refused(PictureFormat::Png, &error))?;
        writer
            .write_image_data(bytes)
            .and_then(|()| writer.finish())
            .map_err(|error| refused(PictureFormat::Png, &error))?;
        return Ok(("image/png", file));
    }
    let color = match is_color {
        true => jpeg_encoder::ColorType::Rgb,
        false => jpeg_encoder::ColorType::Luma,
    };
    jpeg_encoder::Encoder::new(&mut file, QUALITY)
        .encode(bytes, width_px, height_px, color)
        .map_err(|error| refused(PictureFormat::Jpeg, &error))?;
    Ok(("image/jpeg", file))
}

fn refused(format: PictureFormat, why: &impl ToString) -> PictureFileError {
    PictureFileError::Encoder {
        format,
        detail: PlainText::from(why.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tiny_picture_is_exact_and_a_large_one_is_packed() {
        for is_color in [false, true] {
            let (kind, file) = small_file(&[[7; 3]; 6], (3, 2), is_color).unwrap();
            assert_eq!(kind, "image/png");
            assert!(file.starts_with(b"\x89PNG"));
            let (kind, file) = small_file(&vec![[7; 3]; 480 * 320], (480, 320), is_color).unwrap();
            assert_eq!(kind, "image/jpeg");
            assert!(file.starts_with(b"\xff\xd8") && file.len() < 20_000);
            assert!(small_file(&[[7; 3]; 5], (3, 2), is_color).is_err());
        }
    }
}
