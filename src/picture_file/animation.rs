//! An animated PNG: small pictures with a time each, which every browser plays.
//!
//! How many pictures it has stands at its beginning, and is only known at its end; so it is put in
//! there last.

use std::io::{Seek, SeekFrom, Write};
use std::time::Duration;

use png::{BitDepth, ColorType, Compression, Encoder, EncodingError, Writer};

use super::png::keyword;
use super::shared::Shared;
use super::{PictureFileError, SOFTWARE};
use crate::model::{PictureFormat, PlainText};

/// Where the number of pictures stands. Source: PNG specification, 5.2, 11.2.1 and 11.3.4.1: the
/// signature, then `IHDR`, then `acTL`, whose four bytes of length come first.
const CONTROL_AT: u64 = 8 + 25 + 4;

/// A file that takes one picture after the other, all of one size.
pub struct Animation<W: Write + Seek> {
    into: Shared<W>,
    writer: Writer<Shared<W>>,
    is_color: bool,
    pictures: u32,
    row: Vec<u8>,
}

impl<W: Write + Seek> Animation<W> {
    /// A file for pictures of that many columns and rows.
    ///
    /// - `is_color`: whether their red, green and blue differ
    /// - `texts`: names and words that are kept in it
    ///
    /// # Errors
    /// The writer fails.
    pub fn new(
        into: W,
        (width_px, height_px): (u16, u16),
        is_color: bool,
        texts: &[(String, String)],
    ) -> Result<Self, PictureFileError> {
        let into = Shared::new(into);
        let begin = || {
            let mut encoder = Encoder::new(into.clone(), u32::from(width_px), u32::from(height_px));
            encoder.set_color(match is_color {
                true => ColorType::Rgb,
                false => ColorType::Grayscale,
            });
            encoder.set_depth(BitDepth::Eight);
            encoder.set_compression(Compression::Balanced);
            // As many as may come, and played again and again.
            encoder.set_animated(u32::MAX, 0)?;
            encoder.add_itxt_chunk("Software".to_owned(), SOFTWARE.to_owned())?;
            for (name, text) in texts {
                encoder.add_itxt_chunk(keyword(name), text.clone())?;
            }
            encoder.write_header()
        };
        let writer = begin().map_err(failed)?;
        Ok(Self {
            into,
            writer,
            is_color,
            pictures: 0,
            row: Vec::new(),
        })
    }

    /// Pictures in it.
    pub fn pictures(&self) -> u32 {
        self.pictures
    }

    /// Writes one picture, which is shown for so long, at most a minute.
    ///
    /// # Errors
    /// It is not of this file's size, or the writer fails.
    pub fn add(&mut self, pixels: &[[u8; 3]], shown: Duration) -> Result<(), PictureFileError> {
        self.row.clear();
        match self.is_color {
            true => self.row.extend_from_slice(pixels.as_flattened()),
            false => self.row.extend(pixels.iter().map(|[grey, ..]| grey)),
        }
        let ms = shown.as_millis().clamp(10, 60_000) as u16;
        self.writer.set_frame_delay(ms, 1_000).map_err(failed)?;
        self.writer.write_image_data(&self.row).map_err(failed)?;
        self.pictures += 1;
        Ok(())
    }

    /// Ends the file, and says in it how many pictures it has.
    ///
    /// # Errors
    /// The writer fails.
    pub fn finish(self) -> Result<W, PictureFileError> {
        self.writer.finish().map_err(failed)?;
        let mut into = self.into.into_inner()?;
        // Its kind, the number of pictures, and that it never ends.
        let mut control = [0; 12];
        control[..4].copy_from_slice(b"acTL");
        control[4..8].copy_from_slice(&self.pictures.to_be_bytes());
        into.seek(SeekFrom::Start(CONTROL_AT))?;
        into.write_all(&control)?;
        into.write_all(&crc32fast::hash(&control).to_be_bytes())?;
        into.seek(SeekFrom::End(0))?;
        into.flush()?;
        Ok(into)
    }
}

fn failed(error: EncodingError) -> PictureFileError {
    match error {
        EncodingError::IoError(error) => PictureFileError::Write(error),
        other => PictureFileError::Encoder {
            format: PictureFormat::Png,
            detail: PlainText::from(other.to_string()),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn pictures_and_their_times_are_read_again() {
        for is_color in [false, true] {
            let texts = [("camera".to_owned(), "Cam µ".to_owned())];
            let mut file =
                Animation::new(Cursor::new(Vec::new()), (3, 2), is_color, &texts).unwrap();
            for level in [10, 20, 30] {
                file.add(&[[level; 3]; 6], Duration::from_millis(u64::from(level)))
                    .unwrap();
            }
            assert!(file.add(&[[0; 3]; 5], Duration::ZERO).is_err());
            assert_eq!(file.pictures(), 3);
            let bytes = file.finish().unwrap().into_inner();
            let mut reader = ::png::Decoder::new(Cursor::new(bytes)).read_info().unwrap();
            let said = reader.info().animation_control.unwrap();
            assert_eq!((said.num_frames, said.num_plays), (3, 0));
            let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
            for level in [10, 20, 30] {
                reader.next_frame(&mut pixels).unwrap();
                let shown = reader.info().frame_control.unwrap();
                assert_eq!(
                    (shown.delay_num, shown.delay_den),
                    (u16::from(level), 1_000)
                );
                assert!(pixels.iter().all(|value| *value == level));
            }
            assert!(reader.next_frame(&mut pixels).is_err());
        }
    }
}
